"""Import of other forums: three forms, dry run, repeated and interrupted runs, and who the authors become."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from community.importing import SourceError, import_community, service
from community.importing.people import DOMAIN
from community.importing.writer import Writer
from community.models import (
    Area,
    CommunityProfile,
    ImportedRow,
    Post,
    PostMention,
    Solution,
    Tag,
    Thread,
    ThreadToIndex,
    Vote,
)
from community.reconcile import find_drift
from community.services import erase_member, imported
from community.services.texts import render_again
from portal.accounts.models import User
from portal.core import scopes
from portal.core.models import OutboxMessage
from portal.core.outbox import drain
from portal.notifications.models import Notification
from search.models import IndexedEntry
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, PostFactory, ThreadFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.importing.people",
        "community.importing.service",
        "community.importing.writer",
        "community.models.imported",
        "community.services.imported",
    ),
]

DUMPS = Path(__file__).parent / "dumps"
STACK = DUMPS / "stackexchange"
EXPORT = DUMPS / "discourse" / "category-export.json"
TABLE = DUMPS / "table.csv"


@pytest.fixture
def area():
    return AreaFactory(slug="internet")


def bring(path=STACK, form="stackexchange", **more):
    return import_community(
        path, form=form, area=more.pop("area", "internet"), source=more.pop("source", "old"), **more
    )


def everything() -> dict[str, list[tuple]]:
    return {
        model.__name__: list(model.objects.order_by("pk").values_list())
        for model in (Thread, Post, Vote, Solution, User, CommunityProfile, Tag, Area, ImportedRow)
    }


def counted(report, kind) -> tuple[int, int, int]:
    count = report.counts[kind]
    return count.made, count.known, count.skipped


# StackExchange ------------------------------------------------------------------------------------------------------


def test_a_dump_becomes_threads_with_dates_numbers_votes_and_solutions(area):
    report = bring()

    question, closed = Thread.objects.order_by("pk")
    assert (question.title, question.language, question.view_count) == ("Router shows no light", "en", 321)
    assert f"{question.created_at:%Y-%m-%d %H:%M}" == "2020-01-05 10:00"
    assert f"{question.last_post_at:%Y-%m-%d}" == "2020-01-08"
    assert (question.status, question.reply_count, question.helpful_count) == ("solved", 4, 4)
    assert sorted(question.tags.values_list("name", flat=True)) == ["router", "x2"]
    assert (closed.language, closed.is_locked, closed.status) == ("fa", True, "open")
    rows = question.posts.order_by("number")
    # In the order in which they were written, comments among answers.
    assert [post.body.split()[0] for post in rows] == ["The", "Which", "Unplug", "@\u2060admin", "Mine"]
    assert [post.reply_to_id for post in rows] == [None, None, None, rows[2].pk, None]
    assert [post.helpful_count for post in rows] == [1, 0, 2, 1, 0]
    assert rows[0].edited_at is not None
    solution = Solution.objects.get()
    assert (solution.post, solution.is_for_another, solution.accepted_by) == (rows[2], True, question.author)
    assert f"{solution.accepted_at:%Y-%m-%d}" == "2020-01-06"
    assert question.solution == rows[2]
    assert rows[4].author is None
    assert counted(report, "threads") == (2, 0, 3)
    assert counted(report, "replies") == (4, 0, 1)
    assert counted(report, "votes") == (3, 0, 2)
    assert {problem.place for problem in report.problems} >= {"Posts.xml, Id 6", "Posts.xml, Id 7", "Posts.xml, Id 8"}
    assert list(find_drift()) == []


def test_texts_go_through_the_renderer(area):
    bring()

    first = Post.objects.get(thread__title="Router shows no light", number=1)
    assert first.body.startswith("The third light of my **X2** is off. Mail me at [e-mail], @\u2060Jeff.")
    assert "```\nping @host\n```" in first.body  # code stays as it is
    assert "<strong>X2</strong>" in first.html
    assert "alert" not in first.body + first.html
    assert "/u/" not in first.html


def test_a_name_over_there_is_nobody_here(area):
    UserFactory(handle="Jeff")
    bring()

    for post in Post.objects.all():
        render_again(post)
    assert not PostMention.objects.exists()
    assert not Post.objects.filter(html__contains="/u/").exists()


def test_search_finds_what_was_imported(area):
    bring()
    drain()

    found = IndexedEntry.objects.filter(kind="community.thread", title="Router shows no light").get()
    assert "Unplug it" in found.body
    assert ThreadToIndex.objects.filter(is_indexed=True).count() == 2
    assert imported.compare_imported() == 2
    assert not ThreadToIndex.objects.exists()


def test_nobody_is_told_and_no_mail_is_sent(area):
    bring()
    drain()

    assert not Notification.objects.exists()
    assert mail.outbox == []
    assert set(OutboxMessage.objects.values_list("event", flat=True)) == {"search.entries_changed"}


# People -------------------------------------------------------------------------------------------------------------


def test_authors_cannot_sign_in_and_have_no_address(area):
    bring()

    people = User.objects.exclude(pk=None)
    assert people.count() == 3  # who never wrote gets no account
    for person in people:
        assert person.email.endswith(f"@{DOMAIN}")
        assert not person.has_usable_password()
        assert not person.emailaddress_set.exists()
        assert not person.is_staff
    assert f"{User.objects.get(handle='Mina_Karimi').date_joined:%Y-%m-%d}" == "2019-03-01"
    assert not CommunityProfile.objects.filter(is_level_due=True).exists()


def test_an_address_entered_by_an_administrator_gives_the_account_to_its_owner(area, client, mailoutbox):
    bring()
    person = User.objects.get(handle="Mina_Karimi")
    person.email = "mina@example.com"
    person.save()
    person.confirm_address()  # as the form of the admin does

    client.post("/en/accounts/login/code/", {"email": "mina@example.com"})
    code = re.search(r"^\d{6}$", mailoutbox[-1].body, re.MULTILINE)[0]
    client.post("/en/accounts/login/code/confirm/", {"code": code})

    assert client.session["_auth_user_id"] == str(person.pk)


def test_names_suggest_no_staff_and_are_nobody_elses(area):
    former = UserFactory(handle="Mina-Karimi")
    former.handle = "another_name"
    former.save()
    UserFactory(staff=True, handle="مریم")

    bring()

    handles = set(User.objects.filter(email__endswith=DOMAIN).values_list("handle", flat=True))
    assert "admin" not in {handle.lower() for handle in handles}
    assert any(handle.startswith("Mina_Karimi_") for handle in handles)
    assert not any("مریم" in handle or "مريم" in handle for handle in handles)
    assert len([handle for handle in handles if handle.startswith("user-")]) == 2
    assert len(set(User.objects.values_list("handle_key", flat=True))) == User.objects.count()


def test_somebody_who_left_is_not_brought_back(area):
    bring()
    person = User.objects.get(handle="Mina_Karimi")
    erase_member(user=person)
    person.delete()

    report = bring()

    assert counted(report, "people") == (0, 0, 0)
    assert not User.objects.filter(handle="Mina_Karimi").exists()
    assert ImportedRow.objects.filter(kind=ImportedRow.Kind.PERSON, object_id=None).count() == 1
    assert not ImportedRow.objects.filter(external_id__icontains="mina").exists()


# Dry, twice, interrupted --------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_and_reports_what_would_be(area):
    before = everything()

    dry = bring(dry_run=True)

    assert everything() == before
    assert not ImportedRow.objects.exists()
    wet = bring()
    for kind in ("people", "threads", "replies", "solutions", "votes"):
        assert counted(dry, kind)[0] == counted(wet, kind)[0], kind
    assert dry.problems == wet.problems


def test_a_second_run_changes_nothing(area):
    bring()
    before = everything()

    again = bring()

    assert everything() == before
    assert [counted(again, kind)[0] for kind in again.counts] == [0] * 5
    assert counted(again, "replies")[1] == 4


def test_what_was_deleted_or_revoked_here_is_not_made_again(area):
    bring()
    Post.objects.filter(is_solution=True).update(state="hidden", is_solution=False)
    Solution.objects.update(revoked_because="hidden", revoked_at="2026-01-01T00:00Z")
    count = Post.objects.count()

    bring()

    assert (Post.objects.count(), Solution.objects.count()) == (count, 1)


@pytest.mark.parametrize("stage", ["threads", "replies", "solutions", "votes", "index"])
def test_a_run_that_was_killed_goes_on(area, monkeypatch, stage):
    monkeypatch.setattr(service, "BATCH", 1)
    whole = bring(source="whole")
    expected = sorted(Post.objects.values_list("thread__title", "number", "body", "helpful_count", "is_solution"))
    Thread.objects.update(solution=None)
    for model in (Thread, ImportedRow, CommunityProfile, Tag):
        model.objects.all().delete()
    Area.objects.update(thread_count=0)
    User.objects.all().delete()
    real, calls = (getattr(Writer, stage), []) if stage != "index" else (imported.reindex, [])

    def dying(*args):
        calls.append(None)
        real(*args)
        if len(calls) == 2 or stage == "index":
            raise KeyboardInterrupt

    owner, name = (imported, "reindex") if stage == "index" else (Writer, stage)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dying)
        with pytest.raises(KeyboardInterrupt):
            bring()
    bring()
    drain()

    found = sorted(Post.objects.values_list("thread__title", "number", "body", "helpful_count", "is_solution"))
    assert found == expected
    assert counted(whole, "replies") == (4, 0, 1)
    assert list(find_drift()) == []
    assert not ThreadToIndex.objects.filter(is_indexed=False).exists()
    assert IndexedEntry.objects.filter(kind="community.thread").count() == 2


def test_members_may_write_between_two_runs(area, tmp_path):
    partly = tmp_path / "dump"
    shutil.copytree(STACK, partly)
    (partly / "Comments.xml").unlink()
    bring(partly)
    thread = Thread.objects.get(title="Router shows no light")
    mine = PostFactory(thread=thread)

    bring(STACK)

    thread.refresh_from_db()
    assert (mine.number, thread.highest_number, thread.reply_count) == (4, 6, 5)
    assert list(find_drift()) == []


def test_pages_kept_for_visitors_show_what_a_second_run_adds(area, tmp_path):
    partly = tmp_path / "dump"
    shutil.copytree(STACK, partly)
    (partly / "Comments.xml").unlink()
    bring(partly)
    drain()
    thread = Thread.objects.get(title="Router shows no light")
    kept = {name: scopes.stamp(name) for name in (f"thread:{thread.pk}", f"community:area:{area.pk}", "site")}

    bring(STACK)

    assert {name: stamp.is_current() for name, stamp in kept.items()} == {
        f"thread:{thread.pk}": False,
        f"community:area:{area.pk}": False,
        "site": True,
    }


def test_memory_does_not_grow_with_the_dump(area, tmp_path):
    def peak(rows: int) -> int:
        (tmp_path / "Users.xml").write_text("<users/>")
        text = "&lt;p&gt;" + "word " * 400 + "&lt;/p&gt;"
        with (tmp_path / "Posts.xml").open("w", encoding="utf-8") as stream:
            stream.write("<posts>")
            for number in range(rows):
                stream.write(
                    f'<row Id="{number}" PostTypeId="1" CreationDate="2020-01-05T10:00:00" Title="Title {number}" '
                    f'Body="{text}" />\n'
                )
            stream.write("</posts>")
        tracemalloc.start()
        report = bring(tmp_path, dry_run=True)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert report.counts["threads"].made == rows
        return most

    small, large = peak(400), peak(1600)

    assert large < small * 1.3


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        '<!DOCTYPE posts [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE posts [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE posts SYSTEM "https://example.com/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(area, tmp_path, start):
    row = '<row Id="1" PostTypeId="1" Title="T" Body="text" CreationDate="2020-01-05T10:00:00" />'
    (tmp_path / "Posts.xml").write_text(f'<?xml version="1.0"?>{start}<posts>{row}</posts>')

    with pytest.raises(SourceError, match=r"Posts\.xml"):
        bring(tmp_path)

    assert not Thread.objects.exists()


def test_of_a_damaged_file_what_was_before_is_kept(area, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "BATCH", 1)
    row = '<row Id="{0}" PostTypeId="1" Title="T{0}" Body="text" CreationDate="2020-01-05T10:00:00" />'
    (tmp_path / "Posts.xml").write_text(f"<posts>{row.format(1)}\n{row.format(2)}\n<row Id=")

    with pytest.raises(SourceError, match=r"3"):
        bring(tmp_path)

    assert Thread.objects.exists()


def test_there_must_be_an_area(area):
    with pytest.raises(SourceError, match="internet"):
        bring(area="nowhere")


def test_an_area_for_some_gives_its_audience(area):
    AreaFactory(slug="partners", audience="partner")

    bring(area="partners")

    assert set(Thread.objects.values_list("audience", flat=True)) == {"partner"}
    assert not Thread.objects.visible_to(None).exists()


# Discourse ----------------------------------------------------------------------------------------------------------


def test_a_category_export_of_discourse(area):
    report = bring(EXPORT, "discourse", area="")

    thread = Thread.objects.get()
    assert (thread.title, thread.area, thread.view_count, thread.status) == ("Slow in the evening", area, 12, "solved")
    first, answer, thanks = thread.posts.order_by("number")
    assert first.body == "It is slow after **eight**.\n\ngraph"
    assert (answer.author.handle, answer.helpful_count, answer.is_solution) == ("Ali", 3, True)
    assert thanks.body == "> Try channel 11\n\n\nThat helped, @\u2060Ali!"
    assert thanks.reply_to == answer
    assert list(thread.tags.values_list("name", flat=True)) == ["speed"]
    assert not User.objects.filter(email__contains="example.com").exists()
    assert counted(report, "threads") == (1, 0, 2)
    assert not Post.objects.filter(body__in=["secret", "private", "Buy pills"]).exists()
    assert list(find_drift()) == []


def test_topics_of_the_api_of_discourse(area, tmp_path):
    post = {"user_id": 5, "username": "mina", "created_at": "2021-05-01T18:00:00.000Z", "post_type": 1}
    topic = {
        "id": 9,
        "title": "From the API",
        "category_id": 5,
        "post_stream": {
            "posts": [
                {**post, "id": 91, "post_number": 1, "cooked": "<p>How <em>fast</em>?</p>"},
                {**post, "id": 92, "post_number": 2, "cooked": "<p>Very</p>", "post_type": 3},
            ]
        },
    }
    (tmp_path / "9.json").write_text(json.dumps(topic), encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    categories = {"category_list": {"categories": [{"id": 5, "slug": "theirs"}]}}
    (tmp_path / "categories.json").write_text(json.dumps(categories), encoding="utf-8")

    report = bring(tmp_path, "discourse", area="", area_of={"theirs": "internet"})

    assert Post.objects.get().body == "How *fast*?"
    assert Thread.objects.get().area == area
    assert [problem.place for problem in report.problems] == ["broken.json"]


def test_a_large_export_is_read_piece_by_piece(area, tmp_path, monkeypatch):
    from community.importing import json_stream

    monkeypatch.setattr(json_stream, "_PORTION", 7)
    export = json.loads(EXPORT.read_text(encoding="utf-8"))
    (tmp_path / "x.json").write_text(json.dumps({"before": [[1, {"topics": []}], "]"], **export}), encoding="utf-8")

    bring(tmp_path / "x.json", "discourse", area="")

    assert Thread.objects.get().title == "Slow in the evening"
    (tmp_path / "x.json").write_text('{"topics": [{"id": 1', encoding="utf-8")
    with pytest.raises(SourceError):
        bring(tmp_path / "x.json", "discourse")


# Tables -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1256"])
def test_a_persian_table_in_any_encoding(area, tmp_path, encoding):
    file = tmp_path / "table.csv"
    text = TABLE.read_text(encoding="utf-8")
    if encoding == "cp1256":  # it has no Persian digits, no ی and no hamza above
        text = text.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹ی", "0123456789ي", "\u0654"))
    file.write_bytes(text.encode(encoding))

    report = bring(file, "csv", area="")

    thread = Thread.objects.get()
    assert (thread.title, thread.area, thread.is_solved) == ("قبض این ماه", area, True)
    assert f"{thread.created_at:%Y-%m-%d %H:%M}" == "2021-04-23 10:30"
    assert sorted(thread.tags.values_list("name", flat=True)) == ["قبض", "پرداخت"]
    assert [post.author.handle for post in thread.posts.order_by("number")] == ["رضا", "نسرین"]
    assert counted(report, "threads") == (1, 0, 1)
    assert counted(report, "replies") == (1, 0, 1)


def test_a_table_with_english_columns_and_no_ids(area, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("Title;Text;Author;Created\nOne;'=1+1 is two;Reza;2020-02-03\n;two words;;2020-02-04\n", "utf-8")

    bring(file, "csv")
    bring(file, "csv")

    assert sorted(Thread.objects.values_list("title", flat=True)) == ["One", "two words"]
    assert Post.objects.get(thread__title="One").body == "=1+1 is two"


def test_a_table_without_a_needed_column_is_refused(area, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("Title,Author\nOne,Reza\n", "utf-8")

    with pytest.raises(SourceError, match="body"):
        bring(file, "csv")


# The command --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("en", "threads: 2 new"), ("fa", "گفت‌وگوها: 2 تازه")])
def test_the_command_reports_in_both_languages(area, capsys, tmp_path, language, words):
    path = tmp_path / "report.json"

    call_command("import_community", "stackexchange", str(STACK), area="internet", language=language, report=path)

    assert words in capsys.readouterr().out
    assert json.loads(path.read_text(encoding="utf-8"))["counts"]["threads"]["made"] == 2


def test_the_command_says_what_is_wrong(area):
    with pytest.raises(CommandError, match=r"Posts\.xml"):
        call_command("import_community", "stackexchange", str(DUMPS), area="internet", language="en")
    with pytest.raises(CommandError, match="THEIRS=SLUG"):
        call_command("import_community", "csv", str(TABLE), area_of=["x"], language="en")


def test_an_import_leaves_other_threads_alone(area):
    thread = ThreadFactory(area=area)
    before = Thread.objects.filter(pk=thread.pk).values().get()

    bring()

    assert Thread.objects.filter(pk=thread.pk).values().get() == before
