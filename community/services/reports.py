"""Reports of private messages: what moderators see of a conversation, and what they decide.

They see the message that was reported and a few around it; the first look of each of them at an item is in the audit
log, and only who looked may decide. Nobody else reads messages of others.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from community.events import MessageHidden, MessageReportJudged
from community.exceptions import NotAllowedError, NotVisibleError, UnreadError
from community.models import (
    AuditEntry,
    CommunityProfile,
    Flag,
    Message,
    MessageReport,
    Participant,
    ReviewItem,
    State,
)
from community.services.messages import lock_conversation, purge
from community.services.moderating import UNDO, log, penalise, values_of_report
from portal.core.events import emit
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from portal.accounts.models import User

#: Messages before and after the reported one that a moderator sees.
AROUND: Final = 3
_BATCH: Final = 200
_Decision = ReviewItem.Decision
_Outcome = Flag.Outcome


def _lock(message: Message) -> Message:
    """Return the message as it is now; it and its conversation are locked."""
    conversation = lock_conversation(message.conversation_id)
    found = Message.objects.select_for_update(no_key=True).get(pk=message.pk)
    found.conversation = conversation
    return found


@transaction.atomic
def report_message(*, message: Message, user: User, reason: str, note: str = "") -> MessageReport:
    """Ask moderators to look at a message that `user` received. Once until it is judged. Raises `CommunityError`."""
    message = _lock(message)
    if not message.is_visible:
        raise NotVisibleError
    values = values_of_report(user, author_id=message.author_id, reason=reason, note=note)
    report, created = MessageReport.objects.get_or_create(message=message, user=user, outcome="", defaults=values)
    if created:
        item = ReviewItem.objects.filter(message=message, decision="").first() or ReviewItem(message=message)
        item.reasons = [*item.reasons, [f"flag:{report.reason}", report.weight]]
        item.score += report.weight
        item.save()
    return report


@dataclass(frozen=True, slots=True)
class Look:
    """What a moderator sees of a conversation: the reported message, and those around it, in order."""

    message: Message
    around: Sequence[Message]
    reports: Sequence[MessageReport]


@transaction.atomic
def look_at_report(*, item: ReviewItem, by: User) -> Look:
    """Return what a moderator needs to decide about an open item, and write down that they looked; once is enough.

    What the reporter deleted before is no part of it. Raises `NotAllowedError` for their own conversations, and when the
    item is decided or about a post.
    """
    message = _message_of(item, by)
    if not ReviewItem.objects.filter(pk=item.pk, decision="").exists():
        raise NotAllowedError
    near = Message.objects.filter(conversation=message.conversation_id)
    reporters = MessageReport.objects.filter(message=message, outcome="").values("user")
    cleared = Participant.objects.filter(conversation=message.conversation_id, person__in=reporters).aggregate(
        number=Max("cleared_number")
    )["number"]
    first = max(message.number - AROUND, min(cleared or 0, message.number - 1) + 1)
    around = near.in_numbers(first, message.number + AROUND).select_related("author")
    if not _has_looked(item, by):
        log("message.read", by=by, member_id=message.author_id, message=message.pk, item=item.pk)
    reports = MessageReport.objects.filter(message=message, outcome="").select_related("user").order_by("pk")
    return Look(message, list(around), list(reports))


def _message_of(item: ReviewItem, by: User) -> Message:
    """Return the message an item is about. Raises `NotAllowedError` for a post, and in a conversation of `by`."""
    if (
        item.message is None
        or Participant.objects.filter(conversation=item.message.conversation_id, person=by).exists()
    ):
        raise NotAllowedError
    return item.message


def _has_looked(item: ReviewItem, by: User) -> bool:
    """Return whether a moderator was shown the message of an item; the log knows."""
    return AuditEntry.objects.filter(actor=by, action="message.read", details__item=item.pk).exists()


def _decidable(item: ReviewItem, by: User) -> Message:
    """Return the locked message of an open item.

    Raises `NotAllowedError`, and `UnreadError` for somebody who has not looked: a decision costs its author or the
    reporter something, so it is about the words and not about their titles in a list.
    """
    message = _lock(_message_of(item, by))
    if not ReviewItem.objects.filter(pk=item.pk, decision="").exists():
        raise NotAllowedError
    if not _has_looked(item, by):
        raise UnreadError
    return message


@transaction.atomic
def dismiss_report(*, item: ReviewItem, by: User) -> None:
    """Leave a reported message as it is. Raises `NotAllowedError`, and `UnreadError` for who has not looked at it."""
    message = _decidable(item, by)
    log("message.approved", by=by, member_id=message.author_id, message=message.pk, item=item.pk)
    _settle(message, _Decision.APPROVED, _Outcome.DISAGREED, by=by)


@transaction.atomic
def hide_message(*, item: ReviewItem, by: User, reason: str, note: str = "") -> None:
    """Take a reported message away from everybody but its author, who is told why.

    Raises `NotAllowedError`, and `UnreadError` for who has not looked at it.
    """
    message = _decidable(item, by)
    profile = CommunityProfile.objects.filter(pk=message.author_id).first()
    before = profile.penalised_at.isoformat() if profile is not None and profile.penalised_at else None
    note = normalise_input(note).strip()
    Message.objects.filter(pk=message.pk).update(state=State.HIDDEN, state_reason=reason, state_note=note)
    entry = log(
        "message.hidden",
        by=by,
        member_id=message.author_id,
        reason=reason,
        note=note,
        message=message.pk,
        item=item.pk,
        penalised_before=before,
    )
    penalise(message.author_id)
    _settle(message, _Decision.HIDDEN, _Outcome.AGREED, by=by)
    emit(MessageHidden(message_id=message.pk, author_id=message.author_id, audit_id=entry.pk, at=entry.created_at))


def _settle(message: Message, decision: ReviewItem.Decision, outcome: Flag.Outcome, *, by: User) -> None:
    """Close the item of a message, and tell who reported it."""
    now = timezone.now()
    ReviewItem.objects.filter(message=message, decision="").update(decision=decision, decided_by=by, decided_at=now)
    reports = list(MessageReport.objects.filter(message=message, outcome="").order_by("user_id"))
    MessageReport.objects.filter(pk__in=[each.pk for each in reports]).update(
        outcome=outcome, judged_by=by, judged_at=now
    )
    for each in reports:
        if each.user_id is not None:
            emit(MessageReportJudged(report_id=each.pk, reported_by_id=each.user_id, outcome=outcome.value, at=now))


@transaction.atomic
def undo_about_message(*, item: ReviewItem, by: User) -> None:
    """Take back a decision about a message, by who made it, within `UNDO`. Raises `NotAllowedError` when it is too late."""
    message = _lock(_message_of(item, by))
    now = timezone.now()
    decided = (
        ReviewItem.objects.filter(pk=item.pk, decided_by=by, decided_at__gt=now - UNDO).exclude(decision="").first()
    )
    entry = (
        AuditEntry.objects.filter(
            actor=by, action__in=("message.approved", "message.hidden"), created_at__gt=now - UNDO
        )
        .filter(details__item=item.pk)
        .order_by("-pk")
        .first()
    )
    if decided is None or entry is None or ReviewItem.objects.filter(message=message, decision="").exists():
        raise NotAllowedError
    if entry.action == "message.hidden":
        Message.objects.filter(pk=message.pk).update(state=State.VISIBLE, state_reason="", state_note="")
        before = entry.details["penalised_before"]
        CommunityProfile.objects.filter(pk=message.author_id).update(
            penalised_at=dt.datetime.fromisoformat(before) if before else None, is_level_due=True
        )
    MessageReport.objects.filter(message=message, judged_by=by, judged_at=decided.decided_at).update(
        outcome="", judged_by=None, judged_at=None
    )
    ReviewItem.objects.filter(pk=item.pk).update(decision="", decided_by=None, decided_at=None)
    log("review.undone", by=by, member_id=message.author_id, message=message.pk, item=item.pk)


# Tidying -------------------------------------------------------------------------------------------------------------


def tidy_messages() -> int:
    """Delete what was kept for a decision only, and both people had deleted; returns in how many conversations."""
    places = sorted(set(_kept_for_a_decision().values_list("message__conversation", flat=True)[:_BATCH]) - {None})
    for conversation_id in places:
        _purge(conversation_id)
    return len(places)


def has_messages_to_tidy() -> bool:
    return _kept_for_a_decision().exists()


@transaction.atomic
def _purge(conversation_id: int) -> None:
    purge(lock_conversation(conversation_id))


def _kept_for_a_decision() -> QuerySet[ReviewItem]:
    decided = ReviewItem.objects.filter(message__isnull=False, decided_at__lt=timezone.now() - UNDO)
    seen = Participant.objects.filter(
        conversation=OuterRef("message__conversation"), cleared_number__lt=OuterRef("message__number")
    )
    waiting = ReviewItem.objects.filter(message__conversation=OuterRef("message__conversation"), decision="")
    return decided.exclude(decision="").exclude(Exists(seen)).exclude(Exists(waiting))
