"""Links in published articles that lead nowhere; found at night, for the report. Addresses of other sites are not requested.

A link stored as a page is shown as plain text when its page is gone or not for the reader: nobody notices, so somebody has
to look. One written as an address of ours, or with the name of a section, would end on an error or at the top of the page.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import override
from wagtail.models import Page

from faq.models import LINK_TEXT_LENGTH, TARGET_LENGTH, ArticlePage, BrokenLink, ShortLink
from faq.rendering import render_body
from portal.core import releases
from portal.core.audience import Audience
from portal.core.pages import PortalPage, with_audience
from portal.core.routing import page_at
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Iterator

_A: Final = re.compile(r"<a\b([^>]*)>(.*?)</a>", re.DOTALL | re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ID: Final = re.compile(r"""\bid="([^"]+)\"""")
#: Ids of the frame around an article.
_OF_FRAME: Final = frozenset({"feedback", "main", "top"})
_PORTION: Final = 200
#: Before the slug of a download, in targets.
_DOWNLOAD: Final = "download:"

Reason = BrokenLink.Reason


@dataclass(frozen=True, slots=True)
class _Link:
    article_id: int
    #: Number of a page; 0 for one written as an address.
    page_id: int
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class _Place:
    """What has to be known of an article with links."""

    language: str
    locale_id: int
    readers: Audience


def has_links_to_check() -> bool:
    """Return whether there is an article with links, or one that had some. Two queries at the most."""
    return ArticlePage.objects.live().exists() or BrokenLink.objects.exists()


def check_links() -> int:
    """Look at all links of published articles and store those that lead nowhere; return how many there are.

    Safe to repeat: what was found before keeps its day. The number of queries grows with the links written as addresses.
    """
    places, links = _all_links()
    found = {
        (link.article_id, link.target[:TARGET_LENGTH]): (reason, link.text[:LINK_TEXT_LENGTH])
        for link, reason in [
            *_broken_pages(places, links),
            *_broken_addresses(places, links),
            *_missing_downloads(places, links),
        ]
    }
    with transaction.atomic():
        known = {(row.article_id, row.target): row for row in BrokenLink.objects.select_for_update()}
        gone = [row.pk for key, row in known.items() if found.get(key, ("",))[0] != row.reason]
        BrokenLink.objects.filter(pk__in=gone).delete()
        now = timezone.now()
        BrokenLink.objects.bulk_create(
            [
                BrokenLink(article_id=article, target=target, text=text, reason=reason, found_at=now)
                for (article, target), (reason, text) in found.items()
                if (article, target) not in known or known[article, target].pk in gone
            ],
            batch_size=500,
        )
    return len(found)


def _all_links() -> tuple[dict[int, _Place], list[_Link]]:
    places: dict[int, _Place] = {}
    links: list[_Link] = []
    articles = ArticlePage.objects.filter(live=True).select_related("locale").order_by("pk")
    for article in articles.only("body", "effective_audience", "locale__language_code").iterator(_PORTION):
        own = list(_links_in(article.pk, list(article.body.raw_data)))
        if own:
            readers = Audience.parse(article.effective_audience)
            places[article.pk] = _Place(article.locale.language_code, article.locale_id, readers)
            links += own
    return places, links


def _links_in(article_id: int, value: Any) -> Iterator[_Link]:
    """Yield the links in the stored form of a body, at any depth."""
    if isinstance(value, str):
        yield from _links_in_text(article_id, value)
    elif isinstance(value, dict):
        if value.get("type") == "related_article" and isinstance(value.get("value"), dict):
            number = row_number(value["value"].get("page")) or 0
            yield _Link(article_id, number, f"page:{number}", "")
        elif value.get("type") == "newest_release" and isinstance(value.get("value"), dict):
            slug = str(value["value"].get("download") or "")
            yield _Link(article_id, 0, f"{_DOWNLOAD}{slug}", slug)
        for part in value.values():
            yield from _links_in(article_id, part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _links_in(article_id, part)


def _links_in_text(article_id: int, html: str) -> Iterator[_Link]:
    for attributes, inner in _A.findall(html):
        given = {name.lower(): unescape(double or single) for name, double, single in _ATTRIBUTE.findall(attributes)}
        text = " ".join(unescape(strip_tags(inner)).split())
        if given.get("linktype") == "page":
            number = row_number(given.get("id")) or 0
            yield _Link(article_id, number, f"page:{number}", text)
        elif "linktype" not in given and _is_ours(given.get("href", "")):
            yield _Link(article_id, 0, given["href"], text)


def _is_ours(address: str) -> bool:
    is_path = address.startswith(("/", "#")) and not address.startswith("//")
    return is_path or address == settings.BASE_URL or address.startswith(f"{settings.BASE_URL}/")


def _broken_pages(places: dict[int, _Place], links: list[_Link]) -> Iterator[tuple[_Link, str]]:
    """Yield links to pages that are gone, not published, or not for all readers of the article. Two queries a portion."""
    to_pages = [link for link in links if link.target.startswith("page:")]
    meant: dict[int, Page] = {}
    shown: dict[Any, list[Page]] = defaultdict(list)
    ids = sorted({link.page_id for link in to_pages})
    for start in range(0, len(ids), _PORTION):
        portion = Page.objects.in_bulk(ids[start : start + _PORTION])
        meant |= portion
        family = Page.objects.filter(translation_key__in={page.translation_key for page in portion.values()}, live=True)
        for page in with_audience(family):
            shown[page.translation_key].append(page)
    for link in to_pages:
        place, page = places[link.article_id], meant.get(link.page_id)
        if page is None:
            yield link, Reason.GONE
            continue
        candidates = [
            other for other in shown[page.translation_key] if other.pk == page.pk or other.locale_id == place.locale_id
        ]
        if not candidates:
            yield link, Reason.NOT_PUBLISHED
        elif not any(Audience.parse(other.shown_to).covers(place.readers) for other in candidates):
            yield link, Reason.NOT_FOR_READERS


def _missing_downloads(places: dict[int, _Place], links: list[_Link]) -> Iterator[tuple[_Link, str]]:
    """Yield downloads that articles show and some of their readers do not see. One query."""
    shown = [link for link in links if link.target.startswith(_DOWNLOAD)]
    audiences = releases.audiences({link.text for link in shown})
    for link in shown:
        if link.text not in audiences:
            yield link, Reason.NOT_PUBLISHED
        elif not Audience.parse(audiences[link.text]).covers(places[link.article_id].readers):
            yield link, Reason.NOT_FOR_READERS


def _broken_addresses(places: dict[int, _Place], links: list[_Link]) -> Iterator[tuple[_Link, str]]:
    anchors: dict[int, frozenset[str]] = {}
    for link in links:
        if not link.target.startswith(("page:", _DOWNLOAD)) and (
            reason := _why_broken(link, places[link.article_id], anchors)
        ):
            yield link, reason


def _why_broken(link: _Link, place: _Place, anchors: dict[int, frozenset[str]]) -> str:
    """Return why an address of ours leads nowhere, or nothing."""
    parts = urlsplit(link.target)
    reason, page = _look_up(unquote(parts.path), place) if parts.path else ("", None)
    if reason or not parts.fragment:
        return reason
    if parts.path and not isinstance(page, ArticlePage):
        return ""  # the sections of other pages are not known here
    article_id = page.pk if page is not None else link.article_id
    if article_id not in anchors:
        anchors[article_id] = _anchors_of(ArticlePage.objects.select_related("locale").get(pk=article_id))
    return "" if unquote(parts.fragment) in anchors[article_id] else Reason.NO_SECTION


def _look_up(path: str, place: _Place) -> tuple[str, Page | None]:
    """Return why nothing answers at a path, or nothing; and the page that does, if it is one of the page tree."""
    try:
        match = resolve(path)
    except Resolver404:
        return Reason.GONE, None
    if match.view_name == "faq:short_link":
        return "" if ShortLink.objects.filter(pk=match.kwargs["number"]).exists() else Reason.GONE, None
    if match.url_name != "wagtail_serve":
        return "", None
    language, _slash, rest = path.removeprefix(get_script_prefix()).partition("/")
    with override(language if language in dict(settings.LANGUAGES) else place.language):
        page = page_at(rest)
    if page is None:
        return Reason.GONE, None
    if isinstance(page, PortalPage) and not Audience.parse(page.effective_audience).covers(place.readers):
        return Reason.NOT_FOR_READERS, page
    return "", page


def _anchors_of(article: ArticlePage) -> frozenset[str]:
    with override(article.locale.language_code):
        html = render_body(article.body, language=article.locale.language_code, linked={}).html
    return _OF_FRAME | {unescape(found) for found in _ID.findall(html)}
