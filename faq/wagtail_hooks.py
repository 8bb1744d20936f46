"""Wagtail hooks that register the views of `faq.admin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import path
from django.utils.html import format_html
from wagtail import hooks
from wagtail.snippets.models import register_snippet

from faq.admin import HelpGroup, NewFeedbackPanel
from faq.exporting.admin import register_fetched_action
from faq.importing.history import register_import_action
from faq.prefill import article_for_question, articles_like_title, ask_before_publishing, remember_title
from faq.reports import DueForReviewPanel, OutOfDatePanel, register_confirmed_action

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from wagtail.admin.ui.components import Component

register_snippet(HelpGroup)
hooks.register("register_log_actions", register_import_action)
hooks.register("register_log_actions", register_confirmed_action)
hooks.register("register_log_actions", register_fetched_action)
hooks.register("before_create_page", remember_title)
hooks.register("before_publish_page", ask_before_publishing)


@hooks.register("register_admin_urls")
def article_url() -> list[Any]:
    return [
        path("help/new-article/", article_for_question, name="article_for_question"),
        path("help/similar/", articles_like_title, name="articles_like_title"),
    ]


@hooks.register("construct_homepage_panels")
def home_panels(request: HttpRequest, panels: list[Component]) -> None:
    panels.extend([DueForReviewPanel(), OutOfDatePanel(), NewFeedbackPanel()])


@hooks.register("insert_global_admin_css")
def feedback_styles() -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">', static("faq/admin.css"))
