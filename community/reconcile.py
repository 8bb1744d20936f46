"""What every stored counter means, as one query each; and mending those that drifted, which should be none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Exists, F, IntegerField, Min, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from community.hot import hot_of
from community.models import (
    Area,
    CommunityProfile,
    Flag,
    IdeaVote,
    MeToo,
    Poll,
    PollOption,
    PollVote,
    Post,
    Solution,
    SolvedIt,
    State,
    Tag,
    Thread,
    ThreadLoops,
    ThreadState,
    ThreadView,
    Vote,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored value that differs from what it should be."""

    model: str
    pk: int
    field: str
    stored: Any
    counted: Any

    def __str__(self) -> str:
        return f"{self.model} {self.pk}: {self.field} is {self.stored!r}, counted {self.counted!r}"


def _count(rows: QuerySet[Any], group: str, what: Any = None) -> Any:
    """Return a subquery that counts, or sums, the rows that belong to the outer one."""
    counted = rows.order_by().values(group).annotate(found=what or Count("pk")).values("found")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def _of(rows: QuerySet[Any], group: str, outer: str = "pk", what: Any = None) -> Any:
    return _count(rows.filter(**{group: OuterRef(outer)}), group, what)


def _visible() -> QuerySet[Post]:
    return Post.objects.filter(state=State.VISIBLE)


def _last(field: str, fallback: str) -> Any:
    last = _visible().filter(thread=OuterRef("pk")).order_by("-created_at", "-number").values(field)[:1]
    return Coalesce(Subquery(last), F(fallback))


def _meanings() -> list[tuple[type[Model], dict[str, Any]]]:
    """Return for each model the stored fields and the expressions they must be equal to."""
    active = Solution.objects.filter(revoked_at=None)
    listed = Thread.objects.filter(state=ThreadState.VISIBLE)
    judged = Flag.objects.filter(outcome__in=("agreed", "disagreed"))
    first = Solution.objects.active().filter(thread=OuterRef("pk"))
    return [
        (
            Post,
            {
                "helpful_count": _of(Vote.objects.all(), "post"),
                "is_solution": Exists(active.filter(post=OuterRef("pk"))),
            },
        ),
        (PollOption, {"vote_count": _of(PollVote.objects.all(), "option")}),
        (
            Thread,
            {
                "reply_count": _of(_visible().filter(number__gt=1), "thread"),
                "helpful_count": _of(_visible(), "thread", what=Sum("helpful_count")),
                "me_too_count": _of(MeToo.objects.all(), "thread"),
                "vote_count": _of(IdeaVote.objects.all(), "thread"),
                # Rows of views are kept for two days, and imported threads had views: there are no fewer than rows.
                "view_count": Greatest(F("view_count"), _of(ThreadView.objects.all(), "thread")),
                "solution_id": Subquery(first.values("post")[:1]),
                "solved_at": Subquery(first.values("accepted_at")[:1]),
                "last_post_at": _last("created_at", "created_at"),
            },
        ),
        (ThreadLoops, {"solved_it_count": _of(SolvedIt.objects.filter(post=F("thread__solution")), "thread")}),
        (Area, {"thread_count": _of(listed, "area")}),
        (Tag, {"thread_count": _of(Thread.tags.through.objects.filter(thread__state=ThreadState.VISIBLE), "tag")}),
        (
            CommunityProfile,
            {
                "thread_count": _of(listed, "author"),
                "reply_count": _of(_visible().filter(number__gt=1), "author"),
                "helpful_count": _of(_visible(), "author", what=Sum("helpful_count")),
                "solution_count": _of(active.filter(is_for_another=True), "helper"),
                "flags_judged": _of(judged, "user"),
                "flags_agreed": _of(judged.filter(outcome="agreed"), "user"),
            },
        ),
    ]


def find_drift() -> Iterator[Drift]:
    """Yield every stored value that differs from what it should be. Reads everything once; writes nothing."""
    for model, fields in _meanings():
        counted = {f"counted_{name}": expression for name, expression in fields.items()}
        rows = model._default_manager.annotate(**counted)  # noqa: SLF001 - Django's documented name
        differs = Q()
        for name in fields:
            differs |= ~Q(**{name: F(f"counted_{name}")})
            if name in {"solution_id", "solved_at"}:
                differs |= Q(**{f"{name}__isnull": True, f"counted_{name}__isnull": False})
                differs |= Q(**{f"{name}__isnull": False, f"counted_{name}__isnull": True})
        for row in rows.filter(differs).order_by("pk").values("pk", *fields, *counted).iterator(_BATCH):
            for name in fields:
                if row[name] != row[f"counted_{name}"]:
                    yield Drift(model.__name__, row["pk"], name, row[name], row[f"counted_{name}"])
    yield from _polls_with_drift()
    yield from _gaps()


def _polls_with_drift() -> Iterator[Drift]:
    """A vote by somebody without an account by now counts as one voter each; several choices of theirs cannot be told."""
    voters = Count("votes__user", distinct=True)
    nameless = Count("votes", filter=Q(votes__user=None, votes__is_only=True), distinct=True)
    for row in Poll.objects.annotate(found=voters + nameless).filter(is_multiple=False).order_by("pk"):
        found = row.found
        if row.voter_count != found:
            yield Drift("Poll", row.pk, "voter_count", row.voter_count, found)


def _gaps() -> Iterator[Drift]:
    """Threads whose highest number is not that of a post, or whose first post is missing."""
    rows = Thread.objects.exclude(state=ThreadState.MERGED).annotate(first=Min("posts__number"))
    for row in rows.exclude(first=1).order_by("pk"):
        yield Drift("Thread", row.pk, "first post", row.first, 1)  # type: ignore[attr-defined]  # annotated


def mend() -> list[Drift]:
    """Set every value that drifted, and how hot its thread is; returns what was wrong.

    Repeats until nothing differs, since some counters follow from others. Each value is set in one statement that counts
    again, so that nothing that happens meanwhile is lost.
    """
    mended: list[Drift] = []
    for _round in range(3):
        found = [drift for drift in find_drift() if drift.field != "first post"]
        if not found:
            break
        mended += found
        for model, fields in _meanings():
            for name, expression in fields.items():
                pks = [drift.pk for drift in found if (drift.model, drift.field) == (model.__name__, name)]
                for start in range(0, len(pks), _BATCH):
                    _set(model, name, expression, pks[start : start + _BATCH])
        for drift in found:
            if drift.model == "Poll":
                Poll.objects.filter(pk=drift.pk).update(voter_count=drift.counted)
    return mended


@transaction.atomic
def _set(model: type[Model], name: str, expression: Any, pks: list[int]) -> None:
    rows = model._default_manager.filter(pk__in=pks)  # noqa: SLF001 - Django's documented name
    rows.update(**{name: expression})
    if model is Thread:
        for thread in Thread.objects.filter(pk__in=pks):
            Thread.objects.filter(pk=thread.pk).update(hot=hot_of(thread))
