"""What the community stores about a person, for “My data”."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from community.services.members import erase_member, export_of
from portal.accounts import own_data

if TYPE_CHECKING:
    from portal.accounts.models import User


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register(
        "community",
        export_of=export_of,
        erase=_erase,
        remains=_("What you wrote in the community, by a “former member”. You can delete single posts before."),
    )


def _erase(person: User) -> None:
    erase_member(user=person)
