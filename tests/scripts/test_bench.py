"""script/bench measures what it says, and its figures are plausible."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from defusedxml.ElementTree import parse
from django.utils.module_loading import import_string

from bench.community_dump import FULL_PAGE, Size, write_dump
from bench.search import ROWS
from bench.search_worker import ENGINES
from search.meaning import model
from tests.demo_portal import demo_data

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ("DATABASE_URL", "TEST_DATABASE_URL", "BENCH_DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
PORTAL, PLAIN, WAGTAIL = "portal, SQLite", "SQLite FTS5 unicode61", "Wagtail, SQLite"
MEANING = "portal with meaning, SQLite"
NAMES = (
    *("pages", "community", "connections", "downloads", "import", "ledger", "memory", "search", "best-answer"),
    "zendesk",
)
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
    for name in NAMES:
        assert f"script/bench {name} " in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_each_measurement_says_what_it_measures(name):
    done = bench(name, "--help")

    assert done.returncode == 0, done.stderr
    assert f"Run by `script/bench {name}`." in done.stdout


def test_an_unknown_measurement_is_refused():
    done = bench("everything")

    assert done.returncode == 1
    names = "pages, community, connections, downloads, import, ledger, memory, offers, search, best-answer, zendesk"
    assert names in done.stderr


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


def test_a_dump_has_the_size_that_was_asked_for_and_is_the_same_each_time(tmp_path):
    size = Size.of(1_000)

    for name in ("one", "another"):
        write_dump(tmp_path / name, size)

    rows = {name: parse(tmp_path / "one" / f"{name}.xml").getroot() for name in ("Posts", "Comments", "Users", "Votes")}
    questions = [row.get("Id") for row in rows["Posts"] if row.get("PostTypeId") == "1"]
    replies = Counter([row.get("ParentId") for row in rows["Posts"]] + [row.get("PostId") for row in rows["Comments"]])
    assert (len(rows["Posts"]) + len(rows["Comments"]), len(questions), len(rows["Users"])) == (1_000, 150, 100)
    assert {size.longest - 1, FULL_PAGE - 1} <= {replies[each] for each in questions}
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "another" / file.name).read_bytes(), file.name


@pytest.mark.slow
def test_the_community_is_measured_with_few_and_with_many_posts(tmp_path, django_db_blocker):
    file, folder = tmp_path / "figures.json", tmp_path / "portals"
    with django_db_blocker.unblock():
        demo_data(folder / "empty")

    sizes = ("--few", "500", "--many", "1000", "--rounds", "1", "--seconds", "0.5")
    done = bench("community", *sizes, "--folder", str(folder), "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert [each["posts"] for each in figures["imports"]] == [500, 1_000]
    assert all(50 < each["own_mb"] < 400 for each in figures["imports"])
    assert {"area list, signed in", "thread, signed in", "unread list, signed in", "compose, signed in",
            "vote, signed in", "thread, anonymous", "last page, kept"} <= set(figures["pages"])  # fmt: skip
    for page, of in figures["pages"].items():
        assert 0 < of["many_ms"] <= of["p99_ms"], page
        assert of["growth"] == pytest.approx(of["many_ms"] / of["few_ms"])
        assert page.endswith("kept") or 5 < of["queries"] < 40, page
    assert all(ratio > 0 for ratio in figures["ratios"].values())
