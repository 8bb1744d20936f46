"""What the pages of rewards show: what can be had, why not, and what a member took. Composed of services and queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.models import Parcel, Redemption, RewardTerms
from loyalty.models.ledger import Wallet
from loyalty.queries import Expiring, summary, wallets_of
from loyalty.services import rewards
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty.models import Earning, Reward
    from portal.accounts.models import User

#: Redemptions on one page.
_PAGE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A reward as one member sees it."""

    reward: Reward
    obstacles: list[rewards.Obstacle]
    #: Points that are missing; 0 if there are enough.
    missing: int

    @property
    def can_be_had(self) -> bool:
        return not self.obstacles


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
    standing = rewards.Standing(
        today=today,
        status=wallet.status if wallet else Wallet.Status.OPEN,
        is_stopped=programme.is_spending_stopped,
        spendable=points.spendable if points else 0,
        **rewards.standing_among_tiers(on_show, programme, wallets_of(person)),
        **rewards.standing_of_account(person, wallet, RewardTerms.of(programme), at=now),
    )
    taken = rewards.taken_by(wallet, on_show, at=now) if wallet else {}
    offers = []
    for reward in on_show:
        obstacles = rewards.obstacles(
            reward, standing, taken=taken.get(reward.pk, 0), has_code=bool(getattr(reward, "has_code", False))
        )
        offers.append(Offer(reward=reward, obstacles=obstacles, missing=max(0, reward.price - standing.spendable)))
    return sorted(offers, key=_order)


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
