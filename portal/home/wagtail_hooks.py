"""Wagtail hooks: the first page of the admin. Only registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import path
from wagtail import hooks

from portal.home.panels import FirstRunPanel, WhatYouMayDoPanel, dismiss, mail_myself

if TYPE_CHECKING:
    from django.http import HttpRequest
    from wagtail.admin.ui.components import Component


@hooks.register("construct_homepage_panels")
def first_page(request: HttpRequest, panels: list[Component]) -> None:
    panels.extend([FirstRunPanel(), WhatYouMayDoPanel()])


@hooks.register("register_admin_urls")
def buttons_of_the_first_page() -> list[Any]:
    return [
        path("first-steps/test-mail/", mail_myself, name="first_run_test_mail"),
        path("first-steps/close/", dismiss, name="first_run_dismiss"),
    ]
