"""Messages by which this app works after the commit of whoever calls it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class NotificationWanted(DomainEvent):
    """Somebody is to be told of a fact: these people, or whoever follows one of the targets."""

    name: ClassVar[str] = "notifications.wanted"
    kind: str
    key: str
    subject: str
    occurred_at: dt.datetime
    actor_id: int | None = None
    recipients: list[int] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    #: JSON object.
    payload: str = "{}"
    #: Followers up to this row were told already.
    after: int = 0


@dataclass(frozen=True, kw_only=True)
class MailWanted(DomainEvent):
    """A person has news of one subject that are to be mailed at once."""

    name: ClassVar[str] = "notifications.mail_wanted"
    merges: ClassVar[bool] = True
    person_id: int
    subject: str
