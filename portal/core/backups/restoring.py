"""Bringing a backup back.

    check      read the whole archive, unpack it beside the installation, compare all digests
    switch     replace the database in one transaction, then the uploaded files
    finish     `manage.py prepare`: migrate, index, announce the change

Until the switch an interruption leaves the installation as it was. A file in `DATA_DIR` says that a switch has begun;
as long as it is there, the portal does not start and no backup is made, and the restore can be started again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.db import transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from portal.core import running
from portal.core.backups import BackupError, archive, databases, keys, printable
from portal.core.models import OutgoingMail
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: In `DATA_DIR` from the beginning of a switch until everything is finished.
JOURNAL: Final = "restoring.json"
#: Why mails of a restored database are not sent; see `portal.core.mail_words`.
MAIL_NOTE: Final = "the database was restored from a backup"
_FORMATS: Final = frozenset({1})
#: What the description of a backup must contain: a text, a list of texts, or texts by name.
_TEXTS: Final = ("made_at", "base_url", "database", "secret_key")
_LISTS: Final = ("secret_key_fallbacks", "tables", "migrations")
_VERSIONS: Final = ("database", "django", "wagtail")
_UNPACKED: Final = ".restoring"
_REPLACED: Final = ".replaced"


def check(file: Path, *, say: Callable[[str], None]) -> None:
    """Read a backup and compare all digests; changes nothing. Raises `BackupError`."""
    with _opened(file) as source:
        count = size = 0
        for member in archive.read(source):
            if member.name == archive.ABOUT:
                _describe(_read_about(member), say)
            count += 1
            size += member.size
    say(f"{count} files with {size / 1_000_000:,.1f} MB: all digests are right.")


def restore(file: Path, *, replace: bool = False, say: Callable[[str], None]) -> None:
    """Replace database and uploaded files by those of a backup. `manage.py prepare` must follow.

    Raises `BackupError`; nothing was changed then, unless its message says otherwise.
    """
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    data.mkdir(parents=True, exist_ok=True)
    media.mkdir(parents=True, exist_ok=True)
    with _alone(data), _opened(file) as source:
        if not replace and not _is_empty(media):
            raise BackupError(
                "This portal is not empty. With --replace its database and its uploaded files are replaced by those of "
                "the backup, and lost: make a backup of them first."
            )
        folders = data / _UNPACKED, media / _UNPACKED
        try:
            for folder in folders:
                _remove(folder)
                folder.mkdir(mode=0o700)
            database = databases.database()
            about = _unpack(source, *folders, database=database, say=say)
            unpacked = database.unpack(folders[0] / database.member)
            _write_journal(file, stage="switching")
            say("Replacing the database …")
            try:
                database.replace(unpacked, tables=about["tables"])
            except BackupError:
                (data / JOURNAL).unlink()
                raise
            say("Replacing the uploaded files …")
            _switch_files(folders[1], media)
            _write_journal(file, stage="finishing")
        except OSError as error:
            raise BackupError(f"{error.strerror or error} ({error.filename or data}).{_advice(file)}") from error
        finally:
            for folder in folders:
                _remove(folder)
    _remove(media / _REPLACED)


def refuse_if_interrupted() -> None:
    """Raise `BackupError`, with what to do, when a restore was interrupted between database and files."""
    if (stage := _journal()).get("stage") == "switching":
        raise BackupError(f"A restore was interrupted.{_advice(Path(stage['archive']))}")


def is_to_be_finished() -> bool:
    """Return whether a restored database has not been indexed yet."""
    return bool(_journal())


def finish(reindex: Callable[[], None]) -> None:
    """Adapt a restored and migrated database to the present. Can be repeated.

    Mails that waited when the backup was made were probably sent since: staff decide about them.
    """
    for cache in caches.all():
        if isinstance(cache, DatabaseCache):
            cache.clear()
    now = timezone.now()
    waiting = OutgoingMail.objects.waiting()
    waiting.filter(is_perishable=True).update(content="")
    waiting.update(state=OutgoingMail.State.UNCERTAIN, note=MAIL_NOTE, ended_at=now)
    reindex()
    with transaction.atomic():
        content_changed()
    (Path(settings.DATA_DIR) / JOURNAL).unlink(missing_ok=True)


# Checks ---------------------------------------------------------------------------------------------------------------


def _is_empty(media: Path) -> bool:
    ours = {_UNPACKED, _REPLACED}
    return not databases.tables() and all(entry.name in ours for entry in media.iterdir())


def _read_about(member: archive.Member) -> dict[str, Any]:
    """Return the description of a backup. Raises `BackupError` when this release cannot restore it."""
    try:
        about = json.loads(member.read())
        if about["format"] not in _FORMATS:
            raise BackupError("This backup was made by a newer release, which is needed to restore it.")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BackupError(f"This is not a backup of the portal: {archive.ABOUT} cannot be understood.") from error
    if missing := {*_TEXTS, *_LISTS, "versions"} - set(about):
        raise BackupError(f"This is not a backup of the portal: {archive.ABOUT} lacks {', '.join(sorted(missing))}.")
    if wrong := _wrong_types(about):
        raise BackupError(
            f"This is not a backup of the portal: {archive.ABOUT} cannot be understood ({', '.join(wrong)})."
        )
    if unknown := _unknown(about["migrations"]):
        raise BackupError(
            "This backup was made by a newer release, which is needed to restore it. Unknown here: "
            f"{', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}."
        )
    kind = databases.database().kind
    if about["database"] != kind:
        raise BackupError(
            f"This is a backup of a {about['database']} database; the portal here uses {kind}. Set DATABASE_URL to "
            "one of the same kind."
        )
    return dict(about)


def _wrong_types(about: Mapping[str, Any]) -> list[str]:
    """Return the names of what is of another type than we write."""
    wrong = [name for name in _TEXTS if not isinstance(about[name], str)]
    wrong += [
        name
        for name in _LISTS
        if not isinstance(about[name], list) or not all(isinstance(each, str) for each in about[name])
    ]
    versions = about["versions"]
    if not isinstance(versions, dict) or not all(isinstance(versions.get(name), str) for name in _VERSIONS):
        wrong.append("versions")
    return wrong


def _unknown(migrations: list[str]) -> list[str]:
    """Return the migrations that this release does not have, also not as part of a squashed one."""
    loader = MigrationLoader(None)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations or ()}
    for migration in (loader.disk_migrations or {}).values():
        known |= {f"{app}.{name}" for app, name in migration.replaces}
    return [name for name in migrations if name not in known]


def _describe(about: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Print what the backup is, and what will not work with the keys in use."""
    versions = about["versions"]
    say(
        printable(
            f"Backup of {about['base_url']}, made at {about['made_at']}: {about['database']} {versions['database']}, "
            f"Django {versions['django']}, Wagtail {versions['wagtail']}, key {about['secret_key']}."
        )
    )
    in_use = keys.names_in_use()
    if about["secret_key"] not in in_use:
        say(
            f"WARNING: it was made with another SECRET_KEY than the one in use ({in_use[0]}). Without that key the "
            "authenticator apps of all accounts and unsent mails cannot be read, everybody is signed out, and links in "
            "mails that were sent no longer work. Put it into SECRET_KEY_FALLBACKS, or use it as SECRET_KEY."
        )
    if missing := [name for name in about["secret_key_fallbacks"] if name not in in_use]:
        say(
            printable(
                f"WARNING: earlier keys are missing in SECRET_KEY_FALLBACKS: {', '.join(missing)}. What was encrypted with "
                "them cannot be read."
            )
        )


# Unpacking ------------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    try:
        source = file.open("rb")
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    with source:
        yield source


def _unpack(
    source: IO[bytes], data: Path, media: Path, *, database: databases.Database, say: Callable[[str], None]
) -> dict[str, Any]:
    """Unpack the archive into two empty folders and return its description. All digests were compared then."""
    about: dict[str, Any] = {}
    for member in archive.read(source):
        if member.name == archive.ABOUT:
            about = _read_about(member)
            _describe(about, say)
            say("Checking and unpacking …")
            continue
        if member.name in archive.DATABASES:
            file = data / member.name
        else:
            file = media / member.name.removeprefix(archive.MEDIA)
            file.parent.mkdir(parents=True, exist_ok=True)
        # An existing file is not overwritten: no name occurs twice.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as target:
            member.copy_to(target)
            os.fchmod(target.fileno(), member.mode | 0o600)
        os.utime(file, (member.changed, member.changed))
    if not (data / database.member).is_file():
        raise BackupError("The archive contains no database.")
    return about


# Switching ------------------------------------------------------------------------------------------------------------


def _switch_files(unpacked: Path, media: Path) -> None:
    """Move everything in `media` aside and the unpacked files to its place.

    The folder itself stays: it may be the mount point of a volume.
    """
    replaced = media / _REPLACED
    replaced.mkdir(mode=0o700, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=replaced))  # an interrupted restore may have left some of the same names
    for entry in list(media.iterdir()):
        if entry not in {unpacked, replaced}:
            entry.rename(aside / entry.name)
    for entry in list(unpacked.iterdir()):
        entry.rename(media / entry.name)


def _write_journal(file: Path, *, stage: str) -> None:
    """Note on disk how far the restore is; the next start of the server must prepare the portal again."""
    data = Path(settings.DATA_DIR)
    (data / "prepared.json").unlink(missing_ok=True)
    written = data / f"{JOURNAL}.new"
    with written.open("w", encoding="utf-8") as target:
        json.dump({"stage": stage, "archive": str(file.absolute())}, target)
        target.flush()
        os.fsync(target.fileno())
    written.replace(data / JOURNAL)


def _journal() -> dict[str, str]:
    try:
        content = json.loads((Path(settings.DATA_DIR) / JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(content)


def _advice(file: Path) -> str:
    """Return what to do if a restore that has begun to replace was interrupted; empty before."""
    if _journal().get("stage") != "switching":
        return ""
    return (
        " The database and the uploaded files may be of different times. Continue with:  "
        f"manage.py restore --replace {file}"
    )


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the lock of `manage.py prepare`, so that no server starts and no other restore runs meanwhile."""
    with (data / "prepare.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("Another process prepares or restores this portal right now.") from None
        with running.alone(data) as is_alone:
            if not is_alone:
                raise BackupError("The portal is running. Stop it, then try again.")
            yield


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
