"""An entry as the cluster stores it, and the settings of an index."""

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

#: Raise it with every change here. Releases side by side: the older one leaves an index of the newer one alone.
_LAYOUT: Final = 2
VERSION: Final = _LAYOUT * 1000 + analysis.VERSION

#: The fields that are searched.
TEXTS: Final = (TITLE, SHORT_ANSWER, BODY, KEYWORDS)

#: Between the parts of a stored word. Texts hold no control characters (`search.language.analysis.clean`).
SEPARATOR: Final = "\x1f"
MAX_BEGINNING: Final = 12
_KEYWORD: Final = "keyword"


def _text(name: str) -> Any:
    """A text whose words are stems in the index, and which is asked for stems: nobody analyses a question twice."""
    return Text(analyzer=ANALYZER, search_analyzer=_KEYWORD, similarity=_similarity(name), index_options="offsets")


def _similarity(name: str) -> str:
    return f"portal_{name}"


class EntryDocument(Document):
    """What is stored of an entry.

    Which words an entry holds is worked out here, by the analysis all indexes share (`terms`, `forms`): it decides what
    matches and what is known. How well an entry matches and where is up to the cluster's own analysis of the texts.
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
    #: A field for each facet, made when its first value comes.
    facets = Object(dynamic=True)
    popularity = Integer()
    evidence = Integer()
    updated = Date()
    digest = Keyword(index=False)
    #: The stems, the folded words, and all beginnings of these.
    terms = Keyword(eager_global_ordinals=True)
    words = Keyword()
    beginnings = Text(analyzer="portal_beginnings", search_analyzer=_KEYWORD, index_options="docs", norms=False)
    #: Word, stem and spelling; the same behind the skeleton of consonants.
    forms = Keyword()
    skeletons = Keyword()
    sounds = Keyword()


_FACETS: Final = "facets"
#: What is read of a hit.
SHOWN: Final = [
    "kind", "object_id", "family", "language", TITLE, SHORT_ANSWER, BODY, "url", "popularity", "updated", _FACETS,
]  # fmt: skip


def field_of(facet: str) -> str:
    """Where the values of a facet are stored."""
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
    """How much a term in the field counts, but for the term's rarity, which the question brings along (`search.index.scoring`).

    The cluster's own rarity counts each index by itself, and deleted entries too: it would rank the same question in
    another way from day to day, and in every language.
    """
    field = FIELDS[name]
    length = f"Math.max(doc.length / {field.usual_length:.1f}, {SHORTEST})"
    evening = f"({1 - field.length_share:.3f} + {field.length_share:.3f} * {length})"
    source = (
        f"double count = {field.weight} * doc.freq / {evening}; return query.boost * count / (count + {SATURATION});"
    )
    return {"type": "scripted", "script": {"source": source}}


def mark_of(language: str) -> str:
    """What an index of this release says of itself."""
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
