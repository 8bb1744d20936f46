"""Domain events of the help pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class FeedbackGiven(DomainEvent):
    """A reader said whether an article solved their question, or changed that answer."""

    name: ClassVar[str] = "faq.feedback_given"
    feedback_id: int
    article_id: int
    solved: bool
    reason: str = ""
    user_id: int | None = None
