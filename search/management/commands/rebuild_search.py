"""`manage.py rebuild_search`: index everything again, or only what drifted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError

from search import services
from search.backends import get_backend
from search.semantic import model, vectors

if TYPE_CHECKING:
    from argparse import ArgumentParser

_SECONDS_BETWEEN_LINES: Final = 10.0


class Command(BaseCommand):
    help = "Indexes everything again. Searching goes on meanwhile and misses nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Compare the index with the database and repair only what differs.",
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        started = time.monotonic()
        report = services.check() if check else services.rebuild()
        seconds = time.monotonic() - started
        self.stdout.write(
            f"{report.checked} objects looked at, {report.put} put, {report.removed} removed, {report.failed} failed; "
            f"{get_backend().count()} entries in the index; {seconds:.1f} s."
        )
        if model.is_enabled():
            self._fill_meanings()
        if report.failed:
            raise CommandError("Some objects could not be indexed; the log says why.")

    def _fill_meanings(self) -> None:
        """Half a second for each long text: said from the beginning, so that nobody thinks it hangs."""
        started = time.monotonic()
        told = started

        def progress(done: int, waiting: int) -> None:
            nonlocal told
            if time.monotonic() - told > _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                self.stdout.write(f"{done} of {waiting} meanings …")

        if waiting := vectors.fill():
            self.stdout.write(f"{waiting} meanings to be worked out; searching goes on meanwhile.")
        done = vectors.work_out_all(progress=progress)
        self.stdout.write(f"{done} meanings worked out; {time.monotonic() - started:.1f} s.")
