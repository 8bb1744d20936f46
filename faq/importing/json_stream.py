"""JSON read object by object, so that a file of any size takes little memory, and one damaged object does not lose the others."""

from __future__ import annotations

import codecs
import json
import re
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The largest object that is read.
MAX_OBJECT_LENGTH: Final = 8 * 1024 * 1024
_CHUNK_BYTES: Final = 128 * 1024
#: Beginnings of objects that are tried behind a damaged one; the rest of a file with more of them is given up.
_MOST_TRIES: Final = 500
_SPACE: Final = re.compile(r"[\s,:]*")
_KEY: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*')
#: How a page begins: with what is counted in it, or with the objects.
_PAGE: Final = re.compile(
    r'\{\s*"(?:(?:count|page|per_page|page_count|previous_page|next_page|sort_by|sort_order|meta|links)"|'
    r'(?:articles?|categor(?:y|ies)|sections?|translations?|article_attachments?|user_segments?|users?)"\s*:\s*[\[{])'
)
_HEAD_LENGTH: Final = 200
_NEXT_OBJECT: Final = re.compile(r'\{\s*"')
_COMMA: Final = re.compile(",")
_decoder: Final = json.JSONDecoder()


def objects(stream: IO[bytes]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield every object of a JSON document, or of lines of JSON, with the name of the list it is in; None for a damaged one.

    A document is an object whose values are lists of objects or objects (``{"articles": [{…}, …], "next_page": …}``), or a list of objects;
    values of other kinds are passed over. The name is empty where there is none.
    """
    return _Reader(stream).objects()


class _Reader:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._at = 0
        #: Where the value last read begins.
        self._began = 0
        self._is_whole = False

    def objects(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        while (letter := self._peek()) == "{":
            if self._is_page():
                yield from self._page()
            else:
                yield "", self._object()
        if letter == "[":
            self._at += 1
            yield from self._list("")

    def _is_page(self) -> bool:
        """Return whether the object that begins here holds others."""
        self._fill(_HEAD_LENGTH)
        return _PAGE.match(self._text, self._at) is not None

    def _page(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        self._at += 1
        while self._peek() == '"':
            self._fill(_HEAD_LENGTH)
            match = _KEY.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
            letter = self._peek()
            if match is not None and letter == "[":
                self._at += 1
                yield from self._list(match[1])
            elif match is not None and letter == "{":
                yield match[1], self._object()
            elif match is None or not self._pass_over():
                yield "", None
                self._skip_to(_COMMA)
        if self._peek() == "}":
            self._at += 1

    def _list(self, name: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
        found: dict[str, Any] | None = {}
        while (letter := self._peek()) not in {"]", ""}:
            if letter == "{":
                found = self._object()
                yield name, found
            elif not self._pass_over():
                found = None
                yield name, None
                self._skip_to(_NEXT_OBJECT)
        if not letter and found is not None:  # the file ends in the middle
            yield name, None
        self._at += 1

    def _skip_to(self, pattern: re.Pattern[str]) -> None:
        """Stand before the next match, or at the end."""
        self._at += 1
        at = self._find(pattern)
        self._at = len(self._text) if at is None else at

    def _object(self) -> dict[str, Any] | None:
        """Return the object that begins here; after a damaged one, go on with the next that can be read."""
        value = self._value()
        if isinstance(value, dict):
            return value
        self._at += 1
        for _try in range(_MOST_TRIES):
            match = self._find(_NEXT_OBJECT)
            if match is None:
                break
            self._at = self._began = match
            if self._begins_like_ours() and isinstance(self._value(), dict):
                self._at = self._began
                return None
            self._at = max(self._at, self._began) + 1
        self._at, self._is_whole = len(self._text), True
        return None

    def _begins_like_ours(self) -> bool:
        """Return whether an object stands between others, not inside one."""
        before = self._text[max(0, self._at - 40) : self._at].rstrip()
        return before.endswith((",", "}", "]")) and not before.endswith(":")

    def _value(self) -> Any:
        """Return the value that begins here and stand behind it; None if it cannot be read, without moving."""
        self._began = self._at
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                if len(self._text) - self._at > MAX_OBJECT_LENGTH or not self._more(keep=self._at):
                    return None
                self._began = self._at
                continue
            if end == len(self._text) and self._more(keep=self._at):  # a number may go on
                self._began = self._at
                continue
            self._at = end
            return value

    def _pass_over(self) -> bool:
        start = self._at
        self._value()
        return self._at > start

    def _peek(self) -> str:
        """Return the next letter that is no space, comma or colon, and stand before it; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(keep=self._at):
                return ""

    def _find(self, pattern: re.Pattern[str]) -> int | None:
        while True:
            match = pattern.search(self._text, self._at)
            if match is not None:
                return match.start()
            self._at = max(self._at, len(self._text) - 50)
            if not self._more(keep=max(0, self._at - 50)):
                return None

    def _fill(self, wanted: int) -> None:
        while len(self._text) - self._at < wanted and self._more(keep=self._at):
            pass

    def _more(self, *, keep: int) -> bool:
        """Read on; what stands before `keep` is forgotten. Returns False at the end."""
        if self._is_whole:
            return False
        chunk = self._stream.read(max(_CHUNK_BYTES, len(self._text) - keep))  # doubling: an object is parsed few times
        self._is_whole = not chunk
        self._text = self._text[keep:] + self._decode.decode(chunk, final=not chunk)
        self._at -= keep
        return bool(chunk)
