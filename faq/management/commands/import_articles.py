"""``manage.py import_articles``: imports articles from Markdown files or a table."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from faq.importing import ImportReport, Outcome, SourceError, import_articles
from faq.importing.logs import quiet_logs

if TYPE_CHECKING:
    from argparse import ArgumentParser

_STYLES = {
    Outcome.CREATED: "SUCCESS",
    Outcome.CHANGED: "SUCCESS",
    Outcome.SKIPPED: "WARNING",
    Outcome.FAILED: "ERROR",
}


def _pair(text: str) -> tuple[str, str]:
    """Return both sides of ``A=B``."""
    left, sign, right = text.rpartition("=")
    if not sign:
        raise ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    return left.strip(), right.strip()


def _language_of_terminal() -> str:
    """Return the portal's language that the terminal is set to; else the one in use."""
    known = {code for code, _name in settings.LANGUAGES}
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        language = os.environ.get(name, "").partition(".")[0].partition("_")[0].lower()
        if language in known:
            return language
    return translation.get_language() or settings.LANGUAGE_CODE


class Command(BaseCommand):
    help = (
        "Import articles from a folder or zip of documentation, one document, or a spreadsheet, as they are. "
        "Safe to repeat. Start with --dry-run. The format is described in faq/importing/README.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder, .zip, document or spreadsheet")
        parser.add_argument("--dry-run", action="store_true", help="read and report everything, write nothing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as .csv or .json")
        parser.add_argument("--language", default="", help="default for rows without a language: fa, en")
        parser.add_argument("--topic", default="", help="default for rows without a topic: code or name")
        for option, what in (
            ("language", "a language of the source is one of the portal: fr=en"),
            ("topic", "a folder or category belongs to a topic: guides/install=setup"),
        ):
            parser.add_argument(f"--map-{option}", action="append", default=[], type=_pair, metavar="A=B", help=what)
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            type=_pair,
            metavar="NAME=FIELD",
            help="what a column of a spreadsheet is: title, body, category … with :fa or :en for one language; empty: not used",
        )
        parser.add_argument(
            "--language-of-report", default="", metavar="CODE", help="fa, en; default: the language of the terminal"
        )
        parser.add_argument("--pictures", type=Path, metavar="PATH", help="folder or zip with the pictures")
        state = parser.add_mutually_exclusive_group()
        state.add_argument("--publish", action="store_true", default=True, help="publish at once (the default)")
        state.add_argument("--draft", dest="publish", action="store_false", help="save as drafts")
        parser.add_argument("--user", metavar="EMAIL", help="owner of new articles, author of the revisions")
        parser.add_argument(
            "--overwrite", action="store_true", help="also replace articles edited here since their last import"
        )
        parser.add_argument("--fail", action="store_true", help="exit with status 1 if a row failed")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language_of_report"] or _language_of_terminal()):
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        report_path: Path | None = options["report"]
        if report_path is not None and report_path.suffix.lower() not in {".csv", ".json"}:
            raise CommandError(_("The report's name must end in .csv or .json."))
        user = self._user(options["user"])
        try:
            with quiet_logs():
                report = import_articles(
                    options["path"],
                    dry_run=options["dry_run"],
                    language=options["language"],
                    topic=options["topic"],
                    languages=dict(options["map_language"]),
                    topics=dict(options["map_topic"]),
                    columns=dict(options["column"]),
                    publish=options["publish"],
                    user=user,
                    pictures=options["pictures"],
                    overwrite=options["overwrite"],
                    progress=self._progress if self.stderr.isatty() else None,
                )
        except SourceError as error:
            raise CommandError(str(error)) from error
        if self.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")
        self._print(report)
        if report_path is not None:
            report.write(report_path)
        if options["fail"] and report.has_failures:
            raise CommandError(_("Some rows failed."))

    @staticmethod
    def _user(email: str | None) -> Any:
        if not email:
            return None
        users = get_user_model()
        try:
            return users.objects.get(email=email.lower())
        except users.DoesNotExist as error:
            raise CommandError(_("There is no user with the address %(email)s.") % {"email": email}) from error

    def _progress(self, done: int, total: int | None) -> None:
        text = f"{done}/{total}" if total else f"{done}…"
        self.stderr.write(f"\r\033[K{text}", ending="")
        self.stderr.flush()

    def _print(self, report: ImportReport) -> None:
        for note in report.notes:
            self.stdout.write(self.style.WARNING(note))
        for row in report.rows:
            for problem in row.problems:
                line = f"{row.place}:{problem.line or row.line} [{row.outcome.label}] {problem}"
                self.stdout.write(getattr(self.style, _STYLES.get(row.outcome, "NOTICE"))(line))
        counts = ", ".join(f"{outcome.label}: {count}" for outcome, count in report.counts.items())
        self.stdout.write(counts)
        for outcome, reason, number in report.reasons():
            self.stdout.write(f"  {number} × [{outcome.label}] {reason}")
        if report.dry_run:
            self.stdout.write(self.style.WARNING(_("Dry run: nothing was written.")))
