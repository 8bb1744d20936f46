"""What the pages of the desk show. Every list has a constant number of queries."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from community.capturing import address_of_article
from community.link_cards import with_cards
from community.models import Area, AuditEntry, CapturedAnswer, CommunityProfile, Flag, Level, Post, ReviewItem, Thread
from community.people import Person, person_of
from community.services.moderating import CLAIM
from portal.core.text import row_number
from portal.desk.words import action_in_words, reason_in_words

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

logger = logging.getLogger(__name__)

#: Items on a page of the queue, and entries on one of the log.
ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is in the queue; the shares add up to its score."""

    label: str
    #: In units of weight: 1.0 is the flag of a new member.
    share: float


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An item of the queue as a moderator sees it."""

    item: ReviewItem
    author: Person
    level: str
    is_silenced: bool
    reasons: list[Reason]
    notes: list[str]
    html: SafeString
    #: The post before it in the thread, which it may answer; None for the first.
    before: Post | None = None
    before_author: Person | None = None
    before_html: SafeString = field(default_factory=lambda: SafeString(""))
    #: Another moderator who is looking at it just now.
    claimed_by: Person | None = None
    #: Rendering it failed: only the plain text is shown.
    is_broken: bool = False
    #: Why to hide it: what most of those who flagged it say, or why it is hidden; empty if nobody said.
    likely_reason: str = ""

    @property
    def score(self) -> float:
        return self.item.score / 100

    @property
    def post(self) -> Post | None:
        """The post it is about; None for a private message, which is shown on a page of its own."""
        return self.item.post


@dataclass(frozen=True, slots=True)
class QueuePage:
    entries: list[QueueEntry]
    #: Value of ``?after=`` for the next page; empty on the last.
    after: str = ""
    #: Number of the item to go on with; 0 for the first.
    focused: int = 0


def open_items(user: User) -> QuerySet[ReviewItem]:
    """Return the open items about posts in areas that `user` may see, and about private messages between others."""
    posts = Q(post__in=Post.objects.visible_to(user).values("pk"))
    own = Q(message__conversation__lower=user) | Q(message__conversation__higher=user)
    return ReviewItem.objects.filter(posts | (Q(message__isnull=False) & ~own), decision="")


@dataclass(frozen=True, slots=True)
class Heap:
    """What waits in the queue for one reason."""

    #: Value of ``?reason=`` that shows only these; empty for all.
    reason: str
    label: str | _StrPromise
    icon: str
    count: int
    oldest_at: dt.datetime | None


#: Filters of the queue with their names, the most urgent first: somebody new waits to be welcomed.
FILTERS: Final[Mapping[str, tuple[_StrPromise, str]]] = {
    "first": (_("First posts"), "sprout"),
    "held": (_("Held"), "hourglass"),
    "flags": (_("Flagged"), "flag"),
    "appeals": (_("For another look"), "scale"),
}
_CONDITIONS: Final[Mapping[str, Q]] = {
    "first": Q(
        post__state="held",
        post__author__community_profile__thread_count=0,
        post__author__community_profile__reply_count=0,
    ),
    "held": Q(post__state="held"),
    "flags": Q(Exists(Flag.objects.filter(post=OuterRef("post"), outcome=""))) | Q(message__isnull=False),
    "appeals": ~Q(appeal=""),
}


def heaps_of(user: User) -> list[Heap]:
    """Return how much waits in the queue for which reason, and since when. One query. One item may be in several."""
    wanted: dict[str, Any] = {}
    for reason, condition in _CONDITIONS.items():
        wanted[f"count_{reason}"] = Count("pk", filter=condition)
        wanted[f"oldest_{reason}"] = Min("created_at", filter=condition)
    counted = open_items(user).aggregate(**wanted)
    return [
        Heap(reason, label, icon, counted[f"count_{reason}"], counted[f"oldest_{reason}"])
        for reason, (label, icon) in FILTERS.items()
    ]


def page_of_queue(user: User, *, reason: str = "", after: str = "", at: int | None = None) -> QueuePage:
    """Return a page of the queue, highest score first; `reason` keeps only what one of `FILTERS` is about.

    `at` is the number of the item the moderator was at: they go on there, or if it is gone, with the next one.
    """
    items = open_items(user)
    if reason in _CONDITIONS:
        items = items.filter(_CONDITIONS[reason])
    score, _dash, pk = after.partition("_")
    last_score, last_pk = row_number(score), row_number(pk)
    if last_score is not None and last_pk is not None:
        items = items.filter(Q(score__lt=last_score) | Q(score=last_score, pk__gt=last_pk))
    related = items.select_related(
        "post__author__community_profile", "post__thread__area", "message__author__community_profile", "claimed_by"
    )
    found = list(related.defer("message__body").order_by("-score", "pk")[: ROWS + 1])
    shown = found[:ROWS]
    last = shown[-1] if len(found) > ROWS else None
    return QueuePage(_entries(user, shown), f"{last.score}_{last.pk}" if last else "", _focused(shown, at))


def _focused(shown: list[ReviewItem], at: int | None) -> int:
    left = ReviewItem.objects.filter(pk=at).first() if at is not None else None
    if left is None or not shown:
        return 0
    place = (-left.score, left.pk)
    return next((item.pk for item in shown if (-item.score, item.pk) >= place), shown[-1].pk)


def _entries(user: User, items: list[ReviewItem]) -> list[QueueEntry]:
    flags: dict[int, list[Flag]] = {}
    for flag in Flag.objects.filter(post__in=[item.post_id for item in items if item.post_id], outcome="").order_by(
        "pk"
    ):
        flags.setdefault(flag.post_id, []).append(flag)
    around = Q(pk__in=[])
    for post in filter(None, (item.post for item in items)):
        if post.number > 1:
            around |= Q(thread=post.thread_id, number=post.number - 1)
    before = {
        (post.thread_id, post.number): post
        for post in Post.objects.visible_to(user).filter(around).select_related("author")
    }
    htmls = _as_readers_see([*(item.post for item in items if item.post), *before.values()])
    entries = []
    for item in items:
        try:
            if item.post is None:
                entries.append(_message_entry(user, item))
            else:
                previous = before.get((item.post.thread_id, item.post.number - 1))
                entry = _entry(user, item, item.post, flags.get(item.post.pk, []), previous)
                before_html = htmls[previous.pk] if previous else ""
                html = SafeString(htmls[item.post.pk])
                entries.append(replace(entry, html=html, before_html=SafeString(before_html)))
        except Exception:  # one broken text must not take the page from moderators
            logger.exception("Item %s of the review queue could not be shown", item.pk)
            entries.append(
                QueueEntry(item, person_of(None), "", False, [], [], SafeString(""), is_broken=True),
            )
    return entries


def _as_readers_see(posts: Iterable[Post]) -> dict[int, str]:
    """Return the HTML of posts with the cards that links have in it; one broken text leaves all without."""
    htmls = {post.pk: post.html for post in posts}
    try:
        return with_cards(htmls)
    except Exception:
        logger.exception("Links in the review queue could not be shown as cards")
        return htmls


def _entry(user: User, item: ReviewItem, post: Post, flags: list[Flag], previous: Post | None) -> QueueEntry:
    return replace(
        _bare_entry(user, item, post.author),
        notes=[flag.note for flag in flags if flag.note],
        before=previous,
        before_author=person_of(previous.author) if previous else None,
        likely_reason=_likely_reason(item, flags, post.state_reason),
    )


def _message_entry(user: User, item: ReviewItem) -> QueueEntry:
    """Return an item about a private message, without its text: who reads that is written down."""
    return _bare_entry(user, item, item.message.author if item.message is not None else None)


def _bare_entry(user: User, item: ReviewItem, author: User | None) -> QueueEntry:
    profile: CommunityProfile | None = getattr(author, "community_profile", None)
    is_claimed = (
        item.claimed_by is not None
        and item.claimed_by_id != user.pk
        and item.claimed_at is not None
        and item.claimed_at > timezone.now() - CLAIM
    )
    return QueueEntry(
        item=item,
        author=person_of(author),
        level=str(Level(profile.level if profile else Level.NEW).label),
        is_silenced=bool(profile and profile.is_silenced()),
        reasons=[Reason(reason_in_words(code), share / 100) for code, share in item.reasons],
        notes=[],
        html=SafeString(""),
        claimed_by=person_of(item.claimed_by) if is_claimed else None,
    )


#: What screening noticed that only spam has.
_SIGNS_OF_SPAM: Final = frozenset({"honeypot", "links", "duplicate", "spam-check"})


def _likely_reason(item: ReviewItem, flags: list[Flag], state_reason: str) -> str:
    if flags:
        return Counter(flag.reason for flag in flags).most_common(1)[0][0]
    if any(code.partition(":")[0] in _SIGNS_OF_SPAM for code, _share in item.reasons):
        return Flag.Reason.SPAM.value
    return state_reason if state_reason in Flag.Reason.values else ""


@dataclass(frozen=True, slots=True)
class SolvedPage:
    #: Questions with the addresses under which an article is made of each.
    entries: list[tuple[Thread, str]]
    #: Value of ``?after=`` for the next page; 0 on the last.
    after: int = 0


def page_without_article(user: User, *, after: int = 0) -> SolvedPage:
    """Return solved questions that no published article was made of, those that most people have first; two queries.

    A page ends at a number of entries: few people go on for long, and the order changes with every “me, too”.
    """
    captured = CapturedAnswer.objects.filter(post__thread=OuterRef("pk"))
    found = Thread.objects.visible_to(user).listed().solved().filter(~Exists(captured), kind=Area.Kind.QUESTIONS)
    ordered = found.select_related("area").order_by("-me_too_count", "-helpful_count", "-pk")
    some = list(ordered[after : after + ROWS + 1])
    entries = [(thread, address_of_article(user, thread)) for thread in some[:ROWS]]
    return SolvedPage(entries, after + ROWS if len(some) > ROWS else 0)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the audit log in words."""

    entry: AuditEntry
    action: str
    reason: str
    #: Who did it; None: the portal itself.
    actor: Person | None
    member: Person | None
    #: Title and address of the thread, and of the post if it is about one; empty if the reader may not see it any more.
    title: str = ""
    url: str = ""
    #: The same of the thread into which it was merged.
    into_title: str = ""
    into_url: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    entries: list[LogEntry] = field(default_factory=list)
    #: Value of ``?before=`` for older entries; 0 on the last page.
    before: int = 0


def page_of_log(user: User, *, member_id: int | None = None, before: int = 0) -> LogPage:
    """Return a page of the audit log, newest first; about one member with `member_id`."""
    rows = AuditEntry.objects.select_related("actor", "member")
    if member_id is not None:
        rows = rows.filter(member=member_id)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: ROWS + 1])
    shown = found[:ROWS]
    addresses = _addresses(user, (entry.post_id for entry in shown))
    threads = _threads(user, shown)
    return LogPage(
        [_log_entry(entry, addresses, threads) for entry in shown],
        shown[-1].pk if len(found) > ROWS else 0,
    )


def _log_entry(entry: AuditEntry, addresses: dict[int, str], threads: dict[int, Thread]) -> LogEntry:
    thread, into = threads.get(entry.thread_id or 0), threads.get(_into(entry) or 0)
    return LogEntry(
        entry=entry,
        action=action_in_words(entry.action),
        reason=reason_in_words(entry.reason) if entry.reason else "",
        actor=person_of(entry.actor) if entry.actor_id else None,
        member=person_of(entry.member) if entry.member_id else None,
        title=thread.title if thread else "",
        url=addresses.get(entry.post_id or 0, "") or (thread.get_absolute_url() if thread else ""),
        into_title=into.title if into else "",
        into_url=into.get_absolute_url() if into else "",
    )


def _into(entry: AuditEntry) -> int | None:
    return entry.details.get("into") if entry.action in {"thread.merged", "thread.kept_apart"} else None


def _threads(user: User, entries: list[AuditEntry]) -> dict[int, Thread]:
    """Return the threads of entries that the reader may see, by number; one query."""
    wanted = {pk for entry in entries for pk in (entry.thread_id, _into(entry)) if pk}
    return Thread.objects.visible_to(user).in_bulk(wanted)


def _addresses(user: User, post_ids: Iterable[int | None]) -> dict[int, str]:
    wanted = [pk for pk in post_ids if pk]
    posts = Post.objects.visible_to(user).filter(pk__in=wanted).select_related("thread")
    return {post.pk: post.get_absolute_url() for post in posts}
