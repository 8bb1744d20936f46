"""Domain events of accounts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class SignedInOnNewDevice(DomainEvent):
    """Somebody signed in to an account on a device where it had not been used before; not at sign-up."""

    name: ClassVar[str] = "accounts.signed_in_on_new_device"
    user_id: int
    at: dt.datetime
    #: The browser in words; empty if it says nothing.
    device: str = ""
    #: A key of browser and address for this day (`portal.core.visitors`): who keeps no cookies is told once a day.
    visitor: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountChanged(DomainEvent):
    """Something by which a person signs in was changed: `what` is the template of the mail that says so."""

    name: ClassVar[str] = "accounts.changed"
    user_id: int
    at: dt.datetime
    what: str
