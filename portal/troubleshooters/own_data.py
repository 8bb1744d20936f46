"""What is stored about a person here, for “My data”."""

from __future__ import annotations

from portal.accounts import own_data
from portal.troubleshooters.services import erase, export_of


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register("troubleshooters", export_of=export_of, erase=erase)
