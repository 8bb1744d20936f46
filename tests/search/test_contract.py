"""What every backend promises. A new backend joins `BACKENDS` and passes as it is.

The real Elasticsearch is asked where TEST_ELASTICSEARCH_URL names one (`tests.search.cluster`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from portal.core.text import fold
from search.backends import BODY, TITLE, Filters, Plan, QueryTerm, Sort
from search.backends.embedded import EmbeddedBackend
from search.finglish import skeleton
from tests.factories.search import entry
from tests.search.asking import PUBLIC, corrected, ids, plan_for

BACKENDS = [
    EmbeddedBackend,
    pytest.param("cluster", marks=[pytest.mark.elasticsearch, pytest.mark.xdist_group("elasticsearch")]),
]

pytestmark = pytest.mark.django_db
Z = "\u200c"
NOW = timezone.now()


@pytest.fixture(params=BACKENDS, ids=lambda backend: getattr(backend, "__name__", backend))
def backend(request):
    """An empty index; one that is a fixture lives on a server."""
    return request.getfixturevalue(request.param) if isinstance(request.param, str) else request.param()


# Putting and removing -----------------------------------------------------------------------------------------------


def test_an_entry_is_found_as_it_was_put(backend):
    updated = dt.datetime(2026, 11, 20, 8, 30, tzinfo=dt.UTC)
    put = entry(
        object_id=7,
        title="چراغ قرمز",
        short_answer="مودم را خاموش کنید",
        body="سی ثانیه صبر کنید.",
        url="/fa/a/7/",
        products=["x2", "x1"],
        topics=["internet"],
        tags=["قطعی"],
        state=["official"],
        popularity=5,
        family="f1",
        updated=updated,
    )

    backend.put([put])

    (hit,) = backend.search(plan_for(backend, "چراغ")).hits
    assert (hit.kind, hit.object_id, hit.family, hit.language) == ("test.note", 7, "f1", "fa")
    assert (hit.title, hit.short_answer, hit.body) == (put.title, put.short_answer, put.body)
    assert (hit.url, hit.popularity, hit.updated) == ("/fa/a/7/", 5, updated)
    assert hit.facets == {
        "product": ("x1", "x2"),
        "topic": ("internet",),
        "tag": ("قطعی",),
        "state": ("official",),
    }


def test_putting_again_replaces(backend):
    backend.put([entry(object_id=1, title="مودم قدیمی", topics=["old"])])

    backend.put([entry(object_id=1, title="مودم جدید", topics=["new"])])

    assert ids(backend, "قدیمی") == []
    assert ids(backend, "جدید") == [1]
    assert ids(backend, "مودم", filters=Filters(topics=("old",))) == []
    assert backend.count() == 1


def test_putting_twice_changes_nothing(backend):
    for _ in range(2):
        backend.put([entry(object_id=1, title="مودم")])

    assert backend.count() == 1
    assert backend.vocabulary(["مودم"], audiences=PUBLIC).frequencies == {"مودم": 1}


def test_an_object_keeps_only_the_languages_it_was_put_in(backend):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=1, language="en", title="Router")])

    backend.put([entry(object_id=1, title="مودم")])

    assert [language for _id, language, _digest in backend.digests("test.note")] == ["fa"]
    assert ids(backend, "router") == []


def test_what_is_removed_is_gone_in_every_language(backend):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=1, language="en", title="Router")])
    backend.put([entry(object_id=2, title="مودم دیگر")])

    backend.remove(kind="test.note", object_ids=[1, 99])

    assert ids(backend, "مودم") == [2]
    assert ids(backend, "router") == []
    assert backend.vocabulary(["router"], audiences=PUBLIC).frequencies == {}
    assert backend.count() == 1


def test_kinds_do_not_disturb_each_other(backend):
    backend.put(
        [entry(kind="test.note", object_id=1, title="مودم"), entry(kind="test.file", object_id=1, title="مودم")]
    )

    backend.remove(kind="test.note", object_ids=[1])

    assert [hit.kind for hit in backend.search(plan_for(backend, "مودم")).hits] == ["test.file"]
    assert backend.kinds() == {"test.file"}


def test_digests_tell_changed_entries_apart(backend):
    one = entry(object_id=1, title="مودم")
    backend.put([one])

    assert list(backend.digests("test.note")) == [(1, "fa", one.digest)]
    assert entry(object_id=1, title="مودم", url=one.url).digest == one.digest
    assert entry(object_id=1, title="مودم.", url=one.url).digest != one.digest


def test_strange_text_is_stored(backend):
    backend.put([entry(object_id=1, title="مو\x00دم \ud800 🙂", body="\x01" * 10 + "x" * 300_000, tags=["a\nb", " "])])

    (hit,) = backend.search(plan_for(backend, "مودم")).hits
    assert hit.title == "مودم  🙂"
    assert hit.facets["tag"] == ("a b",)


# Ranking ------------------------------------------------------------------------------------------------------------


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


# Words --------------------------------------------------------------------------------------------------------------


def test_up_to_three_words_must_all_be_there(backend):
    backend.put([entry(object_id=1, title="چراغ قرمز مودم"), entry(object_id=2, title="چراغ قرمز")])

    assert ids(backend, "چراغ قرمز مودم") == [1]


def test_most_of_many_words_are_enough(backend):
    backend.put(
        [
            entry(object_id=1, title="چراغ قرمز مودم نورا"),
            entry(object_id=2, title="چراغ قرمز مودم"),
            entry(object_id=3, title="چراغ نورا"),
        ]
    )

    assert ids(backend, "چراغ قرمز مودم نورا") == [1, 2]


def test_where_nothing_holds_enough_words_the_nearest_come(backend):
    backend.put([entry(object_id=1, title="چراغ مودم"), entry(object_id=2, title="قرمز")])

    found = backend.search(plan_for(backend, "چراغ قرمز مودم"))

    assert [(hit.object_id, hit.matched) for hit in found.hits] == [(1, 2), (2, 1)]


def test_how_many_words_are_enough_is_decided_in_each_language(backend):
    backend.put([entry(object_id=1, title="چراغ X2"), entry(object_id=2, language="en", title="red light X2")])

    assert ids(backend, "red light x2", filters=Filters(languages=("fa",))) == [1]
    assert ids(backend, "red light x2", filters=Filters(languages=("en",))) == [2]


def test_a_compound_answers_for_both_its_words(backend):
    backend.put([entry(object_id=1, title="پیادهسازی مودم")])

    (hit,) = backend.search(plan_for(backend, "پیاده سازی مودم")).hits

    assert hit.matched == 3


def test_keywords_are_found_and_not_shown(backend):
    backend.put([entry(object_id=1, title="مودم", keywords="قطعی، نبود اینترنت")])

    (hit,) = backend.search(plan_for(backend, "قطعی")).hits

    assert hit.places == {}


# Places -------------------------------------------------------------------------------------------------------------


def test_places_point_into_the_original_text(backend):
    backend.put([entry(object_id=1, title=f"كتاب{Z}هاي مُشتَري", body="آن كتاب، این کتاب")])

    (hit,) = backend.search(plan_for(backend, "کتاب")).hits

    assert [hit.title[start:end] for start, end in hit.places[TITLE]] == [f"كتاب{Z}هاي"]
    assert [hit.body[start:end] for start, end in hit.places[BODY]] == ["كتاب", "کتاب"]


def test_places_are_left_out_on_request(backend):
    backend.put([entry(object_id=1, title="مودم")])

    (hit,) = backend.search(plan_for(backend, "مودم"), with_places=False).hits

    assert hit.places == {}


# Pages, filters, facets ---------------------------------------------------------------------------------------------


def test_pages_follow_each_other_and_the_total_is_known(backend):
    backend.put([entry(object_id=number, title="مودم") for number in range(1, 8)])

    found = backend.search(plan_for(backend, "مودم", offset=4, limit=2))

    assert [hit.object_id for hit in found.hits] == [5, 6]
    assert found.total == 7


def test_without_words_everything_is_listed_popular_first(backend):
    backend.put([entry(object_id=1), entry(object_id=2, popularity=3), entry(object_id=3, audience="staff")])

    assert ids(backend, "") == [2, 1]


@pytest.fixture
def shelf(backend):
    backend.put(
        [
            entry(object_id=1, title="مودم", products=["x1"], topics=["net"]),
            entry(object_id=2, title="مودم", products=["x1", "x2"], topics=["tv"]),
            entry(object_id=3, title="مودم", products=["x2"], topics=["tv"], kind="test.file"),
            entry(object_id=4, title="مودم", language="en", products=["x2"]),
            entry(object_id=5, title="گوشی", products=["x1"], topics=["net"]),
        ]
    )
    return backend


def test_several_values_of_a_facet_mean_or_and_several_facets_mean_and(shelf):
    assert ids(shelf, "مودم", filters=Filters(products=("x1",))) == [1, 2]
    assert ids(shelf, "مودم", filters=Filters(products=("x1", "x2"))) == [1, 2, 3, 4]
    assert ids(shelf, "مودم", filters=Filters(products=("x2",), topics=("tv",))) == [2, 3]
    assert ids(shelf, "مودم", filters=Filters(kinds=("test.file",))) == [3]
    assert ids(shelf, "مودم", filters=Filters(languages=("en",))) == [4]
    assert ids(shelf, "مودم", filters=Filters(products=("' OR 1=1 --",))) == []


def test_freshness_narrows_results_and_counts(backend):
    month_ago = (NOW - dt.timedelta(days=30)).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [month_ago - dt.timedelta(seconds=1), month_ago, NOW, None]
    backend.put(
        [
            entry(object_id=number, title="مودم", updated=moment, products=[f"x{number}"])
            for number, moment in enumerate(moments)
        ]
    )
    fresh = Filters(updated_since=month_ago)

    assert fresh
    assert ids(backend, "مودم", filters=fresh) == [1, 2]
    assert ids(backend, "", filters=fresh) == [1, 2]
    assert backend.search(plan_for(backend, "مودم", filters=fresh)).total == 2
    assert backend.facets(plan_for(backend, "مودم", filters=fresh))["product"] == {"x1": 1, "x2": 1}
    assert backend.facets(plan_for(backend, "مودم", filters=fresh))["kind"] == {"test.note": 2}


def test_counts_of_a_facet_ignore_what_was_chosen_in_it_and_heed_the_others(shelf):
    counts = shelf.facets(plan_for(shelf, "مودم", filters=Filters(products=("x1",), languages=("fa",))))

    assert counts == {
        "kind": {"test.note": 2},
        "language": {"fa": 2},
        "product": {"x1": 2, "x2": 2},
        "topic": {"net": 1, "tv": 1},
    }


def test_a_facet_count_is_the_number_of_results_it_leads_to(shelf):
    counts = shelf.facets(plan_for(shelf, "مودم"))

    for product, count in counts["product"].items():
        assert shelf.search(plan_for(shelf, "مودم", filters=Filters(products=(product,)))).total == count


# Who may see what ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_a_secret(backend):
    backend.put(
        [
            entry(object_id=1, title="مودم", products=["x1"]),
            entry(object_id=2, title="مودم محرمانه", products=["secret"], audience="staff"),
        ]
    )
    return backend


def test_the_secret_is_there_for_those_who_may_see_it(with_a_secret):
    everyone_and_staff = ("public", "staff")

    assert ids(with_a_secret, "مودم", audiences=everyone_and_staff) == [1, 2]
    plan = plan_for(with_a_secret, "مودم", audiences=everyone_and_staff)
    assert with_a_secret.facets(plan)["product"] == {"x1": 1, "secret": 1}
    known = with_a_secret.vocabulary(["محرمانه"], audiences=everyone_and_staff, beginnings=["محر"], completions=5)
    assert known.frequencies == {"محرمانه": 1}
    assert known.completions == {"محر": {"محرمانه": 1}}
    assert corrected(with_a_secret, "محرمنه", audiences=everyone_and_staff) == {"محرمنه": "محرمانه"}


def test_a_hidden_entry_is_in_no_result_count_completion_or_correction(with_a_secret):
    assert ids(with_a_secret, "مودم") == [1]
    assert with_a_secret.search(plan_for(with_a_secret, "مودم")).total == 1
    assert with_a_secret.facets(plan_for(with_a_secret, "مودم"))["product"] == {"x1": 1}
    known = with_a_secret.vocabulary(["محرمانه"], audiences=PUBLIC, beginnings=["محر"], completions=5)
    assert known.frequencies == {}
    assert known.completions == {"محر": {}}
    assert corrected(with_a_secret, "محرمنه") == {}


def test_nobody_sees_anything_without_an_audience(with_a_secret):
    assert ids(with_a_secret, "مودم", audiences=()) == []


def test_an_entry_that_changes_its_audience_is_gone_at_once(backend):
    backend.put([entry(object_id=1, title="مودم")])

    backend.put([entry(object_id=1, title="مودم", audience="signed-in")])

    assert ids(backend, "مودم") == []
    assert ids(backend, "مودم", audiences=("public", "signed-in")) == [1]


# Vocabulary ---------------------------------------------------------------------------------------------------------


def test_the_vocabulary_counts_entries_not_occurrences(backend):
    backend.put([entry(object_id=1, title="مودم مودم", body="مودم"), entry(object_id=2, title=f"مودم{Z}ها")])

    known = backend.vocabulary(["مودم", "فیبر"], audiences=PUBLIC)

    assert known.size == 2
    assert known.frequencies == {"مودم": 2}


def test_completions_are_the_most_frequent_words_that_begin_so(backend):
    backend.put([entry(object_id=n, title="مودم") for n in (1, 2, 3)])
    backend.put(
        [entry(object_id=4, title="موبایل"), entry(object_id=5, title="موشک"), entry(object_id=6, title="مو_%")]
    )

    known = backend.vocabulary([], audiences=PUBLIC, beginnings=["مو", "موب", "مو%"], completions=2)

    assert next(iter(known.completions["مو"].items())) == ("مودم", 3)
    assert len(known.completions["مو"]) == 2
    assert known.completions["موب"] == {"موبایل": 1}
    assert known.completions["مو%"] == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("مودن", "مودم"),
        ("مدوم", "مودم"),
        ("مود", "مودم"),
        ("مووودم", None),
        ("آنتنن", "آنتن"),
        ("routter", "router"),
        ("rotuer", "router"),
        ("configuraton", "configuration"),
        ("مودمآنتن", "مودم آنتن"),
        ("xq", None),
    ],
)
def test_a_slip_is_corrected_to_a_word_as_it_was_written(backend, typed, meant):
    backend.put([entry(title="مودم آنتن"), entry(title="router configuration", language="en")])

    assert corrected(backend, fold(typed)) == ({fold(typed): meant} if meant else {})


def test_words_are_known_as_they_were_written_and_by_their_sound(backend):
    backend.put([entry(object_id=1, title="مُودِم وصل نمی‌شود"), entry(object_id=2, title="مودم")])

    known = backend.spellings(["مودم", "وصل", "فیبر"], audiences=PUBLIC)
    sounds = backend.sounding_like([skeleton("modem"), skeleton("vasl"), skeleton("fibr")], audiences=PUBLIC)

    assert {word: (found.word, found.frequency) for word, found in known.items()} == {
        "مودم": ("مودم", 2),
        "وصل": ("وصل", 1),
    }
    assert fold(known["مودم"].written) == "مودم"
    assert {sound: [found.word for found in some] for sound, some in sounds.items()} == {
        skeleton("modem"): ["مودم"],
        skeleton("vasl"): ["وصل"],
    }


def test_words_nobody_may_read_are_unknown(with_a_secret):
    assert set(with_a_secret.spellings(["محرمانه", "مودم"], audiences=PUBLIC)) == {"مودم"}
    assert with_a_secret.sounding_like([skeleton("mahramane")], audiences=PUBLIC) == {}
    assert skeleton("mahramane") in with_a_secret.sounding_like([skeleton("mahramane")], audiences=("public", "staff"))


# Fetching, sorting, evidence ----------------------------------------------------------------------------------------


def test_entries_are_fetched_by_key_within_audience_and_filters(with_a_secret):
    keys = [("test.note", 1, "fa"), ("test.note", 2, "fa"), ("test.note", 9, "fa")]
    plan = plan_for(with_a_secret, "مودم")

    found = with_a_secret.fetch(keys, plan)
    everything = with_a_secret.fetch(keys, replace(plan, audiences=("public", "staff")))
    narrowed = with_a_secret.fetch(
        keys, replace(plan, filters=Filters(products=("x1",)), audiences=("public", "staff"))
    )

    assert [(hit.object_id, list(hit.places[TITLE])) for hit in found] == [(1, [(0, 4)])]
    assert sorted(hit.object_id for hit in everything) == [1, 2]
    assert [hit.object_id for hit in narrowed] == [1]
    assert with_a_secret.fetch([], plan) == []


def test_the_newest_come_first_where_that_is_asked_for(backend):
    days = {1: dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 2: dt.datetime(2026, 3, 1, tzinfo=dt.UTC), 3: None}
    backend.put([entry(object_id=n, title="مودم " * (4 - n), updated=day) for n, day in days.items()])

    assert ids(backend, "مودم", sort=Sort.NEWEST) == [2, 1, 3]


@pytest.mark.parametrize(
    "good", [{"popularity": 90}, {"state": ["solved"]}, {"state": ["official"]}, {"clicked": 80}, {"updated": NOW}]
)
def test_of_entries_that_answer_alike_the_one_with_evidence_comes_first(backend, good):
    backend.put([entry(object_id=1, title="مودم خاموش"), entry(object_id=2, title="مودم خاموش", **good)])

    assert ids(backend, "مودم خاموش") == [2, 1]


def test_evidence_does_not_stand_in_for_the_answer(backend):
    best = {"popularity": 100, "state": ["solved", "official"], "clicked": 100, "updated": NOW, "products": ["x1"]}
    backend.put(
        [
            entry(object_id=1, title="رمز وای‌فای", body="تغییر رمز"),
            entry(object_id=2, title="مودم", body="رمز " + "سیم کارت " * 40, **best),
        ]
    )

    assert ids(backend, "رمز", own_products=("x1",)) == [1, 2]


def test_what_the_reader_owns_comes_first(backend):
    backend.put([entry(object_id=1, title="مودم", products=["x1"]), entry(object_id=2, title="مودم", products=["x2"])])

    assert ids(backend, "مودم", own_products=("x2",)) == [2, 1]
    assert ids(backend, "مودم", own_products=("x1",)) == [1, 2]


# Rebuilding ---------------------------------------------------------------------------------------------------------


def test_everything_stays_found_while_the_index_is_rebuilt(backend):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=2, title="مودم")])

    with backend.rebuild():
        during = ids(backend, "مودم")
        backend.put([entry(object_id=1, title="مودم نو"), entry(object_id=2, title="مودم")], force=True)

    assert during == [1, 2]
    assert sorted(ids(backend, "مودم")) == [1, 2]
    assert ids(backend, "نو") == [1]


def test_two_thousand_entries_in_four_portions_are_all_there(backend):
    entries = [entry(object_id=n, title=f"مودم شماره {n}", body="چراغ سبز " * (n % 7)) for n in range(1, 2_001)]
    for start in range(0, len(entries), 500):
        backend.put(entries[start : start + 500])

    found = backend.search(plan_for(backend, "مودم 1234"))

    assert backend.count() == 2_000
    assert found.hits[0].object_id == 1234


# Terms that count less, or only beside others --------------------------------------------------------------------------


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
