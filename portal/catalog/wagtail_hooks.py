"""Wagtail hooks that register the views of `portal.catalog.admin`."""

from __future__ import annotations

from wagtail.snippets.models import register_snippet

from portal.catalog.admin import CatalogGroup

register_snippet(CatalogGroup)
