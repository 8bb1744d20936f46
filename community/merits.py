"""What must be known of somebody's help to reward it: whether it stands, whom it helped, and what is odd about it.

Only reads, and only facts: no text, no name. `portal.points` asks.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone

from community.merged import merged_questions, question_of
from community.models import (
    ACCEPTED_IDEAS,
    CommunityProfile,
    Flag,
    Post,
    Solution,
    SolvedIt,
    State,
    Thread,
    ThreadState,
    Vote,
)
from portal.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

    from community.merged import MergedQuestion

#: Votes of two people for each other are looked at for so long.
_LOOKED_BACK: Final = dt.timedelta(days=30)
#: So many in both directions, and more than half of what one of them voted for, is no coincidence.
_MUTUAL_VOTES: Final = 3
#: Votes of one person for another within a week that count.
_VOTES_PER_WEEK: Final = 5
#: Accounts made so close together may belong to one person.
_JOINED_TOGETHER: Final = dt.timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Merit:
    """A post for which somebody may be rewarded."""

    post_id: int
    author_id: int | None
    #: Who asked, or began otherwise, what it was written in: the thread, or the question that was merged into it.
    starter_id: int | None
    #: Who was helped by it, if it was ever accepted; else the same.
    asker_id: int | None
    #: Kind of the area.
    kind: str
    number: int
    helpful_count: int
    created_at: dt.datetime
    is_from_staff: bool


def merit_of(post_id: int) -> Merit | None:
    """Return what is known of a post, whatever its state, or None if there is none."""
    post = Post.objects.filter(pk=post_id).select_related("thread__area").first()
    if post is None:
        return None
    question = question_of(post.number, merged_questions(post.thread_id))
    starter_id = question.author_id if question else post.thread.author_id
    accepted = Solution.objects.filter(post=post.pk).select_related("asked_in", "thread").order_by("-pk").first()
    return Merit(
        post_id=post.pk,
        author_id=post.author_id,
        starter_id=starter_id,
        asker_id=(accepted.asked_in or accepted.thread).author_id if accepted else starter_id,
        kind=post.thread.area.kind,
        number=post.number,
        helpful_count=post.helpful_count,
        created_at=post.created_at,
        is_from_staff=post.is_from_staff,
    )


def first_post_of(thread_id: int) -> int | None:
    """Return the id of the post that began a thread."""
    return Post.objects.filter(thread=thread_id, number=1).values_list("pk", flat=True).first()


def posts_that_go_with(post_id: int) -> list[int]:
    """Return the posts that are seen only as long as this one is: itself, and all of the thread that it begins."""
    begun = Post.objects.filter(pk=post_id, number=1).values("thread")
    return sorted({post_id, *Post.objects.filter(thread__in=begun).values_list("pk", flat=True)})


def is_shown(post_id: int) -> bool:
    """Return whether the post and its thread can be seen. A thread that was merged lives on in another one."""
    return Post.objects.filter(pk=post_id, state=State.VISIBLE, thread__state=ThreadState.VISIBLE).exists()


def is_solution(post_id: int) -> bool:
    """Return whether the post is an accepted answer."""
    return Solution.objects.filter(post=post_id, revoked_at=None).exists()


def is_accepted_idea(thread_id: int) -> bool:
    """Return whether the idea is planned or done."""
    return Thread.objects.filter(pk=thread_id, status__in=ACCEPTED_IDEAS).exists()


def is_vote(vote_id: int) -> bool:
    """Return whether the vote counts: it was not withdrawn, and whoever gave it is not suspended."""
    return _votes_that_count().filter(pk=vote_id).exists()


def _votes_that_count() -> QuerySet[Vote]:
    return Vote.objects.exclude(user__community_profile__suspended_until__gt=timezone.now())


def has_helped(post_id: int) -> bool:
    """Return whether whoever wrote the post helped somebody, with it or with another one that can be seen."""
    author = Post.objects.filter(pk=post_id).values_list("author", flat=True).first()
    if author is None:
        return False
    shown = Post.objects.filter(author=author, state=State.VISIBLE, thread__state=ThreadState.VISIBLE)
    solutions = Solution.objects.filter(post__in=shown, revoked_at=None, is_for_another=True)
    return solutions.exists() or _votes_that_count().filter(post__in=shown).exclude(user=author).exists()


def posts_liked_by(user_id: int) -> list[int]:
    """Return the posts that somebody finds helpful."""
    return list(Vote.objects.filter(user=user_id).order_by("pk").values_list("post", flat=True))


def moment_of_flag(flag_id: int) -> dt.datetime | None:
    """Return when a moderator agreed with a flag; None if none did."""
    return Flag.objects.filter(pk=flag_id, outcome=Flag.Outcome.AGREED).values_list("judged_at", flat=True).first()


def moment_of_vote(vote_id: int) -> dt.datetime | None:
    """Return when somebody voted; None if the vote was withdrawn."""
    return Vote.objects.filter(pk=vote_id).values_list("created_at", flat=True).first()


def moment_of_solution(post_id: int) -> dt.datetime | None:
    """Return when the post was first accepted."""
    first = Solution.objects.filter(post=post_id).order_by("pk")
    return first.values_list("accepted_at", flat=True).first()


def moment_of_solved_it(solved_it_id: int) -> dt.datetime | None:
    """Return when a reader said that an answer helped; None if that was withdrawn."""
    return SolvedIt.objects.filter(pk=solved_it_id).values_list("created_at", flat=True).first()


def suspended_people() -> list[int]:
    """Return the ids of those who may not take part at the moment."""
    suspended = CommunityProfile.objects.filter(suspended_until__gt=timezone.now())
    return list(suspended.values_list("pk", flat=True))


def level_of(user_id: int) -> int:
    """Return the level of a member; 0 for somebody who has done nothing yet."""
    return CommunityProfile.objects.filter(pk=user_id).values_list("level", flat=True).first() or 0


def votes_between(one: int, other: int) -> list[int]:
    """Return the recent votes of two people for each other."""
    recent = Vote.objects.filter(created_at__gt=timezone.now() - _LOOKED_BACK)
    given, returned = recent.filter(user=one, helper=other), recent.filter(user=other, helper=one)
    return sorted([*given.values_list("pk", flat=True), *returned.values_list("pk", flat=True)])


def votes_since(moment: dt.datetime) -> list[tuple[int, int, int, dt.datetime]]:
    """Return the votes since then: id, who voted, whose post it is, when. Of people who are still there. One query."""
    rows = Vote.objects.filter(created_at__gt=moment, user__isnull=False, helper__isnull=False)
    return list(rows.order_by("created_at").values_list("pk", "user", "helper", "created_at"))


def vote_for_each_other(one: int, other: int) -> bool:
    """Return whether two people vote for each other so much that it looks agreed."""
    recent = Vote.objects.filter(created_at__gt=timezone.now() - _LOOKED_BACK)
    given = recent.filter(user=one, helper=other).count()
    returned = recent.filter(user=other, helper=one).count()
    if min(given, returned) < _MUTUAL_VOTES:
        return False
    return given * 2 > recent.filter(user=one).count() or returned * 2 > recent.filter(user=other).count()


def votes_too_often_for(voter_id: int, helper_id: int, *, vote_id: int) -> bool:
    """Return whether this vote of one person for another is one more than counts in the week that it ends.

    Later votes are not counted: they may have been given before the worker came to this one.
    """
    until = moment_of_vote(vote_id) or timezone.now()
    week = Vote.objects.filter(created_at__gt=until - dt.timedelta(days=7), pk__lte=vote_id)
    return week.filter(user=voter_id, helper=helper_id).count() > _VOTES_PER_WEEK


def joined_together(people: Collection[int | None]) -> bool:
    """Return whether the accounts of these people were made within minutes of each other: a sign, not a proof."""
    joined = sorted(User.objects.filter(pk__in=[pk for pk in people if pk]).values_list("date_joined", flat=True))
    return len(joined) > 1 and joined[-1] - joined[0] < _JOINED_TOGETHER


# Taking part ---------------------------------------------------------------------------------------------------------


def participation_since(user_ids: Collection[int], since: dt.datetime) -> dict[int, tuple[int, int, int, bool]]:
    """Return what people did since a time: posts, those in own threads, weeks with help for others, whether they were there.

    What is hidden or deleted does not count. Four queries, however many people, and few for each thread among theirs that
    others were merged into: there, own is what they asked, wherever it is now.
    """
    shown = Post.objects.filter(author__in=user_ids, state=State.VISIBLE, created_at__gte=since).order_by()
    has_merged = Exists(Thread.objects.filter(merged_into=OuterRef("thread")))
    rows = shown.values_list("author").annotate(
        posts=Count("pk"), own=Count("pk", filter=Q(thread__author=F("author")) & Q(~has_merged))
    )
    written: Counter[int] = Counter()
    own: Counter[int] = Counter()
    for user, posts, mine in rows:
        written[user], own[user] = posts, mine
    by_week = shown.annotate(week=TruncWeek("created_at"))
    helping = by_week.exclude(has_merged).exclude(thread__author=F("author"))
    weeks = set(helping.values_list("author", "week").distinct())
    merged: dict[int, dict[int, MergedQuestion]] = {}
    moved = by_week.filter(has_merged).values_list("author", "week", "thread", "thread__author", "number")
    for user, week, thread, starter, number in moved:
        if thread not in merged:
            merged[thread] = merged_questions(thread)
        question = question_of(number, merged[thread])
        if user == (question.author_id if question else starter):
            own[user] += 1
        else:
            weeks.add((user, week))
    helped = Counter(user for user, _week in weeks)
    seen = CommunityProfile.objects.filter(user__in=user_ids, last_seen_on__gte=since.date())
    present = set(seen.values_list("user_id", flat=True))
    return {user: (written[user], own[user], helped[user], user in present or user in written) for user in user_ids}
