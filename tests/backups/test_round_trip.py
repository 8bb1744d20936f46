"""A backup brought back elsewhere is the same portal, also when it was made while others wrote."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from faq.models import ArticlePage
from portal.catalog.models import Topic
from portal.core.backups import BackupError, databases, making, restoring
from portal.core.mail_words import reason_in_words
from portal.core.models import OutgoingMail
from tests.backups.conftest import pages_of, run
from tests.factories.faq import ArticlePageFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases("portal.core.backups.databases", "portal.core.backups.restoring"),
]


def test_pages_are_the_same_byte_by_byte_elsewhere(here, elsewhere, article, backup, settings):
    expected = pages_of(article)

    with elsewhere.in_use(settings):
        said = run("restore", backup)
        found = pages_of(ArticlePage.objects.get(pk=article.pk))

    assert quote(article.slug).encode() in expected["/fa/search/?q=مودم"]  # the search found it
    assert len([url for url in expected if url.startswith("/media/")]) == 2
    assert found == expected
    assert "WARNING" not in said
    assert sorted(file.name for file in elsewhere.folder.iterdir() if "portal.sqlite3" not in file.name) == [
        "changes", "media", "prepare.lock", "running.lock", "static.stamp",
    ]  # fmt: skip


def test_what_a_backup_replaces_is_gone_afterwards(here, elsewhere, article, backup, settings):
    expected = pages_of(article)
    later = ArticlePageFactory(title="بعد از پشتیبان")
    (here.media / "media" / "later.wav").write_bytes(b"later")

    with pytest.raises(CommandError, match="not empty"):
        run("restore", backup)
    assert ArticlePage.objects.filter(pk=later.pk).exists()
    run("restore", backup, replace=True)

    assert not ArticlePage.objects.filter(pk=later.pk).exists()
    assert pages_of(ArticlePage.objects.get(pk=article.pk)) == expected
    assert {entry.name for entry in here.media.iterdir()} == {"media", "captions"}


def test_a_backup_taken_while_another_process_writes_is_of_one_moment(here, elsewhere, article, backups, settings):
    """The writer changes two rows together, and a file exists before the row that names it."""
    Topic.objects.bulk_create(Topic(code=code, name={"fa": "0"}) for code in ("one", "two"))
    writer = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("writer.py")), here.database, str(here.media)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout.readline() == "writing\n"
        for name in ("1.tar", "2.tar"):
            run("backup", to=backups / name)
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    assert int(Topic.objects.get(code="one").name["fa"]) > 3

    for file in sorted(backups.iterdir()):
        with elsewhere.in_use(settings):
            run("restore", file, replace=True)
            one, two = Topic.objects.filter(code__in=["one", "two"])
            assert one.name == two.name
            number = int(one.name["fa"])
            files = [elsewhere.media / "media" / f"{n}.bin" for n in range(1, number + 1)]
            assert [each.read_text() for each in files] == [f"{n}" * 1000 for n in range(1, number + 1)]


def test_files_that_come_and_go_meanwhile_are_there(here, article, backups, monkeypatch):
    """A file is deleted, another one uploaded, while the database is copied: neither is missing."""
    monkeypatch.setattr(making, "_SETTLED_SECONDS", -60)
    (here.media / "media" / "deleted.wav").write_bytes(b"1")
    dump = type(databases.database()).dump

    def dump_and_change(self, folder):
        (here.media / "media" / "deleted.wav").unlink()
        (here.media / "media" / "new.wav").write_bytes(b"2")
        return dump(self, folder)

    monkeypatch.setattr(type(databases.database()), "dump", dump_and_change)
    run("backup", to=backups / "a.tar")

    with tarfile.open(backups / "a.tar") as archive:
        assert {"media/media/deleted.wav", "media/media/new.wav"} <= set(archive.getnames())


def test_a_file_still_being_uploaded_is_read_after_the_database(here, article, backups, monkeypatch):
    (here.media / "media" / "upload.wav").write_bytes(b"the beg")
    dump = type(databases.database()).dump

    def dump_and_upload(self, folder):
        (here.media / "media" / "upload.wav").write_bytes(b"the beginning and the end")
        return dump(self, folder)

    monkeypatch.setattr(type(databases.database()), "dump", dump_and_upload)
    run("backup", to=backups / "a.tar")

    with tarfile.open(backups / "a.tar") as archive:
        assert archive.extractfile("media/media/upload.wav").read() == b"the beginning and the end"


def test_mails_that_waited_are_not_sent_again_but_shown_to_staff(here, elsewhere, article, backups, settings):
    expires = timezone.now() + timedelta(days=1)
    for key, is_perishable in (("news", False), ("code", True)):
        OutgoingMail.objects.create(key=key, content="secret", is_perishable=is_perishable, expires_at=expires)
    run("backup", to=backups / "a.tar")

    with elsewhere.in_use(settings):
        run("restore", backups / "a.tar")
        mails = {mail.key: mail for mail in OutgoingMail.objects.all()}

    assert {mail.state for mail in mails.values()} == {OutgoingMail.State.UNCERTAIN}
    assert (mails["news"].content, mails["code"].content) == ("secret", "")
    assert "پشتیبان" in reason_in_words(mails["news"].note)


# Interruptions --------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What a test raises in the place of SIGKILL."""


def die(*_arguments, **_options):
    raise Killed


def test_dying_before_the_switch_leaves_the_old_portal(here, article, backup, monkeypatch, settings):
    later = ArticlePageFactory(title="بعد از پشتیبان")
    expected = pages_of(later)
    monkeypatch.setattr(type(databases.database()), "unpack", die)

    with pytest.raises(Killed):
        restoring.restore(backup, replace=True, say=print)

    assert pages_of(later) == expected
    restoring.refuse_if_interrupted()


def test_a_database_that_cannot_be_restored_leaves_the_old_portal(here, article, backups, backup, monkeypatch):
    """The copy is damaged although its digests are right."""
    later = ArticlePageFactory(title="بعد از پشتیبان")
    expected = pages_of(later)
    unpack = type(databases.database()).unpack

    def unpack_and_damage(self, dump):
        file = unpack(self, dump)
        with file.open("r+b") as damaged:
            damaged.seek(0 if connection.vendor == "sqlite" else file.stat().st_size // 2)
            damaged.write(bytes(4096))
        return file

    monkeypatch.setattr(type(databases.database()), "unpack", unpack_and_damage)
    with pytest.raises(BackupError):
        restoring.restore(backup, replace=True, say=print)

    assert pages_of(later) == expected
    restoring.refuse_if_interrupted()


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_dying_during_the_switch_can_be_continued(here, article, backup, monkeypatch, moves):
    expected = pages_of(article)
    ArticlePageFactory(title="بعد از پشتیبان")
    rename, done = Path.rename, []

    def rename_or_die(self, target):
        if len(done) == moves:
            raise Killed
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename_or_die)
        with pytest.raises(Killed):
            restoring.restore(backup, replace=True, say=print)

    with pytest.raises(CommandError, match=rf"restore --replace {backup}"):
        call_command("prepare", verbosity=0)
    with pytest.raises(CommandError, match="interrupted"):
        run("backup", to=backup.with_name("b.tar"))
    run("restore", backup, replace=True)
    assert pages_of(ArticlePage.objects.get(pk=article.pk)) == expected
    assert {entry.name for entry in here.media.iterdir()} == {"media", "captions"}


def test_dying_before_it_is_finished_lets_the_next_start_finish_it(here, elsewhere, article, backup, settings):
    expected = pages_of(article)

    with elsewhere.in_use(settings):
        restoring.restore(backup, say=print)
        said = run("prepare")
        found = pages_of(ArticlePage.objects.get(pk=article.pk))
        again = run("prepare")

    assert found == expected
    assert "the index in the database" in said
    assert "the index in the database" not in again


def test_two_restores_do_not_meet(here, article, backup):
    with restoring._alone(here.folder), pytest.raises(CommandError, match="right now"):
        run("restore", backup, replace=True)


# PostgreSQL -----------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_tables_of_something_else_are_never_dropped(here, article, backup):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE accounting (id int)")
    try:
        with pytest.raises(CommandError, match="accounting"):
            run("restore", backup, replace=True)
        assert "accounting" in databases.tables()
        assert ArticlePage.objects.filter(pk=article.pk).exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE accounting")


@pytest.mark.postgres
def test_the_password_is_on_no_command_line(here, backups, monkeypatch, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    noted = tmp_path / "noted"
    (programs / "pg_dump").write_text(f'#!/bin/sh\necho "$@" > {noted}\necho "$PGPASSWORD" >> {noted}\nexit 1\n')
    (programs / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")

    with pytest.raises(CommandError, match="pg_dump failed"):
        run("backup", to=backups)

    arguments, password = noted.read_text().splitlines()
    assert "hunter2" not in arguments
    assert password == "hunter2"
    assert list(backups.iterdir()) == []


@pytest.mark.postgres
def test_missing_programs_are_named(here, backups, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    with pytest.raises(CommandError, match=r"pg_dump is missing.*apt install postgresql-client"):
        run("backup", to=backups)
