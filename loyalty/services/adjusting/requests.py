"""Corrections of one member's points: asked for by one person, decided by another one if they are large.

Locks are taken in one order: the policy, what is decided about, the wallet.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.exceptions import (
    ChangedError,
    DecidedError,
    InsufficientPointsError,
    InvalidDateError,
    KeyReusedError,
    NotReversibleError,
    OwnPointsError,
    SamePersonError,
    WalletClosedError,
)
from loyalty.models import Adjustment, PointsFile, PointsPolicy, Wallet
from loyalty.models.adjustments import NOTE_LENGTH, AskedModel, State, expiry_in
from loyalty.models.ledger import NEVER, Kind, Member
from loyalty.queries import lapsed
from loyalty.services import cards, ledger
from loyalty.services.adjusting.rights import (
    actor_of,
    may_ask,
    may_decide,
    may_freeze,
    may_look,
    may_set_policy,
    may_switch,
    refuse_own,
    require,
)
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import check_amount, durable
from loyalty.services.members import wallet_for
from loyalty.services.telling import tell_of_correction
from portal.accounts.models import User
from portal.core.admin_search import spelt_like
from portal.core.privacy import redact_to
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from loyalty.models import Programme

#: So many letters find somebody.
_FEWEST_LETTERS: Final = 2
#: What one person corrects alone is counted over this time.
ALONE_WITHIN: Final = dt.timedelta(hours=24)


def policy_of(programme: Programme) -> PointsPolicy:
    """Return the programme's rules for corrections; the default ones if nobody changed them. Writes nothing."""
    return PointsPolicy.objects.filter(programme=programme).first() or PointsPolicy(programme=programme)


def save_policy(policy: PointsPolicy, *, by: User) -> None:
    """Change how much one person corrects alone. Raises `NoRightError`, `ValidationError`."""
    require(may_set_policy(by))
    policy.full_clean(validate_unique=False, validate_constraints=False)
    policy.save()


def locked_policy(programme: Programme) -> PointsPolicy:
    """Return the policy, locked: two corrections of one person are counted one after the other."""
    PointsPolicy.objects.get_or_create(programme=programme)
    return PointsPolicy.objects.select_for_update().get(programme=programme)


def needs_second(policy: PointsPolicy, *, by: User, size: int) -> bool:
    """Return whether so many more points are more than the person corrects alone within a day."""
    recently = {"asked_by": actor_of(by), "needs_second": False, "asked_at__gte": timezone.now() - ALONE_WITHIN}
    done = Adjustment.objects.filter(**recently, wallet__programme=policy.programme_id).aggregate(sum=Sum("size"))
    files = PointsFile.objects.filter(
        **recently, programme=policy.programme_id, state__in=[State.APPROVED, State.DONE]
    ).aggregate(sum=Sum("size"))
    return (done["sum"] or 0) + (files["sum"] or 0) + size > policy.alone_up_to


# Asking --------------------------------------------------------------------------------------------------------------


def ask(
    *,
    member: User,
    programme: Programme,
    points: int,
    reason: str,
    by: User,
    token: UUID,
    note: str = "",
    expires_on: dt.date | None = None,
) -> Adjustment:
    """Give points to a member, or take them away if `points` is negative; or ask a second person to, if they are many.

    `token` names the request: the same one again returns what became of it. Raises `NoRightError`, `OwnPointsError`,
    `WalletClosedError`, `InsufficientPointsError`, `InvalidAmountError`, `InvalidDateError`, `KeyReusedError`.
    """
    require(may_ask(by))
    check_amount(abs(points))
    if member.pk == by.pk:
        raise OwnPointsError
    with durable():
        wallet = wallet_for(user=member, programme=programme)
        if expires_on is not None and expires_on < today_of(programme):
            raise InvalidDateError
        if points < 0 and statements.last_balances(wallet.pk).available < -points:
            raise InsufficientPointsError(-points - statements.last_balances(wallet.pk).available)
        wanted = Adjustment(
            token=token, wallet=wallet, points=points, expires_on=expires_on if points > 0 else None, reason=reason
        )
        return _ask(wanted, by=by, note=note)


def ask_to_extend(
    *, wallet: Wallet, bucket: dt.date, to: dt.date | None, reason: str, by: User, token: UUID, note: str = ""
) -> Adjustment:
    """Have points that expire after the day `bucket` expire after the day `to`, or never; or ask a second person to.

    Raises like `ask`, and `InsufficientPointsError` if there are none.
    """
    require(may_ask(by))
    refuse_own(by, wallet.member_key)
    with durable():
        to = to or NEVER
        if to <= bucket or to < today_of(wallet.programme):
            raise InvalidDateError
        points = _points_of_lot(wallet, bucket)
        if not points:
            raise InsufficientPointsError(1)
        wanted = Adjustment(token=token, wallet=wallet, points=points, bucket=bucket, expires_on=to, reason=reason)
        return _ask(wanted, by=by, note=note)


def ask_to_reinstate(
    *,
    wallet: Wallet,
    journal_id: int,
    to: dt.date | None,
    reason: str,
    by: User,
    token: UUID,
    points: int | None = None,
    note: str = "",
) -> Adjustment:
    """Give points again that this journal let expire, all that are left or so many, until the day `to`, or for ever.

    They come out of what expired. Or ask a second person to. Raises like `ask`, and `NotReversibleError` for more than is
    left, `InvalidDateError` for a day that is over.
    """
    require(may_ask(by))
    refuse_own(by, wallet.member_key)
    with durable():
        to = to or NEVER
        if to < today_of(wallet.programme):
            raise InvalidDateError
        # The form that is sent twice asks for points that it has brought back itself.
        asked = Adjustment.objects.filter(token=token).values_list("points", flat=True).first()
        left = next((row.points for row in lapsed(wallet) if row.journal_id == journal_id), 0)
        wanted = next(amount for amount in (points, asked, left) if amount is not None)
        if asked is None and not 0 < wanted <= left:
            raise NotReversibleError(left)
        return _ask(
            Adjustment(
                token=token, wallet=wallet, points=wanted, expired_by=journal_id, expires_on=to, reason=reason
            ),
            by=by,
            note=note,
        )  # fmt: skip


def _points_of_lot(wallet: Wallet, bucket: dt.date) -> int:
    return sum(lot.balance for lot in statements.lots(wallet.pk, Kind.AVAILABLE) if lot.place.bucket == bucket)


def _ask(wanted: Adjustment, *, by: User, note: str) -> Adjustment:
    policy = locked_policy(wanted.wallet.programme)
    known = Adjustment.objects.filter(token=wanted.token).select_related("wallet__programme").first()
    if known is not None:
        same = ("wallet_id", "bucket", "expired_by", "expires_on", "reason")
        if known.asked_by != actor_of(by) or any(getattr(known, name) != getattr(wanted, name) for name in same):
            raise KeyReusedError
        if known.bucket is None and known.points != wanted.points:
            raise KeyReusedError
        return known
    if wanted.wallet.status == Wallet.Status.CLOSED:
        raise WalletClosedError
    wanted.size = abs(wanted.points)
    wanted.asked_by = actor_of(by)
    wanted.note = redact_to(note, NOTE_LENGTH)
    wanted.expires_at = expiry_in(policy.days_to_decide)
    wanted.needs_second = needs_second(policy, by=by, size=wanted.size)
    wanted.state = State.WAITING
    if not wanted.needs_second:
        _book(wanted)
    wanted.save()
    return wanted


def _book(wanted: Adjustment) -> None:
    """Book what was asked for: the only way from a request to the ledger."""
    wallet, bucket, key = wanted.wallet, wanted.bucket, f"staff:{wanted.token}"
    reason, actor, approver = wanted.reason, wanted.asked_by, wanted.decided_by
    if wanted.expired_by is not None:
        posted = ledger.reinstate(
            wallet=wallet, journal_id=wanted.expired_by, amount=wanted.points, to=wanted.expires_on or NEVER, key=key,
            reason=reason, actor=actor, approver=approver,
        )  # fmt: skip
    elif bucket is None:
        posted = ledger.adjust(
            wallet=wallet, amount=wanted.points, key=key, reason=reason, actor=actor, approver=approver,
            expires_on=wanted.expires_on,
        )  # fmt: skip
    else:
        statements.lock_wallets([wallet.pk])
        if _points_of_lot(wallet, bucket) > wanted.points:
            raise ChangedError
        posted = ledger.extend(
            wallet=wallet, bucket=bucket, to=wanted.expires_on or NEVER, key=key, reason=reason, actor=actor,
            approver=approver,
        )  # fmt: skip
    wanted.state = State.DONE
    wanted.journal_id = posted.journal_id
    wanted.decided_at = timezone.now()
    tell_of_correction(wallet, journal_id=posted.journal_id, reason=reason)


# Deciding ------------------------------------------------------------------------------------------------------------


def approve(adjustment: Adjustment, *, by: User) -> Adjustment:
    """Book what somebody else asked for, once; the same decision again changes nothing.

    Raises `NoRightError`, `SamePersonError`, `OwnPointsError`, `DecidedError`, `ChangedError`, and what the ledger
    refuses; the request then still waits.
    """
    require(may_decide(by))
    with durable():
        row = _locked(adjustment)
        if row.state == State.DONE and row.decided_by == actor_of(by):
            return row
        check_decidable(row, by=by)
        refuse_own(by, row.wallet.member_key)
        if row.wallet.status == Wallet.Status.CLOSED:
            raise WalletClosedError
        row.decided_by = actor_of(by)
        _book(row)
        row.save()
    return row


def refuse(adjustment: Adjustment, *, by: User) -> Adjustment:
    """Refuse what somebody else asked for. Raises like `approve`."""
    require(may_decide(by))
    with durable():
        row = _locked(adjustment)
        check_decidable(row, by=by)
        refuse_own(by, row.wallet.member_key)
        end(row, State.REFUSED, by=by)
    return row


def withdraw(adjustment: Adjustment, *, by: User) -> Adjustment:
    """Take one's own request back. Raises `NoRightError` for that of somebody else, `DecidedError`."""
    with durable():
        row = _locked(adjustment)
        require(row.asked_by == actor_of(by))
        if row.state != State.WAITING:
            raise DecidedError
        end(row, State.WITHDRAWN)
    return row


def _locked(adjustment: Adjustment) -> Adjustment:
    locked = Adjustment.objects.select_for_update(of=("self",)).select_related("wallet__programme")
    return locked.get(pk=adjustment.pk)


def check_decidable(asked: AskedModel, *, by: User) -> None:
    """Raise `SamePersonError` or `DecidedError` unless this person can decide about it now."""
    if asked.asked_by == actor_of(by):
        raise SamePersonError
    if not asked.is_waiting:
        raise DecidedError


def end(asked: AskedModel, state: State, *, by: User | None = None) -> None:
    """Say that it will not be booked."""
    asked.state = state
    asked.decided_by = actor_of(by) if by else ""
    asked.decided_at = timezone.now()
    asked.save()


# Switches ------------------------------------------------------------------------------------------------------------


def set_frozen(wallet: Wallet, *, is_frozen: bool, reason: str, by: User) -> None:
    """Freeze the points of a member, or end that. Raises `NoRightError`, `OwnPointsError`, `WalletClosedError`."""
    require(may_freeze(by))
    refuse_own(by, wallet.member_key)
    (ledger.freeze if is_frozen else ledger.unfreeze)(wallet=wallet, reason=reason, actor=actor_of(by))


def switch(
    programme: Programme,
    *,
    reason: str,
    by: User,
    stop_earning: bool | None = None,
    stop_spending: bool | None = None,
) -> None:
    """Stop or resume earning or spending of a programme. Raises `NoRightError`."""
    require(may_switch(by))
    ledger.set_switches(
        programme=programme, reason=reason, actor=actor_of(by), stop_earning=stop_earning, stop_spending=stop_spending
    )


# Reading -------------------------------------------------------------------------------------------------------------


def find_members(words: str, *, by: User, limit: int = 20) -> list[User]:
    """Return people by a part of their name, address or public name, by the number of a card, or by a key.

    Raises `NoRightError`.
    """
    require(may_look(by))
    words = normalise_input(words).strip()
    if len(words) < _FEWEST_LETTERS:
        return []
    key = cards.key_shown(words)
    if key is None:
        with suppress(ValueError):
            key = UUID(words)
    if key is not None:
        return list(User.objects.filter(pk__in=Member.objects.filter(key=key).values("user")))
    return list(User.objects.filter(spelt_like(words, ["name", "email", "handle"])).order_by("handle")[:limit])
