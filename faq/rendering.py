"""Rendering of an article's blocks to HTML; the number of queries does not grow with the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from wagtail.images import get_image_model
from wagtail.rich_text import expand_db_html

from faq.anchors import anchor_of
from faq.body import pictures_of
from portal.core import releases
from portal.core.audience import reader
from portal.core.runs import isolate_html

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from wagtail.blocks import StreamValue

    from faq.queries import ArticleLink

#: Fewer headings need no table of contents.
MIN_HEADINGS: Final = 3
#: Pictures in the first blocks are visible at once, so they must not be loaded lazily.
BLOCKS_ABOVE_THE_FOLD: Final = 2
_SMALL_HEADING: Final = re.compile(r"<h3((?: data-block-key=\"[^\"<>]*\")?)>(.*?)</h3>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heading:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class RenderedBody:
    html: SafeString
    headings: tuple[Heading, ...] = ()

    @property
    def contents(self) -> tuple[Heading, ...]:
        """Return the headings if there are enough for a table of contents, else nothing."""
        return self.headings if len(self.headings) >= MIN_HEADINGS else ()


def render_body(body: StreamValue, *, language: str, linked: Mapping[UUID, ArticleLink]) -> RenderedBody:
    """Render the body as HTML. `linked`: the articles it may link to, by translation key; others are left out.

    Links inside rich text are stored as page numbers. The templates of the blocks leave them so; they are resolved here
    for the whole body at once.
    """
    prefetch_renditions(body)
    slugs = {child.value.get("download") or "" for child in body if child.block_type == "newest_release"}
    newest = releases.newest(reader(), slugs)
    parts: list[str] = []
    headings: list[Heading] = []
    taken: dict[str, int] = {}
    for place, child in enumerate(body):
        context: dict[str, Any] = {
            "LANGUAGE_CODE": language,
            "linked": linked,
            "releases": newest,
            "eager": place < BLOCKS_ABOVE_THE_FOLD,
        }
        if child.block_type == "heading":
            heading = Heading(anchor_of(str(child.value), taken=taken), str(child.value))
            headings.append(heading)
            context["anchor"] = heading.id
        parts.append(str(child.render(context)))
    html = isolate_html(_with_anchors(expand_db_html("".join(parts)), taken), language=language)
    return RenderedBody(mark_safe(html), tuple(headings))  # noqa: S308 - made by our templates from cleaned rich text


def _with_anchors(html: str, taken: dict[str, int]) -> str:
    """Give the smaller headings, of texts and steps, ids that are not taken."""

    def named(match: re.Match[str]) -> str:
        words = unescape(strip_tags(match[2]))
        return f'<h3 id="{escape(anchor_of(words, taken=taken))}"{match[1]}>{match[2]}</h3>'

    return _SMALL_HEADING.sub(named, html)


def prefetch_renditions(body: StreamValue) -> None:
    """Fetch all pictures of a body in two queries: Wagtail's for the pictures, and one for their renditions."""
    pictures = pictures_of(body)
    if pictures:
        renditions = get_image_model().get_rendition_model().objects.all()
        prefetch_related_objects(pictures, Prefetch("renditions", queryset=renditions, to_attr="prefetched_renditions"))
