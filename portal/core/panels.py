"""Panels of the admin's home page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _
from wagtail.admin.ui.components import Component
from wagtail.models import Page

from portal.core import disk
from portal.core.formats import format_size

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

LATEST: Final = 6


class MyDraftsPanel(Component):
    """Pages owned by this editor whose latest version is not published."""

    name = "my_drafts"
    template_name = "core/admin/my_drafts.html"
    order = 160

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        owned = Page.objects.filter(owner=parent_context["request"].user, has_unpublished_changes=True)
        return {"drafts": list(owned.select_related("locale").order_by("-latest_revision_created_at")[:LATEST])}


class DiskPanel(Component):
    """Warns on the admin's home page before nothing can be saved any more. Reads nothing from the database."""

    order = 5

    def __init__(self, found: disk.Space) -> None:
        self._found = found

    def render_html(self, parent_context: Any = None) -> SafeString:
        if self._found.state == disk.READ_ONLY:
            says = _("The portal’s disk takes no new data. Nothing can be saved until an administrator repairs it.")
        else:
            says = _("Only %(size)s are free on the portal’s disk. When it is full, nothing can be saved any more.") % {
                "size": format_size(self._found.free_bytes)
            }
        advice = _("Ask whoever runs the server to make room.")
        return format_html(
            '<section class="help-block help-warning"><p><strong>{}</strong> {}</p></section>', says, advice
        )
