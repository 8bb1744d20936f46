"""Registers what `portal.catalog.admin` offers. Nothing else."""

from __future__ import annotations

from wagtail.snippets.models import register_snippet

from portal.catalog.admin import CatalogGroup

register_snippet(CatalogGroup)
