"""Admin menu items that are shown only to users who may open their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wagtail.admin.menu import MenuItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def menu_item_for(may_see: Callable[[Any], bool]) -> type[MenuItem]:
    """Return a `menu_item_class` for a view set whose pages are shown to users for whom `may_see` is true."""

    class PermittedMenuItem(MenuItem):
        def is_shown(self, request: HttpRequest) -> bool:
            return may_see(request.user)

    return PermittedMenuItem
