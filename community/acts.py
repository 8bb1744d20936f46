"""The buttons under a post, without rendering a template for each of them.

Twenty posts have mostly the same buttons, which differ in a few numbers and addresses. So the template is rendered once for
all posts that have the same ones, with marks in the places of these; that is a *pattern*, and kept as shared HTML. For
each post, its own numbers are put into the places. No text of anybody is in a pattern, and what is put in is never
looked at again, so a mark cannot come from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Final

from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from django import template

_TEMPLATE: Final = "community/_post_acts.html"
#: Addresses take numbers only; no database has such ids.
_POST_ID: Final = 8_999_999_999_999_999_971
_THREAD_ID: Final = 8_999_999_999_999_999_972
_MARKS: Final = {
    str(_POST_ID): "post_id",
    str(_THREAD_ID): "thread_id",
    "\x02version\x03": "version",
    "\x02address\x03": "address",
    "\x02token\x03": "token",
}
_MARK: Final = re.compile("|".join(map(re.escape, _MARKS)))


@dataclass(frozen=True, slots=True)
class Acts:
    """The buttons under a post as they are for one reader, or the marks of a pattern."""

    #: What the reader may do with the post; empty for visitors.
    may: Mapping[str, bool]
    has_voted: bool
    is_bookmarked: bool
    is_solution: bool
    helpful_count: int
    post_id: int
    thread_id: int
    version: str
    address: str
    #: The field with the token of the form; only a pattern has a mark for it.
    token: str = ""

    @property
    def fragment_key(self) -> Hashable:
        allowed = (bool(self.may), *sorted(name for name, is_allowed in self.may.items() if is_allowed))
        return (allowed, *(getattr(self, name) for name in self.__slots__ if name != "may"))


class Pattern:
    """The HTML of buttons with places for what differs from post to post."""

    def __init__(self, html: str) -> None:
        """Find the marks."""
        self._parts: list[str] = []
        self._places: list[tuple[int, str]] = []
        end = 0
        for mark in _MARK.finditer(html):
            self._parts += (html[end : mark.start()], "")
            self._places.append((len(self._parts) - 1, _MARKS[mark[0]]))
            end = mark.end()
        self._parts.append(html[end:])

    def for_post(self, **values: Any) -> SafeString:
        """Return the HTML with the values of one post."""
        parts = self._parts.copy()
        texts = {
            name: value if type(value) is SafeString else str(value) if type(value) is int else escape(str(value))
            for name, value in values.items()
        }
        for place, name in self._places:
            parts[place] = texts[name]
        return SafeString("".join(parts))


def pattern_of(acts: Acts, context: template.Context) -> Pattern:
    """Return the pattern of the buttons that a post has; its own numbers are not in it."""
    marked = replace(
        acts,
        post_id=_POST_ID,
        thread_id=_THREAD_ID,
        version="\x02version\x03",
        address="\x02address\x03",
        token="\x02token\x03",  # noqa: S106 - a mark
    )
    template_ = context.template.engine.get_template(_TEMPLATE)  # type: ignore[union-attr]  # it is being rendered
    return Pattern(template_.render(context.new({"acts": marked})))
