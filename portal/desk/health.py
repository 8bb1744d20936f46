"""The figures of the community in words: what each means, what it is now and was before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from community.figures import ENOUGH, Share
from portal.core.formats import format_number, format_percent

if TYPE_CHECKING:
    from community.figures import Figures


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One figure."""

    label: str
    meaning: str
    now: str
    before: str
    #: Where it comes from: “9 of 12”; empty for counts.
    part: str = ""
    #: ``better``, ``worse``, or empty: nothing that can be told, or that is neither.
    trend: str = ""


def rows_of(figures: Figures) -> list[HealthRow]:
    """Return the figures in the order of how soon somebody can do something about them."""
    now, before = figures.now, figures.before
    return [
        _count(
            _("Questions"), _("Asked in the last 30 days, and in the 30 days before."), now.questions, before.questions
        ),
        _share(
            _("Answered within 24 hours"),
            _("Questions with a reply by somebody else within a day. Asked at least a day ago."),
            now.answered_in_a_day,
            before.answered_in_a_day,
        ),
        _time(
            _("Time to first reply"),
            _("Half of all questions had a reply by then; those without one count, too."),
            now.median_first_reply,
            before.median_first_reply,
            questions=(now.answered_in_a_day.whole, before.answered_in_a_day.whole),
        ),
        _share(
            _("Solved within 7 days"),
            _("Questions with an accepted answer within a week. Asked at least a week ago."),
            now.solved,
            before.solved,
        ),
        _share(
            _("Nobody answered"),
            _("Questions without a single reply by somebody else after a week. Fewer is better."),
            now.never_answered,
            before.never_answered,
            is_better_lower=True,
        ),
        _count(
            _("Wrote for the first time"),
            _("People whose first post it was."),
            now.new_people,
            before.new_people,
        ),
        _share(
            _("Came back to write"),
            _("Of those who wrote for the first time, who wrote again on another day within two weeks."),
            now.came_back,
            before.came_back,
        ),
        _count(
            _("People who helped"),
            _("Different people who replied to questions of others."),
            now.helpers,
            before.helpers,
        ),
        _share(
            _("Helped after asking"),
            _(
                "People who asked, and within 90 days helped somebody: a reply found helpful or accepted. Asked at least 90 days ago."
            ),
            now.paid_forward,
            before.paid_forward,
        ),
        _share(
            _("Reports agreed with"),
            _(
                "Of what members reported and moderators judged, what was agreed with. Fewer may mean that the rules are not clear."
            ),
            now.flags_agreed,
            before.flags_agreed,
            is_judged=False,
        ),
    ]


def _count(label: str, meaning: str, now: int, before: int) -> HealthRow:
    """A count is neither good nor bad: it grows with the number of customers."""
    return HealthRow(label, meaning, format_number(now), format_number(before))


def _share(
    label: str, meaning: str, now: Share, before: Share, *, is_better_lower: bool = False, is_judged: bool = True
) -> HealthRow:
    is_told = is_judged and _percent(now) != _percent(before)
    trend = _trend(now.percent, before.percent, is_better_lower=is_better_lower) if is_told else ""
    part = _("%(part)s of %(whole)s") % {"part": format_number(now.part), "whole": format_number(now.whole)}
    return HealthRow(label, meaning, _percent(now), _percent(before), part if now.percent is not None else "", trend)


def _percent(share: Share) -> str:
    return _too_few() if share.percent is None else format_percent(share.percent, 0)


def _too_few() -> str:
    return _("Too few to tell")


def _trend(now: Any, before: Any, *, is_better_lower: bool) -> str:
    if now is None or before is None or now == before:
        return ""
    return "better" if (now < before) == is_better_lower else "worse"


def _time(
    label: str, meaning: str, now: dt.timedelta | None, before: dt.timedelta | None, *, questions: tuple[int, int]
) -> HealthRow:
    words = _duration(now, questions[0]), _duration(before, questions[1])
    trend = _trend(now, before, is_better_lower=True) if words[0] != words[1] else ""
    return HealthRow(label, meaning, *words, trend=trend)


def _duration(time: dt.timedelta | None, questions: int) -> str:
    """Return a time in the largest unit that says it well."""
    if time is None:
        return _too_few() if questions < ENOUGH else _("Most have none")
    minutes = max(1, round(time / dt.timedelta(minutes=1)))
    if minutes < 120:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": format_number(minutes)}
    hours = round(time / dt.timedelta(hours=1))
    if hours < 48:
        return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": format_number(hours)}
    days = round(time / dt.timedelta(days=1))
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": format_number(days)}
