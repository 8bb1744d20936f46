"""Slugs of pages: one rule for every path that makes one.

The editor, the translation screen, imports and code that gives a page only a title all end in `slugify_unicode`.
Wagtail and its translations call Django's `slugify`, which keeps Arabic letters and digits, joins words at half-spaces
or, without Unicode, leaves only what is Latin: «مودم-x2-راهنما» became "x2". No setting changes that.
"""

from __future__ import annotations

import wagtail.models.pages
import wagtail_localize.models

from portal.core.text import slugify_unicode


def connect() -> None:
    """Have Wagtail and its translations make slugs by our rule."""
    wagtail.models.pages.slugify = _slugify
    wagtail_localize.models.slugify = _slugify


def _slugify(value: object, allow_unicode: bool = True) -> str:
    return slugify_unicode(str(value))
