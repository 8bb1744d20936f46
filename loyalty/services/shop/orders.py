"""Orders and refunds that shops report: points for what was paid, taken back in proportion to what is refunded.

Of an order of `amount`, of which `refunded` was refunded in all, each award has `points * refunded // amount` points taken
back, in however many steps: rounding never takes or leaves more than one point of an award, and a whole refund takes
all of it. What is refunded before its order is reported waits for it. Locks: the order, then those of `earning`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction

from loyalty.exceptions import NotReversibleError
from loyalty.models import Decision, Journal, Member, Wallet
from loyalty.models.shop import ShopEvent, ShopOrder
from loyalty.services import earning, ledger
from loyalty.services.earning import Happened
from loyalty.services.ledger.posting import durable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from uuid import UUID

    from loyalty.models import Programme

#: Trigger of what was paid; `portal.points` declares it.
ORDER: Final = "shop.order"
#: Reason in journals and decisions.
REFUNDED: Final = "refunded"


class RowRefusedError(Exception):
    """A row cannot be done; `code` says why, for programs."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What was paid, in the smallest unit of the currency."""

    id: str
    member: UUID
    number: str
    amount: int
    currency: str
    lines: Mapping[str, int] = field(default_factory=dict)
    occurred_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """What was given back of one line of an order, or of the order if `line` is empty."""

    id: str
    member: UUID
    number: str
    amount: int
    currency: str
    line: str = ""
    occurred_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a row."""

    #: ``done``, ``waiting`` (for the order), ``known`` (reported before).
    status: str
    points: int
    why: list[str] = field(default_factory=list)


def _hash(row: Order | Refund) -> str:
    meaning: list[Any] = [type(row).__name__, str(row.member), row.number, row.amount, row.currency]
    meaning += [sorted(row.lines.items())] if isinstance(row, Order) else [row.line]
    meaning.append(row.occurred_at.isoformat())
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


def report(row: Order | Refund, *, programme: Programme, source: str) -> Done:
    """Do what a row reports, once for ever. Raises `RowRefusedError`, and `NotNowError` while earning is stopped."""
    try:
        with durable():
            return _report(row, programme, source)
    except IntegrityError:  # the same event or order at the same moment: it is there now
        with durable():
            return _report(row, programme, source)


def _report(row: Order | Refund, programme: Programme, source: str) -> Done:
    which = {"programme": programme, "source": source}
    known = ShopEvent.objects.filter(**which, event_id=row.id).first()
    if known is not None:
        return _again(known, row)
    if not Member.objects.filter(key=row.member).exists():
        raise RowRefusedError("unknown-member")
    order, _is_new = ShopOrder.objects.get_or_create(
        **which, number=row.number, defaults={"member_key": row.member, "currency": row.currency}
    )
    order = ShopOrder.objects.select_for_update().get(pk=order.pk)
    known = ShopEvent.objects.filter(**which, event_id=row.id).first()  # the lock may have been waited for
    if known is not None:
        return _again(known, row)
    if order.member_key != row.member or order.currency != row.currency:
        raise RowRefusedError("other-order")
    event = ShopEvent(**which, event_id=row.id, body_hash=_hash(row), order=order, amount=row.amount)
    done = _pay(order, row, event) if isinstance(row, Order) else _refund(order, row, event)
    event.points = done.points
    event.save(force_insert=True)
    return done


def _again(known: ShopEvent, row: Order | Refund) -> Done:
    if known.body_hash != _hash(row):
        raise RowRefusedError("other-body")
    return Done("known", known.points)


# Paid ----------------------------------------------------------------------------------------------------------------


def _happened(programme_source: str, row: Order) -> Happened:
    member = Member.objects.select_related("user").filter(key=row.member).first()
    if member is None:
        raise RowRefusedError("unknown-member")
    name = f"shop:{hashlib.sha256(f'{programme_source}:{row.number}'.encode()).hexdigest()[:32]}"
    return Happened(
        trigger=ORDER,
        source_id=name,
        subject=name,
        user_id=member.user_id,
        occurred_at=row.occurred_at,
        facts={"amount": row.amount, "lines": len(row.lines)},
        refused="staff" if member.user.is_staff else "",
    )


def _pay(order: ShopOrder, row: Order, event: ShopEvent) -> Done:
    if order.amount is not None:
        raise RowRefusedError("other-order")
    event.kind = ORDER
    decisions = earning.record(_happened(f"{order.programme_id}:{order.source}", row))
    decision = next((one for one in decisions if one.wallet.programme_id == order.programme_id), None)
    order.amount, order.lines = row.amount, dict(row.lines)
    order.event_id = decision.event_id if decision else None
    order.save()
    # Refunds that came before it.
    for early in order.events.filter(state=ShopEvent.State.WAITING).order_by("pk"):
        part = min(early.amount, _left(order, early.line))
        early.points = _take_back(order, part, early.event_id)
        early.state = ShopEvent.State.DONE
        early.save(update_fields=["points", "state"])
    return Done("done", decision.points, _why(decision)) if decision else Done("done", 0)


def _why(decision: Decision) -> list[str]:
    explanation = earning.explain(decision)
    return [*([explanation.reason] if explanation.reason else []), *explanation.rules]


def quote(row: Order, *, programme: Programme) -> Done:
    """Return what an order would give now. Nothing is kept. Raises like `report`."""
    with transaction.atomic():
        decisions = earning.record(_happened(f"quote:{programme.pk}", row))
        mine = next((one for one in decisions if one.wallet.programme_id == programme.pk), None)
        found = Done("quote", mine.points, _why(mine)) if mine else Done("quote", 0)
        transaction.set_rollback(True)
    return found


# Refunded ------------------------------------------------------------------------------------------------------------


def _refund(order: ShopOrder, row: Refund, event: ShopEvent) -> Done:
    event.kind, event.line = "shop.refund", row.line
    if order.amount is None:
        event.state = ShopEvent.State.WAITING
        return Done("waiting", 0)
    if row.line and row.line not in order.lines:
        raise RowRefusedError("unknown-line")
    if row.amount > _left(order, row.line):
        raise RowRefusedError("too-much")
    return Done("done", _take_back(order, row.amount, row.id))


def _left(order: ShopOrder, line: str) -> int:
    """How much of the order, or of one of its lines, can still be refunded."""
    left = (order.amount or 0) - order.refunded
    if not line:
        return left
    before = order.events.filter(line=line, state=ShopEvent.State.DONE).values_list("amount", flat=True)
    of_line: int = order.lines.get(line, 0)
    return max(0, min(left, of_line - sum(before)))


def _take_back(order: ShopOrder, amount: int, refund: str) -> int:
    """Take back what belongs to a part of the order; return how many points that was, in its programme."""
    whole, before = order.amount or 0, order.refunded
    order.refunded = before + amount
    order.save(update_fields=["refunded"])
    if not (whole and order.event_id):
        return 0
    points = 0
    for decision in (
        Decision.objects.filter(event=order.event_id, round=0).select_related("wallet").order_by("wallet_id")
    ):
        for journal_id in [one for considered in decision.considered for one in considered["journals"]]:
            awarded = Journal.objects.values_list("amount", flat=True).get(pk=journal_id)
            part = points_of_refund(awarded, whole, before, order.refunded)
            taken = _take_part(decision.wallet, journal_id, part, f"{order.source}:{refund}") if part else 0
            points += taken if decision.wallet.programme_id == order.programme_id else 0
    return points


def _take_part(wallet: Wallet, journal_id: int, part: int, refund: str) -> int:
    try:
        return _reverse(wallet, journal_id, part, refund)
    except NotReversibleError as error:  # some of it was taken back for another reason
        return _reverse(wallet, journal_id, error.left, refund) if error.left else 0


def _reverse(wallet: Wallet, journal_id: int, points: int, refund: str) -> int:
    return ledger.reverse(
        wallet=wallet, journal_id=journal_id, reversal=f"refund:{refund}", amount=points, reason=REFUNDED, actor="shop"
    ).amount


def points_of_refund(awarded: int, whole: int, before: int, after: int) -> int:
    """Return how many of the points of an order go with a refund, after which `after` of `whole` is refunded."""
    return awarded * after // whole - awarded * before // whole
