"""How the community is doing: the last 30 days against the 30 before, for those who run it.

Only what says whether members are helped; nothing that grows by itself. Whatever takes time is measured for questions
and people who have had that time, so that the last days do not make a period look worse: “solved within 7 days” is about
the questions asked 37 to 7 days ago, against those asked 67 to 37 days ago. A share of few is no share: see `ENOUGH`.

Nobody can be recognised: there are counts, shares and one median.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from community.models import Area, Flag, Post, Solution, State, Thread, Vote
from portal.core.audience import audiences_for
from portal.core.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from community.models.thread import ThreadQuerySet
    from portal.accounts.models import User

PERIOD: Final = dt.timedelta(days=30)
#: Fewest questions, people or flags of which a share says something.
ENOUGH: Final = 10

FIRST_REPLY_WITHIN: Final = dt.timedelta(hours=24)
SOLVED_WITHIN: Final = dt.timedelta(days=7)
BACK_WITHIN: Final = dt.timedelta(days=14)
HELPED_WITHIN: Final = dt.timedelta(days=90)

#: How long figures are kept; they depend on everything, and change slowly.
_KEPT_SECONDS: Final = 3600.0
#: By audiences.
_figures: Final[Memo[Figures]] = Memo(max_size=16, seconds=_KEPT_SECONDS, scopes=("community:figures",))


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a whole, now and in the period before."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        """Return it in percent; None if there are too few to tell."""
        return 100 * self.part / self.whole if self.whole >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class Period:
    """What is measured of 30 days."""

    questions: int
    answered_in_a_day: Share
    #: Half of the questions had a first reply by then; None if too few have one, or there are too few questions.
    median_first_reply: dt.timedelta | None
    solved: Share
    #: Questions without any reply after the time in which others are solved.
    never_answered: Share
    #: People whose first post it was; and of those who had time for it, who wrote again on another day.
    new_people: int
    came_back: Share
    #: People who replied to questions of others.
    helpers: int
    #: Of the people who asked, those who then helped somebody: found helpful, or accepted.
    paid_forward: Share
    flags_agreed: Share


@dataclass(frozen=True, slots=True)
class Figures:
    now: Period
    before: Period
    counted_at: dt.datetime


def figures_for(user: User) -> Figures:
    """Return the figures of what `user` may see; counted anew every hour, in five queries."""
    return _figures.get(tuple(audiences_for(user)), lambda: count_figures(user, timezone.now()))


def count_figures(user: User, now: dt.datetime) -> Figures:
    """Return the figures as of `now`."""
    questions = _questions(user, now)
    people = _new_people(user, now)
    helpers = _helpers(user, now)
    askers = _askers(user, now)
    flags = _flags(user, now)
    periods = [
        Period(
            questions=sum(_is_in(place, asked, now) for asked, _replied, _solved in questions),
            solved=_share(
                place, now, SOLVED_WITHIN, [(row[0], _within(row[0], row[2], SOLVED_WITHIN)) for row in questions]
            ),
            never_answered=_share(
                place, now, SOLVED_WITHIN, [(row[0], not _within(row[0], row[1], SOLVED_WITHIN)) for row in questions]
            ),
            answered_in_a_day=_share(
                place,
                now,
                FIRST_REPLY_WITHIN,
                [(row[0], _within(row[0], row[1], FIRST_REPLY_WITHIN)) for row in questions],
            ),
            median_first_reply=_median(
                [
                    replied - asked if replied is not None else None
                    for asked, replied, _solved in questions
                    if _is_in(place, asked, now - FIRST_REPLY_WITHIN)
                ]
            ),
            new_people=sum(_is_in(place, moments[0], now) for moments in people),
            came_back=_share(place, now, BACK_WITHIN, [(moments[0], _came_back(moments)) for moments in people]),
            helpers=helpers[place],
            paid_forward=_paid_forward(place, now, askers),
            flags_agreed=flags[place],
        )
        for place in (0, 1)
    ]
    return Figures(periods[0], periods[1], now)


def _is_in(place: int, moment: dt.datetime, end: dt.datetime) -> bool:
    """Return whether it was in the period that ends then (0), or in the one before (1)."""
    return end - (place + 1) * PERIOD <= moment < end - place * PERIOD


def _share(place: int, now: dt.datetime, takes: dt.timedelta, rows: Collection[tuple[dt.datetime, bool]]) -> Share:
    """Return the share of rows that are true among those of the period that have had the time it takes."""
    counted = [is_true for moment, is_true in rows if _is_in(place, moment, now - takes)]
    return Share(sum(counted), len(counted))


def _within(start: dt.datetime, end: dt.datetime | None, time: dt.timedelta) -> bool:
    return end is not None and end - start <= time


def _median(times: Sequence[dt.timedelta | None]) -> dt.timedelta | None:
    """Return the time by which half of them had come; None counts as not yet."""
    if len(times) < ENOUGH:
        return None
    come = sorted(time for time in times if time is not None)
    place = (len(times) - 1) // 2
    return max(come[place], dt.timedelta()) if place < len(come) else None


def _asked(user: User, start: dt.datetime, end: dt.datetime) -> ThreadQuerySet:
    found = Thread.objects.visible_to(user).listed().filter(kind=Area.Kind.QUESTIONS)
    return found.filter(created_at__gte=start, created_at__lt=end)


def _questions(user: User, now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime | None, dt.datetime | None]]:
    """Return when each question was asked, first replied to by somebody else, and solved. One query."""
    is_own = Q(author=Coalesce(OuterRef("author_id"), Value(0)))
    replies = Post.objects.visible_to(user).filter(
        Q(author=None) | ~is_own, thread=OuterRef("pk"), number__gt=1, state=State.VISIBLE
    )
    first = replies.order_by("number").values("published_at")[:1]
    asked = _asked(user, now - 2 * PERIOD - SOLVED_WITHIN, now).annotate(replied_at=Subquery(first))
    return list(asked.order_by().values_list("created_at", "replied_at", "solved_at"))


def _new_people(user: User, now: dt.datetime) -> list[list[dt.datetime]]:
    """Return when people wrote, the first time first, whose first post is not older than what is measured. One query."""
    start = now - 2 * PERIOD - BACK_WITHIN
    visible = Post.objects.visible_to(user).filter(state=State.VISIBLE, author__isnull=False)
    earlier = visible.filter(author=OuterRef("author"), created_at__lt=start)
    recent = visible.filter(~Exists(earlier), created_at__gte=start).order_by("author", "created_at")
    moments: dict[int, list[dt.datetime]] = defaultdict(list)
    for author, moment in recent.values_list("author", "created_at"):
        moments[author].append(moment)
    return list(moments.values())


def _came_back(moments: Sequence[dt.datetime]) -> bool:
    """Return whether somebody wrote again on another day, soon enough."""
    first = timezone.localtime(moments[0]).date()
    return any(
        timezone.localtime(moment).date() != first and moment - moments[0] <= BACK_WITHIN for moment in moments[1:]
    )


def _helpers(user: User, now: dt.datetime) -> tuple[int, int]:
    """Return how many people replied to questions of others in each period. One query."""
    replies = Post.objects.visible_to(user).filter(
        state=State.VISIBLE,
        number__gt=1,
        thread__kind=Area.Kind.QUESTIONS,
        author__isnull=False,
        created_at__gte=now - 2 * PERIOD,
        created_at__lt=now,
    )
    counted = replies.exclude(author=F("thread__author")).aggregate(
        now=Count("author", distinct=True, filter=Q(created_at__gte=now - PERIOD)),
        before=Count("author", distinct=True, filter=Q(created_at__lt=now - PERIOD)),
    )
    return counted["now"], counted["before"]


def _askers(user: User, now: dt.datetime) -> list[tuple[int, dt.datetime, bool]]:
    """Return who asked when, and whether they helped somebody within the time after that. One query."""
    until = OuterRef("created_at") + HELPED_WITHIN
    accepted = Solution.objects.filter(
        helper=OuterRef("author"), is_for_another=True, revoked_at=None, accepted_at__gte=OuterRef("created_at")
    )
    helpful = Vote.objects.filter(helper=OuterRef("author"), created_at__gte=OuterRef("created_at"))
    asked = _asked(user, now - 2 * PERIOD - HELPED_WITHIN, now - HELPED_WITHIN).filter(author__isnull=False)
    rows = asked.annotate(
        helped=Exists(accepted.filter(accepted_at__lte=until)),
        was_helpful=Exists(helpful.filter(created_at__lte=until)),
    ).order_by()
    return [
        (pk, at, one or other)
        for pk, at, one, other in rows.values_list("author", "created_at", "helped", "was_helpful")
    ]


def _paid_forward(place: int, now: dt.datetime, askers: Collection[tuple[int, dt.datetime, bool]]) -> Share:
    helped: dict[int, bool] = defaultdict(bool)
    for person, moment, has_helped in askers:
        if _is_in(place, moment, now - HELPED_WITHIN):
            helped[person] |= has_helped
    return Share(sum(helped.values()), len(helped))


def _flags(user: User, now: dt.datetime) -> list[Share]:
    """Return the share of judged flags that moderators agreed with. One query."""
    about = Flag.objects.filter(post__in=Post.objects.visible_to(user).values("pk"), judged_at__lt=now)
    agreed, judged = Q(outcome=Flag.Outcome.AGREED), Q(outcome__in=(Flag.Outcome.AGREED, Flag.Outcome.DISAGREED))
    periods = [
        Q(judged_at__gte=now - PERIOD),
        Q(judged_at__gte=now - 2 * PERIOD, judged_at__lt=now - PERIOD),
    ]
    wanted: dict[str, Any] = {}
    for place, period in enumerate(periods):
        wanted[f"agreed_{place}"] = Count("pk", filter=agreed & period)
        wanted[f"judged_{place}"] = Count("pk", filter=judged & period)
    counted = about.filter(judged_at__gte=now - 2 * PERIOD).aggregate(**wanted)
    return [Share(counted[f"agreed_{place}"], counted[f"judged_{place}"]) for place in (0, 1)]
