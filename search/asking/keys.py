"""Keys of questions: two texts are the same question if their keys are equal.

Statistics, popular searches, gaps, clicks and pinned answers all use these keys.
"""

from __future__ import annotations

from portal.core.privacy import PLACEHOLDERS, redact
from search.asking.questions import prepare
from search.language.analysis import clean, tokens
from search.models.activity import MAX_KEY_LENGTH


def question_key(text: str, language: str = "") -> str:
    """The stems of the question in order, joined to one word; equal for different spellings of the same question.

    «وای فای»، «وای‌فای» and «وایفای» are one question, and so are ``Wi-Fi`` and ``wifi``, «كتابها» and «کتاب‌های». Stop words
    count only if there is nothing else, and inside a compound: «پیش‌پرداخت» is not «پرداخت». Empty if the text has no
    words. The language matters only for words in Latin letters.
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
    """The text of a question as it may be stored: personal data redacted, then shortened.

    In this order, because half of a phone number would not be recognised as one.
    """
    return prepare(redact(" ".join(clean(text).split())))[0]


def query_key(text: str, language: str) -> str:
    """The `question_key` of the redacted text, redacted again; empty if nothing is left of it.

    A key has no separators: digits that words separated in the text may be a number in it.
    """
    return _without_placeholders(redact(question_key(_without_placeholders(readable_text(text)), language)), "")


def _without_placeholders(text: str, separator: str = " ") -> str:
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, separator)
    return text
