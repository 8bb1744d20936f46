"""How active members are: by when they were last there, how often, and what it was worth, each in fifths. Once a night.

What counts is what points were given for, as long as it stands, and rewards that were taken, within a year. One query puts all
members who want personal offers into fifths (`NTILE`); who is equal is in the same one. Names are made of the fifths (`cell_of`),
with one thing that fifths cannot know: where everybody comes every day, the last fifth was there yesterday and is not lost.
Nobody else is looked at, and the row of a member who does not want personal offers any more is deleted.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from loyalty.models.earning import Decision, Earning
from loyalty.models.ledger import Wallet
from loyalty.models.offers import Activity, ActivityCell
from loyalty.models.rewards import BACK_STATES, State
from loyalty.services.offers.consents import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty.models.ledger import Programme

#: What was done within this time counts.
PERIOD: Final = dt.timedelta(days=365)
#: Whoever began so short a time ago is new.
NEW: Final = dt.timedelta(days=60)
#: Whoever was there so short a time ago is neither about to leave nor lost, whatever the others do.
THERE: Final = dt.timedelta(days=60)
#: Rows that are written together.
_PORTION: Final = 500

_FIFTHS: Final = """
WITH willing AS (
  SELECT said.member_key FROM loyalty_memberconsent said
  WHERE said.purpose = %s AND said.is_given AND NOT EXISTS (
    SELECT 1 FROM loyalty_memberconsent later
    WHERE later.member_key = said.member_key AND later.purpose = said.purpose AND later.number > said.number)
), done AS (
  SELECT decision.wallet_id, event.occurred_at AS done_at, decision.points AS points
  FROM loyalty_decision decision JOIN loyalty_loyaltyevent event ON event.id = decision.event_id
  WHERE event.occurred_at >= %s AND decision.outcome IN (%s, %s) AND NOT EXISTS (
    SELECT 1 FROM loyalty_decision later
    WHERE later.event_id = decision.event_id AND later.wallet_id = decision.wallet_id AND later.round > decision.round)
  UNION ALL
  SELECT redemption.wallet_id, redemption.created_at, 0 FROM loyalty_redemption redemption
  WHERE redemption.created_at >= %s AND redemption.state NOT IN ({states})
), summed AS (
  SELECT wallet.member_key, MIN(done_at) AS first_at, MAX(done_at) AS last_at, COUNT(*) AS times, SUM(points) AS worth
  FROM done JOIN loyalty_wallet wallet ON wallet.id = done.wallet_id
  JOIN willing ON willing.member_key = wallet.member_key
  WHERE wallet.programme_id = %s AND wallet.status = %s GROUP BY wallet.member_key
), tiled AS (
  SELECT summed.*, NTILE(5) OVER (ORDER BY last_at) AS recency, NTILE(5) OVER (ORDER BY times) AS frequency,
    NTILE(5) OVER (ORDER BY worth) AS value FROM summed
)
SELECT member_key, first_at, last_at, times, worth, MIN(recency) OVER (PARTITION BY last_at),
  MIN(frequency) OVER (PARTITION BY times), MIN(value) OVER (PARTITION BY worth) FROM tiled
"""


class Active(NamedTuple):
    """What a member did within `PERIOD`, and the fifths they are in: 5 is the latest, the most often, the most worth."""

    member_key: UUID
    first_at: dt.datetime
    last_at: dt.datetime
    times: int
    worth: int
    recency: int
    frequency: int
    value: int


def cell_of(one: Active, now: dt.datetime) -> Activity:
    """Return the name for what a member did. Every member who did anything has one."""
    weight = (one.frequency + one.value + 1) // 2
    if one.recency <= 2 and now - one.last_at > THERE:
        return Activity.AT_RISK if weight >= 3 else Activity.LOST
    if one.recency >= 4 and weight >= 4:
        return Activity.CHAMPION
    if weight >= 3:
        return Activity.LOYAL
    return Activity.NEW if now - one.first_at <= NEW else Activity.OCCASIONAL


def measured(programme: Programme, now: dt.datetime) -> Iterator[Active]:
    """Yield what all members did who want personal offers, with their fifths. One query."""
    since = connection.ops.adapt_datetimefield_value(now - PERIOD)
    not_taken = [*BACK_STATES, State.REFUNDED]
    query = _FIFTHS.format(states=", ".join(["%s"] * len(not_taken)))
    values: list[Any] = [Purpose.PROFILING, since, Decision.Outcome.EARNED, Decision.Outcome.CLIPPED, since]
    with connection.cursor() as cursor:
        cursor.execute(query, [*map(_plain, [*values, *not_taken]), programme.pk, Wallet.Status.OPEN.value])
        while rows := cursor.fetchmany(_PORTION):
            for key, first_at, last_at, *numbers in rows:
                yield Active(_key(key), _moment(first_at), _moment(last_at), *map(int, numbers))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _key(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: Any) -> dt.datetime:
    """SQLite has no moments: Django stores their text, in UTC."""
    found = value if isinstance(value, dt.datetime) else parse_datetime(value)
    if found is None:
        raise ValueError(value)
    return found if timezone.is_aware(found) else found.replace(tzinfo=dt.UTC)


@transaction.atomic
def work_out_activity() -> int:
    """Sort members by how active they are; return how many rows changed. Twice on a day does no more than once."""
    shown = Earning.objects.filter(is_open=True).select_related("programme").order_by("pk").first()
    now = timezone.now()
    found = list(measured(shown.programme, now)) if shown else []
    changed = 0
    for begin in range(0, len(found), _PORTION):
        portion = found[begin : begin + _PORTION]
        known = ActivityCell.objects.in_bulk([one.member_key for one in portion], field_name="member_key")
        rows = [row for one in portion if (row := _row(one, known.get(one.member_key), now)) is not None]
        ActivityCell.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["member_key"],
            update_fields=["cell", "since", "recency", "frequency", "value", "evidence"],
        )
        changed += len(rows)
    kept = {one.member_key for one in found}
    gone = [key for key in ActivityCell.objects.values_list("member_key", flat=True) if key not in kept]
    for begin in range(0, len(gone), _PORTION):
        changed += ActivityCell.objects.filter(member_key__in=gone[begin : begin + _PORTION]).delete()[0]
    return changed


def _row(one: Active, known: ActivityCell | None, now: dt.datetime) -> ActivityCell | None:
    """Return what to write about a member; None if it stands already."""
    cell = cell_of(one, now)
    values = {
        "cell": cell.value,
        "recency": one.recency,
        "frequency": one.frequency,
        "value": one.value,
        "evidence": {"last": one.last_at.date().isoformat(), "times": one.times, "points": one.worth},
    }
    if known is not None and all(getattr(known, name) == value for name, value in values.items()):
        return None
    since = known.since if known is not None and known.cell == cell else now
    return ActivityCell(member_key=one.member_key, since=since, **values)
