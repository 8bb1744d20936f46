"""What people are told and follow, for “My data”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portal.accounts import own_data
from portal.notifications import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.accounts.models import User


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register("notifications", export_of=_export, erase=_erase)


def _export(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, rows in services.export_of(person_id=person.pk).items():
        for values in rows:
            yield kind, {("about" if name == "kind" else name): value for name, value in values.items()}


def _erase(person: User) -> None:
    services.erase(person_id=person.pk)
