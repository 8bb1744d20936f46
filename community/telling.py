"""Who is told of what happens in the community; `community.notifications` has the words.

The handlers are subscribed in `portal/wiring.py`. The worker calls them, so that a request costs the same whether
nobody follows a thread or thousands do; `portal.notifications` then tells followers in portions.

Of several routes to one person, the highest rank counts: every route names the fact by the same key.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from community.models import Post
from community.notifications import Followed, Reply, thread_target
from portal.notifications.queries import is_following
from portal.notifications.services import notify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from community.events import ReplyPosted

_quiet: ContextVar[bool] = ContextVar("community_quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Tell nobody of what happens inside: for what is brought in from elsewhere, long after it was written."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_telling() -> bool:
    """Return whether anybody is told of what happens now."""
    return not _quiet.get()


def _published(post_id: int) -> tuple[int, dt.datetime] | None:
    """Return the thread of a post and when others could first see it; None if they never could."""
    post = Post.objects.filter(pk=post_id).only("thread_id", "published_at").first()
    return (post.thread_id, post.published_at) if post is not None and post.published_at is not None else None


def tell_of_reply(event: ReplyPosted) -> None:
    """Tell whom a reply answers, and who follows the thread."""
    place = _published(event.post_id)
    if place is None:
        return
    thread_id, occurred_at = place
    target = thread_target(thread_id)
    fact: dict[str, Any] = {
        "key": f"community.post:{event.post_id}",
        "subject": target,
        "occurred_at": occurred_at,
        "actor_id": event.author_id,
        "payload": {"post_id": event.post_id},
    }
    notify(kind=Reply.name, recipients=_answered(event, target), **fact)
    notify(kind=Followed.name, targets=[target], **fact)


def _answered(event: ReplyPosted, target: str) -> list[int]:
    """Return whom a reply answers: the author of the post, else of the thread, if they want to hear of it at all."""
    if event.reply_to_author_id is not None:
        return [event.reply_to_author_id]
    if event.starter_id is not None and is_following(event.starter_id, target):
        return [event.starter_id]
    return []
