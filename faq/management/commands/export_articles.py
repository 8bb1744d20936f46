"""``manage.py export_articles``: exports everything the help pages hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from faq.exporting import ExportError, Wish, export_articles

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Export topics, articles, shared texts, troubleshooters, downloads and their files as JSON lines. `import_articles` takes the "
        "result. The format is described in docs/export-format.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="an empty or new folder, or a new .zip")
        parser.add_argument("--drafts", action="store_true", help="also what is not published")
        parser.add_argument("--people", action="store_true", help="also the addresses of the owners of articles")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = self._progress if self.stderr.isatty() else None
        try:
            report = export_articles(
                options["path"], Wish(drafts=options["drafts"], people=options["people"]), progress=progress
            )
        except (ExportError, OSError) as error:
            raise CommandError(str(error)) from error
        if progress is not None:
            self.stderr.write("\r\033[K", ending="")
        self.stdout.write(", ".join(f"{kind}: {count}" for kind, count in report.counts.items()))
        for each in report.missing:
            self.stdout.write(self.style.WARNING(f"file missing: {each}"))

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r\033[K{done}/{total}", ending="")
        self.stderr.flush()
