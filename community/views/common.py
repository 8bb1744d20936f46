"""What several views need."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _

from community.models import Post
from community.queries import thread_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
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


def is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
