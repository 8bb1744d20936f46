"""What `/health/` says beside the state of the database: each service adds a word of its own.

    health.report("search", state)          apps.py of the app that knows

What is reported is public: no addresses, no reasons. What only staff may know is reported apart:

    health.report_to_staff("fragments", figures)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_figures: dict[str, Callable[[], Mapping[str, object]]] = {}
_reports: dict[str, Callable[[], str]] = {}


def report(name: str, state: Callable[[], str]) -> None:
    """Have `/health/` say under `name` what `state` returns; it must be quick and never raise."""
    _reports[name] = state


def reports() -> dict[str, str]:
    """What all services say of themselves now."""
    return {name: state() for name, state in sorted(_reports.items())}


def report_to_staff(name: str, figures: Callable[[], Mapping[str, object]]) -> None:
    """Have `/health/` give staff under `name` the figures of this process; they must be quick and never raise."""
    _figures[name] = figures


def reports_to_staff() -> dict[str, dict[str, object]]:
    """The figures of all services now, in the process that is asked."""
    return {name: dict(figures()) for name, figures in sorted(_figures.items())}
