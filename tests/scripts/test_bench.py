"""script/bench measures what it says, and its figures are plausible."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

from bench.search import ROWS
from bench.search_worker import ENGINES
from search.meaning import model
from tests.demo_portal import demo_data

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ("DATABASE_URL", "TEST_DATABASE_URL", "BENCH_DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
PORTAL, PLAIN, WAGTAIL = "portal, SQLite", "SQLite FTS5 unicode61", "Wagtail, SQLite"
MEANING = "portal with meaning, SQLite"
#: Tolerance for sums of floats.
TINY = 1e-6


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it without any server, on SQLite."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ELSEWHERE and not name.startswith("ELASTICSEARCH_")
    }
    return subprocess.run(
        [ROOT / "script" / "bench", *arguments], env=env, capture_output=True, text=True, timeout=900, check=False
    )


def test_help_names_every_measurement():
    done = bench("--help")

    assert done.returncode == 0
    for name in ("pages", "connections", "ledger", "memory", "search", "best-answer"):
        assert f"script/bench {name} " in done.stdout


@pytest.mark.parametrize("name", ["pages", "connections", "ledger", "memory", "search", "best-answer"])
def test_each_measurement_says_what_it_measures(name):
    done = bench(name, "--help")

    assert done.returncode == 0, done.stderr
    assert f"Run by `script/bench {name}`." in done.stdout


def test_an_unknown_measurement_is_refused():
    done = bench("everything")

    assert done.returncode == 1
    assert "pages, connections, ledger, memory, search, best-answer" in done.stderr


def test_every_search_that_is_measured_is_there():
    assert {row.engine for row in ROWS} == set(ENGINES)
    for _settings, where in ENGINES.values():
        assert import_string(where)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The figures of a quick run; searches fed with our stems have tests of their own (test_bench_stems.py)."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    chosen = ("--only", "portal", "--only", "SQLite", "--only", "Wagtail")
    done = bench("search", "--quick", *chosen, "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PostgreSQL is left out" in done.stdout
    assert "Elasticsearch is left out" in done.stdout
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_quality_is_measured_for_every_search_and_way_of_typing(quick):
    searches = {PORTAL, PLAIN, WAGTAIL} | ({MEANING} if model.is_installed() else set())

    assert {"demo-fa", "demo-en"} <= set(quick["quality"])
    for figures in quick["quality"].values():
        assert set(figures) == searches
    assert set(quick["quality"]["demo-fa"][PORTAL]) == {"as written", "Arabic letters, no half-spaces", "one typo"}
    for figures in quick["quality"].values():
        for of in (of for ways in figures.values() for of in ways.values()):
            assert 0 <= of["p1"] <= of["mrr"] + TINY
            assert of["mrr"] <= 100 - of["zero"] + TINY
            assert 0 <= of["recall"] <= 100 + TINY


@pytest.mark.slow
def test_the_portal_finds_what_customers_of_the_demo_ask_for_and_plain_search_less(quick):
    ours, plain = (quick["quality"]["demo-fa"][search] for search in (PORTAL, PLAIN))

    for way, of in ours.items():
        assert of["mrr"] > 85, way
        assert of["zero"] == 0, way
    assert plain["Arabic letters, no half-spaces"]["mrr"] < ours["Arabic letters, no half-spaces"]["mrr"] - 10


@pytest.mark.slow
def test_speed_is_measured_for_every_search(quick):
    ((entries, figures),) = quick["speed"].items()

    assert int(entries) >= 100
    assert {PORTAL, PLAIN, WAGTAIL} <= set(figures)
    for search, of in figures.items():
        assert of["entries_per_second"] > 0
        assert of["bytes"] > 10_000
        for name in ("search", "suggest", *(("results", "put_one") if search.startswith("portal") else ())):
            assert 0 < of[name]["p50"] <= of[name]["p95"], (search, name)


@pytest.mark.slow
def test_pages_are_measured_while_others_write(tmp_path, django_db_blocker):
    file, folder = tmp_path / "writes.json", tmp_path / "portal"
    with django_db_blocker.unblock():
        demo_data(folder)

    done = bench("pages", "--writes", "20", "--quick", "--folder", str(folder), "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert 2 < figures["writes_per_second"] <= 21
    assert set(figures["pages"]) == {"article, anonymous", "topic, anonymous", "home, anonymous"}
    for page, of in figures["pages"].items():
        assert of["rate"] > 0, page
        assert of["ratio"] == pytest.approx(of["beside"] / of["rate"])
        assert f"{page:<22}" in done.stdout
