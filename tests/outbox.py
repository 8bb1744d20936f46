"""The worker beside a test: in threads of this process, so that it knows what the test subscribed."""

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
    """The outbox worker runs during the block. Needs real transactions."""
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
    """Wait for it to become true; whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_settled() -> bool:
    """Whether everything was delivered."""
    return not OutboxMessage.objects.pending().exists()
