"""URL routing from an address to a page in one or two queries, or none while the page is cached.

Wagtail walks down the tree with two queries for each part of the address, after looking up the site and the language.
Our pages have no routes of their own, so the whole path identifies the page. Anything else is left to Wagtail.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from django.conf import settings
from django.http import Http404
from django.urls import Resolver404, resolve
from django.utils.translation import get_language, get_language_from_path, override
from wagtail import views as wagtail_views
from wagtail.models import Page
from wagtail.url_routing import RouteResult

from portal.core.memo import Memo
from portal.core.pages import PortalPage, site_roots
from portal.core.scopes import EVERYTHING, rests_on

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_MAX_KINDS: Final = 4096
#: Only a hint that saves a query: the page table is always asked whether the row still has this address.
_kinds: dict[str, type[Page]] = {}
#: Complete pages by address.
_pages: Memo[Page] = Memo(max_size=256, scopes=("site",))


class _NoPageError(Exception):
    """Raised inside the cache for an unknown address: those are not cached, since their number is unlimited."""


def serve(request: HttpRequest, path: str) -> HttpResponse:
    """Serve a page like Wagtail's view, without walking through the tree.

    Raises `Http404` for an address without a page and for a page this reader may not see: the answer is the same.
    """
    request._wagtail_cached_site_root_paths = site_roots()  # type: ignore[attr-defined]  # noqa: SLF001 - where Wagtail looks
    root_path = _root_path()
    if root_path:
        page = find_page(root_path + path)
        if page is None or (isinstance(page, PortalPage) and not page.is_visible_to(request.user)):
            raise Http404  # both alike, and before Wagtail's view restrictions ask for anything
        request._wagtail_route_for_request = RouteResult(page)  # type: ignore[attr-defined]  # noqa: SLF001
    response: HttpResponse = wagtail_views.serve(request, path)
    return response


def has_paths() -> bool:
    """Return whether `page_at` can find pages in the active language: not where several sites share the portal."""
    return bool(_root_path())


def page_at(path: str) -> Page | None:
    """Return the live page that the active language has at `path`, as its own class, or None.

    Whether a reader may see it is for the caller to ask. None, too, where several sites share the portal.
    """
    root_path = _root_path()
    return find_page(root_path + path) if root_path else None


def _root_path() -> str:
    """Return the tree path of the home page in the active language; empty if there is none, or are several sites."""
    roots = site_roots()
    if len({root.site_id for root in roots}) == 1:
        for root in roots:
            if root.language_code == get_language():
                return str(root.root_path)
    return ""


def find_page(url_path: str) -> Page | None:
    """Return the live page with this tree path, as its own class: a copy, so that requests do not share changes."""

    def read() -> Page:
        page = _read_page(url_path)
        if page is None:
            raise _NoPageError
        rests_on(*(page.scopes if isinstance(page, PortalPage) else (EVERYTHING,)))
        return page

    try:
        return copy.copy(_pages.get(url_path, read))
    except _NoPageError:
        return None


def _read_page(url_path: str) -> Page | None:
    slug = url_path.rstrip("/").rsplit("/", 1)[-1]
    wanted: dict[str, Any] = {"slug": slug, "url_path": url_path, "live": True}  # only the slug is indexed
    kind = _kinds.get(url_path)
    if kind is not None:
        page = _for_serving(kind).filter(**wanted).first()
        if page is not None:
            return page
    plain = Page.objects.filter(**wanted).first()
    if plain is None:
        return None
    kind = plain.specific_class or Page
    if len(_kinds) >= _MAX_KINDS:
        _kinds.clear()
    _kinds[url_path] = kind
    return _for_serving(kind).filter(pk=plain.pk).first()


def _for_serving(kind: type[Page]) -> Any:
    return kind.objects.for_serving() if issubclass(kind, PortalPage) else kind.objects.all()


def is_taken(path: str) -> bool:
    """Return whether something of the portal is at an address, which is written without the slash at its end.

    A redirect from there would come before the page itself, for whoever leaves the slash out.
    """
    whole = f"{unquote(path)}/"
    with override(get_language_from_path(whole) or settings.LANGUAGE_CODE):
        try:
            found = resolve(whole)
        except Resolver404:
            return False
    if found.url_name != "wagtail_serve":
        return True
    for root in site_roots():
        prefix = f"/{root.language_code}/"
        if whole.startswith(prefix):
            return find_page(root.root_path + whole.removeprefix(prefix)) is not None
    return False
