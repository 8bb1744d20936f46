"""Context variables available in every template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi

from portal.core.brand import is_named, site_name
from portal.core.language_links import language_links
from portal.core.navigation import Addresses, section_of
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Names of the variables that `constants` returns.
CONSTANTS: Final = ("LANGUAGE_CODE", "text_dir", "theme", "nav", "site_brand", "site_address")
_NAV: Final = Addresses()


class Brand:
    """The portal's name and tagline, read only when a template uses them."""

    @property
    def name(self) -> str:
        return site_name()

    @property
    def tagline(self) -> str:
        """Empty while the portal has no name of its own: "Customer portal" says the same already."""
        return str(settings.SITE_TAGLINE) if is_named() else ""

    @property
    def title(self) -> str:
        """Name and tagline, as the title of the home page."""
        return f"{self.name} · {self.tagline}" if self.tagline else self.name


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
