"""The searches that the portal's is compared with: those of the databases, Wagtail's, and default Elasticsearch."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from django.core.management import call_command
from django.db import connection
from modelsearch.backends import get_search_backend

from bench.search_common import PAGE, Engine, ask_node, chunks, database_size, node_size, numbers
from bench.search_site.models import Passage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.search_data import Text


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


class _DatabaseSearch(Engine):
    """Base class of the plain searches, which use a table of the site `bench.search_site`."""

    def __init__(self) -> None:
        call_command("migrate", run_syncdb=True, verbosity=0)
        self._empty = database_size()

    def size(self) -> int:
        return database_size() - self._empty

    def forget(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE plain")


class Fts5(_DatabaseSearch):
    """SQLite's full-text search with the tokenizer `unicode61`; the words joined by OR, ranked by its BM25."""

    def index(self, texts: Iterable[Text]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE VIRTUAL TABLE plain USING fts5 (title, body, tokenize = 'unicode61')")
            for some in chunks(texts):
                rows = [(text.number, text.title, f"{text.short_answer} {text.body}") for text in some]
                cursor.execute("BEGIN")
                cursor.executemany("INSERT INTO plain (rowid, title, body) VALUES (%s, %s, %s)", rows)
                cursor.execute("COMMIT")

    def _find(self, query: str) -> list[int]:
        if not query:
            return []
        sql = f"SELECT rowid FROM plain WHERE plain MATCH %s ORDER BY bm25(plain, 3, 1) LIMIT {PAGE}"  # noqa: S608
        return numbers(sql, [query])

    def search(self, text: str, language: str) -> list[int]:
        return self._find(" OR ".join(f'"{word}"' for word in _words(text)))

    def suggest(self, text: str, language: str) -> list[int]:
        quoted = [f'"{word}"' for word in _words(text)]
        return self._find(" ".join(quoted) + "*") if quoted else []


class TsRank(_DatabaseSearch):
    """PostgreSQL's full-text search, configuration `simple`, a GIN index; the words joined by OR, ranked by ts_rank."""

    def index(self, texts: Iterable[Text]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE plain (id bigint PRIMARY KEY, words tsvector)")
            cursor.execute("CREATE INDEX ON plain USING gin (words)")
            for some in chunks(texts):
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
        return numbers(sql, [query])

    def search(self, text: str, language: str) -> list[int]:
        return self._find(" | ".join(_words(text)))

    def suggest(self, text: str, language: str) -> list[int]:
        words = _words(text)
        return self._find(" & ".join(words) + ":*") if words else []


class Wagtail(_DatabaseSearch):
    """Wagtail's own search on the same database, as `Model.objects.search(text)` uses it."""

    def index(self, texts: Iterable[Text]) -> None:
        self._backend = get_search_backend()
        self._passages = Passage.objects.all()
        for some in chunks(texts):
            passages = [Passage(pk=t.number, title=t.title, body=f"{t.short_answer} {t.body}") for t in some]
            Passage.objects.bulk_create(passages)
            self._backend.get_index_for_model(Passage).add_items(Passage, passages)

    def forget(self) -> None:
        Passage.objects.all().delete()
        self._backend.reset_indexes()

    def search(self, text: str, language: str) -> list[int]:
        return [passage.pk for passage in self._backend.search(text, self._passages)[:PAGE]]

    def suggest(self, text: str, language: str) -> list[int]:
        return self.search(text, language)


class ElasticStandard(Engine):
    """Elasticsearch with the standard analyzer, `multi_match` and dynamic mapping."""

    _index: Final = f"bench-standard-{os.getpid()}"

    def _ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        return ask_node(method, f"/{self._index}{path}", body)

    def index(self, texts: Iterable[Text]) -> None:
        mapping = {"properties": {"title": {"type": "text"}, "body": {"type": "text"}}}
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        self._ask("PUT", "", json.dumps({"settings": settings, "mappings": mapping}))
        for some in chunks(texts):
            lines: list[dict[str, Any]] = []
            for text in some:
                lines.append({"index": {"_id": str(text.number)}})
                lines.append({"title": text.title, "body": f"{text.short_answer} {text.body}"})
            self._ask("POST", "/_bulk", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        self._ask("POST", "/_refresh")

    def _find(self, query: dict[str, Any]) -> list[int]:
        found = self._ask("POST", "/_search", json.dumps({"size": PAGE, "_source": False, "query": query}))
        return [int(hit["_id"]) for hit in found["hits"]["hits"]]

    def search(self, text: str, language: str) -> list[int]:
        return self._find({"multi_match": {"query": text, "fields": ["title^3", "body"]}})

    def suggest(self, text: str, language: str) -> list[int]:
        query = {"query": text, "type": "bool_prefix", "operator": "and", "fields": ["title^3", "body"]}
        return self._find({"multi_match": query})

    def size(self) -> int:
        return node_size(self._index)

    def forget(self) -> None:
        self._ask("DELETE", "?ignore_unavailable=true")

    def close(self) -> None:
        self.forget()
