"""Highlighting: the words found are marked in the author's original text; everything else is escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from portal.core.text import ZWNJ, fold, fold_with_offsets
from search.language.analysis import tokens

if TYPE_CHECKING:
    from search.index.plan import Place, QueryTerm

#: Number of characters of a snippet: two lines on a wide screen.
SNIPPET_LENGTH: Final = 180
#: Number of characters of a snippet before the first word found.
_LEAD: Final = 40
_BETWEEN_MARKS: Final = re.compile(rf"[\s{ZWNJ}-]*")
_SPACE: Final = re.compile(r"\s+")


def mark(text: str, places: Sequence[Place]) -> SafeString:
    """The escaped text with the places in ``<mark>``. Adjacent marks are merged; places past the end are cut off."""
    parts: list[str] = []
    done = 0
    for start, end in _merged(text, places):
        parts += [escape(text[done:start]), "<mark>", escape(text[start:end]), "</mark>"]
        done = end
    parts.append(escape(text[done:]))
    return mark_safe("".join(parts))  # noqa: S308 - every piece of text was escaped above


def _merged(text: str, places: Sequence[Place]) -> list[Place]:
    merged: list[Place] = []
    for start, end in sorted(places):
        end = min(end, len(text))  # noqa: PLW2901 - the same place, cut
        if start >= end:
            continue
        if merged and (start <= merged[-1][1] or _BETWEEN_MARKS.fullmatch(text, merged[-1][1], start)):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def snippet(text: str, places: Sequence[Place], *, length: int = SNIPPET_LENGTH) -> SafeString:
    """The part of the text with the most words found, cut at word boundaries, with marks."""
    start = _best_start(text, places, length)
    end = min(len(text), start + length)
    if start:
        space = _SPACE.search(text, start, end)
        start = space.end() if space else start
    if end < len(text):
        space_before = text.rfind(" ", start, end)
        end = space_before if space_before > start else end
    piece = text[start:end]
    marked = mark(piece, [(max(0, s - start), e - start) for s, e in places if e > start and s < end])
    before, after = "…" * bool(start), "…" * (end < len(text))
    return mark_safe(f"{before}{marked}{after}")  # noqa: S308 - `mark` escaped the text


def _best_start(text: str, places: Sequence[Place], length: int) -> int:
    """The start with the most distinct words in the snippet; the first one if several are equal."""
    best, best_count = 0, 0
    for start, _end in places:
        begin = max(0, start - _LEAD) if start + length > len(text) or start > length - _LEAD else 0
        inside = {fold(text[s:e]) for s, e in places if begin <= s and e <= begin + length}
        if len(inside) > best_count:
            best, best_count = begin, len(inside)
    return best


def mark_terms(text: str, terms: Collection[str], *, language: str, beginning: str = "") -> SafeString:
    """The text with its words marked: completely if their term is in `terms`, partly if they start with `beginning`."""
    places: list[Place] = []
    for token in tokens(text, language=language):
        if beginning and token.word.startswith(beginning):
            places.append((token.start, _end_of_beginning(text, token.start, token.end, beginning)))
        elif token.text in terms:
            places.append((token.start, token.end))
    return mark(text, places)


def mark_answers(text: str, terms: Sequence[QueryTerm], *, language: str) -> SafeString:
    """The text with the words marked that answer a question, as the index counts them."""
    found = tokens(text, language=language)
    held = {token.text for token in found}
    stems = ((term.text, *term.beside) for term in terms)
    wanted = {stem for together in stems if held.issuperset(together) for stem in together}
    return mark(text, [(token.start, token.end) for token in found if token.text in wanted])


def _end_of_beginning(text: str, start: int, end: int, beginning: str) -> int:
    """The end of the typed beginning in the original text, including half-spaces inside it."""
    folded, offsets = fold_with_offsets(text[start:end])
    remaining = len(beginning)
    for place, character in enumerate(folded):
        if not remaining:
            return start + offsets[place]
        remaining -= character.isalnum()
    return end
