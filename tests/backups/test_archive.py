"""What is written where and for whom, and what a restore refuses before it touches anything."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from portal.core.backups import BackupError, archive, databases, keys, making, restoring
from portal.core.backups.archive import Writer
from tests.backups.conftest import run

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db(transaction=True)


# Where ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "portal", "script/backup.tar"])
def test_nothing_is_written_into_the_project(here, place):
    with pytest.raises(CommandError, match="inside the folder of the project"):
        run("backup", to=ROOT / place)


def test_nothing_is_written_where_files_are_served(here, backups, settings):
    (here.media / "media").mkdir(parents=True)
    Path(settings.STATIC_ROOT).mkdir()
    (backups / "link").symlink_to(here.media / "media")

    for place in (here.media, here.media / "media" / "a.tar", backups / "link", Path(settings.STATIC_ROOT)):
        with pytest.raises(CommandError, match="from which it could be published"):
            run("backup", to=place)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("taken.tar", {}, "exists already"),
        ("a.zip", {}, r"neither a folder nor the name of a \.tar file"),
        ("none/a.tar", {}, "no folder"),
        ("a.tar", {"keep": 2}, "needs a folder"),
        ("", {"keep": 0}, "from 1"),
    ],
)
def test_other_places_are_refused_with_a_reason(here, backups, name, options, reason):
    (backups / "taken.tar").write_text("precious")

    with pytest.raises(CommandError, match=reason):
        run("backup", to=backups / name, **options)

    assert [file.name for file in backups.iterdir()] == ["taken.tar"]
    assert (backups / "taken.tar").read_text() == "precious"


def test_a_name_taken_meanwhile_is_not_overwritten(here, backups, monkeypatch):
    write = making._write

    def write_slowly(*arguments):
        write(*arguments)
        (backups / "a.tar").write_text("precious")

    monkeypatch.setattr(making, "_write", write_slowly)
    with pytest.raises(CommandError, match="exists already"):
        run("backup", to=backups / "a.tar")

    assert (backups / "a.tar").read_text() == "precious"


def test_only_the_newest_are_kept_and_only_ours_are_deleted(here, backups):
    old = [f"portal-localhost-2026010{day}T000000Z.tar" for day in (1, 2, 3)]
    others = ["portal-other.example-20260101T000000Z.tar", "portal-localhost-2026.tar", "notes.txt"]
    for name in (*old, *others):
        (backups / name).touch()

    run("backup", to=backups, keep=2)

    left = {file.name for file in backups.iterdir()}
    assert {*others, old[2]} < left
    assert len(left) == 5


# For whom -------------------------------------------------------------------------------------------------------------


def test_every_byte_is_its_owners_alone_from_the_first(here, article, backups, monkeypatch):
    seen = set()
    add = Writer.add

    def add_and_look(self, *arguments, **options):
        for file in backups.rglob("*"):
            seen.add((file.name, oct(file.stat().st_mode & 0o777)))
        add(self, *arguments, **options)

    monkeypatch.setattr(Writer, "add", add_and_look)
    before = os.umask(0)
    try:
        run("backup", to=backups / "a.tar")
    finally:
        os.umask(before)

    assert {(".a.tar.partial", "0o700"), ("archive", "0o600")} <= seen
    assert oct((backups / "a.tar").stat().st_mode & 0o777) == "0o600"
    assert [file.name for file in backups.iterdir()] == ["a.tar"]


def test_the_key_is_named_but_not_contained(here, article, backup, settings):
    with tarfile.open(backup) as content:
        about = json.load(content.extractfile(archive.ABOUT))

    assert about["secret_key"] == keys.name_of(settings.SECRET_KEY)
    assert settings.SECRET_KEY.encode() not in backup.read_bytes()
    assert keys.name_of("other") not in {keys.name_of("another"), about["secret_key"]}


def test_another_key_is_reported_with_what_it_breaks(here, backup, settings):
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "new"
    warned = run("restore", backup, check=True)
    settings.SECRET_KEY_FALLBACKS = [old]
    at_ease = run("restore", backup, check=True)

    assert "WARNING: it was made with another SECRET_KEY" in warned
    assert "authenticator apps" in warned
    assert "WARNING" not in at_ease


def test_earlier_keys_that_are_missing_are_named(here, backups, settings):
    settings.SECRET_KEY_FALLBACKS = ["older"]
    run("backup", to=backups / "a.tar")
    settings.SECRET_KEY_FALLBACKS = []

    assert f"earlier keys are missing in SECRET_KEY_FALLBACKS: {keys.name_of('older')}" in run(
        "restore", backups / "a.tar", check=True
    )


# Dying and large files ------------------------------------------------------------------------------------------------


def test_a_killed_process_leaves_no_backup_and_the_next_one_tidies_up(here, backups):
    """A real process, killed while it writes a large file."""
    here.media.mkdir()
    with (here.media / "large.bin").open("wb") as file:
        file.truncate(2_000_000_000)  # a hole: it takes no space
    env = {**os.environ, "DATA_DIR": str(here.folder), "MEDIA_ROOT": str(here.media)}
    env |= {"DATABASE_URL": f"sqlite:///{here.database}", "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    unfinished = backups / ".a.tar.partial" / "archive"
    command = [sys.executable, "manage.py", "backup", "--to", str(backups / "a.tar")]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while process.poll() is None and not (unfinished.is_file() and unfinished.stat().st_size > 1_000_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    out, _err = process.communicate()
    left = [file.name for file in backups.iterdir()]
    (here.media / "large.bin").unlink()

    run("backup", to=backups / "b.tar")

    assert left == [".a.tar.partial"], out
    assert [file.name for file in backups.iterdir()] == ["b.tar"]


def test_memory_does_not_grow_with_the_files(tmp_path):
    file = tmp_path / "a.tar"
    with (tmp_path / "large").open("wb") as large:
        large.truncate(100_000_000)
    tracemalloc.start()
    with file.open("wb") as target:
        writer = Writer(target)
        writer.add(archive.ABOUT, io.BytesIO(b"{}"), size=2)
        for number in range(2000):
            writer.add(f"media/{number}", io.BytesIO(), size=0)
        with (tmp_path / "large").open("rb") as large:
            writer.add("media/large", large, size=100_000_000)
        writer.close()
    with file.open("rb") as source:
        for member in archive.read(source):
            member.copy_to(None)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8_000_000


def test_a_file_that_became_shorter_is_an_error(tmp_path):
    with (tmp_path / "a.tar").open("wb") as target, pytest.raises(BackupError, match="changed while it was read"):
        Writer(target).add("media/a", io.BytesIO(b"short"), size=100)


def test_a_full_disk_leaves_nothing(here, backups, monkeypatch):
    def no_space(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "close", no_space)
    with pytest.raises(CommandError, match="No space left on device"):
        run("backup", to=backups)

    assert list(backups.iterdir()) == []


def test_tar_and_sha256sum_understand_it(here, article, backup, tmp_path):
    (here.media / "media" / "نام\nدیگر\\.wav").write_bytes(b"odd")
    run("backup", to=backup.with_name("odd.tar"))
    subprocess.run(["tar", "-xf", backup.with_name("odd.tar"), "-C", tmp_path], check=True)

    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True
    )

    assert done.stdout.count(b": OK") == len((tmp_path / "SHA256SUMS").read_bytes().splitlines()) == 5
    assert run("restore", backup.with_name("odd.tar"), check=True).endswith("all digests are right.\n")


# What is refused ------------------------------------------------------------------------------------------------------


def member(name: str, content: bytes = b"", **values: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in values.items():
        setattr(info, field, value)
    return info, content


def packed(file: Path, *members: tuple[tarfile.TarInfo, bytes], about: dict[str, object] | None = None) -> Path:
    """An archive with these members, whose digests are right."""
    known = {**making._about(databases.database()), **(about or {})}
    all_members = [member(archive.ABOUT, json.dumps(known).encode()), *members]
    sums = b"".join(archive._line(hashlib.sha256(content).hexdigest(), info.name) for info, content in all_members)
    with tarfile.open(file, "w") as target:
        for info, content in [*all_members, member(archive.SUMS, sums)]:
            target.addfile(info, io.BytesIO(content))
    return file


def unchanged(folder: Path) -> list[tuple[str, bytes]]:
    return sorted((str(file), file.read_bytes()) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "evil",
    [
        member("../evil", b"x"),
        member("/etc/evil", b"x"),
        member("media/../../evil", b"x"),
        member("media//evil", b"x"),
        member("media/./evil", b"x"),
        member("media/", b"x"),
        member("media", b"x"),
        member("secret_key", b"x"),
        member("media/.restoring/evil", b"x"),
        member("media/.replaced/evil", b"x"),
        member("media/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("media/link", type=tarfile.LNKTYPE, linkname="about.json"),
        member("media/device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("media/pipe", type=tarfile.FIFOTYPE),
        member("media/folder", type=tarfile.DIRTYPE),
        member("about.json", b"{}"),
    ],
    ids=lambda evil: f"{evil[0].name} {evil[0].type}",
)
def test_nothing_leads_out_of_the_media_folder(here, tmp_path, evil):
    file = packed(tmp_path / "evil.tar", evil)
    before = unchanged(here.folder)

    with pytest.raises(BackupError, match=r"no file of a backup|not a backup of the portal"):
        restoring.check(file, say=print)
    with pytest.raises(BackupError):
        restoring.restore(file, replace=True, say=print)

    assert [entry for entry in unchanged(here.folder) if not entry[0].endswith(".lock")] == before
    assert not (tmp_path / "evil").exists()
    assert list(here.media.iterdir()) == []


def test_a_name_that_occurs_twice_is_refused(here, tmp_path):
    file = packed(tmp_path / "twice.tar", member("media/a", b"1"), member("media/a", b"2"))

    with pytest.raises(BackupError, match="File exists"):
        restoring.restore(file, replace=True, say=print)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"format": 2}, "newer release"),
        ({"migrations": ["faq.9999_future"]}, "newer release.*faq.9999_future"),
        ({"database": "oracle"}, "backup of a oracle database; the portal here uses"),
        ({"migrations": 7}, "cannot be understood"),
        ({"format": [1]}, "cannot be understood"),
        ({"format": None}, "newer release"),
        ({"base_url": 7}, r"cannot be understood \(base_url\)"),
        ({"made_at": ["x"], "secret_key": {}}, r"cannot be understood \(made_at, secret_key\)"),
        ({"database": ["sqlite"]}, r"cannot be understood \(database\)"),
        ({"versions": "1"}, r"cannot be understood \(versions\)"),
        ({"versions": {"database": "3"}}, r"cannot be understood \(versions\)"),
        ({"migrations": [7]}, r"cannot be understood \(migrations\)"),
        ({"migrations": {"a": 1}}, r"cannot be understood \(migrations\)"),
        ({"tables": 7}, r"cannot be understood \(tables\)"),
        ({"tables": "faq"}, r"cannot be understood \(tables\)"),
        ({"secret_key_fallbacks": 5}, r"cannot be understood \(secret_key_fallbacks\)"),
    ],
)
def test_what_this_release_cannot_restore_is_refused_with_a_reason(here, tmp_path, about, reason):
    file = packed(tmp_path / "a.tar", about=about)

    with pytest.raises(BackupError, match=reason):
        restoring.restore(file, replace=True, say=print)


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b"{", b"[" * 200_000, b"\xff", b'"x"', b"{}"])
def test_description_that_is_none_is_refused_with_a_reason(here, tmp_path, content):
    file = tmp_path / "a.tar"
    with file.open("wb") as target:
        writer = Writer(target)
        writer.add(archive.ABOUT, io.BytesIO(content), size=len(content))
        writer.close()

    with pytest.raises(BackupError, match="cannot be understood"):
        restoring.check(file, say=print)


def test_an_archive_whose_database_is_empty_is_refused(here, article, tmp_path):
    """As of a backup of a wrong or emptied DATABASE_URL: everything would be lost."""
    before = run("backup", to=tmp_path / "whole.tar") and unchanged(here.media)
    database = databases.database()
    empty = {"sqlite": gzip.compress(b""), "postgresql": _empty_dump(tmp_path)}[database.kind]
    file = packed(tmp_path / "empty.tar", member(database.member, empty))

    with pytest.raises(BackupError, match="The database in the archive is empty"):
        restoring.restore(file, replace=True, say=print)

    assert unchanged(here.media) == before
    article.refresh_from_db()


def _empty_dump(folder: Path) -> bytes:
    """What pg_dump writes of a database without tables: here, of a schema that does not exist in ours."""
    if databases.database().kind != "postgresql":
        return b""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS without_tables")
    where, environment = databases._Postgres._client("pg_dump")
    command = ["pg_dump", "--format=custom", "--schema=without_tables", f"--file={folder / 'dump'}", *where]
    subprocess.run(command, env=environment, check=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA without_tables")
    return (folder / "dump").read_bytes()


def test_what_an_archive_contains_cannot_give_orders_to_the_terminal(here, tmp_path, capsys):
    """`ESC ] 0 ; … BEL` renames the window, `ESC [ 2 J` clears it."""
    evil = "\x1b]0;owned\x07\x9b2J\u202e"
    said: list[str] = []
    for about in ({"base_url": evil}, {"made_at": evil}, {"secret_key": evil, "secret_key_fallbacks": [evil]},
                  {"versions": {"database": evil, "django": evil, "wagtail": evil}}, {"database": evil}, {"migrations": [evil]}):  # fmt: skip
        file = packed(tmp_path / "a.tar", member(f"media/{evil}", b"x"), about=about)
        try:
            restoring.check(file, say=said.append)
        except BackupError as error:
            said.append(str(error))
    for file in (
        packed(tmp_path / "b.tar", member(f"../{evil}")),
        _with_wrong_digest(tmp_path / "c.tar", f"media/{evil}"),
    ):
        with pytest.raises(BackupError) as refused:
            restoring.check(file, say=said.append)
        said.append(str(refused.value))

    text = "\n".join(said)
    assert "owned" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def _with_wrong_digest(file: Path, name: str) -> Path:
    packed(file, member(name, b"12345"))
    file.write_bytes(file.read_bytes().replace(b"12345", b"12346"))
    return file


def test_a_running_portal_is_noticed_and_nothing_is_replaced(here, article, backup):
    """A real process of the server; when it is killed, nothing is left that keeps a restore from running."""
    code = f"""
import pathlib, time
from django.conf import settings
settings.DATA_DIR = pathlib.Path({str(here.folder)!r})
import portal.rsgi
print("up", flush=True)
time.sleep(600)
"""
    before = unchanged(here.media)
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"up\n"
            for replace in (True, False):
                with pytest.raises(BackupError, match="The portal is running"):
                    restoring.restore(backup, replace=replace, say=print)
        finally:
            server.kill()

    assert unchanged(here.media) == before
    restoring.restore(backup, replace=True, say=print)


def test_an_archive_without_a_database_is_refused(here, tmp_path):
    with pytest.raises(BackupError, match="no database"):
        restoring.restore(packed(tmp_path / "a.tar"), replace=True, say=print)


@pytest.mark.parametrize("content", [b"", b"PK\3\4" + bytes(2000), bytes(20_000)], ids=["empty", "zip", "zeros"])
def test_other_files_are_refused(here, tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)

    with pytest.raises(BackupError, match="damaged or incomplete"):
        restoring.check(tmp_path / "a.tar", say=print)


def test_a_damaged_or_truncated_archive_is_refused_wherever_it_is_damaged(here, article, backup):
    whole = backup.read_bytes()
    complete = len(whole.rstrip(b"\0")) // 512 * 512 + 512 + 1024  # tar fills its last record behind the end mark
    for part in range(1, 20):
        place = len(whole) * part // 20
        for damaged in (
            whole[: min(place, complete - 1)],
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
        ):
            backup.write_bytes(damaged)
            if damaged[:place] == whole[:place] and _is_padding(whole, place) and len(damaged) == len(whole):
                continue
            with pytest.raises(BackupError):
                restoring.check(backup, say=print)


def test_the_end_mark_must_be_there_and_nothing_after_it(here, backup):
    whole = backup.read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    refused = {
        **{f"cut after {size}": whole[: end + size] for size in (0, 1, 511, 512, 1023)},
        "another block": whole[: end + 512] + b"x" * 512 + whole[end + 1024 :],
        "garbage": whole + b"x",
        "another archive": whole + whole,
    }
    accepted = []
    for name, damaged in refused.items():
        backup.write_bytes(damaged)
        with suppress(BackupError):
            restoring.check(backup, say=print)
            accepted.append(name)
    assert accepted == []
    backup.write_bytes(whole[: end + 1024])

    restoring.check(backup, say=print)


def _is_padding(whole: bytes, place: int) -> bool:
    """Whether this byte says nothing of a file: tar fills blocks and ends with zeros, the sum of a header ends in two fillers,
    and an extended header before it holds times.
    """
    with tarfile.open(fileobj=io.BytesIO(whole)) as content:
        members = content.getmembers()
    heads = [start for info in members for start in range(info.offset, info.offset_data, 512)]
    is_filler = any(start + 154 <= place < start + 156 for start in heads)
    is_filler |= any(info.offset <= place < info.offset_data - 512 for info in members)
    return is_filler or not any(info.offset <= place < info.offset_data + info.size for info in members)
