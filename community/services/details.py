"""Questions that cannot be answered as they are: a helper asks for what is missing, and the asker adds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from community.exceptions import NotAllowedError
from community.models import Post, Thread
from community.services.counting import lock_thread, show_changed, store
from community.services.writing import post_reply

if TYPE_CHECKING:
    from portal.accounts.models import User


@transaction.atomic
def ask_for_details(*, thread: Thread, by: User, body: str, token: str) -> Post:
    """Reply with what is missing, and say in lists that the question needs it; until its asker writes again.

    The asker learns of it as of any reply. Of a reply that is held, nothing is said. Raises `CommunityError`.
    """
    now = lock_thread(thread.pk)
    if not now.is_question or now.is_solved or now.is_locked or now.author_id == by.pk:
        raise NotAllowedError
    post = post_reply(author=by, thread=now, body=body, token=token)
    now.refresh_from_db()
    # Sent once more, it is the reply of then; whoever asked may have added it meanwhile.
    is_last = post.number == now.highest_number
    if is_last and post.is_visible and now.status == Thread.Status.OPEN:
        now.status = Thread.Status.NEEDS_INFO
        store(now, "status")
        show_changed(now)
    return post
