"""Display preferences of one reader: calendar, digits, time zone and theme, for the duration of a request or a mail.

The values chosen by a person are in a context variable; whatever they left open follows the active language, which may
change within a request (a mail in another language). Formatting depends on `current_preferences()` only.
"""

from __future__ import annotations

import zoneinfo
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils import timezone, translation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JALALI: Final = "jalali"
GREGORIAN: Final = "gregorian"
PERSIAN: Final = "persian"
LATIN: Final = "latin"

CALENDARS: Final = frozenset({JALALI, GREGORIAN})
DIGITS: Final = frozenset({PERSIAN, LATIN})
THEMES: Final = frozenset({"auto", "light", "dark"})

#: Cookies of people without an account. Unknown values are ignored.
CALENDAR_COOKIE: Final = "calendar"
DIGITS_COOKIE: Final = "digits"
THEME_COOKIE: Final = "theme"


@dataclass(frozen=True, slots=True)
class Preferences:
    """A reader's choices; an empty value means the default of the language (of the site, for the time zone)."""

    language: str = ""
    calendar: str = ""
    digits: str = ""
    time_zone: str = ""
    theme: str = "auto"

    @property
    def is_jalali(self) -> bool:
        """Return whether dates are shown in the solar calendar."""
        return self.calendar == JALALI or (not self.calendar and current_language() == "fa")

    @property
    def has_persian_digits(self) -> bool:
        """Return whether numbers are written ۰-۹."""
        return self.digits == PERSIAN or (not self.digits and current_language() == "fa")


NONE_CHOSEN: Final = Preferences()
_active: ContextVar[Preferences] = ContextVar("preferences", default=NONE_CHOSEN)


def current_language() -> str:
    """Return the code of the active language, without a country."""
    return (translation.get_language() or settings.LANGUAGE_CODE).split("-")[0]


def current_preferences() -> Preferences:
    """Return the preferences of the current reader."""
    return _active.get()


def _among(value: object, allowed: frozenset[str]) -> str:
    return value if isinstance(value, str) and value in allowed else ""


def preferences_of(user: Any) -> Preferences:
    """Return the preferences stored on `user`; unknown values are ignored. No query."""
    return Preferences(
        language=_among(getattr(user, "language", ""), frozenset(code for code, _name in settings.LANGUAGES)),
        calendar=_among(getattr(user, "calendar", ""), CALENDARS),
        digits=_among(getattr(user, "digits", ""), DIGITS),
        time_zone=getattr(user, "time_zone", "") or "",
        theme=_among(getattr(user, "theme", ""), THEMES) or "auto",
    )


def preferences_from_cookies(cookies: Mapping[str, str]) -> Preferences:
    """Return the preferences of a person without an account."""
    calendar = _among(cookies.get(CALENDAR_COOKIE), CALENDARS)
    digits = _among(cookies.get(DIGITS_COOKIE), DIGITS)
    theme = _among(cookies.get(THEME_COOKIE), THEMES) or "auto"
    if not calendar and not digits and theme == "auto":
        return NONE_CHOSEN
    return Preferences(calendar=calendar, digits=digits, theme=theme)


@lru_cache(maxsize=256)
def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the named time zone, or None if this machine does not know it."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@contextmanager
def preferences_in_use(preferences: Preferences, *, with_language: bool = True) -> Iterator[None]:
    """Apply `preferences` inside the block: language, calendar, digits, time zone.

    The language of a page is determined by its address, so the middleware passes ``with_language=False``.
    """
    token = _active.set(preferences)
    try:
        with ExitStack() as stack:
            zone = _zone(preferences.time_zone) if preferences.time_zone else None
            stack.enter_context(timezone.override(zone or timezone.get_default_timezone()))
            if with_language and preferences.language:
                stack.enter_context(translation.override(preferences.language))
            yield
    finally:
        _active.reset(token)
