"""Decides whether the first result is shown as *the* answer, in a card above all others.

A wrong card costs more than no card: it is where a reader looks first, and pushes everything else down. So the first
hit has to pass a test, which uses only the plan and the hits and is therefore the same for every index. The share of
the question that a text contains is weighted by the rarity of the words. The card is shown if

- the words of the question in the hit's title and short answer are specific: two usual words or a rare one, and
- either most of the question is in title and short answer, and no other hit comes close,
- or some of it is, nearly all of it is somewhere in the hit, and no other hit is near.

Other hits are those of the same kind: an article and a conversation about the same thing do not contradict each other.
Unknown words count as the rarest there are, so that a question with one seldom has a card.

Measured by ``script/bench best-answer`` (docs/decisions/0012-best-answer.md): of what customers ask the demo, 67 % in
Persian and 76 % in English get the right card, and 97 % and 96 % of the cards are right, those of questions no article
answers counting as wrong; of 5,995 questions to passages of an encyclopaedia (PQuAD) 42 %, and 97 % of the cards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from search.index.plan import BODY, FULL_WEIGHT
from search.index.rarity import rarity
from search.language.analysis import tokens

if TYPE_CHECKING:
    from search.index.plan import BackendHit, Plan, QueryTerm

#: Minimum weight in title and short answer, as a share of the rarity of an unknown word; less is too unspecific.
SPECIFIC: Final = 0.5
#: Minimum share of the question in title and short answer; maximum value of the next hit, as a share of the first.
MOST: Final = 0.6
CLOSE: Final = 0.9
#: Minimum shares in title and short answer, and anywhere; maximum value of the next hit.
SOME: Final = 0.35
NEARLY_ALL: Final = 0.8
NEAR: Final = 0.8
#: Value of a word by where it occurs; keywords count as the body. Several places add up to at most the weight of the word.
IN_TITLE: Final = 0.7
IN_SHORT_ANSWER: Final = 0.4
IN_BODY: Final = 0.25
#: Number of other hits that are compared.
RIVALS: Final = 4


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of the question, 0 to 1: in title and short answer, anywhere, and `value`, weighted by place.

    `met` is the number of its words that are anywhere.
    """

    in_front: float
    anywhere: float
    value: float
    met: int


class Words:
    """The words of a question with their weights, and the coverage of a hit."""

    def __init__(self, terms: Sequence[QueryTerm], *, size: int, unknown: int) -> None:
        self._terms = {text: [term for term in terms if term.text == text] for text in {term.text for term in terms}}
        self._weights = {word: _weight(word, terms, size) for term in terms for word in term.words}
        self.rarest = rarity(0, size)
        self.total = sum(self._weights.values()) + unknown * self.rarest

    def coverage(self, hit: BackendHit) -> Coverage:
        title = self._held([hit.title], hit.language)
        short_answer = self._held([hit.short_answer], hit.language)
        body = self._held((hit.body[start:end] for start, end in hit.places.get(BODY, ())), hit.language)
        # Keywords are not shown and have no text here: a word that is in none of the others is in them.
        shown = title.keys() | short_answer.keys() | body.keys()
        body |= {word: 1.0 for word in hit.words & self._weights.keys() if word not in shown}
        value = 0.0
        for word, weight in self._weights.items():
            missing = 1.0
            for share, held in ((IN_TITLE, title), (IN_SHORT_ANSWER, short_answer), (IN_BODY, body)):
                missing *= 1 - share * held.get(word, 0)
            value += weight * (1 - missing)
        in_front = _joined(title, short_answer)
        anywhere = _joined(in_front, body)
        return Coverage(self._share(in_front), self._share(anywhere), value / self.total, len(anywhere))

    def _share(self, held: Mapping[int, float]) -> float:
        return sum(self._weights[word] * share for word, share in held.items()) / self.total

    def _held(self, texts: Collection[str] | Iterator[str], language: str) -> dict[int, float]:
        """The words that occur in the texts; less than 1 if only a synonym does."""
        found = {token.text for text in texts for token in tokens(text, language=language)}
        held: dict[int, float] = {}
        for text in found & self._terms.keys():
            for term in self._terms[text]:
                if found.issuperset(term.beside):
                    held = _joined(held, dict.fromkeys(term.words, term.weight / FULL_WEIGHT))
        return held


def _weight(word: int, terms: Sequence[QueryTerm], size: int) -> int:
    """The rarity of a word: that of the rarest term it was typed as."""
    own = [term for term in terms if word in term.words]
    typed = [term for term in own if term.weight == FULL_WEIGHT and not term.beside]
    return max(rarity(term.frequency, size) for term in typed or own)


def _joined(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    return {word: max(one.get(word, 0), other.get(word, 0)) for word in one.keys() | other.keys()}


def best_answer(hits: Sequence[BackendHit], plan: Plan, *, unknown: int) -> BackendHit | None:
    """The first hit, if it may be shown as the answer; otherwise None. `unknown` is the number of unknown words."""
    if not hits or not plan.terms:
        return None
    first = hits[0]
    words = Words(plan.terms, size=plan.size, unknown=unknown)
    best = words.coverage(first)
    if best.in_front < SOME or best.in_front * words.total < SPECIFIC * words.rarest:
        return None
    rivals = [hit for hit in hits[1:] if hit.kind == first.kind and hit.family != first.family][:RIVALS]
    nearest = max((words.coverage(hit).value for hit in rivals), default=0.0) / best.value
    is_about_it = best.in_front >= MOST and nearest <= CLOSE
    holds_it = best.anywhere >= NEARLY_ALL and nearest <= NEAR
    return first if is_about_it or holds_it else None
