"""Pages of downloads, and the one way to their files."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.core import feeds, files
from portal.core.audience import PUBLIC
from portal.core.brand import site_name
from portal.core.http import public_address, same_origin_post
from portal.core.limits import limited, too_many_requests
from portal.core.places import Crumb
from portal.core.scopes import depends_on
from portal.core.short_markdown import html_of
from portal.core.templatetags.places import json_ld
from portal.core.text import row_number
from portal.downloads import counting, queries, services
from portal.downloads.locks import platform_in
from portal.downloads.models import Channel, Download, File
from portal.downloads.structured_data import data_of
from portal.notifications.queries import is_following
from portal.notifications.services import mark_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User
    from portal.downloads.models import AnyUser, Release
    from portal.downloads.queries import Version

#: Versions a page shows before somebody asks for all.
_VERSIONS: Final = 5
#: Recommended downloads that are shown in full.
_RECOMMENDED: Final = 3
#: Of a product; PostgreSQL refuses some of what an address may contain.
_CODE: Final = re.compile(r"[\w-]{1,40}\Z", re.ASCII)
_MAX_ID: Final = 2**63 - 1
#: Licences a visitor accepted, in a signed cookie: nothing about visitors is stored here.
_COOKIE: Final = "licences"
_COOKIE_SALT: Final = "portal.downloads.licences"
_COOKIE_SECONDS: Final = 365 * 24 * 3600
_MOST_LICENCES: Final = 50
_SCOPES: Final = ("downloads", "catalogue", "site")


def _person(request: HttpRequest) -> AnyUser:
    """Return who asks; None, without touching the session, for people who have none."""
    return request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None


def _download_or_404(request: HttpRequest, slug: str) -> Download:
    found = Download.objects.visible_to(_person(request)).filter(slug=slug).prefetch_related("products").first()
    if found is None:
        raise Http404
    return found


def _platform(request: HttpRequest) -> str:
    return platform_in(request.headers.get("User-Agent", ""), request.headers.get("Sec-CH-UA-Platform", ""))


# Pages ---------------------------------------------------------------------------------------------------------------


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List everything the reader may see; what fits them comes first, and nothing is hidden.

    The page of visitors is the same for all of them, so that it can be kept: there a script marks what fits the platform.
    """
    depends_on(request, *_SCOPES)
    person = _person(request)
    product = request.GET.get("product", "")
    product = product if _CODE.match(product) else ""
    is_known = person is not None and person.is_authenticated
    rows = queries.listed(person, product=product, platform=_platform(request) if is_known else "")
    recommended = [row for row in rows if row.is_owned or row.fits][:_RECOMMENDED]
    products = {each.code: each for row in rows for each in row.products}
    context = {
        "recommended": recommended,
        "rows": [row for row in rows if row not in recommended],
        "product": products.get(product) if product else None,
        "feed_url": reverse("downloads:feed"),
    }
    return render(request, "downloads/index.html", context)


@require_safe
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a download: its latest files, all versions, what changed, and how to check what was downloaded."""
    depends_on(request, *_SCOPES)
    person = _person(request)
    found = _download_or_404(request, slug)
    products = list(found.products.all())
    versions = queries.versions_of(found)
    channels = [code for code in Channel.values if any(each.release.channel == code for each in versions)]
    asked = request.GET.get("channel", "")
    channel = asked if asked in channels else channels[0]
    shown = [each for each in versions if each.release.channel == channel]
    is_all = request.GET.get("all") == "1"
    is_known = person is not None and person.is_authenticated
    context = {
        "download": found,
        "products": products,
        "latest": shown[0],
        "versions": shown if is_all else shown[:_VERSIONS],
        "log": _log(shown if is_all else shown[:_VERSIONS]),
        "older": 0 if is_all else max(0, len(shown) - _VERSIONS),
        "channel": channel,
        "channels": [(code, label) for code, label in Channel.choices if code in channels],
        "lock": queries.lock_for(found, person),
        "own_version": queries.own_version(person, products),
        "platform": _platform(request) if is_known else "",
        "is_following": bool(is_known) and is_following(cast("User", person).pk, services.target_of(found.pk)),
        "feed_url": reverse("downloads:download_feed", args=[found.slug]),
        "crumbs": [Crumb(_("Downloads"), reverse("downloads:index"))],
        "latest_url": public_address(reverse("downloads_root:latest", args=[found.slug])),
    }
    if found.audience == PUBLIC:
        context["data"] = json_ld(data_of(found, shown[0]))
    if is_known:
        mark_read(person_id=cast("User", person).pk, subject=services.target_of(found.pk))
    return render(request, "downloads/download.html", context)


def _log(versions: Sequence[Version]) -> list[tuple[Release, str]]:
    """Return what changed, in safe HTML, of each version that says so."""
    language = get_language() or settings.LANGUAGE_CODE
    texts = ((each.release, each.release.changelog.in_language(language)) for each in versions)
    return [(release, html_of(text) if text else "") for release, text in texts if text or str(release.known_issue)]


@never_cache
@same_origin_post
@require_http_methods(["GET", "HEAD", "POST"])
def licence(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the licence and, once it is accepted, lead to the file it was asked for."""
    found = _download_or_404(request, slug)
    if not found.must_accept or queries.lock_for(found, _person(request)) is not None:
        return HttpResponseRedirect(found.get_absolute_url())
    number = row_number(request.GET.get("file", ""))
    wanted = queries.file_of(_person(request), number) if number is not None else None
    if wanted is not None and wanted.release.download_id != found.pk:
        wanted = None
    target = wanted.get_absolute_url() if wanted is not None else found.get_absolute_url()
    if _has_accepted(request, found):
        return HttpResponseRedirect(target)
    is_missing = request.method == "POST" and request.POST.get("accept") != "1"
    if request.method != "POST" or is_missing:
        context = {"download": found, "file": wanted, "is_missing": is_missing}
        status = HTTPStatus.UNPROCESSABLE_ENTITY if is_missing else HTTPStatus.OK
        return render(request, "downloads/licence.html", context, status=status)
    response = HttpResponseRedirect(target)
    person = _person(request)
    if person is not None and person.is_authenticated:
        services.accept_licence(person=cast("User", person), download=found)
    else:
        _remember(request, response, found)
    return response


@login_required
@never_cache
@require_POST
def follow(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the reader hear of new versions, or no longer."""
    person = cast("User", request.user)
    found = _download_or_404(request, slug)
    if wait_seconds := limited(request, "downloads.follow", 60, 3600):
        return too_many_requests(request, wait_seconds)
    services.follow(person=person, download=found, is_wanted=request.POST.get("on") != "0")
    return HttpResponseRedirect(found.get_absolute_url())


@require_safe
def short_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead from the number of a download to its page in the reader's language."""
    found = Download.objects.visible_to(_person(request)).filter(pk=pk).first() if pk <= _MAX_ID else None
    if found is None:
        raise Http404
    return HttpResponseRedirect(found.get_absolute_url())


# Feeds ---------------------------------------------------------------------------------------------------------------


@require_safe
@cache_control(public=True, max_age=feeds.SECONDS)
def feed(request: HttpRequest) -> HttpResponse:
    """Return the newest releases everybody may see."""
    title = _("Downloads of %(name)s") % {"name": site_name()}
    return _feed(request, title, reverse("downloads:index"), queries.news())


@require_safe
@cache_control(public=True, max_age=feeds.SECONDS)
def download_feed(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the releases of a download everybody may see."""
    found = Download.objects.visible_to(None).filter(slug=slug).first()
    if found is None:
        raise Http404
    return _feed(request, str(found), found.get_absolute_url(), queries.news(found))


def _feed(request: HttpRequest, title: str, path: str, releases: Sequence[Release]) -> HttpResponse:
    language = get_language() or settings.LANGUAGE_CODE
    made = feeds.new_feed(request, title=title, path=path)
    for release in releases:
        address = public_address(release.download.get_absolute_url())
        made.add_item(
            title=f"{release.download} {release.version}",
            link=address,
            description=html_of(release.changelog.in_language(language)),
            pubdate=release.published_at,
            updateddate=release.published_at,
            unique_id=f"{address}#{release.version}",
        )
    return feeds.answer(made)


# Files ---------------------------------------------------------------------------------------------------------------


@require_safe
def latest(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead to the latest file; ``?platform=`` and ``?arch=`` choose one of several. To the page if it is not clear which."""
    found = _download_or_404(request, slug)
    platform = request.GET.get("platform", "")
    chosen = queries.latest_file(
        found,
        platform=platform if platform in queries.PLATFORMS else "",
        guess=_platform(request),
        architecture=request.GET.get("arch", "")[:10],
    )
    response = HttpResponseRedirect(chosen.get_absolute_url() if chosen is not None else found.get_absolute_url())
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def file(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """Send a file to who may have it; others are led to the page that says what is missing."""
    refused = _refusal(request, pk, name, is_signature=False)
    if isinstance(refused, File):
        response = files.send(
            request, str(refused.file.name), is_public=refused.release.download.is_free, name=refused.name
        )
        counting.note_transfer(request, response, refused)
        return response
    return refused


@require_safe
def signature(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """Send the detached signature of a file."""
    refused = _refusal(request, pk, name, is_signature=True)
    if isinstance(refused, File):
        is_public = refused.release.download.is_free
        return files.send(request, str(refused.signature.name), is_public=is_public, name=refused.signature_name)
    return refused


def _refusal(request: HttpRequest, pk: int, name: str, *, is_signature: bool) -> File | HttpResponse:
    """Return the file if this reader may fetch it now, else the answer they get. Raises `Http404`."""
    person = _person(request)
    found = queries.file_of(person, pk) if pk <= _MAX_ID else None
    if found is None or name != (found.signature_name if is_signature else found.name):
        raise Http404
    shown = found.release.download
    wait_seconds = limited(
        request, "downloads.file", settings.DOWNLOADS_PER_HOUR, 3600, is_frequent=True, by_network=person is None
    )
    if wait_seconds:
        return too_many_requests(request, wait_seconds)
    answer: str | None = None
    if not shown.is_free:
        if queries.lock_for(shown, person) is not None:
            answer = shown.get_absolute_url()
        elif shown.must_accept and not is_signature and not _has_accepted(request, shown):
            answer = f"{reverse('downloads:licence', args=[shown.slug])}?file={found.pk}"
    if answer is None:
        return found
    response = HttpResponseRedirect(answer)
    response["Cache-Control"] = "private, no-store"
    return response


# Licences of visitors ------------------------------------------------------------------------------------------------


def _has_accepted(request: HttpRequest, download: Download) -> bool:
    person = _person(request)
    if person is not None and person.is_authenticated:
        return queries.has_accepted(person, download)
    return _mark_of(download) in _accepted(request)


def _mark_of(download: Download) -> str:
    return f"{download.pk}.{download.licence_version}"


def _accepted(request: HttpRequest) -> list[str]:
    try:
        text = signing.loads(request.COOKIES.get(_COOKIE, ""), salt=_COOKIE_SALT, max_age=_COOKIE_SECONDS)
    except signing.BadSignature:
        return []
    return text.split() if isinstance(text, str) else []


def _remember(request: HttpRequest, response: HttpResponse, download: Download) -> None:
    marks = [*_accepted(request), _mark_of(download)][-_MOST_LICENCES:]
    response.set_cookie(
        _COOKIE,
        signing.dumps(" ".join(marks), salt=_COOKIE_SALT),
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
