"""When two people asked the same: the one rule for it, whoever asks.

Statistics, popular searches, gaps and clicks go by it, and so do the answers editors pin to a question.
"""

from __future__ import annotations

from portal.core.privacy import PLACEHOLDERS, redact
from search.asking.questions import prepare
from search.language.analysis import clean, tokens
from search.models.activity import MAX_KEY_LENGTH


def question_key(text: str, language: str = "") -> str:
    """The stems of the question in order, as one word: equal for spellings that mean the same.

    «وای فای»، «وای‌فای» and «وایفای» are one question, and so are ``Wi-Fi`` and ``wifi``, «كتابها» and «کتاب‌های». Stop words
    count only where there is nothing else, and inside a compound: «پیش‌پرداخت» is not «پرداخت». Empty when there is nothing
    to ask. Only words in Latin letters depend on the language.
    """
    found = tokens(text, language=language)
    stems: dict[int, str] = {}
    for token in found:
        if token.width == 1 and len(token.text) >= len(stems.get(token.position, "")):
            stems[token.position] = token.text
    words = {number: (number, stem) for number, stem in stems.items()}
    for token in found:
        covered = range(token.position, token.position + token.width)
        if not all(number in stems for number in covered):
            words |= dict.fromkeys(covered, (token.position, token.text))
    return "".join(stem for _number, stem in sorted(set(words.values())))[:MAX_KEY_LENGTH]


def readable_text(text: str) -> str:
    """What may be kept of a question: without what names a person, then cut to what a person could mean.

    In this order: half of a number would not be recognised as one.
    """
    return prepare(redact(" ".join(clean(text).split())))[0]


def query_key(text: str, language: str) -> str:
    """The `question_key` of what may be told to others; empty when nothing is left of it."""
    text = readable_text(text)
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, " ")
    return question_key(text, language)
