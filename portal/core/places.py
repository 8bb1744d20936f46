"""Position of a page in the site: its breadcrumbs, and its addresses in all languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from portal.core.audience import audiences_for
from portal.core.memo import Memo
from portal.core.pages import page_url
from portal.core.scopes import rests_on

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.core.pages import PortalPage


@dataclass(frozen=True, slots=True)
class Crumb:
    """One breadcrumb, for ``components/crumbs.html``."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Place:
    """`crumbs`: the live ancestors, from the home page down. `alternates`: absolute addresses by language, of what the
    reader may see.
    """

    crumbs: tuple[Crumb, ...] = ()
    alternates: tuple[tuple[str, str], ...] = ()


#: Of a home page, below the root of the tree.
_HOME_DEPTH: Final = 2
#: By page, host and audiences of the reader.
_places: Final[Memo[Place]] = Memo(max_size=512, scopes=("site",))


def place_of(page: PortalPage, request: HttpRequest) -> Place:
    """Return a page's place, empty for an unsaved draft. At most one query; cached until content changes."""
    if not page.path:
        return Place()
    if getattr(request, "is_preview", False):
        return _read(page, request)

    def read() -> Place:
        rests_on(*page.scopes)
        return _read(page, request)

    admitting = tuple(audiences_for(getattr(request, "user", None)))
    return _places.get((page.pk, page.path, request.scheme, request.get_host(), admitting), read)


def _read(page: PortalPage, request: HttpRequest) -> Place:
    urls = page.urls_by_language(request)
    return Place(
        # The home page's own title says what the portal is called, which is no place.
        crumbs=tuple(
            Crumb(gettext("Home") if above.depth == _HOME_DEPTH else above.title, page_url(above))
            for above in page.trail
            if above.live
        ),
        alternates=tuple(
            (code, request.build_absolute_uri(url)) for code, (url, is_this) in sorted(urls.items()) if is_this
        ),
    )
