"""Questions that are still being typed: the last word may be a beginning, and words may be unknown.

The text is read as typed first; if that fails, as typed on the other keyboard; and then with the likeliest readings of
the unknown words (`search.asking.guesses`), where a last word in Latin letters may be the beginning of a Persian one.
The further readings cost queries only if there are unknown words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.core.text import fold, swap_keyboard
from search.asking.guesses import interpret
from search.asking.notices import Notice, NoticeCode
from search.asking.questions import COMPLETIONS, Question, ask, notice_of, read, stems_of
from search.asking.synonyms import begun
from search.index.plan import Filters, Plan, QueryTerm
from search.index.protocol import Backend

if TYPE_CHECKING:
    from search.asking.synonyms import Alternative, Rules
    from search.language.analysis import Token

_SUGGESTIONS: Final = 30
_LAST_WORD: Final = re.compile(r"[^\W_]+\Z")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The plan to search with, which is empty if the text cannot be read; the text it is for, and what was changed."""

    plan: Plan
    text: str
    notice: Notice | None = None


def read_unfinished(backend: Backend, typed: str, language: str, audiences: tuple[str, ...]) -> Unfinished:
    """Read an unfinished text. One query; at most five more if a word is unknown."""
    asked = _on_both_keyboards(backend, typed, language, audiences)
    for question in asked:
        terms = _with_completions(question)
        if question.words and not _without_answer(question, terms):
            plan = _plan(terms, question, audiences, language)
            notice = Notice(NoticeCode.KEYBOARD, typed=typed, used=question.text) if question.text != typed else None
            return Unfinished(plan, question.text, notice)
    return _as_meant(backend, asked[0], language, audiences)


def _on_both_keyboards(backend: Backend, typed: str, language: str, audiences: Collection[str]) -> list[Question]:
    """The text as typed, and as typed on the other keyboard; one query for both."""
    texts = list(dict.fromkeys((typed, swap_keyboard(typed))))
    analysed = {text: _read(text, language) for text in texts}
    vocabulary = backend.vocabulary(
        {stem for found, others, _rules in analysed.values() for stem in stems_of(found, others)},
        audiences=audiences,
        beginnings=list(filter(None, map(beginning_of, texts))),
        completions=COMPLETIONS,
    )
    return [Question(text, found, vocabulary, others, rules) for text, (found, others, rules) in analysed.items()]


def _read(text: str, language: str) -> tuple[list[Token], tuple[Alternative, ...], Rules]:
    """The terms of a text and their synonyms, and those of the words that its last word may become."""
    found, others, rules = read(text, language)
    return found, (*others, *begun(found, rules, beginning_of(text))), rules


def _as_meant(backend: Backend, question: Question, language: str, audiences: tuple[str, ...]) -> Unfinished:
    """The text with the likeliest readings of its unknown words, if that explains most words."""
    nothing = Unfinished(Plan(terms=(), size=0, audiences=audiences), question.text)
    unknown = _without_answer(question, _with_completions(question))
    if not unknown:
        return nothing
    is_unfinished = unknown[-1].end == len(question.text)
    meaning = interpret(backend, question.text, unknown, language, audiences, is_unfinished=is_unfinished)
    if not meaning.explained:
        return nothing
    meant = ask(
        backend, meaning.text, language, audiences, question.rules,
        beside=meaning.beside, beginning=beginning_of(meaning.text),
    )  # fmt: skip
    terms = _with_completions(meant)
    if len(_without_answer(meant, terms)) * 2 >= len(meant.words):
        return nothing
    found_in = "fa" if meaning.is_finglish else language
    return Unfinished(_plan(terms, meant, audiences, found_in), meaning.text, notice_of(question.text, meaning))


def _plan(terms: Sequence[QueryTerm], question: Question, audiences: tuple[str, ...], language: str) -> Plan:
    return Plan(
        terms=tuple(terms),
        size=question.vocabulary.size,
        audiences=audiences,
        filters=Filters(language=[language]),
        limit=_SUGGESTIONS,
        is_unfinished=True,
    )


def beginning_of(text: str) -> str:
    """The folded last word as far as it has been typed; empty after a space."""
    match = _LAST_WORD.search(fold(text))
    return match[0] if match else ""


def _with_completions(question: Question) -> tuple[QueryTerm, ...]:
    """The terms of the question, with all completions of its last word.

    All completions have the same weight, that of a word with the sum of their frequencies: which of them is rare says
    nothing about what the person is going to type.
    """
    terms = {term.text: term for term in question.own_terms()}
    beginning = beginning_of(question.text)
    last = next((token for token in reversed(question.words) if token.word.endswith(beginning)), None)
    if beginning and last is not None and last.end == len(question.text):
        completions = question.vocabulary.completions.get(beginning, {})
        together = sum(completions.values())
        for text in completions:
            known = terms.get(text)
            words = {*known.words, last.position} if known else {last.position}
            terms[text] = QueryTerm(text=text, words=tuple(sorted(words)), frequency=together)
    return (*terms.values(), *question.synonym_terms())


def _without_answer(question: Question, terms: Sequence[QueryTerm]) -> list[Token]:
    answered = {word for term in terms for word in term.words}
    return [token for token in question.words if token.position not in answered]
