"""Would the tests notice a mistake in the ledger? Makes one mistake after the other in a copy and runs the tests of it.

    python bench/ledger_mutants.py              all of them; exits with 1 if one is not noticed
    python bench/ledger_mutants.py fefo         only those with this word in their name

Each mistake is one replacement of text, which has to be there once: when the ledger is rewritten, this list is, too. Tests
stop at the first failure. What another guard makes harmless, such as a check of the database, is not among them. SQLite; on
PostgreSQL, which has triggers and functions of its own, with DATABASE_URL as for the tests. Name a database there that
nobody else tests with: each mistake in a function is a template of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = (
    "tests/loyalty/test_ledger.py",
    "tests/loyalty/test_ledger_guard.py",
    "tests/loyalty/test_ledger_machine.py",
    "tests/loyalty/test_queries.py",
)
_LEDGER: Final = "loyalty/services/ledger/"


class Mutant(NamedTuple):
    """A mistake: in this file, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str


MUTANTS: Final = (
    Mutant(
        "a repeated request is booked again",
        "posting.py",
        "    if known is not None:\n        return _repeated(request.hash(), *known)\n    refuse",
        "    refuse",
    ),
    Mutant("another request under a known key is accepted", "posting.py", "if request_hash != known_hash:", "if False:"),
    Mutant(
        "switches and frozen wallets stop nothing", "posting.py", "    refuse_stopped(owner, request.code)\n    amount", "    amount"
    ),
    Mutant("a journal leaves out the last posting", "posting.py", "timezone.now())], [legs])", "timezone.now())], [legs[:-1] or legs])"),
    Mutant("a command is not one transaction", "posting.py", "        with transaction.atomic():\n            yield", "        yield"),
    Mutant("fefo: points that expire last are spent first", "statements.py", "credits > debits ORDER BY bucket, kind, ref", "credits > debits ORDER BY bucket DESC, kind, ref"),
    Mutant("points expire a day too early", "commands.py", "if lot.place.bucket < day]", "if lot.place.bucket <= day]"),
    Mutant("points cannot be spent on their last day", "commands.py", "if lot.place.bucket >= day]", "if lot.place.bucket > day]"),
    Mutant("expired points can be spent", "commands.py", "if lot.place.bucket >= day]", "]"),
    Mutant("held points lose their day", "commands.py", "Place(Kind.HELD, hold, place.bucket), part)", "Place(Kind.HELD, hold), part)"),
    Mutant("debts are not paid by what comes", "commands.py", "take(lots, book.balances.debt)", "take(lots, 0)"),
    Mutant("taking back what is spent makes no debt", "commands.py", "if missing and shortfall is Shortfall.DEBT:", "if False:"),
    Mutant("more is taken back than was booked", "commands.py", "if not 0 < points <= left:", "if not 0 < points:"),
    Mutant("a second refund takes from the same lots", "commands.py", "before = dict(take(lots, captured.amount - left))", "before: dict[Place, int] = {}"),
    Mutant("a refund returns the first-expiring points", "commands.py", "_credit, held, part in reversed(spent)]", "_credit, held, part in spent]"),
    Mutant("pending points come a day late", "commands.py", "if lot.place.ref <= until]", "if lot.place.ref < until]"),
    Mutant("what is not captured is not released", "commands.py", "[*legs, *_released(book, kept)]", "legs"),
    Mutant("an extension takes all lots", "commands.py", "if lot.place.bucket == bucket]\n        if not found", "]\n        if not found"),
    Mutant("batches pay debtors as anybody else", "batches.py", "        and not balances.get(wallet, Balances()).debt\n", ""),
)  # fmt: skip

_FUNCTIONS: Final = "../../migrations/0020_ledger_functions.py"
#: Mistakes in what only PostgreSQL runs.
ON_POSTGRESQL: Final = (
    Mutant("keys are looked up in any programme", _FUNCTIONS, "WHERE j.programme_id = programme AND j.key = wanted", "WHERE j.key = wanted"),
    Mutant("balances are those of the first journal", _FUNCTIONS, "ORDER BY j.number DESC LIMIT 1", "ORDER BY j.number LIMIT 1"),
    Mutant("points go back to where they come from", _FUNCTIONS, "accounts[t.debit], accounts[t.credit]", "accounts[t.credit], accounts[t.debit]"),
    Mutant("all journals of a batch get the first one's postings", _FUNCTIONS, "SELECT ids[t.journal]", "SELECT ids[1]"),
    Mutant("lots of one kind are one lot", _FUNCTIONS, "a.kind = place.kind AND a.ref = place.ref AND a.bucket = place.bucket;", "a.kind = place.kind;"),
)  # fmt: skip


def main() -> None:
    """Try all mutants, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", help="only mutants with this word in their name")
    mutants = (*MUTANTS, *(ON_POSTGRESQL if os.environ.get("DATABASE_URL", "").startswith("postgres") else ()))
    chosen = [mutant for mutant in mutants if parser.parse_args().word in mutant.name]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "portal"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", "*.sqlite3")
        )
        if not _is_noticed(copy, say="the ledger as it is"):
            missed = [mutant for mutant in chosen if not _try(copy, mutant)]
        else:
            sys.exit("The tests fail without any mistake.")
    print(f"{len(chosen) - len(missed)} of {len(chosen)} noticed")
    if missed:
        sys.exit("Not noticed: " + "; ".join(mutant.name for mutant in missed))


def _try(copy: Path, mutant: Mutant) -> bool:
    file = copy / _LEDGER / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        sys.exit(f"{mutant.name}: {mutant.file} has {text.count(mutant.old)} times: {mutant.old}")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return _is_noticed(copy, say=mutant.name)
    finally:
        file.write_text(text, encoding="utf-8")


def _is_noticed(copy: Path, *, say: str) -> bool:
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *TESTS]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    is_noticed = done.returncode == 1
    print(f"{'noticed' if is_noticed else 'NOT noticed':12} {time.monotonic() - started:5.0f} s  {say}", flush=True)
    return is_noticed


if __name__ == "__main__":
    main()
