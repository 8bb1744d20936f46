from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.reloader import translation_file_changed

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Compiles translations (.po → .mo) that changed, without gettext. Rejects fuzzy entries."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="Also compile unchanged translations.")

    def handle(self, **options: Any) -> None:
        compiled = [
            source
            for folder in _folders()
            for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po"))
            if options["force"] or _is_newer(source)
        ]
        for source in compiled:
            _compile(source)
        if compiled:
            # Drop the catalogues cached in this process; the path only has to look like a catalogue.
            translation_file_changed(sender=None, file_path=compiled[0].with_suffix(".mo"))
        if options["verbosity"] > 1 or (compiled and options["verbosity"]):
            self.stdout.write(f"{len(compiled)} translation files compiled.")


def _folders() -> list[Path]:
    """Return the folders with translations of ours: those of the project, and those that our apps bring along."""
    own = [Path(app.path) / "locale" for app in apps.get_app_configs()]
    root = Path(settings.BASE_DIR)
    return [*map(Path, settings.LOCALE_PATHS), *(folder for folder in own if _is_ours(folder, root))]


def _is_ours(folder: Path, root: Path) -> bool:
    """Return whether it is in the source tree; packages are compiled, and may be installed in a folder inside it."""
    return folder.is_dir() and root in folder.parents and "site-packages" not in folder.parts


def _is_newer(source: Path) -> bool:
    target = source.with_suffix(".mo")
    return not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns


def _compile(source: Path) -> None:
    """Write the .mo beside `source`, atomically, so that a running server never reads half a file."""
    try:
        with source.open("rb") as file:
            catalogue = read_po(file, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise CommandError(f"{source}: {error}") from error
    fuzzy = [str(message.id) for message in catalogue if message.id and message.fuzzy]
    if fuzzy:
        raise CommandError(f"{source}: entries marked fuzzy are guesses; review them first: {', '.join(fuzzy[:5])}")
    broken = [f"line {message.lineno}: {problem}" for message, problems in catalogue.check() for problem in problems]
    if broken:
        raise CommandError(f"{source}: {'; '.join(broken[:5])}")
    target = source.with_suffix(".mo")
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.chmod(0o644)  # part of the code, which another user may have installed
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise CommandError(f"Cannot write {target}: {error.strerror}") from error
