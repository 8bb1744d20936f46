"""Views for the address without a language, error pages, and `/health/`."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import OperationalError, connection
from django.http import (
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    HttpResponseServerError,
    JsonResponse,
)
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_cache_control, patch_vary_headers
from django.utils.translation import get_language_from_request
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.brand import last_known
from portal.core.disk import is_out_of_space
from portal.core.health import overall, reports, reports_to_staff
from portal.core.http import is_same_origin
from portal.core.models import OutboxMessage
from portal.core.navigation import home_url
from portal.core.preferences import preferences_of

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Names of form fields whose values are never shown again: secrets, and the token itself.
_SECRETS: Final = re.compile(r"pass|code|secret|token|credential|otp|pin|(?:^|_)key", re.IGNORECASE)
#: `Retry-After` when the database is locked.
_BUSY_RETRY_SECONDS: Final = 30
#: And when a disk is full: somebody has to make room.
_FULL_RETRY_SECONDS: Final = 600
_WORTH_KEEPING: Final = 20
_KEPT_CHARACTERS: Final = 20_000
_WORD_BREAK = re.compile(r"[\W_]+")


@require_safe
def language_root(request: HttpRequest) -> HttpResponse:
    """Redirect ``/`` to the home page in the language of the account, else of the cookie, the browser, the site."""
    language = ""
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
        language = preferences_of(request.user).language
    query = request.META.get("QUERY_STRING", "")
    response = HttpResponseRedirect(
        home_url(language or get_language_from_request(request)) + (f"?{query}" if query else "")
    )
    patch_vary_headers(response, ("Cookie", "Accept-Language"))
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the 400 page; plain text for an unknown host, which every other page would need to know."""
    if isinstance(exception, DisallowedHost):
        text = "This portal has no such address.\nاین درگاه چنین نشانی‌ای ندارد.\n"
        return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the 404 page, with the words of the address in its search box.

    The same for what does not exist and for what this reader may not see.
    """
    last = unquote(request.path).rstrip("/").rsplit("/", 1)[-1]
    response = render(request, "404.html", {"guess": _WORD_BREAK.sub(" ", last).strip()[:80]}, status=404)
    # Others may see what this reader may not, and a cache between us and them must not remember the refusal.
    patch_cache_control(response, private=True, no_store=True)
    return response


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the 500 page, which needs no request and no database, and is in both languages.

    If the database was locked for too long it is a 503 page that says so, with `Retry-After`; also if a disk is full.
    """
    error = sys.exc_info()[1]
    is_full = is_out_of_space(error)
    is_busy = is_locked(error)
    template = "503_full.html" if is_full else "503_busy.html" if is_busy else "500.html"
    try:
        css = static("portal/css/error.css")
    except ValueError:  # static files not collected: the page is readable without the style sheet
        css = ""
    response = HttpResponseServerError(
        get_template(template).render({"error_css_url": css, "known_brand": last_known()})
    )
    if is_busy or is_full:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response["Retry-After"] = str(_FULL_RETRY_SECONDS if is_full else _BUSY_RETRY_SECONDS)
    return response


def is_locked(error: BaseException | None) -> bool:
    """Return whether `error` means that another process locked the database for longer than we wait."""
    return isinstance(error, OperationalError) and "locked" in str(error)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the 403 page for a form that was too old or came from elsewhere, with the reader's text, except secrets.

    Nothing from another site's request is repeated: it would appear under our name.
    """
    own = is_same_origin(request) and request.headers.get("Sec-Fetch-Site") != "none"
    fields = request.POST.items() if own else ()
    typed = [value for name, value in fields if isinstance(value, str) and not _SECRETS.search(name)]
    kept = "\n\n".join(value for value in typed if len(value) > _WORTH_KEEPING)[:_KEPT_CHARACTERS]
    response = render(request, "403_csrf.html", {"kept_text": kept, "kept_url": request.path}, status=403)
    add_never_cache_headers(response)
    return response


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return the state for monitoring: 200 while the database answers, with the age of the oldest undelivered message.

    The age is in seconds. The status is ``degraded`` while something is missing that visitors need, such as space on the
    disk. Services that may be away without harm to the portal report their own status; staff also get
    figures of the process that answers (`portal.core.health`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    oldest = OutboxMessage.objects.pending().order_by("created_at").values_list("created_at", flat=True).first()
    age = int((timezone.now() - oldest).total_seconds()) if oldest else 0
    figures = reports_to_staff() if _is_staff(request) else {}
    states = reports()
    return JsonResponse({"status": overall(states), "outbox_oldest_seconds": age, **states, **figures})


def _is_staff(request: HttpRequest) -> bool:
    """Return whether a member of staff asks. Monitors send no session cookie, and no session is looked up for them."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and bool(getattr(request.user, "is_staff", False))
