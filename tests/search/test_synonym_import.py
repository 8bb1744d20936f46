"""Import of synonyms from a spreadsheet: checked first, then saved all or nothing."""

from __future__ import annotations

import re
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils.translation import override
from wagtail.models import ModelLogEntry

from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from search.editors.synonym_import import MAX_BYTES, MAX_ROWS, Outcome, UnreadableError, decode, read_rows, save_rows
from search.models import Synonym
from tests.factories.accounts import UserFactory
from tests.factories.search import synonym
from tests.search.test_synonym_admin import LIST, member_of

pytestmark = pytest.mark.django_db
IMPORT = "wagtailsnippets_search_synonym:import"
Z = "\u200c"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def kept() -> list[tuple[str, str, str, str, bool]]:
    return list(Synonym.objects.order_by("pk").values_list("language", "direction", "words", "also_finds", "is_active"))


def read(text: str, language: str = "fa"):
    with override("en"):
        return read_rows(text, language=language)


def upload(client, content: str | bytes, **data):
    raw = content if isinstance(content, bytes) else content.encode()
    return client.post(reverse(IMPORT), {"file": SimpleUploadedFile("synonyms.csv", raw), **data})


def words_of(response) -> str:
    main = re.search(r"<main.*?</main>", response.text, re.DOTALL)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


# Reading ------------------------------------------------------------------------------------------------------------


def test_only_the_words_are_required():
    (row,) = read("words\nرمز، گذرواژه\n")

    assert row.outcome == Outcome.NEW
    assert (row.synonym.language, row.synonym.direction, row.synonym.is_active) == ("fa", "two-way", True)


def test_words_that_are_found_beside_make_it_one_way():
    (row,) = read("words,also_finds\nدیتا,اینترنت همراه\n")

    assert row.synonym.direction == "one-way"


@pytest.mark.parametrize(
    "text",
    [
        "language,direction,words,also_finds,is_active,note\nen,one-way,wifi,wireless,false,why\n",
        "Language;Direction;Words;Also finds;In use;Note\nEnglish;One way: the first list also finds the second;wifi;wireless;no;why\n",
        "زبان;جهت;واژه‌ها;این‌ها را هم پیدا کند;در کار;یادداشت\nانگلیسی;one-way;wifi;wireless;خیر;why\n",
        "words\talso_finds\tis_active\tlanguage\tnote\nwifi\twireless\t0\tEN\twhy\n",
        "note,is_active,also finds,WORDS,language,another column\nwhy,FALSE,wireless,wifi,English,x\n",
    ],
)
def test_columns_are_named_in_either_language_and_separated_as_spreadsheets_do(text):
    (row,) = read(text)

    synonym_ = row.synonym
    assert row.problems == []
    assert (synonym_.language, synonym_.direction, synonym_.words) == ("en", "one-way", "wifi")
    assert (synonym_.also_finds, synonym_.is_active, synonym_.note) == ("wireless", False, "why")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_are_read_as_spreadsheets_write_them(encoding):
    text = decode("words\r\nرمز، گذرواژه\r\n".encode(encoding))

    assert [row.synonym.words for row in read(text)] == ["رمز، گذرواژه"]


def test_arabic_letters_become_persian_and_lists_may_have_lines():
    (row,) = read('words\n"گوشي\nموبايل"\n')

    assert [phrase.text for phrase in row.synonym.searched] == ["گوشی", "موبایل"]


def test_lines_are_counted_as_a_person_counts_them():
    rows = read('words\n"رمز\nگذرواژه"\n\nرسید، فاکتور\n')

    assert [row.line for row in rows] == [2, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The first line must name the columns"),
        ("رمز، گذرواژه\n", "The first line must name the columns"),
        ("words\n\n\n", "There is no row"),
        ('words\n"رمز\n', "cannot be read"),
        ("words\n" + "رمز، گذرواژه\n" * (MAX_ROWS + 1), "more than 500 rows"),
    ],
)
def test_what_cannot_be_read_at_all_is_said(text, message):
    with pytest.raises(UnreadableError, match=message):
        read(text)


def test_letters_that_cannot_be_read_are_said():
    with pytest.raises(UnreadableError, match="UTF-8"):
        decode("رمز".encode("cp1256"))


def test_a_workbook_that_is_none_is_said():
    with override("en"), pytest.raises(UnreadableError, match="Save it as CSV"):
        decode(b"PK\x03\x04 and nothing else")


def test_a_cell_without_end_is_refused():
    with pytest.raises(UnreadableError, match="cannot be read"):
        read("words,note\n" + "x" * 200_000)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("fa,two-way,رمز,", "words: Write at least 2 different words."),
        ("fa,two-way,رمز، گذرواژه,کلید", "also finds: Both ways, all words belong in the first list"),
        ("de,two-way,رمز، گذرواژه,", "language: “de” is none of these: fa, en."),
        ("fa,sideways,رمز، گذرواژه,", "direction: “sideways” is none of these"),
        ("fa,one-way,رمز,رمز", "also finds: “رمز” is there twice."),
        ("fa,two-way,,", "words: "),
        ("fa,two-way,از، به,", "words: “از” is in nearly every text"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(row, problem):
    (read_row,) = read(f"language,direction,words,also_finds\n{row}\n")

    assert read_row.outcome == Outcome.WRONG
    assert [found for found in read_row.problems if found.startswith(problem)]


def test_all_cells_that_cannot_be_are_named():
    (row,) = read("language,direction,words,is_active\nde,sideways,رمز، گذرواژه,perhaps\n")

    assert [problem.partition(":")[0] for problem in row.problems] == ["language", "direction", "in use"]


# Existing synonyms --------------------------------------------------------------------------------------------------


def test_what_is_there_already_is_left_as_it_is():
    synonym("رمز", "گذرواژه", note="ours", is_active=False)

    rows = read("words,note\nگذرواژه، رمز,theirs\nرسید، فاکتور,\nفاكتور، رسيد,\n")

    assert [row.outcome for row in rows] == [Outcome.KNOWN, Outcome.NEW, Outcome.KNOWN]


def test_a_row_that_says_nothing_new_is_told_so():
    synonym("رمز", "گذرواژه", "پسورد")

    rows = read("words\nرمز، پسورد\nرسید، فاکتور، صورتحساب\nفاکتور، رسید\n")

    assert [row.outcome for row in rows] == [Outcome.WRONG, Outcome.NEW, Outcome.WRONG]
    assert "says this already" in rows[0].problems[0]


def test_the_same_words_in_another_language_are_another_synonym():
    synonym("modem", "router", language="en")

    (row,) = read('language,words\nfa,"modem, router"\n')

    assert row.outcome == Outcome.NEW


@pytest.mark.parametrize("count", [1, 3])
def test_reading_costs_one_query_whatever_its_length(count, django_assert_num_queries):
    text = "words\n" + "".join(f"رمز{number}، پسورد{number}\n" for number in range(count))

    with django_assert_num_queries(1):
        assert len(read(text)) == count


def test_nothing_is_saved_where_a_row_is_wrong():
    rows = read("words\nرسید، فاکتور\nرمز\n")

    assert save_rows(rows, user=UserFactory()) == 0
    assert kept() == []


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_who_save_the_same_file_at_once_save_it_once():
    rows = [read("words\nرمز، گذرواژه\nرسید، فاکتور\n") for _ in range(4)]
    user, barrier, counts = UserFactory(), threading.Barrier(4), []

    def save(own):
        barrier.wait()
        counts.append(save_rows(own, user=user))
        connection.close()

    workers = [threading.Thread(target=save, args=[own]) for own in rows]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(counts) == [0, 0, 0, 2]
    assert len(kept()) == 2


# The screen ---------------------------------------------------------------------------------------------------------


def test_a_file_is_looked_through_before_anything_is_saved(client, editor):
    response = upload(client, "words\nرمز، گذرواژه\nرسید، فاکتور\n")

    assert "۲ مترادف تازه است" in words_of(response)
    assert "واردکردن ۲ مترادف" in words_of(response)
    assert "رمز، گذرواژه\nرسید، فاکتور" in response.text  # in the form, to be saved or corrected
    assert kept() == []


def test_what_was_looked_through_is_saved_at_once_and_once(client, editor):
    text = "language,words,also_finds\nfa,رمز، گذرواژه,\nen,wifi,wireless\n"

    for _ in range(2):
        response = client.post(reverse(IMPORT), {"rows": text, "save": "1"})

    assert response.status_code == 302
    assert kept() == [
        ("fa", "two-way", "رمز، گذرواژه", "", True),
        ("en", "one-way", "wifi", "wireless", True),
    ]
    assert {entry.user for entry in ModelLogEntry.objects.filter(action="wagtail.create")} == {editor}
    assert Synonym.objects.filter(changed_by=editor).count() == 2


def test_wrong_rows_are_named_in_persian_and_nothing_is_lost(client, editor):
    text = "words\nرمز، گذرواژه\nرسید\n"

    looked, saved = upload(client, text), client.post(reverse(IMPORT), {"rows": text, "save": "1"})

    for response in (looked, saved):
        assert "۱ ردیف را نمی‌شود وارد کرد" in words_of(response)
        assert "واژه‌ها: دست‌کم ۲ واژهٔ گوناگون بنویسید." in words_of(response)
        assert 'name="save"' not in response.text
        assert "رمز، گذرواژه\nرسید" in response.text
    assert kept() == []


def test_a_file_that_changed_meanwhile_is_looked_through_again(client, editor):
    upload(client, "words\nرمز، گذرواژه\n")
    synonym("رمز", "گذرواژه", "پسورد")

    response = client.post(reverse(IMPORT), {"rows": "words\nرمز، گذرواژه\n", "save": "1"})

    assert response.status_code == 200
    assert Synonym.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "فایل"),
        ("رمز".encode("cp1256"), "UTF-8"),
        (b"words\n" + b"x" * MAX_BYTES, "بزرگ‌تر"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_persian(client, editor, content, message):
    response = upload(client, content)

    assert response.status_code == 200
    assert re.search(message, words_of(response))
    assert kept() == []


def test_a_cell_cannot_smuggle_html(client, editor):
    page = upload(client, 'words,note\n<script>alert(1)</script>,\n"رمز، <img src=x>",</textarea><b>\n').text

    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "</textarea><b>" not in page


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_export_of_the_list_is_imported_again(client, editor, kind):
    synonym("رمز", also_finds="پسورد", note="=از تیم پشتیبانی")
    synonym("wifi", "wireless", language="en", is_active=False)
    before = kept()
    exported = b"".join(client.get(reverse(LIST), {"export": kind}))

    again = upload(client, exported)
    assert "همهٔ این‌ها از پیش هست" in words_of(again)
    Synonym.objects.all().delete()
    upload(client, exported, save="1")

    assert sorted(kept()) == sorted(before)


def test_the_list_leads_to_the_import(client, editor):
    assert reverse(IMPORT) in client.get(reverse(LIST)).text


# Who may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "customer", "community manager", "reader of the list"])
def test_nobody_else_imports(client, who):
    if who == "customer":
        client.force_login(UserFactory())
    elif who != "nobody":
        user = member_of(COMMUNITY_MANAGERS if who == "community manager" else CONTENT_EDITORS)
        if who == "reader of the list":
            user.groups.get().permissions.remove(*user.groups.get().permissions.filter(codename="add_synonym"))
        client.force_login(user)

    answers = [client.get(reverse(IMPORT)), upload(client, "words\nرمز، گذرواژه\n", save="1")]

    assert all(answer.status_code in {302, 403} for answer in answers)
    assert all("import-file" not in answer.text for answer in answers)
    assert kept() == []
    if who == "reader of the list":
        assert reverse(IMPORT) not in client.get(reverse(LIST)).text
