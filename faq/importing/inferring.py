"""What a document does not say itself: its title, from its first heading, and its short answer, from its first words."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

from faq.importing.markdown import bidi_safe
from portal.core.text import fold, without_bidi_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_ATX: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*\Z")
_H1: Final = re.compile(r"<h1\b[^>]*>(.*?)</h1\s*>", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z][^>]*>")
_PICTURE: Final = re.compile(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])")
_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_WIKI: Final = re.compile(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]")
_ATTRIBUTES: Final = re.compile(r"\s*\{:?[ #.][^}]*\}|\s*\{#[^}]*\}")
_MARKS: Final = re.compile(r"(\*\*|__|~~|==|`+)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS: Final = re.compile(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)")
_SENTENCE: Final = re.compile(r"(?<=[.!?؟。…])[»”\")]*\s+")
_BREAK: Final = re.compile(r"</(?:p|li|h\d|blockquote|td)>|<br\s*/?>", re.IGNORECASE)
#: Names that say nothing about a document.
_SAYS_NOTHING: Final = re.compile(
    r"(?:index|readme|_index|untitled|page|doc|document|new|q|faq|article)?[\s_-]*\d*\Z", re.IGNORECASE
)


def plain(text: str) -> str:
    """Return the words of one line of Markdown or HTML."""
    text = _ATTRIBUTES.sub("", _PICTURE.sub("", text))
    text = _WIKI.sub(r"\1", _LINK.sub(r"\1", text))
    for pattern in (_MARKS, _EMPHASIS):
        text = pattern.sub(r"\2", text)
    text = _TAG.sub("", text)
    return " ".join(html.unescape(re.sub(r"\\([\\`*_{}\[\]()#+.!-])", r"\1", text)).split())


def split_title(body: str, *, form: str, given: str = "", name: str = "") -> tuple[str, str]:
    """Return the title of a document and its body without the heading that says the same.

    `given` is the title of its head and `name` that of its file. Lines stay where they are.
    """
    found = _first_html(body) if form == "html" else _first_heading(body)
    if found is None:
        return given or name, body
    heading, start, end, is_main = found
    if given:
        is_same = fold(without_bidi_controls(heading)).strip() == fold(without_bidi_controls(plain(given))).strip()
        return given, _without(body, start, end) if is_same else body
    if heading and (is_main or not name or _SAYS_NOTHING.match(name)):
        return heading, _without(body, start, end)
    return name or heading, body


def _without(body: str, start: int, end: int) -> str:
    return body[:start] + "\n" * body.count("\n", start, end) + body[end:]


def _first_html(body: str) -> tuple[str, int, int, bool] | None:
    match = _H1.search(body)
    return (plain(match[1]), match.start(), match.end(), True) if match else None


def _first_heading(body: str) -> tuple[str, int, int, bool] | None:
    """Return the first heading: its words, where it is, and whether it is the main one (of the first level, or alone at the
    beginning).
    """
    position, fence, before, words_before = 0, "", "", False
    for line in body.split("\n"):
        length = len(line) + 1
        if match := _FENCE.match(line):
            marker = match[1]
            if not fence:
                fence = marker
            elif marker[0] == fence[0] and len(marker) >= len(fence):
                fence = ""
        elif not fence:
            if match := _ATX.match(line):
                is_main = len(match[1]) == 1
                return plain(match[2]), position, position + len(line), is_main
            underline = _UNDERLINE.match(line)
            is_text = before.strip() and not before.lstrip().startswith((">", "-", "*", "|", "#", "<"))
            if underline and is_text and (words_before or underline[1][0] == "="):
                start = position - len(before) - 1
                return plain(before), start, position + len(line), underline[1][0] == "="
        if not fence:
            if match := _H1.match(line.strip()):
                return plain(match[1]), position, position + len(line), True
            words_before = bool(line.strip()) and not before.strip()
        before = line if not fence else ""
        position += length
    return None


# Short answers ---------------------------------------------------------------------------------------------------------


def shortened(text: str, limit: int, language: str) -> str:
    """Return the text, cut behind a sentence (or else a word) so that it has no more than `limit` characters with the
    marks that direction needs.
    """
    text = bidi_safe(" ".join(text.split()), language)
    if len(text) <= limit:
        return without_marks(text)
    kept = ""
    for sentence in _SENTENCE.split(text):
        longer = f"{kept} {sentence}".strip()
        if len(longer) > limit:
            break
        kept = longer
    if len(kept) < limit // 8:
        head, space, _rest = text[:limit].rpartition(" ")
        kept = f"{(head if space else text[: limit - 1]).rstrip(' ,،;؛:')[: limit - 1]}…"
    return without_marks(kept)


def without_marks(text: str) -> str:
    """Return the text without the marks of direction; they are set when it is stored."""
    return without_bidi_controls(text)


def first_words(blocks: Sequence[dict[str, Any]], title: str) -> str:
    """Return the first paragraph that says something; else whatever words there are; else the title."""
    candidates = [words for block in blocks if block["type"] == "paragraph" for words in _lines(block["value"])]
    for least in (25, 2):
        for words in candidates:
            if sum(letter.isalpha() for letter in words) >= least and not (least > 2 and words.endswith(":")):
                return words
    for block in blocks:
        for text in _texts(block["value"]):
            for words in _lines(text):
                if sum(letter.isalpha() for letter in words) >= 2:
                    return words
    return title


def only_paragraph(blocks: Sequence[dict[str, Any]]) -> str:
    """Return the words of a body that is one paragraph without any marks; else empty."""
    if len(blocks) != 1 or blocks[0]["type"] != "paragraph":
        return ""
    value = str(blocks[0]["value"])
    if not value.startswith("<p>") or _TAG.search(value[3:].removesuffix("</p>")):
        return ""
    return next(iter(_lines(value)), "")


def _lines(value: Any) -> Iterator[str]:
    for part in _BREAK.split(str(value)):
        words = " ".join(html.unescape(_TAG.sub("", part)).split())
        if words:
            yield words


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in {"id", "type", "kind", "image", "media", "language"}:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
