"""Wagtail hooks that register the views of `faq.admin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.widgets import Button
from wagtail.snippets.models import register_snippet

from faq.admin import HelpGroup, NewFeedbackPanel
from faq.exporting.admin import register_fetched_action
from faq.importing.history import register_import_action
from faq.models import HelpIndexPage, TopicPage
from faq.prefill import (
    address_of_form,
    article_for_question,
    articles_like_title,
    ask_before_publishing,
    may_write_articles,
    remember_title,
)
from faq.reports import DueForReviewPanel, OutOfDatePanel, register_confirmed_action, say_if_late
from faq.topic_admin import NewTopicView, may_make_topics
from faq.upkeep import with_late_since
from portal.core.admin_menu import menu_item_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from wagtail.admin.menu import MenuItem
    from wagtail.admin.ui.components import Component
    from wagtail.models import Page

register_snippet(HelpGroup)
hooks.register("register_log_actions", register_import_action)
hooks.register("register_log_actions", register_confirmed_action)
hooks.register("register_log_actions", register_fetched_action)
hooks.register("before_create_page", remember_title)
hooks.register("before_publish_page", ask_before_publishing)
# Before the translation tool's, which shows a screen of its own.
hooks.register("before_edit_page", say_if_late, order=-1)


@hooks.register("register_admin_urls")
def article_url() -> list[Any]:
    return [
        path("help/new-topic/", NewTopicView.as_view(), name="new_topic"),
        path("help/new-article/", article_for_question, name="article_for_question"),
        path("help/similar/", articles_like_title, name="articles_like_title"),
    ]


@hooks.register("register_admin_menu_item")
def new_article() -> MenuItem:
    return menu_item_for(may_write_articles)(
        _("New article"), reverse("article_for_question"), name="new-article", icon_name="doc-empty", order=105
    )


@hooks.register("register_page_header_buttons")
@hooks.register("register_page_listing_more_buttons")
def new_article_below(page: Page, user: Any, **_kwargs: Any) -> Iterator[Button]:
    """Offer a new article wherever a topic is listed or shown."""
    is_topic = bool(page.pk) and issubclass(page.specific_class or type(page), TopicPage)
    if is_topic and page.permissions_for_user(user).can_add_subpage():
        yield Button(gettext("New article"), address_of_form(page), icon_name="doc-empty", priority=5)


@hooks.register("register_page_header_buttons")
def new_topic_here(page: Page, user: Any, **_kwargs: Any) -> Iterator[Button]:
    """Offer a new topic above the list of topics."""
    if page.pk and issubclass(page.specific_class or type(page), HelpIndexPage) and may_make_topics(user):
        yield Button(gettext("New topic"), reverse("new_topic"), icon_name="plus", priority=5)


@hooks.register("construct_explorer_page_queryset")
def late_translations(_parent: Page, pages: QuerySet[Page], _request: HttpRequest) -> QuerySet[Page]:
    return with_late_since(pages)


@hooks.register("construct_homepage_panels")
def home_panels(request: HttpRequest, panels: list[Component]) -> None:
    panels.extend([DueForReviewPanel(), OutOfDatePanel(), NewFeedbackPanel()])


@hooks.register("insert_global_admin_css")
def feedback_styles() -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">', static("faq/admin.css"))
