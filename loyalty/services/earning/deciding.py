"""Deciding about events: what is recorded, what is booked, what is taken back.

`record` decides about an event once, for ever. `settle` then follows what became of it: an award is taken back when what
it was given for is gone, and given again when that is back. Both may be called any number of times, in any order
and at the same moment: each decision about an event builds on the last one, under the lock of the event.

Locks are taken in one order, so that nobody waits in a circle: events by id, wallets by id, counters, a budget.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.events import PointsDecided
from loyalty.exceptions import EarningStoppedError, NotReversibleError, WalletClosedError
from loyalty.models.earning import (
    Campaign,
    Decision,
    Earning,
    LoyaltyEvent,
    RuleCounter,
    RuleVersion,
    VersionState,
)
from loyalty.models.ledger import Member, Programme, Wallet
from loyalty.queries import segments_of
from loyalty.services import ledger
from loyalty.services.earning import conditions, pace
from loyalty.services.earning.bounds import most_for_one_event
from loyalty.services.earning.evaluation import (
    ALL_RULES,
    Bonus,
    Cap,
    Considered,
    Rule,
    apply_caps,
    base_of,
    clip,
    evaluate,
)
from loyalty.services.earning.periods import DAY, EVER, MONTH, WEEK, local_time, periods_of
from loyalty.services.earning.triggers import trigger_of
from loyalty.services.ledger import statements
from portal.core.events import emit
from portal.core.outbox import NotNowError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from loyalty.services.earning.evaluation import Usage
    from loyalty.services.earning.triggers import Value

#: Events per transaction when many are looked at again.
PORTION: Final = 100
#: How long an event waits while earning is stopped.
PAUSE: Final = dt.timedelta(minutes=10)
#: What was gone before its event was looked at: it is decided about as usual when it is back.
WITHDRAWN: Final = "withdrawn"
#: Taken back for good: nothing gives it again.
VOTING_REVIEW: Final = "voting-review"
PACE_REVIEW: Final = "pace-review"
_FOR_GOOD: Final = frozenset({VOTING_REVIEW, PACE_REVIEW})

_GIVEN: Final = frozenset({Decision.Outcome.EARNED, Decision.Outcome.CLIPPED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """An event as whoever knows its app describes it."""

    trigger: str
    #: Which one, and what it stands and falls with: ids that mean nothing to a stranger.
    source_id: str
    subject: str
    #: Who would earn.
    user_id: int
    occurred_at: dt.datetime
    facts: Mapping[str, Value] = field(default_factory=dict)
    #: Why nothing is given whatever the rules say: ``own-thread``, ``staff`` …; empty if nothing is against it.
    refused: str = ""
    #: Signs to look at, which change nothing.
    flags: tuple[str, ...] = ()
    #: Whether it still holds.
    stands: bool = True


def is_anything_recorded() -> bool:
    """Return whether there is a programme for which events are recorded."""
    return Earning.objects.exists()


@transaction.atomic
def record(happened: Happened, *, only_in: Programme | None = None) -> list[Decision]:
    """Decide about an event in every programme, once; return the first decisions, also when called again.

    With `only_in`, in that programme alone: what its own things led to is no affair of the others.
    Raises `ValueError` for facts that its trigger does not have, and `NotNowError` while earning is stopped.
    """
    recording = Programme.objects.filter(earning__isnull=False).select_related("earning").order_by("pk")
    programmes = list(recording if only_in is None else recording.filter(pk=only_in.pk))
    if not programmes:
        return []
    _check_facts(happened)
    event = _event_of(happened)
    [event] = _lock_events([event.pk])
    known = list(Decision.objects.filter(event=event, round=0).select_related("wallet").order_by("pk"))
    if known:
        return known
    wallets = [ledger.open_wallet(programme=one, member_key=event.member_key) for one in programmes]
    statements.lock_wallets(wallet.pk for wallet in wallets)
    reason = happened.refused or ("" if happened.stands else WITHDRAWN)
    decisions = [
        _decide(event, programme, wallet, reason=reason, flags=happened.flags)
        for programme, wallet in zip(programmes, wallets, strict=True)
    ]
    _announce(decisions)
    return decisions


def _announce(decisions: Sequence[Decision]) -> None:
    """Say which decisions moved points: others follow them, after the commit."""
    for decision in decisions:
        if decision.points:
            emit(PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id))


def _check_facts(happened: Happened) -> None:
    trigger = trigger_of(happened.trigger)
    for name, value in happened.facts.items():
        fact = trigger.fact(name)
        if fact is None or not fact.accepts(value):
            raise ValueError(f"{happened.trigger}: {name}={value!r}")


def _event_of(happened: Happened) -> LoyaltyEvent:
    which = {"trigger": happened.trigger, "source_id": happened.source_id}
    event = LoyaltyEvent.objects.filter(**which).first()
    if event is not None:
        return event
    member = Member.objects.get_or_create(user_id=happened.user_id)[0]
    try:
        with transaction.atomic():
            return LoyaltyEvent.objects.create(
                **which,
                subject=happened.subject,
                member_key=member.key,
                facts=dict(happened.facts),
                occurred_at=happened.occurred_at,
            )
    except IntegrityError:  # another process records it at the same moment
        return LoyaltyEvent.objects.get(**which)


def _lock_events(pks: Collection[int]) -> list[LoyaltyEvent]:
    return list(LoyaltyEvent.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk"))


# One decision --------------------------------------------------------------------------------------------------------


def _decide(
    event: LoyaltyEvent,
    programme: Programme,
    wallet: Wallet,
    *,
    reason: str = "",
    flags: Sequence[str] = (),
    number: int = 0,
) -> Decision:
    """Judge a locked event by the rules in force, book what it is worth into the locked wallet, and write it down."""
    considered: list[Considered] = []
    if not reason:
        # Read again: the lock may have been waited for.
        wallet.refresh_from_db(fields=["status"])
        programme.refresh_from_db(fields=["is_earning_stopped"])
        if programme.is_earning_stopped:
            raise NotNowError(PAUSE)
        reason = "closed" if wallet.status == Wallet.Status.CLOSED else ""
    if not reason:
        rules = {rule.code: rule for rule in rules_in_force(programme, event.trigger)}
        considered = _judge(event, programme, wallet, rules)
        reason = "" if rules else "no-rule"
    given = [one for one in considered if one.points]
    review = pace.hold_if_fast(programme, wallet, event, {one.rule for one in given}) if given else None
    for one in given:
        one.review = review.pk if review else 0
        one.journals = _book(event, wallet, one, number)
    _count(programme, wallet, event.occurred_at, given)
    return Decision.objects.create(
        event=event,
        wallet=wallet,
        round=number,
        outcome=_outcome(considered),
        points=sum(one.points for one in given),
        reason=reason,
        flags=list(flags),
        considered=[one.as_json() for one in considered],
    )


def _outcome(considered: Sequence[Considered]) -> str:
    given = [one for one in considered if one.points]
    if not given:
        return Decision.Outcome.NONE
    is_clipped = any(one.points < one.wanted for one in considered if one.reason not in _NOT_LIMITS)
    return Decision.Outcome.CLIPPED if is_clipped else Decision.Outcome.EARNED


#: Reasons that are no limits.
_NOT_LIMITS: Final = frozenset({"", "condition", "zero", "stopped", "not-best", "exclusive", "taken-back"})


def _judge(event: LoyaltyEvent, programme: Programme, wallet: Wallet, rules: Mapping[str, Rule]) -> list[Considered]:
    at = local_time(programme, event.occurred_at)
    campaigns = campaigns_at(programme, event.occurred_at)
    considered = evaluate(rules.values(), campaigns, event.facts, at, segments_for(campaigns, wallet.member_key))
    if any(one.points for one in considered):
        apply_caps(considered, rules, member_caps(programme.earning), _usage(programme, wallet, event.occurred_at))
        # The budget is locked last, and stays so until the award is booked.
        left: dict[str, int] = {}
        for one in considered:
            if one.budget:
                if one.budget not in left:
                    left[one.budget] = statements.lock_budget(programme.pk, one.budget)
                fit_into_budget(one, left, mode=rules[one.rule].cap_mode)
    return considered


def fit_into_budget(one: Considered, left: dict[str, int], *, mode: str) -> None:
    """Reduce the part that a campaign pays to what is left of its budget, and take it from there."""
    budget, room = one.budget, left[one.budget]
    if one.bonus > room:
        base = one.points - one.bonus
        clip(one, base + (room if mode == "clip" else 0), "budget", mode="clip")
    left[budget] = room - one.bonus


def rules_in_force(programme: Programme, trigger: str) -> list[Rule]:
    """Return the published versions for a trigger. One query."""
    versions = RuleVersion.objects.filter(
        rule__programme=programme, trigger=trigger, state=VersionState.PUBLISHED
    ).select_related("rule")
    return [rule_of(version) for version in versions]


def rule_of(version: RuleVersion) -> Rule:
    """Return a version as evaluation sees it."""
    limits = [
        (DAY, True, version.cap_day),
        (WEEK, True, version.cap_week),
        (MONTH, True, version.cap_month),
        (DAY, False, version.times_day),
        (EVER, False, version.times_ever),
    ]
    return Rule(
        code=version.rule.code,
        version=version.number,
        points=version.points,
        conditions=version.conditions,
        per_fact=version.per_fact,
        per_units=version.per_units,
        rounding=version.rounding,
        priority=version.priority,
        stack_group=version.stack_group,
        stacking=version.stacking,
        stop=version.stop,
        cap_mode=version.cap_mode,
        caps=tuple(Cap(period, of_points, limit) for period, of_points, limit in limits if limit is not None),
        pending_days=version.pending_days,
    )


def campaigns_at(programme: Programme, at: dt.datetime) -> list[Bonus]:
    """Return the published campaigns within whose dates a time is. One query."""
    found = Campaign.objects.filter(
        programme=programme, state=VersionState.PUBLISHED, starts_at__lte=at, ends_at__gt=at
    )
    return [bonus_of(campaign) for campaign in found]


def campaigns_after(programme: Programme, at: dt.datetime) -> list[Bonus]:
    """Return the published campaigns that are not over at a time. One query."""
    found = Campaign.objects.filter(programme=programme, state=VersionState.PUBLISHED, ends_at__gt=at)
    return [bonus_of(campaign) for campaign in found]


def most_for_facts(programme: Programme, trigger: str, facts: Mapping[str, Value]) -> int:
    """Return the most points that all rules in force give for one event with these facts, also while a campaign runs. Two queries."""
    campaigns = campaigns_after(programme, timezone.now())
    caps = member_caps(programme.earning)
    matching = [rule for rule in rules_in_force(programme, trigger) if conditions.matches(rule.conditions, facts)]
    each = [most_for_one_event(rule, campaigns, caps, base=base_of(rule, facts)) for rule in matching]
    return min([sum(most for most in each if most), *(cap.limit for cap in caps)])


@dataclass(frozen=True, slots=True)
class Worth:
    """What an event would give now to somebody who has used no limit up."""

    points: int
    #: Whether limits or a budget may make it less.
    is_limited: bool


def worth_now(
    programme: Programme, trigger: str, events: Sequence[Mapping[str, Value]], *, member_key: UUID | None
) -> list[Worth]:
    """Return what events with these facts would give a member now, in their order. Two queries, three with segments."""
    now = timezone.now()
    rules = {rule.code: rule for rule in rules_in_force(programme, trigger)}
    campaigns, caps = campaigns_at(programme, now), member_caps(programme.earning)
    segments = segments_for(campaigns, member_key)
    found = []
    for facts in events:
        considered = evaluate(rules.values(), campaigns, facts, local_time(programme, now), segments)
        apply_caps(considered, rules, caps, lambda _rule, _period: (0, 0))
        given = [one for one in considered if one.points]
        is_limited = bool(caps) or any(rules[one.rule].caps or one.budget for one in given)
        found.append(Worth(sum(one.points for one in given), is_limited))
    return found


def bonus_of(campaign: Campaign) -> Bonus:
    """Return a campaign as evaluation sees it."""
    return Bonus(
        code=campaign.code,
        percent=campaign.percent,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        weekdays=frozenset(campaign.weekdays),
        hour_from=campaign.hour_from,
        hour_to=campaign.hour_to,
        rules=frozenset(campaign.rules),
        budget=campaign.budget,
        segments=frozenset(campaign.segments or ()),
    )


def segments_for(campaigns: Iterable[Bonus], member_key: UUID | None) -> frozenset[str]:
    """Return the segments of a member, if one of the campaigns is for some; one query then."""
    if member_key is None or not any(campaign.segments for campaign in campaigns):
        return frozenset()
    return segments_of([member_key]).get(member_key, frozenset())


def member_caps(earning: Earning) -> list[Cap]:
    """Return the limits of all rules together."""
    limits = [(DAY, earning.cap_day), (WEEK, earning.cap_week), (MONTH, earning.cap_month)]
    return [Cap(period, is_of_points=True, limit=limit) for period, limit in limits if limit is not None]


# Counters ------------------------------------------------------------------------------------------------------------


def _usage(programme: Programme, wallet: Wallet, at: dt.datetime) -> Callable[[str, str], Usage]:
    """Read the counters of a locked wallet, in one query."""
    names = periods_of(programme, at)
    rows = RuleCounter.objects.filter(wallet=wallet, period__in=names.values())
    used = {(row.rule, row.period): (row.points, row.times) for row in rows}
    return lambda rule, period: used.get((rule, names[period]), (0, 0))


def _count(programme: Programme, wallet: Wallet, at: dt.datetime, given: Sequence[Considered]) -> None:
    """Add what is given to the counters of a locked wallet, in every period: limits may be introduced later."""
    amounts: dict[str, tuple[int, int]] = {one.rule: (one.points, 1) for one in given}
    if not amounts:
        return
    amounts[ALL_RULES] = (sum(points for points, _times in amounts.values()), 1)
    periods = sorted(periods_of(programme, at).values())
    RuleCounter.objects.bulk_create(
        [RuleCounter(wallet=wallet, rule=rule, period=period) for rule in amounts for period in periods],
        ignore_conflicts=True,
    )
    for rule, (points, times) in sorted(amounts.items()):
        RuleCounter.objects.filter(wallet=wallet, rule=rule, period__in=periods).update(
            points=F("points") + points, times=F("times") + times
        )


# Booking -------------------------------------------------------------------------------------------------------------


def _book(event: LoyaltyEvent, wallet: Wallet, one: Considered, number: int) -> list[int]:
    """Book what a rule gives, and apart from it what a campaign adds; return the ids of the journals."""
    again = f"#{number}" if number else ""
    # The code of the rule, not its version: what one version paid for, no other one pays for.
    key = f"earn:{one.rule}:{event.trigger}:{event.source_id}"
    parts = [(one.points - one.bonus, f"{key}{again}", ""), (one.bonus, f"{key}+{one.campaign}{again}", one.budget)]
    occurred_at = event.occurred_at if not number else timezone.now()
    pending_until = None
    if one.pending_days:
        pending_until = today_of(wallet.programme, at=occurred_at) + dt.timedelta(days=one.pending_days)
    try:
        return [
            ledger.earn(
                wallet=wallet,
                amount=amount,
                key=key,
                pending_until=pending_until,
                budget=budget,
                review=str(one.review or ""),
                source=event.source_id,
                reason=one.rule,
                actor="rules",
                occurred_at=occurred_at,
            ).journal_id
            for amount, key, budget in parts
            if amount
        ]
    except EarningStoppedError as error:
        raise NotNowError(PAUSE) from error


# What became of it ---------------------------------------------------------------------------------------------------


@transaction.atomic
def settle(
    events: Sequence[LoyaltyEvent],
    *,
    stands: Callable[[LoyaltyEvent], bool],
    because: str,
    wallet_id: int | None = None,
) -> list[Decision]:
    """Take back what was given for events that hold no longer, and give again what was taken back from those that do.

    `stands` is asked under the lock of the event, and reads how it is now: what was announced in another order or twice
    comes to the same. `because` says why it holds no longer. With `wallet_id`, only what was decided about that wallet: an
    event has decisions in every programme. Returns the new decisions.
    """
    decisions: list[Decision] = []
    if not events:
        return decisions
    locked = _lock_events([event.pk for event in events])
    last = [one for one in _last_decisions(locked) if wallet_id in (None, one.wallet_id)]
    statements.lock_wallets(decision.wallet_id for decision in last)
    by_id = {event.pk: event for event in locked}
    standing = {event.pk: stands(event) for event in locked}
    for decision in last:
        event = by_id[decision.event_id]
        if decision.outcome in _GIVEN and not standing[event.pk]:
            decisions.append(_take_back(decision, because))
        elif not _may_come_again(decision):
            continue
        elif not standing[event.pk]:
            if because in _FOR_GOOD:
                decisions.append(_refuse(decision, because))
        elif decision.outcome == Decision.Outcome.REVERSED:
            decisions.append(_give_again(event, decision))
        else:
            programme = decision.wallet.programme
            decisions.append(_decide(event, programme, decision.wallet, number=decision.round + 1))
    _announce(decisions)
    return decisions


def events_of(*subjects: str) -> list[LoyaltyEvent]:
    """Return the events that stand and fall with these subjects."""
    return list(LoyaltyEvent.objects.filter(subject__in=subjects))


def events_from(trigger: str, source_ids: Collection[str]) -> list[LoyaltyEvent]:
    """Return these events of a trigger."""
    return list(LoyaltyEvent.objects.filter(trigger=trigger, source_id__in=source_ids))


def recent_events(*, days: int, triggers: Collection[str]) -> Iterator[list[LoyaltyEvent]]:
    """Yield the events of these triggers in the last days, in portions, oldest first: what `settle` may look at again."""
    since, after = timezone.now() - dt.timedelta(days=days), 0
    found = LoyaltyEvent.objects.filter(occurred_at__gte=since, trigger__in=triggers).order_by("pk")
    while portion := list(found.filter(pk__gt=after)[:PORTION]):
        yield portion
        after = portion[-1].pk


def _last_decisions(events: Sequence[LoyaltyEvent]) -> list[Decision]:
    rows = (
        Decision.objects.filter(event__in=events)
        .select_related("wallet__programme__earning")
        .order_by("event_id", "wallet_id", "round")
    )
    return list({(row.event_id, row.wallet_id): row for row in rows}.values())


def _may_come_again(decision: Decision) -> bool:
    """Return whether points follow when it holds again: some were taken back, or it was not looked at yet."""
    if decision.outcome == Decision.Outcome.REVERSED:
        return decision.reason not in _FOR_GOOD and any(one["journals"] for one in decision.considered)
    return decision.outcome == Decision.Outcome.NONE and decision.reason == WITHDRAWN


def _refuse(decision: Decision, because: str) -> Decision:
    """Write down that what is gone gives nothing when it is back."""
    return Decision.objects.create(
        event_id=decision.event_id,
        wallet=decision.wallet,
        round=decision.round + 1,
        outcome=Decision.Outcome.NONE,
        reason=because,
    )


def _take_back(decision: Decision, because: str) -> Decision:
    """Reverse what a decision gave: pending points first; what is spent becomes a debt.

    The new decision has what it took back itself, which alone may be given again: not what staff had taken before.
    """
    considered = [Considered(**one) for one in decision.considered]
    for one in considered:
        if not one.journals:
            continue
        back = {journal: _reverse(decision, journal, because) for journal in one.journals}
        bonus = back[one.journals[-1]] if one.bonus else 0  # what a campaign paid is booked last
        points = sum(back.values())
        if points < one.points:
            one.reason, one.about = "taken-back", ""
        one.points, one.bonus = points, bonus
        one.journals = [journal for journal in one.journals if back[journal]]
    return Decision.objects.create(
        event_id=decision.event_id,
        wallet=decision.wallet,
        round=decision.round + 1,
        outcome=Decision.Outcome.REVERSED,
        points=sum(one.points for one in considered),
        reason=because,
        considered=[one.as_json() for one in considered],
    )


def _reverse(decision: Decision, journal: int, because: str) -> int:
    """Reverse what is left of an award; return how much that was."""
    try:
        return ledger.reverse(
            wallet=decision.wallet,
            journal_id=journal,
            reversal=f"decision:{decision.round + 1}",
            reason=because,
            actor="rules",
        ).amount
    except (NotReversibleError, WalletClosedError):  # staff took it back, or the member has left
        return 0


def _give_again(event: LoyaltyEvent, decision: Decision) -> Decision:
    """Give what a decision took back: as much, by the same rules, whatever they say now. Limits counted it already."""
    wallet = decision.wallet
    considered = [Considered(**one) for one in decision.considered]
    is_closed = Wallet.objects.filter(pk=wallet.pk, status=Wallet.Status.CLOSED).exists()
    for one in considered:
        if one.journals:
            # What a campaign paid came back into its budget, which others may have used up since.
            if one.budget:
                left = {one.budget: statements.lock_budget(wallet.programme_id, one.budget)}
                fit_into_budget(one, left, mode="clip")
            # What comes back while somebody looks at it waits again.
            one.review = one.review if pace.is_open_review(one.review) else 0
            one.journals = [] if is_closed else _book(event, wallet, one, decision.round + 1)
    given = 0 if is_closed else sum(one.points for one in considered)
    return Decision.objects.create(
        event=event,
        wallet=wallet,
        round=decision.round + 1,
        outcome=_outcome(considered) if given else Decision.Outcome.NONE,
        points=given,
        reason="closed" if is_closed else "",
        considered=[one.as_json() for one in considered],
    )
