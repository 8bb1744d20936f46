"""What a page of a thread shows: to everybody who sees the same of it, and to one reader.

`ThreadPage` is the first, and is kept as one piece of HTML (docs/decisions/0014-fragments.md); it is read only to make
that. `Reader` is the second: what somebody did in the thread and may do with it, read with one query. It is put into the
places that the HTML leaves open.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from community import rules
from community.acts import Acts, Pattern, pattern_of
from community.link_cards import with_cards
from community.listing import StateBadge, badge_of
from community.merged import known_askers, merged_questions, question_of, shown_questions
from community.models import (
    PAGE_SIZE,
    CommunityProfile,
    IdeaStatusChange,
    Level,
    Poll,
    PollVote,
    Post,
    Solution,
    SolvedIt,
    State,
)
from community.models.access import id_of
from community.models.member import PRIVATE_SCOPE, SHOWN_LEVEL
from community.notifications.common import thread_target
from community.people import Person, person_of
from community.queries import OwnState, Tombstone, own_state_of, posts_of_page
from community.see_also import SilentHelp, Surroundings, silent_help_of, surroundings_of
from portal.accounts.models import person_scope
from portal.core.memo import LONG_SECONDS
from portal.core.privacy import translate_placeholders
from portal.core.scopes import rests_on

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping

    from django import template

    from community.merged import MergedQuestion
    from community.models import PollOption, Thread
    from community.models.access import AnyUser
    from community.models.post import PostQuerySet

#: Greater than any number of a post.
LAST_NUMBER: Final = 2**31 - 1


def target_of(thread: Thread) -> str:
    """Return the name under which a thread is followed; see `portal.notifications.targets`."""
    return thread_target(thread.pk)


@dataclass(frozen=True, slots=True)
class PostFacts:
    """What decides about the buttons under a post, besides the reader. It is kept with the HTML of the page."""

    post_id: int
    number: int
    author_id: int | None
    state: str
    state_reason: str
    is_solution: bool
    #: It began a question: this one, or one that was merged into it.
    is_question: bool
    #: Those who may say that it solved their question; see `community.merged.askers_of`.
    askers: frozenset[int]
    is_edited: bool
    version: int
    helpful_count: int
    #: Escaped already: it is put into HTML for each reader.
    address: SafeString

    @classmethod
    def of(cls, post: Post, *, is_merged_question: bool = False, askers: frozenset[int] | None = None) -> PostFacts:
        """Return those of a post; reads its `thread`. Without `askers`, it is for who began the thread."""
        return cls(
            post_id=post.pk,
            number=post.number,
            author_id=post.author_id,
            state=post.state,
            state_reason=post.state_reason,
            is_solution=post.is_solution,
            is_question=post.is_first or is_merged_question,
            askers=known_askers(post.thread.author_id) if askers is None else askers,
            is_edited=post.edited_at is not None,
            version=post.version,
            helpful_count=post.helpful_count,
            address=SafeString(escape(post.get_absolute_url())),
        )

    @property
    def fragment_key(self) -> Hashable:
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post, ready to show, without what belongs to one reader."""

    post: Post
    author: Person
    html: SafeString
    facts: PostFacts
    #: Name of the level, only of those who help a lot.
    level: str = ""
    is_askers: bool = False
    #: Title of the question that it began before that was merged into this thread.
    merged_title: str = ""
    #: It solved a merged question, and the thread has another solution.
    solves_merged: bool = False
    #: Title of that question, where its first post can be seen.
    solved_title: str = ""

    @property
    def is_solution(self) -> bool:
        """Return whether it solved the question of the thread."""
        return self.post.is_solution and not self.solves_merged

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
    """The posts of one page of a thread."""

    first: ShownPost | None
    solution: ShownPost | None
    #: The solution is on another page of the thread.
    is_solution_elsewhere: bool
    posts: list[ShownPost | ShownTombstone]
    #: Where the page after this one begins, when the most helpful replies come first; empty on the last.
    next: str = ""


class ThreadPage:
    """A page of a thread. What templates ask for is read then: nothing is, where the HTML is kept.

    A common page has nothing in it that belongs to one reader, whoever asks for it: it is the same for everybody with
    the same audiences.
    """

    def __init__(
        self,
        user: AnyUser,
        thread: Thread,
        *,
        number: int | None = 1,
        after: tuple[int, int] | None = None,
        is_common: bool = False,
    ) -> None:
        """Show a page in the order of the numbers; without a `number`, the most helpful replies `after` a place."""
        self._user, self._thread, self._after = user, thread, after
        self.number, self.is_common = number, is_common

    @property
    def key(self) -> Hashable:
        """What the kept HTML is known by: its place, and what the row of the thread says.

        Whatever changes a thread drops its HTML by the scope of the thread; the row, which is read anyway, shows it, too.
        """
        thread = self._thread
        row = tuple(getattr(thread, name) for name in _OF_A_ROW)
        return (self.number or 0, self._after or (), thread.pk, *(_plain(value) for value in row))

    @property
    def scopes(self) -> tuple[str, ...]:
        """What is shown of the thread and around it; solved threads and articles like it add theirs."""
        return (f"thread:{self._thread.pk}", *FRAME)

    @property
    def seconds(self) -> float:
        """How long its HTML is right: a minute while it may say how many minutes ago somebody wrote."""
        is_fresh = timezone.now() - self._thread.last_post_at < dt.timedelta(hours=1)
        return 60.0 if is_fresh else LONG_SECONDS

    @property
    def by_helpfulness(self) -> bool:
        return self.number is None

    @property
    def is_first(self) -> bool:
        return self._after is None if self.number is None else self.number == 1

    @cached_property
    def thread(self) -> Thread:
        prefetch_related_objects([self._thread], "area__parent", "author", "tags", "products")
        return self._thread

    @cached_property
    def badge(self) -> StateBadge | None:
        return badge_of(self._thread)

    @cached_property
    def parts(self) -> ThreadParts:
        if self.number is None:
            return parts_by_helpfulness(self._user, self._thread, after=self._after, is_common=self.is_common)
        return parts_of(self._user, self._thread, page=self.number, is_common=self.is_common)

    @cached_property
    def around(self) -> Surroundings:
        """What is like a question. What is made of it depends on that: without a name, it would depend on everything."""
        around = surroundings_of(self._user, self._thread) if self._thread.is_question else Surroundings()
        rests_on(*around.scopes)
        return around

    @cached_property
    def has_poll(self) -> bool:
        return self.is_first and Poll.objects.filter(thread=self._thread).exists()

    @cached_property
    def has_pages(self) -> bool:
        return self._thread.highest_number > PAGE_SIZE and self.number is not None

    @cached_property
    def other_replies(self) -> int:
        """Return the number of replies besides the solution on top."""
        solution = self.parts.solution
        return self._thread.reply_count - (solution is not None and solution.post.is_visible)

    @cached_property
    def status_changes(self) -> list[IdeaStatusChange]:
        return list(self._thread.status_changes.order_by("-pk")[:10]) if self._thread.is_idea else []


#: What all pages of the community show besides threads: names of areas, navigation, who hides their page.
FRAME: Final = ("community:areas", "site", PRIVATE_SCOPE)
#: What pages show of the row of a thread. Not the number of views: it would make a page new with each of them.
_OF_A_ROW: Final = (
    "area_id", "audience", "author_id", "title", "slug", "language", "status", "state", "solution_id", "solved_at",
    "reply_count", "me_too_count", "vote_count", "helpful_count", "highest_number", "last_post_at", "is_locked", "is_pinned",
)  # fmt: skip


def _plain(value: object) -> Hashable:
    """Return a value that has a fragment's identity: None has none inside a tuple."""
    return "" if value is None else value


class Reader:
    """What one person did in a thread, and may do with it and its posts. One query, and none for visitors."""

    def __init__(
        self, user: AnyUser, thread: Thread, *, first: int = 1, last: int = LAST_NUMBER, visitor: str = ""
    ) -> None:
        """Read what they did in the thread, and with the posts with these numbers.

        `visitor` is the key of a reader without an account, where it matters what they said.
        """
        self.user, self.thread, self.id = user, thread, id_of(user)
        self.own = OwnState() if self.id is None else own_state_of(self.id, thread.pk, first=first, last=last)
        self._visitor = visitor
        self._may_with_post: dict[Hashable, Mapping[str, bool]] = {}
        self._patterns: dict[Hashable, Pattern] = {}
        self._token: str | None = None

    @property
    def is_starter(self) -> bool:
        """Return whether they began the thread."""
        return self.id is not None and self.id == self.thread.author_id

    @property
    def waits(self) -> bool:
        """Return whether they began the thread, and nobody has replied: there is nothing yet to reply to."""
        return self.is_starter and self.thread.reply_count == 0

    @property
    def is_common(self) -> bool:
        """Return whether they see what everybody with the same audiences sees: nothing that others do not."""
        return self.thread.is_listed and not self.own.has_unseen_post and not rules.can_moderate(self.user)

    # The thread

    @cached_property
    def may(self) -> Mapping[str, bool]:
        """What they may do with the thread. Empty for visitors."""
        user, thread = self.user, self.thread
        if self.id is None:
            return {}
        return {
            "reply": rules.can_reply(user, thread),
            "me_too": rules.can_say_me_too(user, thread),
            "vote_idea": rules.can_vote_idea(user, thread),
            "set_status": rules.can_set_idea_status(user, thread),
            "follow": rules.can_take_part(user),
            "upload": rules.can_upload(user),
            # The link to that page names what it is for this person.
            "moderate": rules.can_manage(user, thread),
            "improve": rules.can_mark_duplicate(user, thread) or rules.can_ask_for_details(user, thread),
            "retitle": rules.can_retitle(user, thread),
            "manage": any(
                may(user, thread)
                for may in (
                    rules.can_manage,
                    rules.can_tag,
                    rules.can_retitle,
                    rules.can_ask_for_details,
                    rules.can_mark_duplicate,
                )
            ),
        }

    @property
    def acts_key(self) -> Hashable:
        """What the buttons for the whole thread are known by: all that is said there, and nothing of who reads it."""
        thread, own = self.thread, self.own
        return (
            thread.pk, thread.slug, thread.kind, thread.me_too_count, thread.vote_count,
            own.has_me_too, own.has_idea_vote, own.is_following, *(name for name, allowed in self.may.items() if allowed),
        )  # fmt: skip

    @cached_property
    def poll(self) -> ShownPoll | None:
        return poll_of(self.user, self.thread)

    def silent_help(self, *, helper_id: int | None, count: int) -> SilentHelp | None:
        """Return what they are shown of those whom the solution helped, too."""
        has_said = self.thread.solution_id in self.own.solved_by
        if self._visitor:
            has_said = SolvedIt.objects.filter(
                thread=self.thread, post=self.thread.solution_id, visitor=self._visitor
            ).exists()
        return silent_help_of(self.user, self.thread, helper_id=helper_id, count=count, has_said=has_said)

    # Its posts

    def may_with(self, facts: PostFacts) -> Mapping[str, bool]:
        """Return what they may do with a post. Empty for visitors.

        The rules are asked once for all posts that are alike to them.
        """
        if self.id is None:
            return {}
        alike = (
            facts.author_id == self.id, facts.number == 1, facts.is_question, facts.is_solution, facts.is_edited, facts.state,
            facts.state_reason, self.id in facts.askers,
        )  # fmt: skip
        may = self._may_with_post.get(alike)
        if may is None:
            may = self._may_with_post[alike] = self._asked(facts)
        return may

    @cached_property
    def _post(self) -> Post:
        """A post to ask the rules about: one after the other, because making one takes as long as asking."""
        return Post(thread=self.thread)

    def _asked(self, facts: PostFacts) -> dict[str, bool]:
        user, thread, post = self.user, self.thread, self._post
        post.pk, post.number, post.author_id = facts.post_id, facts.number, facts.author_id
        post.state, post.state_reason, post.is_solution = facts.state, facts.state_reason, facts.is_solution
        return {
            "vote": rules.can_vote(user, post),
            "reply": rules.can_reply(user, thread),
            "edit": rules.can_edit_post(user, post),
            "delete": post.state != State.DELETED and rules.can_delete_post(user, post),
            "restore": post.state in {State.DELETED, State.HIDDEN} and rules.can_restore_post(user, post),
            "accept": not facts.is_question
            and post.is_visible
            and rules.can_accept(user, thread, post, askers=facts.askers),
            "flag": rules.can_flag(user, post),
            "appeal": rules.can_appeal(user, post),
            "bookmark": rules.can_take_part(user) and post.is_visible,
            "hide": rules.can_hide_post(user, post),
            "history": facts.is_edited and rules.can_edit_post(user, post),
        }

    def acts(self, facts: PostFacts) -> Acts:
        """Return the buttons under a post."""
        return Acts(
            may=self.may_with(facts),
            has_voted=facts.post_id in self.own.votes,
            is_bookmarked=facts.post_id in self.own.bookmarks,
            is_solution=facts.is_solution,
            helpful_count=facts.helpful_count,
            post_id=facts.post_id,
            thread_id=self.thread.pk,
            version=str(facts.version),
            address=facts.address,
        )

    def acts_html(self, facts: PostFacts, context: template.Context) -> SafeString:
        """Return the HTML of the buttons under a post: a pattern that is kept, and what belongs to the post put in."""
        has_voted, is_bookmarked = facts.post_id in self.own.votes, facts.post_id in self.own.bookmarks
        may = self.may_with(facts)
        alike = (id(may), has_voted, is_bookmarked, facts.is_solution, facts.helpful_count)
        pattern = self._patterns.get(alike)
        if pattern is None:
            pattern = self._patterns[alike] = pattern_of(self.acts(facts), context)
        if self._token is None:  # asked for, a token makes the page one person's
            self._token = SafeString("")
            if self.id is not None:
                field = '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
                self._token = format_html(field, context.get("csrf_token"))
        return pattern.for_post(
            post_id=facts.post_id,
            thread_id=self.thread.pk,
            version=facts.version,
            address=facts.address,
            token=self._token,
        )


def pages_of(thread: Thread) -> Paginator[int]:
    """Return the pages of a thread: ranges of numbers, so that no page has to be counted up to."""
    return Paginator(range(1, thread.highest_number + 1), PAGE_SIZE)


def parts_of(user: AnyUser, thread: Thread, *, page: int = 1, is_common: bool = False) -> ThreadParts:
    """Return a page of a thread, in the order of the numbers. The number of queries does not depend on that of posts."""
    found = posts_of_page(user, thread, page, is_common=is_common)
    return _parts(_seen(user, thread, is_common=is_common), thread, found, is_first_page=page == 1)


def _seen(user: AnyUser, thread: Thread, *, is_common: bool) -> PostQuerySet:
    """Return the posts of a thread that the reader sees, or that everybody sees who sees the thread."""
    seen = Post.objects.visible_to(user).filter(thread=thread)
    return seen.filter(state=State.VISIBLE) if is_common else seen


def parts_by_helpfulness(
    user: AnyUser, thread: Thread, *, after: tuple[int, int] | None, is_common: bool = False
) -> ThreadParts:
    """Return the replies that helped most, after one with this number of votes and number."""
    seen = _seen(user, thread, is_common=is_common)
    replies = seen.most_helpful()
    if after is not None:
        votes, number = after
        replies = replies.filter(helpful_count__lte=votes).exclude(helpful_count=votes, number__lte=number)
    some = list(replies.for_showing()[: PAGE_SIZE + 1])
    shown: list[Post | Tombstone] = list(some[:PAGE_SIZE])
    if after is None:
        shown = [*seen.filter(number=1).for_showing(), *shown]
    last = some[PAGE_SIZE - 1] if len(some) > PAGE_SIZE else None
    following = f"{last.helpful_count}-{last.number}" if last is not None else ""
    return _parts(seen, thread, shown, is_first_page=after is None, following=following)


def _parts(
    seen: PostQuerySet,
    thread: Thread,
    found: Iterable[Post | Tombstone],
    *,
    is_first_page: bool,
    following: str = "",
) -> ThreadParts:
    listed = list(found)
    posts = [each for each in listed if isinstance(each, Post)]
    solution = next((post for post in posts if post.pk == thread.solution_id), None)
    is_elsewhere = False
    if is_first_page and thread.solution_id is not None and solution is None:
        is_elsewhere = True
        solution = seen.filter(pk=thread.solution_id).for_showing().first()
    shown = _shown([*posts, solution] if is_elsewhere and solution is not None else posts, thread)
    first = next((post for post in posts if post.is_first), None)
    on_top = {post.pk for post in (first, solution if is_first_page else None) if post is not None}
    rest: list[ShownPost | ShownTombstone] = [
        shown[each.pk] if isinstance(each, Post) else ShownTombstone(each)
        for each in listed
        if isinstance(each, Tombstone) or each.pk not in on_top
    ]
    return ThreadParts(
        first=shown[first.pk] if first is not None else None,
        solution=shown[solution.pk] if solution is not None and is_first_page else None,
        is_solution_elsewhere=is_elsewhere,
        posts=rest,
        next=following,
    )


def _shown(posts: Collection[Post], thread: Thread) -> dict[int, ShownPost]:
    """Return posts of a thread ready to show, by their ids; reads their `author`.

    Two queries, three more for links, and one to three more where threads were merged.
    """
    htmls = with_cards({post.pk: post.html for post in posts})
    authors = {post.author_id for post in posts if post.author_id is not None}
    rests_on(*(person_scope(pk) for pk in authors))  # their names and levels are shown
    helpers = CommunityProfile.objects.filter(pk__in=authors, level__gte=SHOWN_LEVEL)
    levels = dict(helpers.values_list("pk", "level"))
    merged = merged_questions(thread.pk)
    solved = _solved_merged(posts) if merged else {}
    with_title = shown_questions(thread.pk, merged) if solved else set()
    shown = {}
    for post in posts:
        post.thread = thread  # its address asks for it
        level = levels.get(post.author_id or 0, 0)
        own = solved.get(post.pk) if post.pk != thread.solution_id else None
        shown[post.pk] = ShownPost(
            post=post,
            author=person_of(post.author),
            html=SafeString(translate_placeholders(htmls.get(post.pk, post.html))),
            facts=PostFacts.of(
                post, is_merged_question=post.number in merged, askers=_askers(post, thread, merged, solved)
            ),
            level=str(Level(level).label) if level else "",
            is_askers=not post.is_first and post.author_id is not None and post.author_id == thread.author_id,
            merged_title=merged[post.number].title if post.number in merged else "",
            solves_merged=own is not None,
            solved_title=own.title if own is not None and own.pk in with_title else "",
        )
    return shown


def _solved_merged(posts: Collection[Post]) -> dict[int, Thread]:
    """Return the merged questions that posts are accepted answers to, by the ids of the posts."""
    accepted = Solution.objects.active().filter(
        post__in=[post.pk for post in posts if post.is_solution], asked_in__isnull=False
    )
    return {solution.post_id: cast("Thread", solution.asked_in) for solution in accepted.select_related("asked_in")}


def _askers(
    post: Post, thread: Thread, merged: Mapping[int, MergedQuestion], solved: Mapping[int, Thread]
) -> frozenset[int]:
    """Return what `community.merged.askers_of` does, from what is read already."""
    if post.is_solution:
        return known_askers(solved.get(post.pk, thread).author_id)
    question = question_of(post.number, merged)
    return known_askers(thread.author_id, question.author_id if question else None)


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
