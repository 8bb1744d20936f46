"""Pages of troubleshooters: one question each, with the path so far in the address."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from django.conf import settings
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.core.http import same_origin_post
from portal.core.limits import limited, too_many_requests
from portal.core.pages import ARTICLES
from portal.core.places import Crumb
from portal.core.scopes import depends_on
from portal.core.support import support_contact
from portal.core.visitors import VisitorCookie
from portal.troubleshooters import counting, queries, services
from portal.troubleshooters.graph import Kind
from portal.troubleshooters.showing import address_after, addresses_of, believed, chosen_address, given_in, shown_step
from portal.troubleshooters.taking_along import plain_text
from portal.troubleshooters.walking import Path, parse

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User
    from portal.troubleshooters.graph import Graph, Step
    from portal.troubleshooters.models import AnyUser, Troubleshooter

OUTCOMES_PER_HOUR: Final = 10
#: Readers without an account who answer for the first time: few of an hour at one address, some of a day in its range.
NEW_PER_HOUR: Final = 3
NEW_PER_DAY: Final = 20
#: Who answered without an account counts once per version within half a year.
GUIDED: Final = VisitorCookie(name="guided", purpose="troubleshooters", max_age_seconds=60 * 60 * 24 * 180)
_SCOPES: Final = (queries.SCOPE, "catalogue", "site")


def _person(request: HttpRequest) -> AnyUser:
    """Return who asks; None, without touching the session, for people who have none."""
    return request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None


def _found_or_404(request: HttpRequest, slug: str) -> Troubleshooter:
    found = queries.found(_person(request), slug)
    if found is None:
        raise Http404
    return found


def _language(troubleshooter: Troubleshooter) -> str:
    """Return the language the words are shown in: the page's, if it is complete in it."""
    language = get_language() or settings.LANGUAGE_CODE
    shown = troubleshooter.shown_languages
    return language if language in shown or not shown else shown[0]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List what the reader may see."""
    depends_on(request, *_SCOPES)
    rows = queries.listed(_person(request), get_language() or settings.LANGUAGE_CODE)
    return render(request, "troubleshooters/index.html", {"rows": rows})


@require_safe
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the first question: the page that is found, kept, and linked to."""
    found = _found_or_404(request, slug)
    version = queries.version_of(found, None)
    graph = version.steps
    first = graph.step(graph.start)
    if first is None:
        raise Http404
    return _step_page(request, found, graph, first, Path(version.number), is_start=True)


@require_safe
def step(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show a step and how its reader came there. A path that cannot be walked is left out, and the step still shown."""
    found = _found_or_404(request, slug)
    asked = parse(request.GET.get("p", ""))
    version = queries.version_of(found, asked)
    graph = version.steps
    at = graph.step(number)
    if at is None:
        # A step of a version that is walked no more.
        return HttpResponseRedirect(found.get_absolute_url())
    path = believed(graph, asked, version.number, number) or Path(version.number)
    return _step_page(request, found, graph, at, path)


def _step_page(
    request: HttpRequest, found: Troubleshooter, graph: Graph, at: Step, path: Path, *, is_start: bool = False
) -> HttpResponse:
    depends_on(request, *_SCOPES, *([ARTICLES] if at.kind is Kind.ARTICLE else []))
    addresses = addresses_of(found)
    if url := chosen_address(request.GET.get("a", ""), graph, at, path, addresses):
        return HttpResponseRedirect(url)
    language = _language(found)
    shown = shown_step(graph, at, path, user=_person(request), language=language, addresses=addresses)
    context = {
        "troubleshooter": found,
        "title": found.title.in_language(language),
        "intro": found.intro.in_language(language),
        "shown": shown,
        "is_start": is_start,
        "has_no_answer": "go" in request.GET or "a" in request.GET,
        "is_thanked": request.GET.get("thanks") == "1",
        "languages": found.shown_languages,
        "crumbs": [Crumb(gettext("Step-by-step help"), reverse("troubleshooters:index"))],
        "along": plain_text(found.title.in_language(language), shown.given),
        "support": support_contact(),
        "is_preview": False,
    }
    response = render(request, "troubleshooters/step.html", context)
    counting.tell_arrival(response, found, at.number, path.hops[-1].step if path.hops else None)
    return response


@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who helps on, and the path to take along."""
    found = _found_or_404(request, slug)
    depends_on(request, *_SCOPES)
    asked = parse(request.GET.get("p", ""))
    version = queries.version_of(found, asked)
    graph = version.steps
    path = believed(graph, asked, version.number, None) or Path(version.number)
    language = _language(found)
    given = given_in(graph, path, language, addresses_of(found))
    context = {
        "troubleshooter": found,
        "title": found.title.in_language(language),
        "language": language,
        "given": given,
        "along": plain_text(found.title.in_language(language), given),
        "path": path,
        "beginning": found.get_absolute_url(),
        "back": given[-1].url if given else found.get_absolute_url(),
        "support": support_contact(),
    }
    response = render(request, "troubleshooters/people.html", context)
    counting.tell_arrival(response, found, counting.PEOPLE, path.hops[-1].step if path.hops else None)
    return response


@never_cache
@same_origin_post
@require_POST
def outcome(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Store whether it helped; who was not helped is led on."""
    found = _found_or_404(request, slug)
    asked = parse(request.POST.get("p", ""))
    version = queries.version_of(found, asked)
    graph = version.steps
    at = graph.step(number)
    if at is None or at.kind not in {Kind.SOLUTION, Kind.ARTICLE} or request.POST.get("solved") not in {"yes", "no"}:
        return HttpResponseRedirect(found.get_absolute_url())
    path = believed(graph, asked, version.number, number) or Path(version.number)
    person = _person(request)
    user = cast("User", person) if person is not None and person.is_authenticated else None
    visitor = "" if user else GUIDED.key_of(request)
    wait_seconds = limited(request, f"troubleshooter:{found.pk}", OUTCOMES_PER_HOUR, 3600)
    if wait_seconds is None and visitor and queries.own_outcome(version, user=None, visitor=visitor) is None:
        wait_seconds = limited(request, f"troubleshooter-hour:{found.pk}", NEW_PER_HOUR, 3600) or limited(
            request, f"troubleshooter-day:{found.pk}", NEW_PER_DAY, 86_400, by_network=True
        )
    if wait_seconds is not None:
        return too_many_requests(request, wait_seconds)
    is_solved = request.POST["solved"] == "yes"
    services.give_outcome(version=version, step=number, is_solved=is_solved, user=user, visitor=visitor)
    addresses = addresses_of(found)
    url = f"{addresses.of(number, path)}&thanks=1" if is_solved else address_after(graph, at, path, None, addresses)
    response = HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)
    if visitor:
        GUIDED.remember(response, visitor)
    return response
