"""Add a checkpoint to the hash chain of the ledger and print the last one: ``manage.py ledger_checkpoint``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from loyalty.models import Checkpoint
from loyalty.services import ledger


class Command(BaseCommand):
    help = "Adds a checkpoint for what was booked since the last one. Prints its number and hash, to be kept elsewhere."

    def handle(self, *args: Any, **options: Any) -> None:
        last = ledger.make_checkpoint() or Checkpoint.objects.order_by("number").last()
        self.stdout.write(f"{last.number} {last.hash}" if last else "Nothing was booked yet.")
