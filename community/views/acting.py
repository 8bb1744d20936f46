"""What people do with threads and posts besides writing. Every act is a form that works without JavaScript.

An act asked for by GET leads to what it is about: that is where somebody arrives who had to sign in first.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from community import rules, services
from community.exceptions import CommunityError
from community.forms import AppealForm, FlagForm, IdeaStatusForm, PollVoteForm, ReminderForm
from community.models import Area, Poll, State
from community.queries import own_deleted_post
from community.showing import PostFacts, Reader, target_of
from community.views.bookmarks import to_bookmarks
from community.views.common import (
    MAX_ID,
    for_members,
    is_htmx,
    led_to_merged,
    one_form,
    person_in,
    post_or_404,
    thread_or_404,
    to_post,
)
from community.views.loops import after_accepting
from portal.core.formats import moment_text
from portal.core.limits import too_many_requests
from portal.core.text import row_number
from portal.notifications import services as following

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from community.models import Post, Thread

#: What an act's form says to take it back.
OFF: Final = "0"


def _post_to_restore(request: HttpRequest, post_id: int) -> Post:
    """Return a post that the person sees, or deleted."""
    own = own_deleted_post(request.user, post_id) if post_id <= MAX_ID else None
    return own or post_or_404(request, post_id)


def _on_post(
    act: Callable[[HttpRequest, Post], HttpResponse],
    *,
    limit: str = "act",
    find: Callable[[HttpRequest, int], Post] = post_or_404,
) -> Callable[..., HttpResponseBase]:
    """Make a view of an act with a post: it is visible to the person, and asked for by POST, not too often."""

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @for_members
    @wraps(act)
    def view(request: HttpRequest, post_id: int) -> HttpResponse:
        post = find(request, post_id)
        if request.method != "POST":
            return to_post(post)
        if wait_seconds := rules.seconds_to_wait(request, limit):
            return too_many_requests(request, wait_seconds)
        return _done(request, lambda: act(request, post), to_post(post))

    return view


def _on_thread(
    act: Callable[[HttpRequest, Thread], HttpResponse], *, limit: str = "act"
) -> Callable[..., HttpResponseBase]:
    """Make a view of an act with a thread; see `_on_post`."""

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @for_members
    @wraps(act)
    def view(request: HttpRequest, thread_id: int) -> HttpResponse:
        thread = thread_or_404(request, thread_id)
        if thread.pk != thread_id:
            return led_to_merged(request, thread, redirect(thread))
        if request.method != "POST":
            return redirect(thread)
        if wait_seconds := rules.seconds_to_wait(request, limit):
            return too_many_requests(request, wait_seconds)
        return _done(request, lambda: act(request, thread), redirect(thread))

    return view


def _done(request: HttpRequest, act: Callable[[], HttpResponse], back: HttpResponse) -> HttpResponse:
    """Return the answer of an act; what the state of things rules out is said on the page it is about."""
    try:
        return act()
    except CommunityError as error:
        messages.error(request, str(error))
        if is_htmx(request):  # a part of the page cannot show it
            return HttpResponse(headers={"HX-Redirect": back.headers["Location"]})
        return back


def _demand(allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied


def _is_on(request: HttpRequest) -> bool:
    return request.POST.get("on") != OFF


# Posts ---------------------------------------------------------------------------------------------------------------


@partial(_on_post, limit="vote")
def helpful(request: HttpRequest, post: Post) -> HttpResponse:
    """Vote for a post as helpful, or take it back."""
    person = person_in(request)
    if _is_on(request):
        _demand(rules.can_vote(person, post))
        services.vote_helpful(post=post, user=person)
    else:
        _demand(rules.can_take_part(person))
        services.withdraw_helpful(post=post, user=person)
    if is_htmx(request):
        return _part(request, "community/_helpful.html", post)
    return to_post(post)


@_on_post
def bookmark(request: HttpRequest, post: Post) -> HttpResponse:
    """Remember a post, or forget it."""
    person = person_in(request)
    _demand(rules.can_take_part(person))
    if _is_on(request):
        services.bookmark(user=person, post=post)
    else:
        services.remove_bookmark(user=person, post=post)
    if is_htmx(request):
        return _part(request, "community/_bookmark.html", post)
    if "before" in request.POST:  # asked for on the page of bookmarks
        messages.success(request, _("The bookmark is removed."))
        return to_bookmarks(request)
    return to_post(post)


@_on_post
def remind(request: HttpRequest, post: Post) -> HttpResponse:
    """Choose when to be reminded of a post, which is remembered, too; an empty choice ends that."""
    person = person_in(request)
    _demand(rules.can_take_part(person))
    form = ReminderForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose when we shall remind you."))
    elif at := form.moment():
        services.bookmark(user=person, post=post, remind_at=at)
        messages.success(request, _("We will remind you: %(time)s.") % {"time": moment_text(at)})
    else:
        services.forget_reminder(user=person, post=post)
        messages.success(request, _("We will not remind you of it."))
    return to_bookmarks(request)


def _part(request: HttpRequest, template: str, post: Post) -> HttpResponse:
    """Return a button as it is now."""
    post.refresh_from_db(fields=["helpful_count"])
    reader = Reader(request.user, post.thread, first=post.number, last=post.number)
    return render(request, template, {"acts": reader.acts(PostFacts.of(post))})


@_on_post
def accept(request: HttpRequest, post: Post) -> HttpResponse:
    """Accept an answer, or take that back."""
    person = person_in(request)
    _demand(rules.can_accept(person, post.thread, post))
    if _is_on(request):
        services.accept_solution(post=post, by=person)
        messages.success(request, _("Thank you. The answer is marked as the solution."))
        return after_accepting(person, post)
    services.revoke_solution(post=post, by=person)
    messages.success(request, _("The answer is no longer marked as the solution."))
    return to_post(post)


@partial(_on_post, find=_post_to_restore)
def restore(request: HttpRequest, post: Post) -> HttpResponse:
    """Make a post visible again; its author takes back that it was deleted."""
    _demand(rules.can_restore_post(person_in(request), post))
    version = row_number(request.POST.get("version"))
    restored = services.restore_post(post=post, by=person_in(request), version=version)
    return to_post(restored)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def flag(request: HttpRequest, post_id: int) -> HttpResponse:
    """Ask what is wrong with a post (GET), and tell the moderators (POST)."""
    post = post_or_404(request, post_id)
    person = person_in(request)
    _demand(rules.can_flag(person, post))

    def report(typed: Mapping[str, Any]) -> str:
        services.flag_post(post=post, user=person, reason=typed["reason"], note=typed["note"])
        return _("Thank you. A moderator will look at it, and you will learn what came of it.")

    page = {
        "title": _("Report a post"),
        "lead": _("A moderator will look at it. Others do not learn who reported it."),
        "button": pgettext("verb", "Report"),
        "thread": post.thread,
    }
    return one_form(request, FlagForm, page=page, act=report, back=post.get_absolute_url(), limit="flag")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def delete(request: HttpRequest, post_id: int) -> HttpResponse:
    """Ask whether a post shall go (GET), and delete it (POST)."""
    post = post_or_404(request, post_id)
    person = person_in(request)
    _demand(post.state != State.DELETED and rules.can_delete_post(person, post))
    if request.method != "POST":
        return render(request, "community/delete.html", {"post": post, "thread": post.thread})
    if wait_seconds := rules.seconds_to_wait(request, "act"):
        return too_many_requests(request, wait_seconds)
    try:
        services.delete_post(post=post, by=person)
    except CommunityError as error:
        messages.error(request, str(error))
        return to_post(post)
    messages.success(request, _("It is deleted."))
    return HttpResponseRedirect(reverse("community:index") if post.is_first else post.thread.get_absolute_url())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def appeal(request: HttpRequest, post_id: int) -> HttpResponse:
    """Let the author of a hidden post ask for another look."""
    post = post_or_404(request, post_id)
    person = person_in(request)
    _demand(rules.can_appeal(person, post))

    def ask(typed: Mapping[str, Any]) -> str:
        services.appeal(post=post, author=person, text=typed["text"])
        return _("Thank you. A moderator will look at it again.")

    page = {
        "title": _("Ask for another look"),
        "lead": _("A moderator reads what you write here and looks at your post again."),
        "button": pgettext("verb", "Send"),
        "thread": post.thread,
        "quoted": post,
    }
    return one_form(request, AppealForm, page=page, act=ask, back=post.get_absolute_url(), limit="appeal")


# Threads -------------------------------------------------------------------------------------------------------------


@partial(_on_thread, limit="vote")
def me_too(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Say that one has the same question, or take it back; whoever has it follows the thread."""
    person = person_in(request)
    if _is_on(request):
        _demand(rules.can_say_me_too(person, thread))
        services.say_me_too(thread=thread, user=person)
        following.follow(person_id=person.pk, target=target_of(thread))
    else:
        _demand(rules.can_take_part(person))
        services.withdraw_me_too(thread=thread, user=person)
    return redirect(thread)


@_on_thread
def follow(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Follow a thread, or stop."""
    person = person_in(request)
    _demand(rules.can_take_part(person))
    if _is_on(request):
        following.follow(person_id=person.pk, target=target_of(thread))
    else:
        following.unfollow(person_id=person.pk, target=target_of(thread))
    return redirect(thread)


@partial(_on_thread, limit="vote")
def vote_idea(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Vote for an idea, or take it back."""
    person = person_in(request)
    _demand(rules.can_vote_idea(person, thread))
    if _is_on(request):
        services.vote_idea(thread=thread, user=person)
    else:
        services.withdraw_idea_vote(thread=thread, user=person)
    return redirect(thread)


@_on_thread
def idea_status(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Say what becomes of an idea; its voters are told."""
    person = person_in(request)
    _demand(rules.can_set_idea_status(person, thread))
    form = IdeaStatusForm(request.POST)
    if form.is_valid():
        services.set_idea_status(
            thread=thread, status=form.cleaned_data["status"], note=form.cleaned_data["note"], by=person
        )
        messages.success(request, _("The status of the idea is changed."))
    else:
        messages.error(request, _("Choose a status."))
    return redirect(thread)


@_on_thread
def vote_in_poll(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Vote in the poll of a thread, or change one's vote."""
    person = person_in(request)
    poll = Poll.objects.filter(thread=thread).first()
    if poll is None:
        raise Http404
    _demand(rules.can_take_part(person))
    form = PollVoteForm(request.POST, option_ids=list(poll.options.values_list("pk", flat=True)))
    chosen: list[Any] = form.cleaned_data["option"] if form.is_valid() else []
    services.vote_in_poll(poll=poll, user=person, option_ids=chosen)
    return redirect(thread)


@for_members
@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark everything as read, or an area."""
    if wait_seconds := rules.seconds_to_wait(request, "act"):
        return too_many_requests(request, wait_seconds)
    person = person_in(request)
    slug = request.POST.get("area", "").replace("\0", "")
    if not slug:
        services.mark_all_read(user=person)
        return redirect("community:index")
    here = Area.objects.visible_to(person).filter(slug=slug).first()
    if here is None:
        raise Http404
    services.mark_area_read(user=person, area=here)
    return redirect(here)
