"""The index in an Elasticsearch cluster (docs/decisions/0007-elasticsearch.md).

Only this package imports elasticsearch and elasticsearch_dsl, and it is imported only if a cluster is configured.

`connection`  timeouts, authentication, errors   `schema`     how an entry is stored
`indices`     indices and their aliases          `writing`    bulk requests, versions
`questions`   plans as queries                   `words`      vocabulary, completions, spellings
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.dateparse import parse_datetime
from elasticsearch import Elasticsearch, helpers
from elasticsearch_dsl import MultiSearch, Q, Search

from portal.core.audience import PUBLIC, register_audience
from portal.core.scopes import content_changed
from search.index.elastic import questions, words
from search.index.elastic.connection import asking, in_time
from search.index.elastic.indices import Indices
from search.index.elastic.questions import Enough
from search.index.elastic.schema import SHOWN
from search.index.elastic.writing import Writer, id_of
from search.index.errors import UnavailableError
from search.index.limits import once
from search.index.plan import BackendHit, EntryKey, FacetCounts, Found, Plan, Vocabulary
from search.index.rarity import RARITY_UNIT
from search.language.spelling import Spelling

if TYPE_CHECKING:
    from search.documents import SearchEntry

_SCORE_UNIT: Final = 1000
_READ_AT_ONCE: Final = 2_000
_MOST_KINDS: Final = 1_000

#: Whether this context rebuilds the indices: it then writes only to the new ones, while all others write to both.
_rebuilding: Final[ContextVar[bool]] = ContextVar("search_rebuilding", default=False)


class ElasticBackend:
    """Implements `search.index.protocol.Backend`. Every method raises `UnavailableError` if the cluster fails.

    Writes take no part in transactions.
    """

    def __init__(self, client: Elasticsearch, *, prefix: str, languages: Sequence[str] = ()) -> None:
        """`prefix` begins the names of this portal's indices; `languages` are those of the portal by default."""
        self._client = client
        known = languages or [code for code, _name in settings.LANGUAGES]
        self.indices = Indices(client, prefix, known)
        self._writer = Writer(client, self.indices)

    # Writing --------------------------------------------------------------------------------------------------------

    def put(self, entries: Collection[SearchEntry], *, force: bool = False) -> None:
        """See `Backend.put`. Raises `RejectedError` for entries the cluster refused; the others are stored."""
        objects: dict[str, set[int]] = defaultdict(set)
        for entry in entries:
            objects[entry.kind].add(entry.object_id)
        self._keep(objects, lambda: entries, force=force)

    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        self._keep({kind: object_ids}, lambda: ())

    def follow(self, *, kind: str, object_ids: Collection[int], read: Callable[[], Collection[SearchEntry]]) -> None:
        """See `search.index.protocol.Mirror`. Raises `RejectedError` as `put` does."""
        self._keep({kind: object_ids}, read, force=True)

    def _keep(
        self,
        objects: Mapping[str, Collection[int]],
        read: Callable[[], Collection[SearchEntry]],
        *,
        force: bool = False,
    ) -> None:
        def entries() -> dict[EntryKey, SearchEntry]:
            found = read()
            for audience in {entry.audience for entry in found} - {PUBLIC}:
                register_audience(audience)
            return {(entry.kind, entry.object_id, entry.language): entry for entry in found}

        if not any(objects.values()):
            return
        if self._writer.keep(objects, entries, force=force, into_filling_only=_rebuilding.get()):
            content_changed("search:index")

    def mend(self) -> int:
        """Nothing: the cluster keeps checksums and copies of its own."""
        return 0

    @contextmanager
    def rebuild(self) -> Iterator[None]:
        """Fill new indices, which replace the old ones in one step, including changes made meanwhile.

        Entries that could not be put again are copied unchanged.
        """
        self.indices.delete_filling()
        created = self.indices.create(self.indices.languages)
        token = _rebuilding.set(True)
        try:
            yield
            self._take_along(created)
        except BaseException:
            with suppress(UnavailableError):
                self.indices.delete_filling()
            raise
        finally:
            _rebuilding.reset(token)
        self.indices.publish(created)
        content_changed("search:index")

    def _take_along(self, created: Mapping[str, str]) -> None:
        for language, place in self.indices.places().items():
            target = created[language]
            self.indices.refresh(target)
            if place.live:
                left = self._ids(place.live) - self._ids(target)
                self.indices.copy(sorted(left), source=place.live, target=target)

    # Reading --------------------------------------------------------------------------------------------------------

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        asked = questions.page(plan, self._enough(plan))
        if with_places:
            asked = questions.highlighted(asked, plan.terms)
        answer = self._ask(asked.source(SHOWN))
        with asking():
            return Found(hits=[_hit(hit) for hit in answer["hits"]["hits"]], total=answer["hits"]["total"]["value"])

    def facets(self, plan: Plan) -> FacetCounts:
        answer = self._ask(questions.counts(plan, self._enough(plan)))
        with asking():
            return {
                facet: {
                    bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"][facet]["values"]["buckets"]
                }
                for facet in questions.counted()
            }

    def vocabulary(
        self,
        terms: Collection[str],
        *,
        audiences: Collection[str],
        beginnings: Collection[str] = (),
        completions: int = 0,
    ) -> Vocabulary:
        begun: dict[str, list[str]] = {}
        if beginnings and completions:
            some = list(beginnings)
            begun = words.read_completions(self._ask(words.completions(some, audiences)), some)
        stems = list(dict.fromkeys([*terms, *(stem for found in begun.values() for stem in found)]))
        answer = self._ask(words.frequencies(stems, audiences))
        with asking():
            counts = words.read_frequencies(answer, stems)
            completed = {
                beginning: dict(
                    sorted(
                        ((stem, counts[stem]) for stem in begun.get(beginning, ()) if stem in counts),
                        key=lambda found: (-found[1], found[0]),
                    )[:completions]
                )
                for beginning in beginnings
            }
            return Vocabulary(
                size=answer["hits"]["total"]["value"],
                frequencies={term: counts[term] for term in terms if term in counts},
                completions=completed,
            )

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        if not keys:
            return []
        wanted = Q("ids", values=[id_of(key) for key in keys])
        filters = [wanted, questions.visible(plan.audiences), *questions.chosen(plan.filters)]
        held = Search().query("bool", filter=filters, should=questions.holding_words(plan))
        answer = self._ask(questions.highlighted(held, plan.terms).source(SHOWN).extra(size=len(keys)))
        with asking():
            return [_hit(hit) for hit in answer["hits"]["hits"]]

    def spellings(self, words_: Collection[str], *, audiences: Collection[str]) -> Mapping[str, Spelling]:
        asked = sorted(set(words_))
        known = words.read_known(self._ask(words.known(asked, audiences))) if asked else []
        if not known:
            return {}
        answer = self._ask(words.forms(known, audiences))
        with asking():
            found = [(word, stem, written) for (word, stem, written), _count in words.read_forms(answer)]
        return words.spellings(found, self._counts({stem for _word, stem, _written in found}, audiences))

    def sounding_like(
        self, skeletons: Collection[str], *, audiences: Collection[str], limit: int = 50
    ) -> Mapping[str, Sequence[Spelling]]:
        asked = sorted(set(filter(None, skeletons)))
        if not asked:
            return {}
        answer = self._ask(words.sounds(asked, audiences))
        with asking():
            found = [(sound, word, stem, written) for (sound, word, stem, written), _count in words.read_forms(answer)]
        return words.by_sound(found, self._counts({stem for _s, _w, stem, _t in found}, audiences), limit)

    def digests(
        self, kind: str, *, above: int | None = None, up_to: int | None = None
    ) -> Iterator[tuple[int, str, str]]:
        """See `Backend.digests`; optionally only for objects with ids in ``(above, up_to]``."""
        numbers = {name: value for name, value in (("gt", above), ("lte", up_to)) if value is not None}
        filters = [Q("term", kind=kind), *([Q("range", object_id=numbers)] if numbers else [])]
        asked = Search().query("bool", filter=filters).source(["object_id", "language", "digest"])
        for source in self._all(asked):
            yield source["object_id"], source["language"], source["digest"]

    def kinds(self) -> set[str]:
        asked = Search(index=self._current())[:0]
        asked.aggs.bucket("kinds", "terms", field="kind", size=_MOST_KINDS)
        with asking():
            answer = asked.using(in_time(self._client)).execute().to_dict()
            return {bucket["key"] for bucket in answer["aggregations"]["kinds"]["buckets"]}

    def count(self) -> int:
        with asking():
            return Search(index=self._current()).using(in_time(self._client)).count()

    # Requests -------------------------------------------------------------------------------------------------------

    def _enough(self, plan: Plan) -> Mapping[str, Enough]:
        """What an entry must contain to match, by language."""
        if not plan.terms:
            return {}
        if plan.word_count == 1:
            return dict.fromkeys(self.indices.languages, Enough(1))
        key = ("enough", plan.terms, plan.size, plan.audiences, plan.wanted)
        return once(key, lambda: self._ask_enough(plan))

    def _ask_enough(self, plan: Plan) -> dict[str, Enough]:
        many = MultiSearch()
        for language in self.indices.languages:
            for asked in (questions.heaviest(plan, language), questions.most_words(plan, language)):
                many = many.add(asked.index(self.indices.alias(language)).params(allow_partial_search_results=False))
        with asking():
            answers = [answer.to_dict()["hits"]["hits"] for answer in many.using(in_time(self._client)).execute()]
        return {
            language: questions.enough_for(
                plan, [round(hit["_score"] * RARITY_UNIT) for hit in heaviest], round(most[0]["_score"])
            )
            for language, heaviest, most in zip(self.indices.languages, answers[::2], answers[1::2], strict=True)
            if most
        }

    def _counts(self, stems: Collection[str], audiences: Collection[str]) -> dict[str, int]:
        some = sorted(stems)
        answer = self._ask(words.frequencies(some, audiences))
        with asking():
            return words.read_frequencies(answer, some)

    def _ask(self, asked: Search) -> dict[str, Any]:
        """Search the indices of all languages. Partial results, which would be wrong, are an error."""
        asked = asked.index(self.indices.aliases).params(allow_partial_search_results=False)
        with asking():
            answer: dict[str, Any] = asked.using(in_time(self._client)).execute().to_dict()
        return answer

    def _current(self) -> list[str]:
        current = [place.current for place in self.indices.places().values()]
        if None in current:
            raise UnavailableError("an index is missing")
        return [name for name in current if name]

    def _all(self, asked: Search) -> Iterator[dict[str, Any]]:
        indices = self._current()
        for name in indices:
            self.indices.refresh(name)
        with asking():
            for hit in helpers.scan(
                in_time(self._client), query=asked.to_dict(), index=indices, size=_READ_AT_ONCE, raise_on_error=True
            ):
                yield hit["_source"]

    def _ids(self, index: str) -> set[str]:
        with asking():
            found = helpers.scan(in_time(self._client), index=index, size=_READ_AT_ONCE, query={"_source": False})
            return {hit["_id"] for hit in found}


def _hit(hit: Mapping[str, Any]) -> BackendHit:
    source = hit["_source"]
    updated = source.get("updated")
    return BackendHit(
        kind=source["kind"],
        object_id=source["object_id"],
        family=source["family"],
        language=source["language"],
        title=source["title"],
        short_answer=source["short_answer"],
        body=source["body"],
        url=source["url"],
        facets={name: tuple(codes) for name, codes in source.get("facets", {}).items()},
        popularity=source["popularity"],
        updated=parse_datetime(updated) if updated else None,
        score=round(_SCORE_UNIT * (hit.get("_score") or 0)),
        matched=len(hit.get("matched_queries", ())),
        places=questions.read_places(hit.get("highlight", {})),
        words=frozenset(map(int, hit.get("matched_queries", ()))),
    )
