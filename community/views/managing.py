"""What moderators do with threads and posts, and what active members and helpers may: title, tags, devices.

One page for a thread, with a form for each act; every form works without JavaScript, and says what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from community import rules, services
from community.capturing import address_of_article
from community.duplicates import duplicates_of
from community.exceptions import ChangedMeanwhileError, CommunityError
from community.forms import (
    DescriptionForm,
    DetailsForm,
    DuplicateForm,
    HideForm,
    LockForm,
    MergeForm,
    MoveForm,
    PinForm,
    SeenForm,
    SplitForm,
    TitleForm,
    say_wrong,
)
from community.models import Level, State
from community.views.common import (
    for_members,
    led_to_merged,
    one_form,
    person_in,
    post_or_404,
    say_left_out,
    thread_or_404,
)
from portal.core.http import form_status
from portal.core.limits import too_many_requests
from portal.core.text import isolate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from django.http import HttpRequest

    from community.forms import ManageForm
    from community.models import Thread
    from portal.accounts.models import User


def _retitle(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    changed = services.retitle(thread=thread, title=values["title"], by=person, seen=values["seen"])
    return changed, _("The title is changed.")


def _describe(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    may_create = rules.level_of(person) >= Level.ACTIVE
    tags = services.tags_named(values["tags"], may_create=may_create)
    services.describe(thread=thread, tags=tags, products=values["products"], by=person, seen=values["seen"])
    return thread, _("Tags and devices are changed.")


def _ask_for_details(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    post = services.ask_for_details(thread=thread, by=person, body=values["body"], token=values["token"])
    if not post.is_visible:
        return thread, _("Your reply waits for a moderator.")
    return thread, _("Your reply is posted, and the question says that it needs information.")


def _mark_duplicate(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    services.mark_duplicate(thread=thread, into=values["into"], by=person)
    return thread, _("Thank you. A moderator will look at both threads.")


def _may_propose(person: User, thread: Thread) -> bool:
    """Return whether somebody may mark a duplicate who does not merge themselves."""
    return rules.can_mark_duplicate(person, thread) and not rules.can_manage(person, thread)


def _keep_apart(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    services.keep_apart(thread=thread, into=values["into"], by=person)
    return thread, _("The threads stay apart.")


def _lock(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    if not values["closes"]:
        return services.unlock(thread=thread, by=person), _("The thread is open again.")
    return services.lock(thread=thread, by=person, note=values["note"]), _("The thread is closed.")


def _pin(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    if values["length"] == PinForm.NOT:
        return services.unpin(thread=thread, by=person), _("The thread is no longer pinned.")
    return services.pin_until(thread=thread, by=person, until=values["until"]), _("The thread is pinned.")


def _move(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    return services.move_thread(thread=thread, area=values["area"], by=person), _("The thread is moved.")


def _merge(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    into = services.merge_threads(thread=thread, into=values["into"], by=person)
    return into, _("Everything is in “%(title)s” now; the old address leads there.") % {"title": isolate(into.title)}


def _split(thread: Thread, person: User, values: Mapping[str, Any]) -> tuple[Thread, str]:
    new = services.split_thread(thread=thread, post_ids=values["posts"], title=values["title"], by=person)
    return new, _("The replies have a thread of their own now.")


#: Name of the act in the form → who may, its form, what it does.
_ACTS: Final[
    dict[
        str,
        tuple[
            Callable[[User, Thread], bool],
            type[ManageForm],
            Callable[[Thread, User, Mapping[str, Any]], tuple[Thread, str]],
        ],
    ]
] = {
    "title": (rules.can_retitle, TitleForm, _retitle),
    "description": (rules.can_tag, DescriptionForm, _describe),
    "details": (rules.can_ask_for_details, DetailsForm, _ask_for_details),
    "duplicate": (_may_propose, DuplicateForm, _mark_duplicate),
    "apart": (rules.can_manage, MergeForm, _keep_apart),
    "lock": (rules.can_manage, LockForm, _lock),
    "pin": (rules.can_manage, PinForm, _pin),
    "move": (rules.can_manage, MoveForm, _move),
    "merge": (rules.can_manage, MergeForm, _merge),
    "split": (rules.can_manage, SplitForm, _split),
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def manage(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Show what this person may change about a thread (GET), and change one thing (POST, named by ``act``)."""
    thread = thread_or_404(request, thread_id)
    person = person_in(request)
    if thread.pk != thread_id:
        return led_to_merged(request, thread, redirect("community:manage", thread.pk))
    allowed = [name for name, (may, _form, _do) in _ACTS.items() if may(person, thread)]
    act = request.POST.get("act", "") if request.method == "POST" else ""
    if not allowed or (request.method == "POST" and act not in allowed):
        raise PermissionDenied
    if act and (wait_seconds := rules.seconds_to_wait(request, "post" if act == "details" else "act")):
        return too_many_requests(request, wait_seconds)
    made: dict[str, Any] = {}
    for name in allowed:
        form_class = _ACTS[name][1]
        made[name] = form_class(
            request.POST if name == act else None, user=person, thread=thread, prefix=name, auto_id="%s-field"
        )
        if name != act or not made[name].is_valid():
            continue
        if name == "merge" and request.POST.get("confirm") != str(made[name].cleaned_data["into"].pk):
            return _ask_to_merge(request, thread, made[name].cleaned_data["into"])
        outcome = _outcome(request, name, made[name])
        if isinstance(outcome, HttpResponse):
            return outcome
        made[name] = outcome
    status = form_status(made[act]) if act else 200
    context = {
        "thread": thread,
        "manage": made,
        "name": _name_of(allowed),
        "article_address": address_of_article(person, thread),
        "duplicates": duplicates_of(thread, person) if "merge" in made else [],
    }
    return render(request, "community/manage.html", context, status=status)


def _name_of(allowed: Collection[str]) -> str:
    """Return what the page is called for somebody who may do this; see ``_manage_name.html`` for the link to it."""
    if "lock" in allowed:
        return _("Manage the thread")
    if "duplicate" in allowed or "details" in allowed:
        return _("Put the thread in order")
    return _("Title, tags and devices") if "title" in allowed else _("Tags and devices")


def _outcome(request: HttpRequest, name: str, form: ManageForm) -> HttpResponse | ManageForm:
    """Do what a valid form asks for, and lead to the thread; or return the form, which says why not."""
    do = _ACTS[name][2]
    try:
        result, said = do(form.thread, person_in(request), form.cleaned_data)
    except CommunityError as error:
        if isinstance(error, ChangedMeanwhileError) and isinstance(form, SeenForm):
            form = form.show_now(request.POST)
        say_wrong(form, error)
        return form
    messages.success(request, said)
    if name == "description":
        say_left_out(request, form.cleaned_data["tags"])
    return redirect(result)


def _ask_to_merge(request: HttpRequest, thread: Thread, into: Thread) -> HttpResponse:
    """Show which thread the number or address means: nobody can take a merge back."""
    return render(request, "community/merge.html", {"thread": thread, "into": into, "replies": into.reply_count})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def hide(request: HttpRequest, post_id: int) -> HttpResponse:
    """Ask a moderator for the reason why a post shall be hidden (GET), and hide it (POST)."""
    post = post_or_404(request, post_id)
    person = person_in(request)
    if not rules.can_hide_post(person, post):
        raise PermissionDenied

    def take_away(typed: Mapping[str, Any]) -> str:
        now = services.hide_post(post=post, by=person, reason=typed["reason"], note=typed["note"])
        return _("The post is hidden, and its author learns why.") if now.state == State.HIDDEN else ""

    without_it = _(
        "The whole thread disappears with it. Its author learns why, and may edit it or ask for another look."
    )
    page = {
        "title": _("Hide a post"),
        "lead": without_it if post.is_first else _("Its author learns why, and may edit it or ask for another look."),
        "button": pgettext("verb", "Hide"),
        "is_danger": True,
        "thread": post.thread,
    }
    return one_form(request, HideForm, page=page, act=take_away, back=post.get_absolute_url())
