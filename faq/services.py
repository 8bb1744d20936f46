"""Services for readers and editors of articles."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Revision

from faq import queries
from faq.events import FeedbackGiven
from faq.exceptions import CommentTooLongError, UnknownRevisionError
from faq.models import ArticlePage, Feedback, VoteEvidence
from portal.core.events import emit
from portal.core.mail import send_mail
from portal.core.privacy import redact_to
from portal.core.text import normalise_input
from portal.core.visitors import ENOUGH_NETWORKS, counted
from search.services import reindex

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

    from portal.accounts.models import User
    from portal.core.visitors import Origin

COMMENT_LENGTH: Final = 500
SEARCH_LENGTH: Final = 200
PAGE_LENGTH: Final = 300


@transaction.atomic
def give_feedback(
    *,
    article: ArticlePage,
    revision_id: int | None,
    solved: bool,
    reason: str = "",
    comment: str = "",
    user: User | None = None,
    visitor: str = "",
    origin: Origin | None = None,
    came_from_search: str = "",
    came_from_page: str = "",
) -> Feedback:
    """Store or change one reader's answer about the revision they read (`None`: the page had none).

    A reader is a `user` or, without an account, a `visitor` key; `origin` is where they are. Repeating the same answer is harmless and announced
    only once. A newer revision does not matter: the answer is about the one that was read. Typed text is redacted
    before it is stored. Raises `UnknownRevisionError` and `CommentTooLongError`.
    """
    if (user is None) == (not visitor):
        raise ValueError("Either a user or a visitor gives feedback.")
    comment = " ".join(normalise_input(comment).split())
    if len(comment) > COMMENT_LENGTH:
        raise CommentTooLongError(COMMENT_LENGTH)
    revision = _revision_read(article, revision_id)
    given = {
        "solved": solved,
        "reason": "" if solved else Feedback.Reason(reason).value if reason else "",
        "comment": redact_to(comment, COMMENT_LENGTH),
    }
    feedback, created = Feedback.objects.select_for_update(of=("self",)).get_or_create(
        article=article,
        revision_read=revision.pk if revision else 0,
        user=user,
        visitor=visitor,
        defaults={
            **given,
            "revision": revision,
            "network": origin.network if origin else "",
            "sector": origin.sector if origin else None,
            "came_from_search": redact_to(normalise_input(came_from_search), SEARCH_LENGTH),
            "came_from_page": redact_to(normalise_input(came_from_page), PAGE_LENGTH),
        },
    )
    if not created:
        if all(getattr(feedback, name) == value for name, value in given.items()):
            return feedback
        for name, value in given.items():
            setattr(feedback, name, value)
        feedback.handled_at = feedback.handled_by = feedback.owner_told_at = None
        feedback.save(update_fields=[*given, "handled_at", "handled_by", "owner_told_at", "updated_at"])
    emit(
        FeedbackGiven(
            feedback_id=feedback.pk,
            article_id=article.pk,
            solved=feedback.solved,
            reason=feedback.reason,
            user_id=feedback.user_id,
        )
    )
    return feedback


@transaction.atomic
def weigh_votes() -> list[int]:
    """Compute from all votes how helpful each article has proved, and reindex the articles whose weight changed.

    Returns their ids. Search and lists learn of votes only here, once an hour: if each vote were indexed at once, it
    would invalidate cached results for everybody. Safe to repeat; five queries, and three more if something changed.
    """
    weights = _weights_of_votes()
    known = _known_weights(VoteEvidence.objects.select_for_update())
    new = {article_id: weight for article_id, weight in weights.items() if known.get(article_id) != weight}
    gone = known.keys() - weights.keys()
    VoteEvidence.objects.bulk_create(
        [
            VoteEvidence(article_id=article_id, helpful=helpful, recent=recent)
            for article_id, (helpful, recent) in sorted(new.items())
        ],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["article"],
        update_fields=["helpful", "recent"],
    )
    VoteEvidence.objects.filter(pk__in=gone).delete()
    changed = sorted({*new, *gone})
    for start in range(0, len(changed), 1000):
        reindex(ArticlePage.objects.filter(pk__in=changed[start : start + 1000]))
    return changed


def has_votes_to_weigh() -> bool:
    """Return whether `weigh_votes` has anything to do. Five queries; writes nothing."""
    return _weights_of_votes() != _known_weights(VoteEvidence.objects.all())


def _known_weights(rows: QuerySet[VoteEvidence]) -> dict[int, tuple[int, int]]:
    return {pk: (helpful, recent) for pk, helpful, recent in rows.values_list("article_id", "helpful", "recent")}


def _weights_of_votes() -> dict[int, tuple[int, int]]:
    """Return how helpful each article has proved to at least five networks, in hundredths: ever, and lately."""
    since = timezone.now() - dt.timedelta(days=queries.HELPFUL_DAYS)
    ever, lately = _helpful(Feedback.objects.all()), _helpful(Feedback.objects.filter(updated_at__gte=since))
    return {article_id: (helpful, lately.get(article_id, 0)) for article_id, helpful in ever.items()}


def _helpful(votes: QuerySet[Feedback]) -> dict[int, int]:
    """Return the weight of these votes by article; those from too few networks have none. Two queries."""
    by_day = (
        votes.exclude(network="")
        .order_by()
        .values_list("article_id", "created_at__date")
        .annotate(networks=Count("network", distinct=True))
        .filter(networks__gte=ENOUGH_NETWORKS)
    )
    enough = {article_id for article_id, _day, _networks in by_day}
    given: dict[int, list[tuple[int, int]]] = defaultdict(list)
    by_sector = (
        votes.order_by()
        .values_list("article_id", "sector")
        .annotate(Count("pk"), solved=Count("pk", filter=Q(solved=True)))
    )
    for article_id, _sector, number, solved in by_sector:
        given[article_id].append((number, solved))
    return {
        article_id: round(100 * _weight(some))
        for article_id, some in given.items()
        if article_id in enough or len(some) >= ENOUGH_NETWORKS
    }


def _weight(sectors: list[tuple[int, int]]) -> float:
    """Return the score of votes, from the numbers given and solved in each sector; one sector counts at most a fifth."""
    counting = counted(number for number, _solved in sectors)
    solved = sum(count * yes / number for count, (number, yes) in zip(counting, sectors, strict=True))
    return queries.helpful_score(solved, sum(counting))


def _revision_read(article: ArticlePage, revision_id: int | None) -> Revision | None:
    """Return the revision that was read, or None without an id. Raises `UnknownRevisionError` for an unpublished one."""
    if not revision_id:
        return None
    if article.live_revision_id is not None and revision_id > article.live_revision_id:
        raise UnknownRevisionError  # a draft that was never published
    revision = Revision.objects.filter(
        pk=revision_id, object_id=str(article.pk), base_content_type__model="page"
    ).first()
    if revision is None:
        raise UnknownRevisionError
    return revision


def mark_handled(*, feedback_ids: Collection[int], by: User) -> list[int]:
    """Mark answers as handled; return the ids of those that were not yet, for `mark_unhandled`."""
    with transaction.atomic():
        waiting = Feedback.objects.select_for_update().filter(pk__in=feedback_ids, handled_at=None)
        ids = list(waiting.order_by("pk").values_list("pk", flat=True))
        Feedback.objects.filter(pk__in=ids).update(handled_at=timezone.now(), handled_by=by)
    return ids


def mark_unhandled(*, feedback_ids: Collection[int], by: User) -> int:
    """Undo what `by` marked as handled; return how many."""
    return Feedback.objects.filter(pk__in=feedback_ids, handled_by=by).update(handled_at=None, handled_by=None)


def notify_owner_of_feedback(event: FeedbackGiven) -> None:
    """Mail the article's owner about a "no" with a comment, in their language.

    The mark and the mail are written in one transaction of the outbox: an event delivered again writes no second mail.
    """
    won = Feedback.objects.filter(pk=event.feedback_id, solved=False, owner_told_at=None).exclude(comment="")
    if not won.update(owner_told_at=timezone.now()):
        return
    feedback = Feedback.objects.select_related("article__owner", "article__locale").get(pk=event.feedback_id)
    owner = feedback.article.owner
    if owner is None or not owner.is_active or not owner.email:
        return
    send_mail(
        to=owner.email,
        template="faq/email/feedback",
        context={
            "feedback": feedback,
            "article": feedback.article,
            "owner": owner,
            "report_url": f"{settings.BASE_URL}{reverse('feedback_report:index')}?article={feedback.article_id}",
            "edit_url": f"{settings.BASE_URL}{reverse('wagtailadmin_pages:edit', args=[feedback.article_id])}",
        },
        language=owner.language or settings.LANGUAGE_CODE,
        key=f"faq.feedback:{feedback.pk}:{feedback.updated_at.isoformat()}",
    )
