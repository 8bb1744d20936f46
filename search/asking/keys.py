"""When two searches asked the same."""

from __future__ import annotations

from portal.core.privacy import PLACEHOLDERS, redact
from search.asking.questions import prepare
from search.language.analysis import clean, tokens
from search.models.activity import MAX_KEY_LENGTH


def readable_text(text: str) -> str:
    """What may be kept of a question: without what names a person, then cut to what a person could mean.

    In this order: half of a number would not be recognised as one.
    """
    return prepare(redact(" ".join(clean(text).split())))[0]


def query_key(text: str, language: str) -> str:
    """The stems of the question in order, as one word: equal for spellings that mean the same.

    «وای فای»، «وای‌فای» and «وایفای» are one question, and so are ``Wi-Fi`` and ``wifi``, «كتابها» and «کتاب‌های». Stop words
    count only where there is nothing else. Empty when nothing is left that could be told to others.
    """
    text = readable_text(text)
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, " ")
    stems: dict[int, str] = {}
    for token in tokens(text, language=language):
        if token.width == 1 and len(token.text) >= len(stems.get(token.position, "")):
            stems[token.position] = token.text
    return "".join(stems[position] for position in sorted(stems))[:MAX_KEY_LENGTH]
