"""``/robots.txt``: paths that search engines should not visit. Each app declares its own in `apps.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Paths, in the order of declaration.
_paths: Final[dict[str, None]] = {}
_names: Final[dict[str, None]] = {}


def disallow(*paths: str) -> None:
    """Ask search engines not to visit addresses that begin with `paths`; ``*`` matches anything."""
    _paths.update(dict.fromkeys(paths))


def disallow_in_each_language(*names: str) -> None:
    """Disallow ``/<language>/<name>/`` in every language."""
    _names.update(dict.fromkeys(names))


@require_safe
@cache_control(max_age=3600, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Return the file: everything is allowed except what apps declared."""
    under_a_language = [f"/{code}/{name}/" for code, _name in settings.LANGUAGES for name in _names]
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in (*_paths, *under_a_language)),
        "",
        f"Sitemap: {request.build_absolute_uri(reverse('sitemap'))}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
