"""Sending what waits, giving up what cannot be sent, and sending that again when staff asks for it.

The outbox tries again after growing pauses. An address that failed rests for as long, whatever else waits for it: a server that is
away costs one try in a while, not one for each event. After `GIVE_UP_AFTER`, or as many tries as the outbox makes, a
delivery is given up, and stays where staff see it.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from loyalty.events import WebhookDue
from loyalty.exceptions import NoRightError
from loyalty.models.webhooks import Webhook, WebhookDelivery
from loyalty.services.webhooks import sending
from loyalty.services.webhooks.registering import hurry, may_change_webhooks, secret_of
from portal.core import outbox
from portal.core.events import emit
from portal.core.vault import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from portal.accounts.models import User

State = WebhookDelivery.State
Problem = WebhookDelivery.Problem
#: What was not accepted within this time is given up.
GIVE_UP_AFTER: Final = dt.timedelta(days=3)
#: So long rows are kept, so that they can be sent again.
KEPT: Final = dt.timedelta(days=30)
#: Status that means: send nothing there any more.
_GONE: Final = 410
_MOST_AT_ONCE: Final = 500


class NotDeliveredError(Exception):
    """It could not be delivered now; the outbox tries again."""


def deliver(event: WebhookDue) -> None:
    """Send a delivery: a handler of the outbox that works with another server.

    Raises `NotDeliveredError`, and `NotNowError` while its address rests.
    """
    row = WebhookDelivery.objects.select_related("webhook").filter(pk=event.delivery, state=State.WAITING).first()
    if row is None:
        return
    now = timezone.now()
    if row.webhook.stopped_at is not None:
        _note(row, State.GIVEN_UP, Problem.STOPPED)
        return
    if now - row.since >= GIVE_UP_AFTER:
        _note(row, State.GIVEN_UP, Problem(row.problem))
        return
    if row.webhook.rests_until is not None and row.webhook.rests_until > now:
        raise outbox.NotNowError(min(row.webhook.rests_until - now, outbox.LONGEST_PAUSE))
    try:
        status = sending.post(row.webhook.url, _signed(row))
    except UnreadableError:
        _note(row, State.GIVEN_UP, Problem.SECRET)
    except sending.NotSentError as error:
        _note_failure(row, error)
    else:
        _note(row, State.SENT, Problem.NONE, status)
        Webhook.objects.filter(pk=row.webhook_id, failures__gt=0).update(failures=0, rests_until=None)


def _signed(row: WebhookDelivery) -> sending.Signed:
    at = int(time.time())
    return sending.sign(row.body, secret=secret_of(row.webhook), uid=str(row.uid), kind=row.kind, at=at)


def _note_failure(row: WebhookDelivery, error: sending.NotSentError) -> None:
    pause = outbox.pause_after(row.webhook.failures + 1)
    Webhook.objects.filter(pk=row.webhook_id).update(failures=F("failures") + 1, rests_until=timezone.now() + pause)
    is_over = row.attempts + 1 >= outbox.MAX_ATTEMPTS or error.status == _GONE
    _note(row, State.GIVEN_UP if is_over else State.WAITING, error.problem, error.status)
    if not is_over:
        raise NotDeliveredError(error.problem.value)


def _note(row: WebhookDelivery, state: State, problem: Problem, status: int | None = None) -> None:
    WebhookDelivery.objects.filter(pk=row.pk, state=State.WAITING).update(
        state=state, problem=problem, status=status, attempts=F("attempts") + 1, tried_at=timezone.now()
    )


@transaction.atomic
def replay(rows: Sequence[WebhookDelivery], *, by: User) -> int:
    """Send given-up deliveries again, with their own ids; return how many there were. Raises `NoRightError`."""
    if not may_change_webhooks(by):
        raise NoRightError
    count = 0
    for row in rows:
        again = WebhookDelivery.objects.filter(pk=row.pk, state=State.GIVEN_UP)
        if again.update(state=State.WAITING, attempts=0, since=timezone.now()):
            emit(WebhookDue(delivery=row.pk))
            count += 1
    Webhook.objects.filter(pk__in={row.webhook_id for row in rows}).update(failures=0, rests_until=None)
    hurry()
    return count


def replay_all(webhook: Webhook, *, by: User) -> int:
    """Send all given-up deliveries of an address again, oldest first, some hundred at a time. Raises `NoRightError`."""
    return replay(list(webhook.deliveries.filter(state=State.GIVEN_UP).order_by("pk")[:_MOST_AT_ONCE]), by=by)


def _old() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(state=State.WAITING)


def forget_old() -> int:
    """Delete deliveries that nobody will send again; return how many: a periodic job."""
    deleted = 0
    while pks := list(_old().order_by("created_at").values_list("pk", flat=True)[:_MOST_AT_ONCE]):
        deleted += WebhookDelivery.objects.filter(pk__in=pks).delete()[0]
    return deleted


def is_anything_old() -> bool:
    """Return whether `forget_old` would delete anything."""
    return _old().exists()
