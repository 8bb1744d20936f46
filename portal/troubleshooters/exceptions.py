"""Refusals of the services, in words for editors."""

from __future__ import annotations


class TroubleshooterError(Exception):
    """Raised when something cannot be done; the message says why."""
