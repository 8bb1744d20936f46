"""Middleware for security headers of every response and for the preferences of every reader."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from http import HTTPStatus
from traceback import walk_tb
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from csp.constants import HEADER, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DataError
from django.http import HttpResponse, HttpResponseNotFound
from django.http.request import split_domain_port
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import LazyObject
from django.utils.html import format_html
from django.utils.translation import get_language_from_path
from django.utils.translation import gettext as _
from wagtail.contrib.redirects.middleware import RedirectMiddleware
from wagtail.contrib.redirects.models import Redirect

from portal.core.audience import reading_as
from portal.core.brand import at_site
from portal.core.pages import PortalPage, site_roots
from portal.core.preferences import preferences_from_cookies, preferences_in_use, preferences_of
from portal.core.routing import find_page
from portal.core.runs import isolate_html
from portal.core.text import row_number
from portal.core.views import health
from portal.our_apps import OUR_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from csp.middleware import PolicyParts
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

#: Exceptions of Django and Wagtail for a value that is missing, invalid, or does not fit into a column.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError, DataError)

#: Wagtail's page editor and reports start their date choosers with inline scripts and position things with inline
#: styles.
INLINE_PREFIXES: Final = ("/admin/", "/django-admin/")
#: Path of the health check.
HEALTH_PATH: Final = "/health/"
_INLINE: Final = {"script-src": [UNSAFE_INLINE], "style-src": [UNSAFE_INLINE]}

#: Powerful browser features that no page uses. Passkeys and copying keep their default: this origin only.
PERMISSIONS_POLICY: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)

_PER_RESPONSE: Final = (
    "_csp_config",
    "_csp_update",
    "_csp_replace",
    "_csp_exempt",
    "_csp_config_ro",
    "_csp_update_ro",
    "_csp_replace_ro",
    "_csp_exempt_ro",
)


#: Control characters in a decoded path, and those, except tabs and line breaks, in a query as it was sent.
_IN_PATH: Final = re.compile(r"[\x00-\x1f\x7f]")
_IN_QUERY: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|%(?:0[0-8bcef]|1[0-9a-f]|7f)", re.IGNORECASE)


class SiteMiddleware:
    """Has everything below use the brand of the site at which the request came in. Costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            host = split_domain_port(request.get_host())[0]
        except DisallowedHost:  # refused below
            return self.get_response(request)
        with at_site(host, row_number(request.get_port()) or 0):
            return self.get_response(request)


class ControlCharactersMiddleware:
    """Keeps control characters in addresses from everybody behind it: PostgreSQL refuses texts that contain a NUL.

    Nothing has an address with one: 404, in plain text, since nobody is there to read it. From a query, in which they
    may come along with something pasted, they are taken out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _IN_PATH.search(request.path_info):
            text = "There is nothing here.\nاینجا چیزی نیست.\n"
            return HttpResponseNotFound(text, content_type="text/plain; charset=utf-8")
        query = request.META.get("QUERY_STRING", "")
        if _IN_QUERY.search(query):
            request.META["QUERY_STRING"] = _IN_QUERY.sub("", query)
        return self.get_response(request)


class PrivateResponseMiddleware:
    """Marks what somebody with a session gets: caches between us must not keep it, and browsers must ask again.

    Views that say something themselves are right. Outside the session's middleware, which sets the cookie of those who
    have just signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        name = settings.SESSION_COOKIE_NAME
        if name in request.COOKIES or name in response.cookies:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


class HealthMiddleware:
    """Answers `/health/` before the host name is checked, because monitors often use an IP address.

    Requests with a session take the normal path, since staff get more figures.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == HEALTH_PATH and settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return health(request)
        return self.get_response(request)


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Sets Permissions-Policy and the strict policy of the settings; inline code is allowed in the two admins only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        # The policy is the same for all pages of a kind: built once, unless a view changes it or uses a nonce.
        self._strict = build_policy()
        self._with_inline = build_policy(update=_INLINE)
        self._is_plain = not settings.DEBUG and not getattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY", None)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        used_nonce = getattr(request, "_csp_nonce", None) is not None
        if not self._is_plain or used_nonce or not vars(response).keys().isdisjoint(_PER_RESPONSE):
            return super().process_response(request, response)
        policy = self._with_inline if request.path_info.startswith(INLINE_PREFIXES) else self._strict
        response.headers.setdefault(HEADER, policy)
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(INLINE_PREFIXES):
            parts.update = {**_INLINE, **(parts.update or {})}
        return parts


class UnreadableRequestMiddleware:
    """Returns 400 instead of a server error when a package's staff page cannot read a request.

    Wagtail's admin trusts its own pages: an invented id in a URL, or a form without its fields, raises arbitrary
    exceptions. If only code of packages was involved, this is treated as a client error. It is still logged as an error
    with its traceback, because it may be a bug of the package. An error in our own code remains a server error.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if not request.path_info.startswith(INLINE_PREFIXES) or not isinstance(exception, _UNREADABLE):
            return None
        modules = {frame.f_globals.get("__name__", "") for frame, _line in walk_tb(exception.__traceback__)}
        if not {module.partition(".")[0] for module in modules}.isdisjoint(OUR_FOLDERS):
            return None
        view = getattr(request.resolver_match, "view_name", "")
        logger.error("%s of %s could not be read", request.method, view, exc_info=exception)
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)


class VisibleRedirectMiddleware(RedirectMiddleware):
    """Redirects from old addresses (Wagtail's redirects), but never to a page the reader may not see: its address tells its name.

    For them there is nothing at the old address, as there is nothing at the new one.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        answer: HttpResponseBase = super().process_response(request, response)
        if answer is response:
            return response
        answer, page = self._with_query(answer, request.META["QUERY_STRING"]), self._page_at(answer.headers["Location"])
        if page is None:
            return response if self._leads_to_draft(request) else answer
        return answer if page.is_visible_to(getattr(request, "user", None)) else response

    @staticmethod
    def _leads_to_draft(request: HttpRequest) -> bool:
        """Return whether the old address is that of a page that is not published: its new one would tell its title."""
        paths = {Redirect.normalise_path(path) for path in (request.path, request.get_full_path())}
        return bool(Redirect.objects.filter(old_path__in=paths, redirect_page__live=False).exists())

    @staticmethod
    def _with_query(answer: HttpResponseBase, query: str) -> HttpResponseBase:
        """Take the query along, as of a link in a mail: what it asks for is asked of the new address."""
        address, mark, anchor = answer.headers["Location"].partition("#")
        if query and "?" not in address:
            answer.headers["Location"] = f"{address}?{query}{mark}{anchor}"
        return answer

    @staticmethod
    def _page_at(address: str) -> PortalPage | None:
        """Return the page of ours with this address; one or two queries, since redirects are rare."""
        path = unquote(urlsplit(address).path)
        for root in site_roots():
            prefix = f"/{root.language_code}/"
            if path.startswith(prefix):
                page = find_page(root.root_path + path.removeprefix(prefix))
                if isinstance(page, PortalPage):
                    return page
        return None


#: The admin, where every text is isolated, and the language a page says it is in.
_ADMIN: Final = "/admin/"
_PAGE_LANGUAGE: Final = re.compile(rb'<html[^>]* lang="([a-z]{2})')


def _with_words(html: str) -> str:
    """Return a screen of the admin with the button that Wagtail names in English in every language."""
    return html.replace('type="submit" value="Search"', format_html('type="submit" value="{}"', _("Search")))


class AdminRunsMiddleware:
    """Gives titles, codes and names of the other script their own direction on all screens and dialogs of the admin.

    Wagtail's templates write them as they are; `portal.core.runs` decides for each paragraph.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path_info.startswith(_ADMIN) or response.streaming or not isinstance(response, HttpResponse):
            return response
        content = response.content
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html"):
            found = _PAGE_LANGUAGE.search(content, 0, 2_000)
            language = found[1].decode() if found else translation.get_language() or ""
            with suppress(UnicodeDecodeError):  # what is not text has no runs
                response.content = isolate_html(_with_words(response.text), language=language)
        elif kind.startswith("application/json") and b'"html"' in content:
            dialog = json.loads(content)
            if isinstance(dialog, dict) and isinstance(dialog.get("html"), str):
                dialog["html"] = isolate_html(_with_words(dialog["html"]), language=translation.get_language() or "")
                response.content = json.dumps(dialog)
        return response


class PreferencesMiddleware:
    """Applies the reader's calendar, digits, theme, time zone, audiences and, where the URL has none, language.

    Must come after the locale and authentication middleware. A request without a session cookie has no account: it
    touches neither the session nor the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user: Any = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if user is None or not user.is_authenticated:
            preferences = preferences_from_cookies(request.COOKIES)
        else:
            if isinstance(user, LazyObject):
                # Known now: a page asks it for hundreds of attributes, each of which would go through the proxy.
                user = request.user = user._wrapped  # noqa: SLF001 - the person it stands for
            preferences = preferences_of(user)
            if preferences.language and get_language_from_path(request.path_info) is None:
                translation.activate(preferences.language)
                request.LANGUAGE_CODE = translation.get_language()
        with preferences_in_use(preferences, with_language=False), reading_as(user):
            return self.get_response(request)
