"""What an offer achieved, in words and as a picture. Small groups are not told of, and nothing is said that is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from loyalty.models.offers import Goal, Offer
from loyalty.services.offers.audience import SMALL
from loyalty.services.offers.uplift import Verdict, pooled
from portal.core.formats import format_number, format_percent, format_signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.functional import _StrPromise

    from loyalty.services.offers.reporting import Report
    from loyalty.services.offers.uplift import Interval, Result

_WIDTH, _EDGE = 600, 20


class Arm(NamedTuple):
    """One group as it is shown."""

    members: str
    converted: str
    share: str


class Picture(NamedTuple):
    """Places in a drawing of 600 × 90: the difference, both intervals, and where nothing differs."""

    zero: float
    difference: float
    low: float
    width: float
    wide_low: float
    wide_width: float


@dataclass(slots=True)
class ReportPage:
    """Everything on the page of a report, in the reader's language."""

    #: Why there is nothing to compare; empty if there is.
    nothing: str = ""
    members: str = ""
    waiting: str = ""
    verdict: str = ""
    sentence: str = ""
    arms: list[Arm] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    detectable: str = ""
    picture: Picture | None = None

    @classmethod
    def of(cls, offer: Offer, report: Report) -> ReportPage:
        """Return the page of an offer."""
        result = report.result
        if result is None or _is_small(report):
            return cls(nothing=_why_nothing(offer, report))
        page = cls(
            members=format_number(report.members),
            waiting=format_number(report.members - report.matured),
            verdict=result.verdict.value,
            sentence=_sentence(result),
            detectable=_detectable(result),
        )
        if result.estimate is None:
            return page
        page.arms = [
            Arm(format_number(arm.members), format_number(arm.converted), format_percent(arm.rate * 100, 1))
            for arm in (result.offer, result.control)
        ]
        page.rows = _rows(result)
        page.picture = _picture(result.estimate.difference, result.estimate.interval, result.estimate.any_time)
        return page


def _is_small(report: Report) -> bool:
    """Return whether something would be told of a group of fewer members than editors may know of: of all, or of one arm.

    Of groups that have other sizes than intended nothing is told but that.
    """
    result = report.result
    is_told = result is not None and result.estimate is not None
    groups = [result.offer.members, result.control.members] if result is not None and is_told else []
    return min([report.matured, *groups]) < SMALL


def _why_nothing(offer: Offer, report: Report) -> str:
    if offer.state == Offer.State.DRAFT:
        return _("The offer has not been published yet.")
    if offer.goal == Goal.ACCEPT:
        return _("Whoever does not see an offer cannot accept it. With this goal there is nothing to compare.")
    if not offer.holdout_percent:
        return _("Everybody sees this offer: nobody knows what would have happened without it.")
    days = format_number(offer.window_days)
    if report.matured >= SMALL:
        return _("One of the two groups has fewer than %(small)s members whose time to reach the goal is over.") % {
            "small": format_number(SMALL)
        }
    return _(
        "There are fewer than %(small)s members whose time to reach the goal is over. It is over %(days)s days after "
        "somebody could first see the offer."
    ) % {"small": format_number(SMALL), "days": days}


def _sentence(result: Result) -> str:
    if result.verdict is Verdict.HIDDEN:
        return _(
            "The groups have other sizes than intended, which happens by chance less than once in a thousand times. Something is "
            "wrong with how members were assigned or counted: there is no result."
        )
    if result.verdict is Verdict.BETTER:
        return _("With the offer more members reach the goal.")
    if result.verdict is Verdict.WORSE:
        return _("With the offer fewer members reach the goal.")
    return _("Inconclusive: the groups differ by no more than chance explains. Most offers end like this.")


def _detectable(result: Result) -> str:
    if result.detectable is None:
        return ""
    text = _("Differences of less than %(points)s percentage points cannot be detected with groups of this size.") % {
        "points": format_number(result.detectable * 100, 1)
    }
    if result.detectable_relative is None:
        return text
    share = format_percent(round(result.detectable_relative * 100))
    return f"{text} " + _("That is %(share)s of what happens anyway.") % {"share": share}


def _rows(result: Result) -> list[tuple[str, str, str]]:
    """Return what is known, as label, value and range."""
    estimate = result.estimate
    if estimate is None:
        return []
    unit = _("percentage points")
    rows = [
        (_("Difference at the planned end (95 %)"), _signed(estimate.difference, unit), _range(estimate.interval)),
        (_("Difference at any time (99 %)"), _signed(estimate.difference, unit), _range(estimate.any_time)),
    ]
    if estimate.adjusted is not None:
        difference, between = estimate.adjusted
        rows.append((_("Without what the past of members explains"), _signed(difference, unit), _range(between)))
    more = estimate.additional_range
    rows.append(
        (
            _("Members who reached the goal because of it"),
            format_signed(round(estimate.additional)),
            _from_to(format_signed(round(more.low)), format_signed(round(more.high))),
        )
    )
    rows.append(
        (_("Members who accepted it, whether or not it changed anything"), format_number(result.attributed), "")
    )
    if result.points:
        rows.append((_("Points that it cost"), format_number(result.points), ""))
        each = estimate.points_each
        between_points = estimate.points_range
        rows.append(
            (
                _("Points for each of those who reached the goal because of it"),
                format_number(round(each)) if each is not None else "–",
                _points(between_points) if between_points is not None else "",
            )
        )
    return rows


def _points(between: Interval) -> str:
    low = format_number(round(between.low))
    return (
        _("at least %(low)s") % {"low": low}
        if between.high == math.inf
        else _from_to(low, format_number(round(between.high)))
    )


def _signed(share: float, unit: str) -> str:
    return format_html("{} {}", _one_decimal(share), unit)


def _one_decimal(share: float) -> str:
    return format_signed(round(share * 100, 1))


def _range(between: Interval) -> str:
    return _from_to(_one_decimal(between.low), _one_decimal(between.high))


def _from_to(low: str, high: str) -> str:
    return format_html(_("{low} to {high}"), low=low, high=high)


def pooled_sentence(reports: Iterable[Report]) -> str:
    """Return what several offers together achieved on average; empty for fewer than two that can be compared."""
    known = [report.result for report in reports if report.result is not None and not _is_small(report)]
    found = pooled(known)
    if found is None:
        return ""
    difference, between = found
    words = _("All offers together: {difference} percentage points on average ({range}).")
    return format_html(words, difference=_one_decimal(difference), range=_range(between))


VERDICTS: Final[Mapping[Verdict, _StrPromise]] = {
    Verdict.BETTER: pgettext_lazy("offer", "Better"),
    Verdict.WORSE: pgettext_lazy("offer", "Worse"),
    Verdict.INCONCLUSIVE: pgettext_lazy("offer", "Inconclusive"),
    Verdict.HIDDEN: pgettext_lazy("offer", "No result: look at it"),
}


def verdict_of(report: Report) -> str:
    """Return the verdict in a word; empty if nothing can be said yet."""
    if report.result is None or _is_small(report):
        return ""
    return str(VERDICTS[report.result.verdict])


def _picture(difference: float, narrow: Interval, wide: Interval) -> Picture:
    """Return where everything is drawn; nothing at all is always in the picture."""
    low, high = min(0.0, narrow.low, wide.low), max(0.0, narrow.high, wide.high)
    scale = (_WIDTH - 2 * _EDGE) / ((high - low) or 1)

    def place(share: float) -> float:
        return round(_EDGE + (share - low) * scale, 1)

    return Picture(
        zero=place(0),
        difference=place(difference),
        low=place(narrow.low),
        width=round(place(narrow.high) - place(narrow.low), 1),
        wide_low=place(wide.low),
        wide_width=round(place(wide.high) - place(wide.low), 1),
    )


def rows_for_spreadsheet(report: Report) -> list[dict[str, Any]]:
    """Return the counts and shares as numbers; nothing of a small group, and nothing that is hidden."""
    result = report.result
    if result is None or result.estimate is None or _is_small(report):
        return []
    estimate = result.estimate
    one_look, any_time = estimate.interval, estimate.any_time
    rows: list[tuple[str, Any, Any]] = [
        (_("Members"), result.offer.members, result.control.members),
        (_("Reached the goal"), result.offer.converted, result.control.converted),
        (_("Share of them"), round(result.offer.rate, 5), round(result.control.rate, 5)),
        (_("Difference"), round(estimate.difference, 5), ""),
        (_("Difference at the planned end (95 %)"), round(one_look.low, 5), round(one_look.high, 5)),
        (_("Difference at any time (99 %)"), round(any_time.low, 5), round(any_time.high, 5)),
        (_("Members who accepted it, whether or not it changed anything"), result.attributed, ""),
        (_("Points that it cost"), result.points, ""),
    ]
    return [{"what": what, "offer": offer, "control": control} for what, offer, control in rows]
