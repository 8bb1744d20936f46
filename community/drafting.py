"""Where somebody may keep a draft: where they may write what it is a draft of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community import rules
from community.models import Draft, Post
from community.queries import thread_at
from portal.accounts.models import User
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final


def may_keep_draft(user: User, place: str) -> bool:
    """Return whether `place` is one of `community.services.save_draft` at which `user` may write, or has a draft already.

    What somebody began to write while they might is kept, also after a thread is closed or the other blocked them.
    """
    kind, colon, key = place.partition(":")
    number = row_number(key)
    if place == NEW:
        may = rules.can_write(user)
    elif number is None or f"{kind}{colon}{number}" != place or kind not in _ALLOWED:  # one spelling: one draft
        return False
    else:
        may = _ALLOWED[kind](user, number)
    return may or Draft.objects.filter(user=user, place=place).exists()


def _may_reply(user: User, thread_id: int) -> bool:
    thread = thread_at(user, thread_id)
    return thread is not None and thread.pk == thread_id and rules.can_reply(user, thread)


def _may_edit(user: User, post_id: int) -> bool:
    post = Post.objects.visible_to(user).select_related("thread").filter(pk=post_id).first()
    return post is not None and rules.can_edit_post(user, post)


def _may_write_to(user: User, person_id: int) -> bool:
    other = User.objects.filter(pk=person_id, is_active=True).exclude(pk=user.pk).first()
    return other is not None and not rules.why_no_message(user, other)


NEW: Final = "new"
_ALLOWED: Final[dict[str, Callable[[User, int], bool]]] = {
    "thread": _may_reply,
    "post": _may_edit,
    "to": _may_write_to,
}
