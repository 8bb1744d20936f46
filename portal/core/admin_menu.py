"""The admin's menus lead people only where they may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wagtail.admin.menu import MenuItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def menu_item_for(may_see: Callable[[Any], bool]) -> type[MenuItem]:
    """The `menu_item_class` of a view set whose pages are for users of whom `may_see` is true."""

    class PermittedMenuItem(MenuItem):
        def is_shown(self, request: HttpRequest) -> bool:
            return may_see(request.user)

    return PermittedMenuItem
