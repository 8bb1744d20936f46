"""Queries for the vocabulary: frequencies, completions, spellings. Only entries the reader may see are counted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from elasticsearch_dsl import A, Q, Search

from search.index.elastic.questions import visible
from search.index.elastic.schema import MAX_BEGINNING, SEPARATOR
from search.language.analysis import MAX_WORD_LENGTH
from search.language.spelling import Spelling

#: Maximum length of a regular expression in an aggregation, and the maximum numbers of buckets.
_MAX_PATTERN: Final = 900
_MAX_FORMS: Final = 5_000
_COMPLETED_FORMS: Final = 200
_NO_LETTER: Final = re.compile(r"([^\w]|_)")


def frequencies(terms: Collection[str], audiences: Collection[str]) -> Search:
    """A search for the number of entries and the document frequency of each term; see `read_frequencies`."""
    asked = Search().query("bool", filter=[visible(list(audiences))])[:0].extra(track_total_hits=True)
    numbered = {str(number): Q("term", terms=term) for number, term in enumerate(terms)}
    if numbered:
        asked.aggs.bucket("terms", "filters", filters=numbered)
    return asked


def read_frequencies(answer: dict[str, Any], terms: Collection[str]) -> dict[str, int]:
    buckets = answer.get("aggregations", {}).get("terms", {}).get("buckets", {})
    counted = {term: buckets[str(number)]["doc_count"] for number, term in enumerate(terms) if buckets}
    return {term: count for term, count in counted.items() if count}


def completions(beginnings: Sequence[str], audiences: Collection[str]) -> Search:
    """A search for words with these beginnings, and their stems; see `read_completions`."""
    asked = Search().query("bool", filter=[visible(list(audiences))])[:0].extra(track_total_hits=False)
    for number, beginning in enumerate(beginnings):
        if len(beginning) > MAX_WORD_LENGTH:
            continue  # longer than any word, and too long for a pattern
        begun = A("filter", Q("term", beginnings=beginning[:MAX_BEGINNING]))
        begun.bucket("forms", "terms", field="forms", include=f"{_literal(beginning)}.*", size=_COMPLETED_FORMS)
        asked.aggs.bucket(str(number), begun)
    return asked


def read_completions(answer: dict[str, Any], beginnings: Sequence[str]) -> dict[str, list[str]]:
    """The stems of the words with each beginning, most frequent words first."""
    found = {}
    for number, beginning in enumerate(beginnings):
        aggregations = answer.get("aggregations", {})
        buckets = aggregations[str(number)]["forms"]["buckets"] if str(number) in aggregations else []
        found[beginning] = list(dict.fromkeys(bucket["key"].split(SEPARATOR)[1] for bucket in buckets))
    return found


def known(words: Sequence[str], audiences: Collection[str]) -> Search:
    """A search for the words that occur in any entry; there may be thousands."""
    asked = Search().query("bool", filter=[visible(list(audiences)), Q("terms", words=list(words))])
    asked.aggs.bucket("words", "terms", field="words", include=list(words), size=len(words))
    return asked[:0].extra(track_total_hits=False)


def read_known(answer: dict[str, Any]) -> list[str]:
    return [bucket["key"] for bucket in answer["aggregations"]["words"]["buckets"]]


def forms(words: Sequence[str], audiences: Collection[str]) -> Search:
    """A search for the stems and spellings of words."""
    return _forms("words", "forms", words, audiences)


def sounds(skeletons: Sequence[str], audiences: Collection[str]) -> Search:
    """A search for the words with these consonant skeletons."""
    return _forms("skeletons", "sounds", skeletons, audiences)


def _forms(among: str, field: str, values: Sequence[str], audiences: Collection[str]) -> Search:
    asked = Search().query("bool", filter=[visible(list(audiences)), Q("terms", **{among: list(values)})])
    for number, pattern in enumerate(_patterns(values)):
        asked.aggs.bucket(str(number), "terms", field=field, include=pattern, size=_MAX_FORMS)
    return asked[:0].extra(track_total_hits=False)


def read_forms(answer: dict[str, Any]) -> Iterator[tuple[list[str], int]]:
    """The parts of each form with its document frequency, most frequent forms first."""
    found = [bucket for aggregation in answer.get("aggregations", {}).values() for bucket in aggregation["buckets"]]
    for bucket in sorted(found, key=lambda bucket: (-bucket["doc_count"], bucket["key"])):
        yield bucket["key"].split(SEPARATOR), bucket["doc_count"]


def _patterns(values: Sequence[str]) -> Iterator[str]:
    """Regular expressions for strings that begin with one of the values, split to lengths the cluster accepts."""
    piece: list[str] = []
    length = 0
    for value in values:
        if len(value) > MAX_WORD_LENGTH:
            continue
        literal = _literal(value)
        if piece and length + len(literal) > _MAX_PATTERN:
            yield f"({'|'.join(piece)}){SEPARATOR}.*"
            piece, length = [], 0
        piece.append(literal)
        length += len(literal) + 1
    if piece:
        yield f"({'|'.join(piece)}){SEPARATOR}.*"


def _literal(text: str) -> str:
    """The text escaped for a Lucene regular expression."""
    return _NO_LETTER.sub(r"\\\1", text)


def spellings(found: Sequence[tuple[str, str, str]], counts: dict[str, int]) -> dict[str, Spelling]:
    """Spellings from (word, stem, written), most frequent first, and the document frequencies of the stems."""
    known_words: dict[str, Spelling] = {}
    for word, stem, written in found:
        if word not in known_words and stem in counts:
            known_words[word] = Spelling(word=word, written=written, frequency=counts[stem])
    return known_words


def by_sound(
    found: Sequence[tuple[str, str, str, str]], counts: dict[str, int], limit: int
) -> dict[str, list[Spelling]]:
    """The words with each skeleton, those with the most frequent stems first."""
    sounding: dict[str, dict[str, Spelling]] = defaultdict(dict)
    for sound, word, stem, written in found:
        if stem in counts:
            sounding[sound].setdefault(word, Spelling(word=word, written=written, frequency=counts[stem]))
    return {
        sound: sorted(some.values(), key=lambda spelling: (-spelling.frequency, spelling.word))[:limit]
        for sound, some in sounding.items()
    }
