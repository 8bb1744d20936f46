"""Questions that wait for a first reply, and members who may have it: for the desk.

Whoever is suggested has accepted answers to questions of others about the same product, with the same tag or in the same
area, in the same language. Of those who fit equally well, who was asked least comes first; nobody is suggested who was
asked twice within a week, has not been here for two weeks, or may not see the question.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import ngettext

from community.listing import Row, row_of
from community.models import CallForHelp, Solution, Thread, policy
from community.people import Person, person_of
from community.services.calling import CALLS_WITHIN, MOST_CALLS
from portal.accounts.models import AudienceMembership, User
from portal.core.audience import PUBLIC, SIGNED_IN, Audience
from portal.core.formats import format_number
from portal.core.text import isolate, row_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from community.models import Area
    from portal.catalog.models import Product

#: Questions on a page, and people suggested for each.
ROWS: Final = 10
_SUGGESTED: Final = 3
#: How old accepted answers may be that say what somebody knows, and how long ago a helper was here.
_KNOWN_WITHIN: Final = dt.timedelta(days=365)
_SEEN_WITHIN: Final = dt.timedelta(days=14)
#: How long being asked counts against being suggested to others who fit as well.
_EVENLY_WITHIN: Final = dt.timedelta(days=30)
#: Pairs of people and products, tags or areas that are looked through.
_LOOKED_THROUGH: Final = 2000
#: What says most about whether somebody knows the answer.
_FITS: Final = {"product": 3, "tag": 2, "area": 1}
_COLUMNS: Final = {"product": "thread__products", "tag": "thread__tags", "area": "thread__area"}


@dataclass(frozen=True, slots=True)
class Helper:
    """A member who is suggested for a question."""

    user_id: int
    person: Person
    #: Why, in words.
    because: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question without a reply."""

    row: Row
    since: dt.datetime
    #: It waits longer than the policy says.
    is_late: bool
    helpers: list[Helper] = field(default_factory=list)
    #: Who was asked already.
    asked: list[Person] = field(default_factory=list)

    @property
    def thread(self) -> Thread:
        return self.row.thread


@dataclass(frozen=True, slots=True)
class WaitingPage:
    questions: list[Waiting]
    #: Value of ``?after=`` for the next page; empty on the last.
    after: str = ""


def questions_waiting(
    user: User, *, area: Area | None = None, product: Product | None = None, language: str = "", after: str = ""
) -> WaitingPage:
    """Return a page of the questions nobody replied to that `user` may see, who waits longest first.

    The number of queries does not depend on that of questions or helpers.
    """
    now = timezone.now()
    found = Thread.objects.visible_to(user).listed().unanswered().filter(is_locked=False)
    if area is not None:
        found = found.filter(area=area)
    if product is not None:
        found = found.filter(products=product)
    if language:
        found = found.filter(language=language)
    if (last := _read(after)) is not None:
        since, pk = last
        found = found.filter(Q(last_post_at__gt=since) | Q(last_post_at=since, pk__gt=pk))
    threads = list(found.for_listing().prefetch_related("tags", "products").order_by("last_post_at", "pk")[: ROWS + 1])
    shown = threads[:ROWS]
    late_before = now - dt.timedelta(hours=policy().first_reply_hours)
    helpers, asked = _helpers_for(shown, now)
    return WaitingPage(
        [
            Waiting(
                row=row_of(thread),
                since=thread.last_post_at,
                is_late=thread.last_post_at < late_before,
                helpers=helpers.get(thread.pk, []),
                asked=asked.get(thread.pk, []),
            )
            for thread in shown
        ],
        _cursor(shown[-1]) if len(threads) > ROWS else "",
    )


def count_late(user: User) -> tuple[int, int]:
    """Return how many questions wait for a first reply, and how many of them too long. One query."""
    late_before = timezone.now() - dt.timedelta(hours=policy().first_reply_hours)
    waiting = Thread.objects.visible_to(user).listed().unanswered().filter(is_locked=False)
    counted = waiting.aggregate(all=Count("pk"), late=Count("pk", filter=Q(last_post_at__lt=late_before)))
    return counted["all"], counted["late"]


_EPOCH: Final = dt.datetime.fromtimestamp(0, tz=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def _cursor(thread: Thread) -> str:
    return f"{(thread.last_post_at - _EPOCH) // _MICROSECOND}_{thread.pk}"


def _read(cursor: str) -> tuple[dt.datetime, int] | None:
    """Return the values of a cursor, or None for one that was not made by `_cursor`."""
    moment, _line, number = cursor.partition("_")
    since, pk = row_number(moment), row_number(number)
    if since is None or pk is None:
        return None
    try:
        return _EPOCH + since * _MICROSECOND, pk
    except OverflowError:
        return None


def helpers_for(threads: Sequence[Thread]) -> Mapping[int, list[Helper]]:
    """Return who may know the answer to each of these questions, the best first, as the desk suggests them."""
    return _helpers_for(threads, timezone.now())[0]


# Helpers -------------------------------------------------------------------------------------------------------------

#: What a question is about, and in which language: ``("product", 7, "fa")``.
_Subject = tuple[str, int, str]


def _helpers_for(
    threads: Sequence[Thread], now: dt.datetime
) -> tuple[dict[int, list[Helper]], dict[int, list[Person]]]:
    """Return who is suggested for each thread, and who was asked already."""
    if not threads:
        return {}, {}
    asked: dict[int, dict[int, Person]] = defaultdict(dict)
    for call in CallForHelp.objects.filter(thread__in=threads).select_related("helper").order_by("asked_at"):
        asked[call.thread_id][call.helper_id] = person_of(call.helper)
    about = {thread.pk: _subjects_of(thread) for thread in threads}
    known = _who_knows({subject for subjects in about.values() for subject in subjects}, now)
    candidates = _available({user_id for people in known.values() for user_id in people}, now)
    calls = CallForHelp.objects.filter(helper__in=candidates, asked_at__gt=now - _EVENLY_WITHIN)
    counted = calls.values("helper").annotate(
        lately=Count("pk"), week=Count("pk", filter=Q(asked_at__gt=now - CALLS_WITHIN))
    )
    load: Counter[int] = Counter()
    for row in counted:
        load[row["helper"]] = row["lately"]
        if row["week"] >= MOST_CALLS:
            candidates.pop(row["helper"], None)
    pool = _Pool(known, candidates, _keys_of(candidates), load)
    helpers = {}
    for thread in threads:
        found = _best(thread, about[thread.pk], pool, besides=asked[thread.pk])
        helpers[thread.pk] = found
        load.update(helper.user_id for helper in found)  # so that a page does not suggest the same three everywhere
    return helpers, {pk: list(people.values()) for pk, people in asked.items()}


def _subjects_of(thread: Thread) -> dict[_Subject, str]:
    """Return what a question is about, with its name, the most telling first; reads `products` and `tags`."""
    return {
        **{("product", each.pk, thread.language): str(each) for each in thread.products.all()},
        **{("tag", each.pk, thread.language): str(each) for each in thread.tags.all()},
        ("area", thread.area_id, thread.language): str(thread.area.title),
    }


def _who_knows(subjects: Iterable[_Subject], now: dt.datetime) -> Mapping[_Subject, dict[int, int]]:
    """Return how many accepted answers who has for each subject; one query for each kind of subject."""
    by_kind: dict[str, set[int]] = defaultdict(set)
    for kind, pk, _language in subjects:
        by_kind[kind].add(pk)
    accepted = Solution.objects.filter(
        is_for_another=True, revoked_at=None, helper__isnull=False, accepted_at__gt=now - _KNOWN_WITHIN
    )
    known: dict[_Subject, dict[int, int]] = defaultdict(dict)
    for kind, column in _COLUMNS.items():
        counted = accepted.filter(**{f"{column}__in": by_kind[kind]}).order_by()
        rows = counted.values_list("helper", column, "thread__language").annotate(answers=Count("pk", distinct=True))
        for helper, pk, language, answers in rows.order_by("-answers", "helper")[:_LOOKED_THROUGH]:
            known[kind, pk, language][helper] = answers
    return known


def _available(user_ids: Iterable[int], now: dt.datetime) -> dict[int, User]:
    """Return those members, by id, who were here lately and may write."""
    may_write = Q()
    for column in ("silenced_until", "suspended_until"):
        name = f"community_profile__{column}"
        may_write &= Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__lte": now})
    seen = Q(community_profile__last_seen_on__gte=timezone.localdate(now - _SEEN_WITHIN))
    members = User.objects.filter(seen, may_write, pk__in=set(user_ids), is_active=True, is_staff=False)
    return {user.pk: user for user in members}


def _keys_of(users: Iterable[int]) -> Mapping[int, frozenset[str]]:
    """Return the keys of audiences each of these members holds; one query."""
    keys: dict[int, set[str]] = {pk: {PUBLIC, SIGNED_IN} for pk in users}
    for pk, key in AudienceMembership.objects.filter(user__in=list(keys)).values_list("user", "key"):
        keys[pk].add(key)
    return {pk: frozenset(held) for pk, held in keys.items()}


@dataclass(frozen=True, slots=True)
class _Pool:
    """The members who may be suggested: what they know, and how often they were asked or suggested lately."""

    known: Mapping[_Subject, Mapping[int, int]]
    people: Mapping[int, User]
    keys: Mapping[int, frozenset[str]]
    load: Counter[int]


def _best(thread: Thread, subjects: Mapping[_Subject, str], pool: _Pool, *, besides: Mapping[int, Any]) -> list[Helper]:
    """Return who is suggested for one question: who fits best, of those who was asked least, then who helped most."""
    audience = Audience.parse(thread.audience)
    best: dict[int, tuple[int, int, str]] = {}
    for subject, name in subjects.items():
        for user_id, answers in pool.known.get(subject, {}).items():
            found = (_FITS[subject[0]], answers, name)
            if user_id in pool.people and found[:2] > best.get(user_id, (0, 0))[:2]:
                best[user_id] = found
    fitting = [
        user_id
        for user_id in best
        if user_id not in besides and user_id != thread.author_id and audience.admits(pool.keys[user_id])
    ]
    fitting.sort(key=lambda user_id: (-best[user_id][0], pool.load[user_id], -best[user_id][1], user_id))
    return [
        Helper(user_id, person_of(pool.people[user_id]), _because(*best[user_id][1:]))
        for user_id in fitting[:_SUGGESTED]
    ]


def _because(answers: int, about: str) -> str:
    return ngettext("%(count)s accepted answer: %(about)s", "%(count)s accepted answers: %(about)s", answers) % {
        "count": format_number(answers),
        "about": isolate(about),
    }
