"""Who is told of what happens in the community; `community.notifications` has the words.

The handlers are subscribed in `portal/wiring.py`. The worker calls them, so that a request costs the same whether
nobody follows a thread or thousands do; `portal.notifications` then tells followers in portions.

Of several routes to one person, the highest rank counts: every route names the fact by the same key.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from community.models import (
    Area,
    AuditEntry,
    CommunityProfile,
    Flag,
    IdeaStatusChange,
    IdeaVote,
    Level,
    Post,
    Solution,
    State,
    Tag,
    Thread,
    Vote,
)
from community.notifications.articles import BecameArticle
from community.notifications.bookmarks import Reminder
from community.notifications.common import area_target, person_target, product_target, tag_target, thread_target
from community.notifications.levels import LevelAtRisk, LevelReached
from community.notifications.messages import (
    HiddenMessage,
    MessageReportOutcome,
    PrivateMessage,
    conversation_target,
)
from community.notifications.moderation import AppealDecided, FlagOutcome, HiddenPost, PassedPost, Restricted
from community.notifications.posts import (
    AcceptedAnswer,
    Followed,
    FollowedSolved,
    Helpful,
    Mention,
    NewThread,
    OwnQuestionSolved,
    Quote,
    Reply,
)
from community.notifications.threads import IdeaStep, Merged, Moved
from portal.catalog.models import Product
from portal.notifications.queries import all_followers_of, is_following
from portal.notifications.services import move_follows, notify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from community import events

_quiet: ContextVar[bool] = ContextVar("community_quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Tell nobody of what happens inside: for what is brought in from elsewhere, long after it was written."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_telling() -> bool:
    """Return whether anybody is told of what happens now."""
    return not _quiet.get()


# Posts ---------------------------------------------------------------------------------------------------------------


def tell_of_thread(event: events.ThreadStarted) -> None:
    """Tell who is named in a new thread, and who follows its area, one of its tags or products, or its author."""
    fact = _fact_of_post(event.post_id, event.author_id)
    if fact is None:
        return
    notify(kind=Mention.name, recipients=event.mentioned_ids, **fact)
    area = Area.objects.filter(pk=event.area_id).first()
    places = [area_target(pk) for pk in (area.pk, area.parent_id) if pk is not None] if area else []
    places += [tag_target(pk) for pk in Tag.objects.filter(threads=event.thread_id).values_list("pk", flat=True)]
    products = Product.objects.filter(threads=event.thread_id).values_list("pk", flat=True)
    places += [product_target(pk) for pk in products]
    people = [person_target(event.author_id)] if event.author_id is not None else []
    notify(kind=NewThread.name, targets=[*places, *people], **fact)


def tell_of_reply(event: events.ReplyPosted) -> None:
    """Tell who is named in a reply, whom it quotes, whom it answers, and who follows the thread."""
    fact = _fact_of_post(event.post_id, event.author_id)
    if fact is None:
        return
    notify(kind=Mention.name, recipients=event.mentioned_ids, **fact)
    notify(kind=Quote.name, recipients=event.quoted_author_ids, **fact)
    notify(kind=Reply.name, recipients=_answered(event, fact["subject"]), **fact)
    notify(kind=Followed.name, targets=[fact["subject"]], **fact)


def _answered(event: events.ReplyPosted, target: str) -> list[int]:
    """Return whom a reply answers: the author of the post, else of the thread, if they want to hear of it at all."""
    if event.reply_to_author_id is not None:
        return [event.reply_to_author_id]
    if event.starter_id is not None and is_following(event.starter_id, target):
        return [event.starter_id]
    return []


def tell_of_edit(event: events.PostEdited) -> None:
    """Tell who is named in a post now and was not before."""
    fact = _fact_of_post(event.post_id, event.author_id)
    if fact is not None:
        notify(kind=Mention.name, recipients=set(event.mentioned_ids) - {event.editor_id}, **fact)


def _fact_of_post(post_id: int, author_id: int | None) -> dict[str, Any] | None:
    """Return how every route names the fact that others can see a post; None if they never could."""
    post = Post.objects.filter(pk=post_id).only("thread_id", "published_at").first()
    if post is None or post.published_at is None:
        return None
    return _fact(
        f"community.post:{post_id}", post.thread_id, post.published_at, actor_id=author_id, payload={"post_id": post_id}
    )


def _fact(
    key: str, thread_id: int, at: dt.datetime, *, payload: dict[str, int], actor_id: int | None = None
) -> dict[str, Any]:
    """Return arguments of `notify` that are the same for all routes of a fact about a thread."""
    return {
        "key": key,
        "subject": thread_target(thread_id),
        "occurred_at": at,
        "actor_id": actor_id,
        "payload": payload,
    }


# Help ----------------------------------------------------------------------------------------------------------------


def tell_of_solution(event: events.SolutionAccepted) -> None:
    """Tell whose answer was accepted, who asked, if somebody else accepted it, and who follows the question."""
    solution = Solution.objects.filter(pk=event.solution_id, revoked_at=None).first()
    if solution is None:
        return
    first = Solution.objects.filter(post=solution.post_id, accepted_at=solution.accepted_at).order_by("pk").first()
    fact = _fact(
        # That of the first acceptance, if this one is the same after the post was hidden: it is no news.
        f"community.solution:{first.pk if first else solution.pk}",
        solution.thread_id,
        solution.accepted_at,
        actor_id=event.accepted_by_id,
        payload={"post_id": solution.post_id, "solution_id": solution.pk},
    )
    notify(kind=AcceptedAnswer.name, recipients=_people(event.author_id), **fact)
    notify(kind=OwnQuestionSolved.name, recipients=_people(event.asker_id), **fact)
    notify(kind=FollowedSolved.name, targets=[fact["subject"]], **fact)


def tell_of_helpful_vote(event: events.HelpfulVoteGiven) -> None:
    """Tell the author of a post that it helped, without saying whom."""
    vote = Vote.objects.filter(pk=event.vote_id).select_related("post").first()
    if vote is None or vote.post.author_id is None:
        return
    fact = _fact(
        f"community.vote:{vote.pk}",
        vote.post.thread_id,
        vote.created_at,
        payload={"post_id": vote.post_id, "vote_id": vote.pk},
    )
    notify(kind=Helpful.name, recipients=[vote.post.author_id], **fact)


def _moment(at: dt.datetime) -> str:
    """Return a time as a part of the key of what may happen several times: each is another fact."""
    return f"{at:%Y%m%d%H%M%S%f}"


def _people(*ids: int | None) -> list[int]:
    return [pk for pk in ids if pk is not None]


def tell_of_article(event: events.AnswerBecameArticle) -> None:
    """Tell whose answer became an article."""
    post = Post.objects.filter(pk=event.post_id).only("thread_id").first()
    if post is None:
        return
    fact = _fact(
        f"community.article:{event.captured_id}",
        post.thread_id,
        event.at,
        actor_id=event.published_by_id,
        payload={"captured_id": event.captured_id},
    )
    notify(kind=BecameArticle.name, recipients=_people(event.author_id), **fact)


# Bookmarks -----------------------------------------------------------------------------------------------------------


def tell_of_bookmark(event: events.BookmarkDue) -> None:
    """Remind somebody of a post, once for each time they chose."""
    if event.at is None:
        return
    about = f"community.bookmark:{event.bookmark_id}"
    notify(
        kind=Reminder.name,
        key=f"{about}:{_moment(event.at)}",
        subject=about,  # of its own: neither what happens in the thread delays the mail, nor a visit to another page
        occurred_at=event.at,
        recipients=[event.user_id],
        payload={"bookmark_id": event.bookmark_id, "post_id": event.post_id},
    )


# Moderation ----------------------------------------------------------------------------------------------------------


def tell_of_approval(event: events.PostApproved) -> None:
    """Tell the author of a held post that others see it now."""
    fact = _fact_of_post(event.post_id, event.moderator_id)
    if fact is not None:
        changed_at = Post.objects.values_list("state_changed_at", flat=True).get(pk=event.post_id)
        fact["key"] = f"community.post_approved:{event.post_id}" + (f":{_moment(changed_at)}" if changed_at else "")
        notify(kind=PassedPost.name, recipients=_people(event.author_id), **fact)


def tell_of_hiding(event: events.PostHidden) -> None:
    """Tell the author of a hidden post, each time it is hidden; not when it is what it was before."""
    if event.is_again:
        return
    post = Post.objects.filter(pk=event.post_id, state=State.HIDDEN).defer("body", "html").first()
    if post is None or post.state_changed_at is None:
        return
    fact = _fact(
        f"community.post_hidden:{post.pk}:{_moment(post.state_changed_at)}",
        post.thread_id,
        post.state_changed_at,
        actor_id=event.moderator_id,
        payload={"post_id": post.pk},
    )
    notify(kind=HiddenPost.name, recipients=_people(event.author_id), **fact)


def tell_of_judgement(event: events.FlagJudged) -> None:
    """Tell who reported a post what came of it."""
    flag = Flag.objects.filter(pk=event.flag_id).exclude(outcome="").select_related("post").first()
    if flag is None or flag.judged_at is None:
        return
    fact = _fact(
        f"community.flag:{flag.pk}:{_moment(flag.judged_at)}",
        flag.post.thread_id,
        flag.judged_at,
        actor_id=flag.judged_by_id,
        payload={"flag_id": flag.pk},
    )
    notify(kind=FlagOutcome.name, recipients=[event.flagged_by_id], **fact)


def tell_of_appeal(event: events.AppealDecided) -> None:
    """Tell who asked for another look what came of it."""
    post = Post.objects.filter(pk=event.post_id).only("thread_id").first()
    if post is None:
        return
    fact = _fact(
        f"community.appeal:{event.item_id}:{_moment(event.at)}",
        post.thread_id,
        event.at,
        actor_id=event.moderator_id,
        payload={"item_id": event.item_id},
    )
    notify(kind=AppealDecided.name, recipients=_people(event.author_id), **fact)


def tell_of_restriction(event: events.MemberRestricted) -> None:
    """Tell a member that they were warned, silenced, suspended or released."""
    entry = AuditEntry.objects.filter(pk=event.audit_id).first()
    if entry is None:
        return
    notify(
        kind=Restricted.name,
        key=f"community.restricted:{entry.pk}",
        subject=f"community.restricted:{entry.pk}",
        occurred_at=entry.created_at,
        actor_id=event.moderator_id,
        recipients=[event.user_id],
        payload={"audit_id": entry.pk},
    )


def tell_of_level(event: events.MemberLevelChanged) -> None:
    """Tell a member of a level that help gave or took; not of the first, which everybody has after a visit."""
    profile = CommunityProfile.objects.filter(pk=event.user_id, level=event.after).first()
    if profile is None or event.after < Level.ACTIVE or profile.level_since is None:
        return
    notify(
        kind=LevelReached.name,
        key=f"community.level:{event.user_id}:{event.after}:{_moment(profile.level_since)}",
        subject=f"community.level:{event.user_id}",
        occurred_at=profile.level_since,
        recipients=[event.user_id],
        payload={"level": event.after, "before": event.before},
    )


def tell_of_risk(event: events.MemberLevelAtRisk) -> None:
    """Tell a helper that the level ends unless they help more, and when."""
    since = CommunityProfile.objects.filter(pk=event.user_id).values_list("level_at_risk_since", flat=True).first()
    if since is None:
        return
    notify(
        kind=LevelAtRisk.name,
        key=f"community.level_at_risk:{event.user_id}:{_moment(since)}",
        subject=f"community.level:{event.user_id}",
        occurred_at=since,
        recipients=[event.user_id],
        payload={"days": event.days_left},
    )


# Threads -------------------------------------------------------------------------------------------------------------


def tell_of_idea_step(event: events.IdeaStatusChanged) -> None:
    """Tell whose idea it is, who voted for it, and who follows it."""
    step = IdeaStatusChange.objects.filter(pk=event.change_id).first()
    if step is None:
        return
    fact = _fact(
        f"community.idea_step:{step.pk}",
        step.thread_id,
        step.changed_at,
        actor_id=event.changed_by_id,
        payload={"thread_id": step.thread_id, "change_id": step.pk},
    )
    votes = IdeaVote.objects.filter(thread=step.thread_id, created_at__lte=step.changed_at, user__isnull=False)
    voters = [pk for pk in votes.values_list("user_id", flat=True) if pk is not None]
    notify(kind=IdeaStep.name, recipients={*voters, *_people(event.author_id)}, **fact)
    notify(kind=IdeaStep.name, targets=[fact["subject"]], **fact)


def tell_of_merge(event: events.ThreadMerged) -> None:
    """Have the followers of a merged thread follow the other one, and tell them."""
    if event.at is None or not Thread.objects.filter(pk=event.into_id).exists():
        return
    source, target = thread_target(event.thread_id), thread_target(event.into_id)
    people = all_followers_of(source, at=event.at)
    move_follows(source=source, target=target)
    fact = _fact(
        f"community.merge:{event.thread_id}:{event.into_id}",
        event.into_id,
        event.at,
        actor_id=event.merged_by_id,
        payload={"thread_id": event.into_id},
    )
    notify(kind=Merged.name, recipients=people, **fact)


def tell_of_move(event: events.ThreadMoved) -> None:
    """Tell who follows a thread where it is now; who must not see it there hears nothing."""
    if event.at is None:
        return
    fact = _fact(
        f"community.move:{event.thread_id}:{_moment(event.at)}",
        event.thread_id,
        event.at,
        actor_id=event.moved_by_id,
        payload={"thread_id": event.thread_id},
    )
    notify(kind=Moved.name, targets=[fact["subject"]], **fact)


# Private messages ----------------------------------------------------------------------------------------------------


def tell_of_message(event: events.MessageSent) -> None:
    """Tell somebody of a private message."""
    notify(
        kind=PrivateMessage.name,
        key=f"community.message:{event.message_id}",
        subject=conversation_target(event.conversation_id),
        occurred_at=event.at,
        actor_id=event.author_id,
        recipients=[event.recipient_id],
        payload={"message_id": event.message_id},
    )


def tell_of_hidden_message(event: events.MessageHidden) -> None:
    """Tell the author of a private message that it was hidden, and why."""
    notify(
        kind=HiddenMessage.name,
        key=f"community.message_hidden:{event.audit_id}",
        subject=f"community.message_hidden:{event.audit_id}",
        occurred_at=event.at,
        recipients=_people(event.author_id),
        payload={"audit_id": event.audit_id},
    )


def tell_of_message_report(event: events.MessageReportJudged) -> None:
    """Tell who reported a private message what came of it."""
    notify(
        kind=MessageReportOutcome.name,
        key=f"community.message_report:{event.report_id}:{_moment(event.at)}",
        subject=f"community.message_report:{event.report_id}",
        occurred_at=event.at,
        recipients=[event.reported_by_id],
        payload={"report_id": event.report_id},
    )
