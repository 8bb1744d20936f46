"""News that ask: whoever asked a question is asked whether the replies solved it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models.member import profile_of
from community.notifications.common import number_in, values_of
from community.notifications.threads import NewsOfThread
from portal.notifications.actions import action_url
from portal.notifications.registry import Group, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: Name of the question that the link leads to; see `community.asking`.
ACTION: Final = "community.did_it_solve"


class DidItSolve(NewsOfThread):
    """The person's question has replies, and nobody knows whether they solved it."""

    name: ClassVar[str] = "community.did_it_solve"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("Whether your question is solved")
    icon: ClassVar[str] = "circle-question-mark"

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return thread, person and step by fact, while the answer matters; at most two queries."""
        profile = profile_of(person)
        if profile is not None and profile.is_silenced():
            return {}
        steps = {fact.id: number_in(fact, "step") for fact in facts}
        return {
            pk: (thread, person.pk, steps[pk])
            for pk, thread in super().visible_to(person, facts).items()
            if thread.author_id == person.pk and not thread.is_solved and not thread.is_locked
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        thread, person_id, step = about
        return Notice(
            title=_("Did the replies solve “%(title)s”?") % values_of(facts, thread.title),
            text=_("Yes, partly or no: your answer tells those who helped, and the next one with this question."),
            url=action_url(ACTION, person_id=person_id, argument=f"{thread.pk}:{step}"),
            mail_subject=thread.title,
        )


class AskedForHelp(NewsOfThread):
    """A question waits for a reply, and the person has answered others like it."""

    name: ClassVar[str] = "community.asked_for_help"
    group: ClassVar[Group] = Group.MENTIONS
    label: ClassVar[_StrPromise] = gettext_lazy("A question you may have the answer to")
    icon: ClassVar[str] = "hand-helping"
    rank: ClassVar[int] = 10

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the threads by fact, while they wait; one query."""
        threads = super().visible_to(person, facts)
        return {pk: each for pk, each in threads.items() if not each.reply_count and not each.is_locked}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        return Notice(
            title=_("Can you answer “%(title)s”?") % values_of(facts, about.title),
            text=_("Nobody has replied yet, and your answers to others were accepted. There is no need to."),
            url=about.get_absolute_url(),
            mail_subject=about.title,
        )
