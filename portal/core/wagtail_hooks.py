"""Wagtail hooks for all page editors, whatever the page, and for administrators. Only registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin.rich_text.converters.html_to_contentstate import (
    ExternalLinkElementHandler,
    InlineStyleElementHandler,
)
from wagtail.admin.rich_text.editors.draftail.features import InlineStyleFeature
from wagtail.admin.widgets import Button

from portal.core import disk, views_brand
from portal.core.audience_check import audience_check
from portal.core.brand import brand
from portal.core.editing import show_publish, unpublish_translations, unpublish_translations_of_many
from portal.core.mail_admin import MailViewSet
from portal.core.mail_files_admin import FiledMailViewSet
from portal.core.pages import PortalPage
from portal.core.panels import DiskPanel, MyDraftsPanel
from portal.core.richtext import LocalizedPageLinkHandler, PlaceLinkElementHandler, place_link_entity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from wagtail.admin.menu import MenuItem
    from wagtail.admin.ui.components import Component
    from wagtail.models import Page
    from wagtail.rich_text.feature_registry import FeatureRegistry


@hooks.register("register_rich_text_features", order=1000)  # after Wagtail's own, which it replaces
def localized_page_links(features: FeatureRegistry) -> None:
    features.register_link_type(LocalizedPageLinkHandler)


@hooks.register("register_rich_text_features", order=1000)
def keys_and_marks(features: FeatureRegistry) -> None:
    """Offer the inline marks that Wagtail knows how to draw, but does not register: keys to press, and marked words."""
    for name, style, label, description in (
        ("kbd", "KEYBOARD", "Ctrl", gettext_lazy("Key to press")),
        ("mark", "MARK", "==", gettext_lazy("Marked")),
    ):
        control = {"type": style, "label": label, "description": description}
        features.register_editor_plugin("draftail", name, InlineStyleFeature(control))
        rule = {
            "from_database_format": {name: InlineStyleElementHandler(style)},
            "to_database_format": {"style_map": {style: name}},
        }
        features.register_converter_rule("contentstate", name, rule)


@hooks.register("register_rich_text_features", order=1000)
def links_to_places(features: FeatureRegistry) -> None:
    """Keep the place in a page that a link leads to, also when its text is edited."""
    rule = {
        "from_database_format": {
            "a[href]": ExternalLinkElementHandler("LINK"),
            'a[linktype="page"]': PlaceLinkElementHandler("LINK"),
        },
        "to_database_format": {"entity_decorators": {"LINK": place_link_entity}},
    }
    features.register_converter_rule("contentstate", "link", rule)


hooks.register("construct_page_action_menu", show_publish)
hooks.register("after_unpublish_page", unpublish_translations)
hooks.register("after_bulk_action", unpublish_translations_of_many)


@hooks.register("insert_editor_js")
def true_messages() -> SafeString:
    kept = _("Saved as a draft, not published: see what is missing below.")
    return format_html('<script src="{}" data-kept="{}"></script>', static("portal/editing.js"), kept)


@hooks.register("register_admin_urls")
def audience_url() -> list[Any]:
    return [
        path("who-sees/<int:page_id>/", audience_check, name="audience_check"),
        path("brand-preview.svg", views_brand.preview, name="brand_preview"),
    ]


@hooks.register("register_page_header_buttons")
def who_sees_this(page: Page, user: Any, view_name: str, next_url: str | None = None) -> Iterator[Button]:
    if page.pk and issubclass(page.specific_class or type(page), PortalPage):
        yield Button(_("Who can see this?"), reverse("audience_check", args=[page.pk]), icon_name="group", priority=90)


@hooks.register("construct_homepage_panels")
def own_drafts(request: HttpRequest, panels: list[Component]) -> None:
    panels.append(MyDraftsPanel())


@hooks.register("construct_homepage_panels")
def space_on_disk(request: HttpRequest, panels: list[Component]) -> None:
    found = disk.space()
    if found.state != disk.OK:
        panels.insert(0, DiskPanel(found))


@hooks.register("construct_main_menu")
def no_second_help(request: HttpRequest, menu_items: list[MenuItem]) -> None:
    """Remove Wagtail's own Help menu, which leads to other sites."""
    menu_items[:] = [item for item in menu_items if item.name != "help"]


@hooks.register("insert_global_admin_css")
def persian_font() -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">', static("portal/admin.css"))


@hooks.register("insert_global_admin_css", order=200)  # after our own style sheet
def colours_of_the_company() -> SafeString:
    url = brand().sheet_url
    return format_html('<link rel="stylesheet" href="{}">', url) if url else SafeString("")


@hooks.register("register_admin_viewset")
def unsent_mails() -> MailViewSet:
    return MailViewSet()


@hooks.register("register_admin_viewset")
def filed_mails() -> FiledMailViewSet:
    return FiledMailViewSet()
