from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from portal.core.backups import BackupError
from portal.core.backups.keys import names_in_use
from portal.core.backups.making import in_megabytes, make_backup

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Writes a backup into one archive: the database and the uploaded files. The portal may be running. The secret "
        "key is not in it: keep DATA_DIR/secret_key, or SECRET_KEY, in another place."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to", type=Path, required=True, metavar="FOLDER", help="Folder, or name of the file (ending in .tar)."
        )
        parser.add_argument(
            "--keep", type=int, metavar="N", help="Afterwards delete all but the newest N backups of this portal there."
        )

    def handle(self, *, to: Path, keep: int | None = None, **options: Any) -> None:
        if keep is not None and keep < 1:
            raise CommandError("--keep needs a number from 1.")
        try:
            file = make_backup(to=to, keep=keep, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file} ({in_megabytes(file.stat().st_size)}). It needs the secret key {names_in_use()[0]}.")
