"""Main navigation: the entries that apps register, and where they appear.

Each app registers its own entries in `ready()`; the header, the tab bar and the footer loop over them. The foundation
knows no feature, and an app that is not installed leaves no gap.

    navigation.register(
        NavItem("search", pgettext_lazy("verb", "Search"), "search", "search:results", "search", (TABBAR, FOOTER_HELP)),
    )
    navigation.add_section("search", namespaces={"search"})

In templates ``nav.search_url`` is the URL of the entry ``search``, empty when it has none, and
``{% navigation "tabbar" as links %}`` gives the entries of a place.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language

from portal.core.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

#: Places. Each is a part of templates/_header.html, _tabbar.html or _footer.html.
HEADER: Final = "header"
#: An icon at the end of the header.
HEADER_TOOLS: Final = "header-tools"
#: An icon at the end of the header, with a number that concerns this reader only.
HEADER_OWN: Final = "header-own"
#: The same, on wide screens only.
HEADER_OWN_WIDE: Final = "header-own-wide"
#: A number at the end of the header that concerns this reader only; without a label, not there for them.
HEADER_PILL: Final = "header-pill"
#: A card of the account's page, with the same number.
ACCOUNT: Final = "account"
#: An icon at the end of the header of wide screens, and a card of the account's page, for whom the entry admits.
HEADER_FOR_SOME: Final = "header-for-some"
#: A button at the end of the header.
HEADER_BUTTON: Final = "header-button"
#: Target of the signed-in person's picture.
HEADER_PERSON: Final = "header-person"
#: At the bottom of small screens.
TABBAR: Final = "tabbar"
#: Entries that fit there.
MOST_TABS: Final = 5


class For(enum.Enum):
    """Which readers see an entry."""

    EVERYONE = "everyone"
    VISITORS = "visitors"
    SIGNED_IN = "signed-in"

    def admits(self, *, is_authenticated: bool) -> bool:
        return self is For.EVERYONE or (self is For.SIGNED_IN) == is_authenticated


@dataclass(frozen=True, slots=True)
class NavBadge:
    """What one reader sees at an entry: a short text, empty for none, and the entry's name for screen readers."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the navigation."""

    name: str
    label: str | _StrPromise
    #: Name of a Lucide icon; shown only in the tab bar and by the tools.
    icon: str
    #: Name of a URL, or a function that takes a language and returns an address; empty when there is none.
    address: str | Callable[[str], str]
    #: The part of the site it leads to; the entry is marked there (`section_of`).
    section: str = ""
    #: Places where the entry appears; without any it only provides an address (``nav.<name>_url``).
    places: tuple[str, ...] = ()
    readers: For = For.EVERYONE
    #: Lower values come first.
    order: int = 50
    #: Value of ``aria-current`` in its section: ``page`` if that is a single page, ``true`` if it has more.
    current: str = "true"
    #: By place, the sections in which the entry is omitted because their pages already contain its target.
    hidden_in: Mapping[str, Collection[str]] = field(default_factory=dict)
    #: Takes the signed-in person; only for places that are rendered for each reader: `HEADER_OWN`, `HEADER_PILL`, `ACCOUNT`.
    badge: Callable[[Any], NavBadge] | None = None
    #: Whether the signed-in person sees it; only for entries at `HEADER_FOR_SOME`, which are rendered for each reader.
    admits: Callable[[Any], bool] | None = None
    #: What the page is for, where the place has room for that.
    text: str | _StrPromise = ""
    #: Whether it is left out of the tab bar where that has more entries than fit: the header has it, too.
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class NavGroup:
    """A column of the footer: the place with the same name."""

    name: str
    label: str | _StrPromise
    order: int = 50


@dataclass(frozen=True, slots=True)
class NavLink:
    """An entry as one reader sees it. `current` is the value of ``aria-current``, empty outside its section."""

    name: str
    label: str | _StrPromise
    icon: str
    url: str
    current: str
    text: str | _StrPromise = ""


@dataclass(frozen=True, slots=True)
class NavGroupLinks:
    """A column of the footer as one reader sees it."""

    name: str
    label: str | _StrPromise
    links: list[NavLink]


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    namespaces: frozenset[str]
    url_name_prefixes: tuple[str, ...]


_items: dict[str, NavItem] = {}
_groups: dict[str, NavGroup] = {}
_sections: list[_Section] = []
#: Only addresses that need a look-up are cached; those lead to pages.
_addresses: Memo[str] = Memo(max_size=256, scopes=("articles:places", "site"))


def register(*items: NavItem) -> None:
    """Add entries. Each app calls it once in `ready()`. Raises `ValueError` when a name is already taken."""
    for item in items:
        if item.name in _items:
            raise ValueError(f"There are two entries of the navigation called {item.name}")
        _items[item.name] = item


def register_group(group: NavGroup) -> None:
    """Add a column to the footer. Raises `ValueError` when its name is already taken."""
    if group.name in _groups:
        raise ValueError(f"There are two columns of the footer called {group.name}")
    _groups[group.name] = group


def add_section(name: str, *, namespaces: Collection[str] = (), url_name_prefixes: Collection[str] = ()) -> None:
    """Declare which views belong to a section: by URL namespace, or by prefix of a URL name without namespace."""
    _sections.append(_Section(name, frozenset(namespaces), tuple(url_name_prefixes)))


def section_of(request: HttpRequest | None) -> str:
    """Return the section of a request: that of its page (`PortalPage.nav_section`), else that of its URL."""
    page = getattr(request, "portal_page", None)
    if page is not None:
        return str(getattr(page, "nav_section", ""))
    match = getattr(request, "resolver_match", None)
    if match is not None:
        for section in _sections:
            if match.namespace in section.namespaces:
                return section.name
            if not match.namespace and (match.url_name or "").startswith(section.url_name_prefixes or ("\0",)):
                return section.name
    return ""


def address_of(name: str) -> str:
    """Return the address of an entry in the active language, empty when there is none; cached until content changes."""
    item = _items.get(name)
    if item is None:
        return ""
    language = get_language() or settings.LANGUAGE_CODE
    return _addresses.get((name, language), lambda: _address(item, language))


def _address(item: NavItem, language: str) -> str:
    if callable(item.address):
        return item.address(language)
    try:
        return reverse(item.address)
    except NoReverseMatch:
        return ""


def links_at(place: str, *, is_authenticated: bool, section: str = "", person: Any = None) -> list[NavLink]:
    """Return the entries of a place that this reader sees in this section and that have an address, in order.

    Without a `person`, as in HTML that is the same for many readers, entries that are not for everybody are left out.
    """
    items = (
        item
        for item in _items.values()
        if place in item.places
        if item.readers.admits(is_authenticated=is_authenticated) and section not in item.hidden_in.get(place, ())
        if item.admits is None or (person is not None and item.admits(person))
    )
    places = sorted(items, key=lambda item: item.order)
    links = [
        NavLink(
            item.name,
            item.label,
            item.icon,
            address_of(item.name),
            item.current if section and item.section == section else "",
            item.text,
        )
        for item in places
    ]
    found = [link for link in links if link.url]
    if place == TABBAR and len(found) > MOST_TABS:
        found = [link for link in found if not _items[link.name].is_spare]
    return found


def badge_of(name: str, person: Any) -> NavBadge:
    """Return what the person sees at an entry; its label alone if it shows nothing."""
    item = _items[name]
    return item.badge(person) if item.badge is not None else NavBadge("", str(item.label))


def groups(*, is_authenticated: bool, section: str = "") -> list[NavGroupLinks]:
    """Return the columns of the footer that have links for this reader."""
    columns = (
        NavGroupLinks(group.name, group.label, links_at(group.name, is_authenticated=is_authenticated, section=section))
        for group in sorted(_groups.values(), key=lambda group: group.order)
    )
    return [column for column in columns if column.links]


def home_url(language: str) -> str:
    """Return the address of the home page in a language."""
    return f"/{language}/"


class Addresses:
    """``nav`` in templates: ``nav.<name>_url`` is the address of an entry, looked up only when used."""

    def __getitem__(self, key: str) -> str:
        name, _url, rest = key.rpartition("_url")
        if rest or not name:
            raise KeyError(key)
        return address_of(name)
