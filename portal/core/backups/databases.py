"""Copying and replacing the whole database: SQLite with its backup API, PostgreSQL with its client programs.

A copy is consistent although others write meanwhile, and they do not wait for it. A replacement is one transaction: if
it is interrupted, the database is as it was before.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from psycopg import sql

from portal.core.backups import BackupError

if TYPE_CHECKING:
    from collections.abc import Collection

#: How long a replacement waits for others that use the database.
PATIENCE_SECONDS: Final = 30
_CHUNK_BYTES: Final = 1024 * 1024
_GZIP_LEVEL: Final = 6
#: A table that every database of a portal has.
_SURE_TABLE: Final = "django_migrations"
_EMPTY: Final = "The database in the archive is empty, or not that of a portal."
_IN_USE: Final = "The database is in use by another process. Stop the portal, then try again."


class Database(Protocol):
    """What backups need from a kind of database. All methods raise `BackupError` with a message for the operator."""

    kind: str
    #: Name of the copy in the archive.
    member: str

    def version(self) -> str:
        """Return the version of the server or library."""

    def dump(self, folder: Path) -> Path:
        """Write a copy into `folder` and return the file."""

    def unpack(self, dump: Path) -> Path:
        """Verify the copy and return the file that `replace` needs, in the same folder."""

    def replace(self, unpacked: Path, *, tables: Collection[str]) -> None:
        """Replace everything in the database by the copy, which has these tables; all or nothing."""


def database() -> Database:
    """Return the kind of database in use."""
    return _Postgres() if connection.vendor == "postgresql" else _Sqlite()


def tables() -> list[str]:
    """Return the names of the tables in the database; none when it is empty or the file does not exist."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return []
    try:
        return sorted(connection.introspection.table_names())
    except DatabaseError as error:
        raise BackupError(f"The database cannot be used: {str(error).strip()}") from error


class _Sqlite:
    kind = "sqlite"
    member = "database.sqlite3.gz"

    def version(self) -> str:
        return sqlite3.sqlite_version

    def dump(self, folder: Path) -> Path:
        copy, packed = folder / "database.sqlite3", folder / self.member
        address = f"{self._file().absolute().as_uri()}?mode=ro"
        try:
            with (
                closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                # All pages in one step: with several, every write of another process would start it again.
                source.backup(target, progress=_GiveUp())
        except (sqlite3.Error, TimeoutError) as error:
            raise BackupError(f"The database could not be copied: {error}") from error
        with copy.open("rb") as plain, gzip.open(packed, "wb", compresslevel=_GZIP_LEVEL) as target_file:
            shutil.copyfileobj(plain, target_file, _CHUNK_BYTES)
        copy.unlink()
        return packed

    def unpack(self, dump: Path) -> Path:
        unpacked = dump.with_suffix("")
        try:
            with gzip.open(dump, "rb") as packed, unpacked.open("wb") as target:
                shutil.copyfileobj(packed, target, _CHUNK_BYTES)
            with closing(sqlite3.connect(unpacked)) as copy:
                result = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
                named = copy.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [_SURE_TABLE])
                is_empty = named.fetchone() is None
        except (gzip.BadGzipFile, zlib.error, EOFError, sqlite3.Error) as error:
            raise BackupError(f"The database in the archive is damaged: {error}") from error
        if result != "ok":
            raise BackupError(f"The database in the archive is damaged: {result}")
        if is_empty:
            raise BackupError(_EMPTY)
        dump.unlink()
        return unpacked

    def replace(self, unpacked: Path, *, tables: Collection[str]) -> None:
        file = self._file()
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        connection.close()
        try:
            with (
                closing(sqlite3.connect(unpacked)) as source,
                closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS)) as target,
            ):
                source.backup(target, progress=_GiveUp())
        except (sqlite3.Error, TimeoutError) as error:
            raise BackupError(f"{_IN_USE} ({error})") from error

    @staticmethod
    def _file() -> Path:
        return Path(connection.settings_dict["NAME"])


class _GiveUp:
    """Called by SQLite after each attempt; four per second while others use the database."""

    def __init__(self) -> None:
        self._attempts = 0

    def __call__(self, _status: int, _remaining: int, _total: int) -> None:
        self._attempts += 1
        if self._attempts > 4 * PATIENCE_SECONDS:
            raise TimeoutError("locked")


class _Postgres:
    kind = "postgresql"
    member = "database.dump"

    def version(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return str(cursor.fetchone()[0])

    def dump(self, folder: Path) -> Path:
        file = folder / self.member
        where, environment = self._client("pg_dump")
        command = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--file={file}"]
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [*command, *where], env=environment, capture_output=True, text=True, check=False, umask=0o077
        )
        if done.returncode:
            raise BackupError(f"pg_dump failed: {done.stderr.strip()}")
        return file

    def unpack(self, dump: Path) -> Path:
        _where, environment = self._client("pg_restore")
        command = ["pg_restore", "--list", str(dump)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a path of ours
        if done.returncode:
            raise BackupError(f"The database in the archive cannot be read: {done.stderr.strip()}")
        if not re.search(rf" TABLE DATA \S+ {_SURE_TABLE} ", done.stdout):
            raise BackupError(_EMPTY)
        return dump

    def replace(self, unpacked: Path, *, tables: Collection[str]) -> None:
        there = self._tables_to_drop(tables)
        begin = f"BEGIN;\nSET LOCAL lock_timeout = '{PATIENCE_SECONDS}s';\n"
        if there:
            with connection.cursor() as cursor:
                names = sql.SQL(", ").join(map(sql.Identifier, there))
                begin += sql.SQL("DROP TABLE {} CASCADE;\n").format(names).as_string(cursor.connection)
                # Our functions, which are in the backup as well, outlive the tables: those of their triggers, and those that
                # have the name of an app before their own.
                cursor.execute(
                    "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
                    " WHERE n.nspname = current_schema() AND (p.oid IN (SELECT t.tgfoid FROM pg_trigger t"
                    " JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND c.relname = ANY(%s))"
                    " OR split_part(p.proname, '_', 1) = ANY(%s)) AND NOT EXISTS"
                    " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
                    [there, [config.label for config in apps.get_app_configs()]],
                )
                begin += "".join(f"DROP FUNCTION {signature};\n" for (signature,) in cursor.fetchall())
        connection.close()
        where, environment = self._client("psql")
        self._client("pg_restore")
        psql = [
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--output=/dev/null",
            "--set=ON_ERROR_STOP=1",
            *where,
        ]
        with tempfile.TemporaryFile() as said:
            script = ["pg_restore", "--file=-", "--no-owner", "--no-privileges", "--exit-on-error", str(unpacked)]
            with subprocess.Popen(psql, env=environment, stdin=subprocess.PIPE, stderr=said) as server:  # noqa: S603 - no shell
                assert server.stdin is not None  # noqa: S101 - it is a pipe
                try:
                    server.stdin.write(begin.encode())
                    server.stdin.flush()
                    done = subprocess.run(script, stdout=server.stdin, stderr=said, check=False)  # noqa: S603 - no shell
                    # Without this line, because something failed or we were killed, the server takes everything back.
                    if done.returncode == 0:
                        server.stdin.write(b"\nCOMMIT;\n")
                    server.stdin.close()
                except BrokenPipeError:  # psql has ended and says why
                    done = None
            if server.returncode or done is None or done.returncode:
                said.seek(0)
                raise BackupError(f"The database was not changed: {said.read().decode(errors='replace').strip()}")

    def _tables_to_drop(self, in_backup: Collection[str]) -> list[str]:
        """Return the tables in the database. Raises `BackupError` when one belongs neither to us nor to the backup."""
        there = tables()
        ours = {*connection.introspection.django_table_names(), *in_backup, "django_migrations"}
        ours |= {str(cache.get("LOCATION")) for cache in settings.CACHES.values()}  # the cache in the database
        if foreign := sorted(set(there) - ours):
            raise BackupError(
                f"The database also contains tables of something else, or of a newer release: {', '.join(foreign)}. "
                "Restore into an empty database, with DATABASE_URL."
            )
        return there

    @staticmethod
    def _client(program: str) -> tuple[list[str], dict[str, str]]:
        """Return the arguments that say where the database is, and the environment, which has the password."""
        if shutil.which(program) is None:
            raise BackupError(
                f"{program} is missing. It is one of PostgreSQL's client programs; install those of the version of "
                "the server (Debian, Ubuntu: apt install postgresql-client)."
            )
        command, environment = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
        return list(command[1:]), {**os.environ, **(environment or {})}
