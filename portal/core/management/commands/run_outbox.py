from __future__ import annotations

import logging
import signal
import threading
import time
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from portal.core import jobs, outbox

if TYPE_CHECKING:
    from argparse import ArgumentParser

logger = logging.getLogger(__name__)

_DAY_SECONDS = 24 * 60 * 60


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ArgumentTypeError("must be more than 0")
    return number


class Command(BaseCommand):
    help = "Delivers the outbox messages and runs the periodic jobs that are due. One pass, unless --loop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="Go on until SIGTERM or Ctrl-C.")
        parser.add_argument(
            "--interval", type=_positive, default=5.0, metavar="SECONDS", help="Pause between passes of --loop."
        )
        parser.add_argument(
            "--purge-days",
            type=_positive,
            metavar="DAYS",
            help="Also delete messages delivered longer ago than this (with --loop: once a day).",
        )
        parser.add_argument("--retry-failed", action="store_true", help="First give failed messages another chance.")

    def handle(self, **options: Any) -> None:
        if options["retry_failed"]:
            self.stdout.write(f"{outbox.retry_failed()} failed messages are due again.")
        if options["loop"]:
            self._loop(options["interval"], options["purge_days"])
            return
        result = outbox.drain()
        jobs.run_due()
        self.stdout.write(f"{result.delivered} delivered, {result.failed} to be tried again or given up.")
        if options["purge_days"]:
            self.stdout.write(f"{outbox.purge(older_than=timedelta(days=options['purge_days']))} old ones deleted.")

    def _loop(self, interval: float, purge_days: float | None) -> None:
        """Pass after pass. A signal lets the message at hand finish; a database that is away is waited for."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stopping.set())
        purge_at = time.monotonic()
        while not stopping.is_set():
            close_old_connections()
            try:
                outbox.drain(should_stop=stopping.is_set)
                jobs.run_due(should_stop=stopping.is_set)
                if purge_days and time.monotonic() >= purge_at:
                    outbox.purge(older_than=timedelta(days=purge_days))
                    purge_at = time.monotonic() + _DAY_SECONDS
            except Error as error:
                logger.error("Outbox: pass cut short: %s", outbox.describe(error))  # noqa: TRY400 - no values in the log
            stopping.wait(interval)
