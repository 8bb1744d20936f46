"""Warnings before points expire: 30, 7 and 1 days ahead, with amounts and dates.

Whoever is warned is in the table `ExpiryWarning`: once for each last day and step, however often the job runs and however many
run at the same moment. A job that could not run for days catches up with one warning, not with all it has missed.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from loyalty.models.ledger import Account, Kind, Member, Programme, Wallet
from loyalty.models.notices import ExpiryWarning
from loyalty.services.ledger import statements
from portal.notifications.services import notify

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Days ahead.
STEPS: Final = (30, 7, 1)
#: Name of the kind of notification.
EXPIRING: Final = "loyalty.expiring"
#: Nobody is woken at midnight: warnings begin at this hour in the time zone of the programme.
FROM_HOUR: Final = 9
#: Wallets per transaction.
PORTION: Final = 50


def warn_of_expiry(*, programme: Programme, today: dt.date) -> int:
    """Tell all members of a programme which points expire soon; return how many were told.

    Commits in portions, and may be killed at any moment: called again, it goes on with those who were not told yet.
    """
    told, after = 0, 0
    while ids := _wallets_to_warn(programme, today, after):
        after = ids[-1]
        told += _warn(ids, programme, today)
    return told


def warn_all() -> None:
    """Warn in all programmes that members see: a periodic job."""
    for programme, today in _programmes_by_day():
        warn_of_expiry(programme=programme, today=today)


def is_anybody_to_warn() -> bool:
    """Return whether `warn_all` has anything to do. One query per programme."""
    return any(due_lots(programme, today).exists() for programme, today in _programmes_by_day())


def _programmes_by_day() -> list[tuple[Programme, dt.date]]:
    """Return the programmes where it is late enough in the day, with their date there."""
    now = timezone.now()
    programmes = Programme.objects.filter(earning__is_open=True).order_by("pk")
    local = [(programme, now.astimezone(ZoneInfo(programme.time_zone))) for programme in programmes]
    return [(programme, moment.date()) for programme, moment in local if moment.hour >= FROM_HOUR]


def step_of(last_day: dt.date, today: dt.date) -> int | None:
    """Return the step that is due so many days before; None if it is too early, or too late."""
    left = (last_day - today).days
    due = [step for step in STEPS if 0 <= left <= step]
    return min(due) if due else None


def due_lots(programme: Programme, today: dt.date) -> QuerySet[Account]:
    """Return the lots with points about whose expiry a step is due of which nobody was told."""
    is_due = Q()
    for step, lower in zip(STEPS, (*STEPS[1:], -1), strict=True):
        is_warned = ExpiryWarning.objects.filter(wallet=OuterRef("wallet"), last_day=OuterRef("bucket"), step=step)
        window = Q(bucket__gt=today + dt.timedelta(days=lower), bucket__lte=today + dt.timedelta(days=step))
        is_due |= window & ~Q(Exists(is_warned))
    lots = Account.objects.filter(programme=programme, kind=Kind.AVAILABLE, credits__gt=F("debits"))
    return lots.filter(is_due, wallet__status=Wallet.Status.OPEN)


def _wallets_to_warn(programme: Programme, today: dt.date, after: int) -> list[int]:
    due = due_lots(programme, today).filter(wallet__gt=after)
    return list(due.order_by("wallet").values_list("wallet", flat=True).distinct()[:PORTION])


@transaction.atomic
def _warn(wallet_ids: list[int], programme: Programme, today: dt.date) -> int:
    # Whoever else does the same waits here, and then finds nothing left to do.
    statements.lock_wallets(wallet_ids)
    due: dict[int, list[ExpiryWarning]] = {}
    for lot in due_lots(programme, today).filter(wallet__in=wallet_ids).order_by("wallet", "bucket"):
        step = step_of(lot.bucket, today)
        if step is not None and lot.wallet_id is not None:
            due.setdefault(lot.wallet_id, []).append(
                ExpiryWarning(wallet_id=lot.wallet_id, last_day=lot.bucket, step=step, points=lot.credits - lot.debits)
            )
    ExpiryWarning.objects.bulk_create([warning for warnings in due.values() for warning in warnings])
    wallets = Wallet.objects.in_bulk(due)
    people = dict(
        Member.objects.filter(key__in=[wallet.member_key for wallet in wallets.values()]).values_list("key", "user")
    )
    told = 0
    for wallet_id, warnings in due.items():
        person = people.get(wallets[wallet_id].member_key)
        if person is None:  # points without a member: somebody who has left
            continue
        notify(
            kind=EXPIRING,
            key=f"{EXPIRING}:{warnings[0].pk}",
            subject=f"{EXPIRING}:{wallet_id}",
            occurred_at=timezone.now(),
            recipients=[person],
            payload={"wallet": wallet_id, "days": [warning.last_day.isoformat() for warning in warnings]},
        )
        told += 1
    return told
