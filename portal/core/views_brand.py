"""What is made from the brand: its style sheet. The address contains a digest of the content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from portal.core.brand import brand, digest_of

if TYPE_CHECKING:
    from django.http import HttpRequest

_YEAR_SECONDS: Final = 365 * 24 * 3600
#: Of an address that is no longer, or on this server not yet, the one of the content.
_OTHER_SECONDS: Final = 60


@require_safe
def theme(request: HttpRequest, digest: str) -> HttpResponse:
    """Return the style sheet with the company's colours, as they are now; a page kept elsewhere may ask for older ones."""
    sheet = brand().sheet.encode()
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    _keep(response, is_current=digest == digest_of(sheet))
    return response


def _keep(response: HttpResponse, *, is_current: bool) -> None:
    if is_current:
        patch_cache_control(response, public=True, max_age=_YEAR_SECONDS, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=_OTHER_SECONDS)
