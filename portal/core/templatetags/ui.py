"""Tags and filters of every template: ``{% load ui %}``. What they write is explained in `portal.core.formats`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django import template
from django.conf import settings
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from lucide.templatetags.lucide import lucide

from portal.core import formats
from portal.core.audience import audiences_for
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.preferences import current_preferences
from portal.core.text import isolate as isolate_text

if TYPE_CHECKING:
    from collections.abc import Hashable

    from django.http import HttpRequest
    from django.template.base import FilterExpression

register = template.Library()

#: Icons that point along the line of reading; the style sheet turns them over in right-to-left pages.
DIRECTIONAL_ICONS: Final = frozenset(
    {
        "arrow-left",
        "arrow-right",
        "chevron-left",
        "chevron-right",
        "chevrons-left",
        "chevrons-right",
        "corner-down-left",
        "corner-down-right",
        "external-link",
        "forward",
        "list",
        "list-ordered",
        "list-tree",
        "log-in",
        "log-out",
        "quote",
        "redo-2",
        "reply",
        "send",
        "share-2",
        "text-quote",
        "trending-down",
        "trending-up",
        "undo-2",
    }
)
_STAR_PATH: Final = (
    "M12 1.5L15.13 4.43 19.42 4.58 19.57 8.87 22.5 12 19.57 15.13 19.42 19.42 15.13 19.57 12 22.5 8.87 19.57 4.58 19.42 "
    "4.43 15.13 1.5 12 4.43 8.87 4.58 4.58 8.87 4.43Z"
)
_SVG_BODY: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@register.filter
def num(value: object, decimals: int | None = None) -> str:
    """``{{ count|num }}``, ``{{ rating|num:1 }}``."""
    return formats.format_number(value, decimals)


@register.filter
def percent(value: object, decimals: int | None = None) -> str:
    """``{{ share|percent }}`` of a value in hundredths."""
    return formats.format_percent(value, decimals)


@register.filter
def signed(value: object) -> SafeString:
    """``{{ change|signed }}``."""
    return formats.format_signed(value)


@register.filter
def ltr(value: object, form: str = "") -> SafeString:
    """``{{ version|ltr }}``; ``{{ hash|ltr:"wrap" }}`` may break anywhere. Nothing for none."""
    return SafeString("") if value in (None, "") else formats.format_ltr(value, wrap=form == "wrap")


@register.filter
def isolate(value: object) -> str:
    """For places that take no markup (``<title>``, mail subjects): keeps the direction of the value to itself."""
    return isolate_text(str(value))


@register.filter
def filesize_l(value: int | None) -> str:
    """``{{ file.size|filesize_l }}`` of bytes."""
    return "" if value is None else formats.format_size(int(value))


@register.filter
def date_l(value: dt.date | None, form: str = "") -> SafeString:
    """``{{ day|date_l }}``; forms ``"day"``, ``"month"``, ``"full"``. Nothing for no date."""
    return formats.format_date(value, form) if isinstance(value, dt.date) else SafeString("")


@register.filter
def time_l(value: dt.datetime | dt.time | None) -> SafeString:
    """``{{ moment|time_l }}``."""
    return formats.format_time(value) if isinstance(value, dt.datetime | dt.time) else SafeString("")


@register.filter
def ago(value: dt.date | None) -> SafeString:
    """``{{ moment|ago }}``."""
    return formats.format_ago(value) if isinstance(value, dt.date) else SafeString("")


@lru_cache(maxsize=1024)
def _icon_body(name: str) -> str:
    match = _SVG_BODY.search(lucide(name))
    assert match is not None, name  # noqa: S101 - every icon of the package is one svg element
    return re.sub(r">\s+<", "><", match[1].strip())


@lru_cache(maxsize=2048)
def _icon(name: str, classes: str, label: str) -> SafeString:
    names = " ".join(filter(None, ["i", classes, "i--dir" if name in DIRECTIONAL_ICONS else ""]))
    meaning = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" {}>{}</svg>',
        names,
        meaning,
        mark_safe(_icon_body(name)),  # noqa: S308 - from the icon package
    )


@register.simple_tag
def icon(name: str, classes: str = "", *, label: str = "") -> SafeString:
    """``{% icon "search" %}``, ``{% icon "check" "i--sm" %}``: a Lucide icon, inline.

    Decoration unless it has a `label`. An unknown name raises `lucide.IconDoesNotExist`.
    """
    return _icon(str(name), str(classes), str(label))


@register.simple_tag
def star(classes: str = "") -> SafeString:
    """The eight-pointed star of the design."""
    return format_html(
        '<svg viewBox="0 0 24 24" class="{}" aria-hidden="true"><path d="{}"/></svg>', classes, _STAR_PATH
    )


@register.simple_tag(takes_context=True)
def form_token(context: template.Context) -> SafeString:
    """``{% form_token %}`` instead of ``{% csrf_token %}`` in forms on pages that people without an account read, too.

    Nothing for those: a token would belong to one visitor, and the page is kept for all of them. The view behind such
    a form is decorated with `portal.core.http.same_origin_post`.
    """
    request: HttpRequest | None = context.get("request")
    if request is None or settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return SafeString("")
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(request))


@register.simple_block_tag(end_name="endcard")
def card(content: SafeString, *, title: str = "", tone: str = "", **extra: Any) -> SafeString:
    """``{% card title=heading tone="accent" %}…{% endcard %}``; what else is given goes to ``components/card.html``."""
    return render_to_string("components/card.html", {"content": content, "title": title, "tone": tone, **extra})


#: Marks of one visitor.
_TOKEN_MARKS: Final = ("csrfmiddlewaretoken", "X-CSRFToken")
_MAX_SHARED_LENGTH: Final = 200_000
_MAX_KEY_LENGTH: Final = 300
_shared: Memo[SafeString] = Memo(max_size=768, seconds=LONG_SECONDS)


@dataclass(frozen=True, slots=True)
class _AnyReader:
    """All that shared HTML may know of the person who reads it."""

    is_authenticated: bool


class _Reader(NamedTuple):
    """What shared HTML depends on beside its values, language and preferences."""

    is_authenticated: bool
    scheme: str | None
    host: str


class SharedNode(template.Node):
    """See `shared` and `frame`."""

    def __init__(
        self, nodelist: template.NodeList, name: str, parts: list[FilterExpression], *, has_content: bool
    ) -> None:
        self.nodelist = nodelist
        self._has_content = has_content
        self._name = name
        self._parts = parts

    def render(self, context: template.Context) -> SafeString:
        request: HttpRequest | None = context.get("request")
        parts = tuple(part.resolve(context) for part in self._parts)
        if request is None or getattr(request, "is_preview", False) or _is_too_long(parts):
            return self.nodelist.render(context)
        reader = _reader_of(request)
        audiences = tuple(audiences_for(request.user)) if self._has_content and reader.is_authenticated else ()
        key = (self._name, parts, reader, audiences, get_language(), current_preferences())

        def make() -> SafeString:
            with context.push(user=_AnyReader(reader.is_authenticated), csrf_token="", messages=(), perms=None):
                html = self.nodelist.render(context)
            if len(html) > _MAX_SHARED_LENGTH or any(mark in html for mark in _TOKEN_MARKS):
                raise _NotForSharingError(html)
            return html

        try:
            return _shared.get(key, make)
        except _NotForSharingError:
            return self.nodelist.render(context)


class _NotForSharingError(Exception):
    """The HTML holds a token of one visitor, or is too long to keep."""


def _is_too_long(parts: tuple[Hashable, ...]) -> bool:
    return any(isinstance(part, str) and len(part) > _MAX_KEY_LENGTH for part in parts)


def _reader_of(request: HttpRequest) -> _Reader:
    """Whose HTML it is. Does not touch the session of people without an account."""
    known: _Reader | None = getattr(request, "_shared_reader", None)
    if known is None:
        user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES and hasattr(request, "user") else None
        has_account = user is not None and user.is_authenticated
        known = _Reader(has_account, request.scheme, request.get_host())
        request._shared_reader = known  # type: ignore[attr-defined]  # noqa: SLF001 - a per-request memo
    return known


@register.tag
def shared(parser: template.base.Parser, token: template.base.Token) -> SharedNode:
    """``{% shared "footer" request.get_full_path %}…{% endshared %}``: HTML that is the same for many readers.

    It is rendered once in a process and kept until content changes, per name, the values given, language, preferences,
    theme, host, and the audiences that admit the reader. Inside there is no person: ``user`` only knows whether it
    ``is_authenticated``, and there are no messages and no token. What depends on anything else must be among the values.
    """
    return _shared_node(parser, token, has_content=True)


@register.tag
def frame(parser: template.base.Parser, token: template.base.Token) -> SharedNode:
    """``{% frame "tabbar" nav.section %}…{% endframe %}``: as `shared`, the same for all audiences.

    Only for what shows no content. Saves asking which audiences the reader belongs to on pages that do not need to know.
    """
    return _shared_node(parser, token, has_content=False)


def _shared_node(parser: template.base.Parser, token: template.base.Token, *, has_content: bool) -> SharedNode:
    tag, name, *parts = token.split_contents()
    nodelist = parser.parse((f"end{tag}",))
    parser.delete_first_token()
    values = [parser.compile_filter(part) for part in parts]
    return SharedNode(nodelist, name.strip("\"'"), values, has_content=has_content)
