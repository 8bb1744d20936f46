"""What can go wrong with an index."""

from __future__ import annotations

from collections.abc import Mapping


class UnavailableError(Exception):
    """The index does not answer, too late, or not as it should. The message says why, for the log."""


class RejectedError(Exception):
    """The index stored everything but these entries: their ids there, and why each was refused."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{entry}: {reason}" for entry, reason in reasons.items()))
        self.reasons = dict(reasons)
