"""Addresses that are told of events: made, changed and stopped here, by whoever may; their secrets are shown once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.exceptions import NoRightError
from loyalty.models.webhooks import EventKind, Webhook
from loyalty.services.webhooks import sending
from portal.core import outbox, vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty.models import Programme
    from portal.accounts.models import User

#: Secrets begin with it, so that they are recognised where they do not belong.
PREFIX: Final = "whs_"
#: Name under which deliveries wait in the outbox.
HANDLER: Final = "loyalty.services.webhooks.delivering.deliver"
_PURPOSE: Final = "loyalty.webhook"


def may_change_webhooks(user: User) -> bool:
    """Return whether the person may say who is told of events."""
    return user.is_active and user.has_perm("loyalty.change_webhook")


def make_webhook(*, programme: Programme, name: str, url: str, kinds: Iterable[str], by: User) -> tuple[Webhook, str]:
    """Make an address; return it and the secret. Raises `NoRightError`, and `ValidationError` for impossible values."""
    _require(by)
    secret = _new()
    webhook = Webhook(programme=programme, made_by=f"user:{by.pk}", sealed=vault.encrypt(secret, purpose=_PURPOSE))
    _set(webhook, name, url, kinds)
    webhook.save()
    return webhook, secret


def change_webhook(webhook: Webhook, *, name: str, url: str, kinds: Iterable[str], by: User) -> None:
    """Change what an address is and what it is told. What waits goes to the new one. Raises like `make_webhook`."""
    _require(by)
    _set(webhook, name, url, kinds)
    webhook.failures, webhook.rests_until = 0, None
    webhook.save(update_fields=["name", "url", "kinds", "failures", "rests_until"])
    hurry()


def new_secret(webhook: Webhook, *, by: User) -> str:
    """Return a new secret, with which everything is signed from now on. Raises `NoRightError`."""
    _require(by)
    secret = _new()
    webhook.sealed = vault.encrypt(secret, purpose=_PURPOSE)
    webhook.save(update_fields=["sealed"])
    return secret


def stop_webhook(webhook: Webhook, *, by: User) -> None:
    """Send nothing there any more; what waits is given up when its turn comes. Raises `NoRightError`."""
    _require(by)
    webhook.stopped_at = webhook.stopped_at or timezone.now()
    webhook.save(update_fields=["stopped_at"])


def resume_webhook(webhook: Webhook, *, by: User) -> None:
    """Send there again what happens from now on. Raises `NoRightError`."""
    _require(by)
    webhook.stopped_at, webhook.failures, webhook.rests_until = None, 0, None
    webhook.save(update_fields=["stopped_at", "failures", "rests_until"])
    hurry()


def hurry() -> None:
    """Have what waits for an address that rested be sent now."""
    outbox.hurry({HANDLER})


def secret_of(webhook: Webhook) -> str:
    """Return the secret that signs. Raises `vault.UnreadableError`."""
    return vault.decrypt(webhook.sealed, purpose=_PURPOSE)


def _new() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _set(webhook: Webhook, name: str, url: str, kinds: Iterable[str]) -> None:
    webhook.name, webhook.url = name, url.strip()
    webhook.kinds = [kind for kind in EventKind.values if kind in set(kinds)]
    if not webhook.kinds:
        raise ValidationError({"kinds": _("Choose what it is told.")})
    if not sending.is_possible(webhook.url):
        raise ValidationError(
            {
                "url": _(
                    "Enter a whole address that begins with https:// and is on the public internet, without a password."
                )
            }
        )
    webhook.full_clean(exclude=["programme", "sealed", "stopped_at", "rests_until"], validate_constraints=False)


def _require(by: User) -> None:
    if not may_change_webhooks(by):
        raise NoRightError
