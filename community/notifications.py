"""What the community tells its members: kinds of news, who may see each, and its words.

`community.telling` says who is told. A post that was hidden, deleted or moved to where the reader must not look is
neither listed nor mailed: whether it is visible is asked whenever somebody reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models.functions import Left
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community.models import Post, State, ThreadState
from community.people import person_of
from community.rendering import excerpt
from portal.core.formats import format_number
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: Characters of a post that are read to show how it begins.
_OPENING: Final = 1200


def thread_target(thread_id: int) -> str:
    """Return the name under which a thread is followed, and which is the subject of news about it."""
    return f"community.thread:{thread_id}"


class NewsOfPost(NotificationKind):
    """Base of kinds about a post, named by ``post_id`` in the payload, in the thread that is the subject."""

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact, with their threads; one query.

        What is hidden is no news even to moderators, who could still read it.
        """
        numbers = {fact.id: int(fact.payload["post_id"]) for fact in facts}
        visible = Post.objects.visible_to(person).filter(state=State.VISIBLE, thread__state=ThreadState.VISIBLE)
        # Texts are long, and this is asked on every page to count what is unread.
        short = visible.annotate(opening=Left("body", _OPENING)).defer("body", "html").select_related("thread")
        posts = short.in_bulk(set(numbers.values()))
        return {pk: posts[number] for pk, number in numbers.items() if number in posts}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        values = {
            "actor": isolate(facts[0].actor or person_of(None).name),
            "title": isolate(about.thread.title),
            "count": format_number(len(facts)),
        }
        return Notice(
            title=self.title(facts) % values,
            text=excerpt(about.opening),
            url=about.get_absolute_url(),
            mail_subject=about.thread.title,
        )

    def title(self, facts: Sequence[Fact]) -> str:
        """Return the words for visible facts of one thread, with ``actor``, ``title`` and ``count`` to be filled in."""
        raise NotImplementedError


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


#: All of them; `community.apps` registers them.
KINDS: Final = (Followed, Reply)
