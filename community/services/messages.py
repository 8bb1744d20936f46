"""Private messages: writing, reading, deleting for oneself, blocking.

Rows are locked in the order conversations, messages, people of conversations, profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Min, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from community import rules, screening
from community.events import MessageSent
from community.exceptions import MessageRefusedError
from community.models import (
    MESSAGE_LENGTH,
    Block,
    CommunityProfile,
    Conversation,
    Draft,
    Message,
    MessageReport,
    MessagesFrom,
    Participant,
    ReviewItem,
)
from community.models.member import PRIVATE_SCOPE, forget_profile_of
from community.services import texts
from community.services.counting import ensure_profile
from community.services.writing import lock_writer
from portal.core.events import emit
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.db.models import QuerySet

    from portal.accounts.models import User

_BATCH: Final = 500


def message_draft(recipient_id: int) -> str:
    """Return the place of the draft of a message to somebody."""
    return f"to:{recipient_id}"


def lock_conversation(conversation_id: int) -> Conversation:
    """Return the conversation as it is now, locked until the end of the transaction."""
    return Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id)


@transaction.atomic
def send_message(*, author: User, recipient: User, body: str, token: str, keeps_personal_data: bool = False) -> Message:
    """Write to somebody, in the one conversation of the two. With a `token` used before for this person, return what that made.

    Personal data are masked unless the author insists. Raises `MessageRefusedError` with the reason why `author` must
    not write to `recipient`, and other errors of `CommunityError`.
    """
    body = texts.clean_body(body, keeps_personal_data=keeps_personal_data, limit=MESSAGE_LENGTH)
    if author.pk == recipient.pk or not recipient.is_active:
        raise MessageRefusedError
    token = texts.token_for(message_draft(recipient.pk), token)
    if (known := _sent_before(author, token)) is not None:
        return known
    try:
        with transaction.atomic():
            message = _send(author, recipient, body, token)
    except IntegrityError:  # the same form at the same time
        known = _sent_before(author, token)
        if known is None:
            raise
        return known
    Draft.objects.filter(user=author, place=message_draft(recipient.pk)).delete()
    return message


def _send(author: User, recipient: User, body: str, token: str) -> Message:
    conversation = _pair_locked(author, recipient)
    if (known := _sent_before(author, token)) is not None:
        return known
    lock_writer(author)
    for person in (author, recipient):
        forget_profile_of(person)
    if reason := rules.why_no_message(author, recipient):
        raise MessageRefusedError(reason)
    now = timezone.now()
    conversation.highest_number += 1
    Conversation.objects.filter(pk=conversation.pk).update(highest_number=conversation.highest_number)
    message = Message(
        conversation=conversation,
        number=conversation.highest_number,
        author=author,
        body=body if author.is_staff else screening.screen_message(body),
        is_from_staff=author.is_staff,
        token=token,
        created_at=now,
    )
    message.save(force_insert=True)
    Participant.objects.bulk_create(
        [Participant(conversation=conversation, person=person) for person in (author, recipient)],
        ignore_conflicts=True,
    )
    Participant.objects.filter(conversation=conversation).update(last_number=message.number, last_at=now)
    mark_conversation_read(user=author, conversation=conversation, number=message.number)
    emit(
        MessageSent(
            conversation_id=conversation.pk,
            message_id=message.pk,
            author_id=author.pk,
            recipient_id=recipient.pk,
            at=now,
        )
    )
    return message


def _pair_locked(one: User, other: User) -> Conversation:
    """Return the conversation of two people, locked; two who begin it at once get the same."""
    lower, higher = sorted((one.pk, other.pk))
    rows = Conversation.objects.select_for_update(no_key=True).filter(lower=lower, higher=higher)
    found = rows.first()
    if found is None:
        Conversation.objects.bulk_create([Conversation(lower_id=lower, higher_id=higher)], ignore_conflicts=True)
        found = rows.get()
    return found


def _sent_before(author: User, token: str) -> Message | None:
    return Message.objects.filter(author=author, token=token).first() if token else None


def mark_conversation_read(*, user: User, conversation: Conversation, number: int) -> None:
    """Remember that `user` has read up to a number. Never goes back; safe at the same time as another."""
    unread = Participant.objects.filter(conversation=conversation, person=user, last_read_number__lt=number)
    unread.update(last_read_number=Greatest("last_read_number", Value(number)))


# Deleting ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def delete_conversation(*, user: User, conversation: Conversation) -> None:
    """Delete all messages so far for `user`; what is written later appears again. Safe to repeat.

    What both people have deleted is deleted from the database.
    """
    now = lock_conversation(conversation.pk)
    Participant.objects.filter(conversation=now, person=user).update(
        cleared_number=now.highest_number, last_read_number=now.highest_number
    )
    Draft.objects.filter(
        user=user, place__in=[message_draft(pk) for pk in (now.lower_id, now.higher_id) if pk]
    ).delete()
    purge(now)


def purge(conversation: Conversation) -> None:
    """Delete what nobody sees any more from a locked conversation, unless moderators are to decide about some of it."""
    if ReviewItem.objects.filter(message__conversation=conversation, decision="").exists():
        return
    cleared = Participant.objects.filter(conversation=conversation).aggregate(all=Min("cleared_number"))["all"]
    if cleared is None:  # both accounts are gone
        conversation.delete()
    else:
        Message.objects.filter(conversation=conversation, number__lte=cleared).delete()


@transaction.atomic
def leave_conversations(*, user: User) -> None:
    """Take a person who leaves out of their conversations; what they wrote stays for those who received it."""
    places = Participant.objects.filter(person=user).order_by("conversation").values_list("conversation", flat=True)
    for conversation_id in list(places):
        conversation = lock_conversation(conversation_id)
        Participant.objects.filter(conversation=conversation, person=user).delete()
        purge(conversation)
    Message.objects.filter(author=user).update(token="")
    MessageReport.objects.filter(user=user).update(note="")


# Who may write -------------------------------------------------------------------------------------------------------


@transaction.atomic
def accept_messages_from(*, user: User, whom: MessagesFrom) -> None:
    """Choose who may write to `user`."""
    ensure_profile(user.pk)
    CommunityProfile.objects.filter(pk=user.pk).update(messages_from=whom)
    forget_profile_of(user)


@transaction.atomic
def choose_privacy(*, user: User, is_private: bool, languages: Collection[str]) -> None:
    """Hide the page of a member, or show it; choose the languages of threads they are shown and told of: none for all."""
    ensure_profile(user.pk)
    chosen = ",".join(sorted(languages))
    CommunityProfile.objects.filter(pk=user.pk).update(languages=chosen)
    if CommunityProfile.objects.filter(pk=user.pk, is_private=not is_private).update(is_private=is_private):
        content_changed(PRIVATE_SCOPE)
    forget_profile_of(user)


def block_person(*, user: User, whom: User) -> None:
    """Have `whom` write no more private messages to `user`. Safe to repeat."""
    if user.pk != whom.pk:
        Block.objects.bulk_create([Block(person=user, blocked=whom)], ignore_conflicts=True)


def unblock_person(*, user: User, whom: User) -> None:
    """Let somebody write again. Safe to repeat."""
    Block.objects.filter(person=user, blocked=whom).delete()


# Own data ------------------------------------------------------------------------------------------------------------


def export_of_messages(user: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is stored of a person's private messages, as (kind, values): what others wrote is theirs."""
    own: list[tuple[str, QuerySet[Any], tuple[str, ...]]] = [
        (
            "private message",
            Message.objects.filter(author=user),
            ("conversation_id", "number", "body", "state", "state_reason", "state_note", "created_at"),
        ),
        (
            "conversation",
            Participant.objects.filter(person=user),
            ("conversation_id", "last_read_number", "cleared_number"),
        ),
        (
            "blocked person",
            Block.objects.filter(person=user).annotate(handle=F("blocked__handle")),
            ("handle", "created_at"),
        ),
        (
            "report of a message",
            MessageReport.objects.filter(user=user),
            ("message_id", "reason", "note", "outcome", "created_at"),
        ),
    ]
    for kind, rows, fields in own:
        for values in rows.order_by("pk").values(*fields).iterator(_BATCH):
            yield kind, values
