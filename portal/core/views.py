"""The address without a language, error pages, and health."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, HttpResponseRedirect, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.health import reports, reports_to_staff
from portal.core.models import OutboxMessage
from portal.core.navigation import home_url
from portal.core.preferences import preferences_of

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Never shown again, whatever the form: secrets, and the token itself.
_NEVER_REPEATED: Final = frozenset({"csrfmiddlewaretoken", "password", "password1", "password2", "oldpassword", "code"})
_WORTH_KEEPING: Final = 20
_KEPT_CHARACTERS: Final = 20_000
_WORD_BREAK = re.compile(r"[\W_]+")


@require_safe
def language_root(request: HttpRequest) -> HttpResponse:
    """``/``: to the home page in the account's language, else the cookie's, the browser's, the site's."""
    language = ""
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
        language = preferences_of(request.user).language
    query = request.META.get("QUERY_STRING", "")
    response = HttpResponseRedirect(
        home_url(language or get_language_from_request(request)) + (f"?{query}" if query else "")
    )
    patch_vary_headers(response, ("Cookie", "Accept-Language"))
    return response


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with a search box that already holds the words of the address."""
    last = unquote(request.path).rstrip("/").rsplit("/", 1)[-1]
    return render(request, "404.html", {"guess": _WORD_BREAK.sub(" ", last).strip()[:80]}, status=404)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """A page that needs nothing: no request, no database, both languages."""
    try:
        css = static("portal/css/error.css")
    except ValueError:  # not collected: the page is readable without
        css = ""
    return HttpResponseServerError(get_template("500.html").render({"error_css_url": css}))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was too old or came from elsewhere; nothing that was typed is lost."""
    fields = [(name, str(value)) for name, value in request.POST.items() if name not in _NEVER_REPEATED]
    typed = [value for _name, value in fields if len(value) > _WORTH_KEEPING]
    kept = "\n\n".join(typed)[:_KEPT_CHARACTERS]
    return render(request, "403_csrf.html", {"kept_text": kept, "kept_url": request.path}, status=403)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """For monitors: 200 while the database answers; with the age of the oldest undelivered event in seconds.

    What else can be away without harm to the portal says so, and staff get figures of the process that answers
    (`portal.core.health`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    oldest = OutboxMessage.objects.pending().order_by("created_at").values_list("created_at", flat=True).first()
    age = int((timezone.now() - oldest).total_seconds()) if oldest else 0
    figures = reports_to_staff() if _is_staff(request) else {}
    return JsonResponse({"status": "ok", "outbox_oldest_seconds": age, **reports(), **figures})


def _is_staff(request: HttpRequest) -> bool:
    """Monitors come without a session, and none is looked up for them."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and bool(getattr(request.user, "is_staff", False))
