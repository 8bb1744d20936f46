"""Backups: one archive with the database and the uploaded files, made and brought back by `manage.py`.

`archive`    the file format, and what is refused in it
`databases`  how SQLite and PostgreSQL are copied and replaced
`keys`       names of secret keys, from which the keys cannot be derived
`making`     `manage.py backup`
`restoring`  `manage.py restore`

See docs/decisions/0027-backups.md.
"""

from __future__ import annotations


class BackupError(Exception):
    """Raised with a message for the operator when a backup cannot be made or restored."""
