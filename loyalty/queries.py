"""What is read of the ledger: statements, balances, what expires when, what is outstanding."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Replace

from loyalty.buckets import today_of
from loyalty.models.earning import Decision
from loyalty.models.ledger import NEVER, REVIEWED, Account, Code, Journal, Kind, Member, Wallet
from loyalty.models.offers import ActivityCell, SegmentMembership

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    from loyalty.models.ledger import Programme
    from portal.accounts.models import User


#: What is reserved and spent within this time was had at once.
AT_ONCE: Final = dt.timedelta(minutes=1)


#: How ids of holds of shops begin.
_OF_SHOPS: Final = "shop:"


class Points(NamedTuple):
    """Points of a wallet in each state, or by how much these changed."""

    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One journal on a statement."""

    journal_id: int
    #: Counts the wallet's journals from 1.
    number: int
    code: str
    amount: int
    change: Points
    balance: Points
    source: str
    reason: str
    #: Under which the journal was booked, once for ever.
    key: str
    occurred_at: dt.datetime
    created_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementPage:
    """Some lines, newest first."""

    lines: list[StatementLine]
    #: `before` of the next page; None on the last one.
    next_before: int | None


class Which(NamedTuple):
    """Which lines of a statement: with one of these codes, if there are any, and of a time. Everything by default."""

    codes: tuple[str, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    #: Without what another line says already: reservations that were spent at once, and that coming points can be spent.
    is_short: bool = False


class Expiring(NamedTuple):
    """Available points and the last day on which they can be spent, or None if they never expire."""

    last_day: dt.date | None
    points: int


class Lapsed(NamedTuple):
    """Points that expired and were not given again since."""

    journal_id: int
    occurred_at: dt.datetime
    points: int


class Arriving(NamedTuple):
    """Pending points and the day on which they become available."""

    day: dt.date
    points: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a member has."""

    spendable: int
    held: int
    debt: int
    arriving: list[Arriving]
    expiring: list[Expiring]
    #: Pending points that staff look at before they can be spent.
    reviewed: int = 0


class Liability(NamedTuple):
    """Points of all members that expire after one day, or never if it is None."""

    last_day: dt.date | None
    points: Points


def wallets_of(user: User) -> QuerySet[Wallet]:
    """Return the person's own wallets: the only way from a person to points."""
    keys = Member.objects.filter(user=user).values("key")
    return Wallet.objects.filter(member_key__in=keys).select_related("programme").order_by("programme_id")


def decisions_about(user: User) -> QuerySet[Decision]:
    """Return all that was decided about what the person did, newest first."""
    keys = Member.objects.filter(user=user).values("key")
    found = Decision.objects.filter(event__member_key__in=keys).select_related("event", "wallet__programme")
    return found.order_by("-pk")


def statement(
    wallet: Wallet, *, before: int | None = None, limit: int = 50, which: Which | None = None
) -> StatementPage:
    """Return the newest lines, or those before the line of this number, with the balances after each; or some of them.

    One query, whose cost does not depend on the number of journals or on the page. Two if lines are left out: the second
    one reads the balances before each.
    """
    chosen = which or Which()
    found = _chosen(Journal.objects.filter(wallet=wallet), chosen)
    if before is not None:
        found = found.filter(number__lt=before)
    # One more: the balances before the last line.
    rows = list(found.order_by("-number")[: limit + 1])
    if chosen == Which():
        earlier = {row.number: row for row in rows}
    else:
        numbers = [row.number - 1 for row in rows[:limit]]
        earlier = {row.number: row for row in Journal.objects.filter(wallet=wallet, number__in=numbers)}
    lines = [_line(row, earlier.get(row.number - 1)) for row in rows[:limit]]
    return StatementPage(lines=lines, next_before=rows[limit - 1].number if len(rows) > limit else None)


def _chosen(found: QuerySet[Journal], which: Which) -> QuerySet[Journal]:
    if which.codes:
        found = found.filter(code__in=which.codes)
    if which.since is not None:
        found = found.filter(occurred_at__gte=which.since)
    if which.until is not None:
        found = found.filter(occurred_at__lt=which.until)
    if which.is_short:
        spent = Journal.objects.filter(
            wallet=OuterRef("wallet"),
            number=OuterRef("number") + 1,
            code=Code.CAPTURE,
            key=Replace(OuterRef("key"), Value(f"{Code.HOLD}:"), Value(f"{Code.CAPTURE}:")),
            created_at__lt=OuterRef("created_at") + AT_ONCE,
        )
        found = found.exclude(Exists(spent), code=Code.HOLD).exclude(code=Code.ACTIVATE)
    return found


def _line(row: Journal, earlier: Journal | None) -> StatementLine:
    balance, then = _points(row), _points(earlier) if earlier else Points()
    return StatementLine(
        journal_id=row.pk,
        number=row.number,
        code=row.code,
        amount=row.amount,
        change=Points(*(now - before for now, before in zip(balance, then, strict=True))),
        balance=balance,
        source=row.source,
        reason=row.reason,
        key=row.key,
        occurred_at=row.occurred_at,
        created_at=row.created_at,
    )


def _points(row: Journal) -> Points:
    return Points(row.available, row.pending, row.held, row.debt)


def statement_pages(wallet: Wallet, *, which: Which | None = None) -> Iterator[list[StatementLine]]:
    """Yield all lines, or some of them, newest first, page by page."""
    before = None
    while True:
        page = statement(wallet, before=before, limit=500, which=which)
        yield page.lines
        if (before := page.next_before) is None:
            return


def whole_statement(wallet: Wallet) -> Iterator[StatementLine]:
    """Yield all lines, newest first, reading them page by page."""
    for lines in statement_pages(wallet):
        yield from lines


def summary(wallet: Wallet, *, today: dt.date | None = None) -> Summary:
    """Return what the member has on that day. Points that expired before it do not count, even if they are still booked.

    One query.
    """
    day = today or today_of(wallet.programme)
    lots = Account.objects.filter(wallet=wallet, credits__gt=F("debits")).order_by("bucket")
    points = dict.fromkeys(Kind, 0)
    arriving: dict[dt.date, int] = {}
    expiring: list[Expiring] = []
    reviewed = 0
    for lot in lots:
        left = lot.credits - lot.debits
        if lot.kind == Kind.AVAILABLE and lot.bucket < day:
            continue
        points[Kind(lot.kind)] += left
        if lot.kind == Kind.PENDING and lot.ref.startswith(REVIEWED):
            reviewed += left
        elif lot.kind == Kind.PENDING:
            due = dt.date.fromisoformat(lot.ref)
            arriving[due] = arriving.get(due, 0) + left
        elif lot.kind == Kind.AVAILABLE:
            expiring.append(Expiring(_or_never(lot.bucket), left))
    return Summary(
        spendable=points[Kind.AVAILABLE],
        held=points[Kind.HELD],
        debt=points[Kind.DEBT],
        arriving=[Arriving(due, arriving[due]) for due in sorted(arriving)],
        expiring=expiring,
        reviewed=reviewed,
    )


def held_by_shops(wallet: Wallet, *, limit: int) -> list[tuple[str, int]]:
    """Return what shops reserved: their names of it, and the points. One query."""
    held = Account.objects.filter(wallet=wallet, kind=Kind.HELD, ref__startswith=_OF_SHOPS, credits__gt=F("debits"))
    return [(lot.ref.removeprefix(_OF_SHOPS), lot.credits - lot.debits) for lot in held.order_by("pk")[:limit]]


def lapsed(wallet: Wallet, *, limit: int = 24) -> list[Lapsed]:
    """Return the points of the wallet that expired, latest first, less what was given again. One query."""
    again = Journal.objects.filter(reverses=OuterRef("pk")).order_by().values("reverses").annotate(sum=Sum("amount"))
    left = F("amount") - Coalesce(Subquery(again.values("sum")), 0)
    found = Journal.objects.filter(wallet=wallet, code=Code.EXPIRE).annotate(left=left).filter(left__gt=0)
    rows = found.order_by("-number").values_list("pk", "occurred_at", "left")[:limit]
    return [Lapsed(*row) for row in rows]


def liability(programme: Programme) -> list[Liability]:
    """Return the points outstanding by the day after which they expire, soonest first, those that never do last.

    That day is the end of a month, unless the points were given another one; days that are over are still to be
    expired. One query over all accounts that are not empty. The sum of all debts is on the line of those that never
    expire.
    """
    balance = F("credits") - F("debits")
    lots = Account.objects.filter(programme=programme, wallet__isnull=False, credits__gt=F("debits"))
    rows = (
        lots.values("bucket")
        .annotate(
            available=Sum(balance, filter=Q(kind=Kind.AVAILABLE)),
            pending=Sum(balance, filter=Q(kind=Kind.PENDING)),
            held=Sum(balance, filter=Q(kind=Kind.HELD)),
            debt=Sum(balance, filter=Q(kind=Kind.DEBT)),
        )
        .order_by("bucket")
    )
    return [
        Liability(
            _or_never(row["bucket"]),
            Points(row["available"] or 0, row["pending"] or 0, row["held"] or 0, row["debt"] or 0),
        )
        for row in rows
    ]


def _or_never(bucket: dt.date) -> dt.date | None:
    return None if bucket == NEVER else bucket


def segments_of(keys: Iterable[UUID] | QuerySet[Any, Any]) -> dict[UUID, frozenset[str]]:
    """Return in which segments members are, of both ways to sort them; who wants no personal offers is in none. One query."""
    taking_part = SegmentMembership.objects.filter(member_key__in=keys).values_list("member_key", "segment")
    active = ActivityCell.objects.filter(member_key__in=keys).values_list("member_key", "cell")
    found: dict[UUID, set[str]] = {}
    for key, segment in taking_part.union(active):
        found.setdefault(key, set()).add(segment)
    return {key: frozenset(codes) for key, codes in found.items()}
