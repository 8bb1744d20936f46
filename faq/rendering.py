"""Rendering of an article's blocks to HTML; the number of queries does not grow with the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.safestring import SafeString, mark_safe
from wagtail.images import get_image_model
from wagtail.rich_text import expand_db_html

from faq.body import pictures_of
from portal.core.text import slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from wagtail.blocks import StreamValue

    from faq.queries import ArticleLink

#: Fewer headings need no table of contents.
MIN_HEADINGS: Final = 3
#: Pictures in the first blocks are visible at once, so they must not be loaded lazily.
BLOCKS_ABOVE_THE_FOLD: Final = 2


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
    parts: list[str] = []
    headings: list[Heading] = []
    taken: set[str] = set()
    for place, child in enumerate(body):
        context: dict[str, Any] = {
            "LANGUAGE_CODE": language,
            "linked": linked,
            "eager": place < BLOCKS_ABOVE_THE_FOLD,
        }
        if child.block_type == "heading":
            heading = Heading(_anchor(str(child.value), str(child.id or place), taken), str(child.value))
            headings.append(heading)
            context["anchor"] = heading.id
        parts.append(str(child.render(context)))
    html = expand_db_html("".join(parts))
    return RenderedBody(mark_safe(html), tuple(headings))  # noqa: S308 - made by our templates from cleaned rich text


def _anchor(title: str, fallback: str, taken: set[str]) -> str:
    """Return a readable id that is unique on the page; the prefix `s-` avoids collisions with ids of the page frame."""
    base = f"s-{slugify_unicode(title, max_length=60) or fallback[:8]}"
    anchor, number = base, 1
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken.add(anchor)
    return anchor


def prefetch_renditions(body: StreamValue) -> None:
    """Fetch all pictures of a body in two queries: Wagtail's for the pictures, and one for their renditions."""
    pictures = pictures_of(body)
    if pictures:
        renditions = get_image_model().get_rendition_model().objects.all()
        prefetch_related_objects(pictures, Prefetch("renditions", queryset=renditions, to_attr="prefetched_renditions"))
