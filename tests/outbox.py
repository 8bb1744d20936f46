"""The outbox worker for tests: in threads of this process, so that it has the subscriptions of the test."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

from portal.core import worker
from portal.core.models import OutboxMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def at_work(interval: float = 0.1) -> Iterator[None]:
    """Run the outbox worker during the block. Needs real transactions."""
    stopping = threading.Event()

    def run() -> None:
        try:
            worker.work(stopping, interval=interval)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(60)


def until(condition: Callable[[], object], seconds: float = 90) -> bool:
    """Wait until the condition is true; return whether it became true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_settled() -> bool:
    """Whether all messages were delivered."""
    return not OutboxMessage.objects.pending().exists()
