"""Import of forums whose files are odd or hostile: what cannot be read is left out and reported, the rest goes in."""

from __future__ import annotations

import json
import sys
import tracemalloc

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.utils.translation import override

from community.importing import SourceError, import_community, records, texts, writer
from community.importing.discourse import _markdown
from community.importing.html import to_markdown
from community.importing.people import digest_of, digests_of
from community.importing.stackexchange import StackExchange
from community.importing.table import Table
from community.models import ImportedRow, Post, Solution, Thread, Vote
from community.rendering import MAX_LENGTH
from portal.accounts.models import User
from portal.core import running
from tests.factories.community import AreaFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.importing.records", "community.importing.store", "community.importing.writer"
    ),
]

WHEN = "2020-01-05T10:00:00Z"


@pytest.fixture(autouse=True)
def area():
    with override("en"):
        yield AreaFactory(slug="internet")


def topic(number, *replies, first=None, **more):
    """A topic, with numbers from its own."""
    begin = {"id": number * 10, "post_number": 1, "user_id": 5, "raw": "It is slow.", "created_at": WHEN}
    posts = [begin | (first or {})]
    for place, reply in enumerate(replies, 2):
        posts.append({"id": number * 10 + place, "post_number": place, "raw": "Yes.", "created_at": WHEN} | reply)
    return {"id": number, "title": f"Title {number}", "posts": posts} | more


def brought(tmp_path, *topics, users=(), form="discourse", **more):
    """Import as a dry run, then really; they must say the same. Returns the report."""
    path = tmp_path
    if form == "discourse":
        path = tmp_path / "export.json"
        content = topics[0] if isinstance(topics[0], str) else json.dumps({"users": users, "topics": topics})
        path.write_text(content, encoding="utf-8")
    options = {"form": form, "area": "internet", "source": "odd"} | more
    dry = import_community(path, **options, dry_run=True)
    report = import_community(path, **options)
    assert (dry.counts, dry.reasons, dry.problems) == (report.counts, report.reasons, report.problems)
    assert "\n".join(report.lines()).encode()
    return report


def left_out(report) -> list[str]:
    return [problem.place for problem in report.problems]


@pytest.mark.parametrize(
    ("odd", "place"),
    [
        (topic(1, first={"user_id": "abc"}), "export.json, topic 1"),
        (topic(1, first={"id": None}), "export.json, topic 1"),
        (topic(1, first={"actions_summary": 5}), "export.json, topic 1"),
        (topic(1, first={"actions_summary": [{"id": 2, "count": "x"}], "id": [1]}), "export.json, topic 1"),
        (topic(1, tags=[1]), "export.json, topic 1"),
        (topic(1, tags=5), "export.json, topic 1"),
        (topic(1, posts=5), "export.json, topic 1"),
        (topic(1, posts=[5]), "export.json, topic 1"),
        (topic(1, {"post_type": [1]}), "export.json, topic 1, post 2"),
        (topic(1, {"reply_to_post_number": [1]}), "export.json, topic 1, post 2"),
        (topic(1, {"user_id": [1]}), "export.json, topic 1, post 2"),
        (topic(1, {"post_number": "2"}), "export.json, topic 1, post 12"),
        (topic(1, {"id": {}, "accepted_answer": True}), "export.json, topic 1, post 2"),
        (5, "export.json, topic [1]"),
    ],
)
def test_an_odd_record_is_left_out_with_its_place_and_the_rest_goes_in(tmp_path, odd, place):
    report = brought(tmp_path, odd, topic(2, {}))

    assert place in left_out(report)
    assert Post.objects.filter(thread__title="Title 2").count() == 2


def test_odd_people_are_left_out(tmp_path):
    report = brought(tmp_path, topic(1), users=[5, {"id": []}, {"id": 5, "username": "a\ud800b\0c", "created_at": []}])

    assert left_out(report) == ["export.json, user [1]", "export.json, user [2]"]
    assert User.objects.get().handle == "abc"


def test_topics_of_the_api_may_be_odd(tmp_path):
    post = {"id": 1, "post_number": 1, "user_id": 5, "raw": "text", "created_at": WHEN, "post_type": 1}
    (tmp_path / "1.json").write_text(json.dumps({"id": 1, "title": "One", "post_stream": [5]}))
    (tmp_path / "2.json").write_text(json.dumps({"id": 2, "title": "Two", "post_stream": {"posts": [post]}}))
    (tmp_path / "3.json").write_text(
        '{"id": ' + "9" * 5_000 + ', "post_stream": {"posts": [' + json.dumps(post) + "]}}"
    )
    (tmp_path / "categories.json").write_text('{"category_list": [1], "categories": [5, {"subcategory_list": 5}]}')

    import_community(tmp_path, form="discourse", area="internet")

    assert Thread.objects.get().title == "Two"


def test_numbers_beyond_all_limits(tmp_path):
    topics = [topic(1, views=10**30), topic(2, views=2**40), topic(3, views=-5), topic(4, views=404_404)]
    content = json.dumps({"topics": topics}).replace("404404", "7" * 5_000)

    report = brought(tmp_path, content)

    assert report.counts["threads"].skipped == 0
    assert list(Thread.objects.order_by("pk").values_list("view_count", flat=True)) == [2**31 - 1, 2**31 - 1, 0, 0]


def test_an_id_of_thousands_of_digits_is_left_out(tmp_path):
    content = json.dumps({"topics": [topic(1, first={"id": 404_404}), topic(2)]})
    content = content.replace("404404", "7" * 5_000)

    report = brought(tmp_path, content)

    assert left_out(report) == ["export.json, topic 1"]
    assert Thread.objects.get().title == "Title 2"


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_characters_that_no_database_takes(tmp_path, odd):
    report = brought(
        tmp_path,
        topic(1, {"id": f"b{odd}"}, {"id": "c", "accepted_answer": True}, first={"id": f"a{odd}"}, tags=[f"t{odd}ag"])
        | {"title": f"T{odd}itle", "category_id": f"{odd}", "id": f"x{odd}y\x1b[2J"},
        users=[{"id": 5, "username": f"mi{odd}na"}],
    )

    assert report.problems == []
    assert Thread.objects.get().title == "Title"
    assert set(ImportedRow.objects.filter(kind=ImportedRow.Kind.POST).values_list("external_id", flat=True)) == {
        "a",
        "b",
        "c",
    }
    (tmp_path / "t.csv").write_bytes(
        f"id,title,body,author,created\n{odd}a,T,b,m{odd}e,2020-01-01\n".encode("utf-8", "replace")
    )
    import_community(tmp_path / "t.csv", form="csv", area="internet")
    assert Thread.objects.count() == 2


def test_the_report_cannot_control_a_terminal(tmp_path):
    report = brought(tmp_path, topic(1, posts=5) | {"id": "\x1b[2J\u202e\n\ud800x"}, topic(2))

    assert left_out(report) == ["export.json, topic [2J x"]


# StackExchange ------------------------------------------------------------------------------------------------------


def dump(folder, *rows, head='<?xml version="1.0"?>'):
    posts = "\n".join(
        f'<row Id="{number}" PostTypeId="1" Title="T{number}" Body="text" CreationDate="2020-01-05T10:00:00" {more}/>'
        for number, more in enumerate(rows, 1)
    )
    (folder / "Posts.xml").write_text(f"{head}<posts>{posts}</posts>", encoding="utf-8")


@pytest.mark.parametrize("name", ["gb2312", "nonsense", "zlib", "rot13", "undefined", "idna"])
def test_an_encoding_that_cannot_be_read_is_said(tmp_path, name):
    dump(tmp_path, "", head=f'<?xml version="1.0" encoding="{name}"?>')

    with pytest.raises(SourceError, match=r"Posts\.xml"):
        import_community(tmp_path, form="stackexchange", area="internet")


@pytest.mark.parametrize(
    "content",
    ['<posts><row Body="' + ">" * 50_000, "<posts>" + "x" * 50_000, "<posts>" + "<a>" * 50],
    ids=["attribute", "text", "depth"],
)
def test_xml_that_never_ends_is_not_held_in_memory(tmp_path, monkeypatch, content):
    monkeypatch.setattr("community.importing.stackexchange.LONGEST", 20_000)
    (tmp_path / "Posts.xml").write_text(content)

    with pytest.raises(SourceError, match="too long"), override("en"):
        list(StackExchange(tmp_path).beginnings())


def test_what_is_no_row_is_not_kept(tmp_path):
    (tmp_path / "Posts.xml").write_text("<posts>" + '<a b="x"/>' * 200_000 + "</posts>")
    tracemalloc.start()

    found = list(StackExchange(tmp_path).beginnings())

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found, peak < 5_000_000) == ([], True)


def test_a_line_without_end_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("community.importing.table._LONGEST_LINE", 1000)
    path = tmp_path / "posts.csv"
    path.write_text('id,title,body\n1,First,"' + "long words " * 500 + '"\n2,Second,short\n')

    assert [each.title for each in Table(path).beginnings()] == ["First", "Second"]


def test_a_score_is_no_order_to_write_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_VOTES", 250)
    monkeypatch.setattr(writer, "_VOTES_AT_ONCE", 100)
    portions = []
    real = Vote.objects.bulk_create
    monkeypatch.setattr(Vote.objects, "bulk_create", lambda votes: portions.append(len(votes)) or real(votes))
    dump(tmp_path, 'Score="999999999" ViewCount="99999999999999999999999"', 'Score="-3"')

    report = brought(tmp_path, form="stackexchange")

    assert portions == [100, 100, 50]
    assert report.counts["threads"].made == 2
    assert Post.objects.order_by("pk").first().helpful_count == 250 == Vote.objects.count()


# What a dry run says ------------------------------------------------------------------------------------------------


def test_a_dry_run_knows_that_only_questions_are_solved(tmp_path):
    AreaFactory(slug="talk", kind="discussions")
    solved = {"accepted_answer": True}

    report = brought(tmp_path, topic(1, solved), area="talk")
    assert (report.counts["solutions"].made, report.counts["solutions"].skipped) == (0, 1)

    report = brought(tmp_path, topic(1, solved), topic(2, {}, solved | {"reply_to_post_number": 2}), area="internet")
    assert (report.counts["solutions"].made, report.counts["solutions"].skipped) == (1, 1)
    assert Solution.objects.count() == 1


def test_a_dry_run_knows_votes_for_oneself_and_second_ones(tmp_path):
    dump(tmp_path, 'OwnerUserId="1"', 'OwnerUserId="2"')
    users = "".join(f'<row Id="{number}" DisplayName="name{number}"/>' for number in (1, 2))
    (tmp_path / "Users.xml").write_text(f"<users>{users}</users>")
    votes = [(1, 1), (1, 2), (1, 2), (2, 1), (2, 3), (2, 3)]
    rows = "".join(
        f'<row Id="{number}" PostId="{post}" VoteTypeId="2" UserId="{voter}"/>'
        for number, (post, voter) in enumerate(votes, 1)
    )
    (tmp_path / "Votes.xml").write_text(f"<votes>{rows}</votes>")

    report = brought(tmp_path, form="stackexchange")

    assert (report.counts["votes"].made, report.counts["votes"].skipped) == (4, 2)
    again = brought(tmp_path, form="stackexchange")
    assert again.counts["votes"].made == 0


# Work ---------------------------------------------------------------------------------------------------------------


def work(function, *args) -> tuple[int, int]:
    """How many calls a function makes, and how long what it returns is."""
    calls = 0

    def count(_frame, _event, _what):
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        result = function(*args)
    finally:
        sys.setprofile(None)
    return calls, len(result)


HOSTILE = [
    (to_markdown, "<blockquote>"),
    (to_markdown, "<blockquote><p>x</p>"),
    (to_markdown, "<ul><li>x"),
    (to_markdown, "<b><i><s>x"),
    (to_markdown, "x<br>"),
    (to_markdown, " <br>"),
    (to_markdown, "<p>x"),
    (_markdown, "[quote]"),
    (_markdown, "[quote]\nx\n"),
    (_markdown, "[/quote]"),
    (_markdown, "[quote]x[/quote]"),
    (texts._without_names, "` `` ``` "),
    (texts._without_names, "@mina `"),
    (texts._without_names, "```\nx\n"),
]


@pytest.mark.parametrize(("function", "part"), HOSTILE)
def test_work_grows_with_the_length(function, part):
    few, many = (work(function, part * count) for count in (400, 1_600))

    assert many[0] <= 4.2 * few[0] + 100
    assert many[1] <= 4.2 * few[1] + 100
    assert many[1] <= 80 * 1_600 * len(part)


def test_runs_of_backticks_are_looked_up_once():
    def runs(most: int) -> str:
        return " ".join("`" * length for length in range(most, 0, -1))

    (few, _), (many, _) = work(texts._without_names, runs(50)), work(texts._without_names, runs(200))

    assert many <= 4.2 * few + 100  # four times as many runs, in sixteen times the text


def test_marks_with_attributes_are_not_opened_again_in_every_paragraph():
    def html(count: int) -> str:
        return "<p>" + "".join(f'<b a{number}=">">' for number in range(count)) + "<p>x" * count

    assert work(to_markdown, html(800))[0] <= 5 * work(to_markdown, html(200))[0]
    assert len(to_markdown(f'<p><a href="https://e.com/{"x" * 9_000}">' + "<p>x" * 500)) < 10_000


def test_quotes_in_quotes_keep_twenty_levels():
    deep = to_markdown("<blockquote>" * 3_000 + "x" + "</blockquote>" * 3_000 + "<p>after</p>")
    assert deep == "> " * 20 + "x\n\nafter"
    assert _markdown("[quote]" * 30 + "x" + "[/quote]" * 30 + "after").count(">") < 20 * 60
    assert _markdown('a[quote="mina, post:1"]b[quote]c[/quote]d[/quote]e[/quote][quote]f') == (
        "a\n> b\n> > c\n> \n> d\n\ne[/quote][quote]f"
    )


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("`@mina` @mina", "`@mina` @\u2060mina"),
        ("`` ` @mina `` @mina", "`` ` @mina `` @\u2060mina"),
        ("` @mina `` @mina", "` @\u2060mina `` @\u2060mina"),
        ("```\n@mina\n```\n@mina", "```\n@mina\n```\n@\u2060mina"),
        ("~~~\n@mina", "~~~\n@mina"),
    ],
)
def test_names_in_code_stay(body, kept):
    assert texts._without_names(body) == kept


@pytest.mark.parametrize("is_html", [True, False])
def test_a_text_is_cut_before_it_is_worked_on(tmp_path, monkeypatch, is_html):
    read, named = [], []
    without_names = texts._without_names
    monkeypatch.setattr(texts, "to_markdown", lambda html: read.append(len(html)) or to_markdown(html))
    monkeypatch.setattr(texts, "_without_names", lambda body: named.append(len(body)) or without_names(body))
    monkeypatch.setattr("community.importing.discourse._markdown", lambda raw: read.append(len(raw)) or _markdown(raw))
    text = "@mina " * 40_000

    report = brought(tmp_path, topic(1, first={"raw": None, "cooked": text} if is_html else {"raw": text}))

    assert max(read) <= records.RAW_LENGTH
    assert max(named) <= MAX_LENGTH
    assert [problem.message for problem in report.problems] == ["It was too long and is cut."]
    assert len(Post.objects.get().body) <= MAX_LENGTH
    assert Post.objects.get().body.endswith("…")


# People, locks ------------------------------------------------------------------------------------------------------


def test_nobody_without_the_key_finds_whose_account_it_was(tmp_path, settings):
    (tmp_path / "t.csv").write_text("id,title,body,author,created\n1,T,b,Mina Karimi,2020-01-01\n")
    before = digest_of("odd", "mina karimi")

    def bring():
        return import_community(tmp_path / "t.csv", form="csv", area="internet", source="odd")

    bring()
    assert User.objects.get().email == f"{before}@imported.invalid"

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert digest_of("odd", "mina karimi") != before
    assert digests_of("odd", "mina karimi")[1] == before
    with (tmp_path / "t.csv").open("a") as stream:
        stream.write("2,U,c,Mina Karimi,2020-01-02\n")
    assert bring().counts["people"].made == 0
    assert {thread.author for thread in Thread.objects.all()} == {User.objects.get()}


def test_only_rows_of_another_import_are_taken_for_one(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("id,title,body,created\n1,T,b,2020-01-01\n")
    import_community(path, form="csv", area="internet", source="odd")
    with monkeypatch.context() as patched:
        patched.setattr(writer.Writer, "_known", lambda *_args: {})
        with pytest.raises(SourceError, match="Another import"):
            import_community(path, form="csv", area="internet", source="odd")

    def refuse(*_args):
        raise IntegrityError

    monkeypatch.setattr(writer, "_to_index", refuse)
    with pytest.raises(IntegrityError):
        import_community(path, form="csv", area="internet", source="new")
    assert Thread.objects.count() == 1


def test_a_restore_waits_for_an_import(tmp_path, monkeypatch, settings):
    settings.DATA_DIR = tmp_path / "data"
    path = tmp_path / "t.csv"
    path.write_text("id,title,body,created\n1,T,b,2020-01-01\n")
    seen = []

    def report_of(*_args, **_options):
        with running.alone(settings.DATA_DIR) as is_alone:
            seen.append(is_alone)
        raise SourceError("enough")

    monkeypatch.setattr("community.management.commands.import_community.import_community", report_of)
    with pytest.raises(Exception, match="enough"):
        call_command("import_community", "csv", str(path))

    assert seen == [False]
