"""Backups: one archive with the database and the uploaded files, made and brought back by `manage.py`.

`archive`    the file format, and what is refused in it
`databases`  how SQLite and PostgreSQL are copied and replaced
`keys`       names of secret keys, from which the keys cannot be derived
`making`     `manage.py backup`
`restoring`  `manage.py restore`

See docs/decisions/0027-backups.md.
"""

from __future__ import annotations

import re
from typing import Final

#: Characters that a terminal would obey instead of showing them.
_OBEYED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text, parts of which may come from an archive, as it can be shown on a terminal."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class BackupError(Exception):
    """Raised with a message for the operator when a backup cannot be made or restored."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))
