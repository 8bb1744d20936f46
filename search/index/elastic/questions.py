"""Translation of plans to Elasticsearch queries. User input is only ever used as a value."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from elasticsearch_dsl import A, Q, Search
from elasticsearch_dsl.function import SF

from search.index import evidence
from search.index.elastic.schema import TEXTS, field_of
from search.index.plan import BODY, FULL_WEIGHT, SHORT_ANSWER, TITLE, Place, Plan, Sort, few_words
from search.index.rarity import RARITY_UNIT, rarity
from search.index.scoring import FIELDS
from search.registry import offered_facets

if TYPE_CHECKING:
    from search.index.plan import Filters, QueryTerm

_MOST_VALUES: Final = 1000

#: Marks around a match: control characters, which `search.language.analysis.clean` removes from every text.
_BEGIN: Final = "\x02"
_END: Final = "\x03"
_HIGHLIGHTED: Final = (TITLE, SHORT_ANSWER, BODY)

#: So many terms of equal frequency for the same word are taken to be the completions of a beginning.
_ALIKE: Final = 4
#: Divisor of the field weights of completions: a title then counts about as much as for a complete word.
_ALIKE_SHARE: Final = 4.0
#: Share of a term's score in the other fields that is added to its score in the best one.
_OTHER_TEXTS: Final = 0.3

_TIES: Final = [
    {"popularity": "desc"},
    {"object_id": "asc"},
    {"language": "asc"},
    {"kind": "asc"},
]


def visible(audiences: Sequence[str]) -> Any:
    """A filter for what readers of these audiences may see."""
    return Q("terms", audience=list(audiences))


def words_of(plan: Plan) -> dict[int, list[QueryTerm]]:
    """The terms that answer each word of the question, by the number of the word."""
    words: dict[int, list[QueryTerm]] = defaultdict(list)
    for term in plan.terms:
        for word in term.words:
            words[word].append(term)
    return dict(words)


def _holds(terms: Sequence[QueryTerm], **options: Any) -> Any:
    """A query for entries that contain one of the terms, together with the terms required beside it."""
    alone = [term.text for term in terms if not term.beside]
    held = [Q("terms", terms=alone)] if alone else []
    held += [_all_of((term.text, *term.beside)) for term in terms if term.beside]
    return Q("bool", should=held, minimum_should_match=1, **options)


def _all_of(texts: Sequence[str]) -> Any:
    return Q("bool", filter=[Q("term", terms=text) for text in texts])


def _weighed_words(plan: Plan) -> list[Any]:
    """Queries whose scores add up to the weight of the words that an entry contains."""
    weights = plan.weights
    return [
        Q("constant_score", filter=_holds(terms), boost=weights[word] / RARITY_UNIT)
        for word, terms in words_of(plan).items()
    ]


@dataclass(frozen=True, slots=True)
class Enough:
    """What an entry must contain to match: words of this weight, or, if not None, so many of them."""

    weight: int
    words: int | None = None


def heaviest(plan: Plan, language: str) -> Search:
    """A search for the entries in a language whose words weigh most; the score is their weight."""
    return _best(plan, language, _weighed_words(plan))[: plan.wanted]


def most_words(plan: Plan, language: str) -> Search:
    """A search for the entry in a language with the most words; the score is their number."""
    held = [Q("constant_score", filter=_holds(terms), boost=1.0) for terms in words_of(plan).values()]
    return _best(plan, language, held)[:1]


def _best(plan: Plan, language: str, scored: Sequence[Any]) -> Search:
    seen = [visible(plan.audiences), Q("term", language=language)]
    asked = Search().query(Q("bool", should=list(scored), minimum_should_match=1, filter=seen))
    return asked.source(excludes=["*"]).extra(track_total_hits=False)


def enough_for(plan: Plan, weights: Sequence[int], most: int) -> Enough:
    """What is enough in a language, given the weights of its best entries and the most words of one."""
    least = plan.least
    few = sum(weight >= least for weight in weights) < plan.wanted
    return Enough(least, few_words(most) if few else None)


def holding_words(plan: Plan) -> list[Any]:
    """A query for each word of a plan, named by its number, for entries that contain it."""
    return [_holds(terms, _name=str(word)) for word, terms in words_of(plan).items()]


def matching(plan: Plan, enough: Mapping[str, Enough]) -> Any:
    """A query for visible entries that contain enough of the question, by language; scored by relevance."""
    if not plan.terms:
        return Q("bool", filter=[visible(plan.audiences)])
    named = holding_words(plan)
    languages: dict[Enough, list[str]] = defaultdict(list)
    for language, least in enough.items():
        languages[least].append(language)
    weighed = Q("bool", should=_weighed_words(plan), minimum_should_match=1)
    holding = []
    for least, some in languages.items():
        # Weights are thousandths, and their sums floats there.
        ways = [Q("function_score", query=weighed, min_score=(least.weight - 0.5) / RARITY_UNIT)]
        if least.words is not None:
            ways.append(Q("bool", should=named, minimum_should_match=least.words))
        holding.append(Q("bool", should=ways, minimum_should_match=1, filter=[Q("terms", language=some)]))
    return Q(
        "bool",
        filter=[
            visible(plan.audiences),
            Q("bool", should=named, minimum_should_match=1),
            Q("bool", should=holding, minimum_should_match=1) if holding else Q("match_none"),
        ],
        should=list(_scores(plan)),
    )


def _scores(plan: Plan) -> Iterator[Any]:
    """Score queries for each word: the better of its own terms and its strongest synonym."""
    for terms in words_of(plan).values():
        own = [term for term in terms if term.weight == FULL_WEIGHT]
        others = [term for term in terms if term.weight != FULL_WEIGHT]
        answers = [_score(term, plan) for term in others]
        if own:
            answers.append(Q("bool", should=list(_own_scores(own, plan))))
        yield answers[0] if len(answers) == 1 else Q("dis_max", queries=answers)


def _own_scores(terms: Sequence[QueryTerm], plan: Plan) -> Iterator[Any]:
    alike: dict[tuple[tuple[int, ...], int], list[QueryTerm]] = defaultdict(list)
    for term in terms:
        alike[term.words, term.frequency].append(term)
    for some in alike.values():
        if len(some) < _ALIKE:
            yield from (_score(term, plan) for term in some)
            continue
        for name in TEXTS:
            held = Q("terms", **{name: [term.text for term in some]})
            yield Q("constant_score", filter=held, boost=_weight(some[0], plan) * FIELDS[name].weight / _ALIKE_SHARE)


def _score(term: QueryTerm, plan: Plan) -> Any:
    """The score of a term in its best field, plus a share of its scores in the others."""
    score = Q(
        "multi_match", query=term.text, fields=list(TEXTS), type="best_fields", tie_breaker=_OTHER_TEXTS,
        analyzer="keyword", boost=_weight(term, plan),
    )  # fmt: skip
    return Q("bool", must=[score], filter=[_all_of(term.beside)]) if term.beside else score


def _weight(term: QueryTerm, plan: Plan) -> float:
    """The rarity of a term, divided among the words it answers."""
    return rarity(term.frequency, plan.size) / RARITY_UNIT * term.weight / FULL_WEIGHT / len(term.words)


def weighed(query: Any, plan: Plan) -> Any:
    """The query with its score increased by the evidence for each entry (`search.index.evidence`)."""
    since = timezone.now() - dt.timedelta(days=evidence.FRESH_DAYS)
    grown = [
        SF({"weight": 1.0}),
        SF("field_value_factor", field="evidence", factor=1 / evidence.FULL, missing=0),
        _bonus(evidence.FRESH, Q("range", updated={"gt": since.isoformat()})),
    ]
    if plan.prefers:
        grown.append(_bonus(evidence.PREFERRED, Q("bool", should=[_has(*chosen) for chosen in plan.prefers.items()])))
    return Q("function_score", query=query, functions=grown, score_mode="sum", boost_mode="multiply")


def _bonus(per_mille: int, condition: Any) -> Any:
    return SF({"weight": per_mille / evidence.FULL, "filter": condition.to_dict()})


def _has(facet: str, codes: Sequence[str]) -> Any:
    """A query for entries with one of the values of a facet."""
    return Q("terms", **{field_of(facet): list(codes)})


def chosen(filters: Filters, *, but: str = "") -> list[Any]:
    """Clauses for the filters the reader chose, except in the facet `but`."""
    clauses = [_has(name, codes) for name, codes in filters.items() if name != but]
    if filters.updated_since is not None:
        clauses.append(Q("range", updated={"gte": filters.updated_since.isoformat()}))
    return clauses


def page(plan: Plan, enough: Mapping[str, Enough]) -> Search:
    """A search for the page of entries the plan asks for."""
    query = matching(plan, enough)
    if filters := chosen(plan.filters):
        query = Q("bool", must=[query], filter=filters)
    order: list[Any] = [*_TIES]
    if plan.sort == Sort.NEWEST:
        order = [{"updated": {"order": "desc", "missing": "_last"}}, *order]
    elif plan.terms:
        order = ["_score", *order]
    asked = Search().query(weighed(query, plan) if plan.terms else query).sort(*order)
    return asked.extra(track_total_hits=True, track_scores=True)[plan.offset : plan.offset + plan.limit]


def counted() -> list[str]:
    """The names of the facets whose values are counted."""
    return [facet.name for facet in offered_facets()]


def counts(plan: Plan, enough: Mapping[str, Enough]) -> Search:
    """A search that counts the matching entries for each value of each facet, ignoring the filter on that facet."""
    asked = Search().query("bool", filter=[matching(plan, enough)])[:0].extra(track_total_hits=False)
    for facet in counted():
        others = chosen(plan.filters, but=facet)
        bucket = A("filter", Q("bool", filter=others)) if others else A("filter", Q("match_all"))
        bucket.bucket("values", "terms", field=field_of(facet), size=_MOST_VALUES)
        asked.aggs.bucket(facet, bucket)
    return asked


def highlighted(asked: Search, terms: Sequence[QueryTerm]) -> Search:
    """The search with highlighting of the terms."""
    if not terms:
        return asked
    alone = [term.text for term in terms if not term.beside]
    marked = [Q("terms", **{name: alone}) for name in _HIGHLIGHTED] if alone else []
    for texts in ([term.text, *term.beside] for term in terms if term.beside):
        somewhere = Q("bool", should=[Q("terms", **{name: texts}) for name in _HIGHLIGHTED])
        marked.append(Q("bool", must=[somewhere], filter=[_all_of(texts)]))
    return asked.highlight_options(
        type="unified",
        number_of_fragments=0,
        pre_tags=[_BEGIN],
        post_tags=[_END],
        highlight_query=Q("bool", should=marked).to_dict(),
    ).highlight(*_HIGHLIGHTED)


def read_places(marked: Mapping[str, Sequence[str]]) -> dict[str, list[Place]]:
    """The places of the highlighted words, as offsets in the text without marks."""
    places: dict[str, list[Place]] = {}
    for name, texts in marked.items():
        for text in texts:
            found = []
            length = 0
            for piece in text.split(_BEGIN):
                inside, end, after = piece.partition(_END)
                if end:
                    found.append((length, length + len(inside)))
                length += len(inside) + len(after)
            places[name] = found
    return places
