"""News of what moderators decided: to whom wrote a post, and to who reported one. No moderator is named."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models import AuditEntry, Flag, Post, ReviewItem, State, Thread
from community.notifications.common import because, number_in, quoted, values_of
from community.notifications.posts import NewsOfPost
from community.notifications.threads import visible_threads
from portal.core.formats import moment_text
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: How long mails of decisions wait: longer than the queue offers to undo one.
_TAKEN_BACK_WITHIN: Final = dt.timedelta(minutes=1)


def _newest(facts: Sequence[Fact], name: str) -> dict[int, int]:
    """Return what facts are about, by fact; the newest one of each.

    A decision that was taken back and made again is another fact: its mail may have been left out the first time.
    """
    newest = {number_in(fact, name): fact.id for fact in sorted(facts, key=lambda fact: fact.id)}
    return {pk: number for number, pk in newest.items()}


class PassedPost(NewsOfPost):
    """What the person wrote was looked at, and others see it now."""

    name: ClassVar[str] = "community.post_approved"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("Your post is visible now")
    icon: ClassVar[str] = "badge-check"
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def title(self, facts: Sequence[Fact]) -> str:
        return _("Others can see now what you wrote in “%(title)s”")


class HiddenPost(NotificationKind):
    """What the person wrote was hidden: why, and what they can do."""

    name: ClassVar[str] = "community.post_hidden"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("Your post was hidden")
    icon: ClassVar[str] = "eye-off"
    folds: ClassVar[bool] = False
    #: A muted thread is no reason not to hear of it.
    is_optional: ClassVar[bool] = False
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact that are hidden still; one query."""
        numbers = _newest(facts, "post_id")
        own = Post.objects.visible_to(person).filter(author=person, state=State.HIDDEN)
        posts = own.defer("body", "html").select_related("thread").in_bulk(set(numbers.values()))
        return {pk: posts[number] for pk, number in numbers.items() if number in posts}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = about.thread.title
        lines = [
            because(about.state_reason),
            quoted(about.state_note),
            _("You can change it, or ask for another look."),
        ]
        return Notice(
            title=_("What you wrote in “%(title)s” was hidden") % values_of(facts, title),
            text=" ".join(line for line in lines if line),
            url=about.get_absolute_url(),
            mail_subject=title,
        )


class FlagOutcome(NotificationKind):
    """A moderator decided about a post that the person reported."""

    name: ClassVar[str] = "community.flag_judged"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("What came of your report")
    icon: ClassVar[str] = "flag"
    folds: ClassVar[bool] = False
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return outcome, whether the post is visible, and thread by fact; two queries.

        The thread is None for one the person does not see any more.
        """
        numbers = _newest(facts, "flag_id")
        judged = Flag.objects.filter(pk__in=numbers.values(), user=person).exclude(outcome="").select_related("post")
        flags = {flag.pk: flag for flag in judged.defer("post__body", "post__html")}
        threads = visible_threads(person, [flag.post.thread_id for flag in flags.values()])
        return {
            pk: (flag.outcome, flag.post.is_visible, threads.get(flag.post.thread_id))
            for pk, number in numbers.items()
            if (flag := flags.get(number)) is not None
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        outcome, is_visible, thread = about
        return Notice(
            title=_reported(thread) % values_of(facts, thread.title if thread else ""),
            text=_outcome(outcome, is_visible=is_visible),
            url=thread.get_absolute_url() if thread else reverse("community:index"),
            mail_subject=thread.title if thread else _("What came of your report"),
        )


def _reported(thread: Thread | None) -> str:
    return _("Your report of a post in “%(title)s” was looked at") if thread else _("Your report was looked at")


def _outcome(outcome: str, *, is_visible: bool) -> str:
    if outcome == Flag.Outcome.AGREED and is_visible:
        return _("The post was not shown for a while; a moderator looked at it again, and it is shown once more.")
    if outcome == Flag.Outcome.AGREED:
        return _("The post is not shown any more. Thank you for your help.")
    if outcome == Flag.Outcome.DISAGREED:
        return _("The post stays as it is. Thank you all the same: reports help, even when nothing has to be done.")
    return _("The post had been deleted by its author.")


class AppealDecided(NotificationKind):
    """A moderator looked again at what the person wrote."""

    name: ClassVar[str] = "community.appeal_decided"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("What came of your request for another look")
    icon: ClassVar[str] = "scale"
    folds: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    mail_delay: ClassVar[dt.timedelta] = _TAKEN_BACK_WITHIN

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return decision and thread by fact; two queries. One's own hidden thread is visible."""
        numbers = _newest(facts, "item_id")
        decided = ReviewItem.objects.filter(pk__in=numbers.values(), post__author=person).exclude(decision="")
        items = {pk: (decision, of) for pk, decision, of in decided.values_list("pk", "decision", "post__thread_id")}
        threads = Thread.objects.visible_to(person).in_bulk({of for _decision, of in items.values()})
        return {
            pk: (items[number][0], threads[items[number][1]])
            for pk, number in numbers.items()
            if number in items and items[number][1] in threads
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        decision, thread = about
        is_back = decision == ReviewItem.Decision.APPROVED
        return Notice(
            title=(
                _("What you wrote in “%(title)s” is visible again")
                if is_back
                else _("What you wrote in “%(title)s” stays hidden")
            )
            % values_of(facts, thread.title),
            text=_("A moderator looked at it again, as you asked."),
            url=thread.get_absolute_url(),
            mail_subject=thread.title,
        )


class Restricted(NotificationKind):
    """The person was warned, silenced, suspended, or may write again: why, and until when."""

    name: ClassVar[str] = "community.restricted"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("A warning, or an end of taking part")
    icon: ClassVar[str] = "message-square-warning"
    folds: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the entry of the log and the person's public name by fact; one query."""
        numbers = {fact.id: number_in(fact, "audit_id") for fact in facts}
        entries = AuditEntry.objects.filter(member=person).in_bulk(set(numbers.values()))
        return {pk: (entries[number], person.handle) for pk, number in numbers.items() if number in entries}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        entry, handle = about
        title = _restriction(entry)
        why = (
            _("Several people reported what you wrote. A moderator will look at it.") if entry.reason == "flags" else ""
        )
        return Notice(
            title=title,
            text=" ".join(line for line in (why or because(entry.reason), quoted(entry.note)) if line),
            url=reverse("community:person", args=[handle]),
            mail_subject=title,
        )


def _restriction(entry: AuditEntry) -> str:
    if entry.action == "member.warned":
        return _("A moderator warns you")
    if entry.action == "member.released":
        return _("You can take part in the community again as before")
    until = {"time": isolate(moment_text(dt.datetime.fromisoformat(entry.details["until"])))}
    if entry.action == "member.suspended":
        return _("You cannot take part in the community until %(time)s") % until
    return _("You can read the community, but not write there, until %(time)s") % until
