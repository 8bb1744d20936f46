"""What happened becomes messages to whoever wants to know: one for each address and event, once for ever."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import timezone

from loyalty.events import SomethingMoved, WebhookDue
from loyalty.exceptions import NoRightError
from loyalty.models.badges import BadgeRecord
from loyalty.models.earning import Decision
from loyalty.models.rewards import RedemptionStep
from loyalty.models.tiers import TierMembership, TierProgramme
from loyalty.models.webhooks import PING, EventKind, Webhook, WebhookDelivery
from loyalty.services.webhooks.registering import may_change_webhooks
from portal.core.events import emit
from portal.core.memo import Memo

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from loyalty.events import PointsDecided
    from portal.accounts.models import User

#: Name space of the ids of events.
_EVENTS: Final = uuid.UUID("6c2b4b0e-5c0f-4a57-9a41-3f0c7e9d2b18")
#: Whether anybody is told anything. Asked with each thing that happens, so that it must cost nothing.
_listening: Memo[bool] = Memo(max_size=1, scopes=("webhooks",))


class _Told:
    """One event as it is told."""

    def __init__(
        self, kind: str, *, name: str, programme: Any, member: UUID | None, at: dt.datetime, data: dict[str, Any]
    ) -> None:
        self.kind, self.at, self.programme = kind, at, programme
        self.uid = uuid.uuid5(_EVENTS, f"{kind}:{name}")
        self.body = json.dumps(
            {
                "id": str(self.uid),
                "kind": kind,
                "programme": programme.code,
                "at": at.isoformat(),
                "member": str(member) if member else None,
                "data": data,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def is_anybody_listening() -> bool:
    """Return whether some address is told of events. No query, but for the first time in a while."""
    return _listening.get("any", lambda: Webhook.objects.filter(stopped_at=None).exists())


def follow_decision(event: PointsDecided) -> None:
    """Tell what was decided about points: a handler of the outbox."""
    rows = Decision.objects.filter(event=event.event_id, wallet=event.wallet_id)
    decisions = list(rows.select_related("event", "wallet__programme").order_by("round"))
    _queue(_of_decision(row) for row in decisions)


def announce(event: SomethingMoved) -> None:
    """Tell of a tier, a badge or a reward: a handler of the outbox."""
    told = _READERS[event.kind](event.row)
    if told is not None:
        _queue([told])


def send_test(webhook: Webhook, *, by: User) -> WebhookDelivery:
    """Send an event that means nothing, so that people see whether it arrives. Raises `NoRightError`."""
    if not may_change_webhooks(by):
        raise NoRightError
    now = timezone.now()
    told = _Told(PING, name=str(uuid.uuid4()), programme=webhook.programme, member=None, at=now, data={})
    with transaction.atomic():
        return _write(webhook, told)


def _queue(events: Iterable[_Told]) -> None:
    for told in events:
        for webhook in Webhook.objects.filter(programme=told.programme, stopped_at=None, made_at__lte=told.at):
            is_known = WebhookDelivery.objects.filter(webhook=webhook, uid=told.uid).exists()
            if told.kind in webhook.kinds and not is_known:
                _write(webhook, told)


def _write(webhook: Webhook, told: _Told) -> WebhookDelivery:
    # Somebody who writes the same one at this moment is refused by the constraint, and tries again later.
    row = WebhookDelivery.objects.create(webhook=webhook, uid=told.uid, kind=told.kind, body=told.body)
    emit(WebhookDue(delivery=row.pk))
    return row


def _of_decision(row: Decision) -> _Told:
    data = {
        "trigger": row.event.trigger,
        "outcome": row.outcome,
        "points": row.points,
        "reason": row.reason,
        "round": row.round,
        "occurred_at": row.event.occurred_at.isoformat(),
    }
    return _Told(
        EventKind.POINTS,
        name=str(row.pk),
        programme=row.wallet.programme,
        member=row.event.member_key,
        at=row.decided_at,
        data=data,
    )


def _of_tier(pk: int) -> _Told | None:
    row = TierMembership.objects.select_related("wallet", "from_tier", "to_tier").get(pk=pk)
    tiers = TierProgramme.objects.select_related("source").filter(status=row.wallet.programme_id).first()
    if tiers is None:
        return None
    data = {
        "tier": row.to_tier.code,
        "before": row.from_tier.code if row.from_tier else None,
        "reason": row.reason,
        "until": row.due_on.isoformat() if row.due_on else None,
    }
    return _Told(
        EventKind.TIER,
        name=str(row.pk),
        programme=tiers.source,
        member=row.wallet.member_key,
        at=row.created_at,
        data=data,
    )


def _of_badge(pk: int) -> _Told | None:
    row = BadgeRecord.objects.select_related("badge__programme", "wallet").get(pk=pk)
    data = {"badge": row.badge.code, "is_held": row.what == BadgeRecord.What.AWARDED}
    return _Told(
        EventKind.BADGE,
        name=str(row.pk),
        programme=row.badge.programme,
        member=row.wallet.member_key,
        at=row.created_at,
        data=data,
    )


def _of_reward(pk: int) -> _Told | None:
    row = RedemptionStep.objects.select_related("redemption__wallet__programme", "redemption__reward").get(pk=pk)
    redemption = row.redemption
    data = {
        "redemption": str(redemption.uid),
        "reward": redemption.reward_id,
        "state": row.state,
        "price": redemption.price,
        "points_back": row.points,
        "reason": row.reason,
    }
    return _Told(
        EventKind.REWARD,
        name=str(row.pk),
        programme=redemption.wallet.programme,
        member=redemption.wallet.member_key,
        at=row.created_at,
        data=data,
    )


_READERS: Final[Mapping[str, Callable[[int], _Told | None]]] = {
    EventKind.TIER: _of_tier,
    EventKind.BADGE: _of_badge,
    EventKind.REWARD: _of_reward,
}
