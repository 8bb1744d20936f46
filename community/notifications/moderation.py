"""News of what moderators decided: to whom wrote a post, and to who reported one. No moderator is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models import Flag, Post, ReviewItem, State, Thread
from community.notifications.common import number_in, quoted, values_of
from community.notifications.posts import NewsOfPost
from community.notifications.threads import visible_threads
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class PassedPost(NewsOfPost):
    """What the person wrote was looked at, and others see it now."""

    name: ClassVar[str] = "community.post_approved"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("Your post is visible now")
    icon: ClassVar[str] = "badge-check"

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

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact that are hidden still; one query."""
        numbers = {fact.id: number_in(fact, "post_id") for fact in facts}
        own = Post.objects.visible_to(person).filter(author=person, state=State.HIDDEN)
        posts = own.defer("body", "html").select_related("thread").in_bulk(set(numbers.values()))
        return {pk: posts[number] for pk, number in numbers.items() if number in posts}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = about.thread.title
        reasons = {code: str(label) for code, label in Flag.Reason.choices}
        reason = reasons.get(about.state_reason, "")
        lines = [
            _("Reason: %(reason)s.") % {"reason": reason} if reason else "",
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

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return outcome and thread by fact, None for one the person does not see any more; two queries."""
        numbers = {fact.id: number_in(fact, "flag_id") for fact in facts}
        judged = Flag.objects.filter(pk__in=numbers.values(), user=person).exclude(outcome="")
        flags = {pk: (outcome, of) for pk, outcome, of in judged.values_list("pk", "outcome", "post__thread_id")}
        threads = visible_threads(person, [of for _outcome, of in flags.values()])
        return {
            pk: (flags[number][0], threads.get(flags[number][1])) for pk, number in numbers.items() if number in flags
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        outcome, thread = about
        return Notice(
            title=_reported(thread) % values_of(facts, thread.title if thread else ""),
            text=_outcome(outcome),
            url=thread.get_absolute_url() if thread else reverse("community:index"),
            mail_subject=thread.title if thread else _("What came of your report"),
        )


def _reported(thread: Thread | None) -> str:
    return _("Your report of a post in “%(title)s” was looked at") if thread else _("Your report was looked at")


def _outcome(outcome: str) -> str:
    if outcome == Flag.Outcome.AGREED:
        return _("The post is not shown any more. Thank you for your help.")
    if outcome == Flag.Outcome.DISAGREED:
        return _("The post stays as it is. Thank you all the same: reports help, even when nothing has to be done.")
    return _("The post had been deleted by its author.")


class AppealDecided(NotificationKind):
    """A moderator looked again at what the person wrote."""

    name: ClassVar[str] = "community.appeal_decided"
    group: ClassVar[Group] = Group.MODERATION
    label: ClassVar[_StrPromise] = gettext_lazy("What came of your appeal")
    icon: ClassVar[str] = "scale"
    folds: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return decision and thread by fact; two queries. One's own hidden thread is visible."""
        numbers = {fact.id: number_in(fact, "item_id") for fact in facts}
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
