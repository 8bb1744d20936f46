"""Rich text of an article: inline marks, and the pieces a text block is made of."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A Latin word, then anything without letters, then a Persian digit. Without a mark between them the number is
#: displayed as part of the Latin word: «X2، ۴ چراغ» would show the four on the wrong side. Tags between them do not
#: separate.
_LATIN_THEN_DIGIT: Final = re.compile(r"([A-Za-z](?:<[^>]*>|[،٪]|[^<>A-Za-z\u0590-\u06ef\u06fa-\u08ff۰-۹])*?)(?=[۰-۹])")
_RLM: Final = "\u200f"
#: The tag in rich text for the one in HTML.
MARKS: Final = {
    "b": "b", "strong": "b", "i": "i", "em": "i", "cite": "i", "dfn": "i", "var": "i", "code": "code", "samp": "code",
    "tt": "code", "s": "s", "del": "s", "strike": "s", "sup": "sup", "sub": "sub", "kbd": "kbd", "mark": "mark",
}  # fmt: skip
_SPACES: Final = re.compile(r"[ \t\n\f\r]+")
_AROUND_BREAKS: Final = re.compile(r"[ ]*(<br/>)[ ]*")


def bidi_safe(text: str, language: str) -> str:
    """Return the text with a right-to-left mark where Persian digits follow a Latin word; only if it is Persian."""
    return _LATIN_THEN_DIGIT.sub(rf"\1{_RLM}", text) if language == "fa" else text


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of rich text that stands on its own: "p", "h3", "list" or "hr". `html` is what is in it; of a list, all."""

    kind: str
    html: str = ""

    def __str__(self) -> str:
        if self.kind == "hr":
            return "<hr/>"
        return self.html if self.kind == "list" else f"<{self.kind}>{self.html}</{self.kind}>"


def join(pieces: Sequence[Piece]) -> str:
    """Return pieces as rich text."""
    return "".join(map(str, pieces))


def escape(text: str) -> str:
    """Return text for rich text; quotation marks are no danger there."""
    return html.escape(text, quote=False)


def collapsed(text: str) -> str:
    """Return text as HTML shows it: any white space is one space."""
    return _SPACES.sub(" ", text)


def tidy(rich: str) -> str:
    """Return a line of rich text without spaces and breaks at its ends, and without tags around nothing."""
    rich = _AROUND_BREAKS.sub(r"\1", rich)
    while (shorter := _EMPTY.sub("", rich)) != rich:
        rich = shorter
    return re.sub(r"^(?:\s|<br/>)+|(?:\s|<br/>)+$", "", re.sub(r" {2,}", " ", rich))


_EMPTY: Final = re.compile(r"<(b|i|s|sup|sub|kbd|mark|code)></\1>|<a [^>]*></a>")


def plain(rich: str) -> str:
    """Return the words of a line of rich text."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", rich.replace("<br/>", " "))).split())
