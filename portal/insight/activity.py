"""Activity records: who counts as a visitor, and the fields common to all records."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils import timezone

from portal.core.limits import client_address
from portal.core.privacy import is_person
from portal.core.visitors import Origin, origin_of, visitor_hash

if TYPE_CHECKING:
    from typing import Self

    from django.http import HttpRequest

#: Purpose of the keys, so that they cannot be joined with those of other purposes (`portal.core.visitors`).
PURPOSE: Final = "activity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """One thing a visitor did, as long as it waits in memory. Each kind of activity is a subclass with its own fields.

    Address and browser are used only to compute `visit`: they are never stored.
    """

    at: dt.datetime
    address: str = field(repr=False)
    user_agent: str = field(repr=False)

    @classmethod
    def of(cls, request: HttpRequest, **fields: Any) -> Self:
        """Return a record of what the sender of the request is doing now. No query."""
        return cls(
            at=timezone.now(),
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
            **fields,
        )

    @property
    def day(self) -> dt.date:
        """Return the day in the portal's time zone."""
        return timezone.localdate(self.at)

    @property
    def visit(self) -> str:
        """Return the visitor's key for this day. One query per day and process; not inside a transaction."""
        return visitor_hash(PURPOSE, self.address, self.user_agent, self.day)

    def origin(self, subject: str) -> Origin:
        """Return where it came from, for counting what is done about `subject`. Not inside a transaction."""
        return origin_of(self.address, subject, self.day)


def is_visitor(request: HttpRequest) -> bool:
    """Return whether a person sent the request who is not staff. No query for people without a session."""
    return is_person(request) and not is_staff(request)


def is_staff(request: HttpRequest) -> bool:
    """Return whether a member of staff sent the request; without a session cookie no user is looked up."""
    user = getattr(request, "user", None) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    return bool(user is not None and user.is_staff)
