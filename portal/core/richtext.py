"""Conversion of page links in rich text to addresses."""

from __future__ import annotations

from typing import Any

from django.utils.html import escape
from django.utils.translation import get_language
from wagtail.admin.rich_text.converters.contentstate import link_entity
from wagtail.admin.rich_text.converters.html_to_contentstate import PageLinkElementHandler
from wagtail.models import Page
from wagtail.rich_text.pages import PageLinkHandler

from portal.core.audience import audiences_of_reader
from portal.core.pages import page_url, with_audience
from portal.core.text import row_number


class LocalizedPageLinkHandler(PageLinkHandler):
    """Links to the page in the language being read if it exists, otherwise to the page itself.

    One query for any number of links (Wagtail's own handler needs three for each). A link to a page that is deleted,
    not live, or not for the reader (`portal.core.audience.reading_as`) is replaced by its text.
    """

    @classmethod
    def expand_db_attributes_many(cls, attrs_list: list[dict[str, Any]]) -> list[str]:
        ids = [row_number(attrs.get("id")) or 0 for attrs in attrs_list]
        meant = Page.objects.filter(pk__in=set(ids)).order_by().values("translation_key")
        family = list(with_audience(Page.objects.filter(translation_key__in=meant).order_by().select_related("locale")))
        admitting = audiences_of_reader()
        by_id = {page.pk: page for page in family}
        visible = {page.pk: page for page in family if page.live and page.shown_to in admitting}
        here = {page.translation_key: page for page in visible.values() if page.locale.language_code == get_language()}
        tags: list[str] = []
        for pk in ids:
            page = by_id.get(pk)
            target = page and (here.get(page.translation_key) or visible.get(pk))
            url = page_url(target) if target else ""
            tags.append(f'<a href="{escape(url + _place(attrs_list[len(tags)]))}">' if url else "<a>")
        return tags


def _place(attrs: dict[str, Any]) -> str:
    return f"#{attrs['anchor']}" if attrs.get("anchor") else ""


class PlaceLinkElementHandler(PageLinkElementHandler):
    """Tells the editor of rich text which place in the page a link leads to."""

    def get_attribute_data(self, attrs: dict[str, str]) -> dict[str, Any]:
        data: dict[str, Any] = super().get_attribute_data(attrs)
        return {**data, "anchor": attrs["anchor"]} if attrs.get("anchor") else data


def place_link_entity(props: dict[str, Any]) -> Any:
    """Return a link as it is stored, with the place in the page if it has one."""
    element = link_entity(props)
    if props.get("id") is not None and props.get("anchor"):
        element.attr["anchor"] = str(props["anchor"])
    return element
