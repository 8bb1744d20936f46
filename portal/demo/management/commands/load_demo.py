"""``manage.py load_demo``: the demo company Noora."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from faq.importing.logs import quiet_logs
from portal.demo.loader import is_site_empty, load
from portal.demo.people import PASSWORD, PEOPLE
from portal.demo.site import is_loaded

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Load the demo: an invented internet provider with articles, products and people. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing, silently, unless the site is empty")
        parser.add_argument(
            "--force", action="store_true", help="load also into a site with content or people of its own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        is_empty = is_site_empty()
        if options["if_empty"] and not is_empty:
            return
        if not (is_empty or is_loaded() or options["force"]):
            raise CommandError("This site has content or people of its own. Use --force to load the demo beside them.")
        started = time.monotonic()
        with quiet_logs():
            report = load(progress=self._progress)
        self._progress("", 0, None)
        for row in report.articles.rows:
            for problem in row.problems:
                self.stdout.write(self.style.WARNING(f"{row.place}:{problem.line or row.line} {problem}"))
        if report.articles.has_failures:
            raise CommandError("Some articles of the demo could not be loaded.")
        seconds = time.monotonic() - started
        self.stdout.write(
            self.style.SUCCESS(
                f"The demo is ready: {len(report.articles.rows)} articles, {report.feedback} answers of readers"
                f" ({seconds:.0f} s)."
            )
        )
        if not options["if_empty"]:  # otherwise `prepare` called, and its launcher prints them at every start
            self.stdout.write("")
            self.stdout.write(sign_ins())

    def _progress(self, step: str, done: int, total: int | None) -> None:
        if not self.stderr.isatty():
            return
        numbers = f" {done}/{total}" if total else f" {done}" if done else ""
        text = f"Loading the demo: {step}{numbers} …" if step else ""
        self.stderr.write(f"\r\033[K{text}", ending="")
        self.stderr.flush()


def sign_ins() -> str:
    """Return a table of the people who can sign in; the password is the same for all."""
    width = max(len(person.email) for person in PEOPLE)
    lines = [f"  {person.email:<{width}}  {person.role}" for person in PEOPLE]
    return "\n".join([f"Sign in with the password {PASSWORD} as", *lines])
