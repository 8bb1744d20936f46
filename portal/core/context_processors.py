"""Context every template has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi

from portal.core.brand import site_name
from portal.core.language_links import language_links
from portal.core.navigation import Addresses, section_of
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Names of `constants`.
CONSTANTS: Final = ("LANGUAGE_CODE", "text_dir", "theme", "nav", "site_brand", "site_address")
_NAV: Final = Addresses()


class Brand:
    """What the portal calls itself, read only when a template asks."""

    @property
    def name(self) -> str:
        return site_name()

    @property
    def tagline(self) -> str:
        return str(settings.SITE_TAGLINE)


_BRAND: Final = Brand()


def constants(request: HttpRequest | None) -> dict[str, Any]:
    """What is the same for everybody who asks this host in this language with these preferences.

    Fragments that are kept for many readers see it, too: nothing here may depend on anything else of the request.
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
    """The names templates/base.html uses."""
    return {
        **constants(request),
        "nav_section": section_of(request),
        "language_links": SimpleLazyObject(lambda: language_links(request)),
    }
