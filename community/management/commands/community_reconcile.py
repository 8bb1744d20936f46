from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from community import reconcile

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Counts everything in the community again and reports stored counters that differ; --mend corrects them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mend", action="store_true", help="Correct what differs.")

    def handle(self, **options: Any) -> None:
        found = reconcile.mend() if options["mend"] else list(reconcile.find_drift())
        for drift in found:
            self.stdout.write(str(drift))
        if found and not options["mend"]:
            raise CommandError(f"{len(found)} values differ; --mend corrects them.")
        self.stdout.write(f"{len(found)} values corrected." if found else "Nothing differs.")
