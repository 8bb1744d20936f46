"""Signed addresses in mails. A GET shows a page with a button and changes nothing, since mail scanners open links.

Signatures are checked with `SECRET_KEY` and `SECRET_KEY_FALLBACKS`, so that links survive a change of the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core import signing
from django.urls import reverse

from portal.notifications.registry import Group
from portal.notifications.targets import checked

_SALT: Final = "portal.notifications.unsubscribe"
_ALL: Final = "all"


class BadLinkError(Exception):
    """Raised for an address that we did not sign."""


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a link in a mail ends, for one person: news of one subject, mails of one group, or all mails."""

    person_id: int
    subject: str = ""
    group: Group | None = None

    @property
    def token(self) -> str:
        scope = self.subject or (self.group.value if self.group else _ALL)
        return signing.dumps([self.person_id, scope], salt=_SALT)

    @property
    def path(self) -> str:
        """Return the address of the page in the active language."""
        return reverse("notifications:unsubscribe", args=[self.token])

    @classmethod
    def read(cls, token: str) -> Unsubscription:
        """Return what a token was made for. Raises `BadLinkError`."""
        try:
            person_id, scope = signing.loads(token, salt=_SALT)
        except (signing.BadSignature, ValueError):
            raise BadLinkError from None
        if ":" in scope:
            return cls(person_id, subject=checked(scope))
        return cls(person_id, group=None if scope == _ALL else Group(scope))


def absolute(path: str) -> str:
    """Return a complete address, for mails."""
    return f"{settings.BASE_URL}{path}"
