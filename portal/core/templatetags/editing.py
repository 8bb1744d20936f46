"""What Wagtail's screens for pages ask of `portal.core.editing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import template

from portal.core import editing

if TYPE_CHECKING:
    from wagtail.models import Page

register = template.Library()

#: Languages that the readability index LIX was made for: others have other lengths of words.
_WITH_READABILITY: Final = frozenset({"da", "de", "en", "es", "fr", "it", "nb", "nl", "no", "pt", "sv"})


@register.simple_tag(takes_context=True)
def translations_to_unpublish(context: dict[str, Any], page: Page) -> list[Page]:
    return editing.translations_to_unpublish([page], context["request"].user)


@register.simple_tag(takes_context=True)
def translations_of_items_to_unpublish(context: dict[str, Any], items: list[dict[str, Any]]) -> list[Page]:
    """Return those of the pages that Wagtail's screen for several pages lists."""
    return editing.translations_to_unpublish([item["item"] for item in items], context["request"].user)


@register.filter
def has_readability(content: Any) -> bool:
    """Return whether readability can be computed for content in its language."""
    locale = getattr(content, "locale", None)
    return locale is not None and locale.language_code.partition("-")[0] in _WITH_READABILITY
