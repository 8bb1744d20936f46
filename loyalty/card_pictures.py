"""The number of a card as pictures for scanners: one SVG path each, black on a white plate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import qrcode
from barcode.codex import Code128

#: Height of the bars, in modules.
_BAR_HEIGHT = 40


@dataclass(frozen=True, slots=True)
class Picture:
    """What is black, as a path in a box of so many modules with the quiet zone that scanners need."""

    path: str
    width: int
    height: int


def qr_code(text: str) -> Picture:
    """Return the QR code of a text, with its quiet zone of four modules."""
    code = qrcode.QRCode(border=4, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    path = "".join(f"M{start} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for start, length in _runs(row))
    return Picture(path, len(rows), len(rows))


def bar_code(digits: str) -> Picture:
    """Return the Code 128 of digits, with its quiet zone of ten modules."""
    [bars] = Code128(digits).build()
    modules = [False] * 10 + [bar == "1" for bar in bars] + [False] * 10
    path = "".join(f"M{start} 0h{length}v{_BAR_HEIGHT}h-{length}z" for start, length in _runs(modules))
    return Picture(path, len(modules), _BAR_HEIGHT)


def _runs(modules: list[bool]) -> list[tuple[int, int]]:
    """Return where black begins, and how long it is."""
    runs, start = [], 0
    for is_black, group in groupby(modules):
        length = len(list(group))
        if is_black:
            runs.append((start, length))
        start += length
    return runs
