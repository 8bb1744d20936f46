"""Fusion of keyword and semantic results: order, pages and counts. Works without the extra."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.index.answering import get_backend
from search.index.plan import Filters, Found, Plan, Sort
from search.meaning.fusion import REACHABLE, Hybrid, fuse
from tests.factories.search import entry
from tests.search.asking import plan_for

rankings = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), max_size=3)


@given(rankings)
def test_every_item_is_in_the_fused_ranking_once(some):
    fused = fuse(*some)

    assert len(fused) == len(set(fused))
    assert set(fused) == {item for ranking in some for item in ranking}


@given(st.lists(st.integers(), unique=True))
def test_one_ranking_or_the_same_one_twice_stays_as_it_is(ranking):
    assert fuse(ranking) == fuse(ranking, []) == fuse(ranking, ranking) == ranking


@given(st.lists(st.integers(), unique=True), st.data())
def test_what_is_before_another_in_all_rankings_is_before_it_in_the_end(ranking, data):
    other = data.draw(st.permutations(ranking))
    place = {item: number for number, item in enumerate(fuse(ranking, other))}

    for one in ranking:
        for two in ranking:
            if ranking.index(one) < ranking.index(two) and other.index(one) < other.index(two):
                assert place[one] < place[two]


def test_of_equals_the_earlier_ranking_decides():
    assert fuse(["word"], ["meaning"]) == ["word", "meaning"]
    assert fuse(["a", "b"], ["c", "b"]) == ["b", "a", "c"]


# With an index -------------------------------------------------------------------------------------------------------


@pytest.fixture
def index(db):
    """Thirty notes with the word, in two topics, and thirty similar ones, of which ten also contain the word."""
    backend = get_backend()
    backend.put(
        [
            *(entry(object_id=n, title=f"مودم شمارهٔ {n}", topics=["odd" if n % 2 else "even"]) for n in range(1, 31)),
            *(entry(object_id=n, title=f"دستگاه شمارهٔ {n}", topics=["other"]) for n in range(31, 51)),
            entry(object_id=51, title="Router", language="en", topics=["other"]),
        ]
    )
    return backend


def hybrid(backend, plan: Plan) -> Hybrid:
    keys = [("test.note", n, "fa") for n in range(50, 20, -1)] + [("test.note", 51, "en")]
    found = {hit.object_id: hit for hit in backend.fetch(keys, replace(plan, terms=(), filters=Filters()))}
    worded = backend.search(replace(plan, filters=Filters(), limit=REACHABLE), with_places=False)
    return Hybrid(backend, [found[key[1]] for key in keys], worded)


def test_pages_lose_and_repeat_nothing_and_the_total_is_what_they_hold(index):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)), limit=7)
    both = hybrid(index, plan)

    pages = [both.search(replace(plan, offset=offset)) for offset in range(0, 70, 7)]

    ids = [hit.object_id for page in pages for hit in page.hits]
    assert sorted(ids) == list(range(1, 51))
    assert {page.total for page in pages} == {50}
    assert ids == [hit.object_id for hit in both.search(replace(plan, limit=100)).hits]


def test_what_both_find_comes_first(index):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)))

    first = {hit.object_id for hit in hybrid(index, plan).search(replace(plan, limit=10)).hits}

    assert first == set(range(21, 31))


def test_counts_are_those_of_the_results_they_lead_to(index):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)), limit=100)
    both = hybrid(index, plan)

    counts = both.facets(plan)

    assert counts["topic"] == {"odd": 15, "even": 15, "other": 20}
    for topic, count in counts["topic"].items():
        narrowed = both.search(replace(plan, filters=Filters(language=("fa",), topic=(topic,))))
        assert (narrowed.total, len(narrowed.hits)) == (count, count)
    assert counts["language"] == {"fa": 50, "en": 1}
    assert both.search(replace(plan, filters=Filters(language=("en",)))).total == 1
    assert counts["kind"] == {"test.note": 50}


def test_words_are_marked_in_what_the_meaning_brought_up(index):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)))

    hits = hybrid(index, plan).search(plan).hits

    assert {bool(hit.places) for hit in hits if hit.object_id <= 30} == {True}
    assert {bool(hit.places) for hit in hits if hit.object_id > 30} == {False}


def test_the_newest_first_is_the_newest_of_both(db):
    import datetime as dt

    backend = get_backend()
    days = {n: dt.datetime(2026, 1, n, tzinfo=dt.UTC) for n in range(1, 5)}
    backend.put([entry(object_id=n, title="مودم" if n % 2 else "دستگاه", updated=days[n]) for n in days])
    backend.put([entry(object_id=9, title="دستگاه")])
    plan = plan_for(backend, "مودم", sort=Sort.NEWEST)
    alike = backend.fetch([("test.note", n, "fa") for n in (2, 4, 9)], plan)

    both = Hybrid(backend, alike, backend.search(plan))

    assert [hit.object_id for hit in both.search(plan).hits] == [4, 3, 2, 1, 9]


def test_when_more_hold_the_words_than_can_be_reached_only_their_order_changes(index):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)), limit=100)
    both = hybrid(index, plan)
    crowded = Hybrid(index, both.alike, Found(hits=both.worded.hits, total=REACHABLE + 1))

    found = crowded.search(plan)

    assert sorted(hit.object_id for hit in found.hits) == list(range(1, 31))
    assert found.total == 30
    assert found.hits[0].object_id in range(21, 31)
    assert crowded.facets(plan) == index.facets(plan)
    assert not crowded.only_by_meaning(found.hits)


def test_without_any_meaning_it_is_the_index_itself(index, django_assert_num_queries):
    plan = plan_for(index, "مودم", filters=Filters(language=("fa",)))
    plain = index.search(plan)

    with django_assert_num_queries(3):  # postings, the page, and the places of the words
        assert Hybrid(index).search(plan) == plain
    assert Hybrid(index).facets(plan) == index.facets(plan)
