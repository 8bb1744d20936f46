"""Panels of the admin's home page."""

from __future__ import annotations

from typing import Any, Final

from wagtail.admin.ui.components import Component
from wagtail.models import Page

LATEST: Final = 6


class MyDraftsPanel(Component):
    """Pages owned by this editor whose latest version is not published."""

    name = "my_drafts"
    template_name = "core/admin/my_drafts.html"
    order = 160

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        owned = Page.objects.filter(owner=parent_context["request"].user, has_unpublished_changes=True)
        return {"drafts": list(owned.select_related("locale").order_by("-latest_revision_created_at")[:LATEST])}
