"""Importing articles: the results in the portal."""

from __future__ import annotations

import csv
import datetime as dt
import json
import wave
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone, translation
from wagtail.images import get_image_model
from wagtail.log_actions import log
from wagtail.models import PageLogEntry, ReferenceIndex, Revision

from faq.importing import Outcome, SourceError, import_articles, service
from faq.importing.writing import NewArticles
from faq.models import ArticlePage, HelpMedia
from portal.core import audience
from portal.core.storage import name_for_readers
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory, TopicFactory
from tests.factories.faq import TopicPageFactory, help_site, locale
from tests.faq.import_sources import BODY, ENGLISH, PERSIAN, picture, write_markdown

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.importing.service")]


@pytest.fixture(autouse=True)
def wifi(db):
    """The topic that all rows use, in both languages, and two products."""
    topic = TopicFactory(code="wifi")
    pages = help_site()
    persian = TopicPageFactory(topic=topic, parent=pages["fa"], slug="وای-فای", title="وای‌فای")
    TopicPageFactory(
        topic=topic, parent=pages["en"], slug="wifi", title="Wi-Fi", translation_key=persian.translation_key
    )
    for code in ("x1", "x2"):
        ProductFactory(code=code)
    return topic


def outcomes(report):
    return [(row.external_id, row.language, row.outcome.value) for row in report.rows]


def problems(report):
    return [[(problem.field, problem.line) for problem in row.problems] for row in report.rows]


def article(external_id="red-light", language="fa"):
    return ArticlePage.objects.get(external_id=external_id, locale__language_code=language)


def stored_files(settings):
    return sorted(name_for_readers(path.name) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())


# Created pages -------------------------------------------------------------------------------------------------------


def test_an_article_is_published_below_its_topic_with_everything_its_row_says(tmp_path):
    editor = UserFactory(staff=True)
    write_markdown(
        tmp_path, kind="guide", products=["x2", "x1"], platforms=["android"], audience="signed-in", featured=True,
        reviewed_by="تیم شبکه", spoken_answer="مودم را خاموش و روشن کنید.", keywords=["مودم قرمز", "قطع اینترنت"],
        updated="2026-03-14",
    )  # fmt: skip

    report = import_articles(tmp_path, user=editor)

    page = article()
    assert outcomes(report) == [("red-light", "fa", "created")]
    assert (page.live, page.owner, page.topic.code, page.get_parent().title) == (True, editor, "wifi", "وای‌فای")
    assert (page.title, page.slug, page.kind) == (PERSIAN["title"], PERSIAN["slug"], "guide")
    assert (page.short_answer, page.spoken_answer) == (PERSIAN["short_answer"], "مودم را خاموش و روشن کنید.")
    assert [product.code for product in page.products.order_by("code")] == ["x1", "x2"]
    assert (page.platforms, page.effective_audience, page.featured) == (["android"], "signed-in", True)
    assert (page.reviewed_by, page.keywords) == ("تیم شبکه", "مودم قرمز, قطع اینترنت")
    assert timezone.localdate(page.last_published_at) == dt.date(2026, 3, 14)
    assert [block.block_type for block in page.body] == ["heading", "paragraph"]
    assert Revision.page_revisions.filter(object_id=str(page.pk)).count() == 1
    assert page.latest_revision.user == editor


def test_two_languages_of_an_article_are_one_family_whatever_their_order(tmp_path):
    write_markdown(tmp_path, **ENGLISH)
    import_articles(tmp_path)
    write_markdown(tmp_path)

    report = import_articles(tmp_path)

    assert outcomes(report) == [("red-light", "en", "unchanged"), ("red-light", "fa", "created")]
    assert article("red-light", "en").get_translation(locale("fa")).pk == article().pk


def test_links_between_articles_are_resolved_whatever_the_order_of_the_files(tmp_path):
    write_markdown(tmp_path, id="a", slug="a", body="[ب](article:b)", related=["b", "a", "b"])
    write_markdown(tmp_path, id="b", slug="b", body="[الف](article:a)", related=["a"])

    report = import_articles(tmp_path)

    first, second = article("a"), article("b")
    assert problems(report) == [[], []]
    assert f'id="{second.pk}"' in first.body[0].value.source
    assert f'id="{first.pk}"' in second.body[0].value.source
    assert [link.article_id for link in first.related_articles.all()] == [second.pk]


def test_a_link_to_nowhere_becomes_text_with_a_note_and_is_mended_by_the_next_import(tmp_path):
    write_markdown(tmp_path, id="a", slug="a", body="متن\n\n[ب](article:b)", related=["b"])
    report = import_articles(tmp_path)
    assert outcomes(report) == [("a", "fa", "created")]
    assert sorted(problems(report)[0]) == [("body", 12), ("related", 1)]

    write_markdown(tmp_path, id="b", slug="b")
    report = import_articles(tmp_path)

    assert outcomes(report) == [("a", "fa", "changed"), ("b", "fa", "created")]
    assert problems(report) == [[], []]
    assert f'id="{article("b").pk}"' in article("a").body[0].value.source


def test_a_related_article_of_a_narrower_audience_may_be_named(tmp_path):
    write_markdown(tmp_path, id="a", slug="a", related=["for-staff"])
    write_markdown(tmp_path, id="for-staff", slug="for-staff", audience="staff")

    import_articles(tmp_path)

    assert [link.article.effective_audience for link in article("a").related_articles.all()] == [audience.STAFF]


def test_pictures_are_taken_along_once_for_all_languages(tmp_path, settings):
    body = '![جلوی مودم](x2.png "چهار چراغ")\n'
    write_markdown(tmp_path, body=body)
    write_markdown(tmp_path, **ENGLISH, body=body)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "x2.png").write_bytes(picture())

    import_articles(tmp_path)
    import_articles(tmp_path)

    image = get_image_model().objects.get()
    assert ReferenceIndex.get_references_to(image).values("object_id").distinct().count() == 2
    assert [article("red-light", language).body[0].value["image"] for language in ("fa", "en")] == [image, image]
    assert (image.width, image.height, stored_files(settings)) == (60, 40, ["x2.png"])


def test_a_sound_comes_with_captions_and_transcript_of_its_language(tmp_path):
    stream = BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 12_000)
    (tmp_path / "tones.wav").write_bytes(stream.getvalue())
    (tmp_path / "tones.fa.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nبوق\n", encoding="utf-8")
    (tmp_path / "tones.fa.txt").write_text("یک بوق\n", encoding="utf-8")
    write_markdown(tmp_path, body="![[audio:tones|بوق‌ها]]")

    import_articles(tmp_path)
    import_articles(tmp_path)

    media = HelpMedia.objects.get()
    assert (media.title, media.duration, media.transcript, media.captions_language) == ("بوق‌ها", 1.5, "یک بوق", "fa")
    assert article().body[0].value["media"] == media


def test_rows_of_a_table_become_articles_with_lists_and_jalali_dates_in_persian_digits(tmp_path):
    path = tmp_path / "articles.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        table = csv.writer(stream, delimiter=";")
        table.writerow(["id", "title", "short answer", "products", "updated", "body", "colour"])
        table.writerow(["red-light", "چراغ قرمز است", "کابل را ببینید", "x1، x2", "۱۴۰۵/۰۲/۳۱", "## یک\n\nدو", "قرمز"])

    report = import_articles(path, language="fa", topic="wifi")

    page = article()
    assert outcomes(report) == [("red-light", "fa", "created")]
    assert problems(report) == [[("colour", 2)]]
    assert page.slug == "چراغ-قرمز-است"
    assert timezone.localdate(page.last_published_at) == dt.date(2026, 5, 21)
    assert page.products.count() == 2
    assert [block.block_type for block in page.body] == ["heading", "paragraph"]


def test_drafts_wait_until_they_are_published(tmp_path):
    write_markdown(tmp_path)

    assert outcomes(import_articles(tmp_path, publish=False)) == [("red-light", "fa", "created")]
    assert not article().live
    assert outcomes(import_articles(tmp_path, publish=False)) == [("red-light", "fa", "unchanged")]
    assert outcomes(import_articles(tmp_path)) == [("red-light", "fa", "changed")]
    assert article().live


# Repeating -----------------------------------------------------------------------------------------------------------


def test_importing_twice_makes_nothing_new(tmp_path):
    write_markdown(tmp_path)
    write_markdown(tmp_path, **ENGLISH)
    import_articles(tmp_path)
    before = (ArticlePage.objects.count(), Revision.objects.count(), PageLogEntry.objects.count())

    report = import_articles(tmp_path)

    assert report.counts == {outcome: 2 * (outcome is Outcome.UNCHANGED) for outcome in Outcome}
    assert (ArticlePage.objects.count(), Revision.objects.count(), PageLogEntry.objects.count()) == before


def test_a_changed_row_makes_one_revision_and_keeps_address_and_feedback_number(tmp_path):
    write_markdown(tmp_path)
    write_markdown(tmp_path, **ENGLISH)
    import_articles(tmp_path)
    before, revisions = article(), Revision.objects.count()

    write_markdown(tmp_path, short_answer="تازه: فقط کابل را محکم کنید.")
    report = import_articles(tmp_path)

    assert outcomes(report) == [("red-light", "en", "unchanged"), ("red-light", "fa", "changed")]
    assert (article().pk, article().url) == (before.pk, before.url)
    assert article().short_answer == "تازه: فقط کابل را محکم کنید."
    assert Revision.objects.count() == revisions + 1


def test_a_row_with_another_topic_moves_its_article(tmp_path):
    TopicPageFactory(topic=TopicFactory(code="tv"), parent=help_site()["fa"], audience="signed-in")
    write_markdown(tmp_path)
    import_articles(tmp_path)

    write_markdown(tmp_path, topic="tv")
    import_articles(tmp_path)

    assert (article().topic.code, article().effective_audience) == ("tv", "signed-in")


def test_what_an_editor_changed_is_not_overwritten_unless_asked(tmp_path):
    write_markdown(tmp_path)
    import_articles(tmp_path)
    page = article()
    page.title = "عنوان ویراستار"
    page.save_revision().publish()

    assert outcomes(import_articles(tmp_path)) == [("red-light", "fa", "unchanged")]
    write_markdown(tmp_path, short_answer="پاسخ تازه")
    assert outcomes(import_articles(tmp_path)) == [("red-light", "fa", "skipped")]
    assert article().title == "عنوان ویراستار"

    assert outcomes(import_articles(tmp_path, overwrite=True)) == [("red-light", "fa", "changed")]
    assert (article().title, article().short_answer) == (PERSIAN["title"], "پاسخ تازه")


def test_a_locked_article_is_left_alone(tmp_path):
    write_markdown(tmp_path)
    import_articles(tmp_path)
    ArticlePage.objects.update(locked=True)

    write_markdown(tmp_path, short_answer="پاسخ تازه")

    assert outcomes(import_articles(tmp_path)) == [("red-light", "fa", "skipped")]
    assert article().short_answer == PERSIAN["short_answer"]


def test_an_unpublished_article_is_not_published_again_by_an_unchanged_row(tmp_path):
    write_markdown(tmp_path)
    import_articles(tmp_path)
    article().unpublish()

    import_articles(tmp_path)

    assert not article().live


def test_a_dry_run_tells_everything_and_writes_nothing(tmp_path, settings):
    write_markdown(tmp_path, body="![جلوی مودم](x2.png)")
    (tmp_path / "x2.png").write_bytes(picture())
    write_markdown(tmp_path, **ENGLISH, kind="poem")
    counts = [ArticlePage.objects.count(), Revision.objects.count(), get_image_model().objects.count()]

    report = import_articles(tmp_path, dry_run=True)

    assert (report.dry_run, outcomes(report)) == (
        True,
        [("red-light", "en", "created"), ("red-light", "fa", "created")],
    )
    assert [ArticlePage.objects.count(), Revision.objects.count(), get_image_model().objects.count()] == counts
    assert stored_files(settings) == []


# Errors --------------------------------------------------------------------------------------------------------------


def test_broken_rows_do_not_lose_the_others_and_lose_as_little_as_possible(tmp_path):
    write_markdown(tmp_path, "a.fa.md", id="a", title=None)
    (tmp_path / "b.fa.md").write_text("---\n[\n---\nمتن\n", encoding="utf-8")
    (tmp_path / "c.fa.md").write_bytes(b"---\nid: \xff\xfe\xff\n---\n")
    write_markdown(tmp_path, "d.fa.md", id="d", body="")
    write_markdown(tmp_path, "e.fa.md", id="e", slug="e")
    write_markdown(tmp_path, "f.fa.md", id="e", slug="f")
    write_markdown(tmp_path, "g.fa.md", id="g", slug="e")

    report = import_articles(tmp_path, topic="wifi")

    assert outcomes(report) == [
        ("a", "fa", "created"),
        ("b", "fa", "created"),
        ("", "", "failed"),
        ("d", "fa", "created"),
        ("e", "fa", "created"),
        ("f", "fa", "created"),
        ("g", "fa", "created"),
    ]
    assert problems(report)[5:] == [[("id", 1)], [("slug", 1)]]
    assert article("g").slug == "e-1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("products", ["x2", "x9"]),
        ("platforms", ["amiga"]),
        ("audience", "friends"),
        ("kind", "poem"),
        ("featured", "perhaps"),
        ("updated", "1405-13-40"),
        ("updated", "tomorrow"),
        ("updated", "2099-01-01"),
        ("id", "قرمز است؟"),
        ("title", "چ" * 10_000),
        ("short_answer", "چ" * 321),
        ("keywords", ["چ" * 301]),
        ("products", {"x2": 1}),
        ("colour", "قرمز"),
    ],
)
def test_a_bad_value_is_told_with_its_field_and_never_loses_the_article(tmp_path, field, value):
    write_markdown(tmp_path, "row.md", **{field: value})

    report = import_articles(tmp_path)

    assert [row.outcome.value for row in report.rows] == ["created"]
    assert field in {problem.field for problem in report.rows[0].problems}


def test_an_article_for_people_nobody_knows_is_for_staff_only(tmp_path):
    write_markdown(tmp_path, audience="friends")

    import_articles(tmp_path)

    assert article().effective_audience == audience.STAFF


def test_a_language_the_portal_lacks_is_told_or_mapped(tmp_path):
    write_markdown(tmp_path, **ENGLISH | {"language": "en-AU"})
    write_markdown(tmp_path, "b.md", id="b", language="de", title="Rotes Licht", body="Das Kabel ist lose.")

    report = import_articles(tmp_path)

    assert outcomes(report) == [("b", "de", "skipped"), ("red-light", "en", "created")]
    assert problems(report)[0] == [("language", 1)]
    assert outcomes(import_articles(tmp_path, languages={"de": "en"}))[0] == ("b", "en", "created")


def test_the_message_about_an_unknown_value_says_what_is_allowed(tmp_path):
    write_markdown(tmp_path, products=["x9"], audience="friends")

    with translation.override("en"):
        report = import_articles(tmp_path)

    assert [str(problem) for problem in report.rows[0].problems] == [
        "products: “x9” is not known and is left out. Allowed: x1, x2.",
        "audience: “friends” is not known, so only staff may see it. Allowed: public, signed-in, partner, staff, segment:….",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x2.png", b"not a picture"),
        ("x2.png", picture()[:60]),
        ("x2.png", picture(kind="JPEG")),
        ("x2.png", picture((2000, 2000))),
        ("x2.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("x2.png", b""),
    ],
)
def test_a_picture_that_cannot_be_used_is_left_out_and_told(tmp_path, settings, name, content):
    settings.WAGTAILIMAGES_MAX_IMAGE_PIXELS = 1_000_000
    (tmp_path / name).write_bytes(content)
    write_markdown(tmp_path, id="a", slug="a", body=f"متن\n\n![جلو]({name})")
    write_markdown(tmp_path, id="b", slug="b")

    report = import_articles(tmp_path)

    assert outcomes(report) == [("a", "fa", "created"), ("b", "fa", "created")]
    assert problems(report)[0] == [("body", 11)]
    assert [block.block_type for block in article("a").body] == ["paragraph"]
    assert stored_files(settings) == []


def test_a_picture_larger_than_allowed_is_left_out(tmp_path, settings):
    settings.WAGTAILIMAGES_MAX_UPLOAD_SIZE = 1000
    (tmp_path / "x2.png").write_bytes(picture() + b"\0" * 1000)
    write_markdown(tmp_path, body="متن\n\n![جلو](x2.png)")

    assert problems(import_articles(tmp_path)) == [[("body", 11)]]


@pytest.mark.parametrize("missing", ["wav", "vtt"])
def test_a_sound_without_captions_or_without_file_is_told(tmp_path, missing):
    if missing != "wav":
        (tmp_path / "tones.wav").write_bytes(b"RIFF")
    if missing != "vtt":
        (tmp_path / "tones.fa.vtt").write_text("WEBVTT\n", encoding="utf-8")
    write_markdown(tmp_path, body="متن\n\n![[audio:tones]]")

    assert problems(import_articles(tmp_path)) == [[("body", 11)]]


def test_a_row_the_database_refuses_is_reported_and_leaves_neither_page_nor_files(tmp_path, settings, monkeypatch):
    (tmp_path / "x2.png").write_bytes(picture())
    write_markdown(tmp_path, id="a", slug="a", body="![جلو](x2.png)")
    write_markdown(tmp_path, id="b", slug="b", body="![جلو](x2.png)")
    fill = NewArticles.fill

    def refuse(self, contents):
        if any(content.fields.external_id == "a" for content in contents):
            raise DatabaseError
        return fill(self, contents)

    def refuse_alone(*, instance, **kwargs):
        if instance.external_id == "a":
            raise DatabaseError
        log(instance=instance, **kwargs)

    monkeypatch.setattr(NewArticles, "fill", refuse)
    monkeypatch.setattr(service, "log", refuse_alone)
    report = import_articles(tmp_path)

    assert outcomes(report) == [("a", "fa", "failed"), ("b", "fa", "created")]
    assert list(ArticlePage.objects.values_list("external_id", flat=True)) == ["b"]
    assert (get_image_model().objects.count(), len(stored_files(settings))) == (1, 1)


def test_an_import_cut_short_is_finished_by_the_next_one(tmp_path, monkeypatch):
    write_markdown(tmp_path)

    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(NewArticles, "fill", die)
        with pytest.raises(KeyboardInterrupt):
            import_articles(tmp_path)
    assert not article().live  # only the empty page exists so far

    assert outcomes(import_articles(tmp_path)) == [("red-light", "fa", "created")]
    assert (article().live, len(article().body)) == (True, 2)


# The command ---------------------------------------------------------------------------------------------------------


def run(*arguments, **options):
    out = StringIO()
    call_command("import_articles", *arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_the_command_reports_each_problem_with_file_and_line_and_counts(tmp_path):
    write_markdown(tmp_path, kind="poem")
    write_markdown(tmp_path, "b.md", language="de")

    with translation.override("en"):
        output = run(tmp_path)

    assert output.splitlines() == [
        "b.md:1 [skipped] language: Its language (de) is not one of this portal: en, fa.",
        "red-light.fa.md:1 [created] kind: “poem” is not known and is left out. Allowed: faq, guide.",
        "created: 1, changed: 0, unchanged: 0, skipped: 1, failed: 0",
        "  1 × [skipped] Its language … is not one of this portal: …",
        "  1 × [created] … is not known and is left out. Allowed: …",
    ]


@pytest.mark.parametrize(("language", "expected"), [("fa_IR.UTF-8", "ساخته شد"), ("en_US.UTF-8", "created")])
def test_the_command_speaks_the_language_of_the_terminal(tmp_path, monkeypatch, language, expected):
    write_markdown(tmp_path)
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LANG", language)

    assert expected in run(tmp_path, dry_run=True)


def test_the_command_names_the_owner_and_fails_when_asked(tmp_path):
    editor = UserFactory(email="editor@example.com")
    write_markdown(tmp_path)
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe\xff")

    run(tmp_path, user="Editor@example.com")
    with pytest.raises(CommandError):
        run(tmp_path, fail=True)

    assert article().owner == editor


def test_the_command_refuses_unknown_people_sources_and_report_names(tmp_path):
    write_markdown(tmp_path)

    for arguments, options in [
        ((tmp_path,), {"user": "nobody@example.com"}),
        ((tmp_path / "gone",), {}),
        ((tmp_path,), {"report": tmp_path / "report.pdf"}),
    ]:
        with pytest.raises(CommandError):
            run(*arguments, **options)
    assert ArticlePage.objects.count() == 0


def test_the_report_is_written_for_programs_and_for_spreadsheets(tmp_path):
    source = tmp_path / "in"
    write_markdown(source, title="=HYPERLINK(1)", kind="=1+1")
    for name in ("report.json", "report.csv"):
        run(source, dry_run=True, report=tmp_path / name)

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["dry_run"], report["counts"]["created"], report["rows"][0]["problems"][0]["field"]) == (
        True,
        1,
        "kind",
    )
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[:5] for row in rows[1:]] == [["red-light.fa.md", "1", "red-light", "fa", "created"]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_a_source_that_cannot_be_read_changes_nothing(tmp_path):
    write_markdown(tmp_path)
    (tmp_path / "pictures.zip").write_bytes(b"PK nonsense")

    with pytest.raises(SourceError):
        import_articles(tmp_path)
    assert ArticlePage.objects.count() == 0


def test_an_import_is_told_in_the_history_of_the_page(tmp_path):
    write_markdown(tmp_path, body=BODY)
    import_articles(tmp_path)

    with translation.override("en"):
        messages = [entry.message for entry in PageLogEntry.objects.filter(page=article().pk, action="faq.import")]

    assert messages == ["Imported from red-light.fa.md, line 1"]
