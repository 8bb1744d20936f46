"""What `/health/` says beside the state of the database: each service adds a word of its own.

    health.report("search", state)          apps.py of the app that knows

What is reported is public: no addresses, no reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_reports: dict[str, Callable[[], str]] = {}


def report(name: str, state: Callable[[], str]) -> None:
    """Have `/health/` say under `name` what `state` returns; it must be quick and never raise."""
    _reports[name] = state


def reports() -> dict[str, str]:
    """What all services say of themselves now."""
    return {name: state() for name, state in sorted(_reports.items())}
