"""Whether a reward can be had, and every reason why not. `obstacles` is pure; who calls it has read or locked the rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from loyalty.models.ledger import Wallet
from loyalty.models.offers import Activity, Segment
from loyalty.models.rewards import BACK_STATES, LimitPeriod, Redemption, Reward, RewardKind, State, VoucherCode
from loyalty.queries import segments_of
from loyalty.services.earning.periods import periods_of
from loyalty.services.tiers import position_of
from portal.accounts.changes import last_change_of
from portal.core.formats import date_text, format_number, moment_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from django.db.models import QuerySet

    from loyalty.models.ledger import Programme
    from loyalty.models.rewards import RewardTerms
    from portal.accounts.models import User

#: States of redemptions that do not count towards a limit.
_NOT_COUNTED: Final = (*BACK_STATES, State.REFUNDED)


class Why(StrEnum):
    """Reasons for which a reward cannot be had."""

    GONE = "gone"
    WINDOW = "window"
    CLOSED = "closed"
    STOPPED = "stopped"
    FROZEN = "frozen"
    TIER = "tier"
    SEGMENT = "segment"
    ACCOUNT_CHANGED = "account_changed"
    OUT_OF_STOCK = "out_of_stock"
    LIMIT_REACHED = "limit_reached"
    INSUFFICIENT_BALANCE = "insufficient_balance"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason with what makes it concrete."""

    why: Why
    #: Points that are missing.
    missing: int = 0
    #: How many a member may have, and in which time.
    limit: int = 0
    period: str = ""
    #: The first day on which it can be had; None if that day is over.
    first_day: dt.date | None = None
    #: Name of the tier from which on it can be had; empty if there is no such tier any more.
    tier: str = ""
    #: Codes of the segments it is for.
    segments: tuple[str, ...] = ()
    #: The moment from which on it can be had.
    until: dt.datetime | None = None

    def __str__(self) -> str:
        """Return the reason in the reader's language."""
        if self.why is Why.WINDOW and self.first_day:
            return _("It can be had from %(day)s.") % {"day": date_text(self.first_day)}
        if self.why is Why.LIMIT_REACHED:
            return _limit_in_words(self.limit, self.period)
        if self.why is Why.TIER and self.tier:
            return _("It can be had from the tier “%(tier)s” on.") % {"tier": self.tier}
        if self.why is Why.ACCOUNT_CHANGED and self.until:
            return _account_changed_in_words(self.until)
        if self.why is Why.INSUFFICIENT_BALANCE:
            text = ngettext("%(count)s point is missing.", "%(count)s points are missing.", self.missing)
            return text % {"count": format_number(self.missing)}
        return {
            Why.GONE: _("This reward is not offered any more."),
            Why.WINDOW: _("It could be had until its last day, which is over."),
            Why.TIER: _("It is for members of a tier that there is not at the moment."),
            Why.SEGMENT: _segments_in_words(self.segments),
            Why.CLOSED: _("This membership has ended."),
            Why.STOPPED: _("Points cannot be spent at the moment. They are safe."),
            Why.FROZEN: _("These points are on hold while we check something. Please contact us."),
            Why.OUT_OF_STOCK: _("There is none left at the moment."),
        }[self.why]


def _account_changed_in_words(until: dt.datetime) -> str:
    text = _(
        "Your password or another way into your account was changed lately. So that nobody else spends your points, it can be"
        " had from %(moment)s on. If it was not you, please contact us at once."
    )
    return text % {"moment": moment_text(until)}


def _segments_in_words(segments: Iterable[str]) -> str:
    """Say it by what members do: the names of segments are for editors."""
    words = {
        Segment.REGULAR: _("who often help others in the community"),
        Segment.OWN_THREAD: _("who ask in the community"),
        Segment.SILENT: _("who read along in the community"),
        Activity.CHAMPION: _("who are among the most active ones"),
        Activity.LOYAL: _("who are here often"),
        Activity.NEW: _("who have joined lately"),
        Activity.OCCASIONAL: _("who are here now and then"),
        Activity.AT_RISK: _("who have not been here for a while"),
        Activity.LOST: _("who have not been here for a while"),
    }
    found = dict.fromkeys(text for segment, text in words.items() if segment.value in segments)
    who = pgettext("between alternatives", " or ").join(found)
    return _("It is for members %(who)s, of those who want personal offers.") % {"who": who}


def _limit_in_words(limit: int, period: str) -> str:
    count = {"count": format_number(limit)}
    if period == LimitPeriod.DAY:
        return _("You have had it as often as it is possible in one day: %(count)s.") % count
    if period == LimitPeriod.WEEK:
        return _("You have had it as often as it is possible in one week: %(count)s.") % count
    if period == LimitPeriod.MONTH:
        return _("You have had it as often as it is possible in one month: %(count)s.") % count
    return _("You have had it as often as it is possible: %(count)s.") % count


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What decides besides the reward: the member's wallet, as far as there is one, and the day."""

    today: dt.date
    status: str = Wallet.Status.OPEN
    is_stopped: bool = False
    spendable: int = 0
    #: Names of the tiers there are, by their codes, and the codes of those that the member has reached.
    tiers: Mapping[str, str] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()
    #: Codes of the segments that the member is in.
    segments: frozenset[str] = frozenset()
    #: Until when rewards that have to be confirmed cannot be had, since a way into the account was changed.
    waits_until: dt.datetime | None = None
    #: From how many points on they have to be, and how many were spent since that change.
    confirm_from: int | None = None
    spent_since: int = 0


def standing_of_member(rewards: Collection[Reward], programme: Programme, own: QuerySet[Wallet]) -> dict[str, Any]:
    """Return `tiers`, `reached` and `segments` of the `Standing` of whoever owns these wallets.

    Four queries if one of the rewards is for a tier, one if one is for a segment, else none.
    """
    return {**_among_tiers(rewards, programme, own), **_in_segments(rewards, own)}


def _in_segments(rewards: Iterable[Reward], own: QuerySet[Wallet]) -> dict[str, Any]:
    if not any(reward.segments for reward in rewards):
        return {}
    found = segments_of(own.values("member_key"))
    return {"segments": frozenset().union(*found.values())}


def _among_tiers(rewards: Iterable[Reward], programme: Programme, own: QuerySet[Wallet]) -> dict[str, Any]:
    if not any(reward.from_tier for reward in rewards):
        return {}
    position = position_of(programme, own)
    if position is None:
        return {}
    return {
        "tiers": {tier.code: str(tier) for tier in position.ladder.tiers},
        "reached": frozenset(tier.code for tier in position.ladder.tiers[: position.at + 1]),
    }


def is_guarded(reward: Reward, confirm_from: int | None, *, spent: int = 0) -> bool:
    """Return whether a thief would want it: it is sent to an address, or it costs much, with what was `spent` already.

    Addresses are not kept, so each is a new one.
    """
    is_large = confirm_from is not None and reward.price + spent >= confirm_from
    return is_large or reward.kind == RewardKind.PHYSICAL


def standing_of_account(user: User, wallet: Wallet | None, terms: RewardTerms, *, at: dt.datetime) -> dict[str, Any]:
    """Return `waits_until`, `confirm_from`, `spent_since` of the `Standing` of somebody. Up to two queries."""
    change = last_change_of(user) if terms.wait_hours else None
    if change is None or (until := change.at + dt.timedelta(hours=terms.wait_hours)) <= at:
        return {}
    # Many small ones are as much as a large one; and another change, which a thief makes at will, begins no new sum.
    begin = at - dt.timedelta(hours=terms.wait_hours)
    since = Redemption.objects.filter(wallet=wallet, created_at__gte=begin).exclude(state__in=_NOT_COUNTED)
    spent = since.aggregate(points=Sum("price"))["points"] or 0 if wallet else 0
    return {"waits_until": until, "confirm_from": terms.confirm_from, "spent_since": spent}


def obstacles(reward: Reward, standing: Standing, *, taken: int, has_code: bool) -> list[Obstacle]:
    """Return every reason why the member cannot have the reward; the most important one first.

    `taken` is how many of it they had in the period of its limit.
    """
    found = [*_against_the_day(reward, standing.today), *_against_the_member(reward, standing)]
    is_sold_out = reward.stock is not None and reward.sold >= reward.stock
    if is_sold_out or (reward.kind == RewardKind.VOUCHER and not has_code):
        found.append(Obstacle(Why.OUT_OF_STOCK))
    if reward.limit is not None and taken >= reward.limit:
        found.append(Obstacle(Why.LIMIT_REACHED, limit=reward.limit, period=reward.limit_period))
    if standing.spendable < reward.price:
        found.append(Obstacle(Why.INSUFFICIENT_BALANCE, missing=reward.price - standing.spendable))
    return found


def _against_the_day(reward: Reward, today: dt.date) -> Iterator[Obstacle]:
    if not reward.is_published:
        yield Obstacle(Why.GONE)
    if reward.available_from and today < reward.available_from:
        yield Obstacle(Why.WINDOW, first_day=reward.available_from)
    if reward.available_until and today > reward.available_until:
        yield Obstacle(Why.WINDOW)


def _against_the_member(reward: Reward, standing: Standing) -> Iterator[Obstacle]:
    if standing.status == Wallet.Status.CLOSED:
        yield Obstacle(Why.CLOSED)
    if standing.is_stopped:
        yield Obstacle(Why.STOPPED)
    if standing.status == Wallet.Status.FROZEN:
        yield Obstacle(Why.FROZEN)
    if reward.from_tier and reward.from_tier not in standing.reached:
        # Also if the tiers were changed and this one is gone: what was for few is not for everybody by mistake.
        yield Obstacle(Why.TIER, tier=standing.tiers.get(reward.from_tier, ""))
    if reward.segments and standing.segments.isdisjoint(reward.segments):
        yield Obstacle(Why.SEGMENT, segments=tuple(reward.segments))
    if standing.waits_until and is_guarded(reward, standing.confirm_from, spent=standing.spent_since):
        yield Obstacle(Why.ACCOUNT_CHANGED, until=standing.waits_until)


def free_codes(today: dt.date) -> QuerySet[VoucherCode]:
    """Return the codes that can be handed out on a day."""
    usable = Q(expires_on=None) | Q(expires_on__gte=today)
    return VoucherCode.objects.filter(usable, status=VoucherCode.Status.FREE)


def on_show(programme: Programme, today: dt.date) -> QuerySet[Reward]:
    """Return the rewards that members see, each with `has_code`. What is over is not shown; what comes is."""
    open_ = Reward.objects.filter(programme=programme, is_published=True)
    return (
        open_.filter(Q(available_until=None) | Q(available_until__gte=today))
        .select_related("picture")
        .annotate(has_code=Exists(free_codes(today).filter(reward=OuterRef("pk"))))
    )


def set_prices(rewards: Iterable[Reward], programme: Programme, *, at: dt.datetime) -> None:
    """Have each of these rewards cost what it costs at this moment, in the programme's time zone.

    In memory alone: nobody saves them. Whoever takes one reads it under its lock and asks again.
    """
    hour = at.astimezone(ZoneInfo(programme.time_zone)).hour
    for reward in rewards:
        if reward.happy_price is not None and reward.is_happy_at(hour):
            reward.usual_price, reward.price = reward.price, reward.happy_price


def taken_by(wallet: Wallet, rewards: Iterable[Reward], *, at: dt.datetime) -> Mapping[int, int]:
    """Return how many of each reward the member had in the period of its limit; one query for each kind of period."""
    limited: dict[str, list[int]] = {}
    for reward in rewards:
        if reward.limit is not None:
            limited.setdefault(reward.limit_period, []).append(reward.pk)
    taken: dict[int, int] = {}
    for period, ids in limited.items():
        counted = Redemption.objects.filter(wallet=wallet, reward__in=ids).exclude(state__in=_NOT_COUNTED)
        if (since := _begin_of(wallet.programme, period, at)) is not None:
            counted = counted.filter(created_at__gte=since)
        rows = counted.order_by().values("reward").annotate(times=Count("pk"))
        taken.update({row["reward"]: row["times"] for row in rows})
    return taken


def had_since(wallet: Wallet, rewards: Iterable[int], *, since: dt.datetime) -> frozenset[int]:
    """Return which of these rewards, by their ids, the member took since then, unless it was given back. One query."""
    taken = Redemption.objects.filter(wallet=wallet, reward__in=list(rewards), created_at__gte=since)
    return frozenset(taken.exclude(state__in=_NOT_COUNTED).values_list("reward", flat=True))


def _begin_of(programme: Programme, period: str, at: dt.datetime) -> dt.datetime | None:
    first_day = periods_of(programme, at)[period].partition(":")[2]
    if not first_day:
        return None
    return dt.datetime.combine(dt.date.fromisoformat(first_day), dt.time(), ZoneInfo(programme.time_zone))
