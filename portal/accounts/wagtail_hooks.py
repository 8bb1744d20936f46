"""Wagtail hooks of the account app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.html import format_html
from django.utils.translation import gettext as _
from wagtail import hooks
from wagtail.admin.ui.components import Component

from portal.accounts.invitations import register_actions
from portal.accounts.staff.invitations import InvitationsViewSet

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class SecondFactorOffPanel(Component):
    """Warns on the admin's home page that staff can sign in with a password alone."""

    order = 10

    def render_html(self, parent_context: Any = None) -> SafeString:
        return format_html(
            '<section class="help-block help-warning"><p><strong>{}</strong> {}</p></section>',
            _("The second step for staff is switched off."),
            _(
                "That is meant for demonstrations. Switch it on with STAFF_SECOND_FACTOR=True before real customers come."
            ),
        )


@hooks.register("construct_homepage_panels")
def warn_when_second_factor_is_off(request: HttpRequest, panels: list[Component]) -> None:
    if not settings.STAFF_SECOND_FACTOR:
        panels.insert(0, SecondFactorOffPanel())


@hooks.register("register_admin_viewset")
def invitations_viewset() -> InvitationsViewSet:
    return InvitationsViewSet()


hooks.register("register_log_actions", register_actions)
