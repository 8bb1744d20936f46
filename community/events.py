"""Domain events of the community.

A held post is announced by `PostHeld` only. `ThreadStarted` and `ReplyPosted` are emitted when others can first see it:
at once, or when a moderator approves it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import ClassVar

from portal.core.events import DomainEvent

# Writing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ThreadStarted(DomainEvent):
    """Others can see a new thread."""

    name: ClassVar[str] = "community.thread_started"
    thread_id: int
    post_id: int
    area_id: int
    #: Kind of the area: ``questions``, ``ideas``, ``discussions``, ``announcements``.
    kind: str
    author_id: int | None
    mentioned_ids: list[int] = field(default_factory=list)
    was_held: bool = False


@dataclass(frozen=True, kw_only=True)
class ReplyPosted(DomainEvent):
    """Others can see a new reply."""

    name: ClassVar[str] = "community.reply_posted"
    thread_id: int
    post_id: int
    number: int
    area_id: int
    author_id: int | None
    #: Author of the thread.
    starter_id: int | None
    #: Author of the post it answers, if it answers one.
    reply_to_author_id: int | None = None
    mentioned_ids: list[int] = field(default_factory=list)
    quoted_author_ids: list[int] = field(default_factory=list)
    is_from_staff: bool = False
    was_held: bool = False


@dataclass(frozen=True, kw_only=True)
class WelcomeReplyPosted(DomainEvent):
    """A member was the first to reply to the first thread of somebody new."""

    name: ClassVar[str] = "community.welcome_reply_posted"
    thread_id: int
    post_id: int
    author_id: int
    welcomed_id: int


@dataclass(frozen=True, kw_only=True)
class PostEdited(DomainEvent):
    """The text or title changed, silently or with history."""

    name: ClassVar[str] = "community.post_edited"
    thread_id: int
    post_id: int
    author_id: int | None
    editor_id: int
    #: People mentioned who were not before.
    mentioned_ids: list[int] = field(default_factory=list)


# Moderation ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PostHeld(DomainEvent):
    """A post waits for a moderator; `reasons` are codes such as ``first-post``."""

    name: ClassVar[str] = "community.post_held"
    thread_id: int
    post_id: int
    author_id: int | None
    reasons: list[str]


@dataclass(frozen=True, kw_only=True)
class PostApproved(DomainEvent):
    """A moderator approved a held post; `ThreadStarted` or `ReplyPosted` comes with it."""

    name: ClassVar[str] = "community.post_approved"
    thread_id: int
    post_id: int
    author_id: int | None
    moderator_id: int | None


@dataclass(frozen=True, kw_only=True)
class PostHidden(DomainEvent):
    """A post is no longer visible; if it is the first, its thread is not, either. `moderator_id` None: by flags."""

    name: ClassVar[str] = "community.post_hidden"
    thread_id: int
    post_id: int
    is_first: bool
    author_id: int | None
    moderator_id: int | None
    reason: str
    #: Whether others had seen it; else it was held.
    was_published: bool = True
    #: Whether a decision to show it was taken back: the author learnt before that it is hidden.
    is_again: bool = False


@dataclass(frozen=True, kw_only=True)
class PostDeleted(DomainEvent):
    """A post was deleted, by its author or a moderator."""

    name: ClassVar[str] = "community.post_deleted"
    thread_id: int
    post_id: int
    is_first: bool
    author_id: int | None
    deleted_by_id: int
    reason: str = ""
    was_published: bool = True


@dataclass(frozen=True, kw_only=True)
class PostRestored(DomainEvent):
    """A hidden or deleted post is visible again."""

    name: ClassVar[str] = "community.post_restored"
    thread_id: int
    post_id: int
    is_first: bool
    author_id: int | None
    restored_by_id: int


@dataclass(frozen=True, kw_only=True)
class PostFlagged(DomainEvent):
    name: ClassVar[str] = "community.post_flagged"
    thread_id: int
    post_id: int
    author_id: int | None
    flagged_by_id: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class FlagJudged(DomainEvent):
    """A moderator decided about a flag. `outcome` is ``agreed``, ``disagreed`` or ``ignored``; empty if that is undone."""

    name: ClassVar[str] = "community.flag_judged"
    flag_id: int
    post_id: int
    flagged_by_id: int
    outcome: str


@dataclass(frozen=True, kw_only=True)
class PostAppealed(DomainEvent):
    """The author asks for another look at a hidden post."""

    name: ClassVar[str] = "community.post_appealed"
    thread_id: int
    post_id: int
    author_id: int


@dataclass(frozen=True, kw_only=True)
class AppealDecided(DomainEvent):
    """A moderator decided about a post whose author had asked for another look; `item_id` is the `ReviewItem`."""

    name: ClassVar[str] = "community.appeal_decided"
    item_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    moderator_id: int | None
    #: ``approved``, ``hidden`` or ``deleted``.
    decision: str
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class MemberRestricted(DomainEvent):
    """A member was warned, silenced or suspended. `action` is ``warned``, ``silenced``, ``suspended`` or ``released``."""

    name: ClassVar[str] = "community.member_restricted"
    user_id: int
    action: str
    moderator_id: int | None
    audit_id: int


# Help ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SolutionAccepted(DomainEvent):
    """An answer was accepted. `accepted_by_id` None: by consensus of helpers."""

    name: ClassVar[str] = "community.solution_accepted"
    solution_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    #: Author of the question; when it is `author_id`, nobody else was helped.
    asker_id: int | None
    accepted_by_id: int | None


@dataclass(frozen=True, kw_only=True)
class SolutionRevoked(DomainEvent):
    """An accepted answer is no longer accepted. `because` is ``revoked``, ``hidden``, ``deleted`` or ``moved``."""

    name: ClassVar[str] = "community.solution_revoked"
    solution_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    asker_id: int | None
    revoked_by_id: int | None
    because: str


@dataclass(frozen=True, kw_only=True)
class HelpfulVoteGiven(DomainEvent):
    name: ClassVar[str] = "community.helpful_vote_given"
    vote_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    voter_id: int


@dataclass(frozen=True, kw_only=True)
class HelpfulVoteWithdrawn(DomainEvent):
    name: ClassVar[str] = "community.helpful_vote_withdrawn"
    vote_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    voter_id: int


@dataclass(frozen=True, kw_only=True)
class FirstHelpGiven(DomainEvent):
    """For the first time somebody else found a post of this member helpful, or accepted it."""

    name: ClassVar[str] = "community.first_help_given"
    helper_id: int
    helped_id: int
    post_id: int


@dataclass(frozen=True, kw_only=True)
class SolvedItSaid(DomainEvent):
    """A reader says that the solution of a thread helped them, too: a question that nobody had to ask again."""

    name: ClassVar[str] = "community.solved_it_said"
    solved_it_id: int
    thread_id: int
    post_id: int
    #: None for readers without an account.
    user_id: int | None


@dataclass(frozen=True, kw_only=True)
class QuestionSpared(DomainEvent):
    """A member did not ask a question: what was shown while its title was typed answered it."""

    name: ClassVar[str] = "community.question_spared"
    spared_id: int
    #: Kind in the search index and id of the first entry that was shown.
    kind: str
    object_id: int
    user_id: int


@dataclass(frozen=True, kw_only=True)
class AnswerBecameArticle(DomainEvent):
    """An article made of an answer was published for the first time. `family` is what its translations share."""

    name: ClassVar[str] = "community.answer_became_article"
    captured_id: int
    thread_id: int
    post_id: int
    author_id: int | None
    family: str
    #: Who published it; None for a schedule.
    published_by_id: int | None
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class MeTooSaid(DomainEvent):
    name: ClassVar[str] = "community.me_too_said"
    thread_id: int
    user_id: int
    asker_id: int | None


@dataclass(frozen=True, kw_only=True)
class MemberLevelChanged(DomainEvent):
    """Levels are those of `community.models.Level`."""

    name: ClassVar[str] = "community.member_level_changed"
    user_id: int
    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class MemberLevelAtRisk(DomainEvent):
    """A helper's figures no longer suffice; the level changes on the given day unless they do again."""

    name: ClassVar[str] = "community.member_level_at_risk"
    user_id: int
    level: int
    days_left: int


# Ideas --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class IdeaVoted(DomainEvent):
    name: ClassVar[str] = "community.idea_voted"
    thread_id: int
    voter_id: int
    author_id: int | None


@dataclass(frozen=True, kw_only=True)
class IdeaStatusChanged(DomainEvent):
    """An idea went on; `change_id` is the `IdeaStatusChange` with the note for its voters."""

    name: ClassVar[str] = "community.idea_status_changed"
    thread_id: int
    change_id: int
    author_id: int | None
    before: str
    after: str
    changed_by_id: int


@dataclass(frozen=True, kw_only=True)
class IdeaAccepted(DomainEvent):
    """For the first time an idea was planned, or done without having been planned."""

    name: ClassVar[str] = "community.idea_accepted"
    thread_id: int
    author_id: int | None
    changed_by_id: int


# Spam checks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SpamCheckWanted(DomainEvent):
    """A text was written or changed, which spam checks are to look at."""

    name: ClassVar[str] = "community.spam_check_wanted"
    post_id: int
    version: int
    at: dt.datetime


# Threads ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SeeAlsoWanted(DomainEvent):
    """What is like a thread has to be looked for (again): it is new, solved, no longer solved, or has another title."""

    name: ClassVar[str] = "community.see_also_wanted"
    merges: ClassVar[bool] = True
    thread_id: int
    #: It was solved: threads like it have to be looked at again, too.
    spreads: bool = False


@dataclass(frozen=True, kw_only=True)
class ThreadMerged(DomainEvent):
    """All posts of a thread are in another one now; its followers should follow that one."""

    name: ClassVar[str] = "community.thread_merged"
    thread_id: int
    into_id: int
    merged_by_id: int
    at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ThreadSplit(DomainEvent):
    """Some posts of a thread are a thread of their own now."""

    name: ClassVar[str] = "community.thread_split"
    thread_id: int
    new_thread_id: int
    split_by_id: int


@dataclass(frozen=True, kw_only=True)
class ThreadMoved(DomainEvent):
    """A thread is in another area, perhaps with another audience."""

    name: ClassVar[str] = "community.thread_moved"
    thread_id: int
    from_area_id: int
    to_area_id: int
    moved_by_id: int
    at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BookmarkDue(DomainEvent):
    """Somebody wanted to be reminded of a post now."""

    name: ClassVar[str] = "community.bookmark_due"
    bookmark_id: int
    user_id: int
    post_id: int
    #: The time that the person chose.
    at: dt.datetime | None = None


# Private messages ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MessageSent(DomainEvent):
    """A member wrote to another one."""

    name: ClassVar[str] = "community.message_sent"
    conversation_id: int
    message_id: int
    author_id: int
    recipient_id: int
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class MessageHidden(DomainEvent):
    """A moderator hid a message that was reported; `audit_id` is the entry of the log."""

    name: ClassVar[str] = "community.message_hidden"
    message_id: int
    author_id: int | None
    audit_id: int
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class MessageReportJudged(DomainEvent):
    """A moderator decided about a report; `outcome` is one of `Flag.Outcome`."""

    name: ClassVar[str] = "community.message_report_judged"
    report_id: int
    reported_by_id: int
    outcome: str
    at: dt.datetime
