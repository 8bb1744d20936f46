"""Template tags and filters of the help pages: ``{% load faq %}``."""

from __future__ import annotations

import mimetypes
import re
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from wagtail.rich_text import RichText

from portal.core.templatetags.places import crumbs_json_ld, json_ld

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from faq.queries import AppliesTo, ArticleLink, ArticlePageData, ArticleView

register = template.Library()

_ONE_PARAGRAPH: Final = re.compile(r"<p\b[^>]*>((?:(?!</?p\b).)*)</p>\s*\Z", re.DOTALL)


@register.filter
def rich(value: RichText | str | None) -> SafeString:
    """Return rich text as stored. Its links are page numbers until `faq.rendering` resolves them for the whole body."""
    source = value.source if isinstance(value, RichText) else value or ""
    return mark_safe(source)  # noqa: S308 - cleaned by the editor's whitelist when it was saved


@register.filter
def rich_inline(value: RichText | str | None) -> SafeString:
    """Return `rich` without the ``<p>`` around a single paragraph, which a table cell does not need."""
    source = rich(value)
    single = _ONE_PARAGRAPH.match(source.strip())
    return mark_safe(single[1]) if single else source  # noqa: S308 - part of what `rich` returned


@register.filter
def article_of(linked: Mapping[UUID, ArticleLink] | None, page: Any) -> ArticleLink | None:
    """Return the link that a block may show, or None if the reader may not see the article."""
    return linked.get(page.translation_key) if linked and page else None


@register.simple_tag
def note_kind(kind: str) -> str:
    """Return in words what the colour of a note means, for screen readers."""
    return {"tip": _("Tip:"), "warning": _("Warning:"), "danger": _("Danger:")}.get(kind, _("Information:"))


@register.filter
def media_type(media: Any) -> str:
    return mimetypes.guess_type(media.file.name)[0] or f"{media.type}/*"


@register.filter
def isolated_list(names: Iterable[str]) -> SafeString:
    """Return names for use in a sentence, each isolated in its own direction."""
    return format_html_join(pgettext("list separator", ", "), "<bdi>{}</bdi>", ((name,) for name in names))


@register.filter
def device_names(items: Iterable[AppliesTo]) -> SafeString:
    return isolated_list(dict.fromkeys(str(item.name) for item in items if item.is_device))


@register.filter
def feedback_state(data: ArticlePageData) -> str:
    """Return the initial state of the feedback box: ``done`` if the reader has answered, else ``ask``."""
    return "done" if data.answer else "ask"


@register.simple_tag(takes_context=True)
def article_json_ld(context: Any, article: ArticleView) -> SafeString:
    """Return an article as structured data: the question and its answer, or the guide; and its breadcrumbs."""
    page = article.page
    address = dict(article.place.alternates).get(page.locale.language_code, "")
    common: dict[str, Any] = {
        "@context": "https://schema.org",
        "inLanguage": page.locale.language_code,
        "url": address,
        "dateModified": page.last_published_at.isoformat() if page.last_published_at else None,
        "datePublished": page.first_published_at.isoformat() if page.first_published_at else None,
    }
    if page.kind == page.Kind.FAQ:
        answer = {"@type": "Answer", "text": page.short_answer}
        subject: dict[str, Any] = {
            "@type": "FAQPage",
            "mainEntity": [{"@type": "Question", "name": page.title, "acceptedAnswer": answer}],
        }
    else:
        brand = getattr(context.get("site_brand"), "name", "")
        publisher = {"@type": "Organization", "name": brand} if brand else None
        subject = {
            "@type": "Article",
            "headline": page.title,
            "description": page.short_answer,
            "author": publisher,
            "publisher": publisher,
        }
    crumbs = crumbs_json_ld(context, page, article.place.crumbs)
    return format_html("{}\n    {}", json_ld({**common, **subject}), crumbs)
