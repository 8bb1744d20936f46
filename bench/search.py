"""Measure the quality and speed of search, compared with alternatives. Run by `script/bench search`.

Quality: questions with known answers: those of customers on the demo's articles, and those of the public sets in
../shared/data (skipped with a message if they are missing); as written, with Arabic letters and without half-spaces,
and with one typo. Reported are MRR@10, P@1, recall@10 and the share of questions without any result, in per cent.

Speed: generated help-centre entries (title 6 words, short answer 20, text 60 to 100; 70 % Persian), the same for every
search, in the same run: entries indexed per second, size, and milliseconds of the server's work (median and 95th
percentile of 100) for a results page with facets, for the hits alone, for each keystroke while a title is typed, and
for putting one changed entry. The portal's search includes the check of every hit in the database; the others return
only numbers. With --rounds the best of several runs counts, which is fair on a machine with other work.

"Our stems" are the databases' own searches in place of the portal's index: they get its terms and its reading of a
question, but use their own ranking; "most" requires most of the words first, as the portal does, and "short" prefers
entries with few words. Their size and speed are flattered; bench/search_stems.py says why.

"With meaning" is the portal with its semantic extra on, if that is installed; the portal's other rows have it off. For
quality, the real vector of every text is computed, which takes minutes for the English questions. For speed, vectors
are made up, with the right shape, and such that every question finds the maximum number of similar entries: the worst
case. The vector of the question itself is always computed.

Load, with --load, instead of all this: --per-second searches per second for --seconds, sent to a real server by several
client processes while another one changes articles; see bench/search_load.py. Exits with 1 if any response was
incomplete, or the last change is not found. On SQLite, and on PostgreSQL with --only postgresql.

All databases are temporary and are deleted after an interruption, too. PostgreSQL is included if BENCH_DATABASE_URL or
TEST_DATABASE_URL names a server where databases may be created, Elasticsearch if ELASTICSEARCH_URL names a node
(without authentication; the indices are deleted afterwards). The portal's row with it is a portal with a cluster, whose
database is SQLite.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import search_data, search_load  # noqa: E402 - the path first
from search.meaning import model  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SQLITE, POSTGRES, NODE = "sqlite", "postgres", "node"


@dataclass(frozen=True)
class Row:
    """A measured search, and the database it uses."""

    title: str
    engine: str
    store: str
    has_meaning: bool = False


ROWS: Final = (
    Row("portal, SQLite", "portal", SQLITE),
    Row("portal, PostgreSQL", "portal", POSTGRES),
    Row("portal, Elasticsearch", "portal", NODE),
    Row("portal with meaning, SQLite", "portal", SQLITE, has_meaning=True),
    Row("portal with meaning, PostgreSQL", "portal", POSTGRES, has_meaning=True),
    Row("portal with meaning, Elasticsearch", "portal", NODE, has_meaning=True),
    Row("our stems, SQLite FTS5", "fts5-stems", SQLITE),
    Row("our stems, SQLite FTS5, most", "fts5-stems-most", SQLITE),
    Row("our stems, PostgreSQL ts_rank", "ts_rank-stems", POSTGRES),
    Row("our stems, PostgreSQL ts_rank, most", "ts_rank-stems-most", POSTGRES),
    Row("our stems, PostgreSQL ts_rank, short", "ts_rank-stems-short", POSTGRES),
    Row("our stems, PostgreSQL ts_rank_cd", "ts_rank_cd-stems", POSTGRES),
    Row("SQLite FTS5 unicode61", "fts5", SQLITE),
    Row("PostgreSQL ts_rank", "ts_rank", POSTGRES),
    Row("Wagtail, SQLite", "wagtail", SQLITE),
    Row("Wagtail, PostgreSQL", "wagtail", POSTGRES),
    Row("Elasticsearch standard", "elastic-standard", NODE),
)
QUICK_ENTRIES: Final = 300
QUICK_QUESTIONS: Final = 15
#: Number of texts without a question in a quick run, because computing the vector of each takes time.
QUICK_OTHERS: Final = 20
#: Wagtail's search joins and sorts all matches; larger indexes would take all night.
WAGTAIL_ENTRIES: Final = 10_000

Order = dict[str, Any]
#: Titles of rows that could not be measured.
failed: Final[list[str]] = []


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="small samples, under a minute, to check that everything works"
    )
    parser.add_argument("--large", action="store_true", help="also a million entries")
    parser.add_argument("--entries", type=int, nargs="*", help="numbers of generated entries (default 10000 100000)")
    parser.add_argument("--questions", type=int, default=800, help="questions of each set, and of each speed")
    parser.add_argument("--rounds", type=int, default=1, help="number of speed measurements; the best one counts")
    parser.add_argument(
        "--only", action="append", help="a search to measure, by the beginning of its title; repeatable"
    )
    parser.add_argument(
        "--collection", action="append", choices=sorted(search_data.COLLECTIONS), help="a set of questions; repeatable"
    )
    parser.add_argument("--no-quality", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--load", action="store_true", help="many searches a second while articles change")
    parser.add_argument("--folder", type=Path, help="with --load: keep the demo portal there and reuse it")
    parser.add_argument("--per-second", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an interrupt does: databases and processes go
    if arguments.load:
        sys.exit(measure_load(arguments))
    if arguments.quick:
        arguments.questions = min(arguments.questions, QUICK_QUESTIONS)
    rows = available(arguments.only)
    orders = [*([] if arguments.no_speed else speed_orders(arguments))]
    orders += [] if arguments.no_quality else quality_orders(arguments)
    figures: dict[str, Any] = {"quality": {}, "speed": {}}
    for order, found in measured(rows, orders, is_quick=arguments.quick):
        if "collection" in order:
            figures["quality"][order["collection"]] = found
            tell_quality(order, found)
        else:
            figures["speed"][order["entries"]] = found
            tell_speed(order, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    if failed:
        sys.exit(f"Not measured: {', '.join(dict.fromkeys(failed))}")


def measure_load(arguments: argparse.Namespace) -> int:
    """Run the load; return the exit code, which is 1 if there were errors."""
    load = search_load.Load(arguments.per_second, arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="search-bench-") as folder:
        store = POSTGRES if "postgresql" in (arguments.only or []) else SQLITE
        with database(store, folder) as url:
            figures = search_load.measure(load, url if store == POSTGRES else "", arguments.folder)
    search_load.tell(load, figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if figures["errors"] else 0


def available(only: list[str] | None) -> list[Row]:
    """The searches that can be measured here; prints those that cannot."""
    there = {SQLITE: True, POSTGRES: bool(postgres_url()), NODE: bool(os.environ.get("ELASTICSEARCH_URL"))}
    if not there[POSTGRES]:
        print("PostgreSQL is left out: neither BENCH_DATABASE_URL nor TEST_DATABASE_URL is set.")
    if not there[NODE]:
        print("Elasticsearch is left out: ELASTICSEARCH_URL is not set.")
    if not model.is_installed():
        print("Meaning is left out: requirements-semantic.txt is not installed, or this processor cannot run it.")
    chosen = [row for row in ROWS if not only or any(row.title.lower().startswith(o.lower()) for o in only)]
    return [row for row in chosen if there[row.store] and (not row.has_meaning or model.is_installed())]


# Measuring ------------------------------------------------------------------------------------------------------------


def speed_orders(arguments: argparse.Namespace) -> list[Order]:
    sizes = arguments.entries or ([QUICK_ENTRIES] if arguments.quick else [10_000, 100_000])
    if arguments.large:
        sizes.append(1_000_000)
    return [{"entries": size, "questions": arguments.questions, "rounds": arguments.rounds} for size in sizes]


def quality_orders(arguments: argparse.Namespace) -> list[Order]:
    orders = []
    for name, collection in search_data.COLLECTIONS.items():
        if arguments.collection and name not in arguments.collection:
            continue
        try:
            title = collection(1).name
        except search_data.MissingDataError as missing:
            print(f"Left out: {missing}.")
            continue
        others = QUICK_OTHERS if arguments.quick else None
        orders.append({"collection": name, "title": title, "questions": arguments.questions, "others": others})
    return orders


def measured(
    rows: Sequence[Row], orders: Sequence[Order], *, is_quick: bool
) -> Iterator[tuple[Order, dict[str, dict[str, Any]]]]:
    """Each order with its figures by title of the row. Each uses a new process and database, except in a quick run."""
    if is_quick:
        together = {row.title: carried_out(row, orders) for row in rows}
        for place, order in enumerate(orders):
            yield order, {title: figures[place] for title, figures in together.items() if figures}
        return
    for order in orders:
        entries = order.get("entries", 0)
        able = [row for row in rows if row.engine != "wagtail" or entries <= WAGTAIL_ENTRIES]
        found = {}
        for row in able:
            rounds = [figures[0] for _ in range(order.get("rounds", 1)) if (figures := carried_out(row, [order]))]
            if rounds:
                found[row.title] = best_of(rounds)
        yield order, found


def best_of(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    if len(rounds) == 1:
        return rounds[0]
    best = {**rounds[0], "entries_per_second": max(each["entries_per_second"] for each in rounds)}
    for name, value in rounds[0].items():
        if isinstance(value, dict):
            best[name] = min((each[name] for each in rounds), key=lambda of: of["p95"])
    return best


# Reporting ------------------------------------------------------------------------------------------------------------


def tell_quality(order: Order, figures: dict[str, Any]) -> None:
    print(f"\n{order['title']}\n{'':<38}{'':<32}{'MRR@10':>8}{'P@1':>8}{'recall':>8}{'none':>8}")
    for row, ways in figures.items():
        for way, of in ways.items():
            print(
                f"{row:<38}{way:<32}{of['mrr']:>8.1f}{of['p1']:>8.1f}{of['recall']:>8.1f}{of['zero']:>7.1f}%",
                flush=True,
            )


def tell_speed(order: Order, figures: dict[str, Any]) -> None:
    print(
        f"\n{order['entries']:,} generated entries; milliseconds as median / 95th of 100\n{'':<38}{'entries/s':>10}{'MB':>8}"
        f"{'results page':>18}{'hits alone':>18}{'each key':>18}{'× plain':>9}{'put one':>18}"
    )
    for row, of in figures.items():
        plain = figures.get("SQLite FTS5 unicode61") or of
        ratio = of["suggest"]["p95"] / plain["suggest"]["p95"]
        print(
            f"{row:<38}{of['entries_per_second']:>10,.0f}{of['bytes'] / 1e6:>8.1f}"
            f"{pair(of, 'search'):>18}{pair(of, 'results'):>18}{pair(of, 'suggest'):>18}{ratio:>9.2f}"
            f"{pair(of, 'put_one'):>18}",
            flush=True,
        )


def pair(of: dict[str, Any], name: str) -> str:
    return f"{of[name]['p50']:.1f} / {of[name]['p95']:.1f}" if name in of else "–"


# Databases ------------------------------------------------------------------------------------------------------------


def carried_out(row: Row, orders: Sequence[Order]) -> list[dict[str, Any]]:
    """The figures of the orders, measured in a separate process with an empty database; empty if it fails."""
    with tempfile.TemporaryDirectory(prefix="search-bench-") as folder, database(row.store, folder) as url:
        done = subprocess.run(
            [sys.executable, str(ROOT / "bench" / "search_worker.py")],
            input=json.dumps({"engine": row.engine, "orders": orders}),
            cwd=ROOT, env=environment(row, folder, url), capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        print(f"Not measured: {row.title}\n{done.stdout}{done.stderr}", file=sys.stderr, flush=True)
        failed.append(row.title)
        return []
    figures: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return figures


def environment(row: Row, folder: str, url: str) -> dict[str, str]:
    private = {
        "REDIS_URL",
        "DJANGO_SETTINGS_MODULE",
        *(name for name in os.environ if name.startswith("ELASTICSEARCH_")),
    }
    env = {name: value for name, value in os.environ.items() if name not in private} | {
        "DATABASE_URL": url, "DATA_DIR": folder, "SECRET_KEY": "only-for-measuring", "STAFF_SECOND_FACTOR": "False",
        "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT), "SEARCH_SEMANTIC": str(row.has_meaning),
    }  # fmt: skip
    if row.store == NODE:
        env |= {"ELASTICSEARCH_URL": os.environ["ELASTICSEARCH_URL"], "ELASTICSEARCH_PREFIX": f"bench-{os.getpid()}"}
    return env


def postgres_url() -> str:
    return os.environ.get("BENCH_DATABASE_URL") or os.environ.get("TEST_DATABASE_URL") or ""


@contextmanager
def database(store: str, folder: str) -> Iterator[str]:
    """Create an empty database; yields its URL, and deletes it afterwards."""
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
