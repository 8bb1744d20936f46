"""Strict parsing of environment variables: an invalid value prevents the start, with a message naming the variable.

django-environ by itself reads every unknown word as "false", so a typo in ``STAFF_SECOND_FACTOR`` or ``HTTPS`` would
silently switch protection off.
"""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Collection

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class Env(environ.Env):
    """Parser for which an empty variable is unset (compose files pass these on) and a leading ``$`` is not special."""

    ENVIRON = {name: f"\\{value}" if value.startswith("$") else value for name, value in os.environ.items() if value}

    def __init__(self) -> None:
        super().__init__()
        self.escape_proxy = True

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> bool:
        text = self.str(var, default=default)
        if isinstance(text, bool):
            return text
        if text.strip().lower() not in _TRUE | _FALSE:
            raise ImproperlyConfigured(f"{var} must be True or False, not “{text}”.")
        return text.strip().lower() in _TRUE

    def switch(self, var: str) -> builtins.bool | None:
        """Return True, False, or None when the variable is not set."""
        return self.bool(var) if self.str(var, default="") else None

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> int:
        text = self.str(var, default=default)
        try:
            number = int(text)
        except ValueError:
            raise ImproperlyConfigured(f"{var} must be a whole number, not “{text}”.") from None
        if number < 0:
            raise ImproperlyConfigured(f"{var} must not be negative.")
        return number

    def choice(self, var: str, default: str, among: Collection[str]) -> str:
        text: str = self.str(var, default=default)
        if text not in among:
            some = ", ".join(sorted(among)[:12])
            raise ImproperlyConfigured(f"{var} must be one of {some}{' …' if len(among) > 12 else ''}; it is “{text}”.")
        return text

    def address(self, var: str, default: str, schemes: Collection[str]) -> str:
        """Return a URL with one of these schemes and a host (or, for sockets, a path)."""
        text: str = self.str(var, default=default)
        if text and not _is_address(text, schemes):
            raise ImproperlyConfigured(f"{var} must look like {'…, '.join(f'{s}://' for s in schemes)}…")
        return text

    def database(self, var: str, default: str) -> dict[str, Any]:
        text: str = self.str(var, default=default)  # never printed: it may contain a password
        if not _is_address(text, ("postgres", "postgresql", "sqlite")):
            raise ImproperlyConfigured(
                f"{var} must look like postgres://user:password@host:5432/name or sqlite:////path."
            )
        return dict(self.db_url_config(text))

    def email(self, var: str) -> dict[str, Any]:
        """Return Django's settings for sending mail; empty when unset."""
        text: str = self.str(var, default="")
        if text and not _is_address(text, ("smtp", "smtps", "smtp+tls", "smtp+ssl")):
            raise ImproperlyConfigured(f"{var} must look like smtp+tls://user:password@host:587.")
        return dict(self.email_url_config(text)) if text else {}


def _is_address(text: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.netloc or parts.path.strip("/")) and (parts.port or 1) > 0
    except ValueError:  # a port that is not a number, an unclosed bracket
        return False


env = Env()
