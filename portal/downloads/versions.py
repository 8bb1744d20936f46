"""Order of versions: as people mean it, not as texts sort. ``1.10`` comes after ``1.9``, ``2.0-rc1`` before ``2.0``."""

from __future__ import annotations

import re
from typing import Final

from portal.core.text import to_latin_digits

#: Longest version, in characters.
MAX_LENGTH: Final = 60
#: Longest key: each character takes at most three bytes, a byte two hexadecimal digits.
MAX_KEY_LENGTH: Final = 6 * MAX_LENGTH + 20
_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)([-._~]?(?:[0-9a-z]+(?:[-._~][0-9a-z]+)*))?(\+[0-9a-z.-]+)?\Z")
_PART: Final = re.compile(r"\d+|[a-z]+")
#: What is written straight after the number and comes before it; anything else there (``1.0.2k``) comes after it.
_BEFORE: Final = frozenset({"a", "alpha", "b", "beta", "c", "dev", "m", "pre", "preview", "rc", "snapshot"})
_IS_BEFORE, _IS_FINAL, _GOES_ON = b"\x00", b"\x01", b"\x02"
_END, _IS_NUMBER, _IS_WORD = b"\x00", b"\x01", b"\x02"


class InvalidVersionError(ValueError):
    """Raised for a text that has no place in an order of versions."""


def normalise_version(text: str) -> str:
    """Return the version as stored: Latin digits, no spaces around it."""
    return to_latin_digits(text).strip()


def sort_key(version: str) -> str:
    """Return a text that sorts, in any collation of a database, as the version does among others.

    Numbers are compared as numbers, however many there are. What follows a dash is a pre-release, as in semantic
    versioning; what follows a plus says nothing. Raises `InvalidVersionError` for what does not begin with a number.
    """
    match = _VERSION.match(normalise_version(version).lower())
    if match is None or len(version) > MAX_LENGTH:
        raise InvalidVersionError(version)
    numbers, rest = match.group(1), match.group(2) or ""
    key = b"".join(_GOES_ON + _number(digits) for digits in numbers.split("."))
    parts = _PART.findall(rest)
    is_before = bool(parts) and (rest[0] in "-~" or parts[0] in _BEFORE)
    key += _IS_BEFORE if is_before else _IS_FINAL
    for part in parts:
        key += _IS_NUMBER + _number(part) if part.isdigit() else _IS_WORD + part.encode() + b"\x00"
    return (key + _END).hex()


def _number(digits: str) -> bytes:
    digits = digits.lstrip("0")
    return bytes([len(digits)]) + digits.encode()
