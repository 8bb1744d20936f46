"""What can go wrong; every message may be shown to the reader."""

from __future__ import annotations

from django.utils.translation import gettext as _


class FaqError(Exception):
    """Base of this app's errors."""


class UnknownRevisionError(FaqError):
    """The answer is about a version of the article that does not exist, or is not the article's."""

    def __init__(self) -> None:
        super().__init__(_("This form does not belong to the article. Open the article again and answer there."))


class CommentTooLongError(FaqError):
    def __init__(self, limit: int) -> None:
        super().__init__(_("Use at most %(limit)d characters.") % {"limit": limit})
