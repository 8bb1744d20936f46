"""All URLs of the portal, found by walking the resolver; tests/test_every_address.py requests them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import get_resolver
from django.urls.resolvers import LocalePrefixPattern, RegexPattern, URLPattern, URLResolver
from django.utils.regex_helper import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.urls.resolvers import RoutePattern

#: Sample values for path converters.
_SAMPLES = {"uuid": "00000000-0000-4000-8000-{number:012d}", "int": "{number}"}


@dataclass(frozen=True)
class Address:
    """A URL pattern of the resolver."""

    #: The name with namespaces, as in ``search:results``; the name of the view if the pattern has none.
    name: str
    parts: tuple[Any, ...]
    #: The module of the view.
    module: str
    #: The class of the view; None where it is a function.
    view: type | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def is_staffs(self) -> bool:
        """Whether it belongs to Wagtail's or Django's admin."""
        return self.path().startswith(("/admin/", "/django-admin/"))

    @property
    def takes_values(self) -> bool:
        """Whether it contains parameters."""
        return self.path(number=1, word="x") != self.path(number=2, word="y")

    def path(self, *, number: int = 999_999_999, word: str = "nothing") -> str:
        """The path with this number and word as parameters."""
        return "/" + "".join(_filled(part, number, word) for part in self.parts)


def every_address() -> list[Address]:
    """All patterns, in the order in which they are resolved."""
    return list(_walk(get_resolver(), (), ()))


def every_view() -> set[type]:
    """The classes of all views that have an address."""
    return {address.view for address in every_address() if address.view is not None}


def _walk(resolver: URLResolver, parts: tuple[Any, ...], namespaces: tuple[str, ...]) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        here = (*parts, entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, here, (*namespaces, entry.namespace) if entry.namespace else namespaces)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", entry.callback)
            name = entry.name or getattr(view, "__name__", type(view).__name__)
            yield Address(
                ":".join((*namespaces, name)), here, view.__module__, view if isinstance(view, type) else None
            )


def _filled(pattern: LocalePrefixPattern | RoutePattern | RegexPattern, number: int, word: str) -> str:
    if isinstance(pattern, LocalePrefixPattern):
        return pattern.language_prefix
    if isinstance(pattern, RegexPattern):
        return _filled_regex(pattern, number, word)
    return re.sub(
        r"<(?:(\w+):)?\w+>",
        lambda found: _SAMPLES.get(found[1] or "str", "{word}").format(number=number, word=word),
        str(pattern),
    )


def _filled_regex(pattern: RegexPattern, number: int, word: str) -> str:
    """Fill a regular expression with the first samples that match, words it contains itself (``audio|video``) last."""
    template, names = normalize(str(pattern))[0]
    for value in (str(number), word, f"{word}/", "", *re.findall(r"\w+", str(pattern))):
        filled = template % dict.fromkeys(names, value)
        if pattern.regex.search(filled):
            return filled
    raise ValueError(f"No sample fits {pattern}")
