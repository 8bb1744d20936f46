"""What several views need."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from community import rules, services
from community.exceptions import CommunityError
from community.models import Post
from community.queries import thread_at
from portal.core.formats import format_number
from portal.core.http import form_status
from portal.core.limits import too_many_requests
from portal.core.text import isolate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.forms import Form
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from community.models import Thread
    from portal.accounts.models import User

    View = Callable[..., HttpResponseBase]

#: Larger ids than a database has.
MAX_ID = 2**63 - 1


def person_in(request: HttpRequest) -> User:
    """Return the person who is signed in."""
    person: Any = request.user
    return person  # type: ignore[no-any-return]  # every caller requires a sign-in


def for_members(view: View) -> View:
    """Send visitors to the sign-in page, and back to this address."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded


def thread_or_404(request: HttpRequest, thread_id: int) -> Thread:
    """Return the thread, or the one it was merged into, if the reader may see it."""
    thread = thread_at(request.user, thread_id) if thread_id <= MAX_ID else None
    if thread is None:
        raise Http404
    return thread


def led_to_merged(request: HttpRequest, thread: Thread, back: HttpResponseRedirect) -> HttpResponseRedirect:
    """Lead to the thread that an address stands for since a merge; what was asked of the old one is not done to it."""
    if request.method == "POST":
        messages.error(request, _("The thread was merged into this one meanwhile. Nothing was changed."))
    return back


def post_or_404(request: HttpRequest, post_id: int) -> Post:
    """Return a post that the reader may see, with its thread and author."""
    post = None
    if post_id <= MAX_ID:
        found = Post.objects.visible_to(request.user).filter(pk=post_id)
        post = found.select_related("thread", "author").first()
    if post is None:
        raise Http404
    return post


def to_post(post: Post) -> HttpResponseRedirect:
    """Lead to a post in its thread."""
    return HttpResponseRedirect(post.get_absolute_url())


def one_form(
    request: HttpRequest,
    form_class: type[Form],
    *,
    page: Mapping[str, Any],
    act: Callable[[Mapping[str, Any]], str],
    back: str,
    limit: str = "",
) -> HttpResponse:
    """Show a page that is one form (GET); do what was typed (POST) and lead `back`.

    `page` is what ``community/one_form.html`` shows; `act` takes the values of the valid form and returns what is said
    then, if anything. What the state of things rules out is said instead. `limit` is what it counts as
    (`rules.seconds_to_wait`); nothing for moderators.
    """
    form = form_class(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if limit and (wait_seconds := rules.seconds_to_wait(request, limit)):
            return too_many_requests(request, wait_seconds)
        try:
            said = act(form.cleaned_data)
        except CommunityError as error:
            messages.error(request, str(error))
        else:
            if said:
                messages.success(request, said)
        return HttpResponseRedirect(back)
    return render(request, "community/one_form.html", {"back": back, **page, "form": form}, status=form_status(form))


def say_left_out(request: HttpRequest, words: Sequence[str], too_many: Sequence[str] = ()) -> None:
    """Say which of the words typed as tags a thread has not: those that name none, and those beyond the limit."""
    between = pgettext("between words", ", ")
    if unknown := services.words_without_tag(words):
        messages.warning(
            request,
            ngettext(
                "Only existing tags can be used: %(words)s was left out.",
                "Only existing tags can be used: %(words)s were left out.",
                len(unknown),
            )
            % {"words": between.join(isolate(each) for each in unknown)},
        )
    if too_many:
        messages.warning(
            request,
            ngettext(
                "A thread has at most %(limit)s tags: %(words)s was left out.",
                "A thread has at most %(limit)s tags: %(words)s were left out.",
                len(too_many),
            )
            % {"limit": format_number(len(words)), "words": between.join(isolate(each) for each in too_many)},
        )


def is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
