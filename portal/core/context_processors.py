"""Context variables available in every template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from portal.core.brand import HOME_BLOCKS, brand, footer_links, in_this_language, is_named, site_name
from portal.core.language_links import language_links
from portal.core.navigation import Addresses, section_of
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.core.brand import FooterLink, Picture

#: Names of the variables that `constants` returns.
CONSTANTS: Final = ("LANGUAGE_CODE", "text_dir", "theme", "nav", "site_brand", "site_address")
_NAV: Final = Addresses()


class Brand:
    """``site_brand`` in templates: what a company made its own, read only when a template uses it."""

    @property
    def name(self) -> str:
        return site_name()

    @property
    def tagline(self) -> str:
        """Empty while the portal has no name of its own: "Customer portal" says the same already."""
        return in_this_language(brand().taglines) or (str(settings.SITE_TAGLINE) if is_named() else "")

    @property
    def title(self) -> str:
        """Name and tagline, as the title of the home page."""
        return f"{self.name} · {self.tagline}" if self.tagline else self.name

    @property
    def placeholder(self) -> str:
        """An example for the search box."""
        return in_this_language(brand().placeholders) or _("Search in your own words")

    @property
    def footer(self) -> str:
        return in_this_language(brand().footers)

    @property
    def sheet_url(self) -> str:
        """The address of the style sheet with the company's colours; empty if there is none."""
        return brand().sheet_url

    @property
    def pictures(self) -> dict[str, Picture]:
        """Its logo and icons, by kind; those it does not have are missing."""
        return brand().shown

    @property
    def shows(self) -> dict[str, bool]:
        """Which parts of the home page are shown."""
        return {name: name not in brand().hidden_blocks for name in HOME_BLOCKS}

    @property
    def links(self) -> dict[str, list[FooterLink]]:
        """The links in the footer, by kind."""
        kinds: dict[str, list[FooterLink]] = {"social": [], "legal": []}
        for link in footer_links():
            kinds[link.kind].append(link)
        return kinds


_BRAND: Final = Brand()


def constants(request: HttpRequest | None) -> dict[str, Any]:
    """Return the variables that are the same for everybody on this host with this language and these preferences.

    Cached fragments see them as well: nothing here may depend on anything else in the request.
    """
    language = get_language() or settings.LANGUAGE_CODE
    return {
        "LANGUAGE_CODE": language,
        "text_dir": "rtl" if get_language_bidi() else "ltr",
        "theme": current_preferences().theme,
        "nav": _NAV,
        "site_brand": _BRAND,
        "site_address": settings.BASE_URL if request is None else f"{request.scheme}://{request.get_host()}",
    }


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the variables used by templates/base.html."""
    return {
        **constants(request),
        "nav_section": section_of(request),
        "language_links": SimpleLazyObject(lambda: language_links(request)),
    }
