"""Lists of threads as pages show them: orders, pages by keyset, what is unread. No offsets, no counts of rows."""

from __future__ import annotations

import datetime as dt
import enum
import heapq
import re
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from community.models import Area, AreaRead, Tag, Thread, ThreadRead
from community.models.access import id_of
from community.models.member import PRIVATE_SCOPE, languages_of, profile_of
from community.people import Person, person_of
from community.services.counting import line_scope
from portal.accounts.models import person_scope
from portal.core.audience import audiences_for
from portal.core.memo import Memo
from portal.core.prepared import Prepared
from portal.core.privacy import translate_placeholders
from portal.core.scopes import rests_on
from portal.core.text import row_number
from portal.notifications.models import Follow

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from community.models.access import AnyUser
    from community.models.thread import ThreadQuerySet
    from portal.catalog.models import Product

#: Threads on a page of a list.
ROWS: Final = 20
#: Threads of which one query says how far somebody has read them.
_AT_ONCE: Final = ROWS
#: Threads a person follows that are looked through, the newest first.
_MOST_FOLLOWED: Final = 1000
#: Areas a person follows that are looked through, likewise.
_MOST_AREAS: Final = 100
_HOT_FROM: Final = 10
_FRESH: Final = 5
_HOT_TAGS: Final = 12
_CURSOR: Final = re.compile(r"[0-9.a-z-]{1,60}\Z")


class Tab(enum.StrEnum):
    """The lists of the index and of an area; the values are parts of addresses."""

    LATEST = "latest"
    POPULAR = "popular"
    UNANSWERED = "unanswered"
    SOLVED = "solved"
    VOTES = "votes"
    FOLLOWING = "following"


TAB_LABELS: Final[dict[Tab, _StrPromise]] = {
    Tab.LATEST: pgettext_lazy("threads", "Latest"),
    Tab.POPULAR: pgettext_lazy("threads", "Popular"),
    Tab.UNANSWERED: pgettext_lazy("threads", "Unanswered"),
    Tab.SOLVED: pgettext_lazy("threads", "Solved"),
    Tab.VOTES: pgettext_lazy("ideas", "Most votes"),
    Tab.FOLLOWING: pgettext_lazy("threads", "Following"),
}
#: The tabs of an area by its kind; the first is the one it opens with.
AREA_TABS: Final[dict[str, tuple[Tab, ...]]] = {
    Area.Kind.QUESTIONS: (Tab.LATEST, Tab.POPULAR, Tab.UNANSWERED, Tab.SOLVED),
    Area.Kind.IDEAS: (Tab.VOTES, Tab.LATEST, Tab.POPULAR),
    Area.Kind.DISCUSSIONS: (Tab.LATEST, Tab.POPULAR),
    Area.Kind.ANNOUNCEMENTS: (Tab.LATEST,),
}


@dataclass(frozen=True, slots=True)
class StateBadge:
    """How a thread stands, next to its title."""

    text: _StrPromise
    tone: str
    icon: str


def badge_of(thread: Thread) -> StateBadge | None:
    """Return the badge of a thread: what a reader wants to know before opening it. None if there is nothing to say."""
    if thread.state != "visible":
        return StateBadge(thread.get_state_display(), "warn", "hourglass")  # type: ignore[arg-type]
    if thread.is_solved:
        return _SOLVED
    if thread.status in _STATUSES:
        return _STATUSES[thread.status]
    if thread.is_question and thread.reply_count == 0 and not thread.is_locked:
        return _NEEDS_REPLY
    return None


_SOLVED: Final = StateBadge(pgettext_lazy("question", "Solved"), "ok", "circle-check")
_NEEDS_REPLY: Final = StateBadge(_("Needs a first reply"), "warn", "clock")
_STATUSES: Final[dict[str, StateBadge]] = {
    Thread.Status.NEEDS_INFO.value: StateBadge(
        pgettext_lazy("question", "Needs information"), "warn", "circle-question-mark"
    ),
    Thread.Status.NEW.value: StateBadge(pgettext_lazy("idea", "New"), "", "lightbulb"),
    Thread.Status.UNDER_REVIEW.value: StateBadge(pgettext_lazy("idea", "Under review"), "info", "lightbulb"),
    Thread.Status.PLANNED.value: StateBadge(pgettext_lazy("idea", "Planned"), "new", "calendar-check"),
    Thread.Status.DONE.value: StateBadge(pgettext_lazy("idea", "Done"), "ok", "circle-check"),
    Thread.Status.NOT_NOW.value: StateBadge(pgettext_lazy("idea", "Not now"), "", "circle-pause"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A thread in a list."""

    thread: Thread
    author: Person
    badge: StateBadge | None
    excerpt: str
    is_unread: bool = False
    #: Why it is shown to this reader, in words.
    because: str = ""
    #: What follows had nothing new since the reader was here before; drawn below the row, which is kept without it.
    ends_news: bool = False

    @property
    def fragment_key(self) -> Hashable:
        """All that a row shows, but the number of views: with it, hardly any row would be kept."""
        thread, badge = self.thread, self.badge
        return (
            thread.pk, thread.title, thread.slug, thread.language, thread.kind, thread.area_id, thread.last_post_at,
            thread.reply_count, thread.vote_count, thread.is_solved, thread.is_locked, thread.is_pinned, thread.state,
            self.excerpt, self.author, badge and (badge.tone, badge.icon), self.is_unread, self.because,
        )  # fmt: skip

    @property
    def count_tone(self) -> str:
        """Return the colour of the number of replies: solved, lively, or none."""
        if self.thread.is_solved:
            return "ok"
        return "hot" if self.thread.reply_count >= _HOT_FROM else ""


#: First pages of the lists of whole areas, by audiences, areas, tab and languages: what all of these readers find.
_beginnings: Final[Memo[tuple[tuple[Row, ...], str]]] = Memo(max_size=72, scopes=())

#: By audiences. A list depends on the lines of its threads; the name of its own is touched with all of the community.
_fresh: Final[Memo[tuple[Row, ...]]] = Memo(max_size=64, scopes=("community:fresh",))


#: The parameter of an address that names the languages of a list, and its value for all of them.
LANGUAGES_IN: Final = "lang"
ALL_LANGUAGES: Final = "all"


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """One of the choices of languages above a list."""

    label: str | _StrPromise
    #: What the address says; None for what is listed without it.
    value: str | None
    is_current: bool
    #: Of the label, if that is the name of a language.
    language: str = ""


def languages_in(user: AnyUser, asked: str) -> tuple[tuple[str, ...], tuple[LanguageChoice, ...]]:
    """Return the languages of a list, empty for all of them, and what else can be chosen.

    Without a word in the address, these are the language of the page and those that the person chose for themselves.
    Somebody who reads one language would find little in a list of several, and not know that there is a choice.
    """
    names = dict(settings.LANGUAGES)
    if len(names) < 2:
        return (), ()
    page, is_member = get_language(), id_of(user) is not None
    own = tuple(code for code in names if code == page or code in languages_of(user))
    usual = None if is_member else page
    asked = asked if asked in {*names, ALL_LANGUAGES} and asked != usual else ""
    choices = [LanguageChoice(_("My languages"), None, not asked)] if is_member else []
    choices.append(LanguageChoice(pgettext_lazy("languages", "All"), ALL_LANGUAGES, asked == ALL_LANGUAGES))
    for code, name in names.items():
        is_usual = code == usual
        choices.append(
            LanguageChoice(name, None if is_usual else code, asked == code or (is_usual and not asked), code)
        )
    found = own if not asked else () if asked == ALL_LANGUAGES else (asked,)
    return (() if len(found) == len(names) else found), tuple(choices)


@dataclass(frozen=True, slots=True)
class ThreadList:
    """One page of a list. `after` leads to the next one, empty on the last."""

    rows: list[Row]
    after: str
    #: What its languages can be; nothing for a list in all of them.
    choices: tuple[LanguageChoice, ...] = ()

    @property
    def query(self) -> str:
        """Return the query of an address that keeps the choice of languages; empty for the usual one."""
        return next((f"?{LANGUAGES_IN}={each.value}" for each in self.choices if each.is_current and each.value), "")


def threads_in(
    user: AnyUser,
    *,
    tab: Tab = Tab.LATEST,
    areas: Sequence[Area] = (),
    tag: Tag | None = None,
    product: Product | None = None,
    after: str = "",
    language: str = "",
) -> ThreadList:
    """Return a page of the threads that everybody with this reader's audiences finds, from the cursor `after` on.

    `language` is what an address asks for, see `languages_in`; everything is listed that somebody follows. One query,
    whatever the number of threads, and none for a beginning that is kept; three more for a signed-in reader, and two for what
    they follow. An unreadable cursor begins at the top.
    """
    chosen, choices = ((), ()) if tab is Tab.FOLLOWING else languages_in(user, language)
    make = partial(_rows_in, user, tab=tab, areas=areas, tag=tag, product=product, after=after, languages=chosen)
    if after or tab is Tab.FOLLOWING or tag is not None or product is not None:
        rows, following = make()
    else:
        key = (tuple(audiences_for(user)), tuple(area.pk for area in areas), tab, chosen, get_language())
        rows, following = _beginnings.get(key, make)
    unread = unread_of(user, [row.thread for row in rows])
    return ThreadList(
        [replace(row, is_unread=True) if row.thread.pk in unread else row for row in rows], following, choices
    )


def with_end_of_news(rows: Sequence[Row], since: dt.datetime | None) -> list[Row]:
    """Return the rows of a list with the newest first, the last one marked in which somebody wrote after a moment.

    Nothing is marked if all of them, or none, are new; pinned ones stand on top for another reason.
    """
    marked = list(rows)
    if since is None:
        return marked
    free = [place for place, row in enumerate(marked) if not row.thread.is_pinned]
    for place, following in pairwise(free):
        if marked[place].thread.last_post_at > since >= marked[following].thread.last_post_at:
            marked[place] = replace(marked[place], ends_news=True)
    return marked


def _rows_in(
    user: AnyUser,
    *,
    tab: Tab,
    areas: Sequence[Area],
    tag: Tag | None,
    product: Product | None,
    after: str,
    languages: Collection[str],
) -> tuple[tuple[Row, ...], str]:
    """Return a page of a list without anything of one reader, and the cursor of the next. One query.

    It rests on all of the community, or on its areas: a post elsewhere leaves what is kept of these alone.
    """
    here = (f"community:area:{area.pk}" for area in areas)
    rests_on(*(("community:areas", PRIVATE_SCOPE, *here) if areas else ("community",)))
    found = Thread.objects.visible_to(user).listed()
    if areas:
        ids = [area.pk for area in areas]
        found = found.filter(area=ids[0]) if len(ids) == 1 else found.filter(area__in=ids)
    if tag is not None:
        found = found.filter(tags=tag)
    if product is not None:
        found = found.filter(products=product)
    if tab is Tab.UNANSWERED:
        found = found.unanswered()
    elif tab is Tab.SOLVED:
        found = found.solved()
    if languages:
        found = found.filter(language__in=languages)
    order = _order(tab, is_one_area=len(areas) == 1 and tag is None and product is None)
    last = _read(order, after)
    if last is not None:
        found = found.filter(_behind(order, last))
    if tab is Tab.FOLLOWING:
        found = found.filter(pk__in=_followed(found, user, ROWS + 1))
    threads = list(getattr(found, order)().for_listing()[: ROWS + 1])
    shown = threads[:ROWS]
    return tuple(map(row_of, shown)), _cursor(order, shown[-1]) if len(threads) > ROWS else ""


def fresh_threads(user: AnyUser) -> tuple[Row, ...]:
    """Return the newest threads for other pages, without what is personal; new posts appear within half a minute.

    They are in the language of the page: what somebody reads beside it would cost these pages a query, and the lists of
    the community show it.
    A thread that is hidden, moved or renamed changes it at once. See docs/decisions/0015-scopes.md.
    """
    language = get_language() or settings.LANGUAGE_CODE
    return _fresh.get((tuple(audiences_for(user)), language), lambda: _read_fresh(user, language))


def _read_fresh(user: AnyUser, language: str) -> tuple[Row, ...]:
    found = Thread.objects.visible_to(user).listed().filter(language=language).recent_first().for_listing()
    rows = [row_of(thread) for thread in found[:_FRESH]]
    rests_on(*(line_scope(row.thread.pk) for row in rows))
    return tuple(rows)


def row_of(thread: Thread) -> Row:
    """Return the row of a thread; reads `author`."""
    if thread.author_id is not None:
        rests_on(person_scope(thread.author_id))
    return Row(thread, person_of(thread.author), badge_of(thread), translate_placeholders(thread.excerpt))


#: All of somebody's: there are few areas.
_area_reads: Final = Prepared(
    lambda person: AreaRead.objects.filter(user=person).values_list("area_id", "read_until"), int
)
_thread_reads: Final = Prepared(
    lambda person, *threads: ThreadRead.objects.filter(user=person, thread__in=threads).values_list(
        "thread_id", "last_read_number"
    ),
    *[int] * (_AT_ONCE + 1),
)


def _read_to(person_id: int, threads: Sequence[int]) -> dict[int, int]:
    """Return up to which number somebody has read these threads. One query for each page of a list."""
    found: dict[int, int] = {}
    for start in range(0, len(threads), _AT_ONCE):
        some = list(threads[start : start + _AT_ONCE])
        some += some[:1] * (_AT_ONCE - len(some))  # the query has as many places
        found |= _thread_reads.rows(person_id, *some)
    return found


def unread_of(user: AnyUser, threads: Collection[Thread]) -> set[int]:
    """Return which of these threads have posts the person has not read. Three queries, none for visitors."""
    person_id, profile = id_of(user), profile_of(user)
    if person_id is None or profile is None or not threads:
        return set()
    floors, read = dict(_area_reads.rows(person_id)), _read_to(person_id, [thread.pk for thread in threads])
    return {
        thread.pk
        for thread in threads
        if thread.last_post_at > max(profile.read_floor, floors.get(thread.area_id, profile.read_floor))
        and read.get(thread.pk, 0) < thread.highest_number
        and thread.last_author_id != person_id
    }


def _followed(threads: ThreadQuerySet, user: AnyUser, most: int) -> list[int]:
    """Return the newest `most` of the threads that the person follows themselves, or by their area. Two queries.

    Each area gives its newest from its index, so that their number does not matter: asked for "this thread or that area",
    a database reads all of the area and sorts it.
    """
    person_id = id_of(user)
    if person_id is None:
        return []
    follows = Follow.objects.heard().filter(person_id=person_id, target__startswith="community.")
    ids: dict[str, list[int]] = {"community.thread": [], "community.area": []}
    for target in follows.order_by("-pk").values_list("target", flat=True)[:_MOST_FOLLOWED]:
        kind, _colon, key = target.partition(":")
        if kind in ids and (pk := row_number(key)) is not None:
            ids[kind].append(pk)
    newest = Q(pk__in=ids["community.thread"])
    for area in ids["community.area"][:_MOST_AREAS]:
        for is_pinned in (True, False):
            newest |= Q(pk__in=_newest_in(threads, area, is_pinned=is_pinned).values("pk")[:most])
    found = threads.filter(newest).order_by().values_list("last_post_at", "pk")
    return [pk for _last, pk in heapq.nlargest(most, found)]


def _newest_in(threads: ThreadQuerySet, area_id: int, *, is_pinned: bool) -> ThreadQuerySet:
    """Return the pinned, or the other, threads of an area as its index has them: SQLite looks up values only."""
    return threads.filter(area=area_id, is_pinned__in=[is_pinned]).recent_first()


# Pages by keyset -----------------------------------------------------------------------------------------------------

_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "recent_first": ("last_post_at",),
    "recent_first_in_area": ("is_pinned", "last_post_at"),
    "popular": ("hot",),
    "most_voted": ("vote_count",),
}


def _order(tab: Tab, *, is_one_area: bool) -> str:
    """Return the name of the queryset's method that sorts a list."""
    if tab is Tab.POPULAR:
        return "popular"
    if tab is Tab.VOTES:
        return "most_voted"
    return "recent_first_in_area" if tab is Tab.LATEST and is_one_area else "recent_first"


def _cursor(order: str, thread: Thread) -> str:
    """Return the place of a thread in a list, as a part of an address."""
    parts = [_written(getattr(thread, name)) for name in _FIELDS[order]]
    return "_".join([*parts, str(thread.pk)]).replace("+", "")


def _written(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return str(round(value.timestamp() * 1_000_000))
    return str(int(value)) if isinstance(value, bool) else repr(value)


def _read(order: str, cursor: str) -> list[Any] | None:
    """Return the values of a cursor, or None for one that was not made by `_cursor`."""
    parts = cursor.split("_")
    if len(parts) != len(_FIELDS[order]) + 1 or not all(_CURSOR.match(part) for part in parts):
        return None
    last = row_number(parts[-1])
    if last is None:
        return None
    try:
        return [*(_parsed(name, part) for name, part in zip(_FIELDS[order], parts, strict=False)), last]
    except (ValueError, OverflowError):
        return None


def _parsed(name: str, text: str) -> Any:
    if name == "last_post_at":
        return dt.datetime.fromtimestamp(0, tz=dt.UTC) + dt.timedelta(microseconds=int(text))
    if name == "is_pinned":
        return text == "1"
    if name == "hot":
        value = float(text)
        if value != value or abs(value) > 1e12:  # noqa: PLR0124 - not a number
            raise ValueError(text)
        return value
    return max(min(int(text), 2**31 - 1), -(2**31))


def _behind(order: str, last: list[Any]) -> Q:
    """Return the condition for what comes after a thread with these values, all of them descending."""
    names = [*_FIELDS[order], "pk"]
    condition = Q()
    for name, value in reversed(list(zip(names, last, strict=True))):
        if name == "is_pinned":
            condition = (
                (Q(is_pinned=False) | (Q(is_pinned=True) & condition)) if value else (Q(is_pinned=False) & condition)
            )
        elif not condition:
            condition = Q(**{f"{name}__lt": value})
        else:
            # The first half repeats what follows from the second: it lets the database start in the index.
            condition = Q(**{f"{name}__lte": value}) & (Q(**{f"{name}__lt": value}) | condition)
    return condition


def is_old(thread: Thread, now: dt.datetime | None = None) -> bool:
    """Return whether nobody wrote in a thread for a year: a new one is likely to be of more use."""
    return (now or timezone.now()) - thread.last_post_at > dt.timedelta(days=365)


#: By audiences; every change of an area says so.
_areas: Final[Memo[tuple[Area, ...]]] = Memo(max_size=64, scopes=("community:areas", "site"))


def areas_of(user: AnyUser) -> list[Area]:
    """Return the areas this reader sees, each followed by those inside it, to be read only. Kept: mostly no query."""
    audiences = tuple(audiences_for(user))
    return list(_areas.get(audiences, lambda: tuple(_in_tree(Area.objects.visible_to(user).in_order()))))


#: The number of threads changes with every new one, and decides about the order alone.
_hot: Final[Memo[tuple[Tag, ...]]] = Memo(max_size=1, scopes=("community:tags",))


def hot_tags() -> tuple[Tag, ...]:
    """Return the tags with most threads, as of the last half minute."""
    used = Tag.objects.filter(thread_count__gt=0).order_by("-thread_count", "pk")
    return _hot.get((), lambda: tuple(used[:_HOT_TAGS]))


def _in_tree(areas: QuerySet[Area]) -> list[Area]:
    below: dict[int | None, list[Area]] = {}
    for area in areas:
        below.setdefault(area.parent_id, []).append(area)
    top = below.pop(None, [])
    tree = [each for area in top for each in (area, *below.pop(area.pk, []))]
    return [*tree, *(area for rest in below.values() for area in rest)]
