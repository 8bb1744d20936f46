"""Articles that editors make of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from community.events import AnswerBecameArticle
from community.models import CapturedAnswer, Post
from portal.core.events import emit
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection


@transaction.atomic
def note_article(
    *, post_ids: Collection[int], kind: str, family: str, at: dt.datetime, published_by_id: int | None
) -> list[CapturedAnswer]:
    """Note that an article made of these answers was published; returns those it had not been published with before.

    Pages of their threads show it from then on. Safe to repeat: authors hear of it once.
    """
    new: list[CapturedAnswer] = []
    places = Post.objects.filter(pk__in=post_ids).order_by("pk").values_list("pk", "thread_id", "author_id")
    for post_id, thread_id, author_id in places:
        captured, is_new = CapturedAnswer.objects.get_or_create(
            post_id=post_id, family=UUID(family), defaults={"kind": kind, "captured_at": at}
        )
        content_changed(f"thread:{thread_id}")
        if not is_new:
            continue
        new.append(captured)
        emit(
            AnswerBecameArticle(
                captured_id=captured.pk,
                thread_id=thread_id,
                post_id=post_id,
                author_id=author_id,
                family=family,
                published_by_id=published_by_id,
                at=at,
            )
        )
    return new
