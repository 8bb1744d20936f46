"""What the community tells its members: kinds of news, who may see each, and its words.

`community.telling` says who is told. What was hidden, deleted or moved to where the reader must not look is neither
listed nor mailed: whether it is visible is asked whenever somebody reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from community.notifications.articles import BecameArticle
from community.notifications.bookmarks import Reminder
from community.notifications.levels import LevelAtRisk, LevelReached
from community.notifications.loops import AskedForHelp, DidItSolve
from community.notifications.messages import HiddenMessage, MessageReportOutcome, PrivateMessage
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

if TYPE_CHECKING:
    from portal.notifications.registry import NotificationKind

#: All of them; `community.apps` registers them.
KINDS: Final[tuple[type[NotificationKind], ...]] = (
    AcceptedAnswer,
    AppealDecided,
    BecameArticle,
    AskedForHelp,
    DidItSolve,
    FlagOutcome,
    Followed,
    FollowedSolved,
    Helpful,
    HiddenMessage,
    HiddenPost,
    IdeaStep,
    LevelAtRisk,
    LevelReached,
    Mention,
    Merged,
    MessageReportOutcome,
    Moved,
    NewThread,
    OwnQuestionSolved,
    PassedPost,
    PrivateMessage,
    Quote,
    Reminder,
    Reply,
    Restricted,
)
