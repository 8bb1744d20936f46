"""An export of a Zendesk Help Center, as its API gives it, becomes topics, articles and their translations."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from wagtail.models import Revision

from bench.zendesk import write_export
from faq.importing import Outcome, import_articles
from faq.importing.json_stream import objects
from faq.models import ArticlePage, TopicPage, TranslationDebt
from tests.factories.faq import help_site

SAMPLE = Path(__file__).parent / "samples" / "zendesk-json-export"

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.importing.zendesk")]


@pytest.fixture(autouse=True)
def _site(site):
    return site


def article(number, language="fa"):
    return ArticlePage.objects.get(external_id=f"zendesk-{number}", locale__language_code=language)


def notes_of(report, number, language="fa"):
    rows = [row for row in report.rows if (row.external_id, row.language) == (f"zendesk-{number}", language)]
    return [problem.message for row in rows for problem in row.problems]


@pytest.fixture
def report():
    return import_articles(SAMPLE)


# The sample ----------------------------------------------------------------------------------------------------------


def test_every_text_arrives_in_its_language(report):
    assert {row.outcome for row in report.rows} == {Outcome.CREATED}, [row.as_dict() for row in report.rows]
    found = ArticlePage.objects.order_by("external_id", "-locale__language_code")
    assert [(page.external_id[-3:], page.locale.language_code, page.live) for page in found.select_related("locale")] == [
        ("401", "fa", True), ("401", "en", True), ("402", "fa", True), ("402", "en", False), ("403", "fa", True), ("404", "fa", False),
        ("405", "fa", True), ("406", "fa", True),
    ]  # fmt: skip
    assert article(360000401).translation_key == article(360000401, "en").translation_key


def test_categories_and_sections_are_topics_in_their_order(report):
    tree = TopicPage.objects.filter(locale__language_code="fa").order_by("path").select_related("topic")
    assert [(page.depth, page.title) for page in tree] == [
        (4, "اینترنت خانگی"),
        (5, "مودم"),
        (4, "تلفن"),
        (5, "خط تلفن"),
    ]
    english = TopicPage.objects.filter(locale__language_code="en").order_by("path")
    assert [page.title for page in english] == ["Home internet", "Router"]
    assert list(article(360000401).get_parent().get_children().values_list("title", flat=True)) == [
        "چراغ مودم قرمز است",
        "بازنشانی مودم",  # of a section in the section
    ]
    assert any("چراغ‌های مودم" in note for note in report.notes)


def test_what_people_see_of_a_text_is_kept(report):
    page = article(360000401)
    kinds = [block.block_type for block in page.body]
    assert (page.featured, page.keywords) == (True, "مودم قرمز, قطع")
    assert {"heading", "picture", "note", "table", "code"} <= set(kinds)
    assert [block.value["kind"] for block in page.body if block.block_type == "note"] == ["warning"]
    assert page.last_published_at.date().isoformat() == "2025-06-05"


def test_links_between_articles_lead_to_them_in_the_same_language(report):
    body = json.dumps(list(article(360000401).body.raw_data), ensure_ascii=False)
    assert f'linktype=\\"page\\" id=\\"{article(360000402).pk}\\" anchor=' in body
    assert "https://example.com/help" in body
    english = json.dumps(list(article(360000401, "en").body.raw_data))
    assert f'id=\\"{article(360000402, "en").pk}\\"' in english
    assert "zendesk.com" not in body + english


def test_pictures_come_from_the_folder_by_number_or_name(report):
    for number in (360000401, 360000402):
        assert [block.value["alt"] for block in article(number).body if block.block_type == "picture"] != []


def test_segments_are_audiences_and_never_wider_than_they_were(report):
    pages = [article(number).get_latest_revision_as_object() for number in range(360000401, 360000407)]

    assert [page.audience for page in pages] == ["public", "public", "signed-in", "staff", "staff", "staff"]
    assert any("مشتریان طلایی" in note for note in notes_of(report, 360000405))
    assert any("360000999" in note for note in notes_of(report, 360000406))


def test_a_translation_that_was_outdated_there_is_out_of_date_here(report):
    debt = TranslationDebt.objects.get()
    assert (debt.article, debt.source) == (article(360000401, "en"), article(360000401))
    debt.delete()

    import_articles(SAMPLE)

    assert not TranslationDebt.objects.exists()  # somebody has settled it


def test_what_is_not_taken_is_said(report):
    assert any("راهنما.pdf" in note for note in notes_of(report, 360000402))
    assert report.notes


def test_twice_changes_nothing(report):
    revisions = Revision.objects.count()
    assert {row.outcome for row in import_articles(SAMPLE).rows} == {Outcome.UNCHANGED}
    assert Revision.objects.count() == revisions


def test_a_dry_run_writes_nothing():
    assert {row.outcome for row in import_articles(SAMPLE, dry_run=True).rows} == {Outcome.CREATED}
    assert not ArticlePage.objects.exists()


# Other shapes --------------------------------------------------------------------------------------------------------


def objects_of_sample():
    for path in sorted(SAMPLE.rglob("*.json")):
        for kind, found in json.loads(path.read_text(encoding="utf-8")).items():
            if isinstance(found, list):
                yield path, kind, found


def test_lines_of_json_in_a_zip_are_the_same(tmp_path):
    folder = tmp_path / "export"
    shutil.copytree(SAMPLE / "article_attachments", folder / "article_attachments")
    for path, kind, found in objects_of_sample():
        name = f"{kind}-{path.stem}.ndjson"
        (folder / name).write_text("".join(json.dumps(each) + "\n" for each in found), encoding="utf-8")
    shutil.make_archive(str(tmp_path / "export"), "zip", folder)

    report = import_articles(tmp_path / "export.zip")

    assert [row.outcome.value for row in report.rows] == ["created"] * 8
    assert {row.outcome for row in import_articles(SAMPLE).rows} == {Outcome.UNCHANGED}


def test_translations_and_attachments_inside_articles_and_one_file_of_each(tmp_path):
    folder = tmp_path / "articles"
    folder.mkdir()
    texts = [each for _path, kind, found in objects_of_sample() if kind == "translations" for each in found]
    articles = [each for _path, kind, found in objects_of_sample() if kind == "articles" for each in found]
    for each in articles:
        own = [text for text in texts if text["source_id"] == each["id"]]
        (folder / f"{each['id']}.json").write_text(json.dumps({"article": {**each, "translations": own}}))

    report = import_articles(tmp_path)

    assert [row.outcome.value for row in report.rows] == ["created"] * 8
    assert article(360000401).topic.code == "general"  # nothing says what the sections are called
    assert article(360000403).effective_audience == "staff"  # nor who the segments are


def test_a_folder_of_documents_with_some_json_is_still_one(tmp_path):
    (tmp_path / "package.json").write_text('{"name": "docs", "articles": [{"title": "x"}]}')
    (tmp_path / "one.md").write_text("# یک\n\nمتن این صفحه.\n", encoding="utf-8")

    assert [row.place for row in import_articles(tmp_path, dry_run=True).rows] == ["one.md"]


# What is broken ------------------------------------------------------------------------------------------------------


def test_one_broken_record_is_reported_and_the_rest_lands(tmp_path):
    write_export(tmp_path, articles=6)
    path = tmp_path / "articles-1.json"
    page = json.loads(path.read_text(encoding="utf-8"))
    page["articles"][2]["body"] = 17
    del page["articles"][4]["id"]
    path.write_text(json.dumps(page))

    report = import_articles(tmp_path)

    failed = [row for row in report.rows if row.outcome is Outcome.FAILED]
    assert [(row.place, row.line) for row in failed] == [("articles-1.json", 3), ("articles-1.json", 5)]
    assert ArticlePage.objects.filter(locale__language_code="fa").count() == 4


def test_damaged_json_loses_only_the_damaged_object():
    good = [{"id": number, "title": "چراغ", "list": [{"a": 1}]} for number in range(5)]
    text = json.dumps({"count": 5, "articles": good, "next_page": None}, ensure_ascii=False)
    text = text.replace('"id": 2, "title"', '"id": 2 "title')

    found = list(objects(io.BytesIO(text.encode())))

    assert [each and each["id"] for _kind, each in found] == [0, 1, None, 3, 4]
    assert {kind for kind, _each in found} == {"articles"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"articles": [', '{"articles": [{"id": 1}', "[1, 2", '{"articles": 3} x', "\ufeff[]", "null"],
)
def test_json_that_ends_too_early_is_read_as_far_as_it_goes(text):
    assert [each for _kind, each in objects(io.BytesIO(text.encode())) if each] in ([], [{"id": 1}], [{"articles": 3}])


def test_a_large_file_is_read_in_pieces():
    class Counting(io.BytesIO):
        most = 0

        def read(self, size=-1):
            self.most = max(self.most, size)
            return super().read(size)

    stream = Counting(
        json.dumps({"articles": [{"id": number, "body": "x" * 50_000} for number in range(100)]}).encode()
    )

    assert [each["id"] for _kind, each in objects(stream)] == list(range(100))
    assert stream.most < 1_000_000


def test_a_generated_export_arrives_whole_and_twice_changes_nothing(tmp_path):
    write_export(tmp_path, articles=12)
    seen = []

    report = import_articles(tmp_path, progress=lambda done, total: seen.append((done, total)))

    assert report.counts[Outcome.CREATED] == 24, [row.as_dict() for row in report.rows if row.problems][:2]
    assert seen[-1] == (24, 24)
    assert {row.outcome for row in import_articles(tmp_path).rows} == {Outcome.UNCHANGED}
    assert TopicPage.objects.filter(depth=5).exists()
    assert help_site()["fa"].get_children().exists()


# Exports that are damaged, or say less than they should ----------------------------------------------------------------


def described(number, **more):
    return {
        "id": number, "title": f"عنوان {number}", "body": "<p>متن درست</p>", "locale": "fa", "source_locale": "fa",
        "section_id": 1000001, "position": 0, "draft": False, "user_segment_id": None, "label_names": [], **more,
    }  # fmt: skip


def translated(number, **more):
    return {
        "id": 5, "source_id": number, "source_type": "Article", "locale": "fa", "title": "محرمانه", "body": "<p>فقط ما</p>",
        "draft": False, **more,
    }  # fmt: skip


def imported(folder, **files):
    """The articles that became of these files, by number: whether live, and for whom; and the report."""
    section = {"id": 1000001, "name": "S", "locale": "fa", "source_locale": "fa", "category_id": 1000000}
    category = {"id": 1000000, "name": "C", "locale": "fa", "source_locale": "fa"}
    for name, content in {
        "sections": {"sections": [section]},
        "categories": {"categories": [category]},
        **files,
    }.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    report = import_articles(folder)
    found = ArticlePage.objects.values_list("external_id", "live", "audience")
    return {int(name.removeprefix("zendesk-")): (live, audience) for name, live, audience in found}, report


HELD = (False, "staff")


@pytest.mark.parametrize("described_as", [{"user_segment_id": 555, "position": "x"}, {"user_segment_id": "x"}, None])
def test_a_text_of_which_nobody_knows_for_whom_it_is_is_a_draft_for_staff(tmp_path, described_as):
    articles = [] if described_as is None else [described(2000001, **described_as)]
    found, _report = imported(
        tmp_path, articles={"articles": articles}, translations={"translations": [translated(2000001)]}
    )

    assert found == {2000001: HELD}


def test_records_that_differ_about_readers_leave_it_to_staff(tmp_path):
    again = described(2000001)
    found, _report = imported(
        tmp_path,
        articles={"articles": [described(2000001, user_segment_id=555)]},
        articles_too={"articles": [again]},
    )
    assert found[2000001][1] == "staff"

    del again["user_segment_id"]  # says nothing
    found, _report = imported(
        tmp_path,
        articles={"articles": [described(2000002, user_segment_id=555)]},
        articles_too={"articles": [again | {"id": 2000002}]},
    )
    assert found[2000002][1] == "staff"


def test_what_people_write_below_an_article_is_not_its_text(tmp_path):
    comment = {
        "id": 77, "body": "<p>evil.example</p>", "author_id": 9, "source_id": 2000001, "source_type": "Article", "locale": "fa",
    }  # fmt: skip
    imported(
        tmp_path,
        articles={"articles": [described(2000001)]},
        comments={"comments": [comment]},
        all={"results": [comment]},
    )

    assert article(2000001).title == "عنوان 2000001"


@pytest.mark.parametrize(
    "broken", ['{"articles": [%s, %s, oops, %s, %s]}', '{"count": tru, "articles": [%s, %s, %s, %s]}']
)
def test_a_damaged_spot_is_told_and_loses_nothing_else(tmp_path, broken):
    texts = [json.dumps(described(2000001 + number), ensure_ascii=False) for number in range(4)]
    found, report = imported(tmp_path, articles=broken % tuple(texts))

    assert sorted(found) == [2000001, 2000002, 2000003, 2000004]
    assert [row.outcome for row in report.rows].count(Outcome.FAILED) == 1


def test_a_file_that_ends_early_is_told(tmp_path):
    whole = json.dumps({"articles": [described(2000001), described(2000002)]}, ensure_ascii=False)
    found, report = imported(tmp_path, articles=whole[:-30])

    assert sorted(found) == [2000001]
    assert Outcome.FAILED in {row.outcome for row in report.rows}
