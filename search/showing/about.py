"""Decides whether anything that was found is about the question, or only mentions some of its words.

A portal about the internet finds something for "red wine": the red light of a meter. Rarity cannot tell the words of
its subject, which stand in many of its entries, from those of every text. Two things together can: how much of the
question the best entries hold, and whether a word of it is far more frequent here than in its language.

The shares are those of a logistic regression on one half of 400 questions about something else and 470 that customers
ask the demo, rounded, and what is enough was set again when the demo's articles got more keywords; on the whole
(`tests/search/golden_questions`) it says that nothing is about it for 95 % of the former, in Persian and English, and
for 0.8 and 2.6 % of the latter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from search.language.analysis import stem
from search.language.endings import without_ending
from search.language.lexicon import known
from search.showing.best_answer import Words

if TYPE_CHECKING:
    from search.asking.questions import Question
    from search.index.plan import BackendHit, Plan

#: Fewer entries say nothing about what a portal is about.
ENTRIES: Final = 60
#: Number of hits that are looked at.
LOOKED_AT: Final = 5
#: What speaks for a question's subject, and how much of that is enough.
OF_VALUE: Final = 12.0
OF_WORD_MET: Final = 1.0
OF_WORD: Final = 0.25
OF_SUBJECT: Final = 0.5
OF_UNKNOWN: Final = -3.0
ENOUGH: Final = 6.0
#: More words add nothing.
MANY_MET: Final = 5
MANY: Final = 7
#: A word counts as one of the subject only if so many entries have it.
SEVERAL: Final = 2
#: Zipf frequency of a word of which all languages together know less than one in 10⁸.
_UNKNOWN_ZIPF: Final = 1
#: The logarithm of 10⁹, which Zipf frequencies refer to, less one: a text has about ten different words for each here.
_PER_TEXT: Final = 8


def is_about(hits: Sequence[BackendHit], plan: Plan, question: Question) -> bool:
    """Whether one of the first hits is about the question; makes no query."""
    if plan.size < ENTRIES or not plan.terms:
        return True
    unknown = len(question.unknown)
    words = Words(plan.terms, size=plan.size, unknown=unknown)
    found = [words.coverage(hit) for hit in hits[:LOOKED_AT]]
    count = len(question.words)
    evidence = (
        OF_VALUE * max((each.value for each in found), default=0.0)
        + OF_WORD_MET * min(max((each.met for each in found), default=0), MANY_MET)
        + OF_WORD * min(count, MANY)
        + OF_SUBJECT * _subject(question, plan.size)
        + OF_UNKNOWN * unknown / max(count, 1)
    )
    return evidence >= ENOUGH


def _subject(question: Question, size: int) -> float:
    """How much more frequent the question's most telling word is here than in its language, as a logarithm."""
    frequencies: dict[int, int] = {}
    for term in question.own_terms():
        if len(term.words) == 1:
            frequencies[term.words[0]] = max(frequencies.get(term.words[0], 0), term.frequency)
    telling = (
        math.log10(frequencies[token.position] / size) + _PER_TEXT - _zipf(token.word)
        for token in question.words
        if frequencies.get(token.position, 0) >= SEVERAL and not token.word.isdigit()
    )
    return max(telling, default=0.0)


def _zipf(word: str) -> int:
    """The frequency of the word in its language, or of one that it is a form of."""
    forms = (known(each) for each in (word, stem(word), without_ending(word)) if each)
    return max((form.zipf for form in forms if form), default=_UNKNOWN_ZIPF)
