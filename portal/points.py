"""What the community and the help pages do that points can be given for; subscribed in `portal.wiring`.

Each function describes an event to `loyalty`, which knows neither app: who would earn, by which facts, and what is
against it. An award stands and falls with what it was given for. Whether that is still there is read, not taken from the
order of events: whatever became of a post, `_settle` asks how it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community import merits
from community.models import Area, Post
from loyalty.services import boards, earning, reviews, shop
from loyalty.services.earning import FactInfo, FactType, Happened, Trigger
from loyalty.services.places import Place
from portal.accounts.models import User

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping

    from community import events
    from community.merits import Merit
    from faq.events import FeedbackGiven
    from loyalty.models import LoyaltyEvent

SOLUTION: Final = "community.solution"
VOTE: Final = "community.vote"
REPLY: Final = "community.reply"
WELCOME: Final = "community.welcome"
FIRST_HELP: Final = "community.first_help"
SOLVED_IT: Final = "community.solved_it"
IDEA: Final = "community.idea"
FLAG: Final = "community.flag"
FEEDBACK: Final = "faq.feedback"
#: By what others say helped them: a week with one of these is a week with help.
HELP: Final = (SOLUTION, VOTE, REPLY, WELCOME, FIRST_HELP, SOLVED_IT, FLAG)

#: Events that `sweep` looks at again.
SWEPT_DAYS: Final = 30
#: Posts whose points are settled at once when there may be many.
_AT_ONCE: Final = 100

_KIND: Final = FactInfo(
    name="kind",
    label=_("kind of the area"),
    type=FactType.CHOICE,
    choices=tuple((kind.value, kind.label) for kind in Area.Kind),
)
_LEVEL: Final = FactInfo(name="voter_level", label=_("level of who says so (0 to 4)"), type=FactType.NUMBER)
_DAYS: Final = FactInfo(name="voter_days", label=_("days since who says so has an account"), type=FactType.NUMBER)
_VOTES: Final = FactInfo(name="votes", label=_("helpful votes of the post"), type=FactType.NUMBER)

TRIGGERS: Final = (
    Trigger(
        name=SOLUTION,
        label=_("Your answer is accepted"),
        icon="circle-check",
        facts=(
            FactInfo(name="by_consensus", label=_("accepted by helpers, not by the asker"), type=FactType.YES_NO),
            _VOTES,
        ),
    ),
    Trigger(
        name=VOTE,
        label=_("Somebody finds helpful what you wrote"),
        icon="thumbs-up",
        facts=(
            _KIND,
            FactInfo(name="is_reply", label=_("the post is a reply"), type=FactType.YES_NO),
            _VOTES,
            _LEVEL,
            _DAYS,
        ),
    ),
    Trigger(
        name=SOLVED_IT,
        label=_("Your accepted answer helps somebody else, too"),
        icon="sparkles",
        facts=(FactInfo(name="is_member", label=_("a member says so"), type=FactType.YES_NO),),
    ),
    Trigger(name=FIRST_HELP, label=_("You help somebody for the first time"), icon="sparkles"),
    Trigger(name=WELCOME, label=_("You are the first to reply to somebody new"), icon="user-plus"),
    Trigger(
        name=REPLY,
        label=_("You reply to somebody else"),
        icon="message-circle",
        facts=(_KIND, FactInfo(name="number", label=_("number of the post in its thread"), type=FactType.NUMBER)),
    ),
    Trigger(name=IDEA, label=_("Your idea is accepted"), icon="lightbulb"),
    Trigger(name=FLAG, label=_("A moderator agrees with what you reported"), icon="flag"),
    Trigger(
        name=FEEDBACK,
        label=_("You say whether a help page solved your question"),
        icon="message-circle",
        facts=(
            FactInfo(name="solved", label=_("it was solved"), type=FactType.YES_NO),
            FactInfo(name="has_reason", label=_("a reason was given"), type=FactType.YES_NO),
        ),
    ),
    # Reported by shops (`loyalty.api`), which also report what of it is refunded.
    Trigger(
        name=shop.ORDER,
        label=_("You bought something"),
        icon="gift",
        facts=(
            FactInfo(
                name="amount",
                label=_("amount, in the smallest unit of the currency"),
                told=_("what was paid"),
                type=FactType.NUMBER,
                is_money=True,
            ),
            FactInfo(name="lines", label=_("number of lines"), type=FactType.NUMBER),
        ),
    ),
)


def _post(pk: int | str) -> str:
    return f"community.post:{pk}"


def _number_in(name: str) -> int:
    return int(name.rpartition(":")[2])


def _is_post_shown(_source: int, post: int) -> bool:
    return merits.is_shown(post)


#: Trigger → whether its award stands, by the ids of the event and its subject.
_STANDS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    SOLUTION: lambda post, _subject: merits.is_solution(post) and merits.is_shown(post),
    VOTE: lambda vote, post: merits.is_vote(vote) and merits.is_shown(post),
    FIRST_HELP: lambda post, _subject: merits.has_helped(post),
    SOLVED_IT: lambda _said, post: merits.is_solution(post) and merits.is_shown(post),
    IDEA: lambda thread, post: merits.is_accepted_idea(thread) and merits.is_shown(post),
    FLAG: lambda flag, _subject: merits.moment_of_flag(flag) is not None,
    FEEDBACK: lambda _feedback, _subject: True,
}


def _stands(trigger: str, source_id: str, subject: str) -> bool:
    """Everything else stands as long as its post is shown."""
    stands = _STANDS.get(trigger, _is_post_shown)
    return stands(_number_in(source_id), _number_in(subject))


def _stands_now(event: LoyaltyEvent) -> bool:
    return _stands(event.trigger, event.source_id, event.subject)


def _record(
    trigger: str,
    *,
    source_id: str,
    subject: str,
    user_id: int | None,
    occurred_at: dt.datetime | None,
    refused: str = "",
    facts: Mapping[str, Any] | None = None,
    flags: tuple[str, ...] = (),
) -> None:
    """Have the event decided about, then follow what became of it."""
    person = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    if person is None or not earning.is_anything_recorded():
        return
    stands = _stands(trigger, source_id, subject)
    earning.record(
        Happened(
            trigger=trigger,
            source_id=source_id,
            subject=subject,
            user_id=person.pk,
            occurred_at=occurred_at or timezone.now(),
            facts=facts or {},
            refused="staff" if person.is_staff else refused,
            flags=flags,
            stands=stands,
        )
    )
    _settle(subject, because="withdrawn")


def _settle(*subjects: str, because: str) -> None:
    earning.settle(earning.events_of(*subjects), stands=_stands_now, because=because)


def _settle_removal(post_id: int) -> None:
    """Follow a post that came or went, with its whole thread if it begins one."""
    _settle(*(_post(pk) for pk in merits.posts_that_go_with(post_id)), because="removed")


def _refusal(merit: Merit, asker_id: int | None) -> str:
    """Nobody earns in a thread of their own, and for what they wrote as staff.

    A thread that is merged makes no question somebody else's: whose it was is asked, not who began the thread it is in now.
    """
    if merit.is_from_staff:
        return "staff"
    return "own-thread" if merit.author_id == asker_id else ""


def _linked(*people: int | None) -> tuple[str, ...]:
    return ("joined-together",) if merits.joined_together(people) else ()


# Help ----------------------------------------------------------------------------------------------------------------


def award_solution(event: events.SolutionAccepted) -> None:
    """An answer is accepted: once for each post, however often it is revoked and accepted again."""
    merit = merits.merit_of(event.post_id)
    if merit is None:
        return
    _record(
        SOLUTION,
        source_id=_post(merit.post_id),
        subject=_post(merit.post_id),
        user_id=event.author_id,
        occurred_at=merits.moment_of_solution(merit.post_id),
        refused=_refusal(merit, merit.asker_id) or ("own-answer" if event.accepted_by_id == event.author_id else ""),
        facts={"by_consensus": event.accepted_by_id is None, "votes": merit.helpful_count},
        flags=_linked(event.author_id, event.asker_id),
    )


def award_vote(event: events.HelpfulVoteGiven) -> None:
    """A post is helpful. Two who vote for each other all the time earn nothing by it, nor what they earned before."""
    merit, author_id = merits.merit_of(event.post_id), event.author_id
    if merit is None or author_id is None:
        return
    voter = User.objects.filter(pk=event.voter_id).first()
    is_agreed = merits.vote_for_each_other(event.voter_id, author_id)
    refused = "staff" if merit.is_from_staff else ""
    if is_agreed:
        refused = earning.VOTING_REVIEW
    elif voter is None or voter.pk == author_id:
        refused = "own-vote"
    elif merits.votes_too_often_for(event.voter_id, author_id, vote_id=event.vote_id):
        refused = "pair-limit"
    moment = merits.moment_of_vote(event.vote_id)
    _record(
        VOTE,
        source_id=f"community.vote:{event.vote_id}",
        subject=_post(merit.post_id),
        user_id=author_id,
        occurred_at=moment,
        refused=refused,
        facts={
            "kind": merit.kind,
            "is_reply": merit.number > 1,
            "votes": merit.helpful_count,
            "voter_level": merits.level_of(event.voter_id),
            "voter_days": ((moment or timezone.now()) - voter.date_joined).days if voter else 0,
        },
        flags=_linked(event.voter_id, author_id),
    )
    if is_agreed:
        names = [f"community.vote:{pk}" for pk in merits.votes_between(event.voter_id, author_id)]
        earning.settle(earning.events_from(VOTE, names), stands=lambda _event: False, because=earning.VOTING_REVIEW)


def votes_since(moment: dt.datetime) -> list[reviews.PeoplesVote]:
    """Return the votes that points may have been given for, for reviews of voting."""
    return [
        reviews.PeoplesVote(f"community.vote:{pk}", giver, receiver, at)
        for pk, giver, receiver, at in merits.votes_since(moment)
    ]


def places_of_posts(numbers: Collection[int], reader: User) -> dict[int, Place]:
    """Return what posts are called and where they are, as far as the reader sees them. One query."""
    posts = Post.objects.visible_to(reader).filter(pk__in=numbers).select_related("thread")
    return {post.pk: Place(post.thread.title, post.get_absolute_url()) for post in posts}


def award_solved_it(event: events.SolvedItSaid) -> None:
    """A solution helped somebody who had not asked."""
    merit = merits.merit_of(event.post_id)
    if merit is None:
        return
    _record(
        SOLVED_IT,
        source_id=f"community.solved_it:{event.solved_it_id}",
        subject=_post(merit.post_id),
        user_id=merit.author_id,
        occurred_at=merits.moment_of_solved_it(event.solved_it_id),
        refused="own-vote" if event.user_id == merit.author_id else _refusal(merit, merit.asker_id),
        facts={"is_member": event.user_id is not None},
        flags=_linked(event.user_id, merit.author_id),
    )


def award_first_help(event: events.FirstHelpGiven) -> None:
    """Somebody helped for the first time."""
    _record(
        FIRST_HELP,
        source_id=_post(event.post_id),
        subject=_post(event.post_id),
        user_id=event.helper_id,
        occurred_at=None,
        flags=_linked(event.helper_id, event.helped_id),
    )


def award_reply(event: events.ReplyPosted) -> None:
    """A reply can be seen."""
    if (merit := merits.merit_of(event.post_id)) is not None:
        _record_reply(REPLY, merit, event.author_id, facts={"kind": merit.kind, "number": merit.number})


def award_welcome(event: events.WelcomeReplyPosted) -> None:
    """Somebody new got the first reply."""
    if (merit := merits.merit_of(event.post_id)) is not None:
        _record_reply(WELCOME, merit, event.author_id, flags=_linked(event.author_id, event.welcomed_id))


def _record_reply(
    trigger: str,
    merit: Merit,
    author_id: int | None,
    *,
    facts: Mapping[str, Any] | None = None,
    flags: tuple[str, ...] = (),
) -> None:
    """Record what a reply is for, from the moment it was written."""
    _record(
        trigger,
        source_id=_post(merit.post_id),
        subject=_post(merit.post_id),
        user_id=author_id,
        occurred_at=merit.created_at,
        refused=_refusal(merit, merit.starter_id),
        facts=facts,
        flags=flags,
    )


def award_idea(event: events.IdeaAccepted) -> None:
    """An idea is planned or done: here the own thread is what counts."""
    first = merits.first_post_of(event.thread_id)
    if first is None:
        return
    _record(
        IDEA,
        source_id=f"community.thread:{event.thread_id}",
        subject=_post(first),
        user_id=event.author_id,
        occurred_at=None,
    )


def award_flag(event: events.FlagJudged) -> None:
    """A moderator agreed with a report, or takes that back."""
    moment = merits.moment_of_flag(event.flag_id)
    name = f"community.flag:{event.flag_id}"
    if moment is None:
        _settle(name, because="withdrawn")
        return
    _record(FLAG, source_id=name, subject=name, user_id=event.flagged_by_id, occurred_at=moment)


def award_feedback(event: FeedbackGiven) -> None:
    """A member rated a help page; changing the answer later changes nothing here."""
    name = f"faq.feedback:{event.feedback_id}"
    _record(
        FEEDBACK,
        source_id=name,
        subject=name,
        user_id=event.user_id,
        occurred_at=None,
        facts={"solved": event.solved, "has_reason": bool(event.reason)},
    )


# What became of it ---------------------------------------------------------------------------------------------------


def follow_hiding(event: events.PostHidden) -> None:
    """A post is hidden."""
    _settle_removal(event.post_id)


def follow_deletion(event: events.PostDeleted) -> None:
    """A post is deleted."""
    _settle_removal(event.post_id)


def follow_holding(event: events.PostHeld) -> None:
    """A post waits for a moderator, perhaps again."""
    _settle_removal(event.post_id)


def follow_restoring(event: events.PostRestored) -> None:
    """A post is back, and with it the points for it."""
    _settle_removal(event.post_id)


def follow_approval(event: events.PostApproved) -> None:
    """A post that was held can be seen."""
    _settle_removal(event.post_id)


def follow_solution(event: events.SolutionRevoked) -> None:
    """An answer is no longer accepted."""
    _settle(_post(event.post_id), because="revoked")


def follow_vote(event: events.HelpfulVoteWithdrawn) -> None:
    """A vote was taken back."""
    _settle(_post(event.post_id), because="withdrawn")


def follow_restriction(event: events.MemberRestricted) -> None:
    """Votes of somebody who is suspended do not count until that ends (`sweep` notices when time ends it), nor are they on a board."""
    if event.action == "suspended":
        boards.take_off(event.user_id)
    if event.action in {"suspended", "released"}:
        liked = merits.posts_liked_by(event.user_id)
        for first in range(0, len(liked), _AT_ONCE):
            _settle(*(_post(pk) for pk in liked[first : first + _AT_ONCE]), because="withdrawn")


def follow_idea(event: events.IdeaStatusChanged) -> None:
    """An idea is somewhere else: perhaps no longer planned, perhaps again."""
    first = merits.first_post_of(event.thread_id)
    if first is not None:
        _settle(_post(first), because="dropped")


# Looking again -------------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Look again at all that was decided in the last weeks, and settle what stands wrongly; return how much that was.

    What was announced is followed at once. This finds what nobody announced: a row that was changed by hand, a handler that
    failed for good, a suspension that time has ended.
    """
    settled = 0
    for events_ in earning.recent_events(days=SWEPT_DAYS, triggers=_STANDS.keys() | {REPLY, WELCOME}):
        settled += len(earning.settle(events_, stands=_stands_now, because="withdrawn"))
    return settled
