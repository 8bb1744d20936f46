"""What is made from the brand: its style sheet, pictures and manifest. Addresses contain a digest of the content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language_bidi, override
from django.views.decorators.http import require_safe

from portal.core.brand import brand, digest_of, site_name
from portal.core.brand_colours import HEX, Colours, tokens
from portal.core.models import BrandPicture
from portal.core.navigation import home_url

if TYPE_CHECKING:
    from django.http import HttpRequest

_YEAR_SECONDS: Final = 365 * 24 * 3600
#: Of an address that is no longer, or on this server not yet, the one of the content.
_OTHER_SECONDS: Final = 60
_MANIFEST_SECONDS: Final = 3600
_PAPERS: Final = (
    {"bg": "#FBF9F4", "surface": "#FFFFFF", "ink": "#13203B", "line": "#E6DFD1"},
    {"bg": "#0A1220", "surface": "#111B2D", "ink": "#EDF2F9", "line": "#233149"},
)


@require_safe
def theme(request: HttpRequest, digest: str) -> HttpResponse:
    """Return the style sheet with the company's colours, as they are now; a page kept elsewhere may ask for older ones."""
    sheet = brand().sheet.encode()
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    _keep(response, is_current=digest == digest_of(sheet))
    return response


@require_safe
def picture(request: HttpRequest, kind: str, digest: str) -> HttpResponse:
    """Return a logo or an icon; one query."""
    found = get_object_or_404(BrandPicture, digest=digest, kind=kind)
    response = HttpResponse(bytes(found.content), content_type="image/png")
    _keep(response, is_current=True)
    return response


@require_safe
def manifest(request: HttpRequest, language: str) -> HttpResponse:
    """Return what a home screen shows of the portal, in one language."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    shown = brand().shown
    full = shown.get("icon_512") or shown.get("mark_512")
    if full is not None:
        addresses = [shown["icon_192"].url, full.url, shown["icon_maskable_512"].url]
    else:
        addresses = [static(f"portal/img/icon-{name}.png") for name in ("192", "512", "maskable-512")]
    small, large, maskable = addresses
    with override(language):
        content = {
            "name": site_name(),
            "short_name": site_name(),
            "lang": language,
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": home_url(language),
            "display": "minimal-ui",
            "background_color": "#FBF9F4",
            "theme_color": "#FBF9F4",
            "icons": [
                {"src": small, "sizes": "192x192", "type": "image/png"},
                {"src": large, "sizes": "512x512", "type": "image/png"},
                {"src": maskable, "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
            ],
        }
    response = HttpResponse(
        json.dumps(content, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8"
    )
    patch_cache_control(response, public=True, max_age=_MANIFEST_SECONDS)
    return response


def preview(request: HttpRequest) -> HttpResponse:
    """Return a drawing of what three colours become, light and dark, for the form in the admin."""
    if not request.user.has_perm("core.change_sitebrand"):
        raise PermissionDenied
    chosen = {}
    for name in ("main", "dark", "accent"):
        colour = f"#{request.GET.get(name, '').lstrip('#')}"
        chosen[name] = colour if HEX.fullmatch(colour) else getattr(Colours().complete, name)
    themes = [
        {"offset": offset, **{key.replace("-", "_"): value for key, value in shades.items()}, **paper}
        for offset, shades, paper in zip((0, 340), tokens(Colours(**chosen)), _PAPERS, strict=True)
    ]
    return render(request, "core/admin/brand_preview.svg", {"themes": themes}, content_type="image/svg+xml")


def _keep(response: HttpResponse, *, is_current: bool) -> None:
    if is_current:
        patch_cache_control(response, public=True, max_age=_YEAR_SECONDS, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=_OTHER_SECONDS)
