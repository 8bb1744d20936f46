"""What the pages of rewards show: what can be had, why not, and what a member took. Composed of services and queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.models import Parcel, Redemption, Reward, RewardTerms
from loyalty.models.ledger import Wallet
from loyalty.models.rewards import RewardKind
from loyalty.queries import Expiring, summary, wallets_of
from loyalty.services import rewards
from portal.core.text import row_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from loyalty.models import Earning
    from portal.accounts.models import User

#: Redemptions on one page.
_PAGE = 20
#: So many or fewer are few.
_FEW = 5
#: What the member's own doing overcomes.
_IN_TIME = frozenset({rewards.Why.INSUFFICIENT_BALANCE, rewards.Why.TIER})


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A reward as one member sees it."""

    reward: Reward
    obstacles: list[rewards.Obstacle]
    #: Points that are missing; 0 if there are enough.
    missing: int
    #: Points that the member can spend.
    balance: int = 0
    #: How many are left, if they are few; None otherwise.
    few_left: int | None = None
    #: Whether the member saves for it.
    is_goal: bool = False

    @property
    def can_be_had(self) -> bool:
        return not self.obstacles

    @property
    def can_be_saved_for(self) -> bool:
        """Whether it can be had once there are more points, or a higher tier."""
        return bool(self.obstacles) and all(one.why in _IN_TIME for one in self.obstacles)

    @property
    def saved(self) -> int:
        """Points the member has of its price."""
        return min(self.balance, self.reward.price)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What a reward costs a member: what is left, and which points go, first-expiring first."""

    balance: int
    left: int
    lots: list[Expiring]


def offers_for(shown: Earning, wallet: Wallet | None, *, person: User, number: int | None = None) -> list[Offer]:
    """Return the rewards of the programme, or the one with this number: what can be had first, then the nearest.

    Up to a dozen queries, however many rewards.
    """
    programme = shown.programme
    points = summary(wallet) if wallet else None
    today, now = today_of(programme), timezone.now()
    found = rewards.on_show(programme, today).select_related("programme")
    on_show = list(found if number is None else found.filter(pk=number))
    rewards.set_prices(on_show, programme, at=now)
    standing = rewards.Standing(
        today=today,
        status=wallet.status if wallet else Wallet.Status.OPEN,
        is_stopped=programme.is_spending_stopped,
        spendable=points.spendable if points else 0,
        **rewards.standing_of_member(on_show, programme, wallets_of(person)),
        **rewards.standing_of_account(person, wallet, RewardTerms.of(programme), at=now),
    )
    taken = rewards.taken_by(wallet, on_show, at=now) if wallet else {}
    left, goal = _few_left(on_show, today), rewards.goal_of(person)
    offers = []
    for reward in on_show:
        obstacles = rewards.obstacles(
            reward, standing, taken=taken.get(reward.pk, 0), has_code=bool(getattr(reward, "has_code", False))
        )
        offers.append(
            Offer(
                reward=reward,
                obstacles=obstacles,
                missing=max(0, reward.price - standing.spendable),
                balance=standing.spendable,
                few_left=left.get(reward.pk),
                is_goal=goal is not None and goal.reward_id == reward.pk,
            )
        )
    return sorted(offers, key=_order)


def _few_left(on_show: Sequence[Reward], today: dt.date) -> dict[int, int]:
    """How many are left of those of which there are few: things by their stock, codes by what can be handed out. One query."""
    vouchers = [reward.pk for reward in on_show if reward.kind == RewardKind.VOUCHER]
    free = rewards.free_codes(today).filter(reward__in=vouchers).order_by().values("reward").annotate(codes=Count("pk"))
    codes = {row["reward"]: row["codes"] for row in free} if vouchers else {}
    counts = {reward.pk: [n for n in (reward.on_shelf, codes.get(reward.pk)) if n is not None] for reward in on_show}
    return {key: min(found) for key, found in counts.items() if found and 0 < min(found) <= _FEW}


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rewards that fit what was chosen, and what else can be chosen."""

    offers: list[Offer]
    kind: str
    tier: str
    is_affordable: bool
    #: How many there are for the points the member has.
    affordable: int
    kinds: list[tuple[str, str]]
    tiers: list[tuple[str, str]]

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.kind or self.tier or self.is_affordable)


def shelf_of(offers: list[Offer], asked: Mapping[str, str], tiers: Mapping[str, str]) -> Shelf:
    """Return what an address chooses of these offers; everything where it asks for what there is not.

    `tiers` are the names of the tiers by their codes.
    """
    there = {offer.reward.kind for offer in offers}
    kinds = [(kind.value, str(Reward.FOR_MEMBERS[kind])) for kind in RewardKind if kind in there]
    of_tiers = {offer.reward.from_tier for offer in offers}
    shown_tiers = [(code, name) for code, name in tiers.items() if code in of_tiers]
    kind, tier = asked.get("kind", ""), asked.get("tier", "")
    kind, tier = kind if kind in dict(kinds) else "", tier if tier in dict(shown_tiers) else ""
    is_affordable = asked.get("can") == "1"
    chosen = [
        offer
        for offer in offers
        if kind in {"", offer.reward.kind}
        and tier in {"", offer.reward.from_tier}
        and not (is_affordable and offer.missing)
    ]
    affordable = sum(not offer.missing for offer in offers)
    return Shelf(chosen, kind, tier, is_affordable, affordable, kinds, shown_tiers)


def goal_for(shown: Earning, wallet: Wallet | None, *, person: User) -> Offer | None:
    """Return what the person saves for, as long as it is on the shelf. One query if they save for nothing."""
    goal = rewards.goal_of(person)
    if goal is None:
        return None
    return next(iter(offers_for(shown, wallet, person=person, number=goal.reward_id)), None)


def _order(offer: Offer) -> tuple[bool, bool, int, int]:
    """What can be had, cheapest first; then what only points are missing for, the nearest first; then all others."""
    others = any(obstacle.why is not rewards.Why.INSUFFICIENT_BALANCE for obstacle in offer.obstacles)
    return (not offer.can_be_had, others, offer.missing or offer.reward.price, offer.reward.pk)


def bill_of(reward: Reward, wallet: Wallet | None) -> Bill:
    """Return what the reward would cost now."""
    points = summary(wallet) if wallet else None
    balance = points.spendable if points else 0
    lots, needed = [], reward.price
    for lot in points.expiring if points else []:
        if needed <= 0:
            break
        lots.append(Expiring(lot.last_day, min(lot.points, needed)))
        needed -= lot.points
    return Bill(balance=balance, left=balance - reward.price, lots=lots)


def must_confirm(reward: Reward) -> bool:
    """Return whether the member has to show who they are before they take it."""
    return rewards.needs_confirmation(reward, RewardTerms.of(reward.programme))


@dataclass(frozen=True, slots=True)
class Taken:
    """Some redemptions of a member, newest first; `before` continues them."""

    redemptions: Sequence[Redemption]
    before: int | None


def taken_of(person: User, *, before: str = "") -> Taken:
    """Return what the person redeemed, by keyset: one query."""
    found = Redemption.objects.visible_to(person).select_related("reward__picture").order_by("-pk")
    number = row_number(before)
    rows = list((found if number is None else found.filter(pk__lt=number))[: _PAGE + 1])
    return Taken(rows[:_PAGE], rows[_PAGE - 1].pk if len(rows) > _PAGE else None)


def parcel_of(redemption: Redemption) -> tuple[Parcel | None, rewards.Address | None]:
    """Return the parcel of a redemption and its address, as long as there are any."""
    parcel = Parcel.objects.filter(redemption=redemption).first()
    return parcel, rewards.address_of(parcel) if parcel else None
