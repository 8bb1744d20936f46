from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal.core.backups import BackupError, restoring

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Brings a backup made by `manage.py backup` back into an empty portal: checks all of it, then replaces the "
        "database and the uploaded files, migrates and indexes. Stop the portal first."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("archive", type=Path, help="The file.")
        parser.add_argument("--check", action="store_true", help="Only check the archive; changes nothing.")
        parser.add_argument(
            "--replace", action="store_true", help="Replace a portal that is not empty; what is in it is lost."
        )

    def handle(self, *, archive: Path, check: bool = False, replace: bool = False, **options: Any) -> None:
        try:
            if check:
                restoring.check(archive, say=self.stdout.write)
                return
            restoring.restore(archive, replace=replace, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        call_command("prepare", stdout=self.stdout, stderr=self.stderr)
        self.stdout.write("Restored. Open a page and the admin before you rely on it.")
