"""Views for short links and feedback. Their URLs have no language, because they belong to all translations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from faq import queries, services
from faq.exceptions import FaqError
from faq.forms import FeedbackForm
from faq.models import ArticlePage, Feedback
from portal.core.http import form_status, same_origin_post
from portal.core.limits import client_address, limited, too_many_requests
from portal.core.pages import page_url
from portal.core.text import row_number
from portal.core.visitors import VisitorCookie, origin_of

if TYPE_CHECKING:
    from django.http import HttpRequest

VOTES_PER_HOUR = 10
#: Readers without an account who vote for the first time: few of an hour at one address, some of a day in its range.
NEW_VOTERS_PER_HOUR = 3
NEW_VOTERS_PER_DAY = 20
#: A voter without an account counts once within half a year.
VOTER = VisitorCookie(name="visitor", purpose="feedback", max_age_seconds=60 * 60 * 24 * 180)


@require_safe
def short_link(request: HttpRequest, number: int) -> HttpResponse:
    """Redirect ``/a/<number>`` to the article in the reader's language, else in another one."""
    article = queries.article_by_number(number, get_language() or settings.LANGUAGE_CODE, request.user)
    if article is None:
        raise Http404
    response = HttpResponseRedirect(page_url(article))
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@same_origin_post
def article_feedback(request: HttpRequest, number: int) -> HttpResponse:
    """Store an answer to "Did this solve it?" (POST); htmx gets the next part of the form, other browsers a page.

    GET shows the whole form on a page of its own, for browsers without JavaScript.
    """
    given = request.POST if request.method == "POST" else request.GET
    language = given.get("language", "")
    if language not in dict(settings.LANGUAGES):
        language = get_language() or settings.LANGUAGE_CODE
    article = queries.article_by_number(number, language, request.user)
    if article is None:
        raise Http404
    with override(article.locale.language_code):
        response = _post(request, article, number) if request.method == "POST" else _form_page(request, article, number)
        response.headers.setdefault("Content-Language", get_language() or "")
    patch_vary_headers(response, ["HX-Request"])
    return response


def _post(request: HttpRequest, article: ArticlePage, number: int) -> HttpResponse:
    wait_seconds = limited(request, f"feedback:{number}", VOTES_PER_HOUR, 3600)
    if wait_seconds is not None:
        return _too_many(request, article, number, wait_seconds)
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        return _answer(request, article, number, form=form, state="why")
    cleaned = form.cleaned_data
    user = request.user if request.user.is_authenticated else None
    visitor = "" if user else VOTER.key_of(request)
    if visitor and not queries.has_voted(article, visitor):
        wait_seconds = limited(request, f"feedback-hour:{number}", NEW_VOTERS_PER_HOUR, 3600) or limited(
            request, f"feedback-day:{number}", NEW_VOTERS_PER_DAY, 86_400, by_network=True
        )
        if wait_seconds is not None:
            return _too_many(request, article, number, wait_seconds)
    try:
        feedback = services.give_feedback(
            article=article,
            revision_id=cleaned["revision"],
            solved=cleaned["solved"] == "yes",
            reason=cleaned["reason"],
            comment=cleaned["comment"],
            user=user,
            visitor=visitor,
            origin=origin_of(client_address(request), f"article:{article.pk}", timezone.localdate()),
            came_from_search=cleaned["came_from_search"],
            came_from_page=cleaned["came_from_page"],
        )
    except FaqError as error:
        form.add_error(None, str(error))
        return _answer(request, article, number, form=form, state="why")
    finished = feedback.solved or "details" in request.POST
    response = _answered(request, article, number, feedback, finished=finished)
    if visitor:
        VOTER.remember(response, visitor)
    return response


def _answered(
    request: HttpRequest, article: ArticlePage, number: int, feedback: Feedback, *, finished: bool
) -> HttpResponse:
    if _is_htmx(request):
        form = FeedbackForm(initial=_initial(article, feedback))
        return _answer(request, article, number, form=form, state="done" if finished else "why", feedback=feedback)
    if finished:
        thanks = urlencode({queries.THANKS: "solved" if feedback.solved else "unsolved"})
        return HttpResponseRedirect(f"{page_url(article)}?{thanks}#feedback")
    query = urlencode({"language": article.locale.language_code, "revision": feedback.revision_read, "solved": "no"})
    return HttpResponseRedirect(f"{reverse('faq:article_feedback', args=[number])}?{query}")


def _form_page(request: HttpRequest, article: ArticlePage, number: int) -> HttpResponse:
    initial = _initial(article, None)
    if (revision := row_number(request.GET.get("revision"))) is not None:
        initial["revision"] = revision
    own = queries.own_answer(article, request.user) if request.user.is_authenticated else None
    if own is not None:
        initial |= {"reason": own.reason, "comment": own.comment}
    if _is_htmx(request) and "answered" in request.GET:
        answer = own or queries.answer_of_visitor(article, VOTER.key_of(request))
        state = "ask" if answer is None else "done"
        return _answer(request, article, number, form=FeedbackForm(initial=initial), state=state, feedback=answer)
    asks = _is_htmx(request) and request.GET.get("solved") != "no"
    return _answer(request, article, number, form=FeedbackForm(initial=initial), state="ask" if asks else "why")


def _initial(article: ArticlePage, feedback: Feedback | None) -> dict[str, Any]:
    initial: dict[str, Any] = {
        "solved": "no",
        "revision": article.live_revision_id or 0,
        "language": article.locale.language_code,
    }
    if feedback is not None:
        initial |= {"revision": feedback.revision_read, "reason": feedback.reason, "comment": feedback.comment}
    return initial


def _answer(
    request: HttpRequest,
    article: ArticlePage,
    number: int,
    *,
    form: FeedbackForm,
    state: str,
    feedback: Feedback | queries.OwnAnswer | None = None,
    status: int | None = None,
) -> HttpResponse:
    context = {
        "page": article,
        "article_url": page_url(article),
        "form": form,
        "feedback_state": state,
        "feedback": feedback,
        "stored": feedback is not None or request.GET.get("solved") == "no",
        "feedback_url": reverse("faq:article_feedback", args=[number]),
        "revision": form["revision"].value() or 0,
        "language": article.locale.language_code,
    }
    template = "faq/_feedback.html" if _is_htmx(request) else "faq/feedback_page.html"
    return render(request, template, context, status=status or form_status(form))


def _too_many(request: HttpRequest, article: ArticlePage, number: int, wait_seconds: int) -> HttpResponse:
    if not _is_htmx(request):
        return too_many_requests(request, wait_seconds)
    form = FeedbackForm(request.POST)
    form.is_valid()
    form.add_error(None, _("Too many answers from your connection. Please try again later; your text is kept here."))
    response = _answer(request, article, number, form=form, state="why", status=429)
    response["Retry-After"] = str(wait_seconds)
    return response


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
