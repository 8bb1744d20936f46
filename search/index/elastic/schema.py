"""How the cluster stores an entry, and the settings of an index."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from elasticsearch_dsl import Date, Document, Integer, Keyword, Long, Object, Text

from search.index.elastic.analysis import ANALYZER, index_settings
from search.index.entry_terms import analyse
from search.index.evidence import evidence_of
from search.index.plan import BODY, HEADINGS, SHORT_ANSWER, TITLE
from search.index.scoring import FIELDS, KEYWORDS, SATURATION, SHORTEST
from search.language import analysis, finglish

if TYPE_CHECKING:
    from search.documents import SearchEntry

#: Increase it with every change here. While two releases run side by side, the older one does not touch an index of
#: the newer one.
_LAYOUT: Final = 2
VERSION: Final = _LAYOUT * 1000 + analysis.VERSION

#: The fields that are searched.
TEXTS: Final = (TITLE, SHORT_ANSWER, BODY, KEYWORDS)

#: Separates the parts of a stored word. Texts contain no control characters (`search.language.analysis.clean`).
SEPARATOR: Final = "\x1f"
MAX_BEGINNING: Final = 12
_KEYWORD: Final = "keyword"


def _text(name: str) -> Any:
    """A text field that is indexed by stems; queries contain stems, so that they are not analysed a second time."""
    return Text(analyzer=ANALYZER, search_analyzer=_KEYWORD, similarity=_similarity(name), index_options="offsets")


def _similarity(name: str) -> str:
    return f"portal_{name}"


class EntryDocument(Document):
    """An entry as it is stored.

    The terms and word forms of an entry are computed here, by the analysis that all indexes share (`terms`, `forms`);
    they decide what matches and which words are known. The cluster's own analysis of the texts decides only how well an
    entry matches, and where.
    """

    kind = Keyword()
    object_id = Long()
    family = Keyword(index=False, doc_values=False)
    language = Keyword()
    title = _text(TITLE)
    short_answer = _text(SHORT_ANSWER)
    body = _text(BODY)
    keywords = _text(KEYWORDS)
    url = Keyword(index=False, doc_values=False)
    audience = Keyword()
    #: One field per facet, created with its first value.
    facets = Object(dynamic=True)
    popularity = Integer()
    evidence = Integer()
    updated = Date()
    digest = Keyword(index=False)
    #: The stems, the folded words, and all prefixes of the words.
    terms = Keyword(eager_global_ordinals=True)
    words = Keyword()
    beginnings = Text(analyzer="portal_beginnings", search_analyzer=_KEYWORD, index_options="docs", norms=False)
    #: Word, stem and spelling; in `sounds` preceded by the consonant skeleton.
    forms = Keyword()
    skeletons = Keyword()
    sounds = Keyword()


_FACETS: Final = "facets"
#: The fields that are fetched for a hit.
SHOWN: Final = [
    "kind", "object_id", "family", "language", TITLE, SHORT_ANSWER, BODY, "url", "popularity", "updated", _FACETS,
]  # fmt: skip


def field_of(facet: str) -> str:
    """The field that stores the values of a facet."""
    return facet if facet in HEADINGS else f"{_FACETS}.{facet}"


@lru_cache(maxsize=16)
def index_body(language: str) -> dict[str, Any]:
    """Settings and mappings of an index for entries in `language`."""
    own = index_settings(language)["analysis"]
    own = {
        **own,
        "filter": {
            **own["filter"],
            "portal_beginnings": {"type": "edge_ngram", "min_gram": 1, "max_gram": MAX_BEGINNING},
        },
        "analyzer": {
            **own["analyzer"],
            "portal_beginnings": {"type": "custom", "tokenizer": _KEYWORD, "filter": ["portal_beginnings"]},
        },
    }
    mappings = EntryDocument._doc_type.mapping.to_dict()  # noqa: SLF001 - elasticsearch_dsl's documented place of it
    facet = {"path_match": f"{_FACETS}.*", "mapping": {"type": _KEYWORD}}
    body = {
        "settings": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "similarity": {_similarity(name): _scoring(name) for name in TEXTS},
            "analysis": own,
        },
        "mappings": {**mappings, "dynamic": "strict", "dynamic_templates": [{_FACETS: facet}]},
    }
    mark = hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()
    body["mappings"]["_meta"] = {"portal": mark}
    return body


def _scoring(name: str) -> dict[str, Any]:
    """The similarity of a field: its BM25F weight without the inverse document frequency, which the query contains.

    See `search.index.scoring`. The cluster computes document frequencies per index and includes deleted entries: the
    same question would be ranked differently from day to day and from language to language.
    """
    field = FIELDS[name]
    length = f"Math.max(doc.length / {field.usual_length:.1f}, {SHORTEST})"
    evening = f"({1 - field.length_share:.3f} + {field.length_share:.3f} * {length})"
    source = (
        f"double count = {field.weight} * doc.freq / {evening}; return query.boost * count / (count + {SATURATION});"
    )
    return {"type": "scripted", "script": {"source": source}}


def mark_of(language: str) -> str:
    """The mark in the metadata of an index made by this release."""
    mark: str = index_body(language)["mappings"]["_meta"]["portal"]
    return mark


def document_of(entry: SearchEntry) -> dict[str, Any]:
    """The entry as it is stored."""
    analysed = analyse([entry])
    words = {word: SEPARATOR.join((word, found[0], found[-1])) for word, found in sorted(analysed.words.items())}
    skeletons = {word: finglish.skeleton(word) for word in words if not word.isascii()}
    document = EntryDocument(
        kind=entry.kind,
        object_id=entry.object_id,
        family=entry.family,
        language=entry.language,
        title=entry.title,
        short_answer=entry.short_answer,
        body=entry.body,
        keywords=entry.keywords,
        url=entry.url,
        audience=entry.audience,
        popularity=entry.popularity,
        evidence=evidence_of(entry),
        updated=entry.updated,
        digest=entry.digest,
        terms=sorted(analysed.terms),
        words=list(words),
        beginnings=list(words),
        forms=list(words.values()),
        skeletons=sorted(set(filter(None, skeletons.values()))),
        sounds=[SEPARATOR.join((sound, words[word])) for word, sound in skeletons.items() if sound],
        facets={name: list(codes) for name, codes in entry.facets.items()},
    )
    stored: dict[str, Any] = document.to_dict()
    return stored
