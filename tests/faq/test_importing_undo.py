"""A whole import is taken back: the portal is as it was, but for what somebody edited since."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from wagtail.images import get_image_model
from wagtail.models import Page

from faq.importing import StoppedError, import_articles, undo_import
from faq.importing.writing import PORTION
from faq.models import ArticlePage, TopicPage
from portal.catalog.models import Topic
from tests.factories.faq import help_site
from tests.faq.import_sources import picture, write_markdown

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.importing.undoing")]


@pytest.fixture(autouse=True)
def portal():
    help_site()


def long_ago() -> dt.datetime:
    return timezone.now() - dt.timedelta(minutes=5)


def everything() -> tuple[object, ...]:
    """Return all that readers and editors see of the help pages."""
    articles = ArticlePage.objects.order_by("external_id")
    return (
        [
            (a.external_id, a.title, a.short_answer, a.live, a.url_path, a.get_latest_revision_as_object().title, str(a.body))
            for a in articles
        ],
        sorted(TopicPage.objects.values_list("title", "numchild")),
        sorted(Topic.objects.values_list("code", flat=True)),
        get_image_model().objects.count(),
    )  # fmt: skip


def test_what_was_made_is_removed_and_what_was_changed_is_as_before(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    for name in ("published", "draft", "moved"):
        write_markdown(old, f"{name}.md", id=name, language="fa", topic="wifi", title="پیشین", draft=name == "draft")
        topic = "elsewhere" if name == "moved" else "wifi"
        write_markdown(new, f"{name}.md", id=name, language="fa", topic=topic, title="تازه", body="متن دیگر")
    write_markdown(new, "added.md", id="added", language="fa", topic="fresh", title="افزوده", body="![جلو](x2.png)")
    (new / "x2.png").write_bytes(picture())
    import_articles(old)
    before = everything()

    report = import_articles(new, run=7)
    assert sorted(row.outcome.value for row in report.rows) == ["changed", "changed", "changed", "created"]
    undone = undo_import(7, since=long_ago(), by=None)

    assert (undone.removed, undone.restored, undone.left) == (1, 3, [])
    assert everything() == before
    assert Page.find_problems() == ([], [], [], [], [])
    assert undo_import(7, since=long_ago(), by=None).restored == 0  # again: nothing to do
    assert {row.outcome.value for row in import_articles(old).rows} == {
        "unchanged"
    }  # and it is known what was imported
    assert {row.outcome.value for row in import_articles(new, run=8).rows} == {"changed", "created"}


def test_what_was_edited_since_is_left_and_named(tmp_path):
    for name in ("edited", "as-it-was"):
        write_markdown(tmp_path, f"{name}.md", id=name, language="fa", topic="wifi", title=name)
    import_articles(tmp_path, run=1)
    page = ArticlePage.objects.get(external_id="edited")
    page.title = "ویراسته"
    page.save_revision().publish()

    undone = undo_import(1, since=long_ago(), by=None)

    assert (undone.removed, undone.left) == (1, ["ویراسته"])
    assert ArticlePage.objects.get().live


def test_another_import_is_not_touched(tmp_path):
    write_markdown(tmp_path, id="one", language="fa", topic="wifi")
    import_articles(tmp_path, run=1)

    assert undo_import(2, since=long_ago(), by=None).removed == 0
    assert ArticlePage.objects.count() == 1


def test_an_import_that_is_stopped_leaves_no_empty_page_and_can_be_undone(tmp_path):
    for number in range(PORTION * 2):
        write_markdown(
            tmp_path, f"{number:02}.md", id=f"a{number}", language="fa", topic="wifi", title=f"مقاله {number}"
        )

    def stop(done, total):
        if total and done >= PORTION:
            raise StoppedError

    with pytest.raises(StoppedError) as stopped:
        import_articles(tmp_path, run=3, progress=stop)

    report = stopped.value.report
    assert sorted(row.outcome.value for row in report.rows) == ["created"] * PORTION + ["skipped"] * PORTION
    assert ArticlePage.objects.count() == ArticlePage.objects.live().count() == PORTION
    assert undo_import(3, since=long_ago(), by=None).removed == PORTION
    assert not TopicPage.objects.exists()
