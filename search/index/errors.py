"""Exceptions raised by an index."""

from __future__ import annotations

from collections.abc import Mapping


class UnavailableError(Exception):
    """Raised if an index does not answer, too late, or not as expected. The message is the reason, for the log."""


class RejectedError(Exception):
    """Raised if the index stored everything except some entries; `reasons` maps their ids there to the reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{entry}: {reason}" for entry, reason in reasons.items()))
        self.reasons = dict(reasons)
