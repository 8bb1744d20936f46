"""What a text is checked for before others see it: watched words, newcomers, links, near-duplicates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from django.utils import timezone

from community.exceptions import BlockedTextError
from community.models import CommunityProfile, Level, Post, Tag, WatchedWord, policy
from community.models.access import is_moderator
from community.similarity import ALIKE, NEAR, distance, likeness
from portal.core.memo import Memo
from portal.core.text import fold_with_offsets

if TYPE_CHECKING:
    from portal.accounts.models import User

WATCHED_SCOPE: Final = "community:watched"
_words: Final[Memo[list[WatchedWord]]] = Memo(max_size=1, scopes=(WATCHED_SCOPE,))

#: Reasons for review with their score, in hundredths; the queue is sorted by the sum. That of a watched word ends with it.
SCORES: Final = {
    "first-post": 50,
    "panic": 50,
    "watched-word": 300,
    "links": 200,
    "duplicate": 300,
    "too-fast": 150,
    "honeypot": 500,
    "file": 200,
    "appeal": 100,
}
#: The most that a spam check can add.
MOST_SCORE: Final = 1000


def score_of(reason: str) -> int:
    """Return the score of a reason; ``watched-word:buy`` says which word it was."""
    return SCORES.get(reason.partition(":")[0], 100)


#: How far back near-duplicates are looked for.
_RECENT: Final = dt.timedelta(hours=24)
_COMPARED: Final = 300


@dataclass(slots=True)
class Screening:
    """The text as it may be stored, and why it waits for a moderator."""

    title: str
    body: str
    reasons: list[str] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        return bool(self.reasons)


def screen(
    *,
    author: User,
    profile: CommunityProfile,
    title: str,
    body: str,
    fingerprint: int | None,
    link_count: int,
    suspicions: Collection[str] = (),
    post_id: int | None = None,
) -> Screening:
    """Check a text that `author` wants to publish. Staff are not checked, except for what a form noticed.

    `suspicions` are codes of `SCORES` that the form noticed. Raises `BlockedTextError`.
    """
    screening = Screening(title, body, list(suspicions))
    if author.is_staff or is_moderator(author):
        return screening
    _watch(screening)
    rules = policy()
    if profile.level == Level.NEW:
        if rules.holds_newcomers:
            screening.reasons.append("panic")
        if profile.thread_count + profile.reply_count < rules.first_posts_held:
            screening.reasons.append("first-post")
        if link_count > rules.newcomer_links:
            screening.reasons.append("links")
    if profile.level <= Level.MEMBER and fingerprint is not None and _is_repeated(body, fingerprint, post_id):
        screening.reasons.append("duplicate")
    return screening


def _is_repeated(body: str, fingerprint: int, post_id: int | None) -> bool:
    """Return whether somebody posted nearly the same text within a day. Two queries at most."""
    recent = Post.objects.filter(created_at__gte=timezone.now() - _RECENT, fingerprint__isnull=False)
    if post_id is not None:
        recent = recent.exclude(pk=post_id)
    known = recent.order_by("-pk").values_list("pk", "fingerprint")[:_COMPARED]
    near = [pk for pk, other in known if other is not None and distance(fingerprint, other) <= NEAR]
    others = Post.objects.filter(pk__in=near).values_list("body", flat=True) if near else ()
    return any(likeness(body, other) >= ALIKE for other in others)


# Spam checks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a spam check is told about a post: what everybody can read, and nothing about its author.

    Phones, mail addresses and the like in texts are masked, even if the author insisted on them.
    """

    #: Of the thread; empty for replies.
    title: str
    #: Markdown.
    text: str
    language: str
    url: str
    link_count: int
    is_reply: bool
    written_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found. The score, as in `SCORES`, decides only how far up in the queue the post is; 0: nothing."""

    score: int
    #: A short code that moderators see.
    reason: str = ""


SpamCheck: TypeAlias = Callable[[Checked], "Verdict | None"]
_checks: dict[str, SpamCheck] = {}


def register_check(name: str, check: SpamCheck) -> None:
    """Have a check look at what new members and members publish for everybody; called in `ready()` of an app.

    The worker calls it, outside any transaction, with ten seconds at most; one that fails is asked again later. It may
    be asked about the same text twice.
    """
    _checks[name] = check


def has_checks() -> bool:
    return bool(_checks)


def checks() -> list[tuple[str, SpamCheck]]:
    """Return all checks by name."""
    return sorted(_checks.items())


# Watched words ------------------------------------------------------------------------------------------------------


def _watch(screening: Screening) -> None:
    words = _words.get("", lambda: list(WatchedWord.objects.select_related("tag")))
    if not words:
        return
    for part in ("title", "body"):
        text = getattr(screening, part)
        for word, spans in find_watched(text, words):
            if word.action == WatchedWord.Action.BLOCK:
                raise BlockedTextError
            if (
                word.action == WatchedWord.Action.HOLD
                and (reason := f"watched-word:{word.phrase}") not in screening.reasons
            ):
                screening.reasons.append(reason)
            elif word.action == WatchedWord.Action.TAG and word.tag is not None and word.tag not in screening.tags:
                screening.tags.append(word.tag)
            elif word.action == WatchedWord.Action.MASK:
                text = _masked(text, spans)
                setattr(screening, part, text)


def screen_message(body: str) -> str:
    """Return a private message as it may be sent. Raises `BlockedTextError`.

    Nobody looks at it before it is sent: what would hold a post is refused here.
    """
    screening = Screening("", body)
    _watch(screening)
    if screening.is_held:
        raise BlockedTextError
    return screening.body


def is_fit_for_all(text: str) -> bool:
    """Return whether a word that members make up, such as a tag, has nothing that moderators watch for."""
    words = _words.get("", lambda: list(WatchedWord.objects.select_related("tag")))
    refused = {WatchedWord.Action.BLOCK, WatchedWord.Action.HOLD, WatchedWord.Action.MASK}
    return not any(word.action in refused for word, _spans in find_watched(text, words)) if words else True


def find_watched(text: str, words: Collection[WatchedWord]) -> list[tuple[WatchedWord, list[tuple[int, int]]]]:
    """Return the words that a text contains, with the places of each as indexes of its first and behind its last letter.

    Compared without spaces, half-spaces and signs, with a letter that is repeated counting once: ``خـــرید`` and
    ``خ.ر.ی.د`` are ``خرید``. A word begins and ends where a word of the text does: ``کس`` is not found in ``عکس``.
    """
    squeezed, offsets, edges = _squeeze(text)
    found = []
    for word in words:
        key = _squeeze(word.key)[0]
        spans = []
        start = squeezed.find(key) if key else -1
        while start >= 0:
            end = start + len(key)
            if start in edges and end in edges:
                spans.append((offsets[start], offsets[end - 1] + 1))
            start = squeezed.find(key, start + 1)
        if spans:
            found.append((word, spans))
    return found


def _squeeze(text: str) -> tuple[str, list[int], set[int]]:
    """Return letters and digits with repeated ones once, where each was, and the places where a word begins or ends.

    Letters that are separated one by one are one word: ``خ ر ی د``.
    """
    folded, origins = fold_with_offsets(text)
    letters: list[str] = []
    offsets: list[int] = []
    edges: set[int] = {0}
    gap = True
    for character, origin in zip(folded, origins, strict=True):
        if not character.isalnum():
            if letters and not gap:
                edges.add(len(letters))
            gap = True
            continue
        if letters and letters[-1] == character and not gap:
            continue
        if gap:
            edges.add(len(letters))
        gap = False
        letters.append(character)
        offsets.append(origin)
    edges.add(len(letters))
    return "".join(letters), offsets, edges


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{'*' * (end - start)}{text[end:]}"
    return text
