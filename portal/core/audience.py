"""Audiences: who may see an object, stored as a short expression and checked the same way everywhere.

An audience is a conjunction of clauses, each a choice of keys:

    public                        everyone
    signed-in                     anyone with an account
    partner|segment:fibre         partners or members of the segment
    signed-in & segment:fibre     both (an article narrows what its topic allows)

Objects store the expression as text. A user satisfies a set of keys (`audience_keys`); `audiences_for` turns the keys
into the list of stored expressions that admit the user, so that every query is a plain ``audience IN (…)``.
An expression that is not registered admits nobody: deny by default. See docs/decisions/0003-audiences.md.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.core.memo import Memo
from portal.core.prepared import Prepared
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
PARTNER: Final = "partner"
STAFF: Final = "staff"

#: The audiences offered to editors; the form adds the segments that exist.
CHOICES: Final = [
    (PUBLIC, _("Everyone")),
    (SIGNED_IN, _("Signed-in customers")),
    (PARTNER, _("Partners")),
    (STAFF, _("Staff")),
]

MAX_LENGTH: Final = 255
_KEY = re.compile(r"[a-z0-9][a-z0-9:_-]*\Z")
_reader: Final[ContextVar[AbstractBaseUser | AnonymousUser | None]] = ContextVar("portal_reader", default=None)
_in_use: Final[Memo[list[str]]] = Memo(max_size=1, scopes=("audiences",))


class InvalidAudienceError(ValueError):
    """Raised for text that is not an audience expression."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A parsed expression. All `clauses` must hold; a clause holds when the user satisfies at least one of its keys."""

    clauses: frozenset[frozenset[str]]

    @classmethod
    def parse(cls, text: str) -> Audience:
        """Parse an expression. Raises `InvalidAudienceError` when `text` is not one."""
        clauses = set()
        for clause in text.split("&"):
            keys = frozenset(key.strip() for key in clause.split("|"))
            if not all(_KEY.match(key) for key in keys):
                raise InvalidAudienceError(text)
            if PUBLIC not in keys:  # "public or anything" restricts nothing
                clauses.add(keys)
        return cls(frozenset(clauses))

    def __and__(self, other: Audience) -> Audience:
        return Audience(self.clauses | other.clauses)

    def __str__(self) -> str:
        """Return the canonical text: equal audiences have equal text."""
        return "&".join(sorted("|".join(sorted(clause)) for clause in self.clauses)) or PUBLIC

    def admits(self, keys: Iterable[str]) -> bool:
        held = frozenset(keys)
        return STAFF in held or all(clause & held for clause in self.clauses)

    def covers(self, other: Audience) -> bool:
        """Return whether everybody whom `other` admits is admitted here. Every key but `PUBLIC` needs an account."""
        narrow = [clause - {STAFF} for clause in other.clauses]  # staff are admitted everywhere
        return all(
            (SIGNED_IN in clause and bool(narrow)) or any(each <= clause for each in narrow) for clause in self.clauses
        )


class AudienceInUse(models.Model):
    """An expression that at least one object carries. The table is short, which makes ``IN`` queries possible."""

    expression = models.CharField(max_length=MAX_LENGTH, unique=True)

    def __str__(self) -> str:
        return self.expression


def register_audience(expression: str) -> str:
    """Register an expression as in use and return its canonical text. Raises `InvalidAudienceError`."""
    text = str(Audience.parse(expression))
    if len(text) > MAX_LENGTH:
        raise InvalidAudienceError(text)
    _row, created = AudienceInUse.objects.get_or_create(expression=text)
    if created:
        content_changed("audiences")
    return text


def audience_keys(user: AbstractBaseUser | AnonymousUser | None) -> frozenset[str]:
    """Return the keys `user` satisfies. One query for a signed-in user, cached on the user object."""
    held: frozenset[str] | None = getattr(user, "_audience_keys", None)
    if held is not None:
        return held
    if user is None or not user.is_authenticated:
        return frozenset({PUBLIC})
    keys = {PUBLIC, SIGNED_IN}
    if getattr(user, "is_staff", False):
        keys.add(STAFF)
    memberships = getattr(user, "audience_memberships", None)
    if memberships is not None:
        keys.update(key for (key,) in _keys_of(memberships.model).rows(user.pk))
    held = frozenset(keys)
    user._audience_keys = held  # type: ignore[attr-defined]  # noqa: SLF001 - a per-request memo on the user
    return held


@cache
def _keys_of(memberships: type[models.Model]) -> Prepared[tuple[str]]:
    return Prepared(lambda user: models.QuerySet(memberships).filter(user=user).values_list("key"), int)


def audiences_for(user: AbstractBaseUser | AnonymousUser | None) -> list[str]:
    """Return the stored expressions that admit `user`, for use in ``audience__in``."""
    keys = audience_keys(user)
    if keys == {PUBLIC}:
        return [PUBLIC]
    admitting: list[str] | None = getattr(user, "_audiences", None)
    if admitting is None:
        admitting = [text for text in audiences_in_use() if Audience.parse(text).admits(keys)]
        user._audiences = admitting  # type: ignore[union-attr]  # noqa: SLF001 - a per-request memo on the user
    return admitting


@contextmanager
def reading_as(user: AbstractBaseUser | AnonymousUser | None) -> Iterator[None]:
    """Render what is made inside the block for this person; None is a visitor.

    For code that is called without a request, such as the links in rich text. Cached HTML is made as its key says: for
    the audiences it is kept under, or for a visitor.
    """
    token = _reader.set(user)
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> AbstractBaseUser | AnonymousUser | None:
    """Return the person a page is being made for; None where nobody said who reads: a visitor."""
    return _reader.get()


def audiences_of_reader() -> list[str]:
    """Return `audiences_for` the person a page is being made for; a visitor's where nobody said who reads."""
    return audiences_for(_reader.get())


def audiences_in_use() -> list[str]:
    """Return all registered expressions, cached until one is added. A process with a stale list denies access."""
    return _in_use.get("all", lambda: sorted({PUBLIC, *AudienceInUse.objects.values_list("expression", flat=True)}))


def explain_audience(expression: str, keys: frozenset[str]) -> list[tuple[list[str], bool]]:
    """Explain why a reader with `keys` can or cannot see an object: the keys of each clause, and whether it holds."""
    clauses = Audience.parse(expression).clauses or {frozenset({PUBLIC})}
    return [(sorted(clause), STAFF in keys or bool(clause & keys)) for clause in sorted(clauses, key=sorted)]
