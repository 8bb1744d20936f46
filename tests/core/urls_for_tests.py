"""A small site for the tests of the foundation, separate from the portal's URLs."""

from __future__ import annotations

import itertools
import time

from django.conf.urls.i18n import i18n_patterns
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache

from portal.core.formats import date_text
from portal.core.http import same_origin_post
from portal.core.limits import limited, too_many_requests
from portal.core.preferences import current_preferences
from portal.core.scopes import depends_on

renderings = itertools.count(1)
#: How many seconds the next renderings take.
slowness = {"seconds": 0.0}


def page(request: HttpRequest) -> HttpResponse:
    """A page that shows how often it was rendered; the same for all visitors."""
    depends_on(request, "articles", *(["search"] if "q" in request.GET else []))
    time.sleep(slowness["seconds"])
    theme = current_preferences().theme
    hx = request.headers.get("HX-Request", "")
    text = f"<p>{request.get_full_path()} {translation.get_language()} {theme} {hx} rendering={next(renderings)}</p>"
    return HttpResponse(text + " " * 300)


def reads_user(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<p>{request.user.is_authenticated} rendering={next(renderings)}</p>")


def with_token(request: HttpRequest) -> HttpResponse:
    get_token(request)
    return HttpResponse(f"rendering={next(renderings)}")


def with_token_in_text(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f'<input name="csrfmiddlewaretoken" value="x"> rendering={next(renderings)}')


def with_cookie(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(f"rendering={next(renderings)}")
    response.set_cookie("seen", "1")
    return response


def with_nonce(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.csp_nonce} rendering={next(renderings)}")


def with_message(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Thank you")
    return HttpResponse(f"rendering={next(renderings)}")


def with_vary(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"rendering={next(renderings)}", headers={"Vary": "User-Agent"})


@never_cache
def uncached(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"rendering={next(renderings)}")


def data(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"rendering": next(renderings)})


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([f"rendering={next(renderings)}"])


def missing(request: HttpRequest) -> HttpResponse:
    next(renderings)
    raise Http404


def preferences(request: HttpRequest) -> JsonResponse:
    chosen = current_preferences()
    return JsonResponse(
        {
            "language": translation.get_language(),
            "theme": chosen.theme,
            "date": date_text(timezone.make_aware(timezone.datetime(2026, 11, 22))),
            "zone": timezone.get_current_timezone_name(),
        }
    )


@same_origin_post
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.method} done")


def limited_view(request: HttpRequest) -> HttpResponse:
    wait_seconds = limited(request, "test", 2, 60) if request.method == "POST" else None
    return HttpResponse("done") if wait_seconds is None else too_many_requests(request, wait_seconds)


def elsewhere(request: HttpRequest) -> HttpResponse:
    return redirect("/fa/page/")


handler400 = "portal.core.views.bad_request"

urlpatterns = [
    path("manifest-<slug:language>.webmanifest", page, name="brand_manifest"),  # every page names it
    path("preferences/", preferences),
    path("page/", page),
    path("guarded/", guarded),
    path("limited/", limited_view),
    *i18n_patterns(
        path("page/", page, name="page"),
        path("other/", page),
        path("user/", reads_user),
        path("token/", with_token),
        path("token-in-text/", with_token_in_text),
        path("cookie/", with_cookie),
        path("nonce/", with_nonce),
        path("message/", with_message),
        path("vary/", with_vary),
        path("uncached/", uncached),
        path("data/", data),
        path("streamed/", streamed),
        path("missing/", missing),
        path("elsewhere/", elsewhere),
        path("preferences/", preferences),
    ),
]
