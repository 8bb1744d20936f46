"""Cards in place of addresses: what a page of the portal is, shown where somebody wrote its address.

    register(cards_of_articles)           ready() of the app that has the pages

A resolver is given the paths of addresses and returns cards for those it knows, as everybody sees them: what is not public
has no card for anybody, so that cached HTML is the same for all. No address is ever requested. See
docs/decisions/0030-capture.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: Addresses on one page that become cards; more stay links.
MAX_CARDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCard:
    """A page in three lines. All texts are plain text."""

    kind: str
    icon: str
    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Cards by path, and what they depend on: also those that are missing (`portal.core.scopes`)."""

    cards: Mapping[str, LinkCard] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()


_resolvers: list[Callable[[Collection[str]], Resolved]] = []


def register(resolver: Callable[[Collection[str]], Resolved]) -> None:
    """Declare who knows pages by their paths, without the language prefix or with it; called in `ready()`."""
    _resolvers.append(resolver)


def resolve(paths: Collection[str]) -> Resolved:
    """Return the cards of the first `MAX_CARDS` paths. The number of queries does not depend on theirs."""
    wanted = list(dict.fromkeys(paths))[:MAX_CARDS]
    if not wanted:
        return Resolved()
    cards: dict[str, LinkCard] = {}
    scopes: list[str] = []
    for resolver in _resolvers:
        found = resolver(wanted)
        cards.update(found.cards)
        scopes += found.scopes
    return Resolved(cards, tuple(dict.fromkeys(scopes)))
