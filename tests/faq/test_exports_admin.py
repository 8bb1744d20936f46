"""Exports in the admin: asked for, made in the background, fetched by who may, gone after a week."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from faq.exporting import asked
from faq.importing import import_articles
from faq.models import ArticlePage, Export
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.exporting.asked")]

PAGE = "exports_admin:index"


@pytest.fixture
def editor(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    person = UserFactory(staff=True, in_group=CONTENT_EDITORS.name)
    client.force_login(person)
    return person


def logged():
    return [(entry.action, entry.user_id) for entry in ModelLogEntry.objects.filter(content_type__model="export")]


def test_an_editor_asks_and_fetches_and_the_log_says_so(client, editor, site, tmp_path):
    ArticlePageFactory(title="چراغ قرمز")
    ArticlePageFactory(draft=True)
    client.post(reverse(PAGE), {"drafts": "on"})
    assert "در حال ساخت" in client.get(reverse(PAGE)).text
    assert asked.make_and_tidy() == 1

    export = Export.objects.get()
    assert (export.state, export.articles, export.with_drafts) == ("ready", 2, True)
    response = client.get(reverse("exports_admin:download", args=[export.pk]))

    content = b"".join(response.streaming_content)
    assert response.headers["Cache-Control"].startswith("private, no-store")
    assert 'filename="articles-' in response.headers["Content-Disposition"]
    assert (len(content), "articles.jsonl" in zipfile.ZipFile(io.BytesIO(content)).namelist()) == (export.size, True)
    assert sorted(logged()) == [("faq.export_fetched", editor.pk), ("wagtail.create", editor.pk)]
    assert editor.email.encode() not in content
    (tmp_path / "again.zip").write_bytes(content)
    assert {row.outcome.value for row in import_articles(tmp_path / "again.zip").rows} == {"unchanged"}


def test_nobody_else_gets_it_not_even_by_the_address_of_the_file(client, editor, settings):
    asked.ask(by=editor, with_drafts=False)
    asked.make_and_tidy()
    export = Export.objects.get()
    addresses = [reverse("exports_admin:download", args=[export.pk]), reverse(PAGE), export.file.url]
    client.force_login(UserFactory(role=COMMUNITY_MANAGERS))

    answers = [client.get(address) for address in addresses]

    assert [answer.status_code for answer in answers] == [302, 302, 404]
    assert not any(answer.streaming for answer in answers)
    assert [action for action, _user in logged()] == ["wagtail.create"]


def test_it_is_deleted_after_a_week_and_so_is_its_file(editor):
    asked.ask(by=editor, with_drafts=False)
    asked.make_and_tidy()
    export = Export.objects.get()
    path = Path(export.file.path)
    assert path.exists()
    assert not asked.has_work()
    Export.objects.update(asked_at=timezone.now() - dt.timedelta(days=8))
    assert asked.has_work()

    asked.make_and_tidy()

    assert (path.exists(), Export.objects.exists()) == (False, False)


def test_two_who_ask_at_once_wait_for_the_same_one(editor):
    other = UserFactory(editor=True)
    assert asked.ask(by=editor, with_drafts=False) == asked.ask(by=other, with_drafts=False)
    assert asked.ask(by=editor, with_drafts=True).with_drafts

    assert asked.make_and_tidy() == 2
    assert {user for _action, user in logged()} == {editor.pk, other.pk}


def test_one_that_cannot_be_made_says_so_and_does_not_hold_up_others(client, editor, site, monkeypatch):
    ArticlePageFactory()
    asked.ask(by=editor, with_drafts=False)
    monkeypatch.setattr(asked, "write_zip", lambda *_values: 1 / 0)

    assert asked.make_and_tidy() == 0

    assert "ناموفق" in client.get(reverse(PAGE)).text
    assert ArticlePage.objects.exists()
    unmade = client.get(reverse("exports_admin:download", args=[Export.objects.get().pk]), follow=True)
    assert unmade.status_code == 404
