"""The portal's name: that of the default site in the admin, and its spelling in other languages."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from wagtail.models import Site

from portal.core.localized import LocalizedText
from portal.core.memo import LONG_SECONDS, Memo

_ANY: Final = ""
_names: Memo[LocalizedText] = Memo(max_size=1, seconds=LONG_SECONDS, scopes=("site",))


def site_name(language: str = "") -> str:
    """Return the portal's name in `language` (the active one when empty), or "Customer portal" when none is set.

    One query when the name has changed since this process last read it, else none.
    """
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
    return _names.get("default", _read)


def _read() -> LocalizedText:
    found = Site.objects.filter(is_default_site=True).values_list("site_name", "sitebrand__name").first()
    if found is None:
        return LocalizedText()
    name, names = found
    return LocalizedText({_ANY: name, **(names or {})})
