"""Queries to a backend as `search.queries` makes them for a text whose words are all known."""

from __future__ import annotations

from search.index.plan import Plan, QueryTerm
from search.index.protocol import Backend
from search.language.analysis import tokens
from search.language.corrections import correct

PUBLIC = ("public",)


def plan_for(backend: Backend, text: str, **options) -> Plan:
    audiences = options.get("audiences", PUBLIC)
    found = tokens(text, query=True)
    numbers = {token.position for token in found if token.width == 1}
    vocabulary = backend.vocabulary({token.text for token in found}, audiences=audiences)
    terms: dict[str, QueryTerm] = {}
    for token in found:
        words = tuple(sorted(numbers & set(range(token.position, token.position + token.width))))
        if token.text in vocabulary.frequencies:
            frequency = vocabulary.frequencies[token.text]
            terms.setdefault(token.text, QueryTerm(text=token.text, words=words, frequency=frequency))
    return Plan(terms=tuple(terms.values()), size=vocabulary.size, **{"audiences": PUBLIC, **options})


def ids(backend: Backend, text: str, **options) -> list[int]:
    plan = plan_for(backend, text, **options)
    return [hit.object_id for hit in backend.search(plan).hits] if plan.terms or not text else []


def corrected(backend: Backend, word: str, *, audiences=PUBLIC) -> dict[str, str]:
    corrections = correct([word], lambda spellings: backend.spellings(spellings, audiences=audiences))
    return {typed: some[0].written for typed, some in corrections.items()}
