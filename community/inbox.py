"""Private messages as their pages show them: the list of a person, a page of a conversation, what is unread."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.core.paginator import Paginator
from django.db.models import F, Q
from django.utils.safestring import SafeString

from community import rendering
from community.models import PAGE_SIZE, Message, Participant
from community.models.access import id_of
from community.notifications.messages import beginning_of
from community.people import Person, person_of
from community.services.texts import language_of, people_named
from portal.core.prepared import Prepared
from portal.core.privacy import translate_placeholders
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from community.models.access import AnyUser
    from portal.accounts.models import User

#: Conversations on a page of the list.
ROWS: Final = 20
#: More unread ones are not counted.
MOST_COUNTED: Final = 99


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation in the list of one of its people."""

    conversation_id: int
    other: Person
    #: How the newest message begins; empty for one that the reader may not see.
    excerpt: str
    language: str
    is_own: bool
    is_unread: bool
    at: dt.datetime
    #: Query and fragment that lead to what the reader has not read, else to the newest message.
    place: str


@dataclass(frozen=True, slots=True)
class ConversationList:
    rows: list[ConversationRow]
    #: Value of ``?after=`` for the next page; empty on the last.
    after: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as its reader sees it. One that a moderator hid is there without its text, except for its author."""

    number: int
    author: Person
    is_own: bool
    at: dt.datetime
    html: str = ""
    language: str = ""
    message: Message | None = None


def has_messages(person: User) -> bool:
    """Return whether somebody has a conversation. One query."""
    return _not_deleted(person).exists()


def unread_conversations(person: User) -> int:
    """Return in how many conversations there is something new, at most `MOST_COUNTED`. One query."""
    return len(_unread.rows(person.pk))


def _not_deleted(person: AnyUser) -> QuerySet[Participant]:
    return _of_person(id_of(person))


def _of_person(person_id: int | None) -> QuerySet[Participant]:
    return Participant.objects.filter(person=person_id, last_number__gt=F("cleared_number"))


#: Asked for the header of every page of somebody signed in.
_unread: Final = Prepared(
    lambda person_id: (
        _of_person(person_id).filter(last_number__gt=F("last_read_number")).order_by().values_list("pk")[:MOST_COUNTED]
    ),
    int,
)


def conversations_of(person: User, *, after: str = "") -> ConversationList:
    """Return a page of a person's conversations, the newest first. Two queries."""
    mine = _not_deleted(person)
    if (place := _read_place(after)) is not None:
        at, pk = place
        mine = mine.filter(Q(last_at__lt=at) | Q(last_at=at, pk__lt=pk))
    related = mine.select_related("conversation__lower", "conversation__higher")
    found = list(related.order_by("-last_at", "-pk")[: ROWS + 1])
    shown = found[:ROWS]
    newest = Q(pk__in=[])
    for part in shown:
        newest |= Q(conversation=part.conversation_id, number=part.last_number)
    last = {message.conversation_id: message for message in Message.objects.visible_to(person).filter(newest)}
    rows = [_row(person, part, last.get(part.conversation_id)) for part in shown]
    end = shown[-1] if len(found) > ROWS else None
    return ConversationList(rows, f"{end.last_at.isoformat()}_{end.pk}" if end else "")


def _read_place(after: str) -> tuple[dt.datetime, int] | None:
    moment, _line, pk = after.partition("_")
    number = row_number(pk)
    try:
        at = dt.datetime.fromisoformat(moment)
        at = at.astimezone(dt.UTC) if at.tzinfo is not None else at
    except (ValueError, OverflowError):  # a moment before the first or after the last there is
        return None
    return (at, number) if number is not None and at.tzinfo is not None else None


def _row(person: User, part: Participant, message: Message | None) -> ConversationRow:
    words = beginning_of(message.body) if message is not None else ""
    number = part.first_unread if part.is_unread else part.last_number
    return ConversationRow(
        conversation_id=part.conversation_id,
        other=person_of(part.conversation.other_than(person.pk)),
        excerpt=translate_placeholders(words),
        language=language_of(words),
        is_own=message is not None and message.author_id == person.pk,
        is_unread=part.is_unread,
        at=part.last_at,
        place=place_of(part, number),
    )


def pages_of(part: Participant) -> Paginator[int]:
    """Return the pages of a conversation for one of its people: numbers of messages. What they deleted fills none."""
    return Paginator(range(_skipped(part) + 1, part.last_number + 1), PAGE_SIZE)


def _skipped(part: Participant) -> int:
    return part.cleared_number // PAGE_SIZE * PAGE_SIZE


def page_of(part: Participant, number: int) -> int:
    """Return the page on which a person finds a message."""
    return max(number - 1 - _skipped(part), 0) // PAGE_SIZE + 1


def place_of(part: Participant, number: int) -> str:
    """Return the query and fragment that lead a person to a message in its conversation."""
    return f"?page={page_of(part, number)}#message-{number}"


def part_of(person: User, conversation_id: int) -> Participant | None:
    """Return what a person has read and deleted of a conversation; None if it is not visible to them. One query."""
    mine = _not_deleted(person).filter(conversation=conversation_id)
    return mine.select_related("conversation__lower", "conversation__higher").first()


def messages_of_page(person: User, part: Participant, first: int, last: int) -> list[ShownMessage]:
    """Return the messages with these numbers that the person has not deleted, in order. Three queries at most."""
    first = max(first, part.cleared_number + 1)
    of_page = Message.objects.visible_to(person).filter(conversation=part.conversation_id).in_numbers(first, last)
    visible = {message.number: message for message in of_page.select_related("author")}
    hidden = Message.hidden_numbers(part.conversation_id, first, last) if len(visible) <= last - first else []
    shown = {each.number: each for each in in_html(list(visible.values()), reader_id=person.pk)}
    other = person_of(part.conversation.other_than(person.pk))
    for number, at in hidden:
        shown.setdefault(number, ShownMessage(number, other, is_own=False, at=at))
    return [shown[number] for number in sorted(shown)]


def in_html(messages: Sequence[Message], *, reader_id: int | None) -> list[ShownMessage]:
    """Return messages that the reader may see, with their HTML. One query if they name people."""
    texts = {message.number: rendering.parse(message.body) for message in messages}
    named = people_named({handle for text in texts.values() for handle in text.handles})
    people = {key: user.handle for key, user in named.items()}
    return [
        ShownMessage(
            number=message.number,
            author=person_of(message.author),
            is_own=message.author_id == reader_id,
            at=message.created_at,
            html=SafeString(translate_placeholders(texts[message.number].to_html(people=people))),
            language=language_of(texts[message.number].plain_text()),
            message=message,
        )
        for message in messages
    ]
