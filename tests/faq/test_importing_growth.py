"""A text twice as long takes about twice the steps to read, whatever is in it: what people upload stops no worker."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from faq.importing.links import named_places
from faq.importing.markdown import parse_body


class Nothing:
    """A portal that has nothing of what a text names."""

    def page_id(self, _article: str) -> None: ...

    def product_id(self, _code: str) -> None: ...

    def picture_id(self, _name: str) -> int:
        return 1

    def media_id(self, *_names: str) -> int:
        return 1


#: Beginnings of things that never end, one behind the other.
REPEATED = [
    "{{< a ", "{% a ", "{{% a %}} ", "[", "![", "![a](", "[a](", "[[", "![[", "<", "<a ", "<a href='", "<!-- ", "</", "**", "*a ", "_a", "~~",
    "==", "`", "``a ", "$", "$$", "&", "&am", "\\", "[^a] ", "[^1]: a\n\n", "|", "| a | b |\n", ":::", "::: tip\n", "!!! note\n", "> ", "> [!x] ",
    "- ", "1. ", "- a\n", "\n\n    ", "#", "# a {#b}\n\n", "<div>", "<details>", "<div>\n", "<b>\n", "- <b>a</b>\n", "<div>\n\n", "<Tabs>\n", "{a", "{: .b}\n", "\t", " ",
    "=== \"a\"\n", "a: b\n: c\n", "\"", "۱",
]  # fmt: skip


def nested(mark: str, number: int) -> str:
    return "".join(f"{'  ' * level}{mark} a\n" for level in range(number))


def steps(text: str) -> int:
    """Return how many functions are called while a text is read."""
    number = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        named_places(text)
        parse_body(text, language="en", key="x", resolver=Nothing())
    finally:
        sys.setprofile(before)
    return number


@pytest.mark.parametrize("part", REPEATED)
def test_twice_the_text_is_twice_the_work(part: str) -> None:
    size = max(60, 1200 // len(part))
    short, long = steps(part * size), steps(part * size * 2)

    assert long < 2.6 * short + 4000


@pytest.mark.parametrize("mark", [">", "-", "1.", "> -"])
def test_what_is_nested_without_end_takes_no_longer_than_its_size(mark: str) -> None:
    short, long = (nested(mark, number) for number in (200, 400))

    assert steps(long) / len(long) < 1.5 * steps(short) / len(short)
