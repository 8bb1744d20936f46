"""Private messages: the list, a conversation, writing, reporting, blocking. Nothing of it is kept by browsers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from community import inbox as boxes
from community import rules, services
from community.exceptions import CommunityError
from community.forms import FlagForm, MemberSettingsForm, MessageForm, say_wrong
from community.models import Block, CommunityProfile, Draft, Message, MessagesFrom
from community.models.access import is_moderator
from community.models.member import languages_of, profile_of
from community.notifications.messages import conversation_target
from community.people import person_of
from community.services.texts import people_named
from community.views.acting import OFF
from community.views.common import MAX_ID, for_members, one_form, person_in
from community.views.writing import is_final, is_too_much, settles_draft, status_of, writing_context
from portal.accounts.models import User
from portal.core.http import form_status
from portal.core.limits import too_many_requests
from portal.core.privacy import is_prefetch
from portal.core.text import isolate
from portal.notifications.services import mark_read as mark_notifications_read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.paginator import Page
    from django.http import HttpRequest

    from community.models import Participant


@never_cache
@for_members
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Show the conversations of a person, the newest first."""
    after = request.GET.get("after", "")
    context = {"list": boxes.conversations_of(person_in(request), after=after), "after": after}
    return render(request, "community/messages.html", context)


# A conversation ------------------------------------------------------------------------------------------------------


def _part_or_404(request: HttpRequest, conversation_id: int) -> Participant:
    part = boxes.part_of(person_in(request), conversation_id) if conversation_id <= MAX_ID else None
    if part is None:
        raise Http404
    return part


@never_cache
@for_members
@require_safe
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show a page of a conversation; without ``?page=`` the one with the first unread message, or the last one."""
    part = _part_or_404(request, conversation_id)
    person = person_in(request)
    unread = part.first_unread if part.is_unread else 0
    page = _page(request, part, unread or part.last_number)
    shown = boxes.messages_of_page(person, part, page[0], page[-1])
    _note_reading(request, part, page[-1])
    other = part.conversation.other_than(person.pk)
    is_last = not page.has_next()
    context: dict[str, Any] = {
        "part": part,
        "shown": shown,
        "unread": unread,
        "other": person_of(other),
        "page_obj": page,
        "page_range": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "refusal": "",
    }
    if is_last and other is not None and other.is_active:
        context["refusal"] = rules.why_no_message(person, other)
        if not context["refusal"]:
            form = MessageForm(initial=_first_values(person, other))
            context |= {**writing_context(request, form, place=services.message_draft(other.pk)), "may_upload": False}
    return render(request, "community/conversation.html", context)


def _page(request: HttpRequest, part: Participant, number: int) -> Page[int]:
    wanted = request.GET.get("page", "") or boxes.page_of(part, number)
    try:
        return boxes.pages_of(part).page(wanted)
    except InvalidPage as error:
        raise Http404 from error


def _note_reading(request: HttpRequest, part: Participant, number: int) -> None:
    """Remember how far the person has read. Prefetching changes nothing."""
    if is_prefetch(request) or request.method != "GET":
        return
    person = person_in(request)
    services.mark_conversation_read(user=person, conversation=part.conversation, number=number)
    if number >= part.last_number:
        mark_notifications_read(person_id=person.pk, subject=conversation_target(part.conversation_id))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def delete(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Ask whether a conversation shall go for this person (GET), and delete it for them (POST)."""
    part = _part_or_404(request, conversation_id)
    person = person_in(request)
    other = person_of(part.conversation.other_than(person.pk))
    if request.method != "POST":
        return render(request, "community/conversation_delete.html", {"part": part, "other": other})
    if wait_seconds := rules.seconds_to_wait(request, "act"):
        return too_many_requests(request, wait_seconds)
    services.delete_conversation(user=person, conversation=part.conversation)
    mark_notifications_read(person_id=person.pk, subject=conversation_target(part.conversation_id))
    messages.success(request, _("The conversation is deleted for you."))
    return redirect("community:messages")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def report(request: HttpRequest, conversation_id: int, number: int) -> HttpResponse:
    """Ask what is wrong with a message (GET), and have a moderator look at it (POST)."""
    part = _part_or_404(request, conversation_id)
    person = person_in(request)
    found = Message.objects.visible_to(person).filter(conversation=part.conversation_id, number=min(number, 2**31 - 1))
    message = found.select_related("author").first()
    if message is None:
        raise Http404
    if not rules.can_report_message(person, message):
        raise PermissionDenied

    def tell(typed: Mapping[str, Any]) -> str:
        services.report_message(message=message, user=person, reason=typed["reason"], note=typed["note"])
        return _("Thank you. A moderator will look at it, and you will learn what came of it.")

    page = {
        "title": _("Report a message"),
        "lead": _(
            "A moderator will read this message and a few before and after it, and decide. They see nothing else of your"
            " conversation."
        ),
        "button": pgettext("verb", "Report"),
        "part": part,
        "other": person_of(message.author),
    }
    back = reverse("community:conversation", args=[part.conversation_id]) + boxes.place_of(part, message.number)
    return one_form(request, FlagForm, page=page, act=tell, back=back, limit="flag")


# Writing -------------------------------------------------------------------------------------------------------------


def _other_member(request: HttpRequest, handle: str) -> User:
    other = next(iter(people_named([handle]).values()), None)
    if other is None or other.pk == person_in(request).pk:
        raise Http404
    return other


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def write(request: HttpRequest, handle: str) -> HttpResponse:
    """Show the form for a message to a member (GET), and send it (POST), in the one conversation of the two."""
    to, person = _other_member(request, handle), person_in(request)
    place = services.message_draft(to.pk)
    refusal = rules.why_no_message(person, to)
    if request.method != "POST":
        if refusal:
            context = {"other": person_of(to), "refusal": refusal, "is_blocked": _has_blocked(person, to)}
            return render(request, "community/message_refused.html", context, status=HTTPStatus.FORBIDDEN)
        return _write_page(request, MessageForm(initial=_first_values(person, to)), to)
    if settles_draft(request, place, with_pictures=False):
        return redirect("community:message_write", to.handle)
    form = MessageForm(request.POST)
    message = _sent(request, form, to, refusal) if form.is_valid() else None
    if message is None:
        return _write_page(request, form, to)
    return HttpResponseRedirect(
        reverse("community:conversation", args=[message.conversation_id]) + f"#message-{message.number}"
    )


def _sent(request: HttpRequest, form: MessageForm, to: User, refusal: str) -> Message | None:
    """Send what a valid form has; None if that is not wanted yet, or not possible, which the form says."""
    person, cleaned = person_in(request), form.cleaned_data
    if not refusal and form.suspicions(person):
        refusal = _("This was filled in faster than anybody types, or by a program. Please send it again.")
    if refusal:
        say_wrong(form, refusal)
        return None
    if not is_final(request, form, place=services.message_draft(to.pk), limit="message"):
        return None
    if _begins_too_many(request, form, to):
        return None
    try:
        return services.send_message(
            author=person,
            recipient=to,
            body=cleaned["body"],
            token=cleaned["token"],
            keeps_personal_data=cleaned["keeps_personal_data"],
        )
    except CommunityError as error:
        say_wrong(form, error)
        return None


def _begins_too_many(request: HttpRequest, form: MessageForm, to: User) -> bool:
    """Count a conversation that a member begins; return whether it is one too many today. Moderators have no limit."""
    person = person_in(request)
    if is_moderator(person) or rules.has_conversation(person, to):
        return False
    return is_too_much(request, form, "conversation")


def _first_values(person: User, to: User) -> dict[str, Any]:
    draft = Draft.objects.filter(user=person, place=services.message_draft(to.pk)).first()
    return {"body": draft.body if draft is not None else "", "has_draft": draft is not None}


def _write_page(request: HttpRequest, form: MessageForm, to: User) -> HttpResponse:
    context = {
        **writing_context(request, form, place=services.message_draft(to.pk)),
        "may_upload": False,
        "other": person_of(to),
    }
    return render(request, "community/message_write.html", context, status=status_of(request, form))


# Who may write -------------------------------------------------------------------------------------------------------


def _has_blocked(person: User, other: User) -> bool:
    return Block.objects.filter(person=person, blocked=other).exists()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show and change what a person chose for the community: who may write to them, what is shown; and whom they blocked."""
    person = person_in(request)
    profile = profile_of(person) or CommunityProfile(user=person)
    initial = {
        "messages_from": profile.messages_from,
        "is_private": profile.is_private,
        "languages": languages_of(person),
    }
    form = MemberSettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        if wait_seconds := rules.seconds_to_wait(request, "act"):
            return too_many_requests(request, wait_seconds)
        chosen = form.cleaned_data
        services.accept_messages_from(user=person, whom=MessagesFrom(chosen["messages_from"]))
        services.choose_privacy(user=person, is_private=chosen["is_private"], languages=chosen["languages"])
        messages.success(request, _("Your choice is saved."))
        return redirect("community:message_settings")
    blocked = User.objects.filter(pk__in=Block.objects.filter(person=person).values("blocked"), is_active=True)
    context = {"form": form, "blocked": [person_of(each) for each in blocked.order_by("handle_key", "pk")]}
    return render(request, "community/message_settings.html", context, status=form_status(form))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def block(request: HttpRequest, handle: str) -> HttpResponse:
    """Block a member, or unblock them (``on=0``); by GET lead to the list of who is blocked."""
    other, person = _other_member(request, handle), person_in(request)
    if request.method == "POST":
        if wait_seconds := rules.seconds_to_wait(request, "act"):
            return too_many_requests(request, wait_seconds)
        name = {"name": isolate(other.handle)}
        if request.POST.get("on") == OFF:
            services.unblock_person(user=person, whom=other)
            messages.success(request, _("%(name)s can write to you again.") % name)
        else:
            services.block_person(user=person, whom=other)
            messages.success(request, _("%(name)s cannot write to you any more. Moderators still can.") % name)
    return redirect("community:message_settings")
