"""Kinds of notifications, declared by the features that send them, and the groups by which people choose.

    class ReplyKind(NotificationKind):                      community/notifications.py
        name = "community.reply"
        group = Group.REPLIES
        …
    register(ReplyKind())                                   ready() of community/apps.py

A kind decides who may see a fact and puts it into words. Both happen when somebody reads: what was moved to a private
place is neither listed, counted nor mailed any more, and titles are those of today.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User


class Mail(enum.StrEnum):
    """When a notification is mailed; the values are stored."""

    NOW = "now"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


class Group(enum.StrEnum):
    """Rows of a person's settings; the values are stored."""

    REPLIES = "replies"
    MENTIONS = "mentions"
    MESSAGES = "messages"
    SOLUTION = "solution"
    FOLLOWED = "followed"
    THANKS = "thanks"
    REMINDERS = "reminders"
    MODERATION = "moderation"
    POINTS = "points"
    REWARDS = "rewards"
    OFFERS = "offers"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """Name, explanation and defaults of a group."""

    label: _StrPromise
    text: _StrPromise
    mail: Mail
    web: bool = True
    #: When it can be mailed: something that adds up is for digests, something urgent is not.
    mails: tuple[Mail, ...] = tuple(Mail)


GROUPS: dict[Group, GroupInfo] = {
    Group.REPLIES: GroupInfo(_("Replies to you"), _("Somebody answers what you wrote."), Mail.NOW),
    Group.MENTIONS: GroupInfo(_("Mentions"), _("Somebody writes your public name."), Mail.NOW),
    Group.MESSAGES: GroupInfo(_("Private messages"), _("Somebody writes to you alone."), Mail.NOW),
    Group.SOLUTION: GroupInfo(
        _("Solutions"), _("Your question has a solution, or your answer is one, or becomes an article."), Mail.NOW
    ),
    Group.FOLLOWED: GroupInfo(
        _("News of what you follow"), _("Something new in what you follow or asked about."), Mail.DAILY
    ),
    Group.THANKS: GroupInfo(
        _("Thanks"),
        _("Somebody found helpful what you wrote."),
        Mail.WEEKLY,
        web=False,
        mails=(Mail.DAILY, Mail.WEEKLY, Mail.OFF),
    ),
    Group.REMINDERS: GroupInfo(
        _("Reminders"),
        _("The time has come that you chose for a bookmark."),
        Mail.NOW,
        mails=(Mail.NOW, Mail.OFF),
    ),
    Group.MODERATION: GroupInfo(
        _("Decisions of moderators"),
        _("What you wrote was looked at, or what you reported."),
        Mail.NOW,
    ),
    Group.POINTS: GroupInfo(_("Points"), _("Points are about to expire, or your level changes."), Mail.NOW),
    Group.REWARDS: GroupInfo(
        _("Rewards"),
        _("A code is ready, a parcel is on its way, or points of a reward are back."),
        Mail.NOW,
        mails=(Mail.NOW, Mail.OFF),
    ),
    Group.OFFERS: GroupInfo(_("Offers"), _("There is an offer for you."), Mail.OFF),
    Group.SECURITY: GroupInfo(
        _("Security of the account"),
        _("A sign-in on a new device, or a change to your account."),
        Mail.NOW,
        mails=(Mail.NOW, Mail.OFF),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one person is told, as it was stored."""

    id: int
    kind: str
    #: What it is about: ``community.thread:42``.
    subject: str
    #: Public name of whoever did it; empty for nobody, or for somebody who has left.
    actor: str
    occurred_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A fact, or several of one subject, in words. All texts are plain text."""

    title: str
    #: Path of the page in the active language, with a leading slash.
    url: str
    text: str = ""
    #: Subject of mails about it: the same for all kinds of one subject, and without a name of a person.
    mail_subject: str = ""


class NotificationKind:
    """What a feature declares for each kind of news. Its methods are called with the reader's language active."""

    #: Stored: never changes.
    name: ClassVar[str]
    group: ClassVar[Group]
    #: Name of the kind for people.
    label: ClassVar[_StrPromise]
    icon: ClassVar[str] = "bell"
    #: If the same fact reaches a person by several routes, the kind with the highest rank wins: mention > reply >
    #: followed.
    rank: ClassVar[int] = 10
    #: Whether several of one subject are shown as one.
    folds: ClassVar[bool] = True
    #: Whether this app mails it; no, if its own app has a mail for it.
    is_mailed: ClassVar[bool] = True
    #: Whether people can unsubscribe: from its subject, from its group, from all.
    is_optional: ClassVar[bool] = True
    #: How long a mail at once waits: what can be taken back is mailed when it can no longer be, if it is still visible.
    mail_delay: ClassVar[timedelta] = timedelta()
    #: Whether mails about one subject belong together in mail programs.
    is_conversation: ClassVar[bool] = True

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return for the id of each fact this person may see what `render` needs to know about it; omit the others.

        Called whenever facts are listed, counted and mailed, and before anybody is told: who may not see a fact then
        is never told of it. The number of queries must not depend on that of facts.
        """
        raise NotImplementedError

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        """Return the words for visible facts of one subject, newest first; `about` is from `visible_to`, of the newest.

        Must not query.
        """
        raise NotImplementedError


class UnknownKindError(LookupError):
    """Raised for a kind that no app has declared."""


_kinds: dict[str, NotificationKind] = {}


def register(*kinds: NotificationKind) -> None:
    """Declare kinds; called in `ready()`. Raises `ValueError` when a name is taken."""
    for kind in kinds:
        if kind.name in _kinds:
            raise ValueError(f"There are two kinds of notifications called {kind.name}")
        _kinds[kind.name] = kind


def forget(name: str) -> None:
    """Undeclare a kind; for tests."""
    _kinds.pop(name, None)


def kind_called(name: str) -> NotificationKind:
    """Return the kind. Raises `UnknownKindError`."""
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKindError(name) from None


def known_kinds() -> Mapping[str, NotificationKind]:
    """Return all kinds by name."""
    return _kinds


def groups_in_use() -> list[Group]:
    """Return the groups that have a kind, in the order of the settings."""
    used = {kind.group for kind in _kinds.values()}
    return [group for group in Group if group in used]
