"""A small site behind the portal's server, for `test_serving`: no database, and limits from the environment."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of a test",
        MIDDLEWARE=["portal.core.serving.middleware.RefusalMiddleware"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {f"{status}.html": f"page {status}" for status in (400, 408, 413)},
                        )
                    ]
                },
            }
        ],
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        USE_TZ=True,
    )
    django.setup()

from portal.core.serving.application import Application
from portal.core.serving.files import FileSlice
from portal.core.serving.limits import Limits

asked = 0
FILES = Path(os.environ.get("SERVING_FILES", "/nonexistent"))


def tell(request: HttpRequest) -> JsonResponse:
    """Tell what arrived, and how many requests have so far."""
    global asked  # noqa: PLW0603 - one process, one thread
    asked += 1
    return JsonResponse({
        "asked": asked,
        "method": request.method,
        "path": request.path,
        "query": request.META["QUERY_STRING"],
        "address": request.META["REMOTE_ADDR"],
        "scheme": request.scheme,
        "headers": dict(request.headers),
        "size": len(request.body),
        "digest": hashlib.sha256(request.body).hexdigest(),
    })  # fmt: skip


def whole(request: HttpRequest, name: str) -> FileResponse:
    return FileResponse((FILES / name).open("rb"))


def part(request: HttpRequest, name: str, first: int, length: int) -> StreamingHttpResponse:
    content = FileSlice((FILES / name).open("rb"), first, length)
    return StreamingHttpResponse(content, status=206, headers={"Content-Length": str(length)})


def with_cookies(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("baked")
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


urlpatterns = [
    path("files/<str:name>", whole),
    path("parts/<str:name>/<int:first>/<int:length>", part),
    path("cookies/", with_cookies),
    path("", tell),
    path("<path:rest>", lambda request, rest: tell(request)),
]

application = Application(
    Limits(**json.loads(os.environ.get("SERVING_LIMITS", "{}"))),
    who_sends_more=lambda environ: {"sessionid=real": 1, "sessionid=other": 2}.get(environ.get("HTTP_COOKIE", ""), 0),
)
