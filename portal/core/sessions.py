"""Sessions in the database, read by a prepared query: every page of somebody signed in begins with it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from portal.core.prepared import Prepared

if TYPE_CHECKING:
    from django.contrib.sessions.base_session import AbstractBaseSession


class SessionStore(DatabaseStore):
    """Django's own store, with one statement compiled beforehand."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        key = self.session_key or ""
        # Nothing else is a key; a cookie can hold a NUL, which PostgreSQL refuses to compare.
        found = _current.rows(key, timezone.now()) if key.isascii() and key.isalnum() else []
        if not found:
            self._session_key = None
            return None
        return found[0]


_current: Final = Prepared(
    lambda key, now: SessionStore.get_model_class().objects.filter(session_key=key, expire_date__gt=now),
    str,
    dt.datetime,
)
