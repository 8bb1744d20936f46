"""The results page, and suggestions while a person types."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.catalog.queries import own_product_codes
from portal.core.limits import limited, too_many_requests
from portal.core.preferences import current_language
from portal.core.scopes import depends_on
from portal.core.support import support_contact
from portal.insight.facts import tell
from search import queries, registry
from search.activity.popular import popular_searches
from search.activity.recording import FACT, search_facts
from search.asking.person import asks_for_person
from search.forms import SearchForm, results_address
from search.index.plan import MAX_PAGES, PAGE_SIZE, Filters, Sort
from search.registry import KIND, LANGUAGE
from search.showing.guidance import starting_points
from search.showing.results import SearchResult, StartingPoints

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from search.documents import AnyUser
    from search.showing.facets import ShownFacet

#: Suggestions are requested several times for each search.
_SUGGESTIONS_PER_SEARCH = 5


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: the results of one kind, or all."""

    label: str | _StrPromise
    count: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A chosen filter, and the URL without it."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the results, and its URL."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class BroaderLink:
    """A broader question, its number of results, and its URL."""

    label: str
    count: int
    url: str
    is_unfiltered: bool


@dataclass(frozen=True, slots=True)
class Age:
    """A choice of how recently results were changed; without a code, any time."""

    code: str
    label: str
    is_chosen: bool


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """The results page, with 20 results; starting points if nothing was found."""
    wait_seconds = _wait_seconds(request, "search", 1)
    if wait_seconds is not None:
        return too_many_requests(request, wait_seconds)
    depends_on(request, *queries.SHOWN)
    form = SearchForm(request.GET)
    language = current_language()
    reader = _reader(request)
    own_products = own_product_codes(reader)
    support = support_contact()
    wants_person = support is not None and asks_for_person(form.text)
    result = queries.search(
        text=form.text,
        user=reader,
        language=language,
        filters=form.filters,
        page=form.page,
        exact=form.is_exact,
        sort=form.sort,
        own_products=own_products,
    )
    paginator = Paginator(range(min(result.total, MAX_PAGES * PAGE_SIZE)), PAGE_SIZE)
    context = {
        "form": form,
        "result": result,
        # These are shown inside cached HTML, and computed only if that has to be rendered.
        "paging": SimpleLazyObject(lambda: _paging(form, result, paginator)),
        "tabs": SimpleLazyObject(lambda: _tabs(form, result)),
        "filters": SimpleLazyObject(lambda: _filters(result)),
        "chips": SimpleLazyObject(lambda: _chips(form, result)),
        "others": SimpleLazyObject(lambda: _other_languages(form, result, language)),
        "likelier_url": SimpleLazyObject(lambda: form.address(text=result.meant)),
        "exact_url": SimpleLazyObject(lambda: form.address(exact=True)),
        "orders": SimpleLazyObject(lambda: _orders(form)),
        "freshness": SimpleLazyObject(lambda: _freshness(form)),
        "shows_results": bool(result.typed or form.filters),
        "results_key": _key(form, result),
        "support": support,
        "asks_for_person": wants_person,
        # Results that only mention some of the words would be in the way of the telephone.
        "shows_hits": bool(result.hits)
        and not (wants_person and any(each.code in queries.LACKING for each in result.notices)),
        # What no text says does not matter to somebody who asks for a person.
        "notices": [each for each in result.notices if not (wants_person and each.code in queries.LACKING)],
    }
    if not result.hits:
        start = context["start"] = starting_points(
            user=reader,
            language=language,
            text=form.text,
            filters=form.filters,
            exact=form.is_exact,
            own_products=own_products,
        )
        context["popular"] = popular_searches(language)
        context["broader"] = _broader(form, start)
        context["meant_url"] = form.address(exact=False)
    response = render(request, "search/results.html", context)
    if form.is_new_question and result.typed:
        tell(response, FACT, *search_facts(result, language))
    return response


@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    """An HTML fragment for the list below the search box; empty if there are no suggestions."""
    wait_seconds = _wait_seconds(request, "search_suggest", _SUGGESTIONS_PER_SEARCH)
    if wait_seconds is not None:
        return HttpResponse(status=429, headers={"Retry-After": str(wait_seconds)})
    form = SearchForm(request.GET)
    suggestions = queries.suggest(text=form.text, user=_reader(request), language=current_language())
    context = {
        "suggestions": suggestions,
        "all_url": results_address([("q", suggestions.text)] if suggestions.text else []),
        "support": support_contact() if asks_for_person(form.text) else None,
    }
    response = render(request, "search/_suggestions.html", context)
    patch_cache_control(response, private=True, max_age=30)
    return response


def _wait_seconds(request: HttpRequest, scope: str, factor: int) -> int | None:
    limit: int = settings.SEARCH_REQUESTS_PER_MINUTE
    return limited(request, scope, limit * factor, 60, is_frequent=True) if limit else None


def _reader(request: HttpRequest) -> AnyUser:
    """The user of the request; None without a session cookie, so that no session is looked up."""
    return request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None


def _key(form: SearchForm, result: SearchResult) -> str:
    """The cache key of the HTML of these results, which all readers with the same results share: a short hash."""
    hits = [(hit.kind, hit.object_id) for hit in result.hits]
    pins = [(pin.kind, pin.object_id, str(pin.url)) for pin in result.pins]
    known_by = repr((form.address(), result.page, result.version, str(result.meant), hits, pins))
    return hashlib.blake2b(known_by.encode(), digest_size=16).hexdigest()


def _paging(form: SearchForm, result: SearchResult, paginator: Paginator[int]) -> dict[str, Any]:
    """What the pager shows: the page, the numbers of the others, and the parameters of their addresses."""
    return {
        "page": paginator.get_page(result.page),
        "numbers": list(paginator.get_elided_page_range(result.page, on_each_side=1, on_ends=1)),
        "query": QueryDict(urlsplit(form.address()).query),
    }


def _tabs(form: SearchForm, result: SearchResult) -> list[Tab]:
    """A tab for all results and one per kind with results; empty if there is only one kind."""
    facet = result.facets.get(KIND.name)
    if facet is None or len(facet.values) < 2:
        return []
    counts = {value.code: value.count for value in facet.values}
    tabs = [
        Tab(
            document.label_plural,
            counts[document.name],
            form.address(filters=form.filters.choosing(kind=[document.name])),
            form.filters.kinds == (document.name,),
        )
        for document in registry.all_documents()
        if document.name in counts
    ]
    everything = form.address(filters=form.filters.choosing(kind=()))
    return [Tab("", sum(counts.values()), everything, not form.filters.kinds), *tabs]


def _filters(result: SearchResult) -> list[ShownFacet]:
    """The facets shown as check boxes: without kinds, which are tabs, and without languages if there is only one."""
    facets = [facet for name, facet in result.facets.items() if name != KIND.name]
    return [facet for facet in facets if len(facet.values) > (facet.name == LANGUAGE.name)]


def _chips(form: SearchForm, result: SearchResult) -> list[Chip]:
    """The chosen facet values, and the age, each with the URL without it.

    A filter on the reader's own language alone is not listed, because that is the default.
    """
    chosen = form.filters.choosing(kind=())
    if chosen.languages == (current_language(),):
        chosen = chosen.choosing(language=())
    chips = []
    for name, facet in result.facets.items():
        labels = {value.code: value.label for value in facet.values}
        codes = chosen.get(name, ())
        for code in codes:
            if code in labels:
                left = form.filters.choosing(**{name: [other for other in codes if other != code]})
                chips.append(Chip(labels[code], form.address(filters=left)))
    chips += [Chip(age.label, form.address(updated="")) for age in _freshness(form) if age.code and age.is_chosen]
    return chips


def _freshness(form: SearchForm) -> list[Age]:
    """The choices of how recently a result was changed."""
    labels = (("", _("Any time")), ("month", _("Past month")), ("year", _("Past year")))
    return [Age(code, label, form.updated == code) for code, label in labels]


def _orders(form: SearchForm) -> list[Order]:
    """The possible orders of the results."""
    first = _("Best match") if form.text.strip() else _("Most helpful")
    labels = ((Sort.RELEVANCE, first), (Sort.NEWEST, _("Newest first")))
    return [Order(label, form.address(sort=sort), form.sort == sort) for sort, label in labels]


def _broader(form: SearchForm, start: StartingPoints) -> list[BroaderLink]:
    """Links to broader questions."""
    unfiltered = Filters(language=form.filters.languages)
    return [
        BroaderLink(broader.text, broader.total, form.address(text=broader.text), is_unfiltered=False)
        if broader.keeps_filters
        else BroaderLink(
            broader.text,
            broader.total,
            form.address(text=broader.text, filters=unfiltered, updated=""),
            is_unfiltered=True,
        )
        for broader in start.broader
    ]


def _other_languages(form: SearchForm, result: SearchResult, language: str) -> list[Tab]:
    """Languages that were not searched and have results."""
    facet = result.facets.get(LANGUAGE.name)
    searched = form.filters.languages or (language,)
    return [
        Tab(
            value.label,
            value.count,
            form.address(filters=form.filters.choosing(language=[value.code])),
            is_current=False,
        )
        for value in (facet.values if facet else [])
        if value.code not in searched and value.count
    ]
