"""What readers with an account said about articles, for “My data”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faq.models import Feedback
from portal.accounts import own_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.accounts.models import User


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register("guides", export_of=_export, erase=_erase)


def _export(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    answers = Feedback.objects.filter(user=person).order_by("pk")
    fields = ("article__title", "solved", "reason", "comment", "came_from_search", "came_from_page", "created_at")
    for article, *rest in answers.values_list(*fields).iterator(500):
        yield "answer", {"article": article, **dict(zip(fields[1:], rest, strict=True))}


def _erase(person: User) -> None:
    Feedback.objects.filter(user=person).delete()
