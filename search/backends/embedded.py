"""The index in the portal's own database: the same SQL, and so the same ranking, on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from django.db import transaction
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from portal.core.audience import PUBLIC, register_audience
from portal.core.memo import index_changed
from search.backends import (
    BackendHit,
    EntryKey,
    FacetCounts,
    Found,
    Place,
    Plan,
    QueryTerm,
    Spelling,
    Vocabulary,
    sql,
)
from search.evidence import evidence_of
from search.finglish import skeleton
from search.locks import lock_objects
from search.models import IndexedEntry, Posting, Term, Word
from search.scoring import AnalysedEntry, analyse_entry, read_spans

if TYPE_CHECKING:
    from search.documents import SearchEntry

T = TypeVar("T")

#: The term that stands in every entry: its count is the size of the index, without counting.
EVERYTHING: Final = ""

#: Values in one IN (…); SQLite takes 32,766 parameters.
_AT_ONCE: Final = 20_000
#: Entries.
_ANALYSE_AFTER: Final = 100
_COLUMNS: Final = (
    "e.id, e.kind, e.object_id, e.family, e.language, e.title, e.short_answer, e.body, e.url, "
    "e.facets_text, e.popularity, e.updated"
)
_FACETS: Final = ("kind", "language", "product", "topic")

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
        replaced = {key: indexed[key][0] for key in changed if key in indexed}
        analysed = {key: analyse_entry(entry) for key, entry in changed.items()}
        counts = self._counts_of([*replaced.values(), *superfluous])
        counts = Counter({text: -count for text, count in counts.items()})
        for words in analysed.values():
            counts.update(words.impacts.keys())
        counts[EVERYTHING] = len(changed) - len(replaced) - len(superfluous)
        term_ids = self._know_terms({text for words in analysed.values() for text in words.impacts})
        self._know_words(analysed.values(), term_ids)
        self._count_terms(counts)
        self._delete(superfluous)
        self._write(changed, replaced, analysed, term_ids)
        index_changed()

    @transaction.atomic
    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        indexed = self._lock({kind: set(object_ids)})
        pks = [pk for pk, _digest in indexed.values()]
        if not pks:
            return
        counts = Counter({text: -count for text, count in self._counts_of(pks).items()})
        counts[EVERYTHING] = -len(pks)
        self._count_terms(counts)
        self._delete(pks)
        index_changed()

    def _lock(self, objects: Mapping[str, set[int]]) -> dict[EntryKey, tuple[int, str]]:
        """Have the objects for ourselves; their entries' keys and digests as they are now."""
        indexed: dict[EntryKey, tuple[int, str]] = {}
        for kind in sorted(objects):
            lock_objects(kind, objects[kind])
            rows = IndexedEntry.objects.filter(kind=kind, object_id__in=objects[kind])
            for pk, object_id, language, digest in rows.values_list("pk", "object_id", "language", "digest"):
                indexed[kind, object_id, language] = (pk, digest)
        return indexed

    def _counts_of(self, entry_pks: Sequence[int]) -> Counter[str]:
        """In how many of these entries each term stands."""
        rows = Posting.objects.filter(entry__in=entry_pks).order_by()
        return Counter(dict(rows.values_list("term__text").annotate(Count("pk"))))

    def _know_terms(self, texts: Collection[str]) -> dict[str, int]:
        """The keys of the terms; new ones are added."""
        known = self._term_ids(texts)
        missing = sorted({*texts, EVERYTHING} - known.keys())  # in order, so that two writers cannot wait in a circle
        if missing:
            sql.insert(sql.TERM, ("text", "entry_count"), ((text, 0) for text in missing))
            known |= self._term_ids(missing)
        return known

    def _term_ids(self, texts: Collection[str]) -> dict[str, int]:
        known: dict[str, int] = {}
        for some in _chunks(texts):
            known.update(Term.objects.filter(text__in=some).values_list("text", "pk"))
        return known

    def _know_words(self, analysed: Collection[AnalysedEntry], term_ids: Mapping[str, int]) -> None:
        words = {word: found for entry in analysed for word, found in entry.words.items()}
        known: set[str] = set()
        for some in _chunks(words):
            known.update(Word.objects.filter(text__in=some).values_list("text", flat=True))
        new = (
            (word, spelling, term_ids[stem], skeleton(word) if _PERSIAN.search(word) else "")
            for word, (stem, spelling) in sorted(words.items())
            if word not in known
        )
        sql.insert(sql.WORD, ("text", "spelling", "term_id", "skeleton"), new)

    def _count_terms(self, counts: Mapping[str, int]) -> None:
        """Change the terms' entry counts. The rows are locked in one order, whoever else writes."""
        changes = {text: change for text, change in counts.items() if change}
        pks_by_change: dict[int, list[int]] = defaultdict(list)
        for some in _chunks(sorted(changes)):
            rows = Term.objects.filter(text__in=some).order_by("text").select_for_update()
            for pk, text in rows.values_list("pk", "text"):
                pks_by_change[changes[text]].append(pk)
        for change, pks in pks_by_change.items():
            for some_pks in _chunks(pks):
                Term.objects.filter(pk__in=some_pks).update(entry_count=F("entry_count") + change)

    def _delete(self, entry_pks: Collection[int]) -> None:
        sql.delete(sql.POSTING, "entry_id", entry_pks)
        sql.delete(sql.FACET, "entry_id", entry_pks)
        sql.delete(sql.ENTRY, "id", entry_pks)

    def _write(
        self,
        entries: Mapping[EntryKey, SearchEntry],
        replaced: Mapping[EntryKey, int],
        analysed: Mapping[EntryKey, AnalysedEntry],
        term_ids: Mapping[str, int],
    ) -> None:
        sql.delete(sql.POSTING, "entry_id", replaced.values())
        sql.delete(sql.FACET, "entry_id", replaced.values())
        pks = dict(replaced)
        for key, pk in replaced.items():
            IndexedEntry.objects.filter(pk=pk).update(**_columns(entries[key]))
        new = {key: IndexedEntry(**_columns(entry)) for key, entry in entries.items() if key not in replaced}
        IndexedEntry.objects.bulk_create(new.values())
        pks.update((key, row.pk) for key, row in new.items())
        postings = (
            (term_ids[text], pks[key], impact, words.spans(text))
            for key, words in analysed.items()
            for text, impact in words.impacts.items()
        )
        sql.insert(sql.POSTING, ("term_id", "entry_id", "impact", "spans"), postings)
        facets = ((pks[key], name, value) for key, entry in entries.items() for name, value in entry.facets)
        sql.insert(sql.FACET, ("entry_id", "name", "value"), facets)
        self._keep_statistics(len(entries))

    def _keep_statistics(self, written: int) -> None:
        """Have PostgreSQL look at tables that grew: a plan made for an empty index takes minutes on a full one.

        It would look by itself within a minute or so; a search right after an import must not wait that long.
        """
        cls = type(self)
        cls._written += written
        if cls._written >= _ANALYSE_AFTER:
            cls._written = 0
            sql.analyse()

    @contextmanager
    def rebuild(self) -> Iterator[None]:
        """Entries are replaced in place, so nothing is ever missing; afterwards counts are checked and words pruned."""
        yield
        with transaction.atomic():
            list(Term.objects.order_by("text").select_for_update().values_list("pk", flat=True))  # writers wait
            counted = Posting.objects.filter(term=OuterRef("pk")).order_by().values("term").annotate(n=Count("pk"))
            Term.objects.exclude(text=EVERYTHING).update(entry_count=Coalesce(Subquery(counted.values("n")), 0))
            Term.objects.update_or_create(text=EVERYTHING, defaults={"entry_count": self.count()})
            Term.objects.filter(entry_count=0).exclude(text=EVERYTHING).delete()
            # Words of an index made before sounds were kept; Latin ones have none.
            silent = [word for word in Word.objects.filter(skeleton="").order_by("text") if _PERSIAN.search(word.text)]
            for word in silent:
                word.skeleton = skeleton(word.text)
            Word.objects.bulk_update(silent, ["skeleton"], batch_size=500)

    # Reading --------------------------------------------------------------------------------------------------------

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        matching, parameters = sql.matching(plan)
        where, chosen = sql.chosen(plan.filters)
        weighed, weights = sql.weighed(plan)
        order = sql.order(plan.sort)
        statement = f"""
            {matching},
            page AS (
                SELECT matching.entry_id, {weighed} AS final, matched, COUNT(*) OVER () AS total
                FROM matching JOIN {sql.ENTRY} e ON e.id = matching.entry_id
                {where}
                ORDER BY {order} LIMIT %s OFFSET %s
            )
            SELECT {_COLUMNS}, final, matched, total
            FROM page JOIN {sql.ENTRY} e ON e.id = page.entry_id
            ORDER BY {order}
        """  # noqa: S608 - table names and placeholders only; every value is a parameter
        rows = sql.fetch(statement, [*parameters, *weights, *chosen, plan.limit, plan.offset])
        places = self._places([row[0] for row in rows], plan.terms) if with_places else {}
        hits = [_hit(row, places.get(row[0], {})) for row in rows]
        return Found(hits=hits, total=rows[0][-1] if rows else 0)

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        if not keys:
            return []
        where, chosen = sql.chosen(plan.filters)
        wanted = ", ".join(["(%s, %s, %s)"] * len(keys))
        statement = f"""
            WITH wanted (kind, object_id, language) AS (VALUES {wanted})
            SELECT {_COLUMNS}, 0, 0, 0
            FROM wanted JOIN {sql.ENTRY} e
                ON e.kind = wanted.kind AND e.object_id = wanted.object_id AND e.language = wanted.language
            {where or "WHERE TRUE"} AND e.audience IN ({sql.placeholders(plan.audiences)})
        """  # noqa: S608 - table names and placeholders only; every value is a parameter
        rows = sql.fetch(statement, [*(part for key in keys for part in key), *chosen, *plan.audiences])
        places = self._places([row[0] for row in rows], plan.terms)
        return [_hit(row, places.get(row[0], {})) for row in rows]

    def facets(self, plan: Plan) -> FacetCounts:
        matching, parameters = sql.matching(plan)
        parts: list[str] = []
        for facet in _FACETS:
            where, chosen = sql.chosen(plan.filters, but=facet)
            parameters += chosen
            if facet in ("kind", "language"):
                value, join = f"e.{facet}", ""
            else:
                value = "f.value"
                join = f"JOIN {sql.FACET} f ON f.entry_id = e.id AND f.name = '{facet}'"
            parts.append(f"""
                SELECT '{facet}', {value}, COUNT(*)
                FROM matching JOIN {sql.ENTRY} e ON e.id = matching.entry_id {join} {where}
                GROUP BY {value}
            """)  # noqa: S608 - facet names are ours; every value is a parameter
        counts: dict[str, dict[str, int]] = {facet: {} for facet in _FACETS}
        for facet, value, count in sql.fetch(f"{matching} {' UNION ALL '.join(parts)}", parameters):
            counts[facet][value] = count
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
        for some in _chunks(words):
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

    def _places(self, entry_pks: Sequence[int], terms: Sequence[QueryTerm]) -> dict[int, dict[str, list[Place]]]:
        """Where the terms stand in these entries; one query."""
        if not entry_pks or not terms:
            return {}
        texts = {text for term in terms for text in (term.text, *term.beside)}
        statement = f"""
            SELECT p.entry_id, t.text, p.spans FROM {sql.POSTING} p JOIN {sql.TERM} t ON t.id = p.term_id
            WHERE p.entry_id IN ({sql.placeholders(entry_pks)}) AND t.text IN ({sql.placeholders(texts)})
        """  # noqa: S608 - table names and placeholders only
        held: dict[int, dict[str, str]] = {pk: {} for pk in entry_pks}
        for pk, text, spans in sql.fetch(statement, [*entry_pks, *texts]):
            held[pk][text] = spans
        places: dict[int, dict[str, list[Place]]] = {pk: defaultdict(list) for pk in entry_pks}
        for pk, spans_of in held.items():
            counting = [{term.text, *term.beside} for term in terms if spans_of.keys() >= {term.text, *term.beside}]
            for text in set().union(*counting):
                for field, found in read_spans(spans_of[text]).items():
                    places[pk][field] += found
        return {pk: {field: sorted(found) for field, found in fields.items()} for pk, fields in places.items()}


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, _AT_ONCE)):
        yield chunk


def _columns(entry: SearchEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "object_id": entry.object_id,
        "family": entry.family,
        "language": entry.language,
        "title": entry.title,
        "short_answer": entry.short_answer,
        "body": entry.body,
        "url": entry.url,
        "audience": entry.audience,
        "facets_text": "\n".join(f"{name} {value}" for name, value in entry.facets),
        "popularity": entry.popularity,
        "evidence": evidence_of(entry),
        "updated": entry.updated,
        "digest": entry.digest,
    }


def _hit(row: tuple[Any, ...], places: Mapping[str, Sequence[Place]]) -> BackendHit:
    _pk, kind, object_id, family, language, title, short_answer, body, url = row[:9]
    facets_text, popularity, updated, score, matched, _total = row[9:]
    facets: dict[str, tuple[str, ...]] = {}
    for line in filter(None, facets_text.split("\n")):
        name, _space, value = line.partition(" ")
        facets[name] = (*facets.get(name, ()), value)
    return BackendHit(
        kind=kind,
        object_id=object_id,
        family=family,
        language=language,
        title=title,
        short_answer=short_answer,
        body=body,
        url=url,
        facets=facets,
        popularity=popularity,
        updated=_moment(updated),
        score=int(score),
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
