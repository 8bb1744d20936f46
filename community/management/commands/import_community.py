"""``manage.py import_community``: imports another forum."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import override

from community.importing import FORMATS, Report, SourceError, import_community
from portal.core import running

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Imports another forum: a StackExchange dump, an export of Discourse, or a CSV file. Safe to repeat, and to stop "
        "at any time. Start with --dry-run. The files are described in community/importing/README.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("form", choices=sorted(FORMATS), help="what the source is")
        parser.add_argument("path", type=Path, help="folder or file")
        parser.add_argument("--source", default="", help="name of that forum; the same name goes on with its import")
        parser.add_argument("--area", default="", help="slug of the area for what names none that exists here")
        parser.add_argument(
            "--area-of", action="append", default=[], metavar="THEIRS=SLUG", help="area for a category of theirs"
        )
        parser.add_argument("--dry-run", action="store_true", help="read everything and report; write nothing")
        parser.add_argument(
            "--keep-personal-data",
            action="store_true",
            help="leave mail addresses and phone numbers in texts as they are",
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON, too")
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], help="of the report")

    def handle(self, **options: Any) -> None:
        with override(options["language"]) if options["language"] else nullcontext():
            self._import(options)

    def _import(self, options: dict[str, Any]) -> None:
        area_of = dict(pair.partition("=")[::2] for pair in options["area_of"])
        if "" in area_of or "" in area_of.values():
            raise CommandError(_("Write --area-of as THEIRS=SLUG."))
        running.announce()  # a restore must not replace what this writes to
        try:
            report = import_community(
                options["path"],
                form=options["form"],
                source=options["source"],
                area=options["area"],
                area_of=area_of,
                dry_run=options["dry_run"],
                keeps_personal_data=options["keep_personal_data"],
                progress=self._progress if options["verbosity"] and sys.stderr.isatty() else lambda _kind, _done: None,
            )
        except SourceError as error:
            raise CommandError(str(error)) from error
        self._print(report, options["report"])

    def _progress(self, kind: str, done: int) -> None:
        self.stderr.write(f"\r\033[K{kind}: {done}", ending="")
        self.stderr.flush()

    def _print(self, report: Report, path: Path | None) -> None:
        if sys.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")
        for line in report.lines():
            self.stdout.write(line)
        if path is not None:
            path.write_text(json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
