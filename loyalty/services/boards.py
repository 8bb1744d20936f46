"""Leaderboards: what counts for them, who is on them, and the job that computes the places.

Only what a member earned by helping others counts: status points, which no campaign adds to, from sources that `count`
names. What was bought, given by staff or taken back does not. Nobody is shown who did not ask for it. Never on them are
staff, members whose points are frozen or closed, whose awards a voting review took back lately, and those whom `leave_out`
names.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from loyalty.models.boards import BoardChoice, BoardRow
from loyalty.models.earning import Decision, Earning
from loyalty.models.ledger import Code, Journal, Member, Programme, Wallet
from loyalty.models.tiers import TierProgramme
from loyalty.services.earning import VOTING_REVIEW
from loyalty.services.earning.periods import EVER, MONTH, periods_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portal.accounts.models import User

#: For so long nobody is on a board whose awards a voting review took back.
REVIEWED: Final = dt.timedelta(days=90)
#: Rows written by one statement.
_PORTION: Final = 500

_sources: Final[list[str]] = []
_left_out: Final[list[Callable[[], Iterable[int]]]] = []


class Place(NamedTuple):
    """What a row of the board is made of."""

    points: int
    rank: int
    is_shown: bool


def count(prefix: str) -> None:
    """Have awards count whose source begins like this: ``community.``. Called when the apps are ready."""
    if prefix not in _sources:
        _sources.append(prefix)


def leave_out(people: Callable[[], Iterable[int]]) -> None:
    """Have nobody on a board whose id the function returns. Called when the apps are ready."""
    if people not in _left_out:
        _left_out.append(people)


# The member's choice -------------------------------------------------------------------------------------------------


@transaction.atomic
def set_shown(user: User, *, is_shown: bool) -> None:
    """Show the person on leaderboards from now on, or not: at once. Places follow within the hour."""
    if is_shown:
        member = Member.objects.get_or_create(user=user)[0]
        BoardChoice.objects.get_or_create(member=member)
    else:
        BoardChoice.objects.filter(member__user=user).delete()
    if not is_shown or user.pk not in _excluded_people():
        BoardRow.objects.filter(member__user=user).update(is_shown=is_shown)


def take_off(person_id: int) -> None:
    """Show somebody on no board until the places are computed again: who was suspended does not wait for that."""
    BoardRow.objects.filter(member__user=person_id, is_shown=True).update(is_shown=False)


def choice_of(user: User) -> BoardChoice | None:
    """Return that the person wants to be shown; None if not."""
    return BoardChoice.objects.filter(member__user=user).first()


# The places ----------------------------------------------------------------------------------------------------------


def places(points: Mapping[int, int], shown: Iterable[int]) -> dict[int, Place]:
    """Return the place of each member with points: dense ranks of those who are shown, and where others would be."""
    visible = {member for member in shown if points.get(member, 0) > 0}
    levels = sorted({-points[member] for member in visible})  # the most points first
    return {
        member: Place(own, 1 + bisect_right(levels, -own - 1), member in visible)
        for member, own in points.items()
        if own > 0
    }


def periods_now(programme: Programme, *, at: dt.datetime | None = None) -> dict[str, dt.datetime | None]:
    """Return the periods for which there is a board, with the moment at which each begins."""
    month = periods_of(programme, at or timezone.now())[MONTH]
    first = dt.date.fromisoformat(month.partition(":")[2])
    return {month: dt.datetime.combine(first, dt.time(), tzinfo=ZoneInfo(programme.time_zone)), EVER: None}


def compute(programme: Programme) -> int:
    """Compute the places of a programme for all periods; return how many rows were written or removed."""
    points_of = TierProgramme.objects.filter(source=programme).select_related("status").first()
    counted = points_of.status if points_of else programme
    people = _people(programme)
    shown = set(BoardChoice.objects.values_list("member", flat=True)) & set(people.values())
    periods = periods_now(programme)
    changed = BoardRow.objects.filter(programme=programme).exclude(period__in=periods).delete()[0]
    for period, begins in periods.items():
        points: dict[int, int] = {}
        for key, amount in _points(counted, begins).items():
            if key in people:
                points[people[key]] = amount
        changed += _write(programme, period, places(points, shown))
    return changed


def _excluded_people() -> set[int]:
    return {person for people in _left_out for person in people()}


def _people(programme: Programme) -> dict[Any, int]:
    """Return who may be on a board: pseudonymous key → id of the member."""
    wallets = Wallet.objects.filter(programme=programme)
    reviewed = Decision.objects.filter(
        wallet__programme=programme, reason=VOTING_REVIEW, decided_at__gt=timezone.now() - REVIEWED
    )
    out = set(wallets.exclude(status=Wallet.Status.OPEN).values_list("member_key", flat=True))
    out |= set(reviewed.values_list("wallet__member_key", flat=True).distinct())
    excluded = _excluded_people()
    members = Member.objects.filter(user__is_active=True, user__is_staff=False).values_list("key", "pk", "user")
    return {key: pk for key, pk, person in members if key not in out and person not in excluded}


def _points(programme: Programme, begins: dt.datetime | None) -> dict[Any, int]:
    """Return what was earned in a time and still stands, by pseudonymous key. Two queries."""
    of_help = Q()
    for prefix in _sources:
        of_help |= Q(source__startswith=prefix)
    earned = Journal.objects.filter(of_help, programme=programme, code=Code.EARN)
    if not _sources:
        return {}
    if begins is not None:
        earned = earned.filter(occurred_at__gte=begins)
    taken = Journal.objects.filter(programme=programme, code=Code.REVERSE, reverses__in=earned.values("pk"))
    found = {row["wallet__member_key"]: row["points"] for row in _sums(earned)}
    for row in _sums(taken):
        found[row["wallet__member_key"]] -= row["points"]
    return found


def _sums(journals: Any) -> Any:
    return journals.order_by().values("wallet__member_key").annotate(points=Sum("amount"))


@transaction.atomic
def _write(programme: Programme, period: str, wanted: Mapping[int, Place]) -> int:
    """Bring the rows of a period in line; write only what differs. Return how many differed."""
    # Two that compute at once wait for each other.
    Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    rows = {row.member_id: row for row in BoardRow.objects.filter(programme=programme, period=period)}
    gone = [row.pk for member, row in rows.items() if member not in wanted]
    changed, new = [], []
    for member, place in wanted.items():
        row = rows.get(member)
        if row is None:
            new.append(BoardRow(programme=programme, period=period, member_id=member, **place._asdict()))
        elif (row.points, row.rank, row.is_shown) != place:
            row.points, row.rank, row.is_shown = place
            changed.append(row)
    for start in range(0, len(gone), _PORTION):
        BoardRow.objects.filter(pk__in=gone[start : start + _PORTION]).delete()
    BoardRow.objects.bulk_create(new, batch_size=_PORTION)
    BoardRow.objects.bulk_update(changed, ["points", "rank", "is_shown"], batch_size=_PORTION)
    return len(gone) + len(new) + len(changed)


def compute_all() -> None:
    """Compute the boards of all programmes that members see: a periodic job."""
    for earning in Earning.objects.filter(is_open=True).select_related("programme").order_by("pk"):
        compute(earning.programme)


def is_computing_due(last_end: dt.datetime | None) -> bool:
    """Return whether something happened since the last time that may move somebody. Up to four queries."""
    open_programmes = [one.programme for one in Earning.objects.filter(is_open=True).select_related("programme")]
    if last_end is None or not open_programmes:
        return bool(open_programmes)
    newest = Journal.objects.order_by("-pk").values_list("created_at", flat=True).first()
    return (
        (newest is not None and newest > last_end)
        or BoardChoice.objects.filter(since__gt=last_end).exists()
        or any(
            periods_now(programme).keys() != periods_now(programme, at=last_end).keys() for programme in open_programmes
        )
        # What no journal says: frozen, suspended, no longer on it.
        or timezone.now() - last_end > dt.timedelta(days=1)
    )
