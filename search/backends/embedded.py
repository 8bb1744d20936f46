"""The index in the portal's own database: the same rows and sums, and so the same ranking, on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import gc
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from django.db import connection, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from portal.core.audience import PUBLIC, register_audience
from portal.core.memo import index_changed
from search import evidence
from search.backends import (
    BackendHit,
    EntryKey,
    FacetCounts,
    Found,
    Place,
    Plan,
    QueryTerm,
    Sort,
    Spelling,
    Vocabulary,
    blocks,
    matching,
    sql,
)
from search.finglish import skeleton
from search.locks import lock_objects
from search.models import IndexedEntry, Scope, Term
from search.scoring import AnalysedEntry, analyse_entry, facet_term, read_places

if TYPE_CHECKING:
    from search.backends import Filters
    from search.backends.blocks import Heading
    from search.backends.matching import Matching
    from search.documents import SearchEntry

#: The term that stands in every entry: its count is the size of the index, without counting.
EVERYTHING: Final = ""

#: Entries.
_ANALYSE_AFTER: Final = 100
#: Entries that are worth pausing for.
_MANY: Final = 50
#: Facets whose values are terms of the index; kind and language are known of every posting.
_VALUES: Final = ("product", "topic")
#: Entries whose values are read from their rows; of more, the postings of all values are read.
_READ_ROWS: Final = 2_000
#: Entries of which everything is read at once; of more, first what their order depends on.
_READ_WHOLE: Final = 60

_COLUMNS: Final = (
    "id", "scope_id", "kind", "object_id", "family", "language", "audience", "popularity", "updated", "digest",
    "facets_text", "title", "short_answer", "body", "url", "terms", "places",
)  # fmt: skip
_ORDER: Final = "e.id, e.kind, e.object_id, e.language, e.popularity, e.updated, e.facets_text"
_HIT: Final = f"{_ORDER}, e.family, e.title, e.short_answer, e.body, e.url"
_PERSIAN: Final = re.compile("[\u0600-\u06ff]")


class EmbeddedBackend:
    """See `search.backends.Backend`."""

    #: Entries written by this process since the database last looked at the tables.
    _written: ClassVar[int] = 0

    # Writing --------------------------------------------------------------------------------------------------------

    @transaction.atomic
    def put(self, entries: Collection[SearchEntry], *, force: bool = False) -> None:
        wanted: dict[EntryKey, SearchEntry] = {(e.kind, e.object_id, e.language): e for e in entries}
        objects: dict[str, set[int]] = defaultdict(set)
        for kind, object_id, _language in wanted:
            objects[kind].add(object_id)
        indexed = self._lock(objects)
        superfluous = [pk for key, (pk, _digest) in indexed.items() if key not in wanted]
        changed = {
            key: entry
            for key, entry in wanted.items()
            if force or key not in indexed or indexed[key][1] != entry.digest
        }
        if not changed and not superfluous:
            return
        for audience in {entry.audience for entry in changed.values()} - {PUBLIC}:
            register_audience(audience)
        pks = self._keys(changed, indexed)
        replaced = [pks[key] for key in changed if key in indexed]
        changes = blocks.Changes()
        with _bulk_work(len(changed)):
            self._take_out([*replaced, *superfluous], changes)
            self._write(sorted(changed.items(), key=lambda item: pks[item[0]]), pks, changes)
            self._settle(changes, len(changed) - len(replaced) - len(superfluous))
        self._keep_statistics(len(changed))
        index_changed()

    @transaction.atomic
    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        pks = [pk for pk, _digest in self._lock({kind: set(object_ids)}).values()]
        if not pks:
            return
        changes = blocks.Changes()
        self._take_out(pks, changes)
        self._settle(changes, -len(pks))
        index_changed()

    def _lock(self, objects: Mapping[str, set[int]]) -> dict[EntryKey, tuple[int, str]]:
        """Have the objects, and then the index, for ourselves; the entries' keys and digests as they are now."""
        for kind in sorted(objects):
            lock_objects(kind, objects[kind])
        sql.write_alone()
        indexed: dict[EntryKey, tuple[int, str]] = {}
        for kind in objects:
            for some in sql.chunks(objects[kind]):
                rows = IndexedEntry.objects.filter(kind=kind, object_id__in=some)
                for pk, object_id, language, digest in rows.values_list("pk", "object_id", "language", "digest"):
                    indexed[kind, object_id, language] = (pk, digest)
        return indexed

    def _keys(self, changed: Collection[EntryKey], indexed: Mapping[EntryKey, tuple[int, str]]) -> dict[EntryKey, int]:
        """The keys of the entries' rows: those they have, and new ones greater than all."""
        last = IndexedEntry.objects.aggregate(last=Max("pk"))["last"] or 0
        new = [key for key in changed if key not in indexed]
        return {key: indexed[key][0] for key in changed if key in indexed} | {
            key: last + place for place, key in enumerate(new, 1)
        }

    def _take_out(self, pks: Sequence[int], changes: blocks.Changes) -> None:
        for some in sql.chunks(pks):
            rows = IndexedEntry.objects.filter(pk__in=some).values_list("pk", "scope", "terms")
            for pk, scope, terms in rows:
                changes.remove(pk, scope, blocks.unpack(terms))
        sql.delete(sql.ENTRY, "id", pks)

    def _write(
        self, entries: Sequence[tuple[EntryKey, SearchEntry]], pks: Mapping[EntryKey, int], changes: blocks.Changes
    ) -> None:
        analysed = [analyse_entry(entry) for _key, entry in entries]
        values = [[facet_term(*facet) for facet in entry.facets if facet[0] in _VALUES] for _key, entry in entries]
        texts = {text for each in analysed for text in each.impacts} | {text for each in values for text in each}
        term_ids = self._know_terms(texts)
        self._know_words(analysed, term_ids)
        scopes = self._know_scopes({(entry.kind, entry.language, entry.audience) for _key, entry in entries})
        rows = []
        for (key, entry), words, facets in zip(entries, analysed, values, strict=True):
            impacts = {term_ids[text]: impact for text, impact in words.impacts.items()}
            impacts.update((term_ids[text], 0) for text in facets)
            scope = scopes[entry.kind, entry.language, entry.audience]
            changes.add(pks[key], scope, impacts)
            rows.append(_row(entry, pks[key], scope, impacts, words))
        sql.insert(sql.ENTRY, _COLUMNS, rows)

    def _know_scopes(self, wanted: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
        known = {
            (kind, language, audience): pk
            for pk, kind, language, audience in Scope.objects.values_list("pk", "kind", "language", "audience")
        }
        for kind, language, audience in sorted(wanted - known.keys()):
            scope = Scope.objects.create(kind=kind, language=language, audience=audience)
            known[kind, language, audience] = scope.pk
        return known

    def _know_terms(self, texts: Collection[str]) -> dict[str, int]:
        """The keys of the terms; new ones are added."""
        known = self._term_ids(texts)
        missing = sorted({*texts, EVERYTHING} - known.keys())
        if missing:
            sql.insert(sql.TERM, ("text", "entry_count"), ((text, 0) for text in missing))
            known |= self._term_ids(missing)
        return known

    def _term_ids(self, texts: Collection[str]) -> dict[str, int]:
        known: dict[str, int] = {}
        for some in sql.chunks(texts):
            statement = f"SELECT text, id FROM {sql.TERM} WHERE text IN ({sql.placeholders(some)})"  # noqa: S608 - our name
            known.update(sql.fetch(statement, some))
        return known

    def _know_words(self, analysed: Collection[AnalysedEntry], term_ids: Mapping[str, int]) -> None:
        words = {word: found for entry in analysed for word, found in entry.words.items()}
        known: set[str] = set()
        for some in sql.chunks(words):
            statement = f"SELECT text FROM {sql.WORD} WHERE text IN ({sql.placeholders(some)})"  # noqa: S608 - our name
            known.update(row[0] for row in sql.fetch(statement, some))
        new = (
            (word, found[-1], term_ids[found[0]], skeleton(word) if _PERSIAN.search(word) else "")
            for word, found in sorted(words.items())
            if word not in known
        )
        sql.insert(sql.WORD, ("text", "spelling", "term_id", "skeleton"), new)

    def _settle(self, changes: blocks.Changes, more_entries: int) -> None:
        """Write the postings, and count the terms anew."""
        changes.write()
        sql.count_terms(changes.counts())
        if more_entries:
            Term.objects.filter(text=EVERYTHING).update(entry_count=F("entry_count") + more_entries)

    def _keep_statistics(self, written: int) -> None:
        """Have PostgreSQL look at tables that grew: a plan made for an empty index takes minutes on a full one.

        It would look by itself within a minute or so; a search right after an import must not wait that long. Looked
        at again when as much as was there has come.
        """
        cls = type(self)
        cls._written += written
        if cls._written >= _ANALYSE_AFTER and connection.vendor == "postgresql":
            size = Term.objects.filter(text=EVERYTHING).values_list("entry_count", flat=True).first() or 0
            if cls._written * 4 >= size:
                cls._written = 0
                sql.analyse()

    @contextmanager
    def rebuild(self) -> Iterator[None]:
        """Entries are replaced in place, so nothing is ever missing; afterwards counts are checked and words pruned."""
        yield
        with transaction.atomic():
            sql.write_alone()
            with connection.cursor() as cursor:
                cursor.execute(f"""
                    UPDATE {sql.TERM} SET entry_count = COALESCE((
                        SELECT SUM(LENGTH(b.data)) FROM {sql.BLOCK} b WHERE b.term_id = {sql.TERM}.id
                    ), 0) / {blocks.POSTING_SIZE} WHERE text <> ''
                """)  # noqa: S608 - our names
            Term.objects.update_or_create(text=EVERYTHING, defaults={"entry_count": self.count()})
            Term.objects.filter(entry_count=0).exclude(text=EVERYTHING).delete()
            sql.analyse()

    # Reading --------------------------------------------------------------------------------------------------------

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        if not plan.terms:
            return self._listed(plan)
        found = matching.joined(matching.find(plan, plan.filters).values())
        found = _narrowed(plan, plan.filters, found)
        best_found = _candidates(plan, found)
        candidates = best_found.pks.tolist()
        scores = dict(zip(candidates, best_found.scores.tolist(), strict=True))
        matched = dict(zip(candidates, best_found.matched.tolist(), strict=True))
        if len(candidates) <= _READ_WHOLE:
            rows = _best(plan, scores, _rows(_HIT, candidates, with_places=with_places))
        else:
            best = [row[0] for row in _best(plan, scores, _rows(_ORDER, candidates))]
            rows = _best(replace(plan, offset=0), scores, _rows(_HIT, best, with_places=with_places))
        places = self._places(rows, plan.terms) if with_places else {}
        hits = [_hit(row, places.get(row[0], {}), _final(plan, scores, row), matched[row[0]]) for row in rows]
        return Found(hits=hits, total=len(found.pks))

    def _listed(self, plan: Plan) -> Found:
        """Everything the filters leave, the popular or the new first."""
        where, parameters = sql.listed(plan)
        among = matching.with_values(plan, plan.filters)
        if among is not None:
            where += f" AND e.id IN ({', '.join(map(str, among.tolist())) or 'NULL'})"
        first = "e.updated DESC NULLS LAST, " if plan.sort == Sort.NEWEST else ""
        page = f"""
            SELECT {_HIT} FROM {sql.ENTRY} e {where}
            ORDER BY {first}e.popularity DESC, e.object_id, e.language, e.kind {sql.byte_order()} LIMIT %s OFFSET %s
        """  # noqa: S608 - names, placeholders and numbers only
        rows = sql.fetch(page, [*parameters, plan.limit, plan.offset])
        ((total,),) = sql.fetch(f"SELECT COUNT(*) FROM {sql.ENTRY} e {where}", parameters)  # noqa: S608 - as above
        return Found(hits=[_hit(row, {}, 0, 0) for row in rows], total=total)

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        if not keys:
            return []
        narrowed, values = sql.columns(plan.filters)
        wanted = ", ".join(["(%s, %s, %s)"] * len(keys))
        conditions = " AND ".join([f"e.audience IN ({sql.placeholders(plan.audiences)})", *narrowed])
        statement = f"""
            WITH wanted (kind, object_id, language) AS (VALUES {wanted})
            SELECT {_HIT}, e.terms, e.places
            FROM wanted JOIN {sql.ENTRY} e
                ON e.kind = wanted.kind AND e.object_id = wanted.object_id AND e.language = wanted.language
            WHERE {conditions}
        """  # noqa: S608 - table names and placeholders only
        rows = sql.fetch(statement, [*(part for key in keys for part in key), *plan.audiences, *values])
        rows = [row for row in rows if _has_values(row, plan.filters)]
        places = self._places(rows, plan.terms)
        return [_hit(row, places.get(row[0], {}), 0, 0) for row in rows]

    def facets(self, plan: Plan) -> FacetCounts:
        filters = plan.filters
        anywhere = replace(filters, kinds=(), languages=())
        found: Mapping[Heading, np.ndarray]
        if plan.terms:
            found = {heading: match.pks for heading, match in matching.find(plan, anywhere).items()}
        else:
            found = _everything(plan)
        lately = _changed_since(plan, *found.values())
        counts: dict[str, dict[str, int]] = {}
        narrowed = _Narrowed(found, matching.with_values(plan, filters), lately)
        counts["kind"] = narrowed.count(0, languages=filters.languages)
        counts["language"] = narrowed.count(1, kinds=filters.kinds)
        if filters.products or filters.topics:
            for name, chosen in zip(_VALUES, (filters.products, filters.topics), strict=True):
                allowed = narrowed
                if chosen:
                    allowed = _Narrowed(found, matching.with_values(plan, filters, but=name), lately)
                pks = allowed.keys(kinds=filters.kinds, languages=filters.languages)
                counts[name] = _count_values(plan, pks, (name,))[name]
        else:
            counts |= _count_values(plan, narrowed.keys(kinds=filters.kinds, languages=filters.languages), _VALUES)
        return counts

    def vocabulary(
        self,
        terms: Collection[str],
        *,
        audiences: Collection[str],
        beginnings: Collection[str] = (),
        completions: int = 0,
    ) -> Vocabulary:
        visible, allowed = sql.visible(audiences)
        statement = f"SELECT 'size', '', text, entry_count FROM {sql.TERM} WHERE text = ''"  # noqa: S608 - table name
        parameters: list[Any] = []
        if terms:
            statement += f"""
                UNION ALL SELECT 'term', '', t.text, t.entry_count FROM {sql.TERM} t
                WHERE t.text IN ({sql.placeholders(terms)}) AND {visible}
            """  # noqa: S608 - table names and placeholders only
            parameters += [*terms, *allowed]
        for beginning in beginnings:
            statement += f"""
                UNION ALL SELECT 'completion', %s, t.text, t.entry_count FROM (
                    SELECT s.id, s.text, s.entry_count FROM {sql.WORD} w JOIN {sql.TERM} s ON s.id = w.term_id
                    WHERE {sql.begins("w.text")} AND s.entry_count > 0
                    GROUP BY s.id, s.text, s.entry_count
                    ORDER BY s.entry_count DESC, s.text {sql.byte_order()} LIMIT %s
                ) t WHERE {visible}
            """  # noqa: S608 - table names and placeholders only
            parameters += [beginning, *sql.bounds(beginning), completions, *allowed]
        size = 0
        frequencies: dict[str, int] = {}
        completed: dict[str, dict[str, int]] = {beginning: {} for beginning in beginnings}
        for what, beginning, text, count in sql.fetch(statement, parameters):
            if what == "size":
                size = count
            elif what == "term":
                frequencies[text] = count
            else:
                completed[beginning][text] = count
        return Vocabulary(size=size, frequencies=frequencies, completions=completed)

    def spellings(self, words: Collection[str], *, audiences: Collection[str]) -> Mapping[str, Spelling]:
        found: dict[str, Spelling] = {}
        for some in sql.chunks(words):
            condition = f"w.text IN ({sql.placeholders(some)})"
            found.update((spelling.word, spelling) for _skeleton, spelling in self._words(condition, some, audiences))
        return found

    def sounding_like(
        self, skeletons: Collection[str], *, audiences: Collection[str], limit: int = 50
    ) -> Mapping[str, Sequence[Spelling]]:
        found: dict[str, list[Spelling]] = defaultdict(list)
        wanted = list(filter(None, skeletons))
        condition = f"w.skeleton IN ({sql.placeholders(wanted)})"
        for sound, spelling in self._words(condition, wanted, audiences) if wanted else ():
            found[sound].append(spelling)
        return {sound: some[:limit] for sound, some in found.items()}

    def _words(
        self, condition: str, parameters: Sequence[str], audiences: Collection[str]
    ) -> Iterator[tuple[str, Spelling]]:
        """Words with their skeletons, those in most entries first; one query."""
        visible, allowed = sql.visible(audiences)
        statement = f"""
            SELECT w.skeleton, w.text, w.spelling, t.entry_count
            FROM {sql.WORD} w JOIN {sql.TERM} t ON t.id = w.term_id
            WHERE {condition} AND t.entry_count > 0 AND {visible}
            ORDER BY t.entry_count DESC, w.text {sql.byte_order()}
        """  # noqa: S608 - table names and placeholders only
        for sound, word, written, count in sql.fetch(statement, [*parameters, *allowed]):
            yield sound, Spelling(word=word, written=written, frequency=count)

    def digests(self, kind: str) -> Iterator[tuple[int, str, str]]:
        yield from IndexedEntry.objects.filter(kind=kind).values_list("object_id", "language", "digest").iterator()

    def kinds(self) -> set[str]:
        return set(IndexedEntry.objects.order_by().values_list("kind", flat=True).distinct())

    def count(self) -> int:
        return IndexedEntry.objects.count()

    def _places(self, rows: Sequence[tuple[Any, ...]], terms: Sequence[QueryTerm]) -> dict[int, dict[str, list[Place]]]:
        """Where the terms stand in these entries, whose rows end in their terms and places; one query."""
        texts = {text for term in terms for text in (term.text, *term.beside)}
        if not rows or not texts:
            return {}
        term_ids = self._term_ids(texts)
        places: dict[int, dict[str, list[Place]]] = {}
        for row in rows:
            numbers = {term: number for number, term in enumerate(blocks.unpack(row[-2]))}
            held = {text for text in texts if term_ids.get(text) in numbers}
            counting = [{term.text, *term.beside} for term in terms if held >= {term.text, *term.beside}]
            counted = {numbers[term_ids[text]] for text in set().union(*counting)}
            places[row[0]] = read_places(blocks.unpack(row[-1]), counted)
        return places


@contextmanager
def _bulk_work(count: int) -> Iterator[None]:
    """While many entries are written, no looking for garbage in cycles: there is none, and it takes a third of the time."""
    pausing = count >= _MANY and gc.isenabled()
    if pausing:
        gc.disable()
    try:
        yield
    finally:
        if pausing:
            gc.enable()


def _row(entry: SearchEntry, pk: int, scope: int, impacts: Mapping[int, int], words: AnalysedEntry) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    updated = connection.ops.adapt_datetimefield_value(entry.updated) if entry.updated else None
    return (
        pk, scope, entry.kind, entry.object_id, entry.family, entry.language, entry.audience, entry.popularity,
        updated, entry.digest, "\n".join(f"{name} {value}" for name, value in entry.facets), entry.title, entry.short_answer,
        entry.body, entry.url, blocks.pack(impacts), blocks.pack(words.places),
    )  # fmt: skip


# Choosing a page ----------------------------------------------------------------------------------------------------


def _rows(columns: str, pks: Collection[int], *, with_places: bool = False) -> list[tuple[Any, ...]]:
    columns += ", e.terms, e.places" if with_places else ""
    return [
        row
        for some in sql.chunks(pks)
        for row in sql.fetch(f"SELECT {columns} FROM {sql.ENTRY} e WHERE e.id IN ({sql.placeholders(some)})", some)  # noqa: S608 - our names
    ]


def _narrowed(plan: Plan, filters: Filters, found: Matching) -> Matching:
    """Only the entries with the products and topics that were chosen, changed since the time that was chosen."""
    for allowed in (matching.with_values(plan, filters), _changed_since(plan, found.pks)):
        if allowed is not None:
            found = found.only(np.isin(found.pks, allowed))
    return found


def _changed_since(plan: Plan, *found: np.ndarray) -> np.ndarray | None:
    """Those of the entries that were changed since the time that was chosen; none at all where none was."""
    since = plan.filters.updated_since
    if since is None:
        return None
    moment = connection.ops.adapt_datetimefield_value(since)
    return np.array(
        [
            row[0]
            for pks in found
            for some in sql.chunks(pks.tolist())
            for row in sql.fetch(
                f"SELECT id FROM {sql.ENTRY} WHERE id IN ({sql.placeholders(some)}) AND updated >= %s",  # noqa: S608 - our names
                [*some, moment],
            )
        ],
        np.int64,
    )


def _candidates(plan: Plan, found: Matching) -> Matching:
    """The entries that may stand on the page, whatever else is known of them."""
    wanted = plan.offset + plan.limit
    if len(found.pks) <= max(wanted, _READ_WHOLE) or plan.sort == Sort.NEWEST:
        return found
    least = int(np.partition(found.scores, -wanted)[-wanted])
    most = evidence.FULL + evidence.FRESH + evidence.OWN_PRODUCT * bool(plan.own_products)
    return found.only(found.scores >= least * evidence.FULL // most)


def _final(plan: Plan, scores: Mapping[int, int], row: tuple[Any, ...]) -> int:
    """The score of the text, grown by what speaks for the entry today and for this reader (`search.evidence`)."""
    _pk, _kind, _object_id, _language, _popularity, updated, facets_text = row[:7]
    share = evidence.FULL
    if updated and (moment := _moment(updated)) and moment > timezone.now() - dt.timedelta(days=evidence.FRESH_DAYS):
        share += evidence.FRESH
    if plan.own_products and not _own_products(plan).isdisjoint(facets_text.split("\n")):
        share += evidence.OWN_PRODUCT
    return scores[row[0]] * share // evidence.FULL


def _own_products(plan: Plan) -> set[str]:
    return {f"product {code}" for code in plan.own_products}


def _best(plan: Plan, scores: Mapping[int, int], rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the page, in an order that is never in doubt."""

    def order(row: tuple[Any, ...]) -> tuple[Any, ...]:
        _pk, kind, object_id, language, popularity, updated = row[:6]
        ties = (-popularity, object_id, language, kind)
        if plan.sort == Sort.NEWEST:
            moment = _moment(updated)
            return (moment is None, -moment.timestamp() if moment else 0, *ties)
        return (-_final(plan, scores, row), *ties)

    return sorted(rows, key=order)[plan.offset : plan.offset + plan.limit]


# Facets -------------------------------------------------------------------------------------------------------------


class _Narrowed:
    """What was found, without what other choices leave out."""

    def __init__(self, found: Mapping[Heading, np.ndarray], *allowed: np.ndarray | None) -> None:
        self._found: Mapping[Heading, np.ndarray] = found
        for only in allowed:
            if only is not None:
                self._found = {heading: pks[np.isin(pks, only)] for heading, pks in self._found.items()}

    def count(self, part: int, *, kinds: Sequence[str] = (), languages: Sequence[str] = ()) -> dict[str, int]:
        """Entries for each kind (part 0) or language (part 1)."""
        counts: dict[str, int] = defaultdict(int)
        for heading, pks in self._of(kinds, languages):
            counts[heading[part]] += len(pks)
        return {value: count for value, count in counts.items() if count}

    def keys(self, *, kinds: Sequence[str], languages: Sequence[str]) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int64), *(pks for _heading, pks in self._of(kinds, languages))])

    def _of(self, kinds: Sequence[str], languages: Sequence[str]) -> Iterator[tuple[Heading, np.ndarray]]:
        for (kind, language), pks in self._found.items():
            if (not kinds or kind in kinds) and (not languages or language in languages):
                yield (kind, language), pks


def _everything(plan: Plan) -> dict[Heading, np.ndarray]:
    """All entries the audiences may see."""
    statement = f"""
        SELECT s.kind, s.language, e.id FROM {sql.ENTRY} e JOIN {sql.SCOPE} s ON s.id = e.scope_id
        WHERE s.audience IN ({sql.placeholders(plan.audiences)})
    """  # noqa: S608 - table names and placeholders only
    found: dict[Heading, list[int]] = defaultdict(list)
    for kind, language, pk in sql.fetch(statement, plan.audiences):
        found[kind, language].append(pk)
    return {heading: np.array(pks, np.int64) for heading, pks in found.items()}


def _count_values(plan: Plan, pks: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many of the entries have each value: from their rows if they are few, else from the postings of all values."""
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in names}
    if len(pks) <= _READ_ROWS:
        for (facets_text,) in _rows("e.facets_text", pks.tolist()):
            values = _values(facets_text)
            for name in names:
                for value in values.get(name, ()):
                    counts[name][value] += 1
    else:
        for name in names:
            start = facet_term(name, "")
            for terms in blocks.read((), audiences=plan.audiences, beginning=start).values():
                for text, held in terms.items():
                    if count := int(np.isin(held.pks, pks, assume_unique=True).sum()):
                        counts[name][text.removeprefix(start)] += count
    return {name: dict(values) for name, values in counts.items()}


def _values(facets_text: str) -> dict[str, tuple[str, ...]]:
    facets: dict[str, tuple[str, ...]] = {}
    for line in filter(None, facets_text.split("\n")):
        name, _space, value = line.partition(" ")
        facets[name] = (*facets.get(name, ()), value)
    return facets


def _has_values(row: tuple[Any, ...], filters: Filters) -> bool:
    values = _values(row[6])
    return all(
        not chosen or set(chosen) & set(values.get(name, ()))
        for name, chosen in (("product", filters.products), ("topic", filters.topics))
    )


# Rows ---------------------------------------------------------------------------------------------------------------


def _hit(row: tuple[Any, ...], places: Mapping[str, Sequence[Place]], score: int, matched: int) -> BackendHit:
    _pk, kind, object_id, language, popularity, updated, facets_text, family, title, short_answer, body, url = row[:12]
    return BackendHit(
        kind=kind,
        object_id=object_id,
        family=family,
        language=language,
        title=title,
        short_answer=short_answer,
        body=body,
        url=url,
        facets=_values(facets_text),
        popularity=popularity,
        updated=_moment(updated),
        score=score,
        matched=matched,
        places=places,
    )


def _moment(value: dt.datetime | str | None) -> dt.datetime | None:
    """A moment as read by a raw query: SQLite keeps it as text in UTC."""
    if isinstance(value, str):
        value = parse_datetime(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return value
