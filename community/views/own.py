"""What somebody wrote, also what others do not see any more or not yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community import rules
from community.models import State, ThreadState
from community.queries import own_posts
from community.views.common import for_members, person_in
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise

    from community.models import Post
    from portal.accounts.models import User

_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class OwnPost:
    """A post in the list of who wrote it."""

    post: Post
    #: Where it is, or was; empty if nothing is shown there.
    url: str
    #: Why others do not see it; empty if they do.
    state: str | _StrPromise
    may_restore: bool


@never_cache
@for_members
@require_safe
def posts(request: HttpRequest) -> HttpResponse:
    """Show what the person wrote, newest first, with what became of it; ``?before=`` continues. Two queries."""
    person = person_in(request)
    found = own_posts(person)
    last = found.filter(pk=row_number(request.GET.get("before")) or 0).first()
    if last is not None:
        found = found.filter(
            Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk),
            created_at__lte=last.created_at,
        )
    some = list(found[: _ROWS + 1])
    context = {
        "posts": [_shown(person, post) for post in some[:_ROWS]],
        "before": some[_ROWS - 1].pk if len(some) > _ROWS else None,
    }
    return render(request, "community/own_posts.html", context)


def _shown(person: User, post: Post) -> OwnPost:
    state = State(post.state)
    if state is State.VISIBLE and post.thread.state != ThreadState.VISIBLE:
        label: str | _StrPromise = ThreadState(post.thread.state).label
    else:
        label = "" if state is State.VISIBLE else state.label
    is_there = post.thread.state not in {ThreadState.DELETED, ThreadState.MERGED}
    is_own_deletion = state is State.DELETED and post.state_reason == "author"
    return OwnPost(
        post=post,
        url=post.get_absolute_url() if is_there else "",
        state=label,
        may_restore=is_own_deletion and rules.can_restore_post(person, post),
    )
