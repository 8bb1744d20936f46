"""What makes the portal a company's own: names, texts, colours and pictures of each site, from the admin.

site_name()                 the portal's name in the active language
brand().colours.main        everything else; read once per process, until the settings change

A request is at the site of its address (`at_site`, by a middleware), as Wagtail finds it; jobs are at the default site. A
site for which nobody has set anything looks as the default site.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from wagtail.models import Site

from portal.core.brand_colours import Colours, style_sheet, tokens
from portal.core.localized import LocalizedText
from portal.core.memo import LONG_SECONDS, Memo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.utils.functional import _StrPromise

__all__ = [
    "HOME_BLOCKS",
    "Brand",
    "FooterLink",
    "at_site",
    "brand",
    "footer_links",
    "is_named",
    "names_of_all_sites",
    "site_name",
    "site_names",
]

_ANY: Final = ""
#: The portal's own, as in `tokens.css`.
_MAIL_COLOURS: Final = {"lapis": "#14295A", "brand-soft": "#E0F1F1", "brand-hover": "#07525F", "brand-ink": "#07606F"}
#: Pixels of a logo in the header.
LOGO_HEIGHT: Final = 40
#: Columns read for a brand.
_TEXTS: Final = ("name", "tagline", "search_placeholder", "footer_text", "sender_name")
_OF_LINKS: Final = ("links__kind", "links__label", "links__url")
_OF_SITE: Final = ("pk", "is_default_site", "hostname", "port", "sitebrand__pk", "site_name")
_OTHERS: Final = ("main_colour", "dark_colour", "accent_colour", "hidden_blocks", "pictures")


#: Parts of the home page that a company may leave out, in the order of the page.
HOME_BLOCKS: Final[dict[str, _StrPromise]] = {
    "products": gettext_lazy("What a customer owns, and first steps"),
    "offers": gettext_lazy("Offers"),
    "topics": gettext_lazy("Topics"),
    "helpful": gettext_lazy("Answers that helped most"),
    "recent": gettext_lazy("New and changed"),
    "threads": gettext_lazy("New in the community"),
    "join": gettext_lazy("Invitation to create an account"),
    "stuck": gettext_lazy("Further ways to help"),
}


@dataclass(frozen=True)
class Brand:
    """The brand of the portal. Texts are by language; an empty one means that the portal's own is used."""

    names: LocalizedText = field(default_factory=LocalizedText)
    taglines: LocalizedText = field(default_factory=LocalizedText)
    placeholders: LocalizedText = field(default_factory=LocalizedText)
    footers: LocalizedText = field(default_factory=LocalizedText)
    senders: LocalizedText = field(default_factory=LocalizedText)
    colours: Colours = field(default_factory=Colours)
    hidden_blocks: frozenset[str] = frozenset()
    #: Digest, width and height by kind of picture.
    pictures: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    links: tuple[FooterLink, ...] = ()
    #: Where the site is; empty for the default one, which is at `settings.BASE_URL`.
    address: str = ""

    @cached_property
    def sheet(self) -> str:
        """The style sheet with the company's colours; empty if it has none."""
        return style_sheet(self.colours)

    @cached_property
    def sheet_url(self) -> str:
        """The address of `sheet`, which changes with it; empty if there is none."""
        return reverse("brand_theme", args=[digest_of(self.sheet.encode())]) if self.sheet else ""

    @cached_property
    def mail_colours(self) -> dict[str, str]:
        """The colours of mails, which are always light and have no style sheet."""
        light, _dark = tokens(self.colours)
        return {name.replace("-", "_"): light.get(name, own) for name, own in _MAIL_COLOURS.items()}

    @cached_property
    def shown(self) -> dict[str, Picture]:
        """The pictures by kind, with underscores as templates need them: ``icon_32``."""
        return {
            kind.replace("-", "_"): Picture(reverse("brand_picture", args=[kind, digest]), width, height)
            for kind, (digest, width, height) in self.pictures.items()
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture at an address that contains its digest."""

    url: str
    width: int
    height: int

    @property
    def display_width(self) -> int:
        """Pixels it takes at the height of the header's logo."""
        return round(self.width * LOGO_HEIGHT / self.height) if self.height else 0

    @property
    def display_height(self) -> int:
        return LOGO_HEIGHT


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link to another address of the company."""

    kind: str
    label: LocalizedText
    url: str


class _Place(NamedTuple):
    """Host and port of a site, or of a request."""

    host: str
    port: int


@dataclass(frozen=True)
class _Brands:
    """The brands of all sites."""

    default: Brand = field(default_factory=Brand)
    by_place: Mapping[_Place, Brand] = field(default_factory=dict)

    def at(self, place: _Place | None) -> Brand:
        """Return the brand of the site that Wagtail would find: by host and port, by a host of one site, the default."""
        if place is None or not self.by_place:
            return self.default
        exact = self.by_place.get(place)
        same = [brand for known, brand in self.by_place.items() if known.host == place.host]
        return exact or (same[0] if len(same) == 1 else self.default)


_brands: Memo[_Brands] = Memo(max_size=1, seconds=LONG_SECONDS, scopes=("site",))
#: The brands as this process last read them, for pages that must not ask the database.
_last: list[_Brands] = [_Brands()]
_place: ContextVar[_Place | None] = ContextVar("portal.core.brand.place", default=None)


@contextmanager
def at_site(host: str, port: int) -> Iterator[None]:
    """Use the brand of the site at this address."""
    token = _place.set(_Place(host, port))
    try:
        yield
    finally:
        _place.reset(token)


def digest_of(content: bytes) -> str:
    """Return the digest that is part of an address whose content never changes."""
    return hashlib.sha256(content).hexdigest()[:32]


def brand() -> Brand:
    """Return the brand of the site; one query for all sites when one has changed since this process last read, else none."""
    return _all().at(_place.get())


def last_known() -> Brand:
    """Return the brand as it was last read here; the portal's own before that. Never a query."""
    return _last[0].at(_place.get())


def names_of_all_sites() -> set[str]:
    """Return what the sites are called, in all languages."""
    known = _all()
    return {name for each in (known.default, *known.by_place.values()) for name in each.names.values() if name}


def _all() -> _Brands:
    return _brands.get("all", _read)


def site_name(language: str = "") -> str:
    """Return the portal's name in `language` (the active one when empty), or "Customer portal" when none is set."""
    language = language or get_language() or settings.LANGUAGE_CODE
    names = site_names()
    name = names.get(language.split("-", maxsplit=1)[0]) or names.get(_ANY)
    if name:
        return name
    with override(language):
        return _("Customer portal")


def is_named() -> bool:
    """Return whether somebody has given the portal a name, in any language."""
    return any(site_names().values())


def site_names() -> LocalizedText:
    """Return the names by language; the empty string is the key of the name used for all other languages."""
    return brand().names


def in_this_language(texts: LocalizedText) -> str:
    """Return the text in the active language only: one in another language is worse than the portal's own."""
    return texts.get((get_language() or settings.LANGUAGE_CODE).split("-", maxsplit=1)[0], "")


def footer_links() -> tuple[FooterLink, ...]:
    """Return the company's links."""
    return brand().links


def _read() -> _Brands:
    columns = (f"sitebrand__{name}" for name in (*_TEXTS, *_OTHERS, *_OF_LINKS))
    found = Site.objects.order_by("-is_default_site", "pk", "sitebrand__links__sort_order", "sitebrand__links__pk")
    rows = found.values_list(*_OF_SITE, *columns)  # one for each link, or one without
    default = Brand()
    by_place: dict[_Place, Brand] = {}
    for _pk, group in groupby(rows, key=lambda row: row[0]):
        same = list(group)
        _site, is_default, host, port, is_set, site_name_, *_rest = same[0]
        if is_default:
            default = by_place[_Place(host, port)] = _brand_of(same)
            continue
        address = _address_of(host, port)
        if is_set is not None:
            by_place[_Place(host, port)] = replace(_brand_of(same), address=address)
        elif site_name_:
            by_place[_Place(host, port)] = replace(default, names=LocalizedText({_ANY: site_name_}), address=address)
        else:
            by_place[_Place(host, port)] = replace(default, address=address)
    _last[0] = _Brands(default, by_place if len(by_place) > 1 else {})
    return _last[0]


def _address_of(host: str, port: int) -> str:
    """Return the address of a site as Wagtail writes it."""
    known = {80: f"http://{host}", 443: f"https://{host}"}
    return known.get(port, f"http://{host}:{port}")


def _brand_of(rows: list[tuple[Any, ...]]) -> Brand:
    count = len(_OF_LINKS)
    site_name_, *values = rows[0][len(_OF_SITE) - 1 : -count]
    names, taglines, placeholders, footers, senders = (LocalizedText(value or {}) for value in values[: len(_TEXTS)])
    main, dark, accent, hidden, pictures = values[len(_TEXTS) :]
    return Brand(
        LocalizedText({_ANY: site_name_, **names}),
        taglines,
        placeholders,
        footers,
        senders,
        colours=Colours(main or "", dark or "", accent or ""),
        hidden_blocks=frozenset(hidden or ()),
        pictures=_pictures(pictures or {}),
        links=tuple(
            FooterLink(kind, LocalizedText(label or {}), url)
            for kind, label, url in (row[-count:] for row in rows)
            if url
        ),
    )


def _pictures(kept: Mapping[str, Any]) -> dict[str, tuple[str, int, int]]:
    return {kind: (str(digest), int(width), int(height)) for kind, (digest, width, height) in kept.items()}
