"""Models of the community."""

from __future__ import annotations

from community.models.area import Area, AreaQuerySet
from community.models.calling import CallForHelp
from community.models.duplicate import DuplicateMark
from community.models.imported import ImportedRow, ImportSource, ThreadToIndex
from community.models.loops import CapturedAnswer, FollowUp, SolvedIt, SparedQuestion, ThreadLoops
from community.models.member import CommunityProfile, Level, MessagesFrom
from community.models.messages import (
    MESSAGE_LENGTH,
    Block,
    Conversation,
    Message,
    MessageReport,
    Participant,
)
from community.models.moderation import AppendOnlyError, AuditEntry, Flag, ReviewItem, WatchedWord
from community.models.policy import Policy, policy
from community.models.poll import Poll, PollOption, PollVote
from community.models.post import PAGE_SIZE, Post, PostMention, PostQuerySet, PostRevision, Upload
from community.models.tag import Tag, TagSynonym
from community.models.taking_part import (
    AreaRead,
    Bookmark,
    Draft,
    IdeaVote,
    MeToo,
    Solution,
    ThreadRead,
    ThreadView,
    Vote,
)
from community.models.thread import (
    ACCEPTED_IDEAS,
    CLOSED_IDEAS,
    IdeaStatusChange,
    MovedPosts,
    State,
    Thread,
    ThreadQuerySet,
    ThreadState,
)

__all__ = [
    "ACCEPTED_IDEAS",
    "CLOSED_IDEAS",
    "MESSAGE_LENGTH",
    "PAGE_SIZE",
    "AppendOnlyError",
    "Area",
    "AreaQuerySet",
    "AreaRead",
    "AuditEntry",
    "Block",
    "Bookmark",
    "CallForHelp",
    "CapturedAnswer",
    "CommunityProfile",
    "Conversation",
    "Draft",
    "DuplicateMark",
    "Flag",
    "FollowUp",
    "IdeaStatusChange",
    "IdeaVote",
    "ImportSource",
    "ImportedRow",
    "Level",
    "MeToo",
    "Message",
    "MessageReport",
    "MessagesFrom",
    "MovedPosts",
    "Participant",
    "Policy",
    "Poll",
    "PollOption",
    "PollVote",
    "Post",
    "PostMention",
    "PostQuerySet",
    "PostRevision",
    "ReviewItem",
    "Solution",
    "SolvedIt",
    "SparedQuestion",
    "State",
    "Tag",
    "TagSynonym",
    "Thread",
    "ThreadLoops",
    "ThreadQuerySet",
    "ThreadRead",
    "ThreadState",
    "ThreadToIndex",
    "ThreadView",
    "Upload",
    "Vote",
    "WatchedWord",
    "policy",
]
