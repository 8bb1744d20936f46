"""What the frame around every page shows: navigation, language links, brand.

The foundation knows no feature, so features' addresses are registered from `portal.wiring`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse, translate_url
from django.utils.translation import get_language, override

from portal.core import memo
from portal.core.memo import Memo

if TYPE_CHECKING:
    from django.http import HttpRequest

_nav: dict[str, Callable[[str], str]] = {}
_addresses: Memo[str] = Memo(max_size=64)


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A way to this page in another language; `translated` is false when it leads to the nearest parent."""

    code: str
    name: str
    url: str
    current: bool
    translated: bool


def register_nav(name: str, url_in: Callable[[str], str]) -> None:
    """Make ``nav.<name>_url`` available; `url_in(language)` returns an address or an empty string."""
    _nav[name] = url_in


def forget_nav() -> None:
    """After a page was published or moved: ask the features again."""
    memo.forget_all()


def nav_url(name: str) -> str:
    """The registered address in the active language; asked at most every 30 s in a process."""
    language = get_language() or settings.LANGUAGE_CODE
    return _addresses.get((name, language), lambda: _nav[name](language) if name in _nav else "")


def named_url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def language_links(request: HttpRequest) -> list[LanguageLink]:
    """Every language with the address of this page in it. Two queries on a content page, else none."""
    current = get_language() or settings.LANGUAGE_CODE
    page: Any = getattr(request, "portal_page", None)
    urls: dict[str, tuple[str, bool]] = page.urls_by_language(request) if page is not None else {}
    links = []
    for code, name in settings.LANGUAGES:
        if code == current:
            url, translated = request.get_full_path(), True
        elif page is not None:
            url, translated = urls.get(code, (home_url(code), False))
        else:
            url = translate_url(request.get_full_path(), code)
            translated = url != request.get_full_path()
            if not translated:
                url = home_url(code)
        links.append(LanguageLink(code, name, url, code == current, translated))
    return links


def home_url(language: str) -> str:
    with override(language):
        return f"/{language}/"
