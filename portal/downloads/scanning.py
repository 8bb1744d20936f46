"""Looking for viruses in what editors upload: off, until the operator names a command.

    DOWNLOADS_SCAN_COMMAND="clamdscan --fdpass --no-summary"

The worker calls it with the path of a file. Exit status 0 means clean, 1 infected (as all scanners of ClamAV have it);
anything else is a failure and tried again later. Until a file is clean, its release cannot be published. Another scanner
is an object with the method of `Scanner`, set by `use`.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Final, Protocol

from django.conf import settings

_SECONDS: Final = 600


class ScanFailedError(RuntimeError):
    """Raised when a file could not be looked at."""


class Scanner(Protocol):
    """Looks at files."""

    def is_clean(self, path: str) -> bool:
        """Return whether nothing was found in the file. Raises `ScanFailedError`."""


class CommandScanner:
    """Asks a command."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def is_clean(self, path: str) -> bool:
        """Return whether nothing was found in the file. Raises `ScanFailedError`."""
        try:
            done = subprocess.run(  # noqa: S603 - the operator's command, and a path of ours
                [*self._command, path], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ScanFailedError(type(error).__name__) from error
        if done.returncode not in {0, 1}:
            raise ScanFailedError(f"exit status {done.returncode}")
        return done.returncode == 0


_scanner: list[Scanner] = []


def use(scanner: Scanner | None) -> None:
    """Use another scanner than the command of the settings; None for that one again."""
    _scanner[:] = [] if scanner is None else [scanner]


def scanner_in_use() -> Scanner | None:
    """Return the scanner, or None if files are not looked at."""
    if _scanner:
        return _scanner[0]
    return CommandScanner(settings.DOWNLOADS_SCAN_COMMAND) if settings.DOWNLOADS_SCAN_COMMAND else None
