"""Fragments: HTML shared by many readers, rendered without any reader's data and cached in this process.

The tags ``{% shared %}``, ``{% frame %}`` and ``{% unkept %}`` (`portal.core.templatetags.ui`) are explained here.

A fragment is rendered with the values it declares and nothing else: there is no request, session, message or token, and
``user`` only has ``is_authenticated``. In addition it sees what is the same for everybody on this host in this language
and with these preferences (`portal.core.context_processors.constants`). One person's data therefore cannot be cached
for another by mistake: it is not available.

A fragment that uses anything it did not declare is rendered as an empty string and reported to the log; with
``settings.FRAGMENTS_ARE_STRICT`` (tests and development) it raises `UndeclaredError`. Every look-up is recorded, so
this also holds inside ``{% if %}``, ``{% include %}``, filters with defaults and tags that take the context, all of
which swallow errors.
"""

from __future__ import annotations

import datetime as dt
import decimal
import logging
import os
import re
import secrets
import sys
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django import template
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.template.library import SimpleNode
from django.utils import translation
from django.utils.functional import LazyObject, Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from portal.core import memo
from portal.core.audience import audiences_for, reading_as
from portal.core.brand import brand
from portal.core.context_processors import constants
from portal.core.http import is_cached_for
from portal.core.preferences import current_preferences
from portal.core.scopes import making, rests_on
from portal.core.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

    from django.template.base import FilterExpression, NodeList

    from portal.core.preferences import Preferences
    from portal.core.scopes import Stamp

logger = logging.getLogger(__name__)

#: Limit for page frames: a few dozen pieces, which must not be evicted by any number of addresses or contents.
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
#: Limit for contents.
MAX_SHARED_BYTES: Final = 6 * 1024 * 1024
#: A larger fragment is rendered each time.
MAX_PIECE_BYTES: Final = 512 * 1024
#: In characters; a fragment with a longer key is rendered but not cached.
_MAX_KEY_LENGTH: Final = 2000

#: Names of personal data: they cannot be declared, and every use of them is recorded.
PERSONAL_NAMES: Final = frozenset({"request", "user", "session", "messages", "perms", "csrf_token"})
_PERSONAL_TYPES: Final = (HttpRequest, AbstractBaseUser, AnonymousUser, SessionBase)
#: Strings that show that the HTML holds one visitor's token.
_TOKEN_MARKS: Final = ("csrfmiddlewaretoken", "X-CSRFToken")
_PLAIN_TYPES: Final = (str, int, float, bool, decimal.Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID, type(None))
#: Looked up by Django's own tags, which check whether it exists.
_OF_LOOPS: Final = "forloop"

_SECRET: Final = secrets.token_hex(8)
_MARK: Final = re.compile(f"\x02{_SECRET}:(\\d+)\x03")


class UndeclaredError(Exception):
    """Raised when a fragment uses something it did not declare, or declares something it must not contain."""


# Context of a fragment ------------------------------------------------------------------------------------------------


class AnyReader:
    """All that a fragment knows of its reader. Access to any other attribute is recorded."""

    def __init__(self, *, is_authenticated: bool, asked: list[str]) -> None:
        self.is_authenticated = is_authenticated
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._asked.append(f"user.{name}")
        raise AttributeError(name)

    def __str__(self) -> str:
        self._asked.append("user")
        return ""


class _NoRequest:
    """Replaces ``context.request``: only the two attributes that ``{% url %}`` looks up may be asked for."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if name not in {"current_app", "resolver_match"}:
            self._asked.append("request")
        raise AttributeError(name)


class FragmentContext(template.Context):
    """Context with the declared values and the constants. Records every name that is looked up and missing.

    A template included with ``only`` may omit parameters; inside it, only names of personal data are recorded.
    """

    def __init__(
        self, values: Mapping[str, Any], *, around: template.Context, is_authenticated: bool, fixed: Mapping[str, Any]
    ) -> None:
        """Take only the output settings from `around`, the context of the page; `fixed` are the constants."""
        super().__init__(
            {**fixed, **values}, autoescape=around.autoescape, use_l10n=around.use_l10n, use_tz=around.use_tz
        )
        self.template = around.template
        self.render_context.template = around.render_context.template
        self.fixed = fixed
        self.is_authenticated = is_authenticated
        self.asked: list[str] = []
        self.unkept: list[Hole] = []
        self._may_lack_names = False
        self["user"] = AnyReader(is_authenticated=is_authenticated, asked=self.asked)

    @property
    def request(self) -> _NoRequest:
        return _NoRequest(self.asked)

    def __getitem__(self, key: Any) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        if key != _OF_LOOPS:
            self._note(key)
        return super().__contains__(key)

    def get(self, key: Any, otherwise: Any = None) -> Any:
        self._note(key)
        return super().get(key, otherwise)

    def new(self, values: Any = None) -> FragmentContext:
        inner = super().new(values)
        assert isinstance(inner, FragmentContext)  # noqa: S101 - as it is copied
        inner._may_lack_names = True  # noqa: SLF001 - a copy of this very object
        return inner

    def _note(self, name: object) -> None:
        if self._may_lack_names and name not in PERSONAL_NAMES:
            return
        if not any(name in known for known in self.dicts):
            self.asked.append(str(name))


# The cache -----------------------------------------------------------------------------------------------------------


class Hole(NamedTuple):
    """A part of a fragment that is rendered for each reader, with the values that the fragment gives it."""

    node: UnkeptNode
    values: Mapping[str, Any]

    def for_reader(self, context: template.Context) -> str:
        return self.node.render_with(self.values, context)


class Kept(NamedTuple):
    """A rendered fragment: its HTML in parts, and between them the parts that are rendered for each reader."""

    parts: tuple[str, ...]
    unkept: tuple[Hole, ...]

    def for_reader(self, context: template.Context) -> SafeString:
        if not self.unkept:
            return mark_safe(self.parts[0])  # noqa: S308 - what the template engine wrote
        html = [self.parts[0]]
        for hole, part in zip(self.unkept, self.parts[1:], strict=True):
            html += (hole.for_reader(context), part)
        return mark_safe("".join(html))  # noqa: S308 - as above

    @property
    def size(self) -> int:
        """Size in memory, in bytes."""
        given = sum(size_of(value) for hole in self.unkept for value in hole.values.values())
        return sum(map(sys.getsizeof, self.parts)) + sys.getsizeof(self.parts) + given


@dataclass(frozen=True, slots=True)
class _Entry:
    kept: Kept
    size: int
    stamp: Stamp
    fresh_until: float


@dataclass(frozen=True, slots=True)
class StoreState:
    """State of a store of this process. `hit_rate` is between 0 and 1, and None before the first look-up."""

    entries: int
    bytes: int
    max_bytes: int
    hit_rate: float | None


class FragmentStore:
    """The cached fragments of this process, limited by bytes; least recently used ones are evicted. Thread-safe."""

    def __init__(self, max_bytes: int, seconds: float = memo.LONG_SECONDS) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._bytes = 0
        self._hits = 0
        self._misses = 0
        self._forgotten = 0
        self._lock = threading.Lock()
        memo.forget_with_all(self.forget)
        os.register_at_fork(after_in_child=self._start_again)

    def get(
        self, key: Hashable, scopes: tuple[str, ...], make: Callable[[], Kept], *, seconds: float | None = None
    ) -> Kept:
        """Return the value cached under `key`, else that of `make`, which is kept for at most so long.

        The value around it gets the same scopes.
        """
        with self._lock:
            entry = self._entries.get(key)
            forgotten = self._forgotten
        is_known = entry is not None and entry.fresh_until > time.monotonic() and entry.stamp.is_current()
        with self._lock:
            self._hits += is_known
            self._misses += not is_known
            if is_known and key in self._entries:
                self._entries.move_to_end(key)
        if entry is not None and is_known:
            entry.stamp.pass_on()
            return entry.kept
        with making(*scopes) as recorder:
            kept = make()
        entry = _Entry(kept, kept.size + _size_of(key), recorder.stamp, time.monotonic() + (seconds or self._seconds))
        if entry.size > MAX_PIECE_BYTES:
            return kept
        with self._lock:
            if forgotten == self._forgotten:  # otherwise it was made from content that has changed meanwhile
                self._drop(key)
                self._entries[key] = entry
                self._bytes += entry.size
                while self._bytes > self._max_bytes:
                    self._drop(next(iter(self._entries)))
        return kept

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size

    def _start_again(self) -> None:
        """Reset a forked process: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        with self._lock:
            self._forgotten += 1
            self._entries.clear()
            self._bytes = 0

    def kept(self) -> list[tuple[Hashable, Kept]]:
        """Return all cached fragments with their keys; the first part of a key is the name of the fragment."""
        with self._lock:
            return [(key, entry.kept) for key, entry in self._entries.items()]

    @property
    def state(self) -> StoreState:
        with self._lock:
            asked = self._hits + self._misses
            rate = round(self._hits / asked, 4) if asked else None
            return StoreState(len(self._entries), self._bytes, self._max_bytes, rate)


def _size_of(key: Hashable) -> int:
    """Return the approximate size of a key in memory, in bytes, including what it contains."""
    inner = sum(map(_size_of, key)) if isinstance(key, tuple) else 0
    return (0 if isinstance(key, type) else sys.getsizeof(key)) + inner


frames: Final = FragmentStore(MAX_FRAME_BYTES)
contents: Final = FragmentStore(MAX_SHARED_BYTES)


def figures() -> dict[str, object]:
    """Return the state of the stores of this process, for `/health/`."""
    return {"frames": asdict(frames.state), "contents": asdict(contents.state)}


# The tags ------------------------------------------------------------------------------------------------------------


class _Reader(NamedTuple):
    """Properties of a request that a fragment depends on, besides language and preferences."""

    is_authenticated: bool
    scheme: str | None
    host: str


class UnkeptNode(template.Node):
    """Node of ``{% unkept %}``. Inside a fragment it leaves a mark, which is replaced for each reader."""

    def __init__(self, nodelist: NodeList, values: Mapping[str, FilterExpression] | None = None) -> None:
        """Store what is rendered for each reader, and the values that it sees of what is around it."""
        self.nodelist = nodelist
        self.values = values or {}
        self._only_tag = _only_tag_of(nodelist, self.values)

    def render(self, context: template.Context) -> str:
        values = {name: expression.resolve(context) for name, expression in self.values.items()}
        if not isinstance(context, FragmentContext):
            return self.render_with(values, context)
        for name, value in values.items():
            if _identity(value) is None:  # it stays as long as the fragment does
                raise UndeclaredError(f"unkept: {name} is no text, number or date")
        context.unkept.append(Hole(self, values))
        return mark_safe(f"\x02{_SECRET}:{len(context.unkept) - 1}\x03")  # noqa: S308 - no markup at all

    def render_with(self, values: Mapping[str, Any], context: template.Context) -> str:
        """Render it for one reader, in the context of the page."""
        if self._only_tag is not None and context.autoescape:
            function, names = self._only_tag
            return conditional_escape(function(context, *[values[name] for name in names]))
        if not values:
            return self.nodelist.render(context)
        with context.push(**values):
            return self.nodelist.render(context)


def _only_tag_of(
    nodelist: NodeList, values: Mapping[str, FilterExpression]
) -> tuple[Callable[..., Any], tuple[str, ...]] | None:
    """Return the function of the simple tag that is all there is, and the names of its arguments; else None.

    ``{% unkept post=shown.facts %}{% post_acts post %}{% endunkept %}`` is there twenty times in a page: its function is
    called with the values, as the tag would call it, without a layer of the context and without looking names up.
    """
    node = nodelist[0] if len(nodelist) == 1 else None
    if type(node) is not SimpleNode or not node.takes_context or node.kwargs or node.target_var is not None:
        return None
    names = tuple(str(argument) for argument in node.args)
    return (node.func, names) if set(names) <= set(values) else None


class FragmentNode(template.Node):
    """Node of ``{% shared %}`` and ``{% frame %}``."""

    def __init__(
        self,
        nodelist: NodeList,
        name: str,
        values: Mapping[str, FilterExpression],
        *,
        fingerprint: str,
        key: FilterExpression | None = None,
        scopes: FilterExpression | None = None,
        is_frame: bool = False,
        seconds: FilterExpression | None = None,
    ) -> None:
        """Store the arguments; `fingerprint` distinguishes fragments of the same name, and versions of a template."""
        self.nodelist = nodelist
        self.name = name
        self.values = values
        self.is_frame = is_frame
        self._fingerprint = fingerprint
        self._key = key
        self._scopes = scopes
        self._seconds = seconds
        self._was_reported = False

    def __repr__(self) -> str:
        return f"<{'frame' if self.is_frame else 'shared'} {self.name}>"

    def render(self, context: template.Context) -> SafeString:
        values = {name: expression.resolve(context) for name, expression in self.values.items()}
        if isinstance(context, FragmentContext):
            return self._render_inside(values, context)
        request: HttpRequest | None = getattr(context, "request", None) or context.get("request")
        reader = _reader_of(request)
        try:
            return self._kept(values, context, request, reader).for_reader(context)
        except UndeclaredError as error:
            if settings.FRAGMENTS_ARE_STRICT:
                raise
            if not self._was_reported:  # once: otherwise every page view would log it
                self._was_reported = True
                logger.error("A fragment is left out of the pages: %s", error)  # noqa: TRY400 - where it is raised says nothing
            return SafeString("")

    def _kept(
        self, values: dict[str, Any], context: template.Context, request: HttpRequest | None, reader: _Reader
    ) -> Kept:
        key = self._key_of(values, context, reader, request)
        scopes = self._scopes_in(context)
        if (
            key is None
            or request is None
            or getattr(request, "is_preview", False)
            or not is_cached_for(request.scheme, reader.host)
        ):
            with making(*scopes):  # a cached page around it depends on these scopes all the same
                return self._make(values, context, request, reader)
        store = frames if self.is_frame else contents
        seconds = None if self._seconds is None else float(self._seconds.resolve(context))
        return store.get(key, scopes, lambda: self._make(values, context, request, reader), seconds=seconds)

    def _key_of(
        self, values: dict[str, Any], context: template.Context, reader: _Reader, request: HttpRequest | None
    ) -> Hashable | None:
        """Return everything the fragment depends on, or None if that is too long to be a key."""
        given = None if self._key is None else _identity(self._key.resolve(context))
        if self._key is not None and given is None:
            raise UndeclaredError(f"{self!r}: key= must be a text, a number, a date or a tuple of those")
        identities = []
        for name, value in values.items():
            identity = _identity(value)
            if identity is None and given is None:
                raise UndeclaredError(f"{self!r}: {name} is no text, number or date: say with key= what it is known by")
            identities.append(identity)
        if _length_of((given, *identities)) > _MAX_KEY_LENGTH:
            return None
        user = request.user if reader.is_authenticated and request is not None else None
        audiences = () if self.is_frame or user is None else tuple(audiences_for(user))
        known_by = (given, *identities)
        return self.name, self._fingerprint, known_by, reader, audiences, _look(current_preferences(), get_language())

    def _scopes_in(self, context: template.Context) -> tuple[str, ...]:
        """Return the scopes whose change makes the fragment outdated; empty means all."""
        found = () if self._scopes is None else self._scopes.resolve(context)
        return found if isinstance(found, tuple) else tuple(str(found).split())

    def _make(
        self, values: dict[str, Any], context: template.Context, request: HttpRequest | None, reader: _Reader
    ) -> Kept:
        for name, value in values.items():
            if isinstance(value, _PERSONAL_TYPES):
                raise UndeclaredError(f"{self!r}: {name} belongs to one person")
        inside = FragmentContext(
            values, around=context, is_authenticated=reader.is_authenticated, fixed=constants(request)
        )
        user = request.user if reader.is_authenticated and request is not None and not self.is_frame else None
        with reading_as(user):  # only their audiences matter, and these are part of the key
            html = self._render(inside)
        parts = _MARK.split(html)
        texts, numbers = tuple(parts[::2]), [int(number) for number in parts[1::2]]
        if sorted(numbers) != list(range(len(inside.unkept))):
            raise UndeclaredError(f"{self!r}: a tag around unkept markup has changed it")
        if any(mark in text for text in texts for mark in _TOKEN_MARKS):
            raise UndeclaredError(f"{self!r}: holds a token")
        return Kept(texts, tuple(inside.unkept[number] for number in numbers))

    def _render(self, inside: FragmentContext) -> SafeString:
        try:
            html = self.nodelist.render(inside)
        except Exception as error:
            if inside.asked:  # the tag failed because a name was refused
                raise self._undeclared(inside) from error
            raise
        if inside.asked:
            raise self._undeclared(inside)
        return html

    def _undeclared(self, inside: FragmentContext) -> UndeclaredError:
        return UndeclaredError(f"{self!r} asks for what it does not declare: {', '.join(dict.fromkeys(inside.asked))}")

    def _render_inside(self, values: dict[str, Any], around: FragmentContext) -> SafeString:
        """Render a fragment nested in another one, with its own values only; it is cached as part of the outer one."""
        rests_on(*self._scopes_in(around))
        inside = FragmentContext(values, around=around, is_authenticated=around.is_authenticated, fixed=around.fixed)
        inside.unkept = around.unkept
        return self._render(inside)


def _reader_of(request: HttpRequest | None) -> _Reader:
    """Return the properties of the reader that the HTML depends on. Does not touch the session of people without an
    account.
    """
    if request is None:
        return _Reader(is_authenticated=False, scheme=None, host=brand().address)
    known: _Reader | None = getattr(request, "_fragment_reader", None)
    if known is None:
        user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES and hasattr(request, "user") else None
        has_account = user is not None and user.is_authenticated
        known = _Reader(has_account, request.scheme, request.get_host())
        request._fragment_reader = known  # type: ignore[attr-defined]  # noqa: SLF001 - a per-request memo
    return known


@lru_cache(maxsize=1024)
def _look(preferences: Preferences, language: str | None) -> tuple[Hashable, ...]:
    """Return the effective preferences in a language: choosing its default explicitly gives the same result."""
    with translation.override(language):
        return language, preferences.theme, preferences.is_jalali, preferences.has_persian_digits, preferences.time_zone


def _identity(value: Any) -> Hashable:
    """Return a key that distinguishes a plain value from all others, or None for a value that is not plain.

    The type is part of the key, because safe and unsafe text compare equal, and so do 1 and True.
    """
    kind = type(value)
    if kind is tuple:
        parts = tuple(map(_identity, value))
        return None if None in parts else (kind, parts)
    if issubclass(kind, _PLAIN_TYPES):
        return kind, value
    if issubclass(kind, Promise):  # a translation; the language is part of the key
        return kind, str(value)
    if issubclass(kind, LazyObject):  # any access would evaluate it
        return None
    own: Hashable = getattr(value, "fragment_key", None)
    return None if own is None else (kind, own)


def _length_of(identity: tuple[Any, ...]) -> int:
    """Return the number of characters in all texts of an identity."""
    length = 0
    for part in identity:
        if isinstance(part, str):
            length += len(part)
        elif isinstance(part, tuple):
            length += _length_of(part)
    return length


def fingerprint(texts: Collection[str]) -> str:
    """Return a short hash of a fragment's source."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(texts)).hex
