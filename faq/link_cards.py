"""Articles as cards, by the path of their address or of their short link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils.translation import get_language, pgettext

from faq.models import ArticlePage, ShortLink, family_scope
from portal.core.link_cards import LinkCard, Resolved
from portal.core.pages import PLACES, site_roots
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

_SHORT: Final = re.compile(r"(?:/[a-z-]{2,7})?/a/(\d{1,12})/?\Z")


def cards_of_articles(paths: Collection[str]) -> Resolved:
    """Return the cards of public articles. Two queries at the most; none for paths that lead elsewhere."""
    numbers = {path: row_number(match[1]) or 0 for path in paths if (match := _SHORT.match(path))}
    families: dict[int, UUID] = {}
    if numbers:
        families = dict(ShortLink.objects.filter(pk__in=numbers.values()).values_list("pk", "translation_key"))
    places = {path: place for path in paths if path not in numbers and (place := _place_in_tree(path))}
    if not places and not families:
        return Resolved({}, (PLACES,) if numbers else ())
    slugs = {place.rstrip("/").rpartition("/")[2] for place in places.values()}  # only the slug is indexed
    wanted = Q(slug__in=slugs, url_path__in=set(places.values())) | Q(translation_key__in=families.values())
    pages = list(ArticlePage.objects.visible_to(None).filter(wanted).select_related("locale").order_by("pk"))
    by_place = {page.url_path: page for page in pages}
    by_family: dict[UUID, ArticlePage] = {}
    for page in sorted(pages, key=lambda page: page.locale.language_code == get_language()):
        by_family[page.translation_key] = page  # that of the current language, if there is one
    found = {path: by_place.get(place) for path, place in places.items()}
    found |= {path: by_family.get(families[number]) for path, number in numbers.items() if number in families}
    return Resolved(
        {path: _card(page) for path, page in found.items() if page is not None},
        (PLACES, *(family_scope(page.translation_key) for page in pages)),
    )


def _place_in_tree(path: str) -> str:
    """Return the path in the page tree; empty for one that no page can have."""
    for root in site_roots():
        prefix = f"/{root.language_code}/"
        if path.startswith(prefix) and len(path) > len(prefix):
            return f"{root.root_path}{path.removeprefix(prefix).rstrip('/')}/"
    return ""


def _card(page: ArticlePage) -> LinkCard:
    return LinkCard(
        kind=pgettext("kind of a page", "Article"),
        icon="book-open",
        title=page.title,
        text=page.short_answer,
        language=page.locale.language_code,
    )
