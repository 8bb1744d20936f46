"""News of posts: replies, mentions, quotes, accepted answers, votes, new threads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models.functions import Left
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community.models import Post, Solution, State, ThreadState, Vote
from community.models.member import languages_of
from community.notifications.common import number_in, quoted, values_of
from community.rendering import excerpt
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: Characters of the HTML of a post that are read to show how it begins.
_OPENING: Final = 4000
#: What others wrote. One that is not closed goes on beyond what was read.
_QUOTES: Final = re.compile(r"<blockquote.*?(?:</blockquote>|\Z)", re.DOTALL)


class NewsOfPost(NotificationKind):
    """Base of kinds about a post, named by ``post_id`` in the payload; the subject is its thread."""

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact, with their threads; one query.

        What is hidden is no news even to moderators, who could still read it.
        """
        numbers = {fact.id: number_in(fact, "post_id") for fact in facts}
        visible = Post.objects.visible_to(person).filter(state=State.VISIBLE, thread__state=ThreadState.VISIBLE)
        # Texts are long, and this is asked on every page to count what is unread.
        short = visible.annotate(opening=Left("html", _OPENING)).defer("body", "html").select_related("thread")
        posts = short.in_bulk(set(numbers.values()))
        return {pk: posts[number] for pk, number in numbers.items() if number in posts}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = about.thread.title
        return Notice(
            title=self.title(facts) % values_of(facts, title),
            text=quoted(excerpt(_QUOTES.sub(" ", about.opening)) or excerpt(about.opening)),
            url=about.get_absolute_url(),
            mail_subject=title,
        )

    def title(self, facts: Sequence[Fact]) -> str:
        """Return the words for visible facts of one thread, with places for ``actor``, ``title`` and ``count``."""
        raise NotImplementedError


class Mention(NewsOfPost):
    """Somebody wrote the person's public name."""

    name: ClassVar[str] = "community.mention"
    group: ClassVar[Group] = Group.MENTIONS
    label: ClassVar[_StrPromise] = gettext_lazy("Your name in a post")
    icon: ClassVar[str] = "at-sign"
    rank: ClassVar[int] = 30

    def title(self, facts: Sequence[Fact]) -> str:
        if len(facts) == 1:
            return _("%(actor)s mentioned you in “%(title)s”")
        return ngettext(
            "You were mentioned %(count)s time in “%(title)s”",
            "You were mentioned %(count)s times in “%(title)s”",
            len(facts),
        )


class Quote(NewsOfPost):
    """Somebody quoted the person."""

    name: ClassVar[str] = "community.quote"
    group: ClassVar[Group] = Group.REPLIES
    label: ClassVar[_StrPromise] = gettext_lazy("A quote of what you wrote")
    icon: ClassVar[str] = "quote"
    rank: ClassVar[int] = 25

    def title(self, facts: Sequence[Fact]) -> str:
        if len(facts) == 1:
            return _("%(actor)s quoted you in “%(title)s”")
        return ngettext(
            "You were quoted %(count)s time in “%(title)s”",
            "You were quoted %(count)s times in “%(title)s”",
            len(facts),
        )


class Reply(NewsOfPost):
    """Somebody replied to a post of the person, or to the thread they began."""

    name: ClassVar[str] = "community.reply"
    group: ClassVar[Group] = Group.REPLIES
    label: ClassVar[_StrPromise] = gettext_lazy("A reply to you")
    icon: ClassVar[str] = "reply"
    rank: ClassVar[int] = 20

    def title(self, facts: Sequence[Fact]) -> str:
        if len(facts) == 1:
            return _("%(actor)s replied to you in “%(title)s”")
        return ngettext(
            "%(count)s new reply to you in “%(title)s”", "%(count)s new replies to you in “%(title)s”", len(facts)
        )


class Followed(NewsOfPost):
    """Somebody replied in a thread that the person follows."""

    name: ClassVar[str] = "community.followed"
    group: ClassVar[Group] = Group.FOLLOWED
    label: ClassVar[_StrPromise] = gettext_lazy("A reply in a thread you follow")
    icon: ClassVar[str] = "message-circle"
    rank: ClassVar[int] = 10

    def title(self, facts: Sequence[Fact]) -> str:
        if len(facts) == 1:
            return _("%(actor)s replied in “%(title)s”")
        return ngettext("%(count)s new reply in “%(title)s”", "%(count)s new replies in “%(title)s”", len(facts))


class NewThread(NewsOfPost):
    """There is a new thread in an area, with a tag, about a product, or by a member, that the person follows."""

    name: ClassVar[str] = "community.thread"
    group: ClassVar[Group] = Group.FOLLOWED
    label: ClassVar[_StrPromise] = gettext_lazy("A new thread where you follow")
    icon: ClassVar[str] = "messages-square"
    rank: ClassVar[int] = 5

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact, of threads in the languages that the person chose; two queries."""
        posts = super().visible_to(person, facts)
        chosen = languages_of(person)
        return {pk: post for pk, post in posts.items() if not chosen or post.thread.language in chosen}

    def title(self, facts: Sequence[Fact]) -> str:
        return _("%(actor)s began “%(title)s”")


# Solutions -----------------------------------------------------------------------------------------------------------


class NewsOfSolution(NewsOfPost):
    """Base of kinds about an accepted answer, named by ``solution_id``: no news any more when it is revoked.

    One that ended when the post was hidden, and holds again, has another id and the time of the first.
    """

    icon: ClassVar[str] = "circle-check"

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the answers by fact; two queries."""
        numbers = {fact.id: number_in(fact, "solution_id") for fact in facts}
        of_posts = Solution.objects.filter(post__in={number_in(fact, "post_id") for fact in facts})
        accepted = list(of_posts.values_list("pk", "post_id", "accepted_at", "revoked_at"))
        valid = {(post_id, at) for _pk, post_id, at, revoked_at in accepted if revoked_at is None}
        still = {pk for pk, post_id, at, _revoked_at in accepted if (post_id, at) in valid}
        return super().visible_to(person, [fact for fact in facts if numbers[fact.id] in still])


class AcceptedAnswer(NewsOfSolution):
    """The person's answer was accepted."""

    name: ClassVar[str] = "community.answer_accepted"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("Your answer is the solution")
    rank: ClassVar[int] = 30

    def title(self, facts: Sequence[Fact]) -> str:
        if len(facts) == 1:
            return _("Your answer solved “%(title)s”")
        return ngettext(
            "%(count)s of your answers solved “%(title)s”",
            "%(count)s of your answers solved “%(title)s”",
            len(facts),
        )


class OwnQuestionSolved(NewsOfSolution):
    """Somebody else accepted an answer to the person's question."""

    name: ClassVar[str] = "community.question_solved"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("Your question has a solution")
    rank: ClassVar[int] = 20

    def title(self, facts: Sequence[Fact]) -> str:
        return _("Your question “%(title)s” has a solution")


class FollowedSolved(NewsOfSolution):
    """A question that the person follows was solved."""

    name: ClassVar[str] = "community.followed_solved"
    group: ClassVar[Group] = Group.FOLLOWED
    label: ClassVar[_StrPromise] = gettext_lazy("A question you follow is solved")
    rank: ClassVar[int] = 10

    def title(self, facts: Sequence[Fact]) -> str:
        return _("“%(title)s” has a solution")


# Votes ---------------------------------------------------------------------------------------------------------------


class Helpful(NewsOfPost):
    """Somebody found a post of the person helpful. Nobody is named, and a vote that was taken back is no news."""

    name: ClassVar[str] = "community.helpful"
    group: ClassVar[Group] = Group.THANKS
    label: ClassVar[_StrPromise] = gettext_lazy("Your post helped somebody")
    icon: ClassVar[str] = "thumbs-up"
    rank: ClassVar[int] = 10

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact; two queries."""
        numbers = {fact.id: number_in(fact, "vote_id") for fact in facts}
        given = set(Vote.objects.filter(pk__in=numbers.values()).values_list("pk", flat=True))
        return super().visible_to(person, [fact for fact in facts if numbers[fact.id] in given])

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        notice = super().render(facts, about)
        return Notice(title=notice.title, url=notice.url, mail_subject=notice.mail_subject)

    def title(self, facts: Sequence[Fact]) -> str:
        return ngettext(
            "What you wrote in “%(title)s” was found helpful %(count)s time",
            "What you wrote in “%(title)s” was found helpful %(count)s times",
            len(facts),
        )
