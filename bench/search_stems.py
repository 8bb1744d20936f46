"""The databases' own full-text searches with the portal's stems: how they would perform in place of its index.

They share with the portal: the analysis, the reading of a question (corrections, Persian in Latin letters, the other
keyboard), separate languages, the weights of the fields, the texts of a page of hits. Matching and ranking are those of
the database. To read questions, the portal's index is filled as well; that is neither timed nor counted. They lack
audiences, kinds, facets, synonyms, places for highlighting, and the vocabulary for corrections and completions, so that
their size and speed are flattered.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import connection, transaction

from bench.search_common import PAGE, chunks, database_size, numbers
from bench.search_portal import Portal, entry_of
from search.asking.questions import Question, ask, prepare, read, understand
from search.asking.synonyms import NO_RULES
from search.index.entry_terms import pieces_of
from search.index.plan import BODY, SHORT_ANSWER, TITLE, WANTED, Plan, Vocabulary
from search.index.scoring import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.search_data import Text

_FIELDS: Final = (TITLE, SHORT_ANSWER, BODY)
_NAMES: Final = ", ".join(_FIELDS)
_WEIGHTS: Final = [FIELDS[name].weight for name in _FIELDS]
#: The fields of an entry that a page of hits shows.
_SHOWN: Final = ("kind", "language", *_FIELDS, "url")
_SHOWN_COLUMNS: Final = ", ".join(f"{name} text" for name in _SHOWN)
_OTHER_LANGUAGE: Final = {"fa": "en", "en": "fa"}
#: If there are more combinations of required words than this, any word is enough: queries have no operator for "most
#: of".
_MAX_CHOICES: Final = 64


class _Stems(Portal):
    """Base class. An entry matches any word of a question."""

    #: Whether to require as many words as the portal first, and any word only if fewer entries than it wants match.
    needs_most: ClassVar[bool] = False
    #: Not measured: that of the portal would fill the portal's index.
    put_one = None  # type: ignore[assignment]  # no method here
    tables: ClassVar[tuple[str, ...]]
    #: The statements that create the tables, and those that insert entries.
    make: ClassVar[tuple[str, ...]]
    add: ClassVar[tuple[str, ...]]
    #: The syntax of a term, of a prefix, and of AND and OR.
    term: ClassVar[str]
    beginning: ClassVar[str]
    both: ClassVar[str]
    either: ClassVar[str]

    def rows(self, texts: Sequence[Text]) -> tuple[list[tuple[Any, ...]], ...]:
        """The parameters of each statement of `add`."""
        raise NotImplementedError

    def page(self, matching: str, any_word: str, language: str) -> list[int]:
        """The best entries of a language for a query; `any_word` is the query for any of its words."""
        raise NotImplementedError

    def index(self, texts: Iterable[Text]) -> None:
        with connection.cursor() as cursor:
            for statement in self.make:
                cursor.execute(statement)
            for some in chunks(texts):
                with transaction.atomic():
                    for statement, rows in zip(self.add, self.rows(some), strict=True):
                        cursor.executemany(statement, rows)

    def learn(self, texts: Sequence[Text]) -> None:
        """Fill the portal's index, with which questions are read, after measuring the size of this one."""
        self._size = database_size() - self._empty
        super().index(texts)

    def imagine(self, texts: Sequence[Text], questions: Sequence[str]) -> None:
        self.learn(texts)

    def size(self) -> int:
        return self._size

    def forget(self) -> None:
        with connection.cursor() as cursor:
            for table in self.tables:
                cursor.execute(f"DROP TABLE {table}")
        super().forget()

    def search(self, text: str, language: str) -> list[int]:
        """Search with the portal's reading of the text; in the other language if nothing is found in this one."""
        typed, notices = prepare(text)
        question = ask(self._backend, typed, language, ("public",), NO_RULES)
        question = understand(self._backend, question, language, ("public",), notices)
        return self._found(question, language) or self._found(question, _OTHER_LANGUAGE[language])

    def results(self, text: str, language: str) -> list[int]:
        """Search for the text as it is, without looking up the vocabulary."""
        return self._found(_taken_literally(text, language), language)

    def suggest(self, text: str, language: str) -> list[int]:
        """Search for all words, of which the last one is a prefix."""
        words = _taken_literally(text, language).words
        written = [self.term % word.text for word in words]
        if words and words[-1].end == len(text):
            written[-1] = self.beginning % words[-1].word
        query = self.both.join(written)
        return self.page(query, query, language) if query else []

    def _found(self, question: Question, language: str) -> list[int]:
        stems: dict[int, list[str]] = defaultdict(list)
        for term in question.own_terms():
            for word in term.words:
                stems[word].append(self.term % term.text)
        if not stems:
            return []
        any_word = self.either.join(dict.fromkeys(stem for some in stems.values() for stem in some))
        required = Plan(terms=question.own_terms(), size=0, audiences=()).required
        if self.needs_most and required > 1 and math.comb(len(stems), required) <= _MAX_CHOICES:
            words = [f"({self.either.join(some)})" for some in stems.values()]
            most = self.either.join(f"({self.both.join(chosen)})" for chosen in combinations(words, required))
            found = self.page(most, any_word, language)
            if len(found) >= WANTED:
                return found
        return self.page(any_word, any_word, language)


def _taken_literally(text: str, language: str) -> Question:
    """The question as if the index contained every word."""
    found, alternatives, rules = read(text, language, NO_RULES)
    known = dict.fromkeys((token.text for token in found), 1)
    return Question(text, found, Vocabulary(size=1, frequencies=known), alternatives, rules)


def _stems_of(text: Text) -> Iterator[list[str]]:
    """The terms of each field, in order."""
    for field in (text.title, text.short_answer, text.body):
        yield [token[0] for _start, tokens in pieces_of(field, text.language) for token in tokens]


def _shown(text: Text) -> tuple[Any, ...]:
    entry = entry_of(text)
    return (entry.object_id, *(getattr(entry, name) for name in _SHOWN))


class Fts5(_Stems):
    """SQLite's FTS5 without a copy of the texts, ranked by its BM25. The language is a field with weight 0."""

    tables = ("stems", "shown")
    make = (
        f"CREATE TABLE shown (id integer PRIMARY KEY, {_SHOWN_COLUMNS})",
        f"CREATE VIRTUAL TABLE stems USING fts5 ({_NAMES}, language, content='', tokenize='ascii')",
    )
    add = (
        "INSERT INTO shown VALUES (%s, %s, %s, %s, %s, %s, %s)",
        f"INSERT INTO stems (rowid, {_NAMES}, language) VALUES (%s, %s, %s, %s, %s)",  # noqa: S608 - our names
    )
    term, beginning, both, either = '"%s"', '"%s"*', " AND ", " OR "

    def rows(self, texts: Sequence[Text]) -> tuple[list[tuple[Any, ...]], ...]:
        stems = [(text.number, *map(" ".join, _stems_of(text)), text.language) for text in texts]
        return list(map(_shown, texts)), stems

    def page(self, matching: str, any_word: str, language: str) -> list[int]:
        sql = f"""
            SELECT shown.* FROM (
                SELECT rowid, rank FROM stems WHERE stems MATCH %s AND rank MATCH %s ORDER BY rank LIMIT {PAGE}
            ) AS best JOIN shown ON id = best.rowid ORDER BY rank, id
        """  # noqa: S608 - a number
        query = f'language : "{language}" AND {{{_NAMES.replace(",", "")}}} : ({matching})'
        return numbers(sql, [query, f"bm25({', '.join(map(str, _WEIGHTS))}, 0.0)"])


class Fts5Most(Fts5):
    """The same, requiring most words first."""

    needs_most = True


class TsRank(_Stems):
    """PostgreSQL's `tsvector` with a GIN index, ranked by `ts_rank` without length normalisation."""

    rank: ClassVar[str] = "ts_rank"
    #: The normalisation option of the ranking function.
    length: ClassVar[int] = 0
    tables = ("stems",)
    make = (
        f"CREATE TABLE stems (id bigint PRIMARY KEY, {_SHOWN_COLUMNS}, words tsvector)",
        "CREATE INDEX ON stems USING gin (words)",
    )
    add = ("INSERT INTO stems VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",)
    term, beginning, both, either = "'%s'", "'%s':*", " & ", " | "

    def rows(self, texts: Sequence[Text]) -> tuple[list[tuple[Any, ...]], ...]:
        return ([(*_shown(text), _tsvector(text)) for text in texts],)

    def page(self, matching: str, any_word: str, language: str) -> list[int]:
        title, short_answer, body = (weight / max(_WEIGHTS) for weight in _WEIGHTS)
        sql = f"""
            SELECT id, {", ".join(_SHOWN)} FROM stems WHERE language = %s AND words @@ %s::tsquery
            ORDER BY {self.rank}(%s::real[], words, %s::tsquery, {self.length}) DESC, id LIMIT {PAGE}
        """  # noqa: S608 - our names
        return numbers(sql, [language, matching, [body, 0.0, short_answer, title], any_word])


class TsRankMost(TsRank):
    """The same, requiring most words first."""

    needs_most = True


class TsRankShort(TsRank):
    """The same, divided by the logarithm of the number of distinct words."""

    length = 16


class TsRankCd(TsRank):
    """The same, ranked by the proximity of the words and divided by the logarithm of the length, its best option."""

    rank, length = "ts_rank_cd", 1


def _tsvector(text: Text) -> str:
    """The stems with their positions and weight letters, in PostgreSQL's syntax."""
    placed = ((stem, letter) for stems, letter in zip(_stems_of(text), "ABD", strict=True) for stem in stems)
    places: dict[str, list[str]] = defaultdict(list)
    for place, (stem, letter) in enumerate(placed, 1):
        places[stem].append(f"{place}{letter}")
    return " ".join(f"'{stem}':{','.join(some)}" for stem, some in places.items())
