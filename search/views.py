"""The results page, and suggestions while typing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from portal.core.limits import limited, too_many_requests
from search import queries, registry
from search.backends import Filters
from search.forms import SearchForm
from search.results import MAX_PAGES, PAGE_SIZE, SearchResult

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from search.documents import AnyUser
    from search.facets import Facet

#: A person who types asks many times before searching once.
_SUGGESTIONS_PER_SEARCH = 5


@dataclass(frozen=True, slots=True)
class Tab:
    """A section of the results."""

    label: str | _StrPromise
    count: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that was chosen, and the page without it."""

    label: str
    url: str


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """What was found, 20 a page; where to start, when nothing was."""
    wait_seconds = _wait_seconds(request, "search", 1)
    if wait_seconds is not None:
        return too_many_requests(request, wait_seconds)
    form = SearchForm(request.GET)
    language = _language()
    result = queries.search(
        text=form.text,
        user=_reader(request),
        language=language,
        filters=form.filters,
        page=form.page,
        exact=form.is_exact,
    )
    paginator = Paginator(range(min(result.total, MAX_PAGES * PAGE_SIZE)), PAGE_SIZE)
    context = {
        "form": form,
        "result": result,
        # What these say is shown inside HTML that is kept, and made only when that has to be made.
        "page_obj": SimpleLazyObject(lambda: paginator.get_page(result.page)),
        "page_range": SimpleLazyObject(
            lambda: list(paginator.get_elided_page_range(result.page, on_each_side=1, on_ends=1))
        ),
        "tabs": SimpleLazyObject(lambda: _tabs(form, result)),
        "filters": SimpleLazyObject(lambda: _filters(result)),
        "chips": SimpleLazyObject(lambda: _chips(form, result)),
        "others": SimpleLazyObject(lambda: _other_languages(form, result, language)),
        "exact_url": _address(form.text, form.filters, exact=True),
        "shows_results": bool(result.typed or form.filters),
        "shown_hits": tuple((hit.kind, hit.object_id) for hit in result.hits),
    }
    if not result.hits:
        context["start"] = queries.starting_points(user=_reader(request), language=language)
    return render(request, "search/results.html", context)


@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    """A fragment for the list under the search box; empty when there is nothing to offer."""
    wait_seconds = _wait_seconds(request, "search_suggest", _SUGGESTIONS_PER_SEARCH)
    if wait_seconds is not None:
        return HttpResponse(status=429, headers={"Retry-After": str(wait_seconds)})
    form = SearchForm(request.GET)
    suggestions = queries.suggest(text=form.text, user=_reader(request), language=_language())
    response = render(
        request,
        "search/_suggestions.html",
        {"suggestions": suggestions, "all_url": _address(suggestions.text, Filters())},
    )
    patch_cache_control(response, private=True, max_age=30)
    return response


def _wait_seconds(request: HttpRequest, scope: str, factor: int) -> int | None:
    limit: int = settings.SEARCH_REQUESTS_PER_MINUTE
    return limited(request, scope, limit * factor, 60, shared=False) if limit else None


def _reader(request: HttpRequest) -> AnyUser:
    """Who asks; without a session nobody is looked up."""
    return request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None


def _language() -> str:
    return (get_language() or settings.LANGUAGE_CODE).split("-")[0]


def _address(text: str, filters: Filters, *, exact: bool = False) -> str:
    """The results page for a question."""
    parameters = [
        *([("q", text)] if text else []),
        *(("kind", code) for code in filters.kinds),
        *(("product", code) for code in filters.products),
        *(("topic", code) for code in filters.topics),
        *(("language", code) for code in filters.languages),
        *([("exact", "1")] if exact else []),
    ]
    address = reverse("search:results")
    return f"{address}?{urlencode(parameters)}" if parameters else address


def _tabs(form: SearchForm, result: SearchResult) -> list[Tab]:
    """A tab per kind that has results, after one for all; none where there is only one kind."""
    facet = result.facets.get("kind")
    if facet is None or len(facet.values) < 2:
        return []
    counts = {value.code: value.count for value in facet.values}
    tabs = [
        Tab(
            document.label_plural,
            counts[document.name],
            _address(form.text, replace(form.filters, kinds=(document.name,)), exact=form.is_exact),
            form.filters.kinds == (document.name,),
        )
        for document in registry.all_documents()
        if document.name in counts
    ]
    everything = _address(form.text, replace(form.filters, kinds=()), exact=form.is_exact)
    return [Tab("", sum(counts.values()), everything, not form.filters.kinds), *tabs]


def _filters(result: SearchResult) -> list[Facet]:
    """The facets that are check boxes; a language alone is no choice."""
    facets = [result.facets[name] for name in ("product", "topic", "language") if name in result.facets]
    return [facet for facet in facets if len(facet.values) > (facet.name == "language")]


def _chips(form: SearchForm, result: SearchResult) -> list[Chip]:
    """The chosen products, topics and languages, each with the address that is left without it."""
    chips = []
    for name, field in (("product", "products"), ("topic", "topics"), ("language", "languages")):
        facet = result.facets.get(name)
        codes: tuple[str, ...] = getattr(form.filters, field)
        labels = {value.code: value.label for value in facet.values} if facet else {}
        for code in codes:
            left = replace(form.filters, **{field: tuple(other for other in codes if other != code)})
            if code in labels:
                chips.append(Chip(labels[code], _address(form.text, left, exact=form.is_exact)))
    return chips


def _other_languages(form: SearchForm, result: SearchResult, language: str) -> list[Tab]:
    """Languages that were not searched and hold results."""
    facet = result.facets.get("language")
    searched = form.filters.languages or (language,)
    return [
        Tab(
            value.label,
            value.count,
            _address(form.text, replace(form.filters, languages=(value.code,)), exact=form.is_exact),
            is_current=False,
        )
        for value in (facet.values if facet else [])
        if value.code not in searched and value.count
    ]
