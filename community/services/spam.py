"""Having spam checks look at what members publish: in the worker, and what they find goes to moderators."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from community import rendering, screening
from community.events import SpamCheckWanted
from community.models import CommunityProfile, Level, Post, ReviewItem, State, ThreadState
from community.services import states
from community.services.counting import lock_post
from portal.core.audience import PUBLIC
from portal.core.events import emit
from portal.core.privacy import redact

if TYPE_CHECKING:
    import datetime as dt

    from community.screening import Checked, SpamCheck, Verdict

logger = logging.getLogger(__name__)

#: How long a check may take altogether. Its thread is then left alone, and asked again later.
CHECK_SECONDS: Final = 10.0
_WAITS: Final = frozenset({State.VISIBLE.value, State.HELD.value})


class CheckFailedError(RuntimeError):
    """Raised when a check did not answer in time, or failed: the outbox asks again later."""


def want_check(post: Post, at: dt.datetime) -> None:
    """Have the checks look at a text that was written or changed at this time, if there are any; in a transaction."""
    if screening.has_checks():
        emit(SpamCheckWanted(post_id=post.pk, version=post.version, at=at))


def check_for_spam(event: SpamCheckWanted) -> None:
    """Ask all checks about a text, and put what they find into the queue. Changes nothing else; safe to repeat.

    Raises `CheckFailedError` after all were asked, if one could not tell.
    """
    post = Post.objects.filter(pk=event.post_id, version=event.version).select_related("thread", "author").first()
    if post is None or not _is_checked(post):
        return
    about = _checked(post)
    found: list[tuple[str, int]] = []
    failed = []
    for name, check in screening.checks():
        try:
            verdict = _ask(check, about)
        except Exception as error:  # noqa: BLE001 - one check must not keep others from being asked
            logger.warning("The spam check %s could not tell: %s", name, type(error).__name__)
            failed.append(name)
        else:
            if verdict is not None and verdict.score > 0:
                found.append((f"spam-check:{verdict.reason or name}"[:80], min(verdict.score, screening.MOST_SCORE)))
    if found:
        _report(post, found, event.at)
    if failed:
        raise CheckFailedError(", ".join(failed))


def _is_checked(post: Post) -> bool:
    """Return whether a text may leave the portal, and is by somebody who is not trusted yet."""
    if post.state not in _WAITS or post.thread.state not in _WAITS or post.thread.audience != PUBLIC:
        return False
    if post.author is None or post.author.is_staff:
        return False
    profile = CommunityProfile.objects.filter(pk=post.author_id).first()
    return profile is None or profile.level <= Level.MEMBER


def _checked(post: Post) -> Checked:
    parsed = rendering.parse(post.body)
    return screening.Checked(
        title=redact(post.thread.title) if post.is_first else "",
        text=redact(post.body),
        language=post.language,
        url=f"{settings.BASE_URL}/{post.language}/community/t/{post.thread_id}/",
        link_count=len(parsed.links),
        is_reply=not post.is_first,
        written_at=post.created_at,
    )


def _ask(check: SpamCheck, about: Checked) -> Verdict | None:
    """Return what a check says. Raises `TimeoutError` when it takes too long, and whatever it raises."""
    answer: list[Verdict | None] = []
    problem: list[Exception] = []

    def ask() -> None:
        try:
            answer.append(check(about))
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            problem.append(error)

    thread = threading.Thread(target=ask, name="spam-check", daemon=True)
    thread.start()
    thread.join(CHECK_SECONDS)
    if problem:
        raise problem[0]
    if not answer:
        raise TimeoutError
    return answer[0]


@transaction.atomic
def _report(post: Post, found: list[tuple[str, int]], at: dt.datetime) -> None:
    """Put what was found into the queue, unless the text was changed, taken away or decided about since it was written."""
    thread, post_now = lock_post(post)
    if post_now.version != post.version or post_now.state not in _WAITS or thread.state == ThreadState.MERGED:
        return
    if ReviewItem.objects.filter(post=post_now, decided_at__gte=at).exclude(decision="").exists():
        return
    states.enqueue(post_now, found)
