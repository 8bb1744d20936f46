"""Links from a page to the same page in other languages, as far as the reader may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, override

from portal.core.audience import audiences_for
from portal.core.memo import Memo
from portal.core.navigation import home_url
from portal.core.pages import PLACES

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Anchor of the note that says why another page was opened; it is in every page, and shown only to those sent there.
NOT_TRANSLATED: Final = "not-translated"

#: By page, host and audiences of the reader: the page's addresses in all languages.
_addresses: Final[Memo[dict[str, tuple[str, bool]]]] = Memo(max_size=2048, scopes=(PLACES, "site"))


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A link to this page in another language; `translated` is False when it leads to the nearest parent instead."""

    code: str
    name: str
    url: str
    current: bool
    translated: bool


def language_links(request: HttpRequest) -> list[LanguageLink]:
    """Return one link per language. One query on a content page that is not cached, else none."""
    current = get_language() or settings.LANGUAGE_CODE
    page: Any = getattr(request, "portal_page", None)
    urls = _page_addresses(page, request) if page is not None else {}
    links = []
    for code, name in settings.LANGUAGES:
        if code == current:
            url, translated = request.get_full_path(), True
        elif page is not None:
            url, translated = urls.get(code, (home_url(code), False))
        else:
            url = _translated_address(request, code)
            translated = bool(url)
        url = url or home_url(code)
        links.append(
            LanguageLink(code, name, url if translated else f"{url}#{NOT_TRANSLATED}", code == current, translated)
        )
    return links


def _page_addresses(page: Any, request: HttpRequest) -> dict[str, tuple[str, bool]]:
    """Return `PortalPage.urls_by_language`, cached until content changes."""
    if getattr(request, "is_preview", False) or not page.path:
        return dict(page.urls_by_language(request))
    key = (page.pk, page.path, request.scheme, request.get_host(), tuple(audiences_for(request.user)))
    return _addresses.get(key, lambda: page.urls_by_language(request))


def _translated_address(request: HttpRequest, language: str) -> str:
    """Return the address of this view in another language, with its query; empty when there is none."""
    match = request.resolver_match
    if match is None or not match.view_name:
        return ""
    with override(language):
        try:
            path = reverse(match.view_name, args=match.args, kwargs=match.kwargs)
        except NoReverseMatch:
            return ""
    here = request.get_full_path()
    _path, _mark, query = here.partition("?")
    url = f"{path}?{query}" if query else path
    return "" if url == here else url
