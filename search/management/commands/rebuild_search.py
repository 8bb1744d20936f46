"""`manage.py rebuild_search`: index everything again, or only what drifted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from search import services
from search.backends import get_backend

if TYPE_CHECKING:
    from argparse import ArgumentParser


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
        if report.failed:
            raise CommandError("Some objects could not be indexed; the log says why.")
