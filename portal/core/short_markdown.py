"""From an editor's Markdown to safe HTML: a few paragraphs with lists, links, emphasis and code, as in a changelog."""

from __future__ import annotations

from typing import Final

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

from portal.core.memo import bounded_cache

_PARSER: Final = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])
_TAGS: Final = {"p", "ul", "ol", "li", "strong", "em", "code", "pre", "a", "br", "b", "blockquote"}
#: Headings would stand in the outline of the page: they are bold paragraphs.
_HEADINGS: Final = {f"h{level}" for level in range(1, 7)}


@bounded_cache(max_bytes=1024 * 1024, usual_bytes=4096)
def html_of(text: str) -> SafeString:
    """Return the HTML of a text. What a browser could execute is not in it, whoever wrote it."""
    html = _PARSER.render(text)
    for name in _HEADINGS:
        html = html.replace(f"<{name}>", "<p><b>").replace(f"</{name}>", "</b></p>")
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener",
    )
    return SafeString(cleaned.replace("<p>", '<p dir="auto">').replace("<li>", '<li dir="auto">'))


def words_of(text: str) -> str:
    """Return the words of a text, for search and feeds."""
    return " ".join(nh3.clean(_PARSER.render(text), tags=set()).split())
