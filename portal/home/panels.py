"""Panels of the admin's first page that are made from several features, and what their buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from wagtail.admin.menu import SubmenuMenuItem, admin_menu
from wagtail.admin.ui.components import Component

from portal.home import first_run

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from wagtail.admin.menu import MenuItem

    from portal.accounts.models import User


class FirstRunPanel(Component):
    """The steps of a new portal that are not all done."""

    name = "first_run"
    template_name = "home/admin/first_run.html"
    order = 20

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        request = parent_context["request"]
        steps = first_run.steps_for(request.user)
        done = sum(step.is_done for step in steps)
        return {"request": request, "steps": steps, "done": done, "total": len(steps)}


class WhatYouMayDoPanel(Component):
    """Everything in the menu that somebody who is no administrator may open, with its parts: no dead ends."""

    name = "what_you_may_do"
    template_name = "home/admin/what_you_may_do.html"
    order = 30

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        request = parent_context["request"]
        groups = (
            []
            if request.user.is_superuser
            else [_group(item, request) for item in admin_menu.menu_items_for_request(request)]
        )
        return {"groups": [group for group in groups if group["links"]]}


def _group(item: MenuItem, request: HttpRequest) -> dict[str, Any]:
    if isinstance(item, SubmenuMenuItem):
        links = [{"label": part.label, "url": part.url} for part in item.menu.menu_items_for_request(request)]
    else:
        links = [{"label": item.label, "url": item.url}]
    is_link = bool(links) and links[0]["url"] not in {"", "#"}
    return {"label": item.label, "links": links if is_link else []}


def mail_myself(request: HttpRequest) -> HttpResponse:
    """Send a test mail to the administrator who asks, by POST."""
    user = cast("User", request.user)
    if not user.is_superuser:
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    first_run.send_test_mail(user)
    messages.success(request, _("A test mail is on its way to %(address)s.") % {"address": user.email})
    return redirect("wagtailadmin_home")


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Close the list of first steps for whoever asks."""
    first_run.dismiss(cast("User", request.user))
    return redirect("wagtailadmin_home")
