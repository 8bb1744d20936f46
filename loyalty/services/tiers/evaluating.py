"""Moving members between tiers: at once when points are booked, and every night for what only time changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.db import transaction

from loyalty.buckets import today_of
from loyalty.events import PointsDecided, SomethingMoved
from loyalty.models.earning import Decision, VersionState
from loyalty.models.ledger import Member, Wallet
from loyalty.models.tiers import TierMembership, TierSet
from loyalty.services.ledger import statements
from loyalty.services.tiers.judging import Earned, Ladder, Move, Reason, Standing, judge, standing_of
from loyalty.services.tiers.points import earned_by, mirror, periods_that_count
from portal.core.events import emit
from portal.notifications.services import notify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import QuerySet

    from loyalty.models.ledger import Programme

#: Wallets per transaction.
PORTION: Final = 50
#: Name of the kind of notification.
TIER: Final = "loyalty.tier"
#: What members are told of.
_NEWS: Final = frozenset(
    {Reason.UPGRADE, Reason.NOTICE, Reason.DOWNGRADE, Reason.TAKEN_BACK, Reason.GRANTED, Reason.GRANT_ENDED}
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A wallet, where it is, and its move."""

    wallet_id: int
    standing: Standing
    earned: Earned
    move: Move | None


def set_in_force(wallet: Wallet) -> TierSet | None:
    """Return the published tiers by which status points of this wallet count."""
    return _published().filter(tiers__status=wallet.programme_id).first()


def _published() -> QuerySet[TierSet]:
    return TierSet.objects.filter(state=VersionState.PUBLISHED).select_related(
        "tiers__status", "tiers__source__earning"
    )


def follow_decision(event: PointsDecided) -> None:
    """Book status points for what was decided, and move the member if they are enough: a handler."""
    with transaction.atomic():
        wallet = mirror(event_id=event.event_id, wallet_id=event.wallet_id)
        if wallet is not None:
            evaluate(wallet)


def evaluate(wallet: Wallet, *, today: dt.date | None = None) -> list[TierMembership]:
    """Write down where a member belongs now; return the new rows: none, if nothing changes."""
    rules = set_in_force(wallet)
    return [] if rules is None else _evaluate([wallet.pk], rules, today or today_of(rules.tiers.status))


@transaction.atomic
def _evaluate(wallet_ids: Sequence[int], rules: TierSet, today: dt.date) -> list[TierMembership]:
    # Whoever else evaluates one of them waits here, and then sees what was written.
    statements.lock_wallets(wallet_ids)
    is_open = Wallet.objects.filter(pk__in=wallet_ids).exclude(status=Wallet.Status.CLOSED)
    ladder = ladder_of(rules)
    moved = [
        write(judged, ladder, evidence=evidence_of(judged, rules, today))
        for judged in judge_many(list(is_open.values_list("pk", flat=True)), rules, ladder, today)
        if judged.move is not None
    ]
    tell(moved, rules)
    return moved


def judge_many(wallet_ids: Sequence[int], rules: TierSet, ladder: Ladder, today: dt.date) -> Iterator[Judged]:
    """Yield where each wallet is and goes, by a set of tiers that may be a draft. Three queries, or five."""
    programme = rules.tiers.status
    earned = earned_by(wallet_ids, periods_that_count(programme, rules.window, today))
    standings = standings_of(wallet_ids, ZoneInfo(programme.time_zone))
    for wallet in wallet_ids:
        standing, points = standings.get(wallet, Standing()), earned.get(wallet, Earned())
        yield Judged(wallet, standing, points, judge(ladder, rules, standing, points, today))


def standings_of(wallet_ids: Iterable[int], zone: dt.tzinfo) -> dict[int, Standing]:
    """Return where the members with these wallets are. One query."""
    rows: dict[int, list[TierMembership]] = {}
    found = TierMembership.objects.filter(wallet__in=wallet_ids).select_related("to_tier").order_by("wallet", "number")
    for row in found:
        rows.setdefault(row.wallet_id, []).append(row)
    return {wallet: standing_of(of_wallet, zone) for wallet, of_wallet in rows.items()}


def ladder_of(rules: TierSet) -> Ladder:
    """Return the tiers of a set. One query."""
    return Ladder(list(rules.rows.all()))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a member is in the tiers of a programme, by what was written down."""

    rules: TierSet
    ladder: Ladder
    #: Of status points; None if they have none yet.
    wallet_id: int | None
    standing: Standing

    @property
    def at(self) -> int:
        """Position in the ladder."""
        return self.ladder.place_of(self.standing.tier)


def position_of(programme: Programme, own: QuerySet[Wallet]) -> Position | None:
    """Return where the owner of these wallets is in the tiers of a programme; None if it has no tiers.

    Four queries; writes nothing.
    """
    rules = _published().filter(tiers__source=programme).first()
    if rules is None:
        return None
    status, standing = rules.tiers.status, Standing()
    wallet_id = own.filter(programme=status).values_list("pk", flat=True).first()
    if wallet_id is not None:
        standing = standings_of([wallet_id], ZoneInfo(status.time_zone)).get(wallet_id, standing)
    return Position(rules, ladder_of(rules), wallet_id, standing)


def evidence_of(judged: Judged, rules: TierSet, today: dt.date) -> dict[str, object]:
    periods = periods_that_count(rules.tiers.status, rules.window, today)
    return {
        "points": judged.earned.points,
        "since": periods[0][0].date().isoformat(),
        "day": today.isoformat(),
        "set": rules.number,
        "journal": judged.earned.last_journal,
    }


def write(
    judged: Judged, ladder: Ladder, *, evidence: dict[str, object], actor: str = "rules", grant_reason: str = ""
) -> TierMembership:
    """Write a move of a locked wallet down."""
    move = judged.move
    assert move is not None  # noqa: S101 - for the type checker
    row = TierMembership.objects.create(
        wallet_id=judged.wallet_id,
        number=judged.standing.number + 1,
        from_tier=judged.standing.tier or ladder.tiers[move.at],
        to_tier=ladder.tiers[move.to],
        reason=move.reason,
        due_on=move.due_on,
        grant_reason=grant_reason,
        evidence=evidence,
        actor=actor,
    )
    emit(SomethingMoved(kind="tier.changed", row=row.pk))
    return row


def tell(moved: Sequence[TierMembership], rules: TierSet) -> None:
    """Tell members of their moves, if their programme is shown to them."""
    news = [row for row in moved if row.reason in _NEWS]
    earning = getattr(rules.tiers.source, "earning", None)
    if not news or earning is None or not earning.is_open:
        return
    keys = dict(Wallet.objects.filter(pk__in=[row.wallet_id for row in news]).values_list("pk", "member_key"))
    people = dict(Member.objects.filter(key__in=keys.values()).values_list("key", "user"))
    for row in news:
        person = people.get(keys[row.wallet_id])
        if person is not None:
            notify(
                kind=TIER,
                key=f"{TIER}:{row.pk}",
                subject=f"{TIER}:{row.wallet_id}",
                occurred_at=row.created_at,
                recipients=[person],
                payload={"move": row.pk},
            )


def catch_up(programme: Programme) -> int:
    """Book status points for all that was decided in a programme before it had tiers; return for how many events.

    Commits one by one, and may be repeated: what was booked is not booked again.
    """
    given = Decision.objects.filter(wallet__programme=programme, points__gt=0).order_by("event", "wallet")
    pairs = given.values_list("event", "wallet").distinct()
    for event_id, wallet_id in pairs:
        follow_decision(PointsDecided(event_id=event_id, wallet_id=wallet_id))
    return len(pairs)


# Every night ---------------------------------------------------------------------------------------------------------


def evaluate_all(*, rules: TierSet, today: dt.date | None = None) -> int:
    """Evaluate all members of a programme with tiers; return how many rows were written.

    Commits in portions, and may be killed at any moment: called again, it finds what is left.
    """
    day = today or today_of(rules.tiers.status)
    written = 0
    for ids in portions(rules):
        written += len(_evaluate(ids, rules, day))
    return written


def portions(rules: TierSet) -> Iterator[list[int]]:
    """Yield the ids of all wallets with status points, some at a time."""
    after = 0
    wallets = Wallet.objects.filter(programme=rules.tiers.status_id).exclude(status=Wallet.Status.CLOSED)
    while ids := list(wallets.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:PORTION]):
        after = ids[-1]
        yield ids


def evaluate_everybody() -> None:
    """Evaluate in all programmes with tiers: a periodic job."""
    for rules in _published().order_by("pk"):
        evaluate_all(rules=rules)


def is_evaluation_due(last_end: dt.datetime | None) -> bool:
    """Return whether a day has begun, or tiers were published, since the last time. One query."""
    sets = list(_published())
    if last_end is None:
        return bool(sets)
    return any(
        today_of(rules.tiers.status) > today_of(rules.tiers.status, at=last_end)
        or (rules.published_at is not None and rules.published_at > last_end)
        for rules in sets
    )
