"""A process that delivers messages: ``python -m tests.core.outbox_worker <journal> [<seconds to hang>]``.

Each delivery appends the number of its lamp to the journal. With seconds to hang, it writes ``started`` and hangs.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from portal.core import outbox
from portal.core.events import DomainEvent, subscribe


@dataclass(frozen=True, kw_only=True)
class LampLit(DomainEvent):
    name: ClassVar[str] = "tests.lamp_lit_elsewhere"
    lamp_id: int


def append(journal: Path, line: str) -> None:
    """Append a line in a single write, so that lines of several processes stay intact."""
    with journal.open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


def connect(journal: Path, hang_seconds: float = 0) -> None:
    def note(event: LampLit) -> None:
        if hang_seconds:
            append(journal, "started")
            time.sleep(hang_seconds)
        append(journal, str(event.lamp_id))

    subscribe(LampLit, note, name="tests.note")


if __name__ == "__main__":
    connect(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0)
    outbox.drain()
