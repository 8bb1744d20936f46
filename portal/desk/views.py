"""The pages of moderators: the review queue, the audit log, a member, and the limits."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from community import services
from community.duplicates import duplicates_for
from community.exceptions import CommunityError
from community.figures import ENOUGH, figures_for
from community.inbox import in_html
from community.models import CommunityProfile, Flag, Level, Policy, ReviewItem, State, Thread, policy
from community.people import person_of
from community.rules import can_moderate
from community.services.texts import people_named
from community.waiting import count_late, questions_waiting
from portal.accounts.models import User
from portal.core.http import form_status
from portal.core.privacy import is_prefetch
from portal.core.spreadsheets import CsvWriter
from portal.core.text import isolate, row_number
from portal.desk import queries
from portal.desk.access import (
    admitting,
    for_moderators,
    may_see_ideas_for_articles,
    moderator_of,
    person_at_desk,
)
from portal.desk.forms import DecisionForm, MemberForm, PolicyForm, WaitingForm
from portal.desk.health import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.http.response import HttpResponseBase
    from django.utils.safestring import SafeString

    from community.models import Post

logger = logging.getLogger(__name__)

#: How long the queue offers to undo the last decision.
UNDO_OFFERED: Final = timedelta(seconds=30)
_MAX_ID: Final = 2**63 - 1
#: So far one can go on in the list of questions that could become articles.
_LAST_ARTICLE: Final = 1000


@for_moderators
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show what waits, questions without a reply with who may know the answer, and how the community is doing."""
    user = moderator_of(request)
    form = WaitingForm(request.GET, user=user)
    chosen = form.chosen()
    figures = figures_for(user)
    context = {
        "heaps": queries.heaps_of(user),
        "form": form,
        "is_filtered": any(chosen.values()),
        "duplicates": duplicates_for(user),
        "waiting": questions_waiting(user, **chosen, after=request.GET.get("after", "")),
        "counts": count_late(user),
        "late_hours": policy().first_reply_hours,
        "rows": rows_of(figures),
        "counted_at": figures.counted_at,
        "enough": ENOUGH,
    }
    return render(request, "desk/index.html", context)


@for_moderators
@require_POST
def call(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Ask a member whether they can answer a question that waits."""
    user = moderator_of(request)
    helper_id = row_number(request.POST.get("helper", ""))
    if thread_id > _MAX_ID or helper_id is None:
        raise Http404
    thread = get_object_or_404(Thread.objects.visible_to(user).listed(), pk=thread_id)
    helper = get_object_or_404(User, pk=helper_id, is_active=True)
    try:
        services.call_for_help(thread=thread, helper=helper, by=user)
    except CommunityError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s was asked, and is told of it.") % {"name": isolate(helper.handle)})
    shown = QueryDict(request.POST.get("shown", "")[:500])
    kept = urlencode([(name, shown[name]) for name in (*WaitingForm.base_fields, "after") if shown.get(name)])
    return redirect(f"{reverse('desk:index')}{f'?{kept}' if kept else ''}#waiting")


@for_moderators
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show the review queue; ``?reason=`` filters, ``?after=`` continues, ``?done=`` offers to undo a decision, ``?at=`` goes on there."""
    user = moderator_of(request)
    reason = request.GET.get("reason", "")
    reason = reason if reason in queries.FILTERS else ""
    after, at = request.GET.get("after", ""), row_number(request.GET.get("at", ""))
    page = queries.page_of_queue(user, reason=reason, after=after, at=at)
    if after and not page.entries:  # the last page was cleared; what is before it still waits
        after = ""
        page = queries.page_of_queue(user, reason=reason)
    shared = {"reasons": Flag.Reason.choices, "reason": reason, "after": after, "focused": page.focused}
    context = {
        "page": page,
        "items": [_in_html(request, entry, shared) for entry in page.entries],
        "after": after,
        "reason": reason,
        "filters": [("", _("All")), *((name, label) for name, (label, _icon) in queries.FILTERS.items())],
        "done": _decided(user, request.GET.get("done", "")),
        "is_first": "after" not in request.GET,
    }
    return render(request, "desk/queue.html", context)


def _in_html(request: HttpRequest, entry: queries.QueueEntry, shared: Mapping[str, Any]) -> SafeString:
    """Return an item as HTML: if it cannot be shown, its plain text; if that neither, what can be done with it."""
    for shown in (entry, replace(entry, is_broken=True, author=person_of(None), before=None)):
        try:
            return render_to_string("desk/_item.html", {**shared, "entry": shown}, request=request)
        except Exception:  # one broken text must not take the page from moderators
            logger.exception("Item %s of the review queue could not be shown", entry.item.pk)
    return render_to_string("desk/_item_unshown.html", {**shared, "item": entry.item}, request=request)


def _decided(user: User, number: str) -> ReviewItem | None:
    """Return the item `user` has just decided about and may still undo."""
    item_id = row_number(number)
    if item_id is None:
        return None
    return (
        ReviewItem.objects.filter(pk=item_id, decided_by=user, decided_at__gt=timezone.now() - UNDO_OFFERED)
        .select_related("post__thread")
        .first()
    )


def _item(user: User, item_id: int, *, is_open: bool = True) -> ReviewItem:
    if item_id > _MAX_ID:
        raise Http404
    items = queries.open_items(user) if is_open else ReviewItem.objects.filter(decided_by=user)
    return get_object_or_404(items.select_related("post__thread", "post__author"), pk=item_id)


def _back(request: HttpRequest, **more: Any) -> HttpResponseRedirect:
    """Return to the page of the queue one was on, as it was filtered."""
    asked: dict[str, Any] = {
        name: value for name in ("reason", "after") if (value := request.POST.get(f"show_{name}", ""))
    }
    query = urlencode({**asked, **more})
    return redirect(reverse("desk:queue") + (f"?{query}" if query else ""))


@for_moderators
@require_POST
def decide(request: HttpRequest, item_id: int) -> HttpResponse:
    """Approve or hide what an item is about. One that was decided meanwhile is said to be."""
    user = moderator_of(request)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        wrong = form.errors.get("reason") or [_("Choose what to do with it.")]
        messages.error(request, str(wrong[0]))
        return _back(request, at=item_id)
    if item_id > _MAX_ID:
        raise Http404
    item = queries.open_items(user).select_related("post__thread").filter(pk=item_id).first()
    if item is None:
        get_object_or_404(ReviewItem, pk=item_id)
        messages.info(request, _("Somebody else has decided about this one already."))
        return _back(request, at=item_id)
    if not services.claim(item=item, by=user):
        messages.info(request, _("Another moderator is looking at this one just now."))
        return _back(request, at=item_id)
    try:
        if item.post is None:
            _decide_about_message(item, user, form.cleaned_data)
        else:
            _decide_about_post(item.post, user, form.cleaned_data)
    except CommunityError as error:
        messages.error(request, str(error))
        return _back(request, at=item_id)
    return _back(request, done=item.pk, at=item.pk)


def _decide_about_post(post: Post, by: User, data: Mapping[str, Any]) -> None:
    if data["act"] == DecisionForm.Act.APPROVE:
        # What was hidden by flags, or is appealed, is shown again; everything else approved.
        act = services.restore_post if post.state == State.HIDDEN else services.approve_post
        act(post=post, by=by, version=data["version"])
    else:
        services.hide_post(post=post, by=by, reason=data["reason"], note=data["note"])
        services.settle_hidden(post=post, by=by)


def _decide_about_message(item: ReviewItem, by: User, data: Mapping[str, Any]) -> None:
    if data["act"] == DecisionForm.Act.APPROVE:
        services.dismiss_report(item=item, by=by)
    else:
        services.hide_message(item=item, by=by, reason=data["reason"], note=data["note"])


@for_moderators
@require_safe
def message(request: HttpRequest, item_id: int) -> HttpResponse:
    """Show a reported private message with a few around it. Who opens this page has the item, and is in the log.

    A browser that fetches pages in advance gets nothing of it, and a program that asks for its headers neither.
    """
    user = moderator_of(request)
    if item_id > _MAX_ID:
        raise Http404
    item = get_object_or_404(queries.open_items(user).select_related("message__author"), pk=item_id, post=None)
    if request.method != "GET" or is_prefetch(request):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if not services.claim(item=item, by=user):
        messages.info(request, _("Another moderator is looking at this one just now."))
        return redirect("desk:queue")
    look = services.look_at_report(item=item, by=user)
    context = {
        "item": item,
        "author": person_of(look.message.author),
        "number": look.message.number,
        "shown": in_html(look.around, reader_id=None),
        "reports": [(each.get_reason_display(), each.note) for each in look.reports],
        "likely_reason": look.reports[0].reason if look.reports else "",
        "reasons": Flag.Reason.choices,
    }
    return render(request, "desk/message.html", context)


@for_moderators
@require_POST
def claim(request: HttpRequest, item_id: int) -> HttpResponse:
    """Take an item for a quarter of an hour, or give it back with ``give_back``."""
    user = moderator_of(request)
    item = _item(user, item_id)
    if "give_back" in request.POST:
        services.release(item=item, by=user)
    elif not services.claim(item=item, by=user):
        messages.info(request, _("Another moderator is looking at this one just now."))
    return _back(request, at=item_id)


@for_moderators
@require_POST
def undo(request: HttpRequest, item_id: int) -> HttpResponse:
    """Take back one's last decision about an item."""
    user = moderator_of(request)
    item = _item(user, item_id, is_open=False)
    try:
        undo_it = services.undo_decision if item.post_id is not None else services.undo_about_message
        undo_it(item=item, by=user)
    except CommunityError:
        messages.error(request, _("It is too late to undo this. Find the post in its thread."))
    else:
        messages.success(request, _("Undone. It is in the queue again."))
    return _back(request, at=item_id)


@for_moderators
@require_safe
def log(request: HttpRequest) -> HttpResponseBase:
    """Show the audit log, newest first; ``?before=`` continues, ``?format=csv`` sends all of it as a table."""
    if request.GET.get("format") == "csv":
        headers = {"Content-Disposition": f'attachment; filename="audit-log-{timezone.localdate()}.csv"'}
        table = _log_as_table(moderator_of(request), get_language() or settings.LANGUAGE_CODE)
        return StreamingHttpResponse(table, content_type="text/csv; charset=utf-8", headers=headers)
    page = queries.page_of_log(moderator_of(request), before=row_number(request.GET.get("before", "")) or 0)
    return render(request, "desk/log.html", {"page": page})


def _log_as_table(user: User, language: str) -> Iterator[str]:
    """Yield the audit log for a spreadsheet program, in a language, page by page: it is as long as the community is old."""
    page = None
    while page is None or page.before:
        stream = io.StringIO(newline="")
        writer = CsvWriter(stream)
        with override(language):  # what is sent later is written when nobody's language is set
            if page is None:
                stream.write("\ufeff")  # a byte order mark, without which spreadsheet programs misread Persian
                writer.write(
                    [_("Time"), _("Who"), _("What was done"), _("Reason"), _("Member"), _("Thread"), _("Note")]
                )
            page = queries.page_of_log(user, before=page.before if page else 0)
            for each in page.entries:
                titles = " → ".join(filter(None, [each.title, each.into_title]))
                who = each.actor.name if each.actor else _("by the portal itself")
                member = each.member.name if each.member else ""
                moment = timezone.localtime(each.entry.created_at).strftime("%Y-%m-%d %H:%M")
                writer.write([moment, who, each.action, each.reason, member, titles, each.entry.note])
        yield stream.getvalue()


@for_moderators
@require_http_methods(["GET", "HEAD", "POST"])
def member(request: HttpRequest, handle: str) -> HttpResponse:
    """Show what was decided about a member; warn, silence, suspend them, or end that."""
    user = moderator_of(request)
    person = people_named([handle]).get(handle.lower())
    if person is None:
        raise Http404
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if person.is_staff:
            messages.error(request, _("Colleagues are not moderated here."))
        else:
            _act_on(person, user, form.cleaned_data)
            messages.success(request, _("Done, and written to the log."))
        return redirect("desk:member", person.handle)
    profile: CommunityProfile = getattr(person, "community_profile", None) or CommunityProfile(user=person)
    context = {
        "person": person_of(person),
        "handle": person.handle,
        "profile": profile,
        "level": Level(profile.level).label,
        "is_silenced": profile.is_silenced() and not profile.is_suspended(),
        "is_suspended": profile.is_suspended(),
        "is_colleague": person.is_staff,
        "form": form,
        "page": queries.page_of_log(user, member_id=person.pk, before=row_number(request.GET.get("before", "")) or 0),
    }
    return render(request, "desk/member.html", context, status=form_status(form))


def _act_on(person: User, by: User, data: Mapping[str, Any]) -> None:
    until = timezone.now() + timedelta(days=int(data["days"]))
    note = data["note"]
    if data["act"] == "warn":
        services.warn_member(user=person, by=by, note=note)
    elif data["act"] == "silence":
        services.silence_member(user=person, by=by, until=until, note=note)
    elif data["act"] == "suspend":
        services.suspend_member(user=person, by=by, until=until, note=note)
    elif data["act"] in {"invite", "dismiss"}:
        services.choose_advocate(user=person, by=by, is_advocate=data["act"] == "invite", note=note)
    else:
        services.release_member(user=person, by=by, note=note)


@admitting(may_see_ideas_for_articles)
@require_safe
def articles(request: HttpRequest) -> HttpResponse:
    """Show solved questions that could become articles, to editors, too; ``?after=`` continues."""
    user = person_at_desk(request)
    after = min(row_number(request.GET.get("after", "")) or 0, _LAST_ARTICLE)
    context = {"page": queries.page_without_article(user, after=after), "is_moderator": can_moderate(user)}
    return render(request, "desk/articles.html", context)


@for_moderators
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show and change limits and thresholds; who changed what is in the log."""
    stored = Policy.objects.filter(pk=1).first() or Policy()
    form = PolicyForm(request.POST or None, instance=stored)
    if request.method == "POST" and form.is_valid():
        services.change_policy(policy=form.save(commit=False), by=moderator_of(request), changed=form.changed_data)
        messages.success(request, _("Saved. It holds from now on."))
        return redirect("desk:settings")
    return render(request, "desk/settings.html", {"form": form}, status=form_status(form))
