"""Answers that editors pinned to a question: Wagtail's search promotions, shown above the results.

A promotion applies to the reader's question if both have the same key (`search.asking.keys`). Only pages that the
reader may see are shown, in the reader's language. Questions of readers are never written to Wagtail's tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import get_language_info
from wagtail.contrib.search_promotions.models import SearchPromotion
from wagtail.models import Page

from portal.core.memo import LONG_SECONDS, Memo
from portal.core.pages import page_url
from search import registry
from search.asking.keys import question_key

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from search.documents import AnyUser

#: Maximum number per question; more would not be noticed.
MAX_PINS: Final = 5
#: Prefix of all external URLs that are shown.
_SAFE: Final = "https://"


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned answer, ready to show. `kind` and `object_id` identify its hit, if it is searchable."""

    title: str
    url: str
    description: str
    language: str = ""
    kind: str = ""
    object_id: int = 0
    label: str | _StrPromise = ""
    icon: str = "file-text"

    @property
    def is_external(self) -> bool:
        return not self.language

    @property
    def direction(self) -> str:
        if not self.language:
            return "auto"
        return "rtl" if get_language_info(self.language)["bidi"] else "ltr"


@dataclass(frozen=True, slots=True)
class _Promotion:
    """A pinned page in all its languages, or an external URL."""

    pages: Mapping[str, Page]
    url: str
    title: str
    description: str


def is_safe(url: str) -> bool:
    """Whether an external URL may be shown to readers."""
    return url.startswith(_SAFE)


def pins_for(texts: Iterable[str], *, user: AnyUser, language: str) -> tuple[Pin, ...]:
    """The pinned answers of the first of `texts` that has any, without those `user` may not see.

    One query for each kind of pinned page; none without pins.
    """
    pinned = _promotions()
    if not pinned:
        return ()
    for key in dict.fromkeys(map(question_key, texts)):
        if key in pinned:
            return _visible(pinned[key], user, language)
    return ()


def _promotions() -> Mapping[str, list[_Promotion]]:
    """All promotions by the key of their question; two queries, cached until a promotion or a page changes."""
    return _memo.get("all", _read_promotions)


_memo: Final[Memo[Mapping[str, list[_Promotion]]]] = Memo(
    max_size=1, seconds=LONG_SECONDS, scopes=("search:pins", "articles")
)


def _read_promotions() -> Mapping[str, list[_Promotion]]:
    rows = list(SearchPromotion.objects.select_related("query", "page").order_by("sort_order", "pk"))
    keys = {row.page.translation_key for row in rows if row.page is not None}
    translations: dict[Any, dict[str, Page]] = defaultdict(dict)
    if keys:
        for page in Page.objects.filter(translation_key__in=keys).select_related("locale", "content_type"):
            translations[page.translation_key][page.locale.language_code] = page
    found: dict[str, list[_Promotion]] = defaultdict(list)
    for row in rows:
        key = question_key(row.query.query_string)
        pages = translations[row.page.translation_key] if row.page is not None else {}
        if key and (pages or row.page is None):
            title = (row.external_link_text or "").strip()
            found[key].append(_Promotion(pages, row.external_link_url, title, row.description.strip()))
    return dict(found)


def _visible(promotions: Iterable[_Promotion], user: AnyUser, language: str) -> tuple[Pin, ...]:
    """The promotions the reader may see, in the editors' order, without duplicates."""
    promotions = list(promotions)
    pages = [promotion.pages[language] for promotion in promotions if language in promotion.pages]
    allowed = _visible_pages(pages, user)
    pins: dict[str, Pin] = {}
    for promotion in promotions:
        page = promotion.pages.get(language)
        if page is not None and page.pk in allowed:
            pin = _page_pin(page, promotion.description, language)
        elif not promotion.pages and promotion.title and is_safe(promotion.url):
            pin = Pin(promotion.title, promotion.url, promotion.description, icon="external-link")
        else:
            continue
        if pin.url:
            pins.setdefault(pin.url, pin)
    return tuple(pins.values())[:MAX_PINS]


def _page_pin(page: Page, description: str, language: str) -> Pin:
    document = next(iter(registry.documents_of(page.specific_class or Page)), None)
    if document is None:
        return Pin(page.title, page_url(page), description, language)
    return Pin(
        page.title,
        page_url(page),
        description,
        language,
        kind=document.name,
        object_id=page.pk,
        label=document.label_plural,
        icon=document.icon,
    )


def _visible_pages(pages: Iterable[Page], user: AnyUser) -> set[int]:
    """The ids of the pages the user may see now; one query for each kind of page.

    Searchable kinds are checked like any result, other pages with an audience by that, and all others must be live and
    public.
    """
    ids: dict[type[Page], set[int]] = defaultdict(set)
    for page in pages:
        if page.specific_class is not None:
            ids[page.specific_class].add(page.pk)
    return {pk for model, some in ids.items() for pk in _visible_of(model, some, user)}


def _visible_of(model: type[Page], ids: Collection[int], user: AnyUser) -> set[int]:
    documents = registry.documents_of(model)
    if documents:
        return {pk for document in documents for pk in document.visible_to(user, ids)}
    pages = model._default_manager.filter(pk__in=ids)  # noqa: SLF001 - Django's documented name
    narrow = getattr(pages, "visible_to", None)
    allowed = narrow(user) if narrow is not None else pages.live().public()
    return set(allowed.order_by().values_list("pk", flat=True))
