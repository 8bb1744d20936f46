"""The portal's own search as used by its pages, including the check of every hit in the database.

The settings decide what is measured: a cluster if ``ELASTICSEARCH_URL`` is set, semantic search if ``SEARCH_SEMANTIC``
is on. If either fails, the portal would silently answer without it; `check` detects that. A slow response of the
cluster is not a failure here, because its time is measured.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from django.conf import settings
from django.core.management import call_command

from bench.search_common import Engine, chunks, database_size, node_size
from bench.search_data import kind_of, products_of, topics_of
from bench.search_documents import register_documents
from search import queries
from search.asking.questions import ask
from search.documents import SearchEntry
from search.index import cluster
from search.index.answering import answer, get_backend
from search.index.plan import Filters, Plan
from search.meaning import model, nearest, vectors
from search.meaning.fusion import with_meaning
from search.models import EntryVector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.search_data import Text
    from search.index.protocol import Backend

#: Time limit for answers of the cluster; that for readers is shorter.
_ANSWER_SECONDS: Final = 20.0
#: How long an empty cluster may take until it is used.
_CLUSTER_SECONDS: Final = 30
#: Similarity of made-up vectors to their question.
_ALIKE: Final = 0.95


class Portal(Engine):
    """The search described above."""

    def __init__(self) -> None:
        call_command("migrate", run_syncdb=True, verbosity=0)
        call_command("createcachetable", verbosity=0)
        register_documents()
        self._is_in_cluster = cluster.is_configured()
        self._has_meaning = model.is_enabled()
        self._failures = _Failures()
        self._backend = self._begin()
        self._empty = database_size()

    def _begin(self) -> Backend:
        """The measured index, emptied."""
        if not self._is_in_cluster:
            return get_backend()
        cluster.ANSWER_SECONDS = _ANSWER_SECONDS
        deadline = time.monotonic() + _CLUSTER_SECONDS
        while not cluster.breaker().is_closed():
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster does not answer")
            time.sleep(0.1)
        return cluster.get_cluster()

    # Indexing -------------------------------------------------------------------------------------------------------

    def index(self, texts: Iterable[Text]) -> None:
        with self._backend.rebuild():
            for some in chunks(sorted(texts, key=lambda text: kind_of(text.number))):  # as in a rebuild
                self._backend.put([entry_of(text) for text in some], force=True)

    def put_one(self, text: Text) -> None:
        """Put one changed article into the full index."""
        self._backend.put([entry_of(replace(text, title=text.title + " نو"))], force=True)

    def forget(self) -> None:
        for kind in self._backend.kinds():
            self._backend.remove(kind=kind, object_ids={number for number, *_rest in self._backend.digests(kind)})
        EntryVector.objects.all().delete()

    def learn(self, texts: Sequence[Text]) -> None:
        if not self._has_meaning:
            return
        for some in chunks(texts):
            written = [vectors.text_of(entry_of(text)) for text in some]
            self._know(some, model.passage_vectors(written, [text.language for text in some]))
        self._load()

    def imagine(self, texts: Sequence[Text], questions: Sequence[str]) -> None:
        if not self._has_meaning:
            return
        asked = np.array([model.meaning_of(question).direction for question in questions])
        model.meaning_of.cache_clear()
        chance = np.random.default_rng(7)
        for some in chunks(texts):
            noise = chance.standard_normal((len(some), asked.shape[1]))
            noise *= np.sqrt(1 - _ALIKE**2) / np.linalg.norm(noise, axis=1, keepdims=True)
            made = _ALIKE * asked[[text.number % len(asked) for text in some]] + noise
            made *= 127 / np.abs(made).max(axis=1, keepdims=True)
            self._know(some, [row.tobytes() for row in np.round(made).astype(np.int8)])
        self._load()

    @staticmethod
    def _know(texts: Sequence[Text], made: Sequence[bytes]) -> None:
        EntryVector.objects.bulk_create(
            EntryVector(
                kind=kind_of(text.number), object_id=text.number, language=text.language, audience="public",
                model=model.VERSION, digest="", vector=vector,
            )
            for text, vector in zip(texts, made, strict=True)
        )  # fmt: skip

    @staticmethod
    def _load() -> None:
        nearest.forget()
        nearest.load()

    # Asking ---------------------------------------------------------------------------------------------------------

    def search(self, text: str, language: str) -> list[int]:
        return found_by(text, language)

    def suggest(self, text: str, language: str) -> list[int]:
        found = queries.suggest(text=text, user=None, language=language)
        return [hit.object_id for group in found.groups for hit in group.hits]

    def results(self, text: str, language: str) -> list[int]:
        """The hits of a page, without facets, corrections and caching."""

        def hits(backend: Backend) -> list[int]:
            question = ask(backend, text, language, ("public",))
            terms, size = question.terms(), question.vocabulary.size
            plan = Plan(terms=terms, size=size, audiences=("public",), filters=Filters(language=(language,)))
            return [hit.object_id for hit in with_meaning(backend, text, plan).search(plan).hits]

        found: list[int] = answer(hits)
        return found

    # Reporting ------------------------------------------------------------------------------------------------------

    def size(self) -> int:
        if self._is_in_cluster:
            return node_size(f"{settings.ELASTICSEARCH_PREFIX}-*")
        return database_size() - self._empty

    def check(self) -> None:
        if self._failures.messages:
            raise RuntimeError("; ".join(self._failures.messages))

    def close(self) -> None:
        if self._is_in_cluster:
            cluster.get_cluster().indices.delete_all()


def found_by(text: str, language: str) -> list[int]:
    """Numbers of the entries on a visitor's first page of results; of other languages if there are none in this one."""
    found = queries.search(text=text, user=None, language=language)
    hits = found.hits or [hit for other in found.elsewhere for hit in other.hits]
    return [hit.object_id for hit in hits]


class _Failures(logging.Handler):
    """Collects the failures that the portal handles silently."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        logging.getLogger("search").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def entry_of(text: Text) -> SearchEntry:
    """The search entry of a text, as an app would make it."""
    return SearchEntry(
        kind=kind_of(text.number), object_id=text.number, language=text.language, title=text.title,
        short_answer=text.short_answer, body=text.body, keywords=text.keywords, url=f"/{text.language}/a/{text.number}/", audience="public",
        facets={"product": products_of(text.number), "topic": topics_of(text.number)},
    )  # fmt: skip
