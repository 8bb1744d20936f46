"""Exceptions of the community; every message may be shown to the person who acted."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.core.formats import format_number
from portal.core.text import isolate


class CommunityError(Exception):
    """Base class of this app's errors."""

    #: The field of a form that it is about; empty for the text, or whatever the form asks for first.
    field = ""


class NotAllowedError(CommunityError):
    """Raised for an act that the state of things rules out, whoever asks; the view checks rules before."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or _("This is not possible here."))


class AskedOftenError(CommunityError):
    """Raised when a member was asked for help as often as anybody is."""

    def __init__(self) -> None:
        super().__init__(_("This member was asked twice within a week already. Somebody else may know it, too."))


class AreaLockedError(CommunityError):
    field = "area"

    def __init__(self) -> None:
        super().__init__(_("No new threads can be started in this area."))


class ThreadLockedError(CommunityError):
    def __init__(self) -> None:
        super().__init__(_("This thread is closed; nothing can be added to it."))


class NotVisibleError(CommunityError):
    """Raised for acts on a post or thread that others cannot see."""

    def __init__(self) -> None:
        super().__init__(_("This is no longer visible, so it cannot be changed in this way."))


class OwnPostError(CommunityError):
    def __init__(self) -> None:
        super().__init__(_("You wrote this yourself."))


class SilencedError(CommunityError):
    def __init__(self) -> None:
        super().__init__(_("You cannot write in the community at the moment. Your profile says why, and until when."))


class EmptyTextError(CommunityError):
    def __init__(self, field: str = "") -> None:
        super().__init__(_("Write something first."))
        self.field = field


class TextTooLongError(CommunityError):
    def __init__(self, limit: int) -> None:
        super().__init__(_("The text is too long: at most %(limit)s characters.") % {"limit": format_number(limit)})


class TitleTooLongError(CommunityError):
    def __init__(self, limit: int, field: str = "title") -> None:
        super().__init__(_("The title is too long: at most %(limit)s characters.") % {"limit": format_number(limit)})
        self.field = field


class BlockedTextError(CommunityError):
    """Raised for a text with a word that is refused. Which one is not said: it would teach how to evade it."""

    def __init__(self) -> None:
        super().__init__(_("This text contains words that are not accepted here."))


class EditConflictError(CommunityError):
    """Raised when somebody else edited the post meanwhile. Nothing is lost: it carries both texts."""

    def __init__(self, *, title: str, body: str, stored_title: str, stored_body: str, stored_version: int) -> None:
        self.title, self.body = title, body
        self.stored_title, self.stored_body, self.stored_version = stored_title, stored_body, stored_version
        super().__init__(_("Somebody changed this text while you were writing. Both texts are below."))


class ChangedMeanwhileError(CommunityError):
    """Raised when somebody else changed what a short form is about; sent again, it replaces that."""

    def __init__(self, now: str, field: str) -> None:
        super().__init__(
            _("Somebody changed this meanwhile. It is now: %(now)s. Nothing was saved; save again to replace it.")
            % {"now": isolate(now) or "–"}
        )
        self.field = field


class EditedMeanwhileError(CommunityError):
    """Raised when a moderator decides about a text that was changed since they read it."""

    def __init__(self) -> None:
        super().__init__(
            _("The text was changed while you were looking at it. Nothing was decided; please read it again.")
        )


class UnreadError(CommunityError):
    """Raised when a moderator decides about a private message that they were not shown."""

    def __init__(self) -> None:
        super().__init__(_("Nothing was decided: read the message first."))


class NoVotesLeftError(CommunityError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            ngettext(
                "Your vote is on another idea. It comes back when that idea is closed, or when you withdraw it.",
                "Your %(limit)s votes are on other ideas. They come back when ideas are closed, or when you withdraw them.",
                limit,
            )
            % {"limit": format_number(limit)}
        )


class PollClosedError(CommunityError):
    def __init__(self) -> None:
        super().__init__(_("This poll is closed."))


class PollChoicesError(CommunityError):
    """Raised for a new poll with too few choices, or too many."""

    field = "poll_options"

    def __init__(self, least: int, most: int) -> None:
        super().__init__(
            _("A poll has %(least)s to %(most)s different choices, each on a line of its own.")
            % {"least": format_number(least), "most": format_number(most)}
        )


class WrongChoiceError(CommunityError):
    def __init__(self) -> None:
        super().__init__(_("Choose from the answers of this poll."))


class TooManyTagsError(CommunityError):
    field = "tags"

    def __init__(self, limit: int) -> None:
        super().__init__(_("Use at most %(limit)s tags.") % {"limit": format_number(limit)})


class AcceptedAnswerError(CommunityError):
    """Raised for taking the accepted answer away from its question, which would no longer be solved, and not say so."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "One of these replies is the solution. Choose “Not the solution after all” at it first, then split it off."
            )
        )


class UploadError(CommunityError):
    """Raised for a file that is not accepted; the message says why."""


class MessageRefusedError(CommunityError):
    """Raised for a private message that its author must not write to this person; see `community.rules`."""
