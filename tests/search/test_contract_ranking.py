"""What every index finds, and in which order."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from search.index.plan import TITLE, WANTED, Filters, Plan, QueryTerm, Sort
from tests.factories.search import entry
from tests.search.asking import PUBLIC, ids, plan_for

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]
NOW = timezone.now()

# Fields and rarity ----------------------------------------------------------------------------------------------------


def test_the_title_counts_more_than_the_short_answer_and_that_more_than_the_text(backend):
    filler = "سیم کارت و بسته های اینترنت برای خانه"
    backend.put(
        [
            entry(object_id=1, title=filler, short_answer=filler, body=f"{filler} مودم"),
            entry(object_id=2, title=filler, short_answer=f"{filler} مودم", body=filler),
            entry(object_id=3, title=f"{filler} مودم", short_answer=filler, body=filler),
        ]
    )

    assert ids(backend, "مودم") == [3, 2, 1]


def test_a_rare_word_counts_more_than_a_frequent_one(backend):
    backend.put([entry(object_id=number, title="مودم آبی") for number in range(1, 6)])
    backend.put([entry(object_id=9, title="فیبر آبی")])

    plan = plan_for(backend, "مودم فیبر")
    hits = backend.search(plan).hits

    assert hits[0].object_id == 9
    assert len(hits) == 6


def test_equal_entries_come_popular_first_then_by_number(backend):
    backend.put([entry(object_id=3, title="مودم"), entry(object_id=1, title="مودم")])
    backend.put([entry(object_id=2, title="مودم", popularity=1)])

    assert ids(backend, "مودم") == [2, 1, 3]


# Words ----------------------------------------------------------------------------------------------------------------


def test_an_entry_with_a_telling_part_of_the_question_follows_those_with_all_of_it(backend):
    whole = [entry(object_id=number, title="چراغ قرمز مودم") for number in range(1, 7)]
    backend.put([*whole, entry(object_id=8, title="چراغ قرمز"), entry(object_id=9, title="قرمز")])

    hits = backend.search(plan_for(backend, "چراغ قرمز مودم")).hits

    assert [(hit.object_id, hit.matched) for hit in hits[:7]] == [*((n, 3) for n in range(1, 7)), (8, 2)]


def test_an_entry_with_only_a_usual_word_of_the_question_does_not_match(backend):
    whole = [entry(object_id=number, title="چراغ قرمز مودم") for number in range(1, WANTED + 1)]
    usual = [entry(object_id=number, title="مودم") for number in range(10, 90)]
    backend.put([*whole, *usual, entry(object_id=9, title="چراغ")])

    found = backend.search(plan_for(backend, "چراغ قرمز مودم"))

    assert [hit.object_id for hit in found.hits] == [*range(1, WANTED + 1), 9]
    assert found.total == WANTED + 1


def test_where_few_have_enough_of_the_question_those_with_half_as_many_words_follow(backend):
    few = [entry(object_id=number, title="چراغ قرمز مودم میز") for number in range(1, WANTED)]
    usual = [entry(object_id=number, title="مودم میز") for number in range(10, 90)]
    backend.put([*few, entry(object_id=9, title="مودم"), *usual])

    found = backend.search(plan_for(backend, "چراغ قرمز مودم میز"))
    typed = backend.search(plan_for(backend, "چراغ قرمز مودم میز", is_unfinished=True))

    assert [hit.object_id for hit in found.hits[:WANTED]] == [*range(1, WANTED), 10]
    assert found.total == WANTED - 1 + len(usual)
    assert [hit.object_id for hit in typed.hits] == [*range(1, WANTED)]


def test_a_little_of_a_long_question_is_not_enough(backend):
    words = "چراغ قرمز مودم نورا کابل سیاه میز اتاق"
    whole = [entry(object_id=number, title=words) for number in range(1, WANTED + 1)]
    others = [entry(object_id=number, title=word) for number, word in enumerate(words.split(), 10)]
    backend.put([*whole, entry(object_id=9, title="چراغ قرمز مودم"), *others])

    assert ids(backend, words) == [*range(1, WANTED + 1), 9]


def test_where_nothing_holds_enough_words_the_nearest_come(backend):
    backend.put([entry(object_id=1, title="چراغ مودم"), entry(object_id=2, title="قرمز")])

    found = backend.search(plan_for(backend, "چراغ قرمز مودم"))

    assert [(hit.object_id, hit.matched) for hit in found.hits] == [(1, 2), (2, 1)]


def test_how_many_words_are_enough_is_decided_in_each_language(backend):
    backend.put([entry(object_id=1, title="چراغ X2"), entry(object_id=2, language="en", title="red light X2")])

    assert ids(backend, "red light x2", filters=Filters(language=("fa",))) == [1]
    assert ids(backend, "red light x2", filters=Filters(language=("en",))) == [2]


def test_a_compound_answers_for_both_its_words(backend):
    backend.put([entry(object_id=1, title="پیادهسازی مودم")])

    (hit,) = backend.search(plan_for(backend, "پیاده سازی مودم")).hits

    assert hit.matched == 3


def test_keywords_are_found_and_not_shown(backend):
    backend.put([entry(object_id=1, title="مودم", keywords="قطعی، نبود اینترنت")])

    plan = plan_for(backend, "قطعی")
    (hit,) = backend.search(plan).hits
    (fetched,) = backend.fetch([(hit.kind, hit.object_id, hit.language)], plan)

    assert hit.places == fetched.places == {}
    assert hit.words == fetched.words == {0}


# Evidence and other orders --------------------------------------------------------------------------------------------


def test_the_newest_come_first_where_that_is_asked_for(backend):
    days = {1: dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 2: dt.datetime(2026, 3, 1, tzinfo=dt.UTC), 3: None}
    backend.put([entry(object_id=n, title="مودم " * (4 - n), updated=day) for n, day in days.items()])

    assert ids(backend, "مودم", sort=Sort.NEWEST) == [2, 1, 3]


@pytest.mark.parametrize(
    "good",
    [
        {"popularity": 90},
        {"evidence": {"solved": 60}},
        {"evidence": {"official": 40}},
        {"evidence": {"clicked": 40}},
        {"updated": NOW},
    ],
)
def test_of_entries_that_answer_alike_the_one_with_evidence_comes_first(backend, good):
    backend.put([entry(object_id=1, title="مودم خاموش"), entry(object_id=2, title="مودم خاموش", **good)])

    assert ids(backend, "مودم خاموش") == [2, 1]


def test_evidence_does_not_stand_in_for_the_answer(backend):
    best = {"popularity": 100, "evidence": {"solved": 60, "official": 9_999}, "updated": NOW, "products": ["x1"]}
    backend.put(
        [
            entry(object_id=1, title="رمز وای‌فای", body="تغییر رمز"),
            entry(object_id=2, title="مودم", body="رمز " + "سیم کارت " * 40, **best),
        ]
    )

    assert ids(backend, "رمز", prefers=Filters(product=["x1"])) == [1, 2]


def test_what_the_reader_owns_comes_first(backend):
    backend.put([entry(object_id=1, title="مودم", products=["x1"]), entry(object_id=2, title="مودم", products=["x2"])])

    assert ids(backend, "مودم", prefers=Filters(product=["x2"])) == [2, 1]
    assert ids(backend, "مودم", prefers=Filters(product=["x1"])) == [1, 2]


# Terms with less weight, or that require others -----------------------------------------------------------------------


def _terms(*terms: QueryTerm) -> Plan:
    return Plan(terms=terms, size=4, audiences=PUBLIC)


def test_a_term_of_less_weight_counts_less(backend):
    backend.put([entry(object_id=1, title="گوشی خاموش"), entry(object_id=2, title="موبایل خاموش")])
    plan = _terms(
        QueryTerm(text="گوشی", words=(0,), frequency=1),
        QueryTerm(text="موبایل", words=(0,), frequency=1, weight=700),
        QueryTerm(text="خاموش", words=(1,), frequency=2),
    )

    hits = backend.search(plan).hits

    assert [(hit.object_id, hit.matched) for hit in hits] == [(1, 2), (2, 2)]
    assert hits[0].score > hits[1].score


def test_an_entry_full_of_synonyms_is_no_better_than_one_with_the_word(backend):
    backend.put(
        [
            entry(object_id=1, title="گوشی نو"),
            entry(object_id=2, title="موبایل نو"),
            entry(object_id=3, title="تلفن نو"),
        ]
    )
    backend.put([entry(object_id=4, title="گوشی نو", keywords="موبایل تلفن")])
    synonyms = [QueryTerm(text=text, words=(0,), frequency=2, weight=700) for text in ("موبایل", "تلفن")]

    hits = backend.search(_terms(QueryTerm(text="گوشی", words=(0,), frequency=2), *synonyms)).hits

    scores = {hit.object_id: hit.score for hit in hits}
    assert scores[1] == scores[4] > scores[2] == scores[3] > 0
    assert {hit.matched for hit in hits} == {1}


def test_a_term_that_needs_others_beside_it_counts_only_with_all_of_them(backend):
    backend.put(
        [
            entry(object_id=1, title="بستهٔ دیتا"),
            entry(object_id=2, title="بستهٔ اینترنت برای همراه"),
            entry(object_id=3, title="اینترنت خانه"),
            entry(object_id=4, title="همراه شما هستیم"),
        ]
    )
    plan = _terms(
        QueryTerm(text="دیتا", words=(0,), frequency=1),
        QueryTerm(text="همراه", words=(0,), frequency=2, weight=700, beside=("اینترنت",)),
    )

    hits = backend.search(plan).hits

    assert [hit.object_id for hit in hits] == [1, 2]
    assert [hits[1].title[start:end] for start, end in hits[1].places[TITLE]] == ["اینترنت", "همراه"]
    assert backend.facets(plan)["kind"] == {"test.note": 2}


def test_company_that_no_entry_holds_leaves_a_term_out(backend):
    backend.put([entry(object_id=1, title="همراه شما")])

    found = backend.search(_terms(QueryTerm(text="همراه", words=(0,), frequency=1, beside=("اینترنت",))))

    assert (found.hits, found.total) == ([], 0)


def test_the_company_of_a_term_is_not_marked_where_the_term_does_not_count(backend):
    backend.put([entry(object_id=1, title="دیتا در اینترنت خانه")])
    plan = _terms(
        QueryTerm(text="دیتا", words=(0,), frequency=1),
        QueryTerm(text="همراه", words=(0,), frequency=1, beside=("اینترنت",)),
    )

    (hit,) = backend.search(plan).hits

    assert [hit.title[start:end] for start, end in hit.places[TITLE]] == ["دیتا"]
