from __future__ import annotations

import fcntl
import hashlib
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from portal.accounts.models import User
from portal.core import file_check
from portal.core.backups import BackupError, restoring
from portal.core.storage import clean_stored_pictures
from portal.demo.people import PASSWORD, PEOPLE
from portal.home.first_pages import make_first_pages
from search.index.answering import get_backend
from search.index.errors import UnavailableError
from search.registry import all_documents
from search.services import rebuild

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

#: An arbitrary number, the same for every portal on one PostgreSQL database: one process prepares, the others wait.
_LOCK = 7_316_201
#: Parent folders of our own apps; all other apps are installed packages.
_OWN_FOLDERS = {Path(settings.BASE_DIR), Path(settings.BASE_DIR) / "portal"}


class Command(BaseCommand):
    help = (
        "Brings everything a running portal needs up to date: translations, database, cache table, static files, and with "
        "--demo the demo company in an empty database. Repeating it costs about a second."
    )
    requires_system_checks: list[str] = []  # the server runs the checks; here they would only take time

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Load the demo company if the database is empty.")
        parser.add_argument("--report", type=Path, metavar="FILE", help="Write a report for the launcher, as JSON.")

    def handle(self, **options: Any) -> None:
        try:
            restoring.refuse_if_interrupted()
        except BackupError as error:
            raise CommandError(str(error)) from error
        call_command("compile_translations")
        self._check_connection()
        _hide_secrets()
        with _alone():
            self._migrate()
            if any(isinstance(cache, DatabaseCache) for cache in caches.all(initialized_only=False)):
                call_command("createcachetable", verbosity=0)
            self._collect_static()
            if options["demo"]:
                call_command("load_demo", if_empty=True, stdout=self.stdout, stderr=self.stderr)
            make_first_pages()
            self._enter_files()
            if restoring.is_to_be_finished():
                restoring.finish(self._rebuild_index)
            else:
                self._fill_index()
        if options["report"]:
            options["report"].write_text(json.dumps({"sign_ins": _demo_sign_ins()}), encoding="utf-8")

    def _check_connection(self) -> None:
        try:
            connection.ensure_connection()
        except DatabaseError as error:
            where = connection.settings_dict
            place = f"{where['HOST']}:{where['PORT'] or 5432}/{where['NAME']}" if where["HOST"] else where["NAME"]
            raise CommandError(f"The database cannot be used ({place}): {str(error).strip()}") from error

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            with self._step(f"Migrating the database ({len(plan)} steps)"):
                call_command("migrate", interactive=False, verbosity=0)

    def _fill_index(self) -> None:
        """Build the index if it is empty, as it is after a release that changed its format."""
        try:
            if get_backend().kinds() or not any(document.get_queryset().exists() for document in all_documents()):
                return
        except UnavailableError:
            return  # an index elsewhere fills itself when it is available again
        with self._step("Filling the search index"):
            rebuild()

    def _rebuild_index(self) -> None:
        """Index a restored database again, here and in the cluster; the portal also starts if that fails."""
        try:
            call_command("rebuild_search", stdout=self.stdout, stderr=self.stderr)
        except CommandError as error:
            self.stderr.write(f"{error}\nRun `manage.py rebuild_search` when the reason is gone.")

    def _enter_files(self) -> None:
        """Compute who may fetch the files of an earlier release, and remove the metadata of its pictures."""
        if file_check.is_filled():
            return
        with self._step("Working out who may see the uploaded files"):
            file_check.check(mend=True)
            clean_stored_pictures()

    def _collect_static(self) -> None:
        """Collect and compress the static files, unless their sources are unchanged."""
        stamp = Path(settings.DATA_DIR) / "static.stamp"
        state = f"{settings.STATIC_ROOT} {_fingerprint()}"
        manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
        if manifest.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
            return
        with self._step("Collecting and compressing static files"):
            call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(state, encoding="utf-8")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self.stdout.write(f"{title} …", ending=" ")
        self.stdout.flush()
        began = time.monotonic()
        yield
        self.stdout.write(f"{time.monotonic() - began:.1f} s")


def _hide_secrets() -> None:
    """Restrict database and key files of earlier releases to their owner; new files are created that way."""
    database = Path(connection.settings_dict["NAME"]) if connection.vendor == "sqlite" else Path(settings.DATA_DIR)
    beside = [database.with_name(database.name + ending) for ending in ("", "-wal", "-shm")]
    for file in (*beside, Path(settings.DATA_DIR) / "secret_key"):
        if file.is_file():
            file.chmod(0o600)


def _demo_sign_ins() -> list[list[str]]:
    """Return role, e-mail and password of the demo's people; empty when this is not the demo."""
    there = set(User.objects.filter(email__in=[person.email for person in PEOPLE]).values_list("email", flat=True))
    return [[person.role, person.email, PASSWORD] for person in PEOPLE if person.email in there]


def _fingerprint() -> str:
    """Return a hash that changes when one of our static files, a package or the Python version changes."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update((Path(settings.BASE_DIR) / "requirements.txt").read_bytes())
    own = (Path(app.path) / "static" for app in apps.get_app_configs() if Path(app.path).parent in _OWN_FOLDERS)
    for folder in (*map(Path, settings.STATICFILES_DIRS), *own):
        for file in sorted(folder.rglob("*")):
            about = file.stat()
            digest.update(f"{file}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock, so that two portals that start together on one database or folder prepare one after the other."""
    with (Path(settings.DATA_DIR) / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
