"""The test database: migrated once, copied for every process, restored after every test that commits.

Migrating takes many seconds and always results in the same rows. So it is done once, in a *template*, which is stored
under a name that depends on everything its rows depend on (`template_key`); each process starts with a copy. If several
processes or runs need the template at once, one creates it and the others wait.

A test with real transactions (``django_db(transaction=True)``) leaves rows behind. Django would empty some two hundred
tables and create permissions again, but not the rows of the migrations; here the database is restored to the state of
the template, so that every test begins with the same rows, whatever ran before it.

pytest's ``--reuse-db`` and ``--create-db`` have no effect: the copy is always new.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import sqlite3
import weakref
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_migrate
from django.test import TransactionTestCase
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
#: Folder of the SQLite templates, which are kept between runs. May be deleted at any time.
FOLDER = ROOT / ".pytest_cache" / "databases"
#: Number of SQLite templates that are kept, for switching between branches.
KEPT = 4
#: How long a test may leave the database busy before that is an error.
BUSY_SECONDS = 20
#: Key of the PostgreSQL advisory lock for creating and copying templates.
_LOCK = 6_284_117_035


def template_key(server: str) -> str:
    """A hash of everything the migrated rows depend on: migrations, settings, and whatever runs after migrating."""
    files = {Path(__file__), *(ROOT / "portal" / "settings").glob("*.py")}
    for app in apps.get_app_configs():
        elsewhere = settings.MIGRATION_MODULES.get(app.label)
        folder = Path(import_module(elsewhere).__path__[0]) if elsewhere else Path(app.path) / "migrations"
        files.update(folder.glob("*.py"))
        files.update(Path(app.path).glob("roles.py"))  # the permissions that groups get after migrating
    for _key, receiver, *_ in post_migrate.receivers:
        function = receiver() if isinstance(receiver, weakref.ref) else receiver
        if function and (file := inspect.getsourcefile(function)):
            files.add(Path(file))
    known = hashlib.sha256()
    for file in sorted(files):
        known.update(f"{file.parent.parent.name}/{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    known.update(repr([settings.INSTALLED_APPS, settings.LANGUAGE_CODE, settings.CACHES, server]).encode())
    return known.hexdigest()[:16]


class Databases(Protocol):
    """What the fixture needs from a database engine."""

    template: object

    def make_template(self) -> None:
        """Migrate, unless that has been done."""

    def copy_template(self, name: str) -> None:
        """Create the database `name` as a copy; an existing one is deleted."""

    def remember(self) -> None:
        """Called once, connected to the fresh copy, before the first test."""

    def put_back(self) -> None:
        """Restore the connected database to the state of the template."""

    def drop(self, name: str) -> None:
        """Delete the database `name`, if it exists."""


class SqliteDatabases:
    """SQLite files, restored by SQLite's backup API, which overwrites the pages of a database in use."""

    def __init__(self) -> None:
        self.template = FOLDER / f"{template_key(sqlite3.sqlite_version)}.sqlite3"

    def make_template(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.template.is_file():
                self.template.touch()
                return
            unfinished = FOLDER / "unfinished"
            self.drop(str(unfinished))
            _migrate(str(unfinished))
            with closing(sqlite3.connect(unfinished)) as made:
                made.execute("PRAGMA journal_mode=DELETE")  # a single file, without a write-ahead log
            unfinished.replace(self.template)
            newest_first = sorted(FOLDER.glob("*.sqlite3"), key=lambda file: file.stat().st_mtime, reverse=True)
            for old in newest_first[KEPT:]:
                old.unlink()

    def copy_template(self, name: str) -> None:
        self.drop(name)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(self.template.read_bytes())

    def remember(self) -> None:
        """Do nothing: the template is a file."""

    def put_back(self) -> None:
        connection.close()
        attempts = 0

        def give_up_some_day(_status: int, _remaining: int, _total: int) -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 4 * BUSY_SECONDS:  # four per second while another connection writes
                raise TimeoutError("Something the test left running still writes to the database.")

        with (
            closing(sqlite3.connect(f"file:{self.template}?mode=ro", uri=True)) as template,
            closing(sqlite3.connect(str(connection.settings_dict["NAME"]))) as target,
        ):
            target.execute("PRAGMA synchronous=OFF")  # these rows need not survive a power failure
            template.backup(target, progress=give_up_some_day)

    def drop(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(name + suffix).unlink(missing_ok=True)


class PostgresDatabases:
    """Uses ``CREATE DATABASE … TEMPLATE``; after a test, only the tables that differ are written.

    Sequences are not reset, just as when a test is rolled back.
    """

    def __init__(self) -> None:
        self._prefix = f"{connection.settings_dict['NAME']}_template_"
        self.template = f"{self._prefix}{template_key('postgresql')}"
        self._digests: dict[str, str] = {}
        self._rows: dict[str, bytes] = {}

    def make_template(self) -> None:
        with _server() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._prefix])
            there = {name for (name,) in cursor.fetchall()}
            if self.template in there:
                return
            for old in there:
                cursor.execute(_sql("DROP DATABASE {} WITH (FORCE)", old))
            unfinished = f"{self._prefix}unfinished"
            cursor.execute(_sql("CREATE DATABASE {}", unfinished))
            _migrate(unfinished)
            cursor.execute(_sql("ALTER DATABASE {} RENAME TO {}", unfinished, self.template))

    def copy_template(self, name: str) -> None:
        with _server() as cursor:
            cursor.execute(_sql("DROP DATABASE IF EXISTS {}", name))
            cursor.execute(_sql("CREATE DATABASE {} TEMPLATE {}", name, self.template))

    def remember(self) -> None:
        """Read the rows of the tables that are not empty, which are few and small."""
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            self._digests = _digests(cursor, dict.fromkeys(tables, "?"))
            for table in filter(self._digests.get, tables):
                with cursor.copy(_sql("COPY {} TO STDOUT", table)) as copy:
                    self._rows[table] = b"".join(map(bytes, copy))

    def put_back(self) -> None:
        connection.close()
        with transaction.atomic(), connection.cursor() as cursor:  # foreign keys are checked at the commit
            cursor.execute(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
            cursor.execute(
                "SET LOCAL session_replication_role = replica"
            )  # tables that refuse deletions are restored, too
            now = _digests(cursor, self._digests)
            changed = [table for table, digest in now.items() if digest != self._digests[table]]
            for table in changed:
                cursor.execute(_sql("DELETE FROM {}", table))
            for table in filter(self._rows.get, changed):
                with cursor.copy(_sql("COPY {} FROM STDIN", table)) as copy:
                    copy.write(self._rows[table])

    def drop(self, name: str) -> None:
        with _server() as cursor:
            cursor.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))


def _sql(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


def _digests(cursor: Any, expected: dict[str, str]) -> dict[str, str]:
    """Table → a digest of its rows, which is empty for an empty table. One query.

    If no rows are expected, it is enough to know whether there are any.
    """
    all_rows = "SELECT {} AS name, coalesce(md5(string_agg(one::text, chr(10) ORDER BY one::text)), '') FROM {} one"
    any_row = "SELECT {} AS name, CASE WHEN EXISTS (SELECT FROM {}) THEN 'rows' ELSE '' END"
    questions = [
        sql.SQL(all_rows if digest else any_row).format(sql.Literal(table), sql.Identifier(table))
        for table, digest in expected.items()
    ]
    cursor.execute(sql.SQL(" UNION ALL ").join(questions))
    return dict(cursor.fetchall())


@contextmanager
def _server() -> Iterator[Any]:
    """A cursor for creating and dropping databases, with the lock held until it is closed."""
    connection.close()
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield cursor


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    """Inside this context, connection and settings use the database `name`."""
    before = connection.settings_dict["NAME"]
    for where in (settings.DATABASES[connection.alias], connection.settings_dict):
        where["NAME"] = name
    connection.close()
    try:
        yield
    finally:
        connection.close()
        for where in (settings.DATABASES[connection.alias], connection.settings_dict):
            where["NAME"] = before


def _migrate(name: str) -> None:
    with _connected_to(name):
        call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
        call_command("createcachetable")


def migrated_file(file: Path) -> None:
    """Create `file` as a migrated SQLite database, for a portal that a test starts.

    A run on PostgreSQL uses the template of an earlier run on SQLite; without one, the portal has to migrate itself.
    """
    ours = SqliteDatabases()
    if connection.vendor == "sqlite":
        ours.make_template()
    if ours.template.is_file():
        ours.copy_template(str(file))


def databases() -> Databases:
    """The implementation for the database in the settings."""
    return SqliteDatabases() if connection.vendor == "sqlite" else PostgresDatabases()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, django_db_modify_db_settings) -> Iterator[Databases]:
    """Replaces the fixture of pytest-django: creates a copy of the template for this process."""
    ours = databases()
    name = connection.creation._get_test_db_name()
    with django_db_blocker.unblock():
        ours.make_template()
        ours.copy_template(name)

    def put_back(_test_case: TransactionTestCase) -> None:
        ours.put_back()

    with _connected_to(name), mock.patch.object(TransactionTestCase, "_fixture_teardown", put_back):
        with django_db_blocker.unblock():
            ours.remember()
        yield ours
    with django_db_blocker.unblock():
        ours.drop(name)
