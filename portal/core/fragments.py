"""HTML that is the same for many readers, rendered apart from all of them and kept in this process.

The tags ``{% shared %}``, ``{% frame %}`` and ``{% unkept %}`` (`portal.core.templatetags.ui`) are explained here.

What stands inside a fragment is rendered with the values the fragment declares and with nothing else: there is no request, no
session, no message, no token, and ``user`` knows only whether it ``is_authenticated``. Beside those there is what is
the same for everybody at this host in this language and with these preferences (`portal.core.context_processors.constants`).
So nothing of one person can be kept for another by mistake: it is not there.

A fragment that asks for anything it did not declare comes out empty and is reported to the log; with
``settings.FRAGMENTS_ARE_STRICT`` (tests and development) it raises `UndeclaredError`. Every look-up is noted, so this holds
inside ``{% if %}``, ``{% include %}``, filters with defaults and tags that take the context, all of which pass over errors.
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
from django.utils import translation
from django.utils.functional import LazyObject, Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from portal.core import memo
from portal.core.audience import audiences_for
from portal.core.context_processors import constants
from portal.core.preferences import current_preferences
from portal.core.scopes import making, rests_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

    from django.template.base import FilterExpression, NodeList

    from portal.core.preferences import Preferences
    from portal.core.scopes import Stamp

logger = logging.getLogger(__name__)

#: Of the frame of all pages: a few dozen pieces, which no number of addresses or contents may push out.
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
#: Of contents.
MAX_SHARED_BYTES: Final = 32 * 1024 * 1024
#: What is greater is rendered each time.
MAX_PIECE_BYTES: Final = 512 * 1024
#: Characters; whoever asks something longer gets it rendered and not kept.
_MAX_KEY_LENGTH: Final = 2000

#: Names of what belongs to one person: never declared, and never asked for without being noticed.
PERSONAL_NAMES: Final = frozenset({"request", "user", "session", "messages", "perms", "csrf_token"})
_PERSONAL_TYPES: Final = (HttpRequest, AbstractBaseUser, AnonymousUser, SessionBase)
#: Marks of one visitor.
_TOKEN_MARKS: Final = ("csrfmiddlewaretoken", "X-CSRFToken")
_PLAIN_TYPES: Final = (str, int, float, bool, decimal.Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID, type(None))
#: Django's own tags look whether it is there.
_OF_LOOPS: Final = "forloop"

_SECRET: Final = secrets.token_hex(8)
_MARK: Final = re.compile(f"\x02{_SECRET}:(\\d+)\x03")


class UndeclaredError(Exception):
    """A fragment asked for something it did not declare, or declares what it must not hold."""


# What a fragment sees --------------------------------------------------------------------------------------------------


class AnyReader:
    """All a fragment knows of the person who reads it. Whatever else is asked of it is noted."""

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
    """In place of ``context.request``: ``{% url %}`` may look for its own two attributes, nobody for others."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if name not in {"current_app", "resolver_match"}:
            self._asked.append("request")
        raise AttributeError(name)


class FragmentContext(template.Context):
    """The declared values and the constants. Notes every name that is asked for and not there.

    A template included with ``only`` may leave its parameters out; there, only the names of one person's things are noted.
    """

    def __init__(
        self, values: Mapping[str, Any], *, around: template.Context, is_authenticated: bool, fixed: Mapping[str, Any]
    ) -> None:
        """`around` is the context of the page, of which only the way of writing is taken; `fixed` are the constants."""
        super().__init__(
            {**fixed, **values}, autoescape=around.autoescape, use_l10n=around.use_l10n, use_tz=around.use_tz
        )
        self.template = around.template
        self.render_context.template = around.render_context.template
        self.fixed = fixed
        self.is_authenticated = is_authenticated
        self.asked: list[str] = []
        self.unkept: list[UnkeptNode] = []
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


# What is kept ----------------------------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """A rendered fragment: its HTML in parts, and between them what is rendered for each reader afresh."""

    parts: tuple[str, ...]
    unkept: tuple[UnkeptNode, ...]

    def for_reader(self, context: template.Context) -> SafeString:
        if not self.unkept:
            return mark_safe(self.parts[0])  # noqa: S308 - what the template engine wrote
        html = [self.parts[0]]
        for node, part in zip(self.unkept, self.parts[1:], strict=True):
            html += (node.nodelist.render(context), part)
        return mark_safe("".join(html))  # noqa: S308 - as above

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return sum(map(sys.getsizeof, self.parts)) + sys.getsizeof(self.parts)


@dataclass(frozen=True, slots=True)
class _Entry:
    kept: Kept
    size: int
    stamp: Stamp
    fresh_until: float


@dataclass(frozen=True, slots=True)
class StoreState:
    """How a store of this process is doing. `hit_rate` is a share between 0 and 1, none before the first question."""

    entries: int
    bytes: int
    max_bytes: int
    hit_rate: float | None


class FragmentStore:
    """The fragments of this process: the least recently used ones leave when they are too many bytes. Safe for threads."""

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

    def get(self, key: Hashable, scopes: tuple[str, ...], make: Callable[[], Kept]) -> Kept:
        """What is kept under `key`, else what `make` returns. What it is made into depends on the same scopes."""
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
        entry = _Entry(kept, kept.size + _size_of(key), recorder.stamp, time.monotonic() + self._seconds)
        if entry.size > MAX_PIECE_BYTES:
            return kept
        with self._lock:
            if forgotten == self._forgotten:  # else it was made from what has changed meanwhile
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
        """In a forked process: the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        with self._lock:
            self._forgotten += 1
            self._entries.clear()
            self._bytes = 0

    def kept(self) -> list[tuple[Hashable, Kept]]:
        """Everything that is kept now with its key, whose first part is the name of the fragment."""
        with self._lock:
            return [(key, entry.kept) for key, entry in self._entries.items()]

    @property
    def state(self) -> StoreState:
        with self._lock:
            asked = self._hits + self._misses
            rate = round(self._hits / asked, 4) if asked else None
            return StoreState(len(self._entries), self._bytes, self._max_bytes, rate)


def _size_of(key: Hashable) -> int:
    """Bytes of a key in memory, counting what it holds; nearly."""
    inner = sum(map(_size_of, key)) if isinstance(key, tuple) else 0
    return (0 if isinstance(key, type) else sys.getsizeof(key)) + inner


frames: Final = FragmentStore(MAX_FRAME_BYTES)
contents: Final = FragmentStore(MAX_SHARED_BYTES)


def figures() -> dict[str, object]:
    """How the stores of this process are doing, for `/health/`."""
    return {"frames": asdict(frames.state), "contents": asdict(contents.state)}


# The tags --------------------------------------------------------------------------------------------------------------


class _Reader(NamedTuple):
    """What a fragment depends on beside its values, language and preferences."""

    is_authenticated: bool
    scheme: str | None
    host: str


class UnkeptNode(template.Node):
    """See ``{% unkept %}``. Inside a fragment it leaves a mark, which is filled for each reader afresh."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        if not isinstance(context, FragmentContext):
            return self.nodelist.render(context)
        context.unkept.append(self)
        return mark_safe(f"\x02{_SECRET}:{len(context.unkept) - 1}\x03")  # noqa: S308 - no markup at all


class FragmentNode(template.Node):
    """See ``{% shared %}`` and ``{% frame %}``."""

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
    ) -> None:
        """`fingerprint` tells two fragments apart that bear the same name, and a template from its next version."""
        self.nodelist = nodelist
        self.name = name
        self.values = values
        self.is_frame = is_frame
        self._fingerprint = fingerprint
        self._key = key
        self._scopes = scopes
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
            if not self._was_reported:  # once: else every page would say so
                self._was_reported = True
                logger.error("A fragment is left out of the pages: %s", error)  # noqa: TRY400 - where it is raised says nothing
            return SafeString("")

    def _kept(
        self, values: dict[str, Any], context: template.Context, request: HttpRequest | None, reader: _Reader
    ) -> Kept:
        key = self._key_of(values, context, reader, request)
        scopes = self._scopes_in(context)
        if key is None or request is None or getattr(request, "is_preview", False):
            with making(*scopes):  # a page that is kept depends on it all the same
                return self._make(values, context, request, reader)
        store = frames if self.is_frame else contents
        return store.get(key, scopes, lambda: self._make(values, context, request, reader))

    def _key_of(
        self, values: dict[str, Any], context: template.Context, reader: _Reader, request: HttpRequest | None
    ) -> Hashable | None:
        """All the fragment depends on; none where it is too long to be kept under it."""
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
        """What the fragment depends on: it is forgotten when one of them changes; none for all there are."""
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
            if inside.asked:  # the tag that was refused something has failed for that
                raise self._undeclared(inside) from error
            raise
        if inside.asked:
            raise self._undeclared(inside)
        return html

    def _undeclared(self, inside: FragmentContext) -> UndeclaredError:
        return UndeclaredError(f"{self!r} asks for what it does not declare: {', '.join(dict.fromkeys(inside.asked))}")

    def _render_inside(self, values: dict[str, Any], around: FragmentContext) -> SafeString:
        """A fragment in a fragment is kept with it; it sees its own values only all the same."""
        rests_on(*self._scopes_in(around))
        inside = FragmentContext(values, around=around, is_authenticated=around.is_authenticated, fixed=around.fixed)
        inside.unkept = around.unkept
        return self._render(inside)


def _reader_of(request: HttpRequest | None) -> _Reader:
    """Whose HTML it is. Does not touch the session of people without an account."""
    if request is None:
        return _Reader(is_authenticated=False, scheme=None, host="")
    known: _Reader | None = getattr(request, "_fragment_reader", None)
    if known is None:
        user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES and hasattr(request, "user") else None
        has_account = user is not None and user.is_authenticated
        known = _Reader(has_account, request.scheme, request.get_host())
        request._fragment_reader = known  # type: ignore[attr-defined]  # noqa: SLF001 - a per-request memo
    return known


@lru_cache(maxsize=1024)
def _look(preferences: Preferences, language: str | None) -> tuple[Hashable, ...]:
    """What `preferences` come to in a language: whoever chose what is usual there sees the same as who chose nothing."""
    with translation.override(language):
        return language, preferences.theme, preferences.is_jalali, preferences.has_persian_digits, preferences.time_zone


def _identity(value: Any) -> Hashable:
    """What tells a plain value from every other one; none for a value that is not plain.

    The type belongs to it: text that is safe to print and text that is not are equal, and so are 1 and true.
    """
    kind = type(value)
    if kind is tuple:
        parts = tuple(map(_identity, value))
        return None if None in parts else (kind, parts)
    if issubclass(kind, _PLAIN_TYPES):
        return kind, value
    if issubclass(kind, Promise):  # a translation; the language is part of the key
        return kind, str(value)
    if issubclass(kind, LazyObject):  # asking it anything would have it made
        return None
    own: Hashable = getattr(value, "fragment_key", None)
    return None if own is None else (kind, own)


def _length_of(identity: Any) -> int:
    if isinstance(identity, str):
        return len(identity)
    return sum(map(_length_of, identity)) if isinstance(identity, tuple) else 0


def fingerprint(texts: Collection[str]) -> str:
    """A short name for the source of a fragment."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(texts)).hex
