"""Articles are written many at once: the same rows as one by one, in few queries, and others can write meanwhile."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.forms.models import model_to_dict
from wagtail.images import get_image_model
from wagtail.models import Locale, Page, PageLogEntry, ReferenceIndex
from wagtail.search.backends import get_search_backend

from faq.importing import Outcome, import_articles, service, writing
from faq.importing.writing import NewArticles, Turns
from faq.models import ArticlePage, Publication, ShortLink
from portal.core.models import FileAudience, PeriodicJob
from search.models import IndexedEntry
from tests.factories.catalog import ProductFactory
from tests.factories.faq import help_site, locale
from tests.faq.import_sources import picture, write_markdown

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.importing.writing")]

#: What the content of a revision says of one article only. The audience is that of its topic, which singly is known too late.
_ITS_OWN = {
    "pk", "path", "translation_key", "external_id", "slug", "url_path", "body", "latest_revision_created_at", "effective_audience",
}  # fmt: skip


@pytest.fixture
def portal():
    help_site()
    ProductFactory(code="x2")


def written(article: ArticlePage) -> dict[str, object]:
    """Return all that is stored of an article, without what differs from one to the next."""
    name = article.external_id
    page = model_to_dict(
        article,
        exclude=["id", "page_ptr", "path", "versions", "body", "external_id", "latest_revision", "live_revision"],
    )
    page |= {"products": [product.code for product in page.pop("products")], "slug": article.slug.replace(name, "NAME")}
    revision = article.latest_revision
    content = {key: value for key, value in revision.content.items() if key not in _ITS_OWN}
    for related in content["related_articles"]:
        related.update(pk=None, page=None)
    references = ReferenceIndex.objects.filter(object_id=str(article.pk))
    entries = IndexedEntry.objects.filter(kind="faq.article", object_id=article.pk)
    return {
        "page": page,
        "path": (article.get_parent().numchild, article.url_path.replace(name, "NAME")),
        "body": [(block.block_type, str(block.value)) for block in article.body],
        "is_live": article.live_revision_id == revision.pk,
        "revision": (content, revision.object_str, revision.content_type_id, revision.base_content_type_id),
        "log": sorted(PageLogEntry.objects.filter(page=article.pk).values_list("action", "label", "content_changed", "revision")),
        "references": sorted(references.values_list("to_content_type", "model_path")),
        "link": ShortLink.objects.filter(translation_key=article.translation_key).count(),
        "publications": list(Publication.objects.filter(article=article).values_list("significance", "note", "by")),
        "search": sorted(entries.values_list("language", "audience")),
        "admin": article in get_search_backend().search(article.title, ArticlePage),
        "dates": (article.first_published_at is not None, article.first_published_at == article.last_published_at),
        "due": article.next_review_on,
        "has_revision": article.latest_revision_created_at == revision.created_at,
    }  # fmt: skip


@pytest.mark.parametrize("draft", [False, True])
def test_what_is_written_at_once_is_what_wagtail_writes_one_by_one(
    portal, tmp_path, monkeypatch, draft, django_capture_on_commit_callbacks
):
    (tmp_path / "x2.png").write_bytes(picture())
    for name in ("at-once", "singly"):
        write_markdown(
            tmp_path, f"{name}.md", id=name, slug=name, language="fa", topic="wifi", title="چراغ", products=["x2"],
            audience="signed-in", updated="2026-01-05", related=["first"], draft=draft, body="![جلو](x2.png)\n\nمتن [اول](first.md)",
        )  # fmt: skip
    write_markdown(tmp_path, "first.md", id="first", language="fa", topic="wifi", title="نخستین")
    fill = NewArticles.fill

    def refuse(self, contents):
        some = [content for content in contents if content.fields.external_id != "singly"]
        return fill(self, some)

    monkeypatch.setattr(NewArticles, "fill", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        report = import_articles(tmp_path)

    assert [row.outcome.value for row in report.rows] == ["created"] * 3
    at_once, singly = (written(ArticlePage.objects.get(external_id=name)) for name in ("at-once", "singly"))
    singly["log"] = [(*entry[:3], bool(entry[3])) for entry in singly["log"]]
    at_once["log"] = [(*entry[:3], bool(entry[3])) for entry in at_once["log"]]
    if (
        draft
    ):  # Wagtail writes only the revision of a draft; what it refers to is found as soon as the row holds it, too
        for name in ("page", "references", "body"):
            del at_once[name], singly[name]
    assert at_once == singly
    seen = FileAudience.objects.get(kind="wagtailimages.image", object_id=str(get_image_model().objects.get().pk))
    assert seen.audiences == ("" if draft else "signed-in")


def test_the_tree_stays_whole(portal, tmp_path):
    for number in range(30):
        write_markdown(tmp_path, f"a-{number}.md", id=f"a-{number}", slug="same", language="fa", topic="wifi")

    import_articles(tmp_path)

    assert Page.find_problems() == ([], [], [], [], [])
    assert len(set(ArticlePage.objects.values_list("slug", flat=True))) == 30


def test_an_article_more_costs_few_queries(portal, tmp_path, django_assert_max_num_queries):
    def folder(name: str, number: int):
        (tmp_path / name).mkdir()
        for place in range(number):
            write_markdown(tmp_path / name, f"{name}{place}.md", id=f"{name}{place}", language="fa", topic="wifi")
        return tmp_path / name

    import_articles(folder("few", 2))
    with django_assert_max_num_queries(36 * 15):  # there were 210 for each
        import_articles(folder("many", 36))

    with django_assert_max_num_queries(36 * 2):
        import_articles(tmp_path / "many")  # nothing changes


def test_a_trial_writes_nothing_at_all(portal, tmp_path):
    (tmp_path / "x2.png").write_bytes(picture())
    write_markdown(tmp_path, id="one", language="fa", topic="new", body="![جلو](x2.png)")

    def only_reads(execute, sql, *rest):
        assert sql.startswith("SELECT"), sql
        return execute(sql, *rest)

    with connection.execute_wrapper(only_reads):
        report = import_articles(tmp_path, dry_run=True)

    assert [row.outcome.value for row in report.rows] == ["created"]


def test_texts_are_read_while_no_transaction_is_open(portal, tmp_path, monkeypatch):
    """Else, on SQLite, nobody could write while a long text is taken apart."""
    parse, depth = service.parse_body, len(connection.savepoint_ids)
    seen = []

    def watched(*args, **kwargs):
        seen.append(len(connection.savepoint_ids) - depth)
        return parse(*args, **kwargs)

    monkeypatch.setattr(service, "parse_body", watched)
    for number in range(3):
        write_markdown(tmp_path, f"{number}.md", id=str(number), language="fa", topic="wifi")
    import_articles(tmp_path)

    assert seen == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_others_write_while_an_import_runs(tmp_path, monkeypatch):
    for code in ("fa", "en"):
        locale(code)
    if not Page.objects.filter(depth=1).exists():
        Page.add_root(title="Root", slug="root", locale=Locale.objects.get(language_code="fa"))
    help_site()
    for number in range(60):
        write_markdown(tmp_path, f"{number}.md", id=str(number), language="fa", topic="wifi")
    ended, waits = threading.Event(), []

    def sign_in():
        try:
            while not ended.is_set():
                with transaction.atomic():
                    started = time.monotonic()
                    PeriodicJob.objects.update_or_create(name="somebody signs in")
                waits.append(time.monotonic() - started)
        finally:
            connections.close_all()

    other = threading.Thread(target=sign_in)
    other.start()
    try:
        report = import_articles(tmp_path)
    finally:
        ended.set()
        other.join()

    assert {row.outcome.value for row in report.rows} == {"created"}
    assert len(waits) >= 10
    assert sum(wait > 1 for wait in waits) <= len(waits) / 10  # a busy machine may stop anybody now and then


def test_the_only_writer_makes_room(monkeypatch):
    now, slept = [100.0], []

    def monotonic() -> float:
        return now[0]

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", monotonic)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(writing, "connection", type("Connection", (), {"vendor": "sqlite", "in_atomic_block": False}))
    turns = Turns()
    for held in (0.1, 0.1, 0.2, 0.01):
        with turns.writing():
            now[0] += held
        now[0] += 0.01  # a text is read

    assert slept == [0.05, 0.05]


def test_a_portion_that_is_refused_is_written_one_by_one(portal, tmp_path, monkeypatch):
    def refuse(_self, _contents):
        raise DatabaseError

    monkeypatch.setattr(NewArticles, "fill", refuse)
    write_markdown(tmp_path, id="one", language="fa", topic="wifi")

    assert [row.outcome.value for row in import_articles(tmp_path).rows] == ["created"]
    assert ArticlePage.objects.get().live


def test_a_line_of_a_table_without_a_question_is_told_and_makes_no_article(site, tmp_path):
    help_site()
    (tmp_path / "faq.csv").write_text(
        "question,answer\nHow do I pay?,Online.\n,An answer to nothing\n", encoding="utf-8"
    )

    report = import_articles(tmp_path / "faq.csv")

    assert list(ArticlePage.objects.values_list("title", flat=True)) == ["How do I pay?"]
    assert [(row.line, row.outcome) for row in report.rows] == [(2, Outcome.CREATED), (3, Outcome.SKIPPED)]
