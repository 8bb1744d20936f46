"""Errors of an import. Every message is safe and useful to show to the person importing."""

from __future__ import annotations


class SourceError(Exception):
    """Raised when the source cannot be read at all, or not to its end."""


class RowError(Exception):
    """Raised when one row cannot be imported; the import goes on with the others."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        #: What differs from row to row.
        self.detail = detail
