"""Contents of `/health/` besides the state of the database: each service adds its own status.

    health.report("search", state)          apps.py of the app that knows

The status is public: no addresses, no reasons. Figures that only staff may see are reported separately:

    health.report_to_staff("fragments", figures)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_figures: dict[str, Callable[[], Mapping[str, object]]] = {}
_reports: dict[str, Callable[[], str]] = {}
_needed: set[str] = set()

OK = "ok"
DEGRADED = "degraded"


def report(name: str, state: Callable[[], str], *, is_needed: bool = False) -> None:
    """Register `state`, whose result `/health/` shows under `name`; it must be fast and never raise.

    With `is_needed` the portal as a whole is degraded when the result is anything but ``ok``; otherwise readers notice
    nothing.
    """
    _reports[name] = state
    if is_needed:
        _needed.add(name)


def reports() -> dict[str, str]:
    """Return the current status of all services."""
    return {name: state() for name, state in sorted(_reports.items())}


def overall(states: Mapping[str, str]) -> str:
    """Return the status of the portal, given the result of `reports`."""
    return OK if all(states[name] == OK for name in _needed & states.keys()) else DEGRADED


def report_to_staff(name: str, figures: Callable[[], Mapping[str, object]]) -> None:
    """Register `figures` of this process, shown to staff under `name`; it must be fast and never raise."""
    _figures[name] = figures


def reports_to_staff() -> dict[str, dict[str, object]]:
    """Return the current figures of all services in the process that answers."""
    return {name: dict(figures()) for name, figures in sorted(_figures.items())}
