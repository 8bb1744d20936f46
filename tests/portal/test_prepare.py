from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import Page, Site

from faq.models import HelpIndexPage
from portal.demo.people import PASSWORD
from portal.home.first_pages import make_first_pages
from portal.home.models import HomePage
from tests.factories.accounts import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.home.first_pages", "portal.management.commands.prepare"),
]


@pytest.fixture
def installation(tmp_path, settings):
    """A separate data folder, with hashed static files in it (collecting them takes seconds)."""
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = str(tmp_path / "static")
    settings.STATICFILES_DIRS = [tmp_path / "ours"]
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "a.css").write_text("a{}")
    return tmp_path


@pytest.fixture
def collected(monkeypatch, settings):
    """Count how often static files are collected, without collecting them."""
    times = []

    def collect(name, **options):
        if name != "collectstatic":
            return call_command(name, **options)
        folder = Path(settings.STATIC_ROOT)
        folder.mkdir(exist_ok=True)
        (folder / "staticfiles.json").write_text("{}")
        return times.append(name)

    monkeypatch.setattr("portal.management.commands.prepare.call_command", collect)
    return times


def test_static_files_are_collected_when_they_changed(installation, collected):
    counts = []
    call_command("prepare", verbosity=0)
    counts.append(len(collected))
    call_command("prepare", verbosity=0)
    counts.append(len(collected))
    (installation / "ours" / "a.css").write_text("a{color:red}")
    call_command("prepare", verbosity=0)
    counts.append(len(collected))

    assert counts == [1, 1, 2]


def test_report_lists_the_demo_people_who_are_there(installation, collected):
    report = installation / "report.json"
    call_command("prepare", report=report, verbosity=0)
    empty = json.loads(report.read_text())
    UserFactory(email="editor@noora.example")

    call_command("prepare", report=report, verbosity=0)

    assert empty == {"sign_ins": []}
    assert json.loads(report.read_text()) == {"sign_ins": [["editor", "editor@noora.example", PASSWORD]]}


def test_second_preparation_changes_nothing_in_the_database(installation, collected):
    call_command("prepare", verbosity=0)

    with CaptureQueriesContext(connection) as queries:
        call_command("prepare", verbosity=0)

    writing = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE", "CREATE"))]
    assert writing == []


def test_new_portal_has_a_home_and_a_list_of_topics_in_each_language(client):
    assert make_first_pages() is True

    homes = {home.locale.language_code: home for home in HomePage.objects.select_related("locale")}
    assert sorted(homes) == ["en", "fa"]
    assert Site.objects.get(is_default_site=True).root_page.specific == homes["fa"]
    assert {page.slug for page in HelpIndexPage.objects.all()} == {"help", "راهنما"}
    assert homes["fa"].translation_key == homes["en"].translation_key
    for language, direction in (("fa", "rtl"), ("en", "ltr")):
        response = client.get(f"/{language}/")
        assert f'lang="{language}" dir="{direction}"' in response.text


def test_making_the_first_pages_again_leaves_everything_alone():
    make_first_pages()
    before = list(Page.objects.order_by("pk").values_list("pk", "title", "path"))

    assert make_first_pages() is False
    assert list(Page.objects.order_by("pk").values_list("pk", "title", "path")) == before


def test_files_of_earlier_releases_become_the_owners_alone(installation, collected):
    key = installation / "secret_key"
    key.write_text("secret")
    key.chmod(0o644)

    call_command("prepare", verbosity=0)

    assert oct(key.stat().st_mode & 0o777) == "0o600"
