"""Conversion of a text, in Markdown of any dialect or HTML, to the blocks of an article.

Nothing is refused: what cannot be shown becomes text or is left out, and a note says what happened, and where. The rich text
is built from the parsed tree, tag by tag, so it contains only the features of `faq.blocks` and needs no cleaning afterwards.
The steps are described in `faq.importing.syntax`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from django.utils.translation import gettext as _

from faq.importing.report import Problem
from faq.importing.syntax import dom, parser
from faq.importing.syntax.builder import Builder
from faq.importing.syntax.rich import bidi_safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

__all__ = ["Body", "Resolver", "bidi_safe", "parse_body"]

#: More notes about one text are no help to anybody.
_MOST_NOTES: Final = 200

Form: TypeAlias = Literal["markdown", "html", "post"]


class Resolver(Protocol):
    """Finds or creates what the text names. Raises `FileProblemError` for files that cannot be used."""

    def page_id(self, article: str) -> int | None:
        """Return the page of an article in the row's language, or None when there is no such article.

        `article` is what is written: the id after `article:`, the name in a wiki link, or the path of a file.
        """
        ...

    def picture_id(self, name: str) -> int:
        """Return the picture that is written as `name`: a path, or an address."""
        ...

    def media_id(self, kind: str, name: str, title: str) -> int:
        """Return the sound or video ("audio", "video") of this name."""
        ...

    def product_id(self, code: str) -> int | None:
        """Return the product with this code, or None."""
        ...


@dataclass(slots=True)
class Body:
    """A parsed body: the raw value of the StreamField, notes for the report, and the anchors of its headings.

    `anchors` maps what links in the source call a place to what the page calls it.
    """

    blocks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    anchors: dict[str, str] = field(default_factory=dict)


def parse_body(
    text: str, *, language: str, key: str, resolver: Resolver, first_line: int = 0, form: Form = "markdown",
    anchor_in: Callable[[str, str], str] | None = None,
) -> Body:  # fmt: skip
    """Return the blocks of a text, whatever it holds, with a note for every place that is not shown as it was.

    `first_line` is the number of the file's line before the text. Block ids are derived from `key` and the content, so
    the same text gives the same blocks. `anchor_in` says what the page of another document calls a place in it (both as they
    are written), empty for what headings are called anyway. A "post" is what people write in the community: lines stay lines, HTML is text.
    """
    text = dom.printable(text)
    if form == "html":
        html = dom.with_lines(text, first_line + 1)
        found = [parser.left_out(name, line) for name, line in dom.unknown_tags(text, first_line + 1)]
    else:
        made = parser.to_html(text, first_line=first_line, is_post=form == "post")
        html, found = made.html, made.notes
    builder = Builder(
        dom.parse(html), language=language, key=key, resolver=resolver, breaks=form == "post", anchor_in=anchor_in
    )
    blocks, notes, anchors = builder.build()
    said = [Problem(message, field="body", line=line) for line, message in found]
    every = sorted(dict.fromkeys([*said, *notes]), key=lambda problem: problem.line)
    if len(every) > _MOST_NOTES:
        rest = _("%(number)d more places are not shown as they were.") % {"number": len(every) - _MOST_NOTES}
        every = [*every[:_MOST_NOTES], Problem(rest, field="body")]
    return Body(blocks, every, anchors)
