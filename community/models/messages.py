"""Private messages: a conversation of two members, what each of them has read and deleted, blocks, and reports.

A conversation is visible to its two people and to nobody else: moderators get a message that was reported from
`community.services.reports` only, which writes down that they looked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.access import id_of
from community.models.moderation import Flag
from community.models.thread import State

if TYPE_CHECKING:
    import datetime as dt

    from community.models.access import AnyUser
    from portal.accounts.models import User

#: Characters of a message: longer texts belong into a thread, where others find them.
MESSAGE_LENGTH = 4_000


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: AnyUser) -> Self:
        """The whole truth about who sees which conversation: its two people, if they have not deleted all of it."""
        own = id_of(user)
        if own is None:
            return self.none()
        part = Participant.objects.filter(conversation=OuterRef("pk"), person=own, last_number__gt=F("cleared_number"))
        return self.filter(Exists(part))


class Conversation(models.Model):
    """What two members write to each other. There is one for each pair, whoever began it."""

    #: The person with the smaller id; None when they no longer have an account.
    lower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    higher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Number of the newest message: the next one gets one more.
    highest_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.UniqueConstraint(fields=["lower", "higher"], name="conversation_pair_unique"),
            models.CheckConstraint(condition=Q(lower__lt=F("higher")), name="conversation_pair_order"),
        ]

    def __str__(self) -> str:
        return f"{self.lower_id} – {self.higher_id}"

    @classmethod
    def id_between(cls, one: User, other: User) -> int | None:
        """Return the id of the conversation of two people, also of one that they deleted for themselves."""
        lower, higher = sorted((one.pk, other.pk))
        return cls.objects.filter(lower=lower, higher=higher).values_list("pk", flat=True).first()

    def other_than(self, person_id: int | None) -> User | None:
        """Return the other person; None for somebody without an account any more."""
        return self.higher if self.lower_id == person_id else self.lower


class Participant(models.Model):
    """One of the two people of a conversation: how far they have read it, and what they deleted for themselves."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    last_read_number = models.PositiveIntegerField(default=0)
    #: The person does not see messages up to this one any more.
    cleared_number = models.PositiveIntegerField(default=0)
    #: Number and time of the newest message, here so that the list of a person needs one index.
    last_number = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("person of a conversation")
        verbose_name_plural = _("people of conversations")
        constraints = [models.UniqueConstraint(fields=["conversation", "person"], name="participant_unique")]
        indexes = [
            models.Index(fields=["person", "-last_at", "-id"], name="participant_latest"),
            models.Index(
                fields=["person"],
                name="participant_unread",
                condition=Q(last_number__gt=F("last_read_number")) & Q(last_number__gt=F("cleared_number")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.conversation_id}#{self.last_read_number}"

    @property
    def is_unread(self) -> bool:
        return self.last_number > max(self.last_read_number, self.cleared_number)

    @property
    def first_unread(self) -> int:
        """The number from which the person has not read on."""
        return max(self.last_read_number, self.cleared_number) + 1


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: AnyUser) -> Self:
        """The whole truth about who sees the text of which message.

        The two people see what they have not deleted. What a moderator hid is visible to who wrote it only.
        """
        own = id_of(user)
        if own is None:
            return self.none()
        part = Participant.objects.filter(
            conversation=OuterRef("conversation"), person=own, cleared_number__lt=OuterRef("number")
        )
        return self.filter(Exists(part)).filter(Q(state=State.VISIBLE) | Q(author=own, state=State.HIDDEN))

    def in_numbers(self, first: int, last: int) -> Self:
        """Messages of a page, by their numbers in the conversation."""
        return self.filter(number__gte=first, number__lte=last).order_by("number")


class Message(models.Model):
    """A text in a conversation. It is never changed; its number stays."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    #: None when the person no longer has an account.
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Markdown, as written. Its HTML is made when it is read.
    body = models.TextField()
    #: Visible, or hidden by a moderator.
    state = models.CharField(max_length=10, choices=State, default=State.VISIBLE)
    #: Why it is hidden, and what the moderator told the author.
    state_reason = models.CharField(max_length=20, blank=True, default="")
    state_note = models.TextField(blank=True, default="")
    #: The author was staff when writing it.
    is_from_staff = models.BooleanField(default=False)
    #: Of the form it was sent with: a form sent twice makes one message.
    token = models.CharField(max_length=40, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("private message")
        verbose_name_plural = _("private messages")
        constraints = [
            models.UniqueConstraint(fields=["conversation", "number"], name="message_number_unique"),
            models.UniqueConstraint(fields=["author", "token"], condition=~Q(token=""), name="message_token_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="message_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}#{self.number}"

    @classmethod
    def hidden_numbers(cls, conversation_id: int, first: int, last: int) -> list[tuple[int, dt.datetime]]:
        """Return numbers and times of what moderators hid: the other person sees that something was there."""
        rows = cls.objects.filter(conversation=conversation_id, state=State.HIDDEN).in_numbers(first, last)
        return list(rows.values_list("number", "created_at"))

    @property
    def is_visible(self) -> bool:
        return self.state == State.VISIBLE


class Block(models.Model):
    """Somebody wants no private messages from somebody else."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    blocked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("blocked person")
        verbose_name_plural = _("blocked people")
        constraints = [
            models.UniqueConstraint(fields=["person", "blocked"], name="block_unique"),
            models.CheckConstraint(condition=~Q(person=F("blocked")), name="block_another"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.blocked_id}"


class MessageReport(models.Model):
    """The recipient of a message thinks that a moderator should look at it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=15, choices=Flag.Reason)
    note = models.CharField(max_length=500, blank=True, default="")
    #: Hundredths; see `community.rules.flag_weight`.
    weight = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Flag.Outcome, blank=True, default="")
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    judged_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("report of a private message")
        verbose_name_plural = _("reports of private messages")
        constraints = [
            models.UniqueConstraint(fields=["message", "user"], condition=Q(outcome=""), name="message_report_once")
        ]

    def __str__(self) -> str:
        return f"{self.message_id}: {self.reason}"
