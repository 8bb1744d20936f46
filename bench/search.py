"""How good and how fast search is, beside what else could be used. Run by `script/bench search`.

Quality: questions with known answers from the public sets in ../shared/data (left out, with a word, where they are not
there), asked as written, with Arabic letters and no half-spaces, and with one typo. MRR@10, P@1, recall@10 and the share
of questions without any result, in per cent.

Speed: generated help-centre entries (title 6 words, short answer 20, text 60 to 100; seven of ten Persian), the same for
every search, in the same run: entries indexed a second, size, and milliseconds of the server's work (median and 95th of
100) for a results page with facets, for the hits alone, and after each key while a title is typed. The portal is asked
through the whole chain, the check of every hit against the database included; the others answer with bare numbers. With
--rounds the best of several runs counts, which is fair on a machine that has other work.

Databases are throwaway ones. PostgreSQL takes part when BENCH_DATABASE_URL or TEST_DATABASE_URL names a server where
databases may be made; Elasticsearch when ELASTICSEARCH_URL does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import search_data  # noqa: E402 - the path first

if TYPE_CHECKING:
    from collections.abc import Iterator

SQLITE, POSTGRES, NODE = "sqlite", "postgres", "node"
#: (title, engine, where it keeps its data)
COMPARED = (
    ("portal, SQLite", "portal", SQLITE),
    ("portal, PostgreSQL", "portal", POSTGRES),
    ("SQLite FTS5 unicode61", "fts5", SQLITE),
    ("PostgreSQL ts_rank", "ts_rank", POSTGRES),
    ("Wagtail, SQLite", "wagtail", SQLITE),
    ("Wagtail, PostgreSQL", "wagtail", POSTGRES),
    ("Elasticsearch standard", "elastic-standard", NODE),
)
COLLECTIONS = ("pquad", "banking", "cross-language")
QUICK_ENTRIES = 300
#: Wagtail's search joins and sorts everything it finds; larger indexes would take the whole night.
WAGTAIL_ENTRIES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small sample, under a minute: does it all still work?")
    parser.add_argument("--large", action="store_true", help="also a million entries")
    parser.add_argument("--entries", type=int, nargs="*", help="numbers of generated entries (default 10000 100000)")
    parser.add_argument("--questions", type=int, default=800, help="questions of each set, and of each speed")
    parser.add_argument("--rounds", type=int, default=1, help="measure speed so often; the best round counts")
    parser.add_argument(
        "--only", action="append", help="a search to measure, by the beginning of its title; repeatable"
    )
    parser.add_argument("--no-quality", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.questions = min(arguments.questions, 20)
    sizes = arguments.entries or ([QUICK_ENTRIES] if arguments.quick else [10_000, 100_000])
    if arguments.large:
        sizes.append(1_000_000)
    compared = available(arguments.only)
    figures: dict[str, Any] = {"quality": {}, "speed": {}}
    if not arguments.no_quality:
        figures["quality"] = measure_quality(compared, arguments.questions)
    if not arguments.no_speed:
        for size in sizes:
            figures["speed"][size] = measure_speed(compared, size, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")


def available(only: list[str] | None) -> list[tuple[str, str, str]]:
    """The searches that can be measured here; says which cannot."""
    there = {SQLITE: True, POSTGRES: bool(postgres_url()), NODE: bool(os.environ.get("ELASTICSEARCH_URL"))}
    if not there[POSTGRES]:
        print("PostgreSQL is left out: neither BENCH_DATABASE_URL nor TEST_DATABASE_URL is set.")
    if not there[NODE]:
        print("Elasticsearch is left out: ELASTICSEARCH_URL is not set.")
    chosen = [each for each in COMPARED if not only or any(each[0].lower().startswith(o.lower()) for o in only)]
    return [each for each in chosen if there[each[2]]]


# Measuring ------------------------------------------------------------------------------------------------------------


def measure_quality(compared: list[tuple[str, str, str]], limit: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in COLLECTIONS:
        try:
            title = getattr(search_data, name.replace("-", "_"))(1).name
        except search_data.MissingDataError as missing:
            print(f"Left out: {missing}.")
            continue
        print(f"\n{title}\n{'':<26}{'':<32}{'MRR@10':>8}{'P@1':>8}{'recall':>8}{'none':>8}", flush=True)
        figures[name] = {}
        for search, engine, store in compared:
            found = ordered(engine, store, {"collection": name, "limit": limit})
            figures[name][search] = found
            for way, of in found.items():
                print(
                    f"{search:<26}{way:<32}{of['mrr']:>8.1f}{of['p1']:>8.1f}{of['recall']:>8.1f}{of['zero']:>7.1f}%",
                    flush=True,
                )
    return figures


def measure_speed(compared: list[tuple[str, str, str]], size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    print(
        f"\n{size:,} generated entries; milliseconds as median / 95th of 100\n{'':<26}{'entries/s':>10}{'MB':>8}"
        f"{'results page':>18}{'hits alone':>18}{'each key':>18}{'× plain':>9}{'put one':>18}",
        flush=True,
    )
    figures: dict[str, Any] = {}
    for search, engine, store in compared:
        if engine == "wagtail" and size > WAGTAIL_ENTRIES:
            continue
        order = {"entries": size, "questions": arguments.questions}
        rounds = [ordered(engine, store, order) for _ in range(arguments.rounds)]
        figures[search] = best_of(rounds)
    for search, of in figures.items():
        plain = figures.get("SQLite FTS5 unicode61") or of
        ratio = of["suggest"]["p95"] / plain["suggest"]["p95"]
        print(
            f"{search:<26}{of['entries_per_second']:>10,.0f}{of['bytes'] / 1e6:>8.0f}"
            f"{pair(of, 'search'):>18}{pair(of, 'results'):>18}{pair(of, 'suggest'):>18}{ratio:>9.2f}"
            f"{pair(of, 'put_one'):>18}",
            flush=True,
        )
    return figures


def best_of(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    best = {**rounds[0], "entries_per_second": max(each["entries_per_second"] for each in rounds)}
    for name, value in rounds[0].items():
        if isinstance(value, dict):
            best[name] = min((each[name] for each in rounds), key=lambda of: of["p95"])
    return best


def pair(of: dict[str, Any], name: str) -> str:
    return f"{of[name]['p50']:.1f} / {of[name]['p95']:.1f}" if name in of else "–"


# Databases ------------------------------------------------------------------------------------------------------------


def ordered(engine: str, store: str, order: dict[str, Any]) -> dict[str, Any]:
    """The figures of one order, worked out in a process of its own with an empty database."""
    with tempfile.TemporaryDirectory(prefix="search-bench-") as folder, database(store, folder) as url:
        kept = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "DATA_DIR"}}
        env = {
            **kept, "DATABASE_URL": url, "DATA_DIR": folder, "SECRET_KEY": "only-for-measuring",
            "STAFF_SECOND_FACTOR": "False", "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(ROOT / "bench" / "search_worker.py")], input=json.dumps({**order, "engine": engine}),
            cwd=ROOT, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{engine} on {store}:\n{done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def postgres_url() -> str:
    return os.environ.get("BENCH_DATABASE_URL") or os.environ.get("TEST_DATABASE_URL") or ""


@contextmanager
def database(store: str, folder: str) -> Iterator[str]:
    """The address of an empty database, gone afterwards."""
    if store != POSTGRES:
        yield f"sqlite:///{folder}/bench.sqlite3"
        return
    import psycopg  # noqa: PLC0415 - only where PostgreSQL takes part

    where = urlsplit(postgres_url())
    name = f"search_bench_{os.getpid()}"
    with psycopg.connect(urlunsplit(where._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(where._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    main()
