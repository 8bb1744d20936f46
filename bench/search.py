"""How good and how fast search is, beside what else could be used. Run by `script/bench search`.

Quality: questions with known answers: what customers type, put to the demo's articles, and those of the public sets in
../shared/data (left out, with a word, where they are not there); asked as written, with Arabic letters and no
half-spaces, and with one typo. MRR@10, P@1, recall@10 and the share of questions without any result, in per cent.

Speed: generated help-centre entries (title 6 words, short answer 20, text 60 to 100; seven of ten Persian), the same for
every search, in the same run: entries indexed a second, size, and milliseconds of the server's work (median and 95th of
100) for a results page with facets, for the hits alone, after each key while a title is typed, and for putting one
changed entry. The portal is asked through the whole chain, the check of every hit against the database included; the
others answer with bare numbers. With --rounds the best of several runs counts, which is fair on a machine that has other
work.

"Our stems" are the databases' own searches in the place of the portal's index: fed with its terms, asked what a question is
taken to mean, ranked by their own means; "most" asks for most of the words first, as the portal does, and "short" prefers
entries with few words. Their figures of size and speed flatter; bench/search_stems.py says why.

"With meaning" is the portal with its semantic extra on, where that is installed; the portal's other rows have it off. For
quality every text's real vector is worked out, which for the English questions takes minutes. For speed the vectors are
made up, of the right shape, and such that every question finds as many entries of like meaning as it may: the costliest
case. The vector of the question itself is always worked out.

Load, with --load and instead of all this: --per-second searches a second for --seconds, asked of a real server by several
client processes while another one changes articles; see bench/search_load.py. Ends with 1 when anything but a whole
answer came, or the last change is not found. On SQLite, and on PostgreSQL with --only postgresql.

Databases are throwaway ones, and go after an interruption, too. PostgreSQL takes part when BENCH_DATABASE_URL or
TEST_DATABASE_URL names a server where databases may be made; Elasticsearch when ELASTICSEARCH_URL does (a node without
sign-in; the indices are deleted afterwards). The portal's row with it is what a portal with a cluster answers; its database
is SQLite.
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
    """A search that is measured, and where it keeps its data."""

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
#: Texts of a collection that answer none of the questions, when it must be quick: the vector of each takes its time.
QUICK_OTHERS: Final = 20
#: Wagtail's search joins and sorts everything it finds; larger indexes would take the whole night.
WAGTAIL_ENTRIES: Final = 10_000

Order = dict[str, Any]
#: Titles of rows that could not be measured.
failed: Final[list[str]] = []


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small samples, under a minute: does it all still work?")
    parser.add_argument("--large", action="store_true", help="also a million entries")
    parser.add_argument("--entries", type=int, nargs="*", help="numbers of generated entries (default 10000 100000)")
    parser.add_argument("--questions", type=int, default=800, help="questions of each set, and of each speed")
    parser.add_argument("--rounds", type=int, default=1, help="measure speed so often; the best round counts")
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
    parser.add_argument(
        "--folder", type=Path, help="with --load: keep the demo portal there and use it again the next time"
    )
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
    """Whether there were errors, as the code to end with."""
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
    """The searches that can be measured here; says which cannot."""
    there = {SQLITE: True, POSTGRES: bool(postgres_url()), NODE: bool(os.environ.get("ELASTICSEARCH_URL"))}
    if not there[POSTGRES]:
        print("PostgreSQL is left out: neither BENCH_DATABASE_URL nor TEST_DATABASE_URL is set.")
    if not there[NODE]:
        print("Elasticsearch is left out: ELASTICSEARCH_URL is not set.")
    if not model.is_installed():
        print("Meaning is left out: requirements-semantic.txt is not installed, or this processor cannot run it.")
    chosen = [row for row in ROWS if not only or any(row.title.lower().startswith(o.lower()) for o in only)]
    return [row for row in chosen if there[row.store] and (not row.has_meaning or model.is_installed())]


# What is measured -----------------------------------------------------------------------------------------------------


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
    """Each order with the figures by row title. Each figure comes from a new process and database, unless it is quick."""
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


# Telling --------------------------------------------------------------------------------------------------------------


def tell_quality(order: Order, figures: dict[str, Any]) -> None:
    print(f"\n{order['title']}\n{'':<36}{'':<32}{'MRR@10':>8}{'P@1':>8}{'recall':>8}{'none':>8}")
    for row, ways in figures.items():
        for way, of in ways.items():
            print(
                f"{row:<36}{way:<32}{of['mrr']:>8.1f}{of['p1']:>8.1f}{of['recall']:>8.1f}{of['zero']:>7.1f}%",
                flush=True,
            )


def tell_speed(order: Order, figures: dict[str, Any]) -> None:
    print(
        f"\n{order['entries']:,} generated entries; milliseconds as median / 95th of 100\n{'':<36}{'entries/s':>10}{'MB':>8}"
        f"{'results page':>18}{'hits alone':>18}{'each key':>18}{'× plain':>9}{'put one':>18}"
    )
    for row, of in figures.items():
        plain = figures.get("SQLite FTS5 unicode61") or of
        ratio = of["suggest"]["p95"] / plain["suggest"]["p95"]
        print(
            f"{row:<36}{of['entries_per_second']:>10,.0f}{of['bytes'] / 1e6:>8.1f}"
            f"{pair(of, 'search'):>18}{pair(of, 'results'):>18}{pair(of, 'suggest'):>18}{ratio:>9.2f}"
            f"{pair(of, 'put_one'):>18}",
            flush=True,
        )


def pair(of: dict[str, Any], name: str) -> str:
    return f"{of[name]['p50']:.1f} / {of[name]['p95']:.1f}" if name in of else "–"


# Databases ------------------------------------------------------------------------------------------------------------


def carried_out(row: Row, orders: Sequence[Order]) -> list[dict[str, Any]]:
    """The figures of the orders, worked out in a process of its own with an empty database; none where it fails."""
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
