"""The interface of the index in the portal's own database (docs/decisions/0004-embedded-search.md)."""

from __future__ import annotations

import gc
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Max

from portal.core.audience import PUBLIC, register_audience
from portal.core.scopes import content_changed
from search.index import damage
from search.index.embedded import blocks, counting, matching, pages, repair, sql, writing
from search.index.embedded.writing import EVERYTHING
from search.index.plan import (
    HEADINGS,
    BackendHit,
    EntryKey,
    FacetCounts,
    Found,
    Plan,
    QueryTerm,
    Sort,
    Vocabulary,
)
from search.index.scoring import read_places
from search.language.spelling import Spelling
from search.locks import lock_objects
from search.models import IndexedEntry, Term
from search.registry import KIND, LANGUAGE, offered_facets

if TYPE_CHECKING:
    import numpy as np

    from search.documents import SearchEntry
    from search.index.embedded.blocks import Heading

logger = logging.getLogger(__name__)

#: Number of entries written after which PostgreSQL's statistics may be refreshed.
_ANALYSE_AFTER: Final = 100
#: Number of entries from which on the garbage collector is paused.
_MANY: Final = 50


class EmbeddedBackend:
    """Implements `search.index.protocol.Backend`."""

    #: Number of entries this process has written since the last ANALYZE.
    _written: ClassVar[int] = 0

    # Writing --------------------------------------------------------------------------------------------------------

    def put(self, entries: Collection[SearchEntry], *, force: bool = False) -> None:
        with _bulk_work(len(entries)), transaction.atomic():
            self._put(entries, force=force)

    def _put(self, entries: Collection[SearchEntry], *, force: bool) -> None:
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
        writing.take_out([*replaced, *superfluous], changes)
        if changed:
            writing.write(sorted(changed.items(), key=lambda item: pks[item[0]]), pks, changes)
        writing.settle(changes, len(changed) - len(replaced) - len(superfluous))
        self._keep_statistics(len(changed))
        content_changed("search:index")

    @transaction.atomic
    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        pks = [pk for pk, _digest in self._lock({kind: set(object_ids)}).values()]
        if not pks:
            return
        changes = blocks.Changes()
        writing.take_out(pks, changes)
        writing.settle(changes, -len(pks))
        content_changed("search:index")

    def _lock(self, objects: Mapping[str, set[int]]) -> dict[EntryKey, tuple[int, str]]:
        """Lock the objects, then the index; return the primary keys and digests of the objects' entries."""
        for kind in sorted(objects):
            lock_objects(kind, objects[kind])
        sql.write_alone()
        indexed: dict[EntryKey, tuple[int, str]] = {}
        for kind in objects:
            for some in sql.chunks(objects[kind]):
                statement = f"""
                    SELECT id, object_id, language, digest FROM {sql.ENTRY}
                    WHERE kind = %s AND object_id IN ({sql.placeholders(some)})
                """  # noqa: S608 - our name
                for pk, object_id, language, digest in sql.fetch(statement, [kind, *some]):
                    indexed[kind, object_id, language] = (pk, digest)
        return indexed

    def _keys(self, changed: Collection[EntryKey], indexed: Mapping[EntryKey, tuple[int, str]]) -> dict[EntryKey, int]:
        """The primary keys of the entries: the existing ones, and new ones greater than all others."""
        last = IndexedEntry.objects.aggregate(last=Max("pk"))["last"] or 0
        new = [key for key in changed if key not in indexed]
        return {key: indexed[key][0] for key in changed if key in indexed} | {
            key: last + place for place, key in enumerate(new, 1)
        }

    def _keep_statistics(self, written: int) -> None:
        """Run ANALYZE on PostgreSQL if the tables grew: a plan made for an empty index takes minutes on a full one.

        Autovacuum would do so within a minute or so, but a search right after an import must not wait that long. Runs
        again only when this process has written at least a quarter of the index.
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
        """Replace entries in place, so that none is ever missing; then correct counts and delete unused terms.

        What the old index is worth is found out first. If even that fails, it is emptied.
        """
        try:
            self.mend()
        except OperationalError:
            raise  # the database is locked or away
        except Exception:
            logger.exception("Search: the old index cannot be read; it is emptied and filled again")
            repair.empty()
        yield
        with transaction.atomic():
            sql.write_alone()
            blocks.correct_counts()
            Term.objects.update_or_create(text=EVERYTHING, defaults={"entry_count": self.count()})
            Term.objects.filter(entry_count=0).exclude(text=EVERYTHING).delete()
            sql.analyse()

    def mend(self) -> int:
        if mended := repair.mend():
            content_changed("search:index")
        return mended

    # Reading --------------------------------------------------------------------------------------------------------

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        if not plan.terms:
            return self._listed(plan)
        found = matching.joined(matching.find(plan, plan.filters).values())
        found = pages.narrowed(plan, plan.filters, found)
        best_found = pages.candidates(plan, found)
        candidates = best_found.pks.tolist()
        scores = dict(zip(candidates, best_found.scores.tolist(), strict=True))
        matched = dict(zip(candidates, best_found.matched.tolist(), strict=True))
        if len(candidates) <= pages.READ_WHOLE:
            rows = pages.best(plan, scores, pages.rows(pages.HIT, candidates, with_places=with_places))
        else:
            best = [row[0] for row in pages.best(plan, scores, pages.rows(pages.ORDER, candidates))]
            rows = pages.best(replace(plan, offset=0), scores, pages.rows(pages.HIT, best, with_places=with_places))
        count = len(rows)
        rows = pages.whole(rows)
        met = self._met(rows, plan.terms) if with_places else {}
        hits = [
            pages.hit(row, met.get(row[0], pages.NOTHING), pages.final(plan, scores, row), matched[row[0]])
            for row in rows
        ]
        return Found(hits=hits, total=len(found.pks) - (count - len(rows)))

    def _listed(self, plan: Plan) -> Found:
        """All entries that pass the filters, most popular or newest first."""
        where, parameters = sql.listed(plan)
        among = matching.with_values(plan, plan.filters)
        if among is not None:
            where += f" AND e.id IN ({', '.join(map(str, among.tolist())) or 'NULL'})"
        first = "e.updated DESC NULLS LAST, " if plan.sort == Sort.NEWEST else ""
        page = f"""
            SELECT {pages.HIT} FROM {sql.ENTRY} e {where}
            ORDER BY {first}e.popularity DESC, e.object_id, e.language, e.kind {sql.byte_order()} LIMIT %s OFFSET %s
        """  # noqa: S608 - names, placeholders and numbers only
        rows = pages.whole(sql.fetch(page, [*parameters, plan.limit, plan.offset]))
        ((total,),) = sql.fetch(f"SELECT COUNT(*) FROM {sql.ENTRY} e {where}", parameters)  # noqa: S608 - as above
        return Found(hits=[pages.hit(row, pages.NOTHING, 0, 0) for row in rows], total=total)

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        if not keys:
            return []
        narrowed, values = sql.columns(plan.filters)
        wanted = ", ".join(["(%s, %s, %s)"] * len(keys))
        conditions = " AND ".join([f"e.audience IN ({sql.placeholders(plan.audiences)})", *narrowed])
        statement = f"""
            WITH wanted (kind, object_id, language) AS (VALUES {wanted})
            SELECT {pages.HIT}, e.terms, e.places
            FROM wanted JOIN {sql.ENTRY} e
                ON e.kind = wanted.kind AND e.object_id = wanted.object_id AND e.language = wanted.language
            WHERE {conditions}
        """  # noqa: S608 - table names and placeholders only
        rows = sql.fetch(statement, [*(part for key in keys for part in key), *plan.audiences, *values])
        rows = [row for row in pages.whole(rows) if pages.has_values(row, plan.filters)]
        met = self._met(rows, plan.terms)
        return [pages.hit(row, met.get(row[0], pages.NOTHING), 0, 0) for row in rows]

    def facets(self, plan: Plan) -> FacetCounts:
        filters = plan.filters
        anywhere = filters.choosing(**dict.fromkeys(HEADINGS, ()))
        found: Mapping[Heading, np.ndarray]
        if plan.terms:
            found = {heading: match.pks for heading, match in matching.find(plan, anywhere).items()}
        else:
            found = counting.everything(plan)
        lately = pages.changed_since(plan, *found.values())
        counts: dict[str, dict[str, int]] = {}
        narrowed = counting.Narrowed(found, matching.with_values(plan, filters), lately)
        counts[KIND.name] = narrowed.count(0, languages=filters.languages)
        counts[LANGUAGE.name] = narrowed.count(1, kinds=filters.kinds)
        declared = [facet.name for facet in offered_facets() if facet.name not in HEADINGS]
        for name in declared:
            if name in filters:
                others = counting.Narrowed(found, matching.with_values(plan, filters, but=name), lately)
                pks = others.keys(kinds=filters.kinds, languages=filters.languages)
                counts |= counting.count_values(plan, pks, (name,))
        unchosen = [name for name in declared if name not in filters]
        pks = narrowed.keys(kinds=filters.kinds, languages=filters.languages)
        return counts | counting.count_values(plan, pks, unchosen)

    def vocabulary(
        self,
        terms: Collection[str],
        *,
        audiences: Collection[str],
        beginnings: Collection[str] = (),
        completions: int = 0,
    ) -> Vocabulary:
        visible, allowed = sql.visible(audiences)
        statement = f"SELECT 'size', '', text, entry_count, 0 FROM {sql.TERM} WHERE text = ''"  # noqa: S608 - table name
        parameters: list[Any] = []
        if terms:
            statement += f"""
                UNION ALL SELECT 'term', '', t.text, t.entry_count, {sql.SIZE_OF_BLOCKS} FROM {sql.TERM} t
                WHERE t.text IN ({sql.placeholders(terms)}) AND ({visible} OR {sql.HAS_LOST_ALL})
            """  # noqa: S608 - table names and placeholders only
            parameters += [*terms, *allowed]
        for beginning in beginnings:
            statement += f"""
                UNION ALL SELECT 'completion', %s, t.text, t.entry_count, 0 FROM (
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
        is_damaged = False
        for what, beginning, text, count, held in sql.fetch(statement, parameters):
            if what == "size":
                size = count
            elif what == "completion":
                completed[beginning][text] = count
            else:
                is_damaged |= held != count * blocks.POSTING_SIZE
                if held:
                    frequencies[text] = count
        if is_damaged or (frequencies and not size):
            damage.notice("missing postings")
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
        """Skeletons and spellings, highest document frequency first; one query."""
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
        with sql.tolerant():
            yield from IndexedEntry.objects.filter(kind=kind).values_list("object_id", "language", "digest").iterator()

    def kinds(self) -> set[str]:
        return {kind for (kind,) in sql.fetch(f"SELECT DISTINCT kind FROM {sql.ENTRY}")}  # noqa: S608 - our name

    def count(self) -> int:
        return IndexedEntry.objects.count()

    def _met(self, rows: Sequence[tuple[Any, ...]], terms: Sequence[QueryTerm]) -> dict[int, pages.Met]:
        """What these entries, whose rows end with terms and places, have of a question; one query."""
        texts = {text for term in terms for text in (term.text, *term.beside)}
        if not rows or not texts:
            return {}
        term_ids = writing.term_ids(texts)
        met: dict[int, pages.Met] = {}
        for row in rows:
            numbers = {term: number for number, term in enumerate(blocks.unpack(row[-2]))}
            held = {text for text in texts if term_ids.get(text) in numbers}
            counting = [term for term in terms if held >= {term.text, *term.beside}]
            counted = {numbers[term_ids[text]] for term in counting for text in (term.text, *term.beside)}
            words = frozenset(word for term in counting for word in term.words)
            met[row[0]] = pages.Met(read_places(blocks.unpack(row[-1]), counted), words)
        return met


@contextmanager
def _bulk_work(count: int) -> Iterator[None]:
    """Pause the garbage collector while many entries are written: it finds nothing, and takes a third of the time."""
    pausing = count >= _MANY and gc.isenabled()
    if pausing:
        gc.disable()
    try:
        yield
    finally:
        if pausing:
            gc.enable()
