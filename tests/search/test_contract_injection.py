"""Texts with a meaning to a database, a cluster or a browser are plain text in every index and on every page."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from search import services
from search.index.plan import Filters, Plan, QueryTerm
from tests.factories.search import entry
from tests.search.asking import PUBLIC
from tests.search.cluster import answers_from

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.sql")]

DEPTH = 2_000
INJECTIONS = [
    "*", "?", "مو*", "مود?", "%", "_", "مو%", "title:مودم", "مودم OR 1=1", "_exists_:audience", "/.*/", "/(a+)+$/", "مودم~2",
    "+مودم -x", "(((((", '"', "'", "\\", "' OR '1'='1", "'; DROP TABLE search_index_entry; --", "audience:staff", "{{constructor}}",
    '{"match_all": {}}', '{"query": {"script": {"script": "1"}}}', "<script>", "مودم^99999", "[* TO *]", "${jndi:ldap://x}", "%s%n",
    "\x1f", "\x02مودم\x03", "𝕏🙂", "\u202e\u2066", "a" * 20_000, "آ " * 10_000, "\u0301" * 5_000,
    "(" * DEPTH + ")" * DEPTH, "[" * DEPTH, json.dumps({"a": 1})[:-1] * DEPTH,
]  # fmt: skip


def term(text: str, word: int = 0) -> QueryTerm:
    return QueryTerm(text=text, words=(word,), frequency=1)


@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: ascii(text)[:30])
def test_an_index_takes_a_text_for_a_text(backend, text):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=2, title="راز", audience="staff")])
    plan = Plan(terms=(term(text),), size=2, audiences=PUBLIC, filters=Filters(product=(text,)))

    assert backend.search(plan).hits == []
    assert backend.facets(Plan(terms=(term(text),), size=2, audiences=PUBLIC))["kind"] == {}
    assert backend.vocabulary([text], audiences=PUBLIC).frequencies == {}
    assert set(backend.vocabulary([], audiences=PUBLIC, beginnings=[text], completions=9).completions[text]) <= {"مودم"}
    assert backend.spellings([text], audiences=PUBLIC) == {}
    assert backend.sounding_like([text], audiences=PUBLIC) == {}
    assert backend.search(Plan(terms=(term("راز"),), size=2, audiences=(text,))).hits == []


def test_hundreds_of_terms_and_thousands_of_spellings_are_answered(backend):
    backend.put([entry(object_id=1, title="مودم")])
    many = tuple(term(f"واژه{n}", n) for n in range(299))

    found = backend.search(Plan(terms=(*many, term("مودم", 299)), size=1, audiences=PUBLIC))
    known = backend.spellings([f"واژه{n}" for n in range(12_000)] + ["مودم"], audiences=PUBLIC)

    assert [hit.object_id for hit in found.hits] == [1]
    assert set(known) == {"مودم"}


@pytest.mark.django_db(transaction=True)
def test_every_page_of_search_answers_whatever_is_asked(answering, topic_document, client, settings):
    settings.SEARCH_REQUESTS_PER_MINUTE = 0
    register_audience("staff")
    Topic.objects.create(code="t1", name={"fa": "مودم"})
    secret = Topic.objects.create(code="secret", name={"fa": "رازسربسته"}, tone=Topic.Tone.POM)
    services.reindex(Topic.objects.filter(pk=secret.pk))
    results, suggest = reverse("search:results"), reverse("search:suggest")
    asked = [(address, {"q": text}) for text in INJECTIONS for address in (results, suggest)]
    asked += [
        (results, {"q": "مودم", name: text})
        for text in INJECTIONS
        for name in ("kind", "product", "topic", "language", "updated", "sort", "page", "exact")
        if len(text) < 5_000  # servers do not accept longer URLs
    ]

    answers = [(client.get(address, data), data) for address, data in asked]

    assert [data for answer, data in answers if answer.status_code != 200] == []
    assert [data for answer, data in answers if "رازسربسته" in answer.text.replace(data["q"], "")] == []
    assert answers_from() == answering
