"""What can be done with points. Every function does it once per key, or not at all.

Whoever owes points (`reverse`) has none to spend: whatever becomes available pays the debt first.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from django.db.models import Sum

from loyalty.buckets import expiry_of, today_of
from loyalty.exceptions import (
    HoldEndedError,
    InsufficientPointsError,
    InvalidDateError,
    NotReversibleError,
    TransfersRefusedError,
    WalletClosedError,
)
from loyalty.models.ledger import REVIEWED, Code, Journal, Kind, Programme, SwitchRecord, Wallet
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import (
    Book,
    Leg,
    NothingToDoError,
    Plan,
    Posted,
    Request,
    check_amount,
    durable,
    post,
    take,
)
from loyalty.services.ledger.statements import Lot, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

_ISSUE: Final = Place(Kind.ISSUE)
_REDEEMED: Final = Place(Kind.REDEEMED)
_EXPIRED: Final = Place(Kind.EXPIRED)
_FORFEIT: Final = Place(Kind.FORFEIT)
_DEBT: Final = Place(Kind.DEBT)


class Shortfall(Enum):
    """What `reverse` does when the points are spent already."""

    DEBT = "debt"
    FORGIVE = "forgive"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Award:
    """The arguments of `earn`."""

    wallet: Wallet
    amount: int
    key: str
    expires_on: dt.date | None = None
    pending_until: dt.date | None = None
    budget: str = ""
    review: str = ""
    source: str = ""
    reason: str = ""
    actor: str = ""
    occurred_at: dt.datetime | None = None


def open_wallet(*, programme: Programme, member_key: UUID) -> Wallet:
    """Return the member's wallet in the programme; open it the first time."""
    return Wallet.objects.get_or_create(programme=programme, member_key=member_key)[0]


# Earning -------------------------------------------------------------------------------------------------------------


def fund(*, programme: Programme, budget: str, amount: int, key: str, actor: str) -> Posted:
    """Put points into a budget, from which awards are then paid. Raises `KeyReusedError`, `InvalidAmountError`."""
    check_amount(amount)
    request = Request(
        code=Code.FUND,
        key=key,
        programme_id=programme.pk,
        wallet_id=None,
        details={"budget": budget, "amount": amount},
        actor=actor,
    )
    return post(request, lambda _book: Plan(amount, [Leg(_ISSUE, Place(Kind.BUDGET, budget), amount)]))


def earn(
    *,
    wallet: Wallet,
    amount: int,
    key: str,
    expires_on: dt.date | None = None,
    pending_until: dt.date | None = None,
    budget: str = "",
    review: str = "",
    source: str = "",
    reason: str = "",
    actor: str = "",
    occurred_at: dt.datetime | None = None,
) -> Posted:
    """Award points: at once, or from the day `pending_until`. They expire as the programme says, or after `expires_on`.

    They come out of the budget, if one is named. With the id of a `review` they are pending until that ends (`end_review`), and
    then until their day. Raises `InsufficientPointsError` if it has too few,
    `WalletClosedError`, `EarningStoppedError`, `InvalidAmountError`, `InvalidDateError`, `KeyReusedError`.
    """
    return book_award(
        Award(
            wallet=wallet,
            amount=amount,
            key=key,
            expires_on=expires_on,
            pending_until=pending_until,
            budget=budget,
            review=review,
            source=source,
            reason=reason,
            actor=actor,
            occurred_at=occurred_at,
        )
    )


def book_award(award: Award) -> Posted:
    """Book one award. Raises like `earn`."""
    request, origin, target = prepare_award(award)

    def plan(book: Book) -> Plan:
        if award.budget:
            left = statements.lock_budget(award.wallet.programme_id, award.budget)
            if left < award.amount:
                raise InsufficientPointsError(award.amount - left)
        return Plan(award.amount, [Leg(origin, target, award.amount), *_settled(book, [(target, award.amount)])])

    return post(request, plan)


def prepare_award(award: Award) -> tuple[Request, Place, Place]:
    """Return the request for an award, and the accounts from which and to which its points go. Raises like `earn`."""
    check_amount(award.amount)
    programme = award.wallet.programme
    bucket = award.expires_on or expiry_of(programme, earned_on=today_of(programme, at=award.occurred_at))
    pending_until = award.pending_until
    if pending_until is not None and pending_until > bucket:
        raise InvalidDateError
    request = Request(
        code=Code.EARN,
        key=award.key,
        programme_id=award.wallet.programme_id,
        wallet_id=award.wallet.pk,
        details={
            "amount": award.amount,
            "expires_on": _text(award.expires_on),
            "pending_until": _text(pending_until),
            "budget": award.budget,
            **({"review": award.review} if award.review else {}),
        },
        source=award.source,
        reason=award.reason,
        actor=award.actor,
        occurred_at=award.occurred_at,
    )
    due = _text(pending_until) or ""
    target = Place(Kind.PENDING, f"{_under(award.review)}{due}", bucket) if award.review else _arrived(due, bucket)
    return request, Place(Kind.BUDGET, award.budget) if award.budget else _ISSUE, target


def _arrived(due: str, bucket: dt.date) -> Place:
    """Where points are that are pending until a day, or not at all."""
    return Place(Kind.PENDING, due, bucket) if due else Place(Kind.AVAILABLE, bucket=bucket)


def _under(review: str) -> str:
    """How references of lots begin that are under a review; after it comes the day until which they are pending anyway.

    In the order of text they come after every day, so that none of them is ever due.
    """
    return f"{REVIEWED}{review}:"


def _text(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _settled(book: Book, arriving: Iterable[tuple[Place, int]]) -> list[Leg]:
    """The legs that pay the wallet's debt out of points that become available."""
    lots = [Lot(place, amount) for place, amount in arriving if place.kind == Kind.AVAILABLE]
    taken = take(lots, book.balances.debt)
    paid = sum(part for _place, part in taken)
    legs = [Leg(place, _ISSUE, part) for place, part in taken]
    return [*legs, Leg(_DEBT, _FORFEIT, paid)] if paid else []


def activate(*, wallet: Wallet, today: dt.date | None = None) -> Posted | None:
    """Make pending points available whose day has come; None if there are none. Raises `WalletFrozenError`."""
    until = (today or today_of(wallet.programme)).isoformat()

    def plan(book: Book) -> Plan:
        due = [lot for lot in book.lots(Kind.PENDING) if lot.place.ref <= until]
        moved = [(lot.place, Place(Kind.AVAILABLE, bucket=lot.place.bucket), lot.balance) for lot in due]
        legs = [Leg(*leg) for leg in moved]
        return Plan(_total(legs), [*legs, *_settled(book, [(to, amount) for _from, to, amount in moved])])

    return _if_due(_numbered(wallet, Code.ACTIVATE), plan)


def end_review(
    *, wallet: Wallet, review: str, reason: str = "", actor: str = "", today: dt.date | None = None
) -> Posted | None:
    """Let points go that were awarded under a review: at once, or pending until their day. None if there are none.

    What expired meanwhile lasts as long as if it were earned now: looking into it costs nobody points. No points may be
    awarded under this review afterwards. Raises `WalletFrozenError`, `WalletClosedError`, `KeyReusedError`.
    """
    day = today or today_of(wallet.programme)
    fresh = expiry_of(wallet.programme, earned_on=day)

    def plan(book: Book) -> Plan:
        moved = []
        for lot in book.lots(Kind.PENDING):
            if lot.place.ref.startswith(_under(review)):
                due = lot.place.ref.removeprefix(_under(review))
                bucket = lot.place.bucket if lot.place.bucket >= day else fresh
                moved.append((lot.place, _arrived(due if due > day.isoformat() else "", bucket), lot.balance))
        legs = [Leg(*leg) for leg in moved]
        return Plan(_total(legs), [*legs, *_settled(book, [(to, amount) for _from, to, amount in moved])])

    request = Request(
        code=Code.ACTIVATE,
        key=f"review:{review}",
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        reason=reason,
        actor=actor,
    )
    return _if_due(request, plan)


def _numbered(wallet: Wallet, code: Code) -> Request:
    return Request(code=code, key="", programme_id=wallet.programme_id, wallet_id=wallet.pk, actor="job")


def _if_due(request: Request, plan: Any) -> Posted | None:
    try:
        return post(request, plan)
    except NothingToDoError:
        return None


def _total(legs: Iterable[Leg]) -> int:
    return sum(leg.amount for leg in legs)


# Spending ------------------------------------------------------------------------------------------------------------


def hold(
    *, wallet: Wallet, hold: str, amount: int, today: dt.date | None = None, source: str = "", actor: str = ""
) -> Posted:
    """Reserve points under the id `hold`, first-expiring first. Held points do not expire.

    Raises `InsufficientPointsError`, `WalletFrozenError`, `WalletClosedError`, `SpendingStoppedError`,
    `InvalidAmountError`, `KeyReusedError`.
    """
    check_amount(amount)
    day = today or today_of(wallet.programme)
    request = _holding(wallet, Code.HOLD, hold, amount=amount, source=source, actor=actor)

    def plan(book: Book) -> Plan:
        spendable = [lot for lot in book.lots(Kind.AVAILABLE) if lot.place.bucket >= day]
        legs = [Leg(place, Place(Kind.HELD, hold, place.bucket), part) for place, part in _take_all(spendable, amount)]
        return Plan(amount, legs)

    return post(request, plan)


def _holding(wallet: Wallet, code: Code, hold: str, *, amount: int | None = None, **facts: str) -> Request:
    return Request(
        code=code,
        key=f"{code}:{hold}",
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        details={"amount": amount},
        **cast("Any", facts),
    )


def _take_all(lots: Sequence[Lot], amount: int) -> list[tuple[Place, int]]:
    taken = take(lots, amount)
    missing = amount - sum(part for _place, part in taken)
    if missing:
        raise InsufficientPointsError(missing)
    return taken


def capture(*, wallet: Wallet, hold: str, amount: int | None = None, actor: str = "") -> Posted:
    """Spend what is held, or `amount` of it; the rest is released.

    Raises `HoldEndedError` if nothing is held under this id in this wallet, `InsufficientPointsError` if less is,
    `WalletFrozenError`, `WalletClosedError`, `SpendingStoppedError`, `KeyReusedError`.
    """
    if amount is not None:
        check_amount(amount)

    def plan(book: Book) -> Plan:
        held = _held(book, hold)
        spent = dict(_take_all(held, sum(lot.balance for lot in held) if amount is None else amount))
        kept = [(lot.place, lot.balance - spent.get(lot.place, 0)) for lot in held]
        legs = [Leg(place, _REDEEMED, part) for place, part in spent.items()]
        return Plan(_total(legs), [*legs, *_released(book, kept)])

    return post(_holding(wallet, Code.CAPTURE, hold, amount=amount, actor=actor), plan)


def release(*, wallet: Wallet, hold: str, reason: str = "", actor: str = "") -> Posted:
    """Give held points back, each with the day on which it expires. Raises `HoldEndedError`, `KeyReusedError`."""

    def plan(book: Book) -> Plan:
        held = _held(book, hold)
        return Plan(sum(lot.balance for lot in held), _released(book, held))

    return post(_holding(wallet, Code.RELEASE, hold, reason=reason, actor=actor), plan)


def _held(book: Book, hold: str) -> list[Lot]:
    held = book.lots(Kind.HELD, hold)
    if not held:
        raise HoldEndedError
    return held


def _released(book: Book, held: Iterable[tuple[Place, int]]) -> list[Leg]:
    back = [(place, Place(Kind.AVAILABLE, bucket=place.bucket), part) for place, part in held if part]
    return [*(Leg(*leg) for leg in back), *_settled(book, [(to, part) for _from, to, part in back])]


def refund(
    *, wallet: Wallet, hold: str, refund: str, amount: int | None = None, reason: str = "", actor: str = ""
) -> Posted:
    """Give spent points back: all that are left of the captured hold, or `amount` of them.

    They go back to the lots they came from, last-expiring first: as if the member had spent only the rest. Points
    that have expired meanwhile are back as expired ones. `refund` is the id of this refund. Raises `NotReversibleError`
    if nothing was captured under this id, or less, and `KeyReusedError`.
    """
    captured = _journal_of(wallet, code=Code.CAPTURE, key=f"{Code.CAPTURE}:{hold}")

    def plan(book: Book) -> Plan:
        left = captured.amount - _reversed(captured)
        points = _within(amount, left)
        spent = [
            (credit, debit, part) for debit, credit, part in statements.legs_of(captured.pk) if credit == _REDEEMED
        ]
        lots = [Lot(held, part) for _credit, held, part in reversed(spent)]
        # What earlier refunds took is gone from the front.
        before = dict(take(lots, captured.amount - left))
        rest = [Lot(place, part - before.get(place, 0)) for place, part in lots]
        back = [(Place(Kind.AVAILABLE, bucket=place.bucket), part) for place, part in take(rest, points) if part]
        return Plan(points, [*(Leg(_REDEEMED, place, part) for place, part in back), *_settled(book, back)])

    return post(
        _reversing(
            wallet, Code.REFUND, captured, key=f"refund:{hold}:{refund}", amount=amount, reason=reason, actor=actor
        ),
        plan,
    )


# Corrections ---------------------------------------------------------------------------------------------------------


def reverse(
    *,
    wallet: Wallet,
    journal_id: int,
    reversal: str,
    amount: int | None = None,
    shortfall: Shortfall = Shortfall.DEBT,
    reason: str = "",
    actor: str = "",
) -> Posted:
    """Take an award back: all that is left of it, or `amount`. `reversal` is the id of this reversal.

    Takes its own lot first, pending before available, then other available points, first-expiring first. What is spent
    becomes a debt that later points pay, or is forgiven, or `InsufficientPointsError` is raised. Raises
    `NotReversibleError` if the wallet has no such award or less is left of it, and `KeyReusedError`.
    """
    awarded = _journal_of(wallet, pk=journal_id)
    if awarded.code not in {Code.EARN, Code.ADJUST}:
        raise NotReversibleError

    def plan(book: Book) -> Plan:
        points = _within(amount, awarded.amount - _reversed(awarded))
        origin, target, _part = statements.legs_of(awarded.pk)[0]
        if not target.is_of_wallet:
            raise NotReversibleError  # it took points away
        available = book.lots(Kind.AVAILABLE)
        # What was under a review is pending until its day afterwards.
        targets = {target, target._replace(ref=target.ref.rpartition(":")[2])}
        own = [lot for lot in book.lots(Kind.PENDING) if lot.place in targets]
        own += [lot for lot in available if lot.place.bucket == target.bucket]
        others = [lot for lot in available if lot.place.bucket != target.bucket]
        taken = take([*own, *others], points)
        missing = points - sum(part for _place, part in taken)
        if missing and (shortfall is Shortfall.REFUSE or (shortfall is Shortfall.FORGIVE and not taken)):
            raise InsufficientPointsError(missing)
        legs = [Leg(place, origin, part) for place, part in taken]
        if missing and shortfall is Shortfall.DEBT:
            legs.append(Leg(_FORFEIT, _DEBT, missing))
        return Plan(_total(legs), legs)

    request = _reversing(
        wallet, Code.REVERSE, awarded, key=f"reverse:{journal_id}:{reversal}", amount=amount, reason=reason, actor=actor,
        shortfall=shortfall.value,
    )  # fmt: skip
    return post(request, plan)


def _journal_of(wallet: Wallet, **which: Any) -> Journal:
    found = Journal.objects.filter(programme_id=wallet.programme_id, wallet_id=wallet.pk, **which).first()
    if found is None:
        raise NotReversibleError
    return found


def _reversed(journal: Journal) -> int:
    return Journal.objects.filter(reverses=journal).aggregate(points=Sum("amount"))["points"] or 0


def _within(amount: int | None, left: int) -> int:
    points = left if amount is None else check_amount(amount)
    if not 0 < points <= left:
        raise NotReversibleError(left)
    return points


def _reversing(
    wallet: Wallet,
    code: Code,
    original: Journal,
    *,
    key: str,
    amount: int | None,
    reason: str,
    actor: str,
    approver: str = "",
    **details: str,
) -> Request:
    return Request(
        code=code,
        key=key,
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        details={"amount": amount, **details},
        reverses_id=original.pk,
        reason=reason,
        actor=actor,
        approver=approver,
    )


def adjust(
    *,
    wallet: Wallet,
    amount: int,
    key: str,
    reason: str,
    actor: str,
    approver: str = "",
    expires_on: dt.date | None = None,
) -> Posted:
    """Correct a wallet by hand: add points, or take available ones away if `amount` is negative.

    Raises `ValueError` without a reason and an actor, `InsufficientPointsError`, `InvalidAmountError`,
    `KeyReusedError`. Who may do it, and who must approve it, is the caller's business.
    """
    if not (reason and actor):
        raise ValueError("A correction needs a reason and somebody who answers for it.")
    points = check_amount(abs(amount))
    bucket = expires_on or expiry_of(wallet.programme, earned_on=today_of(wallet.programme))
    other = Place(Kind.ADJUST, reason)
    request = Request(
        code=Code.ADJUST,
        key=key,
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        details={"amount": amount, "expires_on": _text(expires_on)},
        reason=reason,
        actor=actor,
        approver=approver,
    )

    def plan(book: Book) -> Plan:
        if amount < 0:
            return Plan(
                points, [Leg(place, other, part) for place, part in _take_all(book.lots(Kind.AVAILABLE), points)]
            )
        target = Place(Kind.AVAILABLE, bucket=bucket)
        return Plan(points, [Leg(other, target, points), *_settled(book, [(target, points)])])

    return post(request, plan)


def expire(*, wallet: Wallet, today: dt.date | None = None) -> Posted | None:
    """Expire available points whose last day is over; None if there are none."""
    day = today or today_of(wallet.programme)

    def plan(book: Book) -> Plan:
        legs = [Leg(lot.place, _EXPIRED, lot.balance) for lot in book.lots(Kind.AVAILABLE) if lot.place.bucket < day]
        return Plan(_total(legs), legs)

    return _if_due(_numbered(wallet, Code.EXPIRE), plan)


def extend(
    *, wallet: Wallet, bucket: dt.date, to: dt.date, key: str, reason: str, actor: str, approver: str = ""
) -> Posted:
    """Let available points that expire after the day `bucket` expire after the day `to` instead.

    Raises `InvalidDateError` unless that is later, `InsufficientPointsError` if there are none, `WalletClosedError`,
    `KeyReusedError`.
    """
    if to <= bucket:
        raise InvalidDateError
    request = Request(
        code=Code.EXTEND,
        key=key,
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        details={"bucket": bucket.isoformat(), "to": to.isoformat()},
        reason=reason,
        actor=actor,
        approver=approver,
    )

    def plan(book: Book) -> Plan:
        found = [lot for lot in book.lots(Kind.AVAILABLE) if lot.place.bucket == bucket]
        if not found:
            raise InsufficientPointsError(1)
        [(place, balance)] = found
        return Plan(balance, [Leg(place, Place(Kind.AVAILABLE, bucket=to), balance)])

    return post(request, plan)


def reinstate(
    *,
    wallet: Wallet,
    journal_id: int,
    to: dt.date,
    key: str,
    reason: str,
    actor: str,
    amount: int | None = None,
    approver: str = "",
    today: dt.date | None = None,
) -> Posted:
    """Give points again that a journal let expire: all that are left of them, or `amount`. They expire after the day `to`.

    They come out of what expired and are never more than that. Raises `ValueError` without a reason and an actor,
    `InvalidDateError` if that day is over, `NotReversibleError` if the wallet has no such journal or less is left of it,
    `WalletClosedError`, `KeyReusedError`.
    """
    if not (reason and actor):
        raise ValueError("A correction needs a reason and somebody who answers for it.")
    if to < (today or today_of(wallet.programme)):
        raise InvalidDateError
    expired = _journal_of(wallet, pk=journal_id, code=Code.EXPIRE)

    def plan(book: Book) -> Plan:
        points = _within(amount, expired.amount - _reversed(expired))
        target = Place(Kind.AVAILABLE, bucket=to)
        return Plan(points, [Leg(_EXPIRED, target, points), *_settled(book, [(target, points)])])

    request = _reversing(
        wallet, Code.REINSTATE, expired, key=key, amount=amount, reason=reason, actor=actor, approver=approver,
        to=to.isoformat(),
    )  # fmt: skip
    return post(request, plan)


def transfer(*, wallet: Wallet, to: Wallet, amount: int) -> NoReturn:
    """Raise `TransfersRefusedError`: points do not move between members. The database refuses it, too."""
    raise TransfersRefusedError


# Switches ------------------------------------------------------------------------------------------------------------


def freeze(*, wallet: Wallet, reason: str, actor: str) -> None:
    """Keep points from leaving the wallet and from becoming available; awards and corrections go on.

    Raises `WalletClosedError`, as `unfreeze` does. Once it returns, no hold or capture that began before can succeed.
    """
    _set_status(wallet, Wallet.Status.FROZEN, "freeze", reason, actor)


def unfreeze(*, wallet: Wallet, reason: str, actor: str) -> None:
    """End a freeze."""
    _set_status(wallet, Wallet.Status.OPEN, "unfreeze", reason, actor)


def close(*, wallet: Wallet, reason: str, actor: str) -> Posted | None:
    """Close the wallet for good: its points are forfeited, also held ones, and debts are written off.

    Return the journal, or None if the wallet was empty or is closed already.
    """
    request = Request(
        code=Code.CLOSE,
        key=f"close:{wallet.pk}",
        programme_id=wallet.programme_id,
        wallet_id=wallet.pk,
        reason=reason,
        actor=actor,
    )

    def plan(book: Book) -> Plan:
        legs = [Leg(lot.place, _FORFEIT, lot.balance) for lot in book.lots()]
        return Plan(_total(legs), legs)

    with durable():
        if statements.lock_wallets([wallet.pk])[wallet.pk].status == Wallet.Status.CLOSED:
            return None
        done = _if_due(request, plan)
        _record(wallet, Wallet.Status.CLOSED, "close", reason, actor)
    return done


def _set_status(wallet: Wallet, status: Wallet.Status, change: str, reason: str, actor: str) -> None:
    with durable():
        now = statements.lock_wallets([wallet.pk])[wallet.pk].status
        if now == Wallet.Status.CLOSED:
            raise WalletClosedError
        if now != status:
            _record(wallet, status, change, reason, actor)


def _record(wallet: Wallet, status: Wallet.Status, change: str, reason: str, actor: str) -> None:
    Wallet.objects.filter(pk=wallet.pk).update(status=status)
    SwitchRecord.objects.create(
        programme_id=wallet.programme_id, wallet=wallet, change=change, reason=reason, actor=actor
    )
    wallet.status = status


def set_switches(
    *,
    programme: Programme,
    reason: str,
    actor: str,
    stop_earning: bool | None = None,
    stop_spending: bool | None = None,
) -> None:
    """Stop or resume earning or spending in the whole programme; None leaves a switch as it is.

    What has begun before may still succeed. Releases, refunds, corrections and expiry go on.
    """
    with durable():
        now = Programme.objects.select_for_update().get(pk=programme.pk)
        for name, field, value in (
            ("earning", "is_earning_stopped", stop_earning),
            ("spending", "is_spending_stopped", stop_spending),
        ):
            if value is not None and value != getattr(now, field):
                setattr(now, field, value)
                setattr(programme, field, value)
                change = f"{'stop' if value else 'resume'} {name}"
                SwitchRecord.objects.create(programme=now, change=change, reason=reason, actor=actor)
        now.save(update_fields=["is_earning_stopped", "is_spending_stopped"])
