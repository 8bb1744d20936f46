"""A process that uses the ledger: ``python -m tests.loyalty.ledger_worker spend|award <wallet> <name> <count>``.

``spend`` tries so many holds of 10 points, and prints how many succeeded. ``award`` makes so many awards of one point in
portions of 20, and prints the key of each as soon as it is committed.
"""

from __future__ import annotations

import datetime as dt
import sys

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from loyalty.exceptions import InsufficientPointsError
from loyalty.models import Wallet
from loyalty.services import ledger
from loyalty.services.ledger import batches

DAY = dt.date(2026, 12, 21)


def spend(wallet: Wallet, name: str, count: int) -> int:
    succeeded = 0
    for number in range(count):
        try:
            ledger.hold(wallet=wallet, hold=f"{name}:{number}", amount=10, today=DAY)
            succeeded += 1
        except InsufficientPointsError:
            pass
    return succeeded


def awards(wallet: Wallet, name: str, count: int) -> list[ledger.Award]:
    """To all wallets of the programme, one after the other."""
    wallets = list(Wallet.objects.filter(programme=wallet.programme).select_related("programme").order_by("pk"))
    return [
        ledger.Award(wallet=wallets[number % len(wallets)], amount=1, key=f"{name}:{number}", expires_on=DAY)
        for number in range(count)
    ]


if __name__ == "__main__":
    command, wallet_id, name, count = sys.argv[1:]
    wallet = Wallet.objects.select_related("programme").get(pk=wallet_id)
    print("ready", flush=True)
    if command == "spend":
        print(spend(wallet, name, int(count)), flush=True)
    else:
        batches.PORTION = 20
        due = awards(wallet, name, int(count))
        for award, _posted in zip(due, ledger.earn_many(programme=wallet.programme, awards=due), strict=True):
            print(award.key, flush=True)
