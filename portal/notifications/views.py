"""The bell and its page, the settings, and the pages behind links in mails."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import User
from portal.core.http import form_status
from portal.core.limits import limited, too_many_requests
from portal.core.privacy import is_prefetch
from portal.core.text import row_number
from portal.notifications import queries, services
from portal.notifications.actions import ExpiredLinkError, read_action
from portal.notifications.forms import SettingsForm
from portal.notifications.links import BadLinkError, Unsubscription
from portal.notifications.models import Notification
from portal.notifications.registry import GROUPS, groups_in_use
from portal.notifications.words import count_in_words, shown_count

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Answers per person and hour on the pages behind links: more than anybody needs.
_ANSWERS_PER_HOUR: Final = 120


@login_required
@never_cache
@require_GET
def list_page(request: HttpRequest) -> HttpResponse:
    """Show what the person was told, newest first; ``?group=`` filters, ``?before=`` continues."""
    person = _person(request)
    groups = groups_in_use()
    group = request.GET.get("group", "")
    if group not in groups:
        group = ""
    page = queries.page_of_notices(person, group=group, before=row_number(request.GET.get("before", "")))
    context = {
        "page": page,
        "group": group,
        "groups": [(each.value, GROUPS[each].label) for each in groups],
        "newest": page.entries[0].id if page.entries else 0,
        "is_first": "before" not in request.GET,
        "has_unread": any(not entry.is_read for entry in page.entries),
    }
    return render(request, "notifications/list.html", context)


@login_required
@never_cache
@require_GET
def recent(request: HttpRequest) -> HttpResponse:
    """Return the bell's list, as a part of a page."""
    return render(request, "notifications/_recent.html", {"entries": queries.recent(_person(request))})


@login_required
@require_GET
def count(request: HttpRequest) -> HttpResponse:
    """Return how many are unread, as a number and in words; 304 if the browser knows."""
    unread = queries.unread_count(_person(request))
    etag = quote_etag(f"{request.LANGUAGE_CODE}-{unread}")
    response: HttpResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        response = JsonResponse({"count": unread, "shown": shown_count(unread), "label": count_in_words(unread)})
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@login_required
@never_cache
@require_GET
def visit(request: HttpRequest, number: int) -> HttpResponse:
    """Lead to what a notification is about, and mark what was said about it as read. Prefetching marks nothing."""
    person = _person(request)
    row = get_object_or_404(Notification.objects.on_web().select_related("actor"), person=person, pk=number)
    told = queries.fold(person, [row])
    if not told:
        raise Http404
    if not is_prefetch(request):
        if told[0].kind.folds:
            services.mark_read(person_id=person.pk, subject=row.subject)
        else:
            services.mark_one_read(person_id=person.pk, number=row.pk)
    return HttpResponseRedirect(told[0].notice.url)


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything as read that was there when the person saw the list."""
    up_to = row_number(request.POST.get("up_to", ""))
    services.mark_all_read(person_id=_person(request).pk, up_to=up_to)
    return redirect("notifications:list")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and store how a person wants to be told."""
    person = _person(request)
    form = SettingsForm(request.POST or None, choices=queries.all_choices_of(person.pk))
    if request.method == "POST" and form.is_valid():
        services.choose(person_id=person.pk, choices=form.chosen())
        messages.success(request, _("Your choice of notifications is saved."))
        return redirect("notifications:preferences")
    context = {"form": form, "is_confirmed": bool(queries.confirmed_address(person))}
    return render(request, "notifications/preferences.html", context, status=form_status(form))


# Links in mails ------------------------------------------------------------------------------------------------------


@csrf_exempt  # RFC 8058: the mail program posts without a token; the signature is the proof
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether these mails shall end (GET), and end them (POST). Works without signing in."""
    try:
        link = Unsubscription.read(token)
    except (BadLinkError, ValueError):
        return _gone(request, HTTPStatus.NOT_FOUND)
    person = User.objects.filter(pk=link.person_id).first()
    if person is None:
        return _gone(request, HTTPStatus.GONE)
    is_done, is_undone = request.method == "POST", False
    if is_done:
        is_undone = bool(link.subject) and request.POST.get("undo") == "1"
        _carry_out(link, is_undone=is_undone)
    wider = [] if link.group is None and not link.subject else [Unsubscription(link.person_id).path]
    context = {
        "link": link,
        "group_label": GROUPS[link.group].label if link.group else "",
        "is_done": is_done and not is_undone,
        "is_undone": is_undone,
        "all_path": wider[0] if wider else "",
        "path": link.path,
    }
    return render(request, "notifications/unsubscribe.html", context)


def _carry_out(link: Unsubscription, *, is_undone: bool) -> None:
    if link.subject and is_undone:
        services.follow(person_id=link.person_id, target=link.subject)
    elif link.subject:
        services.mute(person_id=link.person_id, target=link.subject)
    else:
        services.stop_mails(person_id=link.person_id, groups=[link.group] if link.group else None)


@csrf_exempt  # the signature is the proof; people are not signed in, and their mail program may keep no cookies
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def action(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the question of a link (GET) and carry out the answer (POST). Works without signing in."""
    try:
        asked = read_action(token)
    except BadLinkError:
        return _gone(request, HTTPStatus.NOT_FOUND)
    except ExpiredLinkError:
        return _gone(request, HTTPStatus.GONE)
    person = User.objects.filter(pk=asked.person_id, is_active=True).first()
    question = asked.action.ask(person, asked.argument) if person is not None else None
    if person is None or question is None:
        return _gone(request, HTTPStatus.GONE)
    thanks, more, choice = "", None, ""
    if request.method == "POST":
        if wait_seconds := limited(request, "notifications.action", _ANSWERS_PER_HOUR, 3600):
            return too_many_requests(request, wait_seconds)
        choice = request.POST.get("choice", "")
        if choice in question.choices:
            more = asked.action.ask_more(person, asked.argument, choice)
            detail = request.POST.get("detail", "")
            if more is not None and detail in more.choices:
                thanks, more = asked.action.answer_more(person, asked.argument, choice, detail), None
            else:
                thanks = asked.action.answer(person, asked.argument, choice)
    first = asked.choice if asked.choice in question.choices else ""
    context = {
        "question": question,
        "first": first,
        "choices": question.choices.items(),
        "thanks": thanks,
        "choice": choice,
        "more": more,
        "details": more.choices.items() if more is not None else (),
    }
    return render(request, "notifications/action.html", context)


def _gone(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    return render(request, "notifications/link_gone.html", status=status)


# Small things --------------------------------------------------------------------------------------------------------


def _person(request: HttpRequest) -> User:
    """Return the person who is signed in."""
    person: Any = request.user
    return person  # type: ignore[no-any-return]  # every caller requires a sign-in
