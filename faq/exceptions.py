"""Exceptions of the help pages; every message may be shown to the reader."""

from __future__ import annotations

from django.utils.translation import gettext as _


class FaqError(Exception):
    """Base class of this app's errors."""


class UnknownRevisionError(FaqError):
    """Raised for feedback about a revision that does not exist or belongs to another article."""

    def __init__(self) -> None:
        super().__init__(_("This form does not belong to the article. Open the article again and answer there."))


class CommentTooLongError(FaqError):
    def __init__(self, limit: int) -> None:
        super().__init__(_("Use at most %(limit)d characters.") % {"limit": limit})
