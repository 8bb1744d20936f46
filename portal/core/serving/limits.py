"""How much a request may send, and how long that may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bodies up to this size stay in memory; larger ones wait in a temporary file that has no name.
MEMORY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one server process."""

    #: Bytes of the head of a request.
    head_bytes: int = 32 * 1024
    #: Bytes that anybody may send to any address.
    form_bytes: int = 64 * 1024
    #: Bytes that signed-in people may send, by prefix of the path without its language; the longest prefix counts, and
    #: `*` in one is any one part of a path.
    larger: Mapping[str, int] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()
    #: Seconds for a body of a form; larger bodies get as much longer as they need at the slowest allowed rate.
    body_seconds: float = 20.0
    bytes_per_second: int = 16 * 1024
    #: Bodies above the limit of forms that are read at the same time.
    larger_at_once: int = 8
    #: The same for one account, so that nobody keeps the others from sending.
    larger_at_once_per_account: int = 3
    #: Requests that wait for Django.
    waiting: int = 500
    #: Connections of one address; 0 for no limit.
    connections_per_address: int = 0
    #: Seconds after which a connection is dropped whose client accepts nothing of what is sent.
    stalled_seconds: float = 120.0

    @classmethod
    def from_settings(cls) -> Limits:
        """Return the limits of the settings."""
        return cls(
            larger=settings.LARGER_BODIES,
            languages=frozenset(code for code, _name in settings.LANGUAGES),
            connections_per_address=settings.CONNECTIONS_PER_ADDRESS,
        )

    def body_bytes(self, path: str) -> int:
        """Return how many bytes signed-in people may send to `path`."""
        first, slash, rest = path[1:].partition("/")
        if first in self.languages:
            path = slash + rest
        prefixes = [prefix for prefix in self.larger if _begins_with(path, prefix)]
        return self.larger[max(prefixes, key=len)] if prefixes else self.form_bytes

    def seconds_for(self, size: int) -> float:
        """Return within how many seconds a body of `size` bytes must have arrived."""
        return self.body_seconds + max(0, size - self.form_bytes) / self.bytes_per_second


def _begins_with(path: str, prefix: str) -> bool:
    """Return whether `path` begins with the parts of `prefix`, which ends with a slash."""
    if "*" not in prefix:
        return path.startswith(prefix)
    wanted, parts = prefix.split("/")[:-1], path.split("/")
    return len(parts) > len(wanted) and all(
        part == each or (each == "*" and part) for each, part in zip(wanted, parts, strict=False)
    )
