"""What a long text asks: the sentence of a mail or a conversation that the entries answer best.

A question has a few words, and each of them counts. In a mail most words are greetings and circumstances, and all of
them together meet every entry a little. So each sentence is read as a question of its own, and the one is searched for
that an entry answers best: most of its words, and not only such as everybody uses. See
docs/decisions/0058-long-texts.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from search.asking.questions import Question, read, stems_of
from search.asking.synonyms import NO_RULES
from search.index.plan import Filters, Plan
from search.language.lexicon import known

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from search.index.protocol import Backend

#: Of longer texts only so many characters are read, from the end: what somebody wants stands there more often.
MOST_READ: Final = 4000
#: So many sentences are looked up, those with the most telling words.
MOST_LOOKED_UP: Final = 8
#: Longer sentences are taken to pieces of so many words, each beginning in the middle of the one before.
LONGEST: Final = 16
#: A word that occurs at least so often in its language, as a power of ten in 10⁹ words, is an everyday one.
EVERYDAY: Final = 5
#: What a sentence of everyday words alone still counts.
LEAST_SHARE: Final = 0.3

_ENDS: Final = re.compile(r"[.!?؟؛\n…]+(?=\s|$)")


def essence(backend: Backend, text: str, language: str, audiences: Collection[str]) -> str:
    """Return the sentence of a long text that entries in `language` answer best; empty if they contain none of its words.

    At most one query for the words and `MOST_LOOKED_UP` for sentences, whatever the length.
    """
    pieces = [(piece, read(piece, language, NO_RULES)[0]) for piece in _pieces(text[-MOST_READ:])]
    vocabulary = backend.vocabulary(
        set().union(*(stems_of(found, ()) for _piece, found in pieces)), audiences=audiences
    )
    here = Plan(
        terms=(), size=vocabulary.size, audiences=tuple(audiences), filters=Filters(language=[language]), limit=1
    )
    questions = [Question(piece, found, vocabulary) for piece, found in pieces]
    plans = [(question, replace(here, terms=terms)) for question in questions if (terms := question.own_terms())]
    likely = sorted(plans, key=lambda each: -sum(each[1].weights.values()) * _told(each[0]))[:MOST_LOOKED_UP]
    best, text_of_best = 0.0, ""
    for question, plan in likely:
        fit = _fit(backend, question, plan)
        if fit > best:
            best, text_of_best = fit, question.text
    return text_of_best


def _pieces(text: str) -> Iterator[str]:
    """The sentences of a text; long ones, and texts without full stops, in overlapping pieces."""
    for sentence in _ENDS.split(text):
        words = sentence.split()
        if len(words) <= LONGEST:
            yield " ".join(words)
            continue
        for start in range(0, len(words) - LONGEST // 2, LONGEST // 2):
            yield " ".join(words[start : start + LONGEST])


def _fit(backend: Backend, question: Question, plan: Plan) -> float:
    """How well the best entry answers a sentence: its score, and how much of the sentence it contains.

    A score grows with the words of a question, so it is divided by the root of their weight: between sentences of
    different lengths neither the long nor the short ones win by that alone.
    """
    hits = backend.search(plan, with_places=False).hits
    if not hits:
        return 0.0
    covered = hits[0].matched / max(1, len(question.words))
    return float(hits[0].score / sum(plan.weights.values()) ** 0.5 * covered**2 * _told(question))


def _told(question: Question) -> float:
    """The share of words that are not everyday ones."""
    words = question.words
    rare = sum((usual := known(token.word)) is None or usual.zipf < EVERYDAY for token in words)
    return LEAST_SHARE + rare / max(1, len(words))
