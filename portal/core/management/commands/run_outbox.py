from __future__ import annotations

import signal
import threading
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from portal.core import jobs, outbox, running, worker

if TYPE_CHECKING:
    from argparse import ArgumentParser


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ArgumentTypeError("must be more than 0")
    return number


class Command(BaseCommand):
    help = "Delivers due outbox messages and runs due periodic jobs. One pass, unless --loop is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="Run until SIGTERM or Ctrl-C.")
        parser.add_argument(
            "--interval",
            type=_positive,
            default=worker.INTERVAL,
            metavar="SECONDS",
            help="How often --loop checks whether anything is due.",
        )
        parser.add_argument(
            "--purge-days",
            type=_positive,
            metavar="DAYS",
            help="First delete messages delivered longer ago than this, instead of after OUTBOX_KEEP_DAYS.",
        )
        parser.add_argument("--retry-failed", action="store_true", help="First queue failed messages again.")

    def handle(self, **options: Any) -> None:
        if options["retry_failed"]:
            self.stdout.write(f"{outbox.retry_failed()} failed messages are due again.")
        if options["purge_days"]:
            self.stdout.write(f"{outbox.purge(older_than=timedelta(days=options['purge_days']))} old ones deleted.")
        if options["loop"]:
            self._loop(options["interval"])
            return
        result = outbox.drain()
        jobs.run_due()
        self.stdout.write(f"{result.delivered} delivered, {result.failed} to be tried again or given up.")

    def _loop(self, interval: float) -> None:
        """Run until a signal arrives; messages being delivered are finished first."""
        running.announce()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stopping.set())
        worker.work(stopping, interval=interval)
