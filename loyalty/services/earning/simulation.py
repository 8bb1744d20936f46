"""What a draft would have given for real events of the last days. Only computed: nothing is written, booked or locked.

The events are judged twice in their order, by the rules in force and with the draft, with counters of its own that begin
at zero. What was refused or taken back stays so. Budgets of campaigns are taken to be full.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from loyalty.models.earning import Decision, RuleVersion, VersionState
from loyalty.queries import segments_of
from loyalty.services.earning.deciding import campaigns_after, member_caps, rule_of
from loyalty.services.earning.evaluation import ALL_RULES, Considered, apply_caps, evaluate
from loyalty.services.earning.periods import local_time, periods_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from loyalty.models.ledger import Programme
    from loyalty.services.earning.evaluation import Bonus, Rule, Usage

#: The most events that are looked at, the newest ones.
MOST: Final = 20_000
_SHOWN: Final = 20
#: Reasons after which rules were not asked, or said no.
_JUDGED: Final = frozenset({"", "no-rule"})


@dataclass(slots=True)
class Side:
    """What one set of rules gives for the events."""

    points: int = 0
    awards: int = 0
    limited: int = 0
    by_member: Counter[UUID] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """The rules in force and the draft, side by side."""

    since: dt.datetime
    events: int
    #: Whether all events since then were looked at.
    is_complete: bool
    now: Side
    then: Side

    @property
    def cost(self) -> int:
        """Points that the draft gives more, or fewer."""
        return self.then.points - self.now.points

    def _changes(self) -> list[int]:
        members = self.now.by_member.keys() | self.then.by_member.keys()
        return [self.then.by_member[key] - self.now.by_member[key] for key in members]

    @property
    def winners(self) -> int:
        """Members who would have more."""
        return sum(change > 0 for change in self._changes())

    @property
    def losers(self) -> int:
        """Members who would have less."""
        return sum(change < 0 for change in self._changes())

    @property
    def top(self) -> list[tuple[UUID, int, int]]:
        """Who would earn most: key, points now, points then. Few who get much smell of a loophole."""
        ranked = sorted(self.then.by_member.items(), key=lambda item: (-item[1], str(item[0])))
        return [(key, self.now.by_member[key], points) for key, points in ranked[:_SHOWN]]


class _Judge:
    """Judges events by some rules, with counters in memory."""

    def __init__(
        self,
        programme: Programme,
        rules: Iterable[tuple[str, Rule]],
        campaigns: list[Bonus],
        segments: Mapping[UUID, frozenset[str]],
    ) -> None:
        self.side = Side()
        self._programme = programme
        self._rules: defaultdict[str, dict[str, Rule]] = defaultdict(dict)
        for trigger, rule in rules:
            self._rules[trigger][rule.code] = rule
        self._campaigns = campaigns
        self._caps = member_caps(programme.earning)
        self._segments = segments
        self._used: defaultdict[tuple[UUID, str, str], Usage] = defaultdict(lambda: (0, 0))

    def judge(self, trigger: str, member: UUID, facts: dict[str, Any], at: dt.datetime) -> None:
        rules = self._rules.get(trigger)
        if not rules:
            return
        mine = self._segments.get(member, frozenset())
        considered = evaluate(rules.values(), self._campaigns, facts, local_time(self._programme, at), mine)
        names = periods_of(self._programme, at)
        apply_caps(considered, rules, self._caps, lambda rule, period: self._used[member, rule, names[period]])
        self.side.limited += sum(one.wanted > one.points and _is_limited(one) for one in considered)
        given = [one for one in considered if one.points]
        for one in given:
            self.side.by_rule[one.rule] += one.points
            self.side.awards += 1
            self._use(member, one.rule, names.values(), one.points)
        if given:
            total = sum(one.points for one in given)
            self._use(member, ALL_RULES, names.values(), total)
            self.side.points += total
            self.side.by_member[member] += total

    def _use(self, member: UUID, rule: str, periods: Iterable[str], points: int) -> None:
        for period in periods:
            before, times = self._used[member, rule, period]
            self._used[member, rule, period] = (before + points, times + 1)


def _is_limited(one: Considered) -> bool:
    return one.reason.partition("-")[0] in {"rule", "member", "times"}


def simulate(
    draft: RuleVersion, *, days: int, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Simulation:
    """Return what the draft would have given for the events of the last days. Writes nothing. Four queries, five with segments.

    Members are taken to be in the segments of today.
    """
    draft = RuleVersion.objects.select_related("rule__programme__earning").get(pk=draft.pk)
    programme = draft.rule.programme
    since = timezone.now() - dt.timedelta(days=days)
    versions = RuleVersion.objects.filter(rule__programme=programme, state=VersionState.PUBLISHED).select_related(
        "rule"
    )
    in_force = {version.rule_id: version for version in versions}
    campaigns = campaigns_after(programme, since)
    events, is_complete = _events(programme, since)
    is_for_some = any(campaign.segments for campaign in campaigns)
    segments = segments_of({event[1] for event in events}) if is_for_some else {}
    now = _Judge(programme, [(one.trigger, rule_of(one)) for one in in_force.values()], campaigns, segments)
    drafted = {**in_force, draft.rule_id: draft}
    then = _Judge(programme, [(one.trigger, rule_of(one)) for one in drafted.values()], campaigns, segments)
    for done, event in enumerate(events, 1):
        now.judge(*event)
        then.judge(*event)
        if done % 500 == 0:
            progress(done, len(events))
    progress(len(events), len(events))
    return Simulation(since=since, events=len(events), is_complete=is_complete, now=now.side, then=then.side)


def _events(
    programme: Programme, since: dt.datetime
) -> tuple[list[tuple[str, UUID, dict[str, Any], dt.datetime]], bool]:
    """The newest events that rules were asked about and whose awards stand, oldest first."""
    rows = (
        Decision.objects.filter(wallet__programme=programme, event__occurred_at__gte=since)
        .order_by("-event__occurred_at", "-event_id", "round")
        .values_list(
            "event_id", "outcome", "reason", "event__trigger", "event__member_key", "event__facts", "event__occurred_at"
        )[: 2 * MOST]
    )
    last: dict[int, tuple[Any, ...]] = {row[0]: row for row in rows}  # of each event the last decision
    judged = [row[3:] for row in last.values() if row[1] != Decision.Outcome.REVERSED and row[2] in _JUDGED]
    return judged[:MOST][::-1], len(judged) <= MOST and len(rows) < 2 * MOST
