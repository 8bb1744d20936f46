"""What script/bench ledger --check counts as missed."""

from __future__ import annotations

import pytest

from bench.ledger import GROWTH, databases, missed_bars

GOOD = {"single: ratio": 0.9, "spending: ratio": 0.5, "batch: ratio": 0.4, "page: growth": 1.0, "check: problems": 0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"single: ratio": 0.01}, "single is 0.010 of plain"),
        ({"spending: ratio": 0.01}, "spending is 0.010 of plain"),
        ({"batch: ratio": 0.01}, "batch is 0.010 of plain"),
        ({"page: growth": GROWTH + 0.1}, "a page of a long statement takes × 1.30"),
        ({"check: problems": 1}, "the books are wrong"),
    ],
)
def test_every_bar_can_be_missed(change, words):
    assert missed_bars("SQLite", GOOD) == []
    [line] = missed_bars("SQLite", {**GOOD, **change})
    assert words in line


def test_postgresql_is_measured_in_a_database_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("TEST_DATABASE_URL", "postgres://me@127.0.0.1:5432/portal")
    assert databases(tmp_path)["PostgreSQL"].startswith("postgres://me@127.0.0.1:5432/bench_ledger_")
    monkeypatch.delenv("TEST_DATABASE_URL")
    assert list(databases(tmp_path)) == ["SQLite"]
