"""HTTP helpers: origin of a request, forms without a token, status of a form page."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.urls import get_callable
from django.views.decorators.csrf import csrf_exempt, csrf_protect

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.forms import BaseForm
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: Addresses besides `BASE_URL` for which HTML is cached, in each process.
MAX_OTHER_ADDRESSES: Final = 7
_other_addresses: Final[set[tuple[str | None, str]]] = set()
REASON_OTHER_ORIGIN: Final = "The request did not come from a page of this site."


def is_cached_for(scheme: str | None, host: str) -> bool:
    """Return whether HTML made for this scheme and Host header may be cached.

    Django accepts any port and any case in that header, and HTML contains its own address: without a limit, a visitor
    who varies them could push the pages and frames of everybody else out of the caches. The address in `BASE_URL` is
    always cached, others in the order in which they are first used.
    """
    address = (scheme, host)
    if f"{scheme}://{host}" == settings.BASE_URL or address in _other_addresses:
        return True
    if len(_other_addresses) >= MAX_OTHER_ADDRESSES:
        return False
    _other_addresses.add(address)
    return True


def public_address(path: str) -> str:
    """Return the address of a path for those who keep it, such as feed readers and search engines.

    It does not depend on the Host header of a request, which a client can choose among the allowed ones.
    """
    return settings.BASE_URL + path


def is_same_origin(request: HttpRequest) -> bool:
    """Return whether the browser states that a page of this origin sent the request; False when it states nothing.

    ``Sec-Fetch-Site`` cannot be set by a page; browsers without it, and plain-HTTP sites, send ``Origin`` or
    ``Referer``. ``none`` means that the user did it, for instance by sending the form again after a reload.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    try:
        here = f"{request.scheme}://{request.get_host()}".lower()
    except DisallowedHost:
        return False
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.lower() == here
    try:
        referer = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return False
    return f"{referer.scheme}://{referer.netloc}".lower() == here


def same_origin_post(view: View) -> View:
    """Protect a view whose form people without an account send from cached pages, which contain no CSRF token.

    Signed-in people pass Django's full CSRF check. Others have no session that a forger could use; their request must
    come from a page of this origin. Refused requests get the usual CSRF page with status 403.
    """
    checked = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in _SAFE_METHODS:
            return view(request, *args, **kwargs)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return checked(request, *args, **kwargs)
        if not is_same_origin(request):
            refuse: View = get_callable(settings.CSRF_FAILURE_VIEW)
            return refuse(request, reason=REASON_OTHER_ORIGIN)
        return view(request, *args, **kwargs)

    return guarded


def form_status(form: BaseForm) -> int:
    """Return the status of a page with `form`: 422 when the submitted data has errors, so that programs notice too."""
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound and form.errors else HTTPStatus.OK
