"""“Did the replies solve it?” as a question behind a signed link: yes, partly, no; and which of them it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.utils.translation import gettext as _

from community import rendering, services
from community.exceptions import CommunityError
from community.models import FollowUp, Post, Thread
from community.models.member import profile_of
from community.notifications.loops import ACTION
from community.people import person_of
from community.services.following_up import answer_follow_up, is_open_question
from portal.core.text import isolate
from portal.notifications.actions import Question, SignedAction

if TYPE_CHECKING:
    from portal.accounts.models import User

#: Replies that are offered, the most helpful first.
_REPLIES: Final = 8
_EXCERPT: Final = 90
_NONE: Final = "none"


class DidItSolveAction(SignedAction):
    """Asks the asker of a question. The argument is ``thread:step``."""

    name: ClassVar[str] = ACTION

    def ask(self, person: User, argument: str) -> Question | None:
        """Return the question while the thread is an open one of the person, who may take part."""
        thread = self._thread(person, argument)
        if thread is None:
            return None
        return Question(
            title=_("Did the replies solve your question?"),
            text=thread.title,
            choices={each.value: str(each.label) for each in FollowUp.Answer},
        )

    def answer(self, person: User, argument: str, choice: str) -> str:
        """Store the answer."""
        thread = self._thread(person, argument)
        if thread is not None:
            answer_follow_up(thread=thread, step=_step(argument), answer=FollowUp.Answer(choice))
        if choice == FollowUp.Answer.YES:
            return _("We are glad that it is solved.")
        return _("Your question stays open, so that others go on looking. A reply with what you tried helps them.")

    def ask_more(self, person: User, argument: str, choice: str) -> Question | None:
        """Ask after a yes which reply it was."""
        thread = self._thread(person, argument)
        if thread is None or choice != FollowUp.Answer.YES:
            return None
        replies = Post.objects.visible_to(person).filter(thread=thread, state="visible").exclude(author=person)
        choices = {
            str(post.pk): f"{isolate(person_of(post.author).name)}: {rendering.excerpt(post.html, _EXCERPT)}"
            for post in replies.most_helpful().for_showing()[:_REPLIES]
        }
        if not choices:
            return None
        return Question(
            title=_("Which reply solved it?"),
            text=_("It is marked as the solution, and whoever wrote it learns that it helped."),
            choices={**choices, _NONE: _("None of them; I found it myself")},
        )

    def answer_more(self, person: User, argument: str, choice: str, detail: str) -> str:
        """Accept the reply."""
        if detail != _NONE:
            post = Post.objects.visible_to(person).filter(pk=int(detail)).select_related("thread").first()
            try:
                if post is not None:
                    services.accept_solution(post=post, by=person)
                    return _("Thank you. The answer is marked as the solution.")
            except CommunityError as error:
                return str(error)
        return _("We are glad that it is solved.")

    def _thread(self, person: User, argument: str) -> Thread | None:
        """Return the thread of an argument while its asker may answer."""
        thread = Thread.objects.visible_to(person).filter(pk=int(argument.partition(":")[0]), author=person).first()
        profile = profile_of(person)
        if thread is None or not is_open_question(thread) or (profile is not None and profile.is_silenced()):
            return None
        return thread


def _step(argument: str) -> int:
    return int(argument.partition(":")[2])
