"""The devices people have added to their account, for “My data”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portal.accounts import own_data
from portal.catalog.models import Ownership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.accounts.models import User


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register("devices", export_of=_export, erase=_erase)


def _export(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    for owned in Ownership.objects.for_user(person):
        version = owned.version.number if owned.version else ""
        yield (
            "device",
            {
                "product": owned.product.code,
                "version": version,
                "serial_number": owned.serial_number,
                "added_at": owned.added_at,
            },
        )


def _erase(person: User) -> None:
    Ownership.objects.filter(user=person).delete()
