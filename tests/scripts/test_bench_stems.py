"""The databases' own searches with our stems, as measured by script/bench, work correctly: the comparison is fair."""

from __future__ import annotations

import pytest
from django.db import connection

from bench import search_stems
from bench.search_data import Text
from bench.search_portal import Portal, entry_of
from search.index.answering import get_backend

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("bench.search_stems")]

ENGINES = {
    "sqlite": [search_stems.Fts5, search_stems.Fts5Most],
    "postgresql": [
        search_stems.TsRank,
        search_stems.TsRankMost,
        search_stems.TsRankShort,
        search_stems.TsRankCd,
    ],
}
FILLER = "سیم‌کارت را در گوشی بگذارید و چند دقیقه صبر کنید تا شبکه پیدا شود"
TEXTS = [
    Text(1, "fa", "دستگاه روشن نیست", "دستگاه", f"{FILLER} و چراغ مودم را ببینید"),
    Text(2, "fa", "چراغ مودم", "رنگ آن", FILLER),
    Text(3, "fa", "قبض", "چراغ", FILLER),
    Text(4, "en", "The lights of a router", "What they mean", "A red light is an alarm"),
    *(Text(number, "fa", f"بسته {number}", "بسته مودم", f"{FILLER} بسته چراغ") for number in range(10, 16)),
    *(Text(number, "fa", f"پرداخت {number}", "پرداخت", FILLER) for number in range(20, 60)),
    Text(60, "fa", "پرداخت", "پرداخت", f"پرداخت {FILLER}"),
]


@pytest.fixture
def engines(monkeypatch):
    """The engines of this database, one after another, with the same texts."""
    monkeypatch.setattr(
        Portal, "__init__", lambda self: setattr(self, "_backend", get_backend())
    )  # no throwaway database
    get_backend().put([entry_of(text) for text in TEXTS])

    def filled():
        for kind in ENGINES[connection.vendor]:
            engine = kind()
            engine.index(TEXTS)
            yield engine
            with connection.cursor() as cursor:
                for table in engine.tables:
                    cursor.execute(f"DROP TABLE {table}")

    return filled()


def test_stems_are_found_in_any_spelling_the_title_first_and_most_words_where_enough_hold_them(engines):
    for engine in engines:
        found = engine.search("چراغ‌هاي مودمها", "fa")

        assert found[0] == 2, engine
        assert {1, 2, 10} <= set(found), engine
        assert (3 in found) != engine.needs_most, engine
        assert engine.search("پرداخت", "fa")[0] == 60, engine  # there is more than one page
        assert engine.search("چراغ قبض", "fa")[0] == 3, engine
        assert set(engine.search("چراغ قبض", "fa")) > {1, 2, 3}, engine


def test_a_question_is_understood_as_in_the_portal_and_asked_of_the_other_language_where_nothing_is_found(engines):
    for engine in engines:
        assert engine.search("قبظ", "fa") == [3], engine  # a typo
        assert engine.search("rfq", "fa") == engine.search("قبض", "fa") == [3], engine  # the other keyboard
        assert engine.search("routers", "en") == engine.search("routers", "fa") == [4], engine
        assert engine.search("کلمه‌ای که نیست", "fa") == [], engine


def test_the_last_word_may_go_on_while_a_person_types(engines):
    for engine in engines:
        assert engine.suggest("دستگاه روش", "fa") == [1], engine
        assert engine.suggest("دستگاه روش ", "fa") == [], engine
        assert engine.suggest("؟", "fa") == [], engine
