"""Context every template has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi

from portal.core import shell as frame
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from django.http import HttpRequest


class Nav:
    """Addresses for the frame, looked up only when a template asks."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def home_url(self) -> str:
        return frame.home_url(get_language() or settings.LANGUAGE_CODE)

    @property
    def help_url(self) -> str:
        return frame.nav_url("help")

    @property
    def accessibility_url(self) -> str:
        return frame.nav_url("accessibility")

    @property
    def privacy_url(self) -> str:
        return frame.nav_url("privacy")

    @property
    def search_url(self) -> str:
        return frame.named_url("search:results")

    @property
    def suggest_url(self) -> str:
        return frame.named_url("search:suggest")

    @property
    def account_url(self) -> str:
        return frame.named_url("accounts:overview")

    @property
    def login_url(self) -> str:
        return frame.named_url("account_login")

    @property
    def logout_url(self) -> str:
        return frame.named_url("account_logout")

    @property
    def signup_url(self) -> str:
        return frame.named_url("account_signup")

    @property
    def section(self) -> str:
        page = getattr(self._request, "portal_page", None)
        if page is not None:
            return str(getattr(page, "nav_section", ""))
        match = self._request.resolver_match
        namespace = match.namespace if match else ""
        if namespace == "search":
            return "search"
        if namespace in {"accounts", "catalog"} or (
            match and (match.url_name or "").startswith(("account_", "mfa_", "usersessions_"))
        ):
            return "account"
        return ""


def shell(request: HttpRequest) -> dict[str, Any]:
    """The names templates/base.html uses."""
    language = get_language() or settings.LANGUAGE_CODE
    return {
        "LANGUAGE_CODE": language,
        "text_dir": "rtl" if get_language_bidi() else "ltr",
        "theme": current_preferences().theme,
        "nav": Nav(request),
        "language_links": SimpleLazyObject(lambda: frame.language_links(request)),
        "site_brand": {"name": settings.SITE_NAME.get(language, ""), "tagline": settings.SITE_TAGLINE},
    }
