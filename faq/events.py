"""Domain events of the help pages."""

from __future__ import annotations

import datetime as dt
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


@dataclass(frozen=True, kw_only=True)
class ArticleChanged(DomainEvent):
    """A new revision of an article that did not help some member was published."""

    name: ClassVar[str] = "faq.article_changed"
    article_id: int
    revision_id: int
    at: dt.datetime
    #: Who published it; None for a schedule.
    by_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class CapturedArticlePublished(DomainEvent):
    """An article that was made of what people wrote elsewhere was published, for the first time or again."""

    name: ClassVar[str] = "faq.captured_article_published"
    article_id: int
    #: The same in all languages of the article.
    family: str
    #: See `portal.core.article_sources`.
    source: str
    part_ids: list[int]
    at: dt.datetime
    #: Who published it; None for a schedule.
    by_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImportWanted(DomainEvent):
    """Somebody wants an import of articles to be checked, run or undone."""

    name: ClassVar[str] = "faq.import_wanted"
    import_id: int
