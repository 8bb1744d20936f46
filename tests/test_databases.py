"""The test database has exactly the migrated rows at the beginning and after every test that commits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from wagtail.models import Page, Site

from portal.accounts.models import User
from tests import databases as under_test
from tests.databases import databases, template_key
from tests.factories.accounts import UserFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.both_databases("tests.databases")


def everything() -> dict[str, list[tuple[object, ...]]]:
    """All tables with their rows, sorted as text."""
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a table name
            found[table] = sorted(cursor.fetchall(), key=repr)
    return found


@pytest.fixture
def ours(transactional_db, django_db_setup):
    """The implementation that the fixture uses in this run."""
    return django_db_setup


@pytest.mark.django_db
def test_nothing_is_left_to_migrate():
    executor = MigrationExecutor(connection)

    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


@pytest.mark.django_db
def test_what_runs_after_migrating_has_run():
    """If this fails, `template_key` misses a file that creates rows."""
    before = everything()

    emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)

    assert before["auth_permission"]
    assert everything() == before


def test_rows_added_changed_and_deleted_are_put_back(ours):
    before = everything()
    UserFactory.create_batch(3)
    Group.objects.create(name="left over").permissions.set(Permission.objects.all()[:5])
    Site.objects.update(site_name="changed")
    Permission.objects.filter(codename__startswith="view").delete()
    Page.objects.get(depth=1).add_child(instance=Page(title="left over", slug="left-over"))
    assert everything() != before

    ours.put_back()

    assert everything() == before


def test_tables_that_were_emptied_are_filled_again(ours):
    before = everything()
    Page.objects.all().delete()
    Group.objects.all().delete()
    ContentType.objects.all().delete()

    ours.put_back()

    assert everything() == before


def test_what_another_connection_wrote_is_put_back_while_it_stays_open(ours):
    before = everything()
    written, finish = threading.Event(), threading.Event()

    def write():
        UserFactory()
        written.set()
        finish.wait(30)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    written.wait(30)
    assert User.objects.exists()
    ours.put_back()
    finish.set()
    thread.join()

    assert everything() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_that_commits_leaves_nothing_to_the_next(turn):
    assert not User.objects.exists()
    assert Page.objects.filter(depth=1).count() == 1

    UserFactory()
    Page.objects.all().delete()


def test_the_key_changes_with_a_migration_and_with_a_setting(monkeypatch, tmp_path, settings):
    package = tmp_path / "migrations_for_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    keys = [template_key("")]
    settings.MIGRATION_MODULES = {"faq": package.name}
    keys.append(template_key(""))
    (package / "0001_initial.py").write_text("one")
    keys.append(template_key(""))
    assert template_key("") == keys[-1]
    (package / "0001_initial.py").write_text("another")
    keys.append(template_key(""))
    settings.LANGUAGE_CODE = "en"
    keys.append(template_key(""))

    assert len(set(keys)) == len(keys)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_processes_that_start_together_migrate_once(monkeypatch, tmp_path):
    """Threads stand in for processes: each has its own connection and lock."""
    monkeypatch.setattr(under_test, "FOLDER", tmp_path)
    monkeypatch.setattr(under_test, "template_key", lambda _server: "together")
    monkeypatch.setattr(under_test, "_migrate", migrate := Mock(side_effect=make_a_table))
    barrier = threading.Barrier(4)

    def start(number: int) -> list[int]:
        mine, name = databases(), f"{connection.settings_dict['NAME']}_{number}"
        try:
            barrier.wait(30)
            mine.make_template()
            mine.copy_template(name)
            with named(name) as copy, copy.cursor() as cursor:
                cursor.execute("SELECT number FROM made")
                return cursor.fetchall()
        finally:
            mine.drop(name)
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(start, range(4)))
    databases().drop(str(databases().template))

    assert rows == [[(7,)]] * 4
    assert migrate.call_count == 1


@contextmanager
def named(name: str) -> Iterator[Any]:
    """A separate connection to the database `name`."""
    other = connection.copy()
    other.settings_dict["NAME"] = name
    with closing(other):
        yield other


def make_a_table(name: str) -> None:
    """Stands in for the migrations."""
    with named(name) as database, database.cursor() as cursor:
        cursor.execute("CREATE TABLE made (number integer)")
        cursor.execute("INSERT INTO made VALUES (7)")
