"""News of threads as a whole: steps of ideas, merging, moving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models import IdeaStatusChange, Thread, ThreadState
from community.notifications.common import number_in, quoted, values_of
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


def visible_threads(person: User, numbers: Collection[int]) -> dict[int, Thread]:
    """Return those of the threads that are visible to the person, and to others, by id; one query."""
    visible = Thread.objects.visible_to(person).filter(state=ThreadState.VISIBLE)
    return visible.select_related("area").in_bulk(set(numbers))


class NewsOfThread(NotificationKind):
    """Base of kinds about a thread, named by ``thread_id`` in the payload."""

    group: ClassVar[Group] = Group.FOLLOWED

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the threads by fact; one query."""
        numbers = {fact.id: number_in(fact, "thread_id") for fact in facts}
        threads = visible_threads(person, numbers.values())
        return {pk: threads[number] for pk, number in numbers.items() if number in threads}


class IdeaStep(NewsOfThread):
    """An idea that the person had, voted for or follows went on."""

    name: ClassVar[str] = "community.idea_step"
    label: ClassVar[_StrPromise] = gettext_lazy("What becomes of an idea")
    icon: ClassVar[str] = "lightbulb"
    rank: ClassVar[int] = 20

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return thread and step by fact; two queries."""
        threads = super().visible_to(person, facts)
        numbers = {fact.id: number_in(fact, "change_id") for fact in facts}
        steps = IdeaStatusChange.objects.in_bulk(set(numbers.values()))
        return {
            pk: (thread, steps[numbers[pk]])
            for pk, thread in threads.items()
            if numbers[pk] in steps and steps[numbers[pk]].thread_id == thread.pk
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        thread, step = about
        values = values_of(facts, thread.title) | {"status": step.get_status_display()}
        return Notice(
            title=_("The idea “%(title)s” is now: %(status)s") % values,
            text=quoted(step.note),
            url=thread.get_absolute_url(),
            mail_subject=thread.title,
        )


class Merged(NewsOfThread):
    """A thread that the person follows was put into another one, which they follow now."""

    name: ClassVar[str] = "community.thread_merged"
    label: ClassVar[_StrPromise] = gettext_lazy("A thread you follow was merged")
    icon: ClassVar[str] = "git-merge"

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        return Notice(
            title=_("A thread you follow was merged into “%(title)s”") % values_of(facts, about.title),
            text=_("You follow that one now."),
            url=about.get_absolute_url(),
            mail_subject=about.title,
        )


class Moved(NewsOfThread):
    """A thread that the person follows is in another area."""

    name: ClassVar[str] = "community.thread_moved"
    label: ClassVar[_StrPromise] = gettext_lazy("A thread you follow was moved")
    icon: ClassVar[str] = "folder-input"

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        values = values_of(facts, about.title) | {"area": isolate(str(about.area.title))}
        return Notice(
            title=_("“%(title)s” is now in the area “%(area)s”") % values,
            url=about.get_absolute_url(),
            mail_subject=about.title,
        )
