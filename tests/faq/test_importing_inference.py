"""What people have is imported as it is: titles, answers, languages, topics and links that nobody wrote down."""

from __future__ import annotations

import re
import zipfile

import pytest
from django.utils import timezone
from wagtail.contrib.redirects.models import Redirect

from faq.importing import import_articles, undo_import
from faq.importing.fields import parse_date
from faq.importing.inferring import shortened, split_title
from faq.importing.languages import PathLanguages
from faq.models import ArticlePage, TopicPage
from tests.factories.downloads import DownloadFactory, release_of
from tests.factories.faq import help_site
from tests.faq.import_sources import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def empty_portal(db):
    """A portal with its first pages: no topic, no article."""
    return help_site()


def write(folder, **files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def articles(*fields):
    return list(ArticlePage.objects.order_by("locale__language_code", "external_id").values_list(*fields))


# Titles and answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "given", "name", "expected"),
    [
        ("# چراغ قرمز {#red}\n\nمتن", "", "Red", ("چراغ قرمز", "\n\nمتن")),
        ("<!-- x -->\nچراغ قرمز\n=====\nمتن", "", "Red", ("چراغ قرمز", "<!-- x -->\n\n\nمتن")),
        ("# چراغ قرمز\nمتن", "چراغ قرمز", "Red", ("چراغ قرمز", "\nمتن")),
        ("# دیگر\nمتن", "چراغ قرمز", "Red", ("چراغ قرمز", "# دیگر\nمتن")),
        ("```\n# code\n```\n## بخش\n", "", "Install", ("Install", "```\n# code\n```\n## بخش\n")),
        ("## چرا قرمز است؟\nمتن", "", "Q 7", ("چرا قرمز است؟", "\nمتن")),
        ("متن", "", "Red light", ("Red light", "متن")),
        ("# **The** `red` [light](x.md)\n", "", "a", ("The red light", "\n")),
    ],
)
def test_a_title_is_found_and_stands_once(body, given, name, expected):
    assert split_title(body, form="markdown", given=given, name=name) == expected


def test_a_title_says_what_it_cannot_hold(tmp_path, empty_portal):
    write(tmp_path, **{"a.md": "# The `ls` command\n\nIt lists `files`.\n", "b.md": "# Another\n\nIt lists `files`.\n"})

    rows = import_articles(tmp_path, dry_run=True).rows

    assert [[note.field for note in row.problems] for row in rows] == [["title"], []]


def test_a_short_answer_ends_behind_a_sentence_and_fits_with_its_marks():
    assert shortened("یک. " + "دو " * 200, 40, "fa").endswith("…")
    assert shortened("این پاسخ کوتاه است. " + "دو " * 200, 40, "fa") == "این پاسخ کوتاه است."
    assert shortened("X2 ۴ " * 30, 100, "fa").count("X2") < 20


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1 May 2024", "2024-05-01"),
        ("May 1st, 2024", "2024-05-01"),
        ("2024-05-01T10:00:00+03:30", "2024-05-01"),
        ("1403/2/12", "2024-05-01"),
        ("12 اردیبهشت 1403", "2024-05-01"),
        ("soon", "None"),
    ],
)
def test_dates_are_read_in_numbers_and_words(written, expected):
    assert str(parse_date(written)) == expected


# Languages -----------------------------------------------------------------------------------------------------------


def test_folders_and_names_tell_languages_only_where_they_mean_them():
    names = ["docs/fa-IR/x.md", "docs/en/x.md", "guide/id/x.md", "locales/de/x.md", "fa_x.md"]
    languages = PathLanguages(names, ["en", "fa"])

    assert [languages.of_folder(above, part) for above, part in (
        ("docs", "fa-IR"), ("docs", "en"), ("guide", "id"), ("locales", "de"), ("", "guide"),
    )] == ["fa", "en", "", "de", ""]  # fmt: skip
    assert [languages.of_name(stem) for stem in ("x.fa", "x.en-US", "fa_x", "go_x", "v1.0", "node.js")] == [
        ("x", "fa"), ("x", "en"), ("x", "fa"), ("go_x", ""), ("v1.0", ""), ("node.js", ""),
    ]  # fmt: skip


def test_the_same_document_in_two_languages_is_one_family(tmp_path, empty_portal):
    write(
        tmp_path,
        **{
            "docs/guide/install.md": "# Install\n\nPut the cable in and wait.\n",
            "i18n/fa/docusaurus-plugin-content-docs/current/guide/install.md": "# نصب\n\nکابل را وصل کنید.\n",
            "i18n/fr/docusaurus-plugin-content-docs/current/guide/install.md": "# Installer\n\nBranchez.\n",
        },
    )

    report = import_articles(tmp_path)

    assert [(row.language, row.outcome.value) for row in report.rows] == [
        ("en", "created"), ("fa", "created"), ("fr", "skipped"),
    ]  # fmt: skip
    english, persian = ArticlePage.objects.order_by("locale__language_code")
    assert english.translation_key == persian.translation_key
    assert (persian.title, persian.short_answer) == ("نصب", "کابل را وصل کنید.")
    topics = TopicPage.objects.order_by("locale__language_code")
    assert [(page.title, page.live) for page in topics] == [("Guide", True)] * 2
    assert len({page.translation_key for page in topics}) == 1


# Topics --------------------------------------------------------------------------------------------------------------


def test_an_empty_portal_gets_the_topics_that_folders_name(tmp_path, empty_portal):
    write(
        tmp_path,
        **{
            "مودم/_index.md": "---\ntitle: مودم و وای‌فای\n---\nهمه چیز دربارهٔ مودم.\n",
            "مودم/نصب/چراغ قرمز.md": "کابل را محکم کنید.\n",
            "billing/_category_.json": '{"label": "قبض‌ها", "position": 2}',
            "billing/pay.md": "---\ncategory: [پرداخت]\n---\nکارت را بکشید.\n",
            "billing/late.md": "دیر شد.\n",
            "پرسش.md": "# چرا؟\nچون که کابل شل است.\n",
        },
    )

    first = import_articles(tmp_path)
    second = import_articles(tmp_path)

    assert {row.outcome.value for row in first.rows} == {"created"}
    assert {row.outcome.value for row in second.rows} == {"unchanged"}
    tree = {page.title: (page.get_parent().title, page.intro) for page in TopicPage.objects.all()}
    assert tree == {
        "مودم و وای‌فای": ("راهنما", "همه چیز دربارهٔ مودم."),
        "نصب": ("مودم و وای‌فای", ""),
        "قبض‌ها": ("راهنما", ""),
        "پرداخت": ("راهنما", ""),
        "عمومی": ("راهنما", ""),
    }
    assert {(page.title, page.topic.pages.get().title) for page in ArticlePage.objects.select_related("topic")} == {
        ("چراغ قرمز", "نصب"),
        ("Pay", "پرداخت"),
        ("Late", "قبض‌ها"),
        ("چرا؟", "عمومی"),
    }


def test_topics_can_be_mapped_and_existing_ones_are_found_by_name(tmp_path, empty_portal):
    write(tmp_path, **{"a/x.md": "متن فارسی است.\n", "b/y.md": "---\ncategory: A\n---\nمتن دیگری است.\n"})

    import_articles(tmp_path, topics={"a": "first"})
    import_articles(tmp_path, topics={"a": "first", "A": "first"})

    assert {page.topic.code for page in ArticlePage.objects.select_related("topic")} == {"first"}


def test_the_navigation_of_mkdocs_and_gitbook_names_sections(tmp_path, empty_portal):
    write(
        tmp_path / "one",
        **{
            "mkdocs.yml": "site_name: x\nnav:\n- Start here:\n  - First steps: a.md\nplugins: !!python/name:x.y\n",
            "docs/a.md": "Take the cable in your hand.\n",
        },
    )
    write(
        tmp_path / "two",
        **{"SUMMARY.md": "# Contents\n\n## راهنما\n\n* [نام دیگر](b.md)\n", "b.md": "کابل را محکم کنید.\n"},
    )

    for folder in ("one", "two"):
        import_articles(tmp_path / folder)

    assert {(page.title, page.topic.pages.first().title) for page in ArticlePage.objects.all()} == {
        ("First steps", "Start here"),
        ("نام دیگر", "راهنما"),
    }


def test_what_is_no_article_is_passed_over_with_the_reason(tmp_path, empty_portal):
    names = ["_sidebar.md", "LICENSE.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/_partials/x.md", "docs/_part.mdx"]
    write(tmp_path, **dict.fromkeys([*names, "docs/a.md"], "# x\n\ntext of it\n"))
    write(tmp_path, **{"node_modules/x/README.md": "# x\n", ".github/x.md": "# x\n", "a.html": "{% extends %}<p>x</p>"})

    report = import_articles(tmp_path)

    assert {row.place for row in report.rows if row.outcome.value == "skipped"} == {*names, "a.html"}
    assert all(row.problems for row in report.rows if row.outcome.value == "skipped")
    assert articles("external_id") == [("docs:a",)]


# Links and files -----------------------------------------------------------------------------------------------------


def test_ids_that_are_unique_in_their_folder_only_are_told_apart(tmp_path, empty_portal):
    write(tmp_path, **{f"{name}/intro.md": "---\nid: intro\ntitle: Intro\n---\nSome words here.\n" for name in "ab"})

    first, second = import_articles(tmp_path), import_articles(tmp_path)

    assert articles("external_id", "slug") == [("a:intro", "intro"), ("b:intro", "intro")]
    assert [row.outcome.value for row in second.rows] == ["unchanged"] * 2
    assert [len(row.problems) for row in first.rows] == [1, 1]


@pytest.mark.parametrize(
    "target", ["../b/دو.md", "/b/%D8%AF%D9%88", "../b/دو/", "دو", "/docs/b/دو.html", "عنوان دوم", "../../b/دو.md"]
)
def test_links_are_found_as_documents_write_them(target):
    from faq.importing.links import LinkIndex

    links = LinkIndex()
    links.add(("two", "fa"), "docs/b/دو.md", title="عنوان دوم")
    links.add(("one", "fa"), "docs/a/یک.md", title="یک")

    assert links.find(target, near="docs/a/یک.md", language="fa") == ("two", "fa")
    assert links.find("هیچ.md", near="docs/a/یک.md", language="fa") is None


@pytest.mark.parametrize(
    "written", ["my%20pic.png", "../img/my pic.png", "/img/my pic.png", "@site/static/img/my pic.png", "my pic.png"]
)
def test_pictures_are_found_as_documents_write_them(tmp_path, written):
    from faq.importing.files import FileFinder, FolderFiles

    for folder in ("docs/a", "docs/img", "static/img"):
        (tmp_path / folder).mkdir(parents=True)
    place = "docs/img" if ".." in written else "static/img" if "/" in written else "docs/a"
    (tmp_path / place / "my pic.png").write_bytes(picture())

    found = FileFinder([FolderFiles(tmp_path)]).find(written, near="docs/a")

    assert found is not None
    assert found.name == f"{place}/my pic.png"


def test_an_archive_of_a_repository_is_read_from_inside_its_folder(tmp_path, empty_portal):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("repo-main/LICENSE.md", "x")
        archive.writestr("repo-main/docs/guide/a.md", "# A\n\nSome words here.\n")

    import_articles(tmp_path / "x.zip")

    assert articles("external_id", "topic__code") == [("guide:a", "guide")]


def test_a_table_of_questions_becomes_articles_with_their_categories_and_languages(tmp_path, empty_portal):
    (tmp_path / "faq.csv").write_text(
        "question_en,answer_en,پرسش,پاسخ,دسته\n"
        'Why red?,"<p>The <b>cable</b> is loose.</p><ul><li>Push</li></ul>",چرا قرمز است؟,کابل شل است.,مودم\n'
        "Why red?,Another answer.,چرا؟,پاسخ دیگری.,مودم\n",
        encoding="utf-8",
    )

    report = import_articles(tmp_path / "faq.csv")

    assert [row.outcome.value for row in report.rows] == ["created"] * 4
    assert [(language, title) for language, title in articles("locale__language_code", "title")].count(
        ("en", "Why red?")
    ) == 2
    assert set(articles("title", "topic__code")) == {(title, "mwdm") for title in ("Why red?", "چرا قرمز است؟", "چرا؟")}
    assert ArticlePage.objects.get(title="چرا قرمز است؟").short_answer == "کابل شل است."


# What belongs to pages ------------------------------------------------------------------------------------------------


def test_links_reach_the_places_that_another_document_names_itself(tmp_path, empty_portal):
    write(
        tmp_path,
        **{
            "docs/a.md": "# A\n\n[one](b.md#first) [two](b.md#second) [three](c.html#third) [four](b.md#a-heading) and words.\n",
            "docs/b.md": "# B\n\n## Take the cable {#first}\n\nx\n\n<a id='second'></a>\n## Plug it in\n\nx\n\n## A heading\n\nx\n",
            "docs/c.html": "<h1>C</h1><p>Words.</p><h2 class='x' id='third'>Wait a minute</h2><p>x</p>",
        },
    )

    import_articles(tmp_path)

    body = str(ArticlePage.objects.get(external_id="a").body.raw_data[0])
    assert re.findall(r'anchor="([^"]+)"', body) == [
        "s-take-the-cable",
        "s-plug-it-in",
        "s-wait-a-minute",
        "s-a-heading",
    ]


def test_old_addresses_lead_to_articles_and_undoing_takes_that_back(tmp_path, empty_portal, client):
    page = "---\nid: {0}\naliases: [/help/{0}/, 'Another name', '/posts/:slug/']\npermalink: https://x.example/kb/{0}.html\n---\n# {0}\n\nWords of {0}.\n"
    write(tmp_path, **{f"{name}.md": page.format(name) for name in ("one", "two")})
    Redirect.objects.create(old_path="/help/two", redirect_link="/en/")

    begun = timezone.now()
    import_articles(tmp_path, run=7)
    import_articles(tmp_path, run=7)

    known = set(Redirect.objects.values_list("old_path", "redirect_page__title", "redirect_link"))
    assert known == {
        ("/help/one", "one", ""), ("/kb/one.html", "one", ""), ("/kb/two.html", "two", ""), ("/help/two", None, "/en/")
    }  # fmt: skip
    assert client.get("/help/one/")["Location"].endswith(ArticlePage.objects.get(external_id="one").url)

    undo_import(7, since=begun, by=None)
    assert set(Redirect.objects.values_list("old_path", flat=True)) == {"/help/two"}


def test_no_old_address_takes_the_place_of_what_is_there(tmp_path, empty_portal, client):
    taken = ["/admin", "/en", "/en/search", "/en/accounts/login"]
    write(tmp_path, **{"one.md": f"---\nid: one\naliases: [{', '.join(taken)}, /old]\n---\n# One\n\nWords.\n"})
    import_articles(tmp_path, publish=True)
    page = ArticlePage.objects.get()
    again = [page.url.rstrip("/"), page.get_parent().url.rstrip("/")]
    write(tmp_path, **{"two.md": f"---\nid: two\naliases: [{', '.join(again)}]\n---\n# Two\n\nWords.\n"})
    import_articles(tmp_path, publish=True)

    assert list(Redirect.objects.values_list("old_path", flat=True)) == ["/old"]


def test_an_old_address_leads_to_a_draft_when_it_is_published(tmp_path, empty_portal, client):
    write(tmp_path, **{"one.md": "---\nid: one\naliases: [/old]\n---\n# Secret name\n\nWords.\n"})
    import_articles(tmp_path)
    page = ArticlePage.objects.get()
    page.unpublish()
    assert "secret" not in client.get("/old/")["Location"]  # which is the same address in a language, where nothing is

    page.save_revision().publish()

    assert client.get("/old/")["Location"].endswith(page.url)


def test_an_article_that_an_import_changed_loses_the_addresses_it_brought(tmp_path, empty_portal):
    write(tmp_path, **{"one.md": "---\nid: one\n---\n# One\n\nWords.\n"})
    import_articles(tmp_path, run=1)
    write(tmp_path, **{"one.md": "---\nid: one\naliases: [/old]\n---\n# One\n\nOther words.\n"})
    begun = timezone.now()
    import_articles(tmp_path, run=2)
    assert Redirect.objects.filter(old_path="/old").exists()

    undo_import(2, since=begun, by=None)

    assert not Redirect.objects.exists()
    assert ArticlePage.objects.get().body.raw_data == [] or "Other" not in str(ArticlePage.objects.get().body.raw_data)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"docs/w/{name}.md": f"---\nweight: {weight}\n---\n# {name}\n\nWords.\n" for name, weight in (("a", 30), ("b", 10), ("c", 20))}, "bca"),
        ({f"docs/w/{name}.md": f"---\nsidebar_position: {at}\n---\n# {name}\n\nWords.\n" for name, at in (("a", 2), ("b", 1.5))}, "ba"),
        ({f"docs/w/{name}.md": f"---\n{head}\n---\n# {name}\n\nWords.\n" for name, head in (("a", "nav_order: x"), ("b", "nav_order: 1"))}, "ba"),
        (
            {
                "mkdocs.yml": "nav:\n- W:\n  - w/c.md\n  - w/a.md\n  - w/b.md\n",
                **{f"docs/w/{name}.md": f"# {name}\n\nWords.\n" for name in "abc"},
            },
            "cab",
        ),
    ],
)  # fmt: skip
def test_articles_stand_in_their_topic_in_the_order_of_the_source(tmp_path, empty_portal, client, files, expected):
    write(tmp_path, **files)

    import_articles(tmp_path)

    topic = TopicPage.objects.live().get()
    assert "".join(link.title for link in client.get(topic.url).context["data"].articles) == expected


def test_the_newest_release_of_a_download_is_shown_where_a_text_names_it(tmp_path, empty_portal):
    release_of(DownloadFactory(slug="x2-firmware"))
    write(
        tmp_path,
        **{
            "a.md": "# A\n\nWords.\n\n![[download:x2-firmware]]\n\n!!! note\n    x ![[download:x2-firmware]]\n\n![[download:none]]\n"
        },
    )

    report = import_articles(tmp_path)

    body = ArticlePage.objects.get().body.raw_data
    assert [(block["type"], block["value"].get("download")) for block in body[1:3]] == [
        ("newest_release", "x2-firmware"), ("note", None)
    ]  # fmt: skip
    assert "/d/x2-firmware/latest" in str(body[2])
    assert [problem.line for row in report.rows for problem in row.problems] == [10]


def test_columns_that_stood_elsewhere_are_named(tmp_path, empty_portal):
    write(tmp_path, **{"a.md": "# A\n\nWords.\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n| a | b |\n|:--|---|\n| 1 | 2 |\n"})

    report = import_articles(tmp_path)

    assert [problem.line for row in report.rows for problem in row.problems] == [5]


def test_a_folder_called_like_those_of_programs_is_read_unless_a_program_is_in_it(tmp_path, empty_portal):
    text = "# Colours\n\nThe page has colours of its own.\n"
    write(
        tmp_path,
        **{
            "Themes/colours.md": text,
            "site/themes/plain/readme-of-it.md": text,
            "site/themes/plain/layouts/page.html": "<p>{{ content }}</p>",
            "_includes/part.md": text,
        },
    )

    report = import_articles(tmp_path, dry_run=True)

    assert {row.place: row.outcome.value for row in report.rows} == {
        "Themes/colours.md": "created",
        "site/themes/plain/readme-of-it.md": "skipped",
        "_includes/part.md": "skipped",
    }
