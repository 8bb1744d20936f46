"""Facets and evidence need only be declared by documents to work in every index, in the form and on the page."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from portal.catalog.models import Topic
from portal.core.memo import forget_all
from search import receivers, registry, services
from search.documents import Evidence, Facet, SearchDocument
from search.facets import PRODUCT, TOPIC
from search.index.answering import get_backend
from search.index.evidence import MOST, evidence_of
from search.index.plan import Filters
from search.queries import search
from tests.factories.search import entry
from tests.search import threads
from tests.search.asking import ids, plan_for
from tests.search.cluster import answers_from
from tests.search.threads import HAS_SOLUTION, SOLVED, ThreadDocument

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]


@pytest.fixture
def only_threads():
    """Make threads, and nothing else, searchable during the test."""
    known = dict(registry._documents)
    registry._documents.clear()
    registry.register(ThreadDocument)
    document = registry.get_document(ThreadDocument.name)
    receivers.watch(document)
    forget_all()
    yield
    receivers.unwatch(document)
    registry._documents.clear()
    registry._documents.update(known)
    forget_all()


@pytest.fixture
def forum(only_threads, answering):
    """Three threads about the same subject, of which the last one is solved, and four unsolved ones about another."""
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="t1", name={"fa": "چراغ مودم قرمز است"}),
            Topic(pk=2, code="t2", name={"fa": "چراغ مودم قرمز است"}),
            Topic(pk=3, code="t3", name={"fa": "چراغ مودم قرمز است"}, icon="check"),
            *(Topic(pk=pk, code=f"t{pk}", name={"fa": "سیم‌کارت شناخته نمی‌شود"}) for pk in range(4, 8)),
            Topic(pk=8, code="network", name={"fa": "شبکه"}),
        ]
    )
    services.rebuild()
    if answering == "cluster":
        from search.index.cluster import get_cluster

        services.rebuild(get_cluster())
    forget_all()
    yield answering
    assert answers_from() == answering


def page(client, **data) -> str:
    response = client.get(reverse("search:results"), data)
    return re.sub(r"\s+", " ", re.search(r"<main.*?</main>", response.text, re.DOTALL)[0])


def shown(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-hit="test\.thread:(\d+)"', text)]


def boxes(text: str, name: str) -> dict[str, tuple[str, bool]]:
    """Value → label of its check box, and whether it is checked."""
    found = re.findall(
        rf'<input type="checkbox" name="{name}" value="([^"]*)"( checked)?> ?<bdi>(.*?)</bdi> ?<small>(.*?)</small>',
        text,
    )
    return {value: (f"{label} {count}", bool(checked)) for value, checked, label, count in found}


# One file --------------------------------------------------------------------------------------------------------------


def test_the_declaration_asks_nothing_of_search_but_its_words():
    tree = ast.parse(Path(threads.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported - {"__future__"} == {"portal.catalog.models", "search.documents", "search.facets"}


@pytest.mark.django_db(transaction=True)
def test_results_are_narrowed_by_what_a_document_declares(forum, client):
    everything = page(client, q="چراغ قرمز")
    solved = page(client, q="چراغ قرمز", solved="yes")

    assert boxes(everything, "solved") == {"no": ("Not solved yet ۲", False), "yes": ("Solved ۱", False)}
    assert (sorted(shown(everything)), shown(solved)) == ([1, 2, 3], [3])
    assert boxes(solved, "solved") == {"no": ("Not solved yet ۲", False), "yes": ("Solved ۱", True)}


@pytest.mark.django_db(transaction=True)
def test_both_answers_may_be_chosen_and_made_up_ones_are_dropped(forum, client):
    assert sorted(shown(page(client, q="چراغ", solved=["yes", "no"]))) == [1, 2, 3]
    assert sorted(shown(page(client, q="چراغ", solved="perhaps"))) == [1, 2, 3]
    assert shown(page(client, solved="yes")) == [3]  # also without a question


@pytest.mark.django_db(transaction=True)
def test_the_choice_stands_as_a_chip_and_in_every_link(forum, client):
    unsolved = page(client, q="چراغ", solved="no")

    links = re.findall(r"<a\b[^>]*>.*?</a>", unsolved)
    addresses = [unescape(found[1]) for link in links if (found := re.search(r'href="([^"]*\?q=[^"]*)"', link))]
    asked = [parse_qs(urlsplit(address).query).get("solved") for address in addresses]
    chips = [link for link in links if "chip--x" in link]
    assert ["Not solved yet" in chip for chip in chips] == [True]
    assert f'href="{reverse("search:results")}?q=' in chips[0]
    assert "solved=" not in chips[0]
    assert asked.count(None) == 1  # that of the chip, which removes the filter
    assert asked.count(["no"]) == 2  # those of the orders


@pytest.mark.django_db(transaction=True)
def test_a_value_with_a_badge_is_seen_on_its_results(forum):
    hits = {hit.object_id: hit for hit in search(text="چراغ", user=None, language="fa").hits}

    assert {pk: [(badge.label, badge.tone) for badge in hit.badges] for pk, hit in hits.items()} == {
        1: [], 2: [], 3: [("Solved", "ok")],
    }  # fmt: skip
    assert hits[1].trail == "Threads › شبکه"


@pytest.mark.django_db(transaction=True)
def test_declared_evidence_decides_among_entries_that_answer_alike(forum):
    assert [hit.object_id for hit in search(text="چراغ", user=None, language="fa").hits] == [3, 1, 2]


# In the index --------------------------------------------------------------------------------------------------------


def test_counts_of_a_declared_facet_ignore_what_was_chosen_in_it(only_threads, backend):
    backend.put(
        [
            entry(object_id=1, title="مودم", facets={"solved": ["yes"]}, topics=["net"]),
            entry(object_id=2, title="مودم", facets={"solved": ["no"]}, topics=["net"]),
            entry(object_id=3, title="مودم", facets={"solved": ["no"]}, topics=["tv"]),
        ]
    )
    chosen = Filters(solved=["yes"], topic=["net"])

    assert backend.facets(plan_for(backend, "مودم"))["solved"] == {"yes": 1, "no": 2}
    assert backend.facets(plan_for(backend, "مودم", filters=chosen))["solved"] == {"yes": 1, "no": 1}
    assert backend.facets(plan_for(backend, "مودم", filters=chosen))["topic"] == {"net": 1}
    assert ids(backend, "مودم", filters=Filters(solved=["no"])) == [2, 3]
    assert ids(backend, "", filters=Filters(solved=["no"], topic=["tv"])) == [3]
    assert ids(backend, "مودم", prefers=Filters(solved=["no"], topic=["tv"])) == [2, 3, 1]


def test_values_that_look_like_dates_or_numbers_are_values(only_threads, backend):
    backend.put([entry(object_id=1, title="مودم", facets={"solved": ["2026-01-01"], "topic": ["7"]})])

    assert ids(backend, "مودم", filters=Filters(solved=["2026-01-01"], topic=["7"])) == [1]
    assert ids(backend, "مودم", filters=Filters(solved=["2026"])) == []


def test_a_facet_nobody_has_a_value_of_narrows_to_nothing(only_threads, backend):
    backend.put([entry(object_id=1, title="مودم")])

    assert ids(backend, "مودم", filters=Filters(nowhere=["x"])) == []
    assert backend.facets(plan_for(backend, "مودم"))["solved"] == {}


# Declaring -----------------------------------------------------------------------------------------------------------


def test_two_facets_of_one_name_are_refused_and_one_may_be_shared(only_threads):
    class Shares(ThreadDocument):
        name = "test.shares"

    class Rivals(ThreadDocument):
        name = "test.rivals"
        facets = (Facet(name="solved", label="Other", labels=dict),)

    class Impostor(ThreadDocument):
        name = "test.impostor"
        evidence = (Evidence(name="clicked", per_mille=1),)

    registry.register(Shares)
    for document in (Rivals, Impostor):
        with pytest.raises(ImproperlyConfigured, match="share the same object"):
            registry.register(document)
        assert registry.get_document(document.name) is None


@pytest.mark.parametrize("name", ["q", "page", "sort", "updated", "Solved", "is solved", "a" * 20, "1st", ""])
def test_a_name_that_cannot_be_a_parameter_or_a_term_is_refused(name):
    with pytest.raises(ImproperlyConfigured):
        Facet(name=name, label="", labels=dict)


def test_kind_and_language_cannot_be_declared():
    class Rival(ThreadDocument):
        name = "test.rival"
        facets = (Facet(name="kind", label="", labels=dict),)

    with pytest.raises(ImproperlyConfigured):
        registry.register(Rival)


def test_an_entry_may_only_hold_what_its_document_declares():
    class Plain(ThreadDocument):
        facets = (SOLVED,)
        evidence = ()

    document: SearchDocument[Topic] = Plain()
    made = document.entry(Topic(pk=1), language="fa", title="x", url="/", audience="public", facets={SOLVED: ["yes"]})

    assert made.facets == {"solved": ("yes",)}
    with pytest.raises(ImproperlyConfigured, match="topic"):
        document.entry(Topic(pk=1), language="fa", title="x", url="/", audience="public", facets={TOPIC: ["x"]})
    with pytest.raises(ImproperlyConfigured, match="solution"):
        document.entry(Topic(pk=1), language="fa", title="x", url="/", audience="public", evidence={HAS_SOLUTION: 1})


def test_facets_stand_in_their_order_between_kind_and_language():
    names = [facet.name for facet in registry.all_facets()]

    assert names[0] == "kind"
    assert names[-1] == "language"
    assert names.index("product") < names.index("topic") < names.index("tag")
    assert "tag" not in [facet.name for facet in registry.offered_facets()]


def test_evidence_is_capped_whatever_is_declared():
    assert HAS_SOLUTION.weigh(100) == 60
    assert HAS_SOLUTION.weigh(1_000) == 60
    assert HAS_SOLUTION.weigh(-5) == 0
    assert evidence_of(entry(popularity=50, evidence={"solution": 60})) == 110
    assert evidence_of(entry(popularity=100, evidence={"solution": 60, "much": 900})) == MOST


def test_evidence_that_is_read_is_asked_for_once_and_for_its_own_kinds(only_threads):
    asked = []

    def read(kind, object_ids):
        asked.append((kind, sorted(object_ids)))
        return {2: 50}

    class Voted(ThreadDocument):
        name = "test.voted"
        evidence = (Evidence(name="votes", per_mille=40, read=read),)

    entries = [entry(kind="test.voted", object_id=number) for number in (1, 2)]
    weighed = services.with_evidence(Voted(), entries)

    assert asked == [("test.voted", [1, 2])]
    assert [dict(one.evidence) for one in weighed] == [{}, {"votes": 20}]
    assert weighed[0].digest != weighed[1].digest


# Filters ---------------------------------------------------------------------------------------------------------------


def test_filters_are_a_mapping_that_is_equal_however_it_was_made():
    one = Filters(topic=["a", "a"], product=("b", "c"), language=())
    other = Filters(product=["b", "c"]).choosing(topic=["a"])

    assert dict(one) == {"product": ("b", "c"), "topic": ("a",)}
    assert (one, hash(one)) == (other, hash(other))
    assert one != one.choosing(topic=())
    assert not one.choosing(topic=(), product=())
    assert one.choosing(language=["fa"]).languages == ("fa",)
    assert set(Filters(kind=["x"], language=["fa"], topic=["a"]).declared) == {"topic"}
    assert PRODUCT.name in one


def test_the_index_in_the_database_can_be_filled_without_any_document(only_threads):
    get_backend().put([entry(object_id=1, title="مودم", products=["x1"])])

    assert get_backend().facets(plan_for(get_backend(), "مودم"))["kind"] == {"test.note": 1}
