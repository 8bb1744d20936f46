"""An export, and what becomes of it in another portal: the same."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wagtail.contrib.redirects.models import Redirect
from wagtail.images import get_image_model
from wagtail.models import Revision, Site

from faq import queries
from faq.exporting import ExportError, Wish, bodies, export_articles
from faq.exporting.taking import _Taking
from faq.importing import Outcome, SourceError, import_articles
from faq.models import ArticlePage, Publication, RelatedArticle, ReusableContent, ShortLink, TranslationDebt
from portal.core.localized import LocalizedText
from portal.downloads.models import Download, File
from portal.troubleshooters.models import Troubleshooter
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory, ProductVersionFactory, TopicFactory
from tests.factories.downloads import CONTENT, DownloadFactory, release_of
from tests.factories.faq import (
    ArticlePageFactory,
    HelpMediaFactory,
    ReusableContentFactory,
    TopicPageFactory,
    help_site,
)
from tests.factories.troubleshooters import TroubleshooterFactory
from tests.faq.bodies import document, full_body, picture
from tests.faq.exports import bodies as any_body
from tests.faq.exports import content_of, empty_portal

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "faq.exporting.taking", "portal.downloads.exchanging", "portal.troubleshooters.exchanging"
    ),
]

WHOLE = Wish(drafts=True)


@pytest.fixture
def portal(site):
    """A portal with something of everything."""
    lists = help_site()
    topic = TopicFactory(code="wifi", name=LocalizedText(fa="وای‌فای", en="Wi-Fi"))
    persian = TopicPageFactory(topic=topic, parent=lists["fa"], title="وای‌فای", slug="وای-فای")
    english = TopicPageFactory(
        topic=topic, parent=lists["en"], title="Wi-Fi", slug="wifi", translation_key=persian.translation_key
    )
    other = ArticlePageFactory(parent=persian, title="بازنشانی مودم", slug="بازنشانی")
    below = TopicPageFactory(parent=persian, title="مودم‌ها", slug="مودمها")
    product = ProductFactory(code="x2")
    article = ArticlePageFactory(
        parent=persian, title="چراغ قرمز", slug="چراغ-قرمز", external_id="red-light", audience="signed-in", keywords="مودم",
        body=json.dumps(full_body(other=other, products=(product, ProductFactory(code="x1")))),
        products=[product], versions=[ProductVersionFactory(product=product, number="2.1")], confidence="validated",
        review_every=6, owner=UserFactory(email="sara@noora.example", staff=True),
    )  # fmt: skip
    translation = ArticlePageFactory(
        parent=english,
        title="Red light",
        slug="red-light",
        translation_key=article.translation_key,
        external_id="red-light",
    )
    ArticlePageFactory(parent=below, title="مودم نو", slug="نو", draft=True)
    RelatedArticle.objects.create(page=article, article=other, sort_order=0)
    article = ArticlePage.objects.get(pk=article.pk)
    article.change_significance, article.change_note = "major", "چراغ سوم هم هست"
    article.save_revision().publish()
    article = ArticlePage.objects.get(pk=article.pk)
    article.title, article.change_note = "چراغ قرمز یا زرد", "زرد هم"
    article.save_revision()
    Redirect.objects.create(old_path="/fa/چراغ", redirect_page=article, site=Site.objects.get())
    TroubleshooterFactory(slug="no-internet", topic=topic, products=[product])
    release_of(DownloadFactory(slug="noora-app", products=[product]), "1.2")
    assert TranslationDebt.objects.filter(article=translation).exists()
    return article


def exported(folder, wish=WHOLE):
    export_articles(folder, wish)
    return content_of(folder)


def outcomes(report):
    return {row.outcome.value for row in report.rows}


def lines(content, kind):
    return [json.loads(line) for line in content[f"{kind}.jsonl"].splitlines()]


# The round trip ------------------------------------------------------------------------------------------------------


def test_an_export_taken_in_by_an_empty_portal_is_the_same_export_again(portal, tmp_path):
    first = exported(tmp_path / "first")
    empty_portal()
    assert not ArticlePage.objects.exists()

    report = import_articles(tmp_path / "first")

    assert outcomes(report) == {"created"}, [row.as_dict() for row in report.rows]
    assert exported(tmp_path / "second") == first
    article = ArticlePage.objects.get(slug="چراغ-قرمز")
    assert (article.live, article.has_unpublished_changes, article.effective_audience) == (True, True, "signed-in")
    assert article.get_latest_revision_as_object().title == "چراغ قرمز یا زرد"
    assert "بازنشانی" in article.body_text()


def test_taken_in_twice_it_changes_nothing(portal, tmp_path):
    first = exported(tmp_path / "first")
    empty_portal()
    import_articles(tmp_path / "first")
    revisions = Revision.objects.count()

    report = import_articles(tmp_path / "first")

    assert outcomes(report) == {"unchanged"}, [row.as_dict() for row in report.rows]
    assert Revision.objects.count() == revisions
    assert exported(tmp_path / "second") == first


def test_in_the_portal_it_comes_from_it_changes_nothing(portal, tmp_path):
    first = exported(tmp_path / "first")

    assert outcomes(import_articles(tmp_path / "first")) == {"unchanged"}
    assert exported(tmp_path / "second") == first


def test_a_zip_has_the_same_bytes_every_time_and_is_taken_in(portal, tmp_path):
    export_articles(tmp_path / "one.zip", WHOLE)
    export_articles(tmp_path / "two.zip", WHOLE)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["one.zip", "two.zip"]
    empty_portal()

    import_articles(tmp_path / "one.zip")

    export_articles(tmp_path / "three.zip", WHOLE)
    assert (tmp_path / "three.zip").read_bytes() == (tmp_path / "one.zip").read_bytes()


@pytest.fixture
def known(site):
    topic = TopicPageFactory()
    page = ArticlePageFactory(parent=topic, title="آن یکی")
    file = document()
    return {
        "links": [
            f'linktype="page" id="{page.pk}"', f'anchor="جا" id="{page.pk}" linktype="page"', f'linktype="document" id="{file.pk}"',
            f'linktype="page" id="{help_site()["fa"].pk}"', 'href="https://noora.example/?a=1&amp;b=2"', 'linktype="page" id="987654"',
        ],
        "image": picture().pk, "document": file.pk, "media": HelpMediaFactory().pk, "shared": ReusableContentFactory().pk,
        "page": page.pk, "products": [ProductFactory().pk, ProductFactory().pk], "topic": topic,
    }  # fmt: skip


def test_bodies_of_every_kind_of_block_survive(known, tmp_path_factory):
    made = []

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def survives(data):
        made.append(ArticlePageFactory(parent=known["topic"], body=json.dumps(data.draw(any_body(known)))))

    survives()
    folder = tmp_path_factory.mktemp("exports")
    first = exported(folder / "first")
    assert len(lines(first, "articles")) == len(made) + 1
    empty_portal()

    report = import_articles(folder / "first")

    assert outcomes(report) == {"created"}, [row.as_dict() for row in report.rows if row.problems]
    assert exported(folder / "second") == first
    assert outcomes(import_articles(folder / "first")) == {"unchanged"}


# What is in it -------------------------------------------------------------------------------------------------------


def test_only_what_is_published_unless_drafts_are_wanted(portal, tmp_path):
    published = exported(tmp_path / "published", Wish())
    whole = exported(tmp_path / "whole")

    assert [row["text"]["title"] for row in lines(published, "articles")] == ["Red light", "بازنشانی مودم", "چراغ قرمز"]
    assert all(row["draft"] is None for row in lines(published, "articles"))
    drafts = [row["draft"]["title"] for row in lines(whole, "articles") if row["draft"]]
    assert drafts == ["چراغ قرمز یا زرد", "مودم نو"]


def test_it_names_nobody_unless_asked(portal, tmp_path):
    assert b"noora.example" not in b"".join(exported(tmp_path / "plain").values())
    people = exported(tmp_path / "people", Wish(people=True))

    assert {row["owner"] for row in lines(people, "articles")} == {None, "sara@noora.example"}
    empty_portal()
    import_articles(tmp_path / "people")
    assert ArticlePage.objects.get(slug="چراغ-قرمز").owner.email == "sara@noora.example"


def test_a_link_to_what_is_not_in_it_becomes_its_words(site, tmp_path):
    hidden = ArticlePageFactory(draft=True)
    text = f'<p>این <a linktype="page" id="{hidden.pk}">پیش‌نویس</a> است</p>'
    ArticlePageFactory(body=json.dumps([{"type": "paragraph", "value": text}]))

    assert "<p>این پیش‌نویس است</p>" in exported(tmp_path / "export", Wish())["articles.jsonl"].decode()


def test_numbers_of_short_links_history_dates_and_debts_are_kept(portal, tmp_path):
    number = ShortLink.objects.get(translation_key=portal.translation_key).pk
    at = timezone.make_aware(dt.datetime(2025, 3, 4, 5, 6, 7, 89))  # noqa: DTZ001 - made aware here
    ArticlePage.objects.filter(pk=portal.pk).update(first_published_at=at)
    exported(tmp_path / "export")
    empty_portal()

    import_articles(tmp_path / "export")

    article = ArticlePage.objects.get(slug="چراغ-قرمز")
    assert ShortLink.objects.get(translation_key=article.translation_key).pk == number
    assert article.first_published_at == at
    notes = Publication.objects.filter(article=article).order_by("published_at").values_list("significance", "note")
    assert list(notes) == [("", ""), ("major", "چراغ سوم هم هست")]
    assert TranslationDebt.objects.get().source == article
    assert ArticlePageFactory(parent=article.get_parent()).live  # gets a number of its own
    assert Redirect.objects.get().redirect_page_id == article.pk


def test_troubleshooters_and_downloads_come_along(portal, tmp_path):
    exported(tmp_path / "export")
    empty_portal()

    import_articles(tmp_path / "export")

    walked = Troubleshooter.objects.visible_to(None).get()
    assert (walked.slug, walked.live.number, walked.topic.code) == ("no-internet", 1, "wifi")
    file = File.objects.get(release__download=Download.objects.visible_to(None).get())
    assert (file.name, file.file.read(), file.completed) == ("app.bin", CONTENT, 0)


# Taking it in --------------------------------------------------------------------------------------------------------


def test_an_article_edited_here_is_left_alone_unless_it_may_be_replaced(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    article = ArticlePage.objects.get(pk=portal.pk)
    article.short_answer = "چیز دیگر"
    article.save_revision().publish()

    report = import_articles(tmp_path / "export")
    assert report.count(Outcome.SKIPPED) == 1
    assert ArticlePage.objects.get(pk=portal.pk).short_answer == "چیز دیگر"

    report = import_articles(tmp_path / "export", overwrite=True)
    assert report.count(Outcome.CHANGED) == 1
    assert ArticlePage.objects.get(pk=portal.pk).short_answer == portal.short_answer


def rewritten(folder, kind, change):
    path = folder / f"{kind}.jsonl"
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    changed = [change(row) for row in found]
    path.write_text(
        "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in changed), encoding="utf-8"
    )


def test_a_broken_line_is_reported_and_the_others_are_taken(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    empty_portal()
    rewritten(tmp_path / "export", "articles", lambda row: "{…" if row["text"]["title"] == "Red light" else row)

    report = import_articles(tmp_path / "export")

    assert {(row.place, row.line) for row in report.rows if row.outcome is Outcome.FAILED} == {("articles.jsonl", 1)}
    assert sorted(ArticlePage.objects.values_list("slug", flat=True)) == ["بازنشانی", "چراغ-قرمز"]


def test_an_article_whose_text_cannot_be_stored_leaves_no_empty_page(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    empty_portal()

    def too_long(row):
        return {**row, "text": {**row["text"], "short_answer": "x" * 400 if row["language"] == "en" else "کوتاه"}}

    rewritten(tmp_path / "export", "articles", too_long)

    assert import_articles(tmp_path / "export").count(Outcome.FAILED) == 1
    assert not ArticlePage.objects.filter(locale__language_code="en").exists()


def test_what_no_editor_could_have_written_is_not_taken_in(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    empty_portal()
    bad = '<p onclick="x()">متن<script>alert(1)</script><a href="javascript:x()">پیوند</a></p>'

    def poisoned(row):
        body = [{"type": "paragraph", "value": bad, "id": "1"}, {"type": "unknown", "value": 1, "id": "2"}]
        return {**row, "text": {**row["text"], "body": body}}

    rewritten(tmp_path / "export", "articles", poisoned)

    import_articles(tmp_path / "export")

    article = ArticlePage.objects.get(slug="چراغ-قرمز")
    assert [block["value"] for block in article.body.raw_data] == ["<p>متن<a>پیوند</a></p>"]


@pytest.mark.parametrize(
    "text",
    [
        "<p>الف",
        '<p>a > b <b>c</b></p><hr/><a href="#x">y</a>',
        '<a linktype="page" id="3" anchor="x">y</a>',
        "<li>x</li>",
    ],
)
def test_what_the_editor_stores_is_kept_letter_by_letter(text):
    assert bodies.is_safe(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>", "<p onclick=x>", '<p style="x">', "<!-- x", "<img src=x>", '<a href="javascript:x">', "<a href='/x'>", "<p",
        '<a href="//evil.example">', '<a href="x" href="javascript:x">',
    ],
)  # fmt: skip
def test_everything_else_is_cleaned(text):
    assert not bodies.is_safe(text)


def test_a_file_that_was_changed_or_leads_elsewhere_is_not_stored(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    empty_portal()
    (tmp_path / "secret.png").write_bytes(b"x")
    rewritten(tmp_path / "export", "images", lambda row: {**row, "file": {**row["file"], "file": "../secret.png"}})
    for path in (tmp_path / "export" / "files").glob("*.pdf"):
        path.write_bytes(b"%PDF-1.5")

    report = import_articles(tmp_path / "export")

    assert {row.place for row in report.rows if row.outcome is Outcome.FAILED} == {"images.jsonl", "documents.jsonl"}
    assert not get_image_model().objects.exists()
    assert ArticlePage.objects.get(slug="چراغ-قرمز").live


def test_a_dry_run_says_what_would_become_of_each_article_and_writes_nothing(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    assert outcomes(import_articles(tmp_path / "export", dry_run=True)) == {"unchanged"}
    empty_portal()

    report = import_articles(tmp_path / "export", dry_run=True)

    assert (outcomes(report), ArticlePage.objects.count()) == ({"created"}, 0)


def test_texts_can_be_taken_in_as_drafts_and_published_later(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    empty_portal()
    import_articles(tmp_path / "export", publish=False)
    assert not ArticlePage.objects.filter(live=True).exists()

    import_articles(tmp_path / "export")

    assert ArticlePage.objects.filter(live=True).count() == 3


def test_an_export_of_another_version_is_refused(portal, tmp_path):
    exported(tmp_path / "export")
    (tmp_path / "export" / "export.json").write_text('{"format":"portal-articles","version":2}')

    with translation.override("en"), pytest.raises(SourceError, match="version 2"):
        import_articles(tmp_path / "export")


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_zip_and_says_how_much_is_in_it(portal, tmp_path):
    output = io.StringIO()
    call_command("export_articles", str(tmp_path / "all.zip"), "--drafts", stdout=output)

    assert "articles: 4" in output.getvalue()
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert json.loads(archive.read("export.json"))["counts"]["articles"] == 4


def test_a_folder_that_is_not_empty_is_left_alone(site, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with translation.override("en"), pytest.raises(CommandError, match="empty"):
        call_command("export_articles", str(tmp_path))
    with pytest.raises(ExportError):
        export_articles(tmp_path / "mine.txt")


def test_the_number_of_queries_does_not_grow_with_each_article(site, tmp_path, django_assert_max_num_queries):
    topic = TopicPageFactory()
    for _number in range(12):
        ArticlePageFactory(parent=topic)
    with django_assert_max_num_queries(45):
        export_articles(tmp_path / "export")


def test_shared_texts_differ_here_and_are_left_alone(portal, tmp_path):
    exported(tmp_path / "export", Wish())
    ReusableContent.objects.update(title="دیگر")

    report = import_articles(tmp_path / "export")

    assert report.count(Outcome.SKIPPED) == 1


def test_drafts_publish_neither_downloads_nor_troubleshooters(portal, tmp_path):
    exported(tmp_path / "export")
    empty_portal()

    import_articles(tmp_path / "export", publish=False)

    assert not Download.objects.filter(is_shown=True).exists()
    assert not Troubleshooter.objects.filter(live__isnull=False).exists()
    assert Download.objects.exists()
    assert Troubleshooter.objects.exists()

    import_articles(tmp_path / "export")
    assert Troubleshooter.objects.filter(live__isnull=False).exists()


def test_an_import_that_was_killed_is_finished_by_the_next(portal, tmp_path, monkeypatch):
    before = exported(tmp_path / "one")
    empty_portal()
    texts = iter([True, False])

    class KilledError(BaseException):
        pass

    def killed(taking, row, real=_Taking._take_article):
        if not next(texts):
            raise KilledError
        return real(taking, row)

    with monkeypatch.context() as patched:
        patched.setattr(_Taking, "_take_article", killed)
        with pytest.raises(KilledError):
            import_articles(tmp_path / "one")

    report = import_articles(tmp_path / "one")
    assert Outcome.SKIPPED not in {row.outcome for row in report.rows}
    assert exported(tmp_path / "two") == before


def test_notes_for_colleagues_stay_theirs(portal, tmp_path):
    article = ArticlePage.objects.get(external_id="red-light", locale__language_code="fa")
    article.audience = "public"
    article.change_significance, article.change_note = "typo", ""
    article.save_revision().publish()  # its note was written while the article was for people who had signed in
    note = "چراغ سوم هم هست"

    assert note not in exported(tmp_path / "plain", Wish())["articles.jsonl"].decode()
    assert note in exported(tmp_path / "whole")["articles.jsonl"].decode()
    empty_portal()
    import_articles(tmp_path / "whole")

    [told] = Publication.objects.filter(note=note)
    assert told.audience == "signed-in"
    assert note not in [change.note for change in queries._changes(ArticlePage.objects.get(pk=told.article_id))]


def test_a_damaged_line_takes_nothing_away_from_another(portal, tmp_path):
    exported(tmp_path / "export")
    empty_portal()
    path = tmp_path / "export" / "articles.jsonl"
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    broken = first | {"text": {"title": "x", "slug": "x"}, "draft": None}
    unknown = broken | {"key": "0B9F6F3E-6B1C-4A44-8C55-0E8C3B9E2D11"}
    with path.open("a", encoding="utf-8") as lines_:
        lines_.write(f"{json.dumps(broken)}\n{json.dumps(unknown)}\n")

    import_articles(tmp_path / "export")

    assert ArticlePage.objects.count() == 4
    assert not ArticlePage.objects.filter(short_answer="…").exists()


@pytest.mark.parametrize("name", ["../x.pdf", "/etc/x.pdf", "..\\x.pdf"])
def test_a_name_that_leads_elsewhere_ends_no_import(portal, tmp_path, name):
    exported(tmp_path / "export")
    empty_portal()
    rewritten(tmp_path / "export", "documents", lambda row: row | {"file": row["file"] | {"name": name}})

    import_articles(tmp_path / "export")

    assert ArticlePage.objects.count() == 4


@pytest.mark.parametrize("member", ["export.json", "articles.jsonl"])
def test_a_damaged_zip_ends_in_words(portal, tmp_path, member):
    exported(tmp_path / "export")
    packed = tmp_path / "export.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "export").rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(tmp_path / "export").as_posix())
        start = archive.getinfo(member).header_offset + 30 + len(member)
    content = bytearray(packed.read_bytes())
    content[start + 4 : start + 30] = bytes(26)
    packed.write_bytes(content)
    empty_portal()

    try:
        report = import_articles(packed)
    except SourceError:
        return
    assert Outcome.FAILED in {row.outcome for row in report.rows} or not ArticlePage.objects.exists()


@pytest.mark.parametrize("kind", ["topics", "products", "downloads", "troubleshooters"])
def test_a_number_for_a_text_is_refused(portal, tmp_path, kind):
    exported(tmp_path / "export")
    empty_portal()
    name = "name" if kind in {"topics", "products", "downloads"} else "title"
    rewritten(tmp_path / "export", kind, lambda row: row | {name: {"fa": 5, "en": 5}})

    report = import_articles(tmp_path / "export")

    assert next(row.place for row in report.rows if row.outcome is Outcome.FAILED) == f"{kind}.jsonl"


@pytest.mark.parametrize("address", ["/\\evil.example", "/\t/evil.example", "//evil.example", "javascript:x"])
def test_an_address_that_browsers_read_as_another_is_not_kept(address):
    assert not bodies.is_safe(f'<a href="{address}">x</a>')


def test_a_number_beside_a_name_counts_for_nothing():
    found = bodies.rich_text(
        '<a linktype="page" ref="n" id="7">x</a>', lambda _kind, _name: "12", before="ref", after="id"
    )
    assert found == '<a linktype="page" id="12">x</a>'


def test_a_zip_replaces_nothing_and_is_for_its_owner_alone(portal, tmp_path):
    path = tmp_path / "mine.zip"
    export_articles(path, WHOLE)
    assert path.stat().st_mode & 0o777 == 0o600

    with pytest.raises(ExportError):
        export_articles(path, WHOLE)
