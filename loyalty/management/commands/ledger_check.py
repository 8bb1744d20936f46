"""Check the points ledger: ``manage.py ledger_check``. Exits with 1 and says what is wrong if anything is."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.models import Checkpoint, Journal
from loyalty.services import ledger
from loyalty.services.reconciling import freeze_concerned

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Proves the points ledger from its postings up: counters, balances, reversals, triggers and the hash chain."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head", default="", help="a hash written down earlier, which the chain must still contain"
        )
        parser.add_argument("--limit", type=int, default=100, help="problems to list (default 100)")
        parser.add_argument(
            "--freeze", action="store_true", help="freeze the wallets concerned until somebody has looked"
        )

    def handle(self, *args: Any, head: str, limit: int, freeze: bool, **options: Any) -> None:
        found = list(islice(ledger.check(head=head), limit))
        for problem in found:
            self.stderr.write(str(problem))
        if not found:
            last = Checkpoint.objects.order_by("number").last()
            self.stdout.write(
                f"The books are right: {Journal.objects.count()} journals."
                + (f" Checkpoint {last.number}: {last.hash}" if last else " There is no checkpoint yet.")
            )
            return
        wallets = {problem.wallet_id for problem in found if problem.wallet_id is not None}
        if freeze:
            freeze_concerned(wallets)
        raise CommandError(
            f"{len(found)} problems"
            + (f", in {len(wallets)} wallets{', which are frozen' if freeze else ''}" if wallets else "")
            + ". Nothing was repaired."
        )
