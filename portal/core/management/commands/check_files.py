from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from portal.core.file_check import check

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Compares who may fetch each uploaded file with where it is shown, and reports differences."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="Correct the differences.")

    def handle(self, **options: Any) -> None:
        found = check(mend=options["repair"])
        for drift in found:
            self.stdout.write(f"{drift.kind} {drift.object_id}: {drift.what}")
        if found and not options["repair"]:
            raise CommandError(f"{len(found)} differences. --repair corrects them.")
        self.stdout.write(f"{len(found)} differences corrected." if found else "Everything is as it should be.")
