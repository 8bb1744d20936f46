"""Remarks on an article while it is edited: what makes it hard to read, to hear or to load. Nothing here blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from wagtail import blocks
from wagtail.contrib.typed_table_block.blocks import TypedTable
from wagtail.images.models import AbstractImage
from wagtail.rich_text import RichText

from portal.core.formats import format_number, format_size
from portal.core.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faq.models import ArticlePage

#: Words of one sentence. A word with a half-space in it is one word, as in Persian spelling.
LONG_SENTENCE: Final = 25
#: Words that are read aloud in 40 seconds.
LONGEST_SPEECH: Final = 100
HEAVY_PICTURE_BYTES: Final = 200 * 1024
#: Remarks of one kind that are shown.
SHOWN: Final = 5
_QUOTED: Final = 60

#: Texts of links that say nothing to who hears only the links of a page, or looks for one.
_VAGUE: Final = frozenset(
    map(
        fold,
        (
            *(
                "click",
                "click here",
                "here",
                "link",
                "this link",
                "this page",
                "more",
                "read more",
                "see more",
                "details",
            ),
            *(
                "اینجا",
                "اینجا را ببینید",
                "اینجا کلیک کنید",
                "کلیک",
                "کلیک کنید",
                "لینک",
                "این لینک",
                "پیوند",
                "این پیوند",
            ),
            *("این صفحه", "بیشتر", "بیشتر بخوانید", "ادامه", "ادامهٔ مطلب", "جزئیات"),
        ),
    )
)
_LINK: Final = re.compile(r"<a\b[^>]*>(.*?)</a>", re.DOTALL | re.IGNORECASE)
_HEADING: Final = re.compile(r"<h([2-6])\b[^>]*>(.*?)</h\1>", re.DOTALL | re.IGNORECASE)
_BREAK: Final = re.compile(r"<br\s*/?>|</(?:p|li|h[1-6]|td|th)>", re.IGNORECASE)
#: A full stop inside a number or an address ends no sentence: a space follows one that does.
_SENTENCE_END: Final = re.compile(r"(?<=[.!?؟…])[\s»”\")]+|\n+")
_ADDRESS: Final = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+", re.IGNORECASE)
_FILE_NAME: Final = re.compile(r"^\S+\.(?:png|jpe?g|webp|gif|svg)$|^(?:img|dsc|screenshot)[-_ ]?\d*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to improve in a field of the article, and which words it is about."""

    field: str
    text: str
    about: str = ""


def remarks_on(article: ArticlePage) -> list[Remark]:
    """Return what could be better, in reading order, at most `SHOWN` of each kind. Two queries if there are pictures."""
    found = [
        *_on_short_answer(article.short_answer),
        *_on_body(article.body),
        *_on_spoken_answer(article.spoken_answer),
    ]
    shown: dict[tuple[str, str], int] = {}
    kept = []
    for remark in found:
        kind = (remark.field, remark.text)
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= SHOWN:
            kept.append(remark)
    return kept


def _on_short_answer(text: str) -> Iterator[Remark]:
    if not text.strip():
        yield Remark("short_answer", _("The short answer is missing: it is what search shows and what is read aloud."))
    yield from _on_sentences("short_answer", text)


def _on_spoken_answer(text: str) -> Iterator[Remark]:
    if match := _ADDRESS.search(text):
        yield Remark("spoken_answer", _("Nobody follows an address by ear: say in words where it is found."), match[0])
    if len(text.split()) > LONGEST_SPEECH:
        yield Remark("spoken_answer", _("Read aloud, this takes longer than 40 seconds."))


def _on_body(body: Any) -> Iterator[Remark]:
    level = 1
    for value in _values(body):
        if isinstance(value, _Title):
            level = 2
        elif isinstance(value, RichText):
            source = value.source or ""
            for number, title in _HEADING.findall(source):
                if int(number) > level + 1:
                    yield Remark("body", _("A heading is missing above this one."), _quoted(strip_tags(title)))
                level = int(number)
            yield from _on_links(source)
            yield from _on_sentences("body", unescape(strip_tags(_BREAK.sub("\n", source))))
        elif isinstance(value, AbstractImage):
            yield from _on_weight(value)
        elif isinstance(value, blocks.StructValue) and value.get("image"):
            yield from _on_alternative(str(value.get("alt") or ""), str(value.get("caption") or ""))


class _Title(str):
    """The text of a heading block."""


def _values(value: Any) -> Iterator[Any]:
    """Yield the values of a body in reading order: structures before what is in them."""
    inner = _inside(value)
    if value is not None and (inner is None or isinstance(value, blocks.StructValue)):
        yield value
    for part in inner or ():
        yield from _values(part)


def _inside(value: Any) -> list[Any] | None:
    """Return the values inside a value, or None when there are none by its kind."""
    if isinstance(value, blocks.StreamValue):
        return [_Title(child.value) if child.block_type == "heading" else child.value for child in value]
    if isinstance(value, blocks.StructValue):
        return list(value.values())
    if isinstance(value, TypedTable):
        return [cell.value for row in value.rows for cell in row]
    if isinstance(value, list | blocks.list_block.ListValue):
        return list(value)
    return None


def _on_links(source: str) -> Iterator[Remark]:
    for inner in _LINK.findall(source):
        words = " ".join(unescape(strip_tags(inner)).split())
        if fold(words).strip(" .!؛،:") in _VAGUE:
            yield Remark("body", _("Say in the text of the link where it leads."), _quoted(words))
        elif words.lower().startswith(("http://", "https://", "www.")):
            yield Remark("body", _("Write in words where the link leads, instead of its address."), _quoted(words))


def _on_sentences(field: str, text: str) -> Iterator[Remark]:
    for sentence in _SENTENCE_END.split(text):
        if len(sentence.split()) > LONG_SENTENCE:
            advice = _("A sentence has more than %(number)s words: two are easier to follow.")
            yield Remark(field, advice % {"number": format_number(LONG_SENTENCE)}, _quoted(sentence))


def _on_alternative(alternative: str, caption: str) -> Iterator[Remark]:
    words = " ".join(alternative.split())
    if not words:
        yield Remark("body", _("Say what the picture shows: some people hear it."), _quoted(caption))
    elif _FILE_NAME.match(words):
        yield Remark("body", _("Say what the picture shows instead of the name of its file."), _quoted(words))
    elif caption and fold(words) == fold(caption):
        yield Remark(
            "body", _("The caption says already what the picture shows: who hears it, hears it twice."), _quoted(words)
        )


def _on_weight(picture: AbstractImage) -> Iterator[Remark]:
    size = picture.file_size or 0
    if size > HEAVY_PICTURE_BYTES:
        advice = _("The picture has %(size)s: one of at most %(limit)s loads sooner.")
        sizes = {"size": format_size(size), "limit": format_size(HEAVY_PICTURE_BYTES)}
        yield Remark("body", advice % sizes, _quoted(picture.title))


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED].rsplit(' ', 1)[0]} …"
