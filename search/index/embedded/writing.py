"""Writing entries to the index: their rows, terms, words and postings. Only one process writes at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.db import connection
from django.db.models import F

from search.index.embedded import blocks, seals, sql
from search.index.entry_terms import analyse
from search.index.scoring import facet_term
from search.language.finglish import skeleton
from search.models import IndexedEntry, Scope, Term

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from search.documents import SearchEntry
    from search.index.entry_terms import Written
    from search.index.plan import EntryKey

#: A term that occurs in every entry: its document frequency is the size of the index.
EVERYTHING: Final = ""

_COLUMNS: Final = (
    "id", "scope_id", "kind", "object_id", "family", "language", "audience", "popularity", "updated", "digest",
    "facets_text", "title", "short_answer", "body", "url", "terms", "places", "seal",
)  # fmt: skip
_PERSIAN: Final = re.compile("[\u0600-\u06ff]")


def take_out(pks: Sequence[int], changes: blocks.Changes) -> None:
    for some in sql.chunks(pks):
        rows = IndexedEntry.objects.filter(pk__in=some).values_list("pk", "scope", "terms")
        for pk, scope, terms in rows:
            changes.remove(pk, scope, blocks.unpack(terms))
    sql.delete(sql.ENTRY, "id", pks)


def write(
    entries: Sequence[tuple[EntryKey, SearchEntry]], pks: Mapping[EntryKey, int], changes: blocks.Changes
) -> None:
    """Insert the rows of the entries, which are sorted by primary key, and add their postings to `changes`."""
    analysed = analyse([entry for _key, entry in entries])
    facets = [[facet_term(*value) for value in entry.values] for _key, entry in entries]
    known = _know_terms({*analysed.terms, *chain.from_iterable(facets)})
    _know_words(analysed.words, known)
    scopes = _know_scopes({(entry.kind, entry.language, entry.audience) for _key, entry in entries})
    scope_of = [scopes[entry.kind, entry.language, entry.audience] for _key, entry in entries]

    owners, numbers, impacts = analysed.postings.T
    terms = np.array([known[text] for text in analysed.terms], np.int64)[numbers]
    term_keys = np.array([seals.key_of_term(text) for text in analysed.terms], np.int64)[numbers]
    values = [(place, known[text], 0, seals.key_of_term(text)) for place, texts in enumerate(facets) for text in texts]
    postings = np.concatenate(
        [
            np.stack([owners, terms, impacts, term_keys], axis=1),
            np.array(values, np.int64).reshape(-1, 4),
        ]
    )
    owner_pks, owner_scopes = np.array([pks[key] for key, _entry in entries]), np.array(scope_of)
    scope_keys = np.array([seals.key_of_scope(e.kind, e.language, e.audience) for _key, e in entries], np.int64)
    owner, term, impact, term_key = postings.T
    impact = seals.sealed(owner_pks[owner], impact, seals.keys_of(term_key, scope_keys[owner]))
    changes.add(np.stack([term, owner_scopes[owner], owner_pks[owner], impact.astype(np.int64)], axis=1))

    terms_of = _split(terms, owners, len(entries))
    places_of = _split(analysed.places[:, 1:], analysed.places[:, 0], len(entries))
    rows = []
    for place, (key, entry) in enumerate(entries):
        held = terms_of[place] + blocks.pack(known[text] for text in facets[place])
        rows.append(_row(entry, pks[key], scope_of[place], held, places_of[place]))
    sql.insert(sql.ENTRY, _COLUMNS, rows)


def _know_scopes(wanted: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    statement = f"SELECT kind, language, audience, id FROM {sql.SCOPE}"  # noqa: S608 - our name
    known = {(kind, language, audience): pk for kind, language, audience, pk in sql.fetch(statement)}
    for kind, language, audience in sorted(wanted - known.keys()):
        scope = Scope.objects.create(kind=kind, language=language, audience=audience)
        known[kind, language, audience] = scope.pk
    return known


def _know_terms(texts: Collection[str]) -> dict[str, int]:
    """The primary keys of the terms; new terms are inserted."""
    known = term_ids(texts)
    missing = sorted({*texts, EVERYTHING} - known.keys())
    if missing:
        sql.insert(sql.TERM, ("text", "entry_count"), ((text, 0) for text in missing))
        known |= term_ids(missing)
    return known


def term_ids(texts: Collection[str]) -> dict[str, int]:
    known: dict[str, int] = {}
    for some in sql.chunks(texts):
        statement = f"SELECT text, id FROM {sql.TERM} WHERE text IN ({sql.placeholders(some)})"  # noqa: S608 - our name
        known.update(sql.fetch(statement, some))
    return known


def _know_words(words: Mapping[str, Written], term_ids: Mapping[str, int]) -> None:
    known: set[str] = set()
    for some in sql.chunks(words):
        statement = f"SELECT text FROM {sql.WORD} WHERE text IN ({sql.placeholders(some)})"  # noqa: S608 - our name
        known.update(row[0] for row in sql.fetch(statement, some))
    new = [(word, words[word]) for word in sorted(words.keys() - known)]
    rows = [
        (word, found[-1], term_ids[found[0]], skeleton(word) if _PERSIAN.search(word) else "") for word, found in new
    ]
    sql.insert(sql.WORD, ("text", "spelling", "term_id", "skeleton"), rows)
    more: dict[int, int] = defaultdict(int)
    for word, spelling, term, sounds in rows:
        more[term] += seals.seal_of_word(word, spelling, sounds)
    sql.increase("word_seal", more)


def settle(changes: blocks.Changes, more_entries: int) -> None:
    """Write the postings, and update document frequencies and the size of the index."""
    sql.increase("entry_count", changes.write())
    if more_entries:
        Term.objects.filter(text=EVERYTHING).update(entry_count=F("entry_count") + more_entries)


def _split(numbers: np.ndarray, owners: np.ndarray, count: int) -> list[bytes]:
    """The packed rows of each owner from 0 to `count`; `numbers` and `owners` are sorted by owner."""
    ends: list[int] = np.asarray(np.searchsorted(owners, np.arange(count + 1))).tolist()
    size = numbers[:1].size * blocks.NUMBER_SIZE
    data = blocks.packed(numbers)
    return [data[start * size : end * size] for start, end in pairwise(ends)]


def _row(entry: SearchEntry, pk: int, scope: int, terms: bytes, places: bytes) -> tuple[Any, ...]:
    """The values of `_COLUMNS` for an entry."""
    updated = connection.ops.adapt_datetimefield_value(entry.updated) if entry.updated else None
    facets = "\n".join(f"{name} {value}" for name, value in entry.values)
    shown = (
        pk, entry.kind, entry.object_id, entry.language, entry.popularity, entry.updated, facets, entry.family,
        entry.title, entry.short_answer, entry.body, entry.url, scope, entry.audience,
    )  # fmt: skip
    seal = seals.seal_of_entry(shown, (terms, places))
    return (
        pk, scope, entry.kind, entry.object_id, entry.family, entry.language, entry.audience, entry.popularity,
        updated, entry.digest, facets, entry.title, entry.short_answer, entry.body, entry.url, terms, places, seal,
    )  # fmt: skip
