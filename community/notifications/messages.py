"""News of private messages: a new one, and what moderators decided about one that was reported."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models import Exists, OuterRef
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community import rendering
from community.models import AuditEntry, Block, Flag, Message, MessageReport, ReviewItem, State
from community.notifications.common import because, number_in, quoted, values_of
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: Characters that lists, notifications and mails quote of a message, and those that are read for that.
EXCERPT: Final = 160
_OPENING: Final = 1200
#: How long mails of decisions wait: longer than the queue offers to undo one.
_TAKEN_BACK_WITHIN: Final = dt.timedelta(minutes=1)


def conversation_target(conversation_id: int) -> str:
    """Return the name of a conversation as the subject of news about it."""
    return f"community.conversation:{conversation_id}"


def beginning_of(body: str) -> str:
    """Return how a message begins, as one plain line; with placeholders for what was masked."""
    return rendering.excerpt(rendering.render(body[:_OPENING]), EXCERPT)


class PrivateMessage(NotificationKind):
    """Somebody wrote a private message to the person."""

    name: ClassVar[str] = "community.message"
    group: ClassVar[Group] = Group.MESSAGES
    label: ClassVar[_StrPromise] = gettext_lazy("A private message")
    icon: ClassVar[str] = "mail"
    rank: ClassVar[int] = 20

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the messages by fact that the person has received, from nobody blocked since, and not deleted; one query."""
        numbers = {fact.id: number_in(fact, "message_id") for fact in facts}
        blocked = Block.objects.filter(person=person, blocked=OuterRef("author"))
        received = (
            Message.objects.visible_to(person).filter(~Exists(blocked), state=State.VISIBLE).exclude(author=person)
        )
        # This is asked on every page to count what is unread.
        short = received.annotate(opening=Left("body", _OPENING)).defer("body")
        messages = short.in_bulk(set(numbers.values()))
        return {pk: messages[number] for pk, number in numbers.items() if number in messages}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = ngettext("%(actor)s wrote to you", "%(count)s private messages from %(actor)s", len(facts))
        return Notice(
            title=title % values_of(facts, ""),
            text=quoted(beginning_of(about.opening)),
            url=reverse("community:conversation", args=[about.conversation_id]),
            mail_subject=_("A private message"),
        )


class HiddenMessage(NotificationKind):
    """A private message that the person wrote was hidden by a moderator."""

    name: ClassVar[str] = "community.message_hidden"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("Your private message was hidden")
    icon: ClassVar[str] = "eye-off"
    folds: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the entries of the log by fact whose decision still holds; two queries."""
        numbers = {fact.id: number_in(fact, "audit_id") for fact in facts}
        entries = AuditEntry.objects.filter(member=person).in_bulk(set(numbers.values()))
        items = {entry.details.get("item") for entry in entries.values()}
        valid = ReviewItem.objects.filter(pk__in=items - {None}, decision=ReviewItem.Decision.HIDDEN)
        holding = set(valid.values_list("pk", flat=True))
        return {
            pk: entries[number]
            for pk, number in numbers.items()
            if number in entries and entries[number].details.get("item") in holding
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = _("A private message that you wrote was hidden")
        return Notice(
            title=title,
            text=" ".join(line for line in (because(about.reason), quoted(about.note)) if line),
            url=reverse("community:messages"),
            mail_subject=title,
        )


class MessageReportOutcome(NotificationKind):
    """A moderator decided about a private message that the person reported."""

    name: ClassVar[str] = "community.message_report_judged"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("What came of your report of a message")
    icon: ClassVar[str] = "flag"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the outcome by fact; one query."""
        numbers = {fact.id: number_in(fact, "report_id") for fact in facts}
        judged = MessageReport.objects.filter(pk__in=numbers.values(), user=person).exclude(outcome="")
        outcomes = dict(judged.values_list("pk", "outcome"))
        return {pk: outcomes[number] for pk, number in numbers.items() if number in outcomes}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        return Notice(
            title=_("Your report of a private message was looked at"),
            text=(
                _("The message is not shown any more. Thank you for your help.")
                if about == Flag.Outcome.AGREED
                else _("The message stays as it is. You can block who wrote it if you want no more of them.")
            ),
            url=reverse("community:messages"),
            mail_subject=_("What came of your report"),
        )
