"""Notices that tell a reader how the question was changed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class NoticeCode(enum.StrEnum):
    """The kinds of changes."""

    SHORTENED = "shortened"
    KEYBOARD = "keyboard"
    REPAIRED = "repaired"
    SYNONYM = "synonym"
    FINGLISH = "finglish"
    IGNORED = "ignored"
    PARTIAL = "partial"
    MEANING = "meaning"
    #: Nothing that was found is about the question; instead of those which say that words are missing.
    NOT_ABOUT = "not-about"


@dataclass(frozen=True, slots=True)
class Notice:
    """A change of the question: what was typed, and what was searched for instead or which words were left out."""

    code: NoticeCode
    typed: str = ""
    used: str = ""
