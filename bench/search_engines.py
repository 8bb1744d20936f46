"""The searches that are measured, behind one small interface. Each runs in a process of its own (`bench.search_worker`)."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from bench.search_data import kind_of, products_of, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.search_data import Text

_AT_ONCE: Final = 500
_PAGE: Final = 20


class Engine(Protocol):
    """A search."""

    def index(self, texts: Iterable[Text]) -> None:
        """Make the texts, all there are, findable."""

    def search(self, text: str, language: str) -> list[int]:
        """Numbers of the first page of entries, the best first."""

    def suggest(self, text: str, language: str) -> list[int]:
        """The same while the last word is still typed."""

    def size(self) -> int:
        """Bytes on disk, without what the database needs when it is empty."""


def _chunks(values: Iterable[Any], size: int = _AT_ONCE) -> Iterator[list[Any]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


class Portal:
    """The portal's own search, as its pages ask it: the whole chain, and the check of every hit against the database."""

    settings = "portal.settings.production"

    def __init__(self) -> None:
        # The apps must be ready before their models can be imported.
        from django.core.management import call_command  # noqa: PLC0415

        from bench.search_documents import register_documents  # noqa: PLC0415
        from search import queries  # noqa: PLC0415
        from search.backends import get_backend  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        register_documents()
        self._queries = queries
        self._backend = get_backend()
        self._empty = _database_size()

    def index(self, texts: Iterable[Text]) -> None:
        from search.documents import SearchEntry  # noqa: PLC0415 - as above

        with self._backend.rebuild():
            for some in _chunks(
                sorted(texts, key=lambda text: kind_of(text.number))
            ):  # kind by kind, as a rebuild does
                self._backend.put([
                    SearchEntry(
                        kind=kind_of(text.number), object_id=text.number, language=text.language, title=text.title,
                        short_answer=text.short_answer, body=text.body, url=f"/{text.language}/a/{text.number}/",
                        audience="public", products=products_of(text.number), topics=topics_of(text.number),
                    )
                    for text in some
                ], force=True)  # fmt: skip

    def search(self, text: str, language: str) -> list[int]:
        found = self._queries.search(text=text, user=None, language=language)
        hits = found.hits or [hit for other in found.elsewhere for hit in other.hits]
        return [hit.object_id for hit in hits]

    def suggest(self, text: str, language: str) -> list[int]:
        found = self._queries.suggest(text=text, user=None, language=language)
        return [hit.object_id for group in found.groups for hit in group.hits]

    def results(self, text: str, language: str) -> list[int]:
        """The page of hits alone, without facets, repair and remembering."""
        from search.backends import Filters, Plan  # noqa: PLC0415 - as above
        from search.questions import ask  # noqa: PLC0415

        question = ask(self._backend, text, language, ("public",))
        terms, size = question.terms(), question.vocabulary.size
        filters = Filters(languages=(language,))
        found = self._backend.search(Plan(terms=terms, size=size, audiences=("public",), filters=filters))
        return [hit.object_id for hit in found.hits]

    def put_one(self, text: Text) -> None:
        """A changed article on its way into the full index."""
        from search.documents import SearchEntry  # noqa: PLC0415 - as above

        self._backend.put([
            SearchEntry(
                kind=kind_of(text.number), object_id=text.number, language=text.language, title=text.title + " نو",
                body=text.body, url=f"/a/{text.number}/", audience="public", topics=topics_of(text.number),
            )
        ], force=True)  # fmt: skip

    def size(self) -> int:
        return _database_size() - self._empty


def _database_size() -> int:
    from django.db import connection  # noqa: PLC0415 - settings must be there first

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
        return os.path.getsize(connection.settings_dict["NAME"])  # noqa: PTH202 - a plain path


class _DatabaseSearch:
    """What the plain searches share: a table of their own in the site `bench.search_site`."""

    settings = "bench.search_site.settings"

    def __init__(self) -> None:
        from django.core.management import call_command  # noqa: PLC0415 - settings must be there first
        from django.db import connection  # noqa: PLC0415

        call_command("migrate", run_syncdb=True, verbosity=0)
        self.connection = connection
        self._empty = _database_size()

    def size(self) -> int:
        return _database_size() - self._empty

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[int]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return [row[0] for row in cursor.fetchall()]


class Fts5(_DatabaseSearch):
    """SQLite's full-text search with the tokenizer `unicode61`; the words joined by OR, ranked by its BM25."""

    def index(self, texts: Iterable[Text]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE VIRTUAL TABLE plain USING fts5 (title, body, tokenize = 'unicode61')")
            for some in _chunks(texts):
                rows = [(text.number, text.title, f"{text.short_answer} {text.body}") for text in some]
                cursor.execute("BEGIN")
                cursor.executemany("INSERT INTO plain (rowid, title, body) VALUES (%s, %s, %s)", rows)
                cursor.execute("COMMIT")

    def _find(self, query: str) -> list[int]:
        if not query:
            return []
        sql = f"SELECT rowid FROM plain WHERE plain MATCH %s ORDER BY bm25(plain, 3, 1) LIMIT {_PAGE}"  # noqa: S608
        return self._rows(sql, [query])

    def search(self, text: str, language: str) -> list[int]:
        return self._find(" OR ".join(f'"{word}"' for word in _words(text)))

    def suggest(self, text: str, language: str) -> list[int]:
        quoted = [f'"{word}"' for word in _words(text)]
        return self._find(" ".join(quoted) + "*") if quoted else []


class TsRank(_DatabaseSearch):
    """PostgreSQL's full-text search, configuration `simple`, a GIN index; the words joined by OR, ranked by ts_rank."""

    def index(self, texts: Iterable[Text]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE plain (id bigint PRIMARY KEY, words tsvector)")
            cursor.execute("CREATE INDEX ON plain USING gin (words)")
            for some in _chunks(texts):
                rows = [(text.number, text.title, f"{text.short_answer} {text.body}") for text in some]
                cursor.executemany(
                    "INSERT INTO plain VALUES (%s, setweight(to_tsvector('simple', %s), 'A') || "
                    "setweight(to_tsvector('simple', %s), 'D'))",
                    rows,
                )
            cursor.execute("ANALYZE plain")

    def _find(self, query: str) -> list[int]:
        if not query:
            return []
        sql = (
            "SELECT id FROM plain, to_tsquery('simple', %s) AS query WHERE words @@ query "
            "ORDER BY ts_rank(words, query) DESC LIMIT 20"
        )
        return self._rows(sql, [query])

    def search(self, text: str, language: str) -> list[int]:
        return self._find(" | ".join(_words(text)))

    def suggest(self, text: str, language: str) -> list[int]:
        words = _words(text)
        return self._find(" & ".join(words) + ":*") if words else []


class Wagtail(_DatabaseSearch):
    """Wagtail's own search on the same database, as `Model.objects.search(text)` uses it."""

    def index(self, texts: Iterable[Text]) -> None:
        from modelsearch.backends import get_search_backend  # noqa: PLC0415 - settings must be there first

        from bench.search_site.models import Passage  # noqa: PLC0415

        self._backend = get_search_backend()
        self._passages = Passage.objects.all()
        for some in _chunks(texts):
            passages = [Passage(pk=t.number, title=t.title, body=f"{t.short_answer} {t.body}") for t in some]
            Passage.objects.bulk_create(passages)
            self._backend.get_index_for_model(Passage).add_items(Passage, passages)

    def search(self, text: str, language: str) -> list[int]:
        return [passage.pk for passage in self._backend.search(text, self._passages)[:_PAGE]]

    def suggest(self, text: str, language: str) -> list[int]:
        return self.search(text, language)


class ElasticStandard:
    """Elasticsearch with its standard analyzer and `multi_match`, as a mapping nobody wrote gives it."""

    settings = ""
    _index: Final = f"bench-standard-{os.getpid()}"

    def __init__(self) -> None:
        self._url = os.environ["ELASTICSEARCH_URL"].rstrip("/")

    def _ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
        request = urllib.request.Request(  # noqa: S310 - the address the operator gave
            f"{self._url}/{self._index}{path}", body.encode() or None, {"Content-Type": kind}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
        return found

    def index(self, texts: Iterable[Text]) -> None:
        mapping = {"properties": {"title": {"type": "text"}, "body": {"type": "text"}}}
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        self._ask("PUT", "", json.dumps({"settings": settings, "mappings": mapping}))
        for some in _chunks(texts):
            lines: list[dict[str, Any]] = []
            for text in some:
                lines.append({"index": {"_id": str(text.number)}})
                lines.append({"title": text.title, "body": f"{text.short_answer} {text.body}"})
            self._ask("POST", "/_bulk", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        self._ask("POST", "/_refresh")

    def _find(self, query: dict[str, Any]) -> list[int]:
        found = self._ask("POST", "/_search", json.dumps({"size": _PAGE, "_source": False, "query": query}))
        return [int(hit["_id"]) for hit in found["hits"]["hits"]]

    def search(self, text: str, language: str) -> list[int]:
        return self._find({"multi_match": {"query": text, "fields": ["title^3", "body"]}})

    def suggest(self, text: str, language: str) -> list[int]:
        query = {"query": text, "type": "bool_prefix", "operator": "and", "fields": ["title^3", "body"]}
        return self._find({"multi_match": query})

    def size(self) -> int:
        return int(self._ask("GET", "/_stats/store")["_all"]["total"]["store"]["size_in_bytes"])

    def close(self) -> None:
        self._ask("DELETE", "")


ENGINES: Final[dict[str, type[Any]]] = {
    "portal": Portal,
    "fts5": Fts5,
    "ts_rank": TsRank,
    "wagtail": Wagtail,
    "elastic-standard": ElasticStandard,
}
