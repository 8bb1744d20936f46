"""How members are shown: name, picture made by code, standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils.translation import pgettext

from community.models.member import is_private

if TYPE_CHECKING:
    from portal.accounts.models import User

#: Colours of the pictures; see avatar.css.
TONES: Final = 6


@dataclass(frozen=True, slots=True)
class Person:
    """A member as others see them."""

    name: str
    #: Of their page; empty for somebody without an account any more, and for those who hide it.
    url: str = ""
    tone: int = 1
    is_staff: bool = False
    has_account: bool = False

    @property
    def initial(self) -> str:
        return next((character for character in self.name if character.isalnum()), "?").upper()


def person_of(user: User | None) -> Person:
    """Return how somebody is shown. No query but one now and then, for those who hide their pages."""
    if user is None or not user.is_active:
        return Person(pgettext("person without an account", "Former member"))
    return Person(
        name=user.handle,
        url="" if is_private(user.pk) else reverse("community:person", args=[user.handle]),
        tone=user.pk % TONES + 1,
        is_staff=user.is_staff,
        has_account=True,
    )
