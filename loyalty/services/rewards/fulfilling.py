"""What happens to a redemption afterwards: it is packed, sent, cancelled, sent back, and points are given back.

Every function locks the wallet first and reads the redemption then, so that two who press a button at once do it once.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db.models import F
from django.utils import timezone

from loyalty import reward_news
from loyalty.exceptions import HoldEndedError, StepRefusedError
from loyalty.models.ledger import Wallet
from loyalty.models.rewards import (
    HELD_STATES,
    Parcel,
    Reason,
    Redemption,
    Reward,
    RewardKind,
    RewardTerms,
    State,
    VoucherCode,
)
from loyalty.services import ledger
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import durable
from loyalty.services.rewards.redeeming import MEMBER, add_step
from loyalty.services.rewards.rights import Right, require

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

#: What follows a state, by kind of reward.
_NEXT: Final[dict[str, dict[str, State]]] = {
    RewardKind.PHYSICAL: {
        State.ORDERED: State.PACKED,
        State.PACKED: State.SHIPPED,
        State.SHIPPED: State.DELIVERED,
    },
    RewardKind.BENEFIT: {State.ORDERED: State.DELIVERED},
}
#: The state with which the points are spent.
_SPENT_WITH: Final = {RewardKind.PHYSICAL: State.SHIPPED, RewardKind.BENEFIT: State.DELIVERED}


def next_state(redemption: Redemption) -> State | None:
    """Return the state that staff can set next, or None."""
    return _NEXT.get(redemption.reward.kind, {}).get(redemption.state)


def may_cancel(redemption: Redemption) -> bool:
    """Return whether the member can still cancel it themselves: nobody has begun to pack it."""
    return redemption.state == State.ORDERED


def _lock(redemption: Redemption) -> Redemption:
    statements.lock_wallets([redemption.wallet_id])
    return Redemption.objects.select_related("reward__programme", "wallet__programme").get(pk=redemption.pk)


def cancel(*, redemption: Redemption, user: User) -> Redemption:
    """Cancel a redemption for the member it belongs to; the points are back with the days they had.

    Harmless when it is cancelled already. Raises `StepRefusedError` if it is too late, and `Redemption.DoesNotExist`
    if it is somebody else's.
    """
    with durable():
        redemption = _lock(Redemption.objects.visible_to(user).get(pk=redemption.pk))
        if redemption.state == State.CANCELLED:
            return redemption
        if not may_cancel(redemption):
            raise StepRefusedError
        return _cancel(redemption, actor=MEMBER, reason=Reason.MEMBER)


def cancel_for_member(*, redemption: Redemption, by: User, reason: str) -> Redemption:
    """Cancel a redemption that was not sent yet. Raises `RewardRightMissingError`, `StepRefusedError`, `ValueError`."""
    actor = require(by, Right.FULFIL)
    _check_reason(reason)
    with durable():
        redemption = _lock(redemption)
        if redemption.state == State.CANCELLED:
            return redemption
        if not redemption.is_held:
            raise StepRefusedError
        _cancel(redemption, actor=actor, reason=reason)
        reward_news.tell(redemption, news=reward_news.News.CANCELLED)
        return redemption


def _check_reason(reason: str) -> None:
    if reason not in Reason.values or reason == Reason.ERASURE:
        raise ValueError(reason)


def _cancel(redemption: Redemption, *, actor: str, reason: str) -> Redemption:
    try:
        ledger.release(wallet=redemption.wallet, hold=redemption.hold, actor=actor)
    except HoldEndedError:
        if redemption.wallet.status != Wallet.Status.CLOSED:  # closing a wallet forfeits what was held
            raise
    _put_back(redemption)
    return _enter(redemption, State.CANCELLED, actor=actor, reason=reason)


def _put_back(redemption: Redemption) -> None:
    Reward.objects.filter(pk=redemption.reward_id).update(sold=F("sold") - 1)


def _enter(redemption: Redemption, state: State, *, actor: str, reason: str = "", points: int = 0) -> Redemption:
    redemption.state = state
    redemption.refunded += points
    redemption.save(update_fields=["state", "refunded"])
    add_step(redemption, state, actor=actor, reason=reason, points=points)
    if next_state(redemption) is None:
        days = RewardTerms.of(redemption.reward.programme).keep_address_days
        Parcel.objects.filter(redemption=redemption).exclude(address="").update(
            erase_at=timezone.now() + dt.timedelta(days=days)
        )
    return redemption


def advance(*, redemption: Redemption, by: User, to: str, carrier: str = "", tracking: str = "") -> Redemption:
    """Set the next state; with it points are spent when something is sent, or done.

    Harmless when it is in that state already. Raises `RewardRightMissingError`, `StepRefusedError` for any other
    state, and the ledger's errors: the points of a frozen member are not spent, so nothing is sent.
    """
    actor = require(by, Right.FULFIL)
    with durable():
        redemption = _lock(redemption)
        if redemption.state == to:
            return redemption
        state = next_state(redemption)
        if state is None or state != to:
            raise StepRefusedError
        if state == _SPENT_WITH[RewardKind(redemption.reward.kind)]:
            ledger.capture(wallet=redemption.wallet, hold=redemption.hold, actor=actor)
        if state == State.SHIPPED:
            Parcel.objects.filter(redemption=redemption).update(carrier=carrier, tracking=tracking)
        _enter(redemption, state, actor=actor)
        if state == State.SHIPPED:
            reward_news.tell(redemption, news=reward_news.News.SHIPPED)
        elif redemption.reward.kind == RewardKind.BENEFIT:
            reward_news.tell(redemption, news=reward_news.News.PROVIDED)
        return redemption


def refund(*, redemption: Redemption, by: User, reason: str, key: str, amount: int | None = None) -> Redemption:
    """Give spent points back: all that are left, or `amount` of them, to the lots they came from.

    Once all are back, a code is void. The same key again changes nothing. Raises `RewardRightMissingError`,
    `StepRefusedError` if the points were not spent, `NotReversibleError` for more than is left, `ValueError`.
    """
    return _give_back(redemption, by=by, reason=reason, key=key, amount=amount, is_return=False)


def take_back(*, redemption: Redemption, by: User, reason: str) -> Redemption:
    """Note that a parcel came back: all points that are left are given back, and the thing is on the shelf again.

    Harmless when repeated. Raises like `refund`.
    """
    return _give_back(redemption, by=by, reason=reason, key="return", amount=None, is_return=True)


def _give_back(
    redemption: Redemption, *, by: User, reason: str, key: str, amount: int | None, is_return: bool
) -> Redemption:
    actor = require(by, Right.REFUND)
    _check_reason(reason)
    with durable():
        redemption = _lock(redemption)
        if is_return and redemption.state == State.RETURNED:
            return redemption
        can_return = redemption.state in {State.SHIPPED, State.DELIVERED} and (
            redemption.reward.kind == RewardKind.PHYSICAL
        )
        if redemption.state in {*HELD_STATES, State.CANCELLED} or (is_return and not can_return):
            raise StepRefusedError
        posted = ledger.refund(
            wallet=redemption.wallet, hold=redemption.hold, refund=key, amount=amount, reason=reason, actor=actor
        )
        if not posted.is_new:
            return redemption
        is_all = redemption.refunded + posted.amount == redemption.price
        state = State.RETURNED if is_return else State.REFUNDED if is_all else State(redemption.state)
        _enter(redemption, state, actor=actor, reason=reason, points=posted.amount)
        if is_return:
            _put_back(redemption)
        if is_all:
            _void_code(redemption)
        reward_news.tell(redemption, news=reward_news.News.REFUNDED)
        return redemption


def _void_code(redemption: Redemption) -> None:
    VoucherCode.objects.filter(redemption=redemption).update(
        status=VoucherCode.Status.VOID, sealed="", changed_at=timezone.now()
    )


# Leaving -------------------------------------------------------------------------------------------------------------


def forget_redemptions(*, member_key: UUID) -> None:
    """Cancel what somebody who leaves has not received, and delete all addresses. Before their wallets are closed."""
    for redemption in Redemption.objects.filter(wallet__member_key=member_key).order_by("wallet_id", "pk"):
        with durable():
            locked = _lock(redemption)
            if locked.is_held:
                _cancel(locked, actor="erasure", reason=Reason.ERASURE)
            _erase(redemption.pk)


def _erase(*redemptions: int) -> None:
    Parcel.objects.filter(redemption__in=redemptions).update(address="", carrier="", tracking="", erase_at=None)


def erase_due_addresses() -> int:
    """Delete the addresses whose time is over; return how many. A periodic job."""
    due = list(Parcel.objects.filter(erase_at__lte=timezone.now()).values_list("redemption_id", flat=True)[:1000])
    _erase(*due)
    return len(due)


def is_any_address_due() -> bool:
    """Return whether the time of an address is over."""
    return Parcel.objects.filter(erase_at__lte=timezone.now()).exists()
