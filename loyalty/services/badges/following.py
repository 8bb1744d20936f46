"""Giving badges and taking them back: at once when points are decided about, and every night for what was missed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from loyalty.buckets import today_of
from loyalty.events import SomethingMoved
from loyalty.models.badges import Badge, BadgeRecord
from loyalty.models.earning import Decision, LoyaltyEvent, VersionState
from loyalty.models.ledger import Member, Wallet
from loyalty.services.badges.judging import best_count
from loyalty.services.ledger import statements
from portal.core.events import emit
from portal.core.honours import scope_of
from portal.core.scopes import content_changed
from portal.notifications.services import notify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Sequence

    from django.db.models import QuerySet

    from loyalty.events import PointsDecided
    from loyalty.models.ledger import Programme

#: Wallets per transaction.
PORTION: Final = 50
#: Name of the kind of notification.
BADGE: Final = "loyalty.badge"
What = BadgeRecord.What


@dataclass(slots=True)
class Awards:
    """What stands of one kind in a wallet."""

    #: In their order, as the calendar of the programme had them.
    days: list[dt.date] = field(default_factory=list)
    last_decision: int = 0


class Judged(NamedTuple):
    """What a wallet has of a badge."""

    wallet_id: int
    badge: Badge
    times: int
    last_decision: int

    @property
    def is_earned(self) -> bool:
        """Whether it is enough."""
        return self.times >= self.badge.target


def standing_awards(
    programme: Programme, wallet_ids: Collection[int], triggers: Collection[str]
) -> dict[tuple[int, str], Awards]:
    """Return by wallet and trigger for what points were given that were not taken back since. One query."""
    later = Decision.objects.filter(event=OuterRef("event"), wallet=OuterRef("wallet"), round__gt=OuterRef("round"))
    given = Decision.objects.filter(
        wallet__in=wallet_ids,
        event__trigger__in=triggers,
        outcome__in=(Decision.Outcome.EARNED, Decision.Outcome.CLIPPED),
    ).exclude(Exists(later))
    zone = ZoneInfo(programme.time_zone)
    found: dict[tuple[int, str], Awards] = {}
    rows = given.order_by("event__occurred_at").values_list("wallet", "event__trigger", "event__occurred_at", "pk")
    for wallet, trigger, at, pk in rows:
        awards = found.setdefault((wallet, trigger), Awards())
        awards.days.append(at.astimezone(zone).date())
        awards.last_decision = max(awards.last_decision, pk)
    return found


def judge_many(programme: Programme, wallet_ids: Collection[int], badges: Collection[Badge]) -> Iterator[Judged]:
    """Yield what each wallet has of each badge, which may be drafts. One query."""
    awards = standing_awards(programme, wallet_ids, {badge.trigger for badge in badges})
    for wallet in wallet_ids:
        for badge in badges:
            own = awards.get((wallet, badge.trigger), Awards())
            yield Judged(wallet, badge, best_count(badge, own.days), own.last_decision)


def last_records(wallet_ids: Collection[int]) -> dict[tuple[int, int], BadgeRecord]:
    """Return the last row by wallet and badge. One query."""
    rows = BadgeRecord.objects.filter(wallet__in=wallet_ids).order_by("number")
    return {(row.wallet_id, row.badge_id): row for row in rows}


def holders() -> dict[int, int]:
    """Return how many members have each badge, by its id. One query."""
    later = BadgeRecord.objects.filter(
        badge=OuterRef("badge"), wallet=OuterRef("wallet"), number__gt=OuterRef("number")
    )
    held = BadgeRecord.objects.filter(what=What.AWARDED).exclude(Exists(later)).order_by()
    return dict(held.values("badge").annotate(count=Count("pk")).values_list("badge", "count"))


def _known(programme: Programme) -> QuerySet[Badge]:
    return Badge.objects.filter(programme=programme).exclude(state=VersionState.DRAFT)


def follow_decision(event: PointsDecided) -> None:
    """Give or take back the badges that rest on what was decided about: a handler.

    Any number of times, in any order and at the same moment: it reads how things are under the lock of the wallet.
    """
    trigger = LoyaltyEvent.objects.filter(pk=event.event_id).values_list("trigger", flat=True).first()
    wallet = Wallet.objects.select_related("programme__earning").get(pk=event.wallet_id)
    badges = list(_known(wallet.programme).filter(trigger=trigger or ""))
    if badges:
        judge(wallet.programme, [wallet.pk], badges)


@transaction.atomic
def judge(programme: Programme, wallet_ids: Sequence[int], badges: Sequence[Badge]) -> list[BadgeRecord]:
    """Write down who got a badge and who lost what it rested on; return the new rows."""
    # Whoever else judges one of them waits here, and then sees what was written.
    statements.lock_wallets(wallet_ids)
    # Whoever left takes their badges with them: nothing is added to what nobody can read.
    is_open = Wallet.objects.filter(pk__in=wallet_ids).exclude(status=Wallet.Status.CLOSED)
    last = last_records(wallet_ids)
    written: list[BadgeRecord] = []
    for judged in judge_many(programme, list(is_open.values_list("pk", flat=True)), badges):
        before = last.get((judged.wallet_id, judged.badge.pk))
        has_it = before is not None and before.what == What.AWARDED
        if judged.is_earned == has_it or (before is None and judged.badge.state != VersionState.PUBLISHED):
            continue
        written.append(
            BadgeRecord.objects.create(
                badge=judged.badge,
                wallet_id=judged.wallet_id,
                number=before.number + 1 if before else 1,
                what=What.AWARDED if judged.is_earned else What.REVOKED,
                evidence={
                    "count": judged.times, "target": judged.badge.target, "decision": judged.last_decision,
                },
            )
        )  # fmt: skip
    for row in written:
        emit(SomethingMoved(kind="badge.changed", row=row.pk))
    _tell(programme, written)
    return written


def _tell(programme: Programme, written: Sequence[BadgeRecord]) -> None:
    """Have public pages show it, and tell members what they earned, if their programme is shown to them."""
    people = people_of([row.wallet_id for row in written])
    for row in written:
        person = people.get(row.wallet_id)
        if person is None:
            continue
        if row.badge.is_public:
            content_changed(scope_of(person))
        if is_shown(programme) and row.what == What.AWARDED:
            notify(
                kind=BADGE,
                key=f"{BADGE}:{row.pk}",
                subject=f"{BADGE}:{row.wallet_id}-{row.badge_id}",
                occurred_at=row.created_at,
                recipients=[person],
                payload={"record": row.pk},
            )


def people_of(wallet_ids: Collection[int]) -> dict[int, int]:
    """Return whose the wallets are, without those whom nobody owns any more. Two queries, if there are any."""
    if not wallet_ids:
        return {}
    keys = dict(Wallet.objects.filter(pk__in=wallet_ids).values_list("pk", "member_key"))
    people = dict(Member.objects.filter(key__in=keys.values()).values_list("key", "user"))
    return {wallet: people[key] for wallet, key in keys.items() if key in people}


def is_shown(programme: Programme) -> bool:
    """Return whether members see the programme."""
    earning = getattr(programme, "earning", None)
    return earning is not None and earning.is_open


# Every night ---------------------------------------------------------------------------------------------------------


def portions(programme: Programme) -> Iterator[list[int]]:
    """Yield the ids of all wallets of a programme that are not closed, some at a time."""
    after = 0
    wallets = Wallet.objects.filter(programme=programme).exclude(status=Wallet.Status.CLOSED)
    while ids := list(wallets.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:PORTION]):
        after = ids[-1]
        yield ids


def judge_everybody() -> int:
    """Judge all members by all badges; return how many rows were written: a periodic job.

    Commits in portions, and may be killed at any moment: called again, it finds what is left.
    """
    written = 0
    of_programme: dict[Programme, list[Badge]] = {}
    for badge in Badge.objects.exclude(state=VersionState.DRAFT).select_related("programme__earning"):
        of_programme.setdefault(badge.programme, []).append(badge)
    for programme, badges in of_programme.items():
        for ids in portions(programme):
            written += len(judge(programme, ids, badges))
    return written


def is_judging_due(last_end: dt.datetime | None) -> bool:
    """Return whether a day has begun, or a badge was published, since the last time. One query."""
    return is_judging_due_for(Badge.objects.exclude(state=VersionState.DRAFT), last_end)


def is_judging_due_for(published: QuerySet[Any], last_end: dt.datetime | None) -> bool:
    """Return whether a day has begun in the programme of one of them, or one was published, since the last time. One query."""
    rows = list(published.select_related("programme"))
    if last_end is None:
        return bool(rows)
    return any(
        today_of(row.programme) > today_of(row.programme, at=last_end)
        or (row.published_at is not None and row.published_at > last_end)
        for row in rows
    )
