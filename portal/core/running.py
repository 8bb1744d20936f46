"""Whether processes of the portal run on this data folder, so that a restore does not replace what they use.

The kernel ends a lock with its process, however that ends: nothing is left behind that says what is no longer true.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = "running.lock"
_held: Final[list[IO[str]]] = []


def announce() -> None:
    """Say, until this process ends, that it runs. Waits while `alone` is in use."""
    folder = Path(settings.DATA_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / _LOCK).open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Keep others from starting; yields whether none runs on this data folder."""
    with (folder / _LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
