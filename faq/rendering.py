"""From a body of blocks to HTML, in a number of queries that does not grow with the body."""

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

#: A table of contents for fewer headings says nothing.
MIN_HEADINGS: Final = 3
#: A picture in one of the first blocks is seen at once: it must not wait for scrolling.
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
        """The headings worth a table of contents."""
        return self.headings if len(self.headings) >= MIN_HEADINGS else ()


def render_body(body: StreamValue, *, language: str, linked: Mapping[UUID, ArticleLink]) -> RenderedBody:
    """The body as HTML. `linked`: the articles it may point at, by translation key; others are left out.

    Links inside rich text are stored as page numbers. The blocks' templates leave them so, and they are resolved here for
    the whole body at once.
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
    """A readable id that is unique on the page; `s-` keeps it clear of the ids of the frame."""
    base = f"s-{slugify_unicode(title, max_length=60) or fallback[:8]}"
    anchor, number = base, 1
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken.add(anchor)
    return anchor


def prefetch_renditions(body: StreamValue) -> None:
    """Two queries for all pictures of a body: one is Wagtail's for the pictures, one for their sizes."""
    pictures = pictures_of(body)
    if pictures:
        renditions = get_image_model().get_rendition_model().objects.all()
        prefetch_related_objects(pictures, Prefetch("renditions", queryset=renditions, to_attr="prefetched_renditions"))
