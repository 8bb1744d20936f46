"""How fast the points ledger is, relative to the plainest way to write the same number of rows.

Run by `script/bench ledger`. In the same run and database, alternating:

  plain        two INSERTs into two tables without constraints, in a transaction of their own
  single       one award: the whole of `post`, in a transaction of its own
  spending     a hold and its capture: two journals in two transactions
  plain batch  the same two INSERTs for 500 rows each, in one transaction
  batch        500 awards by `earn_many`, in one transaction

The same two, plain and single, are done by four processes at once, on the same wallets. All commits are durable on SQLite
(synchronous=FULL); on PostgreSQL as far as its server makes them so, which is told: without `fsync` the disk costs nothing,
and what is at once is the faster for it. The figures are journals per second and, for judging a change, ratios of the
processor time of a journal, in the client and in the server, to that of the plain way: other work on the machine changes the
speed, and hardly this. Then a page of a statement of a wallet with 10,000
journals is compared with one of 1,000,000 (--quick: 50,000), at the beginning, the middle and the end.

SQLite in a temporary folder, and PostgreSQL if TEST_DATABASE_URL names a server where databases may be created.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty.models import Wallet

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: Bars of --check: the least share of the plain way (which, for a batch on SQLite, is a loop in C), and the most by which a
#: page may become slower.
BARS: Final = {
    "SQLite": {"single": 0.20, "spending": 0.15, "batch": 0.03},
    "PostgreSQL": {"single": 0.12, "spending": 0.09, "batch": 0.25},
}
GROWTH: Final = 1.2
_WALLETS: Final = 200
_BATCH: Final = 500
_CLIENTS: Final = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench ledger", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: shows that it works, proves nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in the process of one database
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)  # one of the processes that write at once
    arguments = parser.parse_args()
    if arguments.client:
        be_client(arguments.client)
        return
    if arguments.here:
        print(json.dumps(measure(quick=arguments.quick)))
        return
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        for name, url in databases(Path(folder)).items():
            figures[name] = in_a_process(url, folder, quick=arguments.quick)
            report(name, figures[name])
    if "PostgreSQL" not in figures:
        print("PostgreSQL is left out: TEST_DATABASE_URL is not set.")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    missed = [line for name, found in figures.items() for line in missed_bars(name, found)]
    print(*missed, sep="\n")
    sys.exit(1 if missed and arguments.check else 0)


def databases(folder: Path) -> dict[str, str]:
    """Name → address of a database that does not exist yet."""
    found = {"SQLite": f"sqlite:///{folder / 'ledger.sqlite3'}"}
    if server := os.environ.get("TEST_DATABASE_URL"):
        found["PostgreSQL"] = urlsplit(server)._replace(path=f"/bench_ledger_{os.getpid()}").geturl()
    return found


def in_a_process(url: str, folder: str, *, quick: bool) -> dict[str, float]:
    """Create the database, measure in a process that uses it, and drop it."""
    env = {**os.environ, "DATABASE_URL": url, "DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    command = [sys.executable, __file__, "--here", *(["--quick"] if quick else [])]
    create(url, "CREATE DATABASE")
    try:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        create(url, "DROP DATABASE IF EXISTS")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def create(url: str, statement: str) -> None:
    """Create or drop a PostgreSQL database; a file needs neither."""
    import psycopg  # noqa: PLC0415 - not needed for SQLite
    from psycopg import sql  # noqa: PLC0415 - not needed for SQLite

    address = urlsplit(url)
    if address.scheme == "sqlite":
        return
    with psycopg.connect(address._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("{} {}").format(sql.SQL(statement), sql.Identifier(address.path[1:])))


# In the process of one database --------------------------------------------------------------------------------------


def measure(*, quick: bool) -> dict[str, float]:
    """All figures for the database of the settings."""
    import django  # noqa: PLC0415 - in this process only

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - needs the setup above

    call_command("migrate", "loyalty", verbosity=0)
    bench = Bench()
    rounds, seconds = (2, 0.3) if quick else (7, 1.5)
    turns: dict[str, list[Turn]] = {name: [] for name in bench.ways()}
    for _ in range(rounds):
        for name, way in bench.ways().items():
            turns[name].append(turn(way, seconds, bench.worked))
    figures = {name: statistics.median(one.speed for one in found) for name, found in turns.items()}
    for name, plain in (("single", "plain"), ("spending", "plain"), ("batch", "plain batch")):
        figures[f"{name}: ratio"] = statistics.median(
            its.cost / mine.cost for mine, its in zip(turns[name], turns[plain], strict=True)
        )
    figures |= at_once(rounds, seconds)
    figures["fsync"] = bench.is_durable()
    figures |= bench.statement_pages(few=10_000, many=50_000 if quick else 1_000_000, rounds=20 if quick else 150)
    from loyalty.services import ledger  # noqa: PLC0415 - needs the setup above

    began = time.perf_counter()
    problems = sum(1 for _ in ledger.check())
    figures["check: seconds"] = time.perf_counter() - began
    figures["check: problems"] = problems
    return figures


class Turn(NamedTuple):
    """Journals per second, and seconds of processor time per journal."""

    speed: float
    cost: float


def turn(way: Callable[[], int], seconds: float, worked: Callable[[], float]) -> Turn:
    """Measure a function that writes some journals and returns how many; `worked` tells the processor time so far."""
    written, began, before = 0, time.perf_counter(), worked()
    while (taken := time.perf_counter() - began) < seconds:
        written += way()
    return Turn(written / taken, (worked() - before) / written)


def at_once(rounds: int, seconds: float) -> dict[str, float]:
    """Journals per second that several processes write together, both ways in turn."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, __file__, "--client", str(number)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(1, _CLIENTS + 1)
        ]
        _told(clients, "plain 0.1")  # they are ready when they have written something
        speeds = [(_told(clients, f"plain {seconds}"), _told(clients, f"single {seconds}")) for _ in range(rounds)]
        for one in clients:
            one.communicate("")
    return {
        "plain at once": statistics.median(plain for plain, _single in speeds),
        "single at once": statistics.median(single for _plain, single in speeds),
        "single at once: ratio": statistics.median(single / plain for plain, single in speeds),
    }


def _told(clients: list[subprocess.Popen[str]], order: str) -> float:
    """Have all clients do it at the same time; return the sum of their speeds."""
    for one in clients:
        if one.stdin is not None:
            one.stdin.write(f"{order}\n")
            one.stdin.flush()
    return sum(float(one.stdout.readline()) for one in clients if one.stdout is not None)


def be_client(number: int) -> None:
    """Do what each line of the input says, a way and for how many seconds; answer with the speed."""
    import django  # noqa: PLC0415 - in this process only

    django.setup()
    bench = Bench(client=number)
    for line in sys.stdin:
        way, seconds = line.split()
        print(turn(bench.ways()[way], float(seconds), bench.worked).speed, flush=True)


class Bench:
    """The ways to write that are compared. A `client` uses what another process has made."""

    def __init__(self, client: int = 0) -> None:
        from django.db import connection  # noqa: PLC0415 - needs the setup

        from loyalty.models import Programme, Wallet  # noqa: PLC0415 - needs the setup
        from loyalty.services import ledger  # noqa: PLC0415 - needs the setup
        from loyalty.services.ledger import posting  # noqa: PLC0415 - needs the setup

        self.ledger, self.connection, self.durable = ledger, connection, posting.durable
        #: What Linux tells of the process that serves this connection: nanoseconds it has run.
        self.server = Path("/nowhere")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self.server = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
        self.numbers = count(1 + client * 10**9)
        self.random = random.Random(1 + client)
        if client:
            self.programme = Programme.objects.get(code="bench")
            self.wallets = list(Wallet.objects.filter(programme=self.programme).select_related("programme"))
            return
        self.programme = Programme.objects.create(code="bench")
        self.wallets = [ledger.open_wallet(programme=self.programme, member_key=uuid.uuid4()) for _ in range(_WALLETS)]
        identity = "integer PRIMARY KEY AUTOINCREMENT" if connection.vendor == "sqlite" else "bigserial PRIMARY KEY"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE plain_journal (id {identity}, wallet bigint, key varchar(200), amount bigint)"
            )
            cursor.execute(f"CREATE TABLE plain_posting (id {identity}, debit bigint, credit bigint, amount bigint)")
        for wallet in self.wallets:
            ledger.earn(wallet=wallet, amount=10**9, key=f"start:{wallet.pk}")

    def is_durable(self) -> bool:
        """Return whether the database waits for the disk."""
        if self.connection.vendor == "sqlite":
            return True
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW fsync")
            return bool(cursor.fetchone()[0] == "on")

    def worked(self) -> float:
        """Return the seconds of processor time of this process and, if it is on this machine, its database's."""
        return time.process_time() + (int(self.server.read_text().split()[0]) / 10**9 if self.server.exists() else 0)

    def ways(self) -> dict[str, Callable[[], int]]:
        """Name → a function that writes some journals and returns how many."""
        return {
            "plain": self.plain,
            "single": self.single,
            "spending": self.spending,
            "plain batch": self.plain_batch,
            "batch": self.batch,
        }

    def plain(self) -> int:
        number = next(self.numbers)
        with self.durable(), self.connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO plain_journal (wallet, key, amount) VALUES (%s, %s, %s)", [1, f"plain:{number}", 5]
            )
            cursor.execute("INSERT INTO plain_posting (debit, credit, amount) VALUES (%s, %s, %s)", [1, 2, 5])
        return 1

    def single(self) -> int:
        self.ledger.earn(wallet=self.random.choice(self.wallets), amount=5, key=f"single:{next(self.numbers)}")
        return 1

    def spending(self) -> int:
        wallet, hold = self.random.choice(self.wallets), str(next(self.numbers))
        self.ledger.hold(wallet=wallet, hold=hold, amount=5)
        self.ledger.capture(wallet=wallet, hold=hold)
        return 2

    def plain_batch(self) -> int:
        keys = [f"plain:{next(self.numbers)}" for _ in range(_BATCH)]
        with self.durable(), self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO plain_journal (wallet, key, amount) VALUES (%s, %s, %s)", [(1, key, 5) for key in keys]
            )
            cursor.executemany(
                "INSERT INTO plain_posting (debit, credit, amount) VALUES (%s, %s, %s)", [(1, 2, 5)] * _BATCH
            )
        return _BATCH

    def batch(self) -> int:
        awards = [
            self.ledger.Award(wallet=self.random.choice(self.wallets), amount=5, key=f"batch:{next(self.numbers)}")
            for _ in range(_BATCH)
        ]
        return sum(1 for _ in self.ledger.earn_many(programme=self.programme, awards=awards))

    def statement_pages(self, *, few: int, many: int, rounds: int) -> dict[str, float]:
        """Milliseconds of a page of a short and of a long statement, and how much longer the long one's takes."""
        from loyalty.queries import statement  # noqa: PLC0415 - needs the setup

        wallets = {
            length: self.ledger.open_wallet(programme=self.programme, member_key=uuid.uuid4()) for length in (few, many)
        }
        for length, wallet in wallets.items():
            self.award_to_one(wallet, length)
        taken: dict[int, list[float]] = {few: [], many: []}
        for _ in range(rounds):
            for length, wallet in wallets.items():
                for before in (None, length // 2 + self.random.randrange(100), 40):
                    began = time.perf_counter()
                    lines = statement(wallet, before=before, limit=30).lines
                    taken[length].append(1000 * (time.perf_counter() - began))
                    if len(lines) != 30:
                        raise RuntimeError("A page is not full.")
        short, long = (statistics.median(taken[length]) for length in (few, many))
        return {"page of few: ms": short, "page of many: ms": long, "page: growth": long / short, "journals": many}

    def award_to_one(self, wallet: Wallet, length: int) -> None:
        """Give a wallet so many awards."""
        awards = (
            self.ledger.Award(wallet=wallet, amount=1, key=f"many:{wallet.pk}:{number}") for number in range(length)
        )
        if sum(1 for _ in self.ledger.earn_many(programme=self.programme, awards=awards)) != length:
            raise RuntimeError("An award is missing.")


# Results -------------------------------------------------------------------------------------------------------------


def report(name: str, found: dict[str, float]) -> None:
    print(f"\n{name}", "journals/s   ratio to plain", sep="        ")
    for way in ("plain", "single", "spending", "plain batch", "batch", "plain at once", "single at once"):
        ratio = found.get(f"{way}: ratio")
        print(f"  {way:<14}{found[way]:>10,.0f}", "" if ratio is None else f"{ratio:>12.3f}")
    if not found["fsync"]:
        print("  (the server has fsync off)")
    print(
        f"  a page of a statement: {found['page of few: ms']:.2f} ms with 10,000 journals,"
        f" {found['page of many: ms']:.2f} ms with {found['journals']:,.0f}: × {found['page: growth']:.2f}"
    )
    print(f"  ledger_check: {found['check: seconds']:.1f} s, {found['check: problems']:.0f} problems")


def missed_bars(name: str, found: dict[str, Any]) -> list[str]:
    missed = [
        f"{name}: {way} is {found[f'{way}: ratio']:.3f} of plain, less than {bar}"
        for way, bar in BARS[name].items()
        if found[f"{way}: ratio"] < bar
    ]
    if found["page: growth"] > GROWTH:
        missed.append(f"{name}: a page of a long statement takes × {found['page: growth']:.2f}, more than × {GROWTH}")
    if found["check: problems"]:
        missed.append(f"{name}: the books are wrong")
    return missed


if __name__ == "__main__":
    main()
