"""What is read of troubleshooters; readers' lists go through `visible_to(user)`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.core import machine_reading
from portal.core.audience import Audience, audiences_for
from portal.core.guides import Guide
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.pages import audiences_of_families, families_visible_to, page_url
from portal.troubleshooters.faults import Problem, problems_of
from portal.troubleshooters.graph import Kind, longest_ways
from portal.troubleshooters.models import Arrival, Outcome, Troubleshooter, Version

if TYPE_CHECKING:
    from portal.troubleshooters.graph import Graph, Step
    from portal.troubleshooters.models import AnyUser
    from portal.troubleshooters.walking import Path

#: How long a version that was replaced is still walked by those who began it.
GRACE: Final = dt.timedelta(days=1)
#: Days that the report is about; rows of visitors are kept as long.
KEPT_DAYS: Final = 90
#: The scopes of what is shown of troubleshooters.
SCOPE: Final = "troubleshooters"


# For readers ---------------------------------------------------------------------------------------------------------


def found(user: AnyUser, slug: str) -> Troubleshooter | None:
    """Return a troubleshooter the person may see, with its version."""
    return Troubleshooter.objects.visible_to(user).filter(slug=slug).select_related("live", "topic").first()


def version_of(troubleshooter: Troubleshooter, path: Path | None) -> Version:
    """Return the version a path is walked in: the one it began in, as long as that may be; else the newest."""
    live = troubleshooter.live
    assert live is not None  # noqa: S101 - `visible_to` found it
    if path is None or path.version == live.number:
        return live
    since = timezone.now() - GRACE
    kept = Version.objects.filter(troubleshooter=troubleshooter, number=path.version, replaced_at__gte=since)
    return kept.first() or live


#: By language and audiences: all of them with the ids of their topics. Every page asks, for its navigation.
_lists: Final[Memo[list[tuple[int | None, Guide]]]] = Memo(max_size=64, seconds=LONG_SECONDS, scopes=(SCOPE,))


def _all_listed(user: AnyUser, language: str) -> list[tuple[int | None, Guide]]:
    def read() -> list[tuple[int | None, Guide]]:
        rows = Troubleshooter.objects.visible_to(user).in_order().select_related("live")
        with override(language):
            return [(row.topic_id, line_of(row, language)) for row in rows if language in row.shown_languages]

    return _lists.get((language, tuple(audiences_for(user))), read)


def listed(user: AnyUser, language: str) -> list[Guide]:
    """Return what the person may see in a language, in the editors' order. One query at the most."""
    return [guide for _topic, guide in _all_listed(user, language)]


def for_programs(language: str, limit: int) -> machine_reading.Section:
    """Return what everybody may see in a language, for programs. One query at the most."""
    lines = [machine_reading.Line(guide.title, guide.url, guide.intro) for guide in listed(None, language)[:limit]]
    return machine_reading.Section(_("Troubleshooters"), lines)


def of_topic(user: AnyUser, language: str, topic_id: int | None) -> list[Guide]:
    """Return what the person may see of a topic. One query at the most."""
    return [guide for topic, guide in _all_listed(user, language) if topic == topic_id]


def line_of(troubleshooter: Troubleshooter, language: str) -> Guide:
    """Return a troubleshooter as a list shows it."""
    return Guide(
        title=troubleshooter.title.in_language(language),
        intro=troubleshooter.intro.in_language(language),
        url=troubleshooter.get_absolute_url(),
        icon=troubleshooter.icon,
        questions=most_questions(troubleshooter.live.steps) if troubleshooter.live is not None else 0,
    )


def most_questions(graph: Graph) -> int:
    """Return how many questions the longest way asks."""
    return longest_ways(graph).get(graph.start or 0, 0)


@dataclass(frozen=True, slots=True)
class ArticleLink:
    """The article of a step, as its reader may see it."""

    title: str
    url: str
    language: str


def article_of(step: Step, user: AnyUser, language: str) -> ArticleLink | None:
    """Return the article of a step in a language, else in another one; None if the reader may not see it. One query."""
    if step.kind is not Kind.ARTICLE or not step.article:
        return None
    pages = families_visible_to(user, [UUID(step.article)])
    page = next((page for page in pages if page.locale.language_code == language), pages[0] if pages else None)
    return ArticleLink(page.title, page_url(page), page.locale.language_code) if page is not None else None


def own_outcome(version: Version, *, user: AnyUser, visitor: str) -> Outcome | None:
    """Return what the reader answered about a version. One query; none for a visitor without a key."""
    if user is not None and user.is_authenticated:
        return Outcome.objects.filter(version=version, user_id=user.pk).first()
    return Outcome.objects.filter(version=version, visitor=visitor).first() if visitor else None


# For editors ---------------------------------------------------------------------------------------------------------


def readable_articles(graph: Graph, audience: str) -> dict[str, set[str]]:
    """Return for each article in which languages everybody may see it who is in the audience. One query at the most."""
    keys = {UUID(step.article) for step in graph if step.kind is Kind.ARTICLE and step.article}
    readable: dict[str, set[str]] = {str(key): set() for key in keys}
    readers = Audience.parse(audience)
    for key, language, shown_to in audiences_of_families(keys) if keys else ():
        if Audience.parse(shown_to).covers(readers):
            readable[str(key)].add(language)
    return readable


def problems_in(troubleshooter: Troubleshooter) -> list[Problem]:
    """Return what keeps the draft from being published."""
    graph = troubleshooter.graph
    readable = readable_articles(graph, troubleshooter.audience)
    return problems_of(graph, languages=troubleshooter.languages, readable=readable)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What became of those who came to a step, within `KEPT_DAYS`."""

    seen: int = 0
    went_on: int = 0
    solved: int = 0
    unsolved: int = 0

    @property
    def left(self) -> int:
        return self.seen - self.went_on

    @property
    def left_percent(self) -> int:
        return round(100 * self.left / self.seen) if self.seen else 0


def figures_of(troubleshooter: Troubleshooter) -> dict[int, StepFigures]:
    """Return the figures of each step that anybody came to. Two queries."""
    since = timezone.localdate() - dt.timedelta(days=KEPT_DAYS)
    came = Arrival.objects.filter(troubleshooter=troubleshooter, day__gte=since)
    arrivals = {
        row["step"]: (row["seen"], row["on"])
        for row in came.values("step").annotate(seen=Count("pk"), on=Count("pk", filter=Q(went_on=True)))
    }
    told = Outcome.objects.filter(version__troubleshooter=troubleshooter, given_at__date__gte=since)
    outcomes = {
        row["step"]: (row["yes"], row["all"] - row["yes"])
        for row in told.values("step").annotate(all=Count("pk"), yes=Count("pk", filter=Q(is_solved=True)))
    }
    return {
        step: StepFigures(*arrivals.get(step, (0, 0)), *outcomes.get(step, (0, 0)))
        for step in arrivals.keys() | outcomes.keys()
    }
