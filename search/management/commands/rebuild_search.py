"""`manage.py rebuild_search`: index everything again, or only what differs, in the database and in the cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError

from search import services
from search.index import cluster
from search.index.answering import get_backend
from search.index.errors import UnavailableError
from search.index.protocol import Backend
from search.meaning import model, vectors

if TYPE_CHECKING:
    from argparse import ArgumentParser

_SECONDS_BETWEEN_LINES: Final = 10.0


class Command(BaseCommand):
    help = "Rebuilds the search index. Searches work meanwhile and miss nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Compare the index with the database and repair only what differs.",
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        failed = self._work("the index in the database", get_backend(), check=check)
        if cluster.is_configured():
            try:
                failed |= self._work_on_cluster(check=check)
            except UnavailableError as error:
                raise CommandError(f"The search cluster failed: {error}") from error
        if model.is_enabled():
            self._fill_meanings()
        if failed:
            raise CommandError("Some objects could not be indexed; the log says why.")

    def _work_on_cluster(self, *, check: bool) -> bool:
        mirror = cluster.get_cluster()
        if check:
            mirror.indices.ensure()
        failed = self._work("the search cluster", mirror, check=check)
        if check:
            mirror.indices.publish_filled()
        return failed

    def _work(self, name: str, backend: Backend, *, check: bool) -> bool:
        """Rebuild or check one index and print a report; return whether any object failed."""
        started = time.monotonic()
        report = services.check(backend) if check else services.rebuild(backend)
        seconds = time.monotonic() - started
        self.stdout.write(
            f"{name}: {report.checked} objects looked at, {report.put} put, {report.removed} removed, "
            f"{report.failed} failed; {backend.count()} entries in the index; {seconds:.1f} s."
        )
        if report.mended:
            self.stdout.write(f"{name}: {report.mended} damaged rows were removed.")
        return report.failed > 0

    def _fill_meanings(self) -> None:
        """Compute missing vectors; reports progress, because a long text takes half a second."""
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
