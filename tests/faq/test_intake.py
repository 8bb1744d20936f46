"""Imports that editors start on screen: upload, check, run, stop, undo, and what becomes of the upload."""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import time
import zipfile
from unittest import mock

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from wagtail.images import get_image_model

from faq import intake
from faq.events import ImportWanted
from faq.models import ArticleImport, ArticlePage
from portal.core.models import OutboxMessage
from portal.core.outbox import NotNowError
from portal.core.roles import CONTENT_EDITORS
from tests.factories.accounts import UserFactory
from tests.factories.catalog import TopicFactory
from tests.factories.faq import help_site

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.intake")]


def one_of(task: ArticleImport) -> str:
    return reverse("article_import:one", args=[task.pk])


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(stream, "PNG")
    return stream.getvalue()


DOCUMENT = "---\nid: {0}\ntitle: How do I do {0}?\ndescription: Press the button.\n---\nPress the button {0}.\n"


@pytest.fixture(autouse=True)
def portal(settings):
    settings.STAFF_SECOND_FACTOR = False
    help_site()


def packed(*names: str, **others: str | bytes) -> SimpleUploadedFile:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(f"docs/wifi/{name}.md", DOCUMENT.format(name))
        for name, content in others.items():
            archive.writestr(name, content)
    return SimpleUploadedFile("handbook.zip", stream.getvalue())


def begun(*files: SimpleUploadedFile, **choices: object) -> ArticleImport:
    wanted = {"language": "", "topic": "", "audience": "public", "publish": True, **choices}
    return intake.begin(files=files, by=UserFactory(role=CONTENT_EDITORS), choices=wanted)


def worked(task: ArticleImport) -> ArticleImport:
    """Let the worker do what is wanted, as often as the outbox may ask."""
    for _time in range(2):
        intake.carry_out(ImportWanted(import_id=task.pk))
    task.refresh_from_db()
    return task


def test_an_upload_is_checked_run_and_undone(portal):
    task = worked(begun(packed("one", "two"), topic=TopicFactory(code="wifi").code, audience="signed-in"))
    assert (task.state, task.counts["created"], ArticlePage.objects.count()) == ("tried", 2, 0)
    assert default_storage.exists(task.stored)

    intake.run(pk=task.pk)
    stored, task = task.stored, worked(task)
    assert (task.state, task.counts["created"], task.done, task.total) == ("done", 2, 2, 2)
    pages = ArticlePage.objects.live().filter(topic__code="wifi", audience="signed-in", owner=task.by)
    assert pages.count() == 2
    assert (task.stored, default_storage.exists(stored)) == ("", False)

    intake.undo(pk=task.pk)
    task = worked(task)
    assert (task.state, ArticlePage.objects.count()) == ("undone", 0)
    assert task.choices["undone"] == {"removed": 2, "restored": 0}


def test_articles_stay_drafts_if_so_wanted():
    task = worked(begun(SimpleUploadedFile("one.md", DOCUMENT.format("one").encode()), publish=False))
    intake.run(pk=task.pk)
    worked(task)

    assert not ArticlePage.objects.get().live


def test_several_files_are_one_upload():
    files = [SimpleUploadedFile(f"{name}.md", DOCUMENT.format(name).encode()) for name in ("one", "two")]

    assert worked(begun(*files)).counts["created"] == 2


@pytest.mark.parametrize(
    "files",
    [
        [],
        [SimpleUploadedFile("x.exe", b"MZ")],
        [SimpleUploadedFile("x.md", b"x")] * (intake.MOST_FILES + 1),
        [mock.Mock(size=intake.MOST_MEGABYTES * 1024 * 1024 + 1)],
    ],
)
def test_what_is_too_much_or_no_text_is_refused_before_it_is_stored(files):
    with pytest.raises(intake.IntakeError):
        begun(*files)

    assert not ArticleImport.objects.exists()


def test_a_hostile_archive_is_refused_with_a_reason(monkeypatch):
    monkeypatch.setattr("faq.importing.files.MAX_ZIP_TOTAL_BYTES", 1000)
    bomb = worked(begun(packed(**{"docs/a.md": "a" * 2000})))
    outside = worked(begun(packed("one", **{"../../evil.md": "# Evil", "/etc/evil.md": "# Evil"})))
    broken = worked(begun(SimpleUploadedFile("x.zip", b"PK\x03\x04 no zip")))

    assert (bomb.state, broken.state) == ("failed", "failed")
    assert all(task.message for task in (bomb, broken))
    assert [row["file"] for row in outside.rows] == ["docs/wifi/one.md"]


def test_a_table_is_read_as_its_columns_are_said_to_be():
    table = "foo,bar,baz\nHow do I start it?,Press the green button until it lights up.,Wi-Fi\nAnd stop?,Press it again.,Wi-Fi\n"
    task = worked(begun(SimpleUploadedFile("x.csv", table.encode())))
    columns = intake.columns_of(task)
    assert [(column.key, column.name) for column in columns] == [("1", "foo"), ("2", "bar"), ("3", "baz")]
    assert columns[2].samples == ["Wi-Fi", "Wi-Fi"] or columns[2].samples == ["baz", "Wi-Fi", "Wi-Fi"]

    intake.check(pk=task.pk, columns={"1": "title", "2": "body", "3": "category"})
    intake.run(pk=worked(task).pk)
    worked(task)

    assert set(ArticlePage.objects.values_list("title", "topic__code")) == {
        ("How do I start it?", "wi-fi"), ("And stop?", "wi-fi")
    }  # fmt: skip


def test_another_worker_goes_on_when_one_died_and_all_can_be_undone(monkeypatch):
    monkeypatch.setattr("faq.importing.service.PORTION", 1)
    monkeypatch.setattr(intake, "_SECONDS", 0.0)
    task = worked(begun(packed("one", "two", "three")))
    intake.run(pk=task.pk)
    event = ImportWanted(import_id=task.pk)
    real = intake.import_articles

    def killed(*args, progress, **kwargs):
        def die(done, total):
            if total and done == 2:
                raise SystemExit
            progress(done, total)

        return real(*args, progress=die, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(intake, "import_articles", killed)
        with pytest.raises(SystemExit):
            intake.carry_out(event)
    with pytest.raises(NotNowError):  # it may be alive
        intake.carry_out(event)
    assert 0 < ArticlePage.objects.live().count() < 3

    ArticleImport.objects.update(alive_at=timezone.now() - dt.timedelta(minutes=2))
    task = worked(task)
    assert (task.state, ArticlePage.objects.live().count()) == ("done", 3)

    intake.undo(pk=task.pk)
    assert (worked(task).state, ArticlePage.objects.count()) == ("undone", 0)


def test_what_is_stopped_can_go_on(monkeypatch):
    monkeypatch.setattr("faq.importing.service.PORTION", 1)
    monkeypatch.setattr(intake, "_SECONDS", 0.0)
    task = worked(begun(packed("one", "two", "three")))
    intake.run(pk=task.pk)
    intake.stop(pk=task.pk)
    assert worked(task).state == "stopped"

    intake.run(pk=task.pk)
    assert (worked(task).state, ArticlePage.objects.count()) == ("done", 3)
    with pytest.raises(intake.IntakeError):
        intake.run(pk=task.pk)


def test_what_nobody_expected_is_told_and_not_tried_for_ever(monkeypatch):
    monkeypatch.setattr(intake, "import_articles", mock.Mock(side_effect=RuntimeError))

    task = worked(begun(packed("one")))

    assert (task.state, bool(task.message)) == ("failed", True)


def test_uploads_go_after_a_week():
    old, new = begun(packed("one")), begun(packed("two"))
    for task in (old, new):
        worked(task)
    ArticleImport.objects.filter(pk=old.pk).update(created_at=timezone.now() - dt.timedelta(days=8))
    assert intake.has_old_uploads()

    intake.remove_old_uploads()

    assert not intake.has_old_uploads()
    assert [task.stored != "" for task in ArticleImport.objects.order_by("pk")] == [False, True]


def test_what_a_killed_worker_left_behind_goes_after_a_day(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    task = worked(begun(packed("one")))
    left, fresh = (default_storage.save("imports/preview.zip", ContentFile(b"x")) for _each in range(2))
    names = [task.stored, task.choices["previews"], left, fresh]
    yesterday = time.time() - 25 * 3600
    for name in names[:3]:
        os.utime(default_storage.path(name), (yesterday, yesterday))
    assert intake.has_old_uploads()

    intake.remove_old_uploads()

    assert not intake.has_old_uploads()
    assert [default_storage.exists(name) for name in names] == [True, True, False, True]


# The screen -----------------------------------------------------------------------------------------------------------


def test_an_editor_imports_without_scripts(client):
    editor = UserFactory(role=CONTENT_EDITORS)
    client.force_login(editor)
    index = reverse("article_import:index")
    assert "100" in client.get(index).content.decode() or "۱۰۰" in client.get(index).content.decode()

    sent = client.post(index, {"uploads": packed("one", "two"), "audience": "public", "publish": "on"})
    task = ArticleImport.objects.get()
    one = reverse("article_import:one", args=[task.pk])
    assert (sent.status_code, sent["Location"], task.by) == (302, one, editor)
    assert client.get(one)["Refresh"] == "3"

    worked(task)
    tried = client.get(one)
    assert "Refresh" not in tried.headers
    assert reverse("article_import:run", args=[task.pk]) in tried.content.decode()
    client.post(reverse("article_import:run", args=[task.pk]))
    worked(task)
    done = client.get(one).content.decode()
    assert reverse("article_import:undo", args=[task.pk]) in done
    report = client.get(reverse("article_import:report", args=[task.pk]))
    assert report["Content-Type"].startswith("text/csv")
    assert report.content.decode().count("created") == 2

    asked = client.get(reverse("article_import:undo", args=[task.pk]))
    assert asked.status_code == 200
    client.post(reverse("article_import:undo", args=[task.pk]))
    assert worked(task).state == "undone"
    assert "حذف شد: ۲. " in client.get(one).content.decode()  # digits as the reader wants them
    assert client.get(index).status_code == 200


def test_every_article_is_seen_as_its_page_before_anything_is_made(client):
    client.force_login(UserFactory(role=CONTENT_EDITORS))
    text = "\n\nTake [the other](two.md).\n\n![A lamp](lamp.png)\n\n1. **Press.**\n   ![Where](lamp.png)\n2. **Wait.**\n\n<script>bad()</script>"
    upload = packed("two", **{"docs/wifi/one.md": DOCUMENT.format("one") + text, "docs/wifi/lamp.png": png()})
    task = worked(begun(upload))
    number = next(place for place, row in enumerate(task.rows, start=1) if row["file"].endswith("one.md"))
    screen = reverse("article_import:preview", args=[task.pk, number])
    page = reverse("article_import:preview_page", args=[task.pk, number])

    answers = [client.get(url) for url in (one_of(task), screen, page)]
    listed, around, seen = (answer.content.decode() for answer in answers)

    assert f'href="{screen}"' in listed
    assert "ساخته می‌شود: ۲" in listed
    assert f'src="{page}"' in around
    assert "script" in around
    assert "<h1>How do I do one?</h1>" in seen
    assert "bad()" not in seen
    pictures = set(re.findall(r'<img src="([^"]+)" alt="(A lamp|Where)"', seen))
    assert {alt for _url, alt in pictures} == {"A lamp", "Where"}
    (address,) = {url for url, _alt in pictures}
    shown = client.get(address)
    assert (shown["Content-Type"], shown.content) == ("image/png", png())
    assert (ArticlePage.objects.count(), get_image_model().objects.count()) == (0, 0)

    intake.run(pk=task.pk)
    worked(task)
    assert [client.get(url, follow=True).status_code for url in (screen, page, address)] == [404] * 3
    assert "ساخته شد: ۲" in client.get(one_of(task)).content.decode()


def test_a_hint_names_what_it_is_about_and_counts_articles(client):
    client.force_login(UserFactory(role=CONTENT_EDITORS))
    bad = {
        f"docs/wifi/{tag}.md": f"# A text with {tag}\n\nSome words.\n\n<{tag}>x</{tag}>\n"
        for tag in ("script", "object")
    }
    task = worked(begun(packed(**bad)))

    shown = " ".join(client.get(one_of(task)).content.decode().split())

    hint = re.search(r"<li> <bdi dir=\"rtl\">«\u2068&lt;(script|object)&gt;\u2069» نشان داده.*?</li>", shown)[0]
    assert "همچنین: <bdi>&lt;" in hint
    assert "(۲ مقاله)" in hint
    assert "…»" not in hint


def test_a_refused_upload_says_why(client):
    client.force_login(UserFactory(role=CONTENT_EDITORS))

    answer = client.post(
        reverse("article_import:index"), {"uploads": SimpleUploadedFile("x.exe", b"MZ"), "audience": "public"}
    )

    assert answer.status_code == 422
    assert "x.exe" in answer.content.decode()


def test_columns_are_chosen_on_the_page(client):
    client.force_login(UserFactory(role=CONTENT_EDITORS))
    task = worked(begun(SimpleUploadedFile("x.csv", b"Question,Text,Other\nHow?,So it is done.,x\n")))
    page = client.get(reverse("article_import:one", args=[task.pk])).content.decode()
    assert 'name="column-3"' in page
    assert "So it is done." in page

    client.post(
        reverse("article_import:check", args=[task.pk]),
        {"column-1": "title", "column-2": "body:en", "column-3": "", "column-x": "title", "column-9": "no-field"},
    )

    task.refresh_from_db()
    assert task.choices["columns"] == {"1": "title", "2": "body:en", "3": ""}
    assert task.state == "trying"


_MORE: dict[str, list[object]] = {"preview": [1], "preview_page": [1], "picture": ["x.png"]}


@pytest.mark.parametrize("act", ["index", "one", "report", "undo", "run", "stop", "check", *_MORE])
def test_only_those_who_may_publish_articles_get_in(client, act):
    task = begun(packed("one"))
    address = reverse(f"article_import:{act}", args=[] if act == "index" else [task.pk, *_MORE.get(act, [])])
    before = OutboxMessage.objects.count()

    for person in (None, UserFactory(), UserFactory(is_staff=True), UserFactory(editor=True)):
        client.logout()
        if person is not None:
            client.force_login(person)
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code in {302, 403}
            assert "article_import" not in answer.headers.get("Location", "")

    assert OutboxMessage.objects.count() == before
    task.refresh_from_db()
    assert (task.state, task.is_stopping) == ("trying", False)
