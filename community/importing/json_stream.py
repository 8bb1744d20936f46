"""Reads a large JSON object piece by piece: one element of one of its lists at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from community.importing.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_PORTION: Final = 1 << 16
#: A longer element is refused: it would have to be held in memory.
_LONGEST: Final = 1 << 26
_BLANK: Final = " \t\r\n"
#: Python refuses to read a number with more digits, from 640 on, as the machine is set up.
_MOST_DIGITS: Final = 600


def number_of(digits: str) -> int | str:
    """Return a whole number of a JSON text; one of hundreds of digits is nobody's number and stays a text."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def elements_of(stream: TextIO, wanted: str) -> Iterator[Any]:
    """Yield the elements of the list `wanted` at the top of a JSON object; nothing if it has no such list.

    Other values are read over. Raises `SourceError` for what is no JSON.
    """
    reader = _Reader(stream)
    reader.expect("{")
    if reader.skip_if("}"):
        return
    while True:
        name = reader.value()
        reader.expect(":")
        if name == wanted and reader.skip_if("["):
            if not reader.skip_if("]"):
                while True:
                    yield reader.value()
                    if reader.skip_if("]"):
                        break
                    reader.expect(",")
        else:
            reader.skip_value()
        if reader.skip_if("}"):
            return
        reader.expect(",")


class _Reader:
    """A window on the text that moves on, and grows only as long as one value does not end in it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder(parse_int=number_of)

    def expect(self, sign: str) -> None:
        if not self.skip_if(sign):
            raise self._damaged()

    def skip_if(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self._at += 1
        return True

    def skip_value(self) -> None:
        """Read over a value; a list is read over element by element."""
        if not self.skip_if("["):
            self.value()
            return
        if self.skip_if("]"):
            return
        while True:
            self.value()
            if self.skip_if("]"):
                return
            self.expect(",")

    def value(self) -> Any:
        self._peek()
        wanted = _PORTION
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._more(wanted) or isinstance(error, RecursionError):
                    raise self._damaged() from error
            else:
                if end < len(self._text) or not self._more(wanted):  # else a number may go on
                    self._at = end
                    return value
            wanted *= 2

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more(_PORTION):
                raise self._damaged()

    def _more(self, wanted: int) -> bool:
        """Read on; returns whether there was more."""
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > _LONGEST:
            raise SourceError(_("A part of the file is too long to be read at once."))
        more = self._stream.read(wanted)
        self._text += more
        return bool(more)

    def _damaged(self) -> SourceError:
        return SourceError(_("The file is damaged: it is no JSON from some place on. What was before it is imported."))
