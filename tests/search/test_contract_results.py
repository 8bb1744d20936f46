"""What every index returns: places, pages, filters, counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from search.index.plan import BODY, TITLE, Filters
from tests.factories.search import entry
from tests.search.asking import ids, plan_for

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]
Z = "\u200c"
NOW = timezone.now()

# Places ---------------------------------------------------------------------------------------------------------------


def test_places_point_into_the_original_text(backend):
    backend.put([entry(object_id=1, title=f"كتاب{Z}هاي مُشتَري", body="آن كتاب، این کتاب")])

    (hit,) = backend.search(plan_for(backend, "کتاب")).hits

    assert [hit.title[start:end] for start, end in hit.places[TITLE]] == [f"كتاب{Z}هاي"]
    assert [hit.body[start:end] for start, end in hit.places[BODY]] == ["كتاب", "کتاب"]


def test_places_are_left_out_on_request(backend):
    backend.put([entry(object_id=1, title="مودم")])

    (hit,) = backend.search(plan_for(backend, "مودم"), with_places=False).hits

    assert hit.places == {}


# Pages, filters, facets -----------------------------------------------------------------------------------------------


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
    assert ids(shelf, "مودم", filters=Filters(product=("x1",))) == [1, 2]
    assert ids(shelf, "مودم", filters=Filters(product=("x1", "x2"))) == [1, 2, 3, 4]
    assert ids(shelf, "مودم", filters=Filters(product=("x2",), topic=("tv",))) == [2, 3]
    assert ids(shelf, "مودم", filters=Filters(kind=("test.file",))) == [3]
    assert ids(shelf, "مودم", filters=Filters(language=("en",))) == [4]
    assert ids(shelf, "مودم", filters=Filters(product=("' OR 1=1 --",))) == []


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
    counts = shelf.facets(plan_for(shelf, "مودم", filters=Filters(product=("x1",), language=("fa",))))

    assert {facet: values for facet, values in counts.items() if values} == {
        "kind": {"test.note": 2},
        "language": {"fa": 2},
        "product": {"x1": 2, "x2": 2},
        "topic": {"net": 1, "tv": 1},
    }


def test_a_facet_count_is_the_number_of_results_it_leads_to(shelf):
    counts = shelf.facets(plan_for(shelf, "مودم"))

    for product, count in counts["product"].items():
        assert shelf.search(plan_for(shelf, "مودم", filters=Filters(product=(product,)))).total == count


# Entries by key -------------------------------------------------------------------------------------------------------


def test_entries_are_fetched_by_key_within_audience_and_filters(with_a_secret):
    keys = [("test.note", 1, "fa"), ("test.note", 2, "fa"), ("test.note", 9, "fa")]
    plan = plan_for(with_a_secret, "مودم")

    found = with_a_secret.fetch(keys, plan)
    everything = with_a_secret.fetch(keys, replace(plan, audiences=("public", "staff")))
    narrowed = with_a_secret.fetch(keys, replace(plan, filters=Filters(product=("x1",)), audiences=("public", "staff")))

    assert [(hit.object_id, list(hit.places[TITLE])) for hit in found] == [(1, [(0, 4)])]
    assert sorted(hit.object_id for hit in everything) == [1, 2]
    assert [hit.object_id for hit in narrowed] == [1]
    assert with_a_secret.fetch([], plan) == []
