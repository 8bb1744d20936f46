"""What a page of a thread shows to one reader: posts, what the reader may do with each, and what they did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.core.paginator import Paginator
from django.utils.safestring import SafeString

from community import rules
from community.link_cards import with_cards
from community.models import (
    PAGE_SIZE,
    Bookmark,
    CommunityProfile,
    IdeaVote,
    Level,
    MeToo,
    Poll,
    PollVote,
    Post,
    Vote,
)
from community.models.access import id_of
from community.notifications.common import thread_target
from community.people import Person, person_of
from community.queries import Tombstone, posts_of_page
from portal.core.privacy import translate_placeholders
from portal.notifications.queries import is_following

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from community.models import PollOption, Thread
    from community.models.access import AnyUser

#: The least level that is shown with a name.
_SHOWN_LEVEL: Final = Level.HELPER


def target_of(thread: Thread) -> str:
    """Return the name under which a thread is followed; see `portal.notifications.targets`."""
    return thread_target(thread.pk)


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post, ready to show."""

    post: Post
    author: Person
    html: SafeString
    #: Name of the level, only of those who help a lot.
    level: str = ""
    is_askers: bool = False
    has_voted: bool = False
    is_bookmarked: bool = False
    #: What the reader may do with it.
    may: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_tombstone(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class ShownTombstone:
    """What is left of a post that was taken away."""

    tombstone: Tombstone

    @property
    def is_tombstone(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ShownOption:
    option: PollOption
    is_chosen: bool
    percent: int


@dataclass(frozen=True, slots=True)
class ShownPoll:
    """A poll; the numbers are shown after one's vote, or when it is closed."""

    poll: Poll
    options: list[ShownOption]
    shows_results: bool
    may_vote: bool


@dataclass(frozen=True, slots=True)
class ThreadParts:
    """Everything one page of a thread shows."""

    first: ShownPost | None
    solution: ShownPost | None
    #: The solution is on another page of the thread.
    is_solution_elsewhere: bool
    posts: list[ShownPost | ShownTombstone]
    poll: ShownPoll | None
    is_following: bool
    has_me_too: bool
    has_idea_vote: bool
    may: Mapping[str, bool]


class Reader:
    """What one person did in a thread, read once for all its posts. No query for visitors."""

    def __init__(self, user: AnyUser, thread: Thread) -> None:
        self.user, self.thread, self.id = user, thread, id_of(user)
        self._votes: frozenset[int] = frozenset()
        self._bookmarks: frozenset[int] = frozenset()
        self._levels: dict[int, int] = {}
        self._htmls: dict[int, str] = {}

    def read(self, posts: Collection[Post]) -> None:
        """Read the levels of the authors, what posts link to, and for a signed-in reader their votes and bookmarks.

        At most three queries, and three more for links.
        """
        self._htmls = with_cards({post.pk: post.html for post in posts})
        authors = {post.author_id for post in posts if post.author_id is not None}
        levels = CommunityProfile.objects.filter(pk__in=authors, level__gte=_SHOWN_LEVEL)
        self._levels = dict(levels.values_list("pk", "level"))
        if self.id is not None:
            ids = [post.pk for post in posts]
            self._votes = frozenset(Vote.objects.filter(user=self.id, post__in=ids).values_list("post_id", flat=True))
            self._bookmarks = frozenset(
                Bookmark.objects.filter(user=self.id, post__in=ids).values_list("post_id", flat=True)
            )

    def shown(self, post: Post) -> ShownPost:
        """Return a post of the thread, ready to show; reads its `author`."""
        post.thread = self.thread  # the rules ask for it
        level = self._levels.get(post.author_id or 0, 0)
        return ShownPost(
            post=post,
            author=person_of(post.author),
            html=SafeString(translate_placeholders(self._htmls.get(post.pk, post.html))),
            level=str(Level(level).label) if level else "",
            is_askers=not post.is_first and post.author_id is not None and post.author_id == self.thread.author_id,
            has_voted=post.pk in self._votes,
            is_bookmarked=post.pk in self._bookmarks,
            may=self._may(post) if self.id is not None else {},
        )

    def _may(self, post: Post) -> dict[str, bool]:
        user, thread = self.user, self.thread
        return {
            "vote": rules.can_vote(user, post),
            "reply": rules.can_reply(user, thread),
            "edit": rules.can_edit_post(user, post),
            "delete": post.state != "deleted" and rules.can_delete_post(user, post),
            "restore": post.state in {"deleted", "hidden"} and rules.can_restore_post(user, post),
            "accept": not post.is_first and post.is_visible and rules.can_accept(user, thread, post),
            "flag": rules.can_flag(user, post),
            "appeal": rules.can_appeal(user, post),
            "bookmark": rules.can_take_part(user) and post.is_visible,
            "hide": rules.can_hide_post(user, post),
            "history": post.edited_at is not None and rules.can_edit_post(user, post),
        }


def pages_of(thread: Thread) -> Paginator[int]:
    """Return the pages of a thread: ranges of numbers, so that no page has to be counted up to."""
    return Paginator(range(1, thread.highest_number + 1), PAGE_SIZE)


def parts_of(user: AnyUser, thread: Thread, *, page: int = 1) -> ThreadParts:
    """Return a page of a thread, in the order of the numbers. The number of queries does not depend on that of posts."""
    found = posts_of_page(user, thread, page)
    return _parts(user, thread, found, is_first_page=page == 1)


def parts_by_helpfulness(user: AnyUser, thread: Thread, *, after: tuple[int, int] | None) -> tuple[ThreadParts, str]:
    """Return the replies that helped most, after one with this number of votes and number; and where the next begin."""
    replies = Post.objects.visible_to(user).filter(thread=thread).most_helpful()
    if after is not None:
        votes, number = after
        replies = replies.filter(helpful_count__lte=votes).exclude(helpful_count=votes, number__lte=number)
    some = list(replies.for_showing()[: PAGE_SIZE + 1])
    shown: list[Post | Tombstone] = list(some[:PAGE_SIZE])
    if after is None:
        shown = [*Post.objects.visible_to(user).filter(thread=thread, number=1).for_showing(), *shown]
    parts = _parts(user, thread, shown, is_first_page=after is None)
    last = some[PAGE_SIZE - 1] if len(some) > PAGE_SIZE else None
    return parts, f"{last.helpful_count}-{last.number}" if last is not None else ""


def _parts(user: AnyUser, thread: Thread, found: Iterable[Post | Tombstone], *, is_first_page: bool) -> ThreadParts:
    listed = list(found)
    posts = [each for each in listed if isinstance(each, Post)]
    solution = next((post for post in posts if post.pk == thread.solution_id), None)
    is_elsewhere = False
    if is_first_page and thread.solution_id is not None and solution is None:
        is_elsewhere = True
        solution = Post.objects.visible_to(user).filter(thread=thread, pk=thread.solution_id).for_showing().first()
    reader = Reader(user, thread)
    reader.read([*posts, solution] if is_elsewhere and solution is not None else posts)
    first = next((post for post in posts if post.is_first), None)
    on_top = {post.pk for post in (first, solution if is_first_page else None) if post is not None}
    rest: list[ShownPost | ShownTombstone] = [
        reader.shown(each) if isinstance(each, Post) else ShownTombstone(each)
        for each in listed
        if isinstance(each, Tombstone) or each.pk not in on_top
    ]
    person_id = reader.id
    return ThreadParts(
        first=reader.shown(first) if first is not None else None,
        solution=reader.shown(solution) if solution is not None and is_first_page else None,
        is_solution_elsewhere=is_elsewhere,
        posts=rest,
        poll=poll_of(user, thread) if is_first_page else None,
        is_following=person_id is not None and is_following(person_id, target_of(thread)),
        has_me_too=person_id is not None
        and thread.is_question
        and MeToo.objects.filter(thread=thread, user=person_id).exists(),
        has_idea_vote=person_id is not None
        and thread.is_idea
        and IdeaVote.objects.filter(thread=thread, user=person_id).exists(),
        may=_may_with(user, thread) if person_id is not None else {},
    )


def _may_with(user: AnyUser, thread: Thread) -> dict[str, bool]:
    return {
        "reply": rules.can_reply(user, thread),
        "me_too": rules.can_say_me_too(user, thread),
        "vote_idea": rules.can_vote_idea(user, thread),
        "set_status": rules.can_set_idea_status(user, thread),
        "follow": rules.can_take_part(user),
        "upload": rules.can_upload(user),
        "manage": rules.can_manage(user, thread) or rules.can_tag(user, thread) or rules.can_retitle(user, thread),
    }


def poll_of(user: AnyUser, thread: Thread) -> ShownPoll | None:
    """Return the poll of a thread. One query without one, else three."""
    poll = Poll.objects.filter(thread=thread).prefetch_related("options").first()
    if poll is None:
        return None
    person_id = id_of(user)
    chosen: set[int] = set()
    if person_id is not None:
        chosen = set(PollVote.objects.filter(poll=poll, user=person_id).values_list("option_id", flat=True))
    options = [
        ShownOption(option, option.pk in chosen, round(100 * option.vote_count / max(poll.voter_count, 1)))
        for option in poll.options.all()
    ]
    may_vote = not poll.is_closed and not thread.is_locked and rules.can_take_part(user)
    return ShownPoll(poll, options, bool(chosen) or poll.is_closed, may_vote)
