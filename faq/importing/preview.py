"""What a dry run has read, kept so that people see each article as its page would look before anything is made.

One zip holds a JSON file for each row and the pictures that the portal does not have yet. Where such a picture stands in a body,
its number is negative.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Final

from django.utils.html import escape
from wagtail.models import Locale, Page

from faq.importing.writing import set_plain_fields
from faq.models import ArticlePage, HelpIndexPage, TopicPage
from portal.catalog.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable

    from faq.importing.fields import ArticleFields

#: Pictures beyond this are named, not shown.
MOST_PICTURE_BYTES: Final = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preview:
    """An article as it would be made. `topic` is the code of its topic, if there is one by now."""

    title: str
    language: str
    topic: str
    plain: dict[str, Any]
    products: list[str]
    blocks: list[dict[str, Any]]
    #: Of each picture that is not stored yet, by number: its name in the zip; empty when it was too large to keep.
    pictures: dict[int, str] = field(default_factory=dict)


class PreviewWriter:
    """Writes what a dry run reads."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
        self._names: dict[str, int] = {}
        self._pictures: dict[int, str] = {}
        self._bytes = 0
        self.rows: set[int] = set()

    def picture(self, digest: str, suffix: str, content: bytes) -> int:
        """Keep a picture that was verified; return its (negative) number."""
        number = self._names.setdefault(digest, -len(self._names) - 1)
        if number not in self._pictures:
            self._bytes += len(content)
            name = f"{digest}.{suffix}" if self._bytes <= MOST_PICTURE_BYTES else ""
            self._pictures[number] = name
            if name:
                self._zip.writestr(zipfile.ZipInfo(f"pictures/{name}"), content)
        return number

    def add(self, row: int, fields: ArticleFields, blocks: list[dict[str, Any]], *, topic: str) -> None:
        """Keep the article of a row, which counts from 1."""
        plain = {name: getattr(fields, name) for name in _PLAIN}
        used = {number: self._pictures[number] for number in _numbers(blocks) if number in self._pictures}
        content = {
            "title": fields.title, "language": fields.language, "topic": topic, "plain": plain,
            "products": fields.products, "blocks": blocks, "pictures": used,
        }  # fmt: skip
        self._zip.writestr(f"{row}.json", json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self.rows.add(row)

    def close(self) -> None:
        """End the zip."""
        self._zip.close()


#: Fields that `set_plain_fields` reads.
_PLAIN: Final = (
    "title", "language", "kind", "short_answer", "spoken_answer", "platforms", "audience", "reviewed_by", "is_featured",
    "keywords",
)  # fmt: skip


def read_preview(stream: IO[bytes], row: int) -> Preview | None:
    """Return what was kept of a row; None when nothing was."""
    with zipfile.ZipFile(stream) as kept:
        try:
            content = json.loads(kept.read(f"{row}.json"))
        except KeyError:
            return None
    content["pictures"] = {int(number): name for number, name in content["pictures"].items()}
    return Preview(**content)


def read_picture(stream: IO[bytes], name: str) -> bytes | None:
    """Return a picture that was kept; None when there is none of that name."""
    with zipfile.ZipFile(stream) as kept:
        try:
            return kept.read(f"pictures/{name}")
        except KeyError:
            return None


def page_of(preview: Preview, picture_url: Callable[[str], str]) -> ArticlePage | None:
    """Return a page that can be rendered and is not stored; None when its language has no help pages."""
    parent = _parent(preview)
    locale = Locale.objects.filter(language_code=preview.language).first()
    if parent is None or locale is None:
        return None
    page = ArticlePage(locale=locale, slug="preview", live=False)
    set_plain_fields(page, SimpleNamespace(**preview.plain))  # type: ignore[arg-type]  # it has what is asked for
    page.body = json.dumps(_shown(preview.blocks, preview.pictures, picture_url))
    page.products = list(Product.objects.filter(code__in=preview.products))
    page.depth = parent.depth + 1
    last = parent.get_last_child()
    page.path = last._inc_path() if last is not None else Page._get_path(parent.path, page.depth, 1)  # noqa: SLF001 - as treebeard does
    page.set_url_path(parent)
    page.inherit_from(parent)
    page.reading_minutes = page.minutes_to_read()
    return page


def _parent(preview: Preview) -> Page | None:
    topics = TopicPage.objects.filter(topic__code=preview.topic, locale__language_code=preview.language)
    index = HelpIndexPage.objects.filter(locale__language_code=preview.language)
    return topics.order_by("path").first() or index.order_by("path").first()


def _numbers(value: Any) -> set[int]:
    """Return the numbers of all pictures in stored blocks."""
    if isinstance(value, dict):
        own = {value["image"]} if isinstance(value.get("image"), int) else set()
        return own.union(*map(_numbers, value.values()))
    return set().union(*map(_numbers, value)) if isinstance(value, list) else set()


def _shown(value: Any, pictures: dict[int, str], url: Callable[[str], str]) -> Any:
    """Return stored blocks with pictures of the upload where those of the portal would stand."""
    if isinstance(value, list):
        return [_shown(item, pictures, url) for item in value]
    if not isinstance(value, dict):
        return value
    inner = value.get("value")
    if value.get("type") == "picture" and isinstance(inner, dict) and inner["image"] <= 0:
        return {**value, "type": "paragraph", "value": _figure(inner, pictures, url)}
    shown = {name: _shown(item, pictures, url) for name, item in value.items()}
    if isinstance(value.get("image"), int) and value["image"] <= 0:  # of a step
        shown |= {"image": None, "text": _figure(value, pictures, url) + value["text"]}
    return shown


def _figure(picture: dict[str, Any], pictures: dict[int, str], url: Callable[[str], str]) -> str:
    alt, caption = escape(picture.get("alt") or ""), escape(picture.get("caption") or "")
    name = pictures.get(picture["image"])
    shown = f'<img src="{escape(url(name))}" alt="{alt}" loading="lazy">' if name else f"<i>{alt}</i>"
    return f"<figure>{shown}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"
