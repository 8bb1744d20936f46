"""Reading a text as a question: its words as the index knows them, and what is tried if it does not know them.

Each of these steps is reported to the reader if it changes the question:

1. no word is known: the text is read as typed on the other keyboard
2. some words are unknown: the likeliest reading of each is taken (`search.asking.guesses`): a typing error, Persian in
   Latin letters, a word on the other keyboard

The step that explains more words is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from portal.core.text import swap_keyboard
from search.asking.guesses import Interpretation, Surroundings, interpret
from search.asking.notices import Notice, NoticeCode
from search.asking.synonyms import NO_RULES, SYNONYM_WEIGHT, Alternative, Rules, alternatives, rules_for
from search.index.plan import QueryTerm
from search.index.protocol import Backend
from search.language.analysis import PERSIAN_STOP_WORDS, Token, clean, stem, tokens
from search.language.endings import is_said, without_ending

if TYPE_CHECKING:
    from search.index.plan import Vocabulary

MAX_TEXT_LENGTH: Final = 256
MAX_WORDS: Final = 32
#: Maximum number of completions of a beginning, by document frequency.
COMPLETIONS: Final = 30

#: Shorter words come out of any few letters on the other keyboard.
_SHORTEST_TURNED: Final = 3

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Question:
    """A text, its terms, and what the index knows about them."""

    text: str
    tokens: list[Token]
    vocabulary: Vocabulary
    #: The synonyms that apply to its words, and the rules they come from.
    alternatives: tuple[Alternative, ...] = ()
    rules: Rules = NO_RULES

    @property
    def words(self) -> list[Token]:
        """The single words in order, without compounds."""
        single = {token.position: token for token in reversed(self.tokens) if token.width == 1}
        return [single[position] for position in sorted(single)]

    @property
    def unknown(self) -> list[Token]:
        """The words that nothing in the index answers: not alone, not joined with a neighbour, and not by a synonym."""
        answered = {word for term in self.terms() for word in term.words}
        return [token for token in self.words if token.position not in answered]

    def terms(self) -> tuple[QueryTerm, ...]:
        """The terms to search for: those at least one entry contains, and those of synonyms."""
        return (*self.own_terms(), *self.synonym_terms())

    def own_terms(self) -> tuple[QueryTerm, ...]:
        """The terms of the text itself."""
        numbers = {token.position for token in self.words}
        words: dict[str, set[int]] = defaultdict(set)
        for token in self.tokens:
            covered = numbers & set(range(token.position, token.position + token.width))
            words[token.text] |= covered or {token.position}
        known = self.vocabulary.frequencies
        return tuple(
            QueryTerm(text=text, words=tuple(sorted(covered)), frequency=known[text])
            for text, covered in words.items()
            if text in known
        )

    def synonym_terms(self) -> tuple[QueryTerm, ...]:
        """The terms of the synonyms of the words."""
        known = self.vocabulary.frequencies
        return tuple(term for alternative in self.alternatives for term in alternative.terms(known))

    @property
    def synonyms(self) -> list[str]:
        """The synonyms worth mentioning, as their editor wrote them: those of editors, and of the starter list those that
        stand for a word that nothing contains. Without what was typed itself.
        """
        typed = {token.text for token in self.tokens}
        known = self.vocabulary.frequencies
        found = (
            alternative.phrase.text
            for alternative in self.alternatives
            if (alternative.weight == SYNONYM_WEIGHT or known.keys().isdisjoint(alternative.typed))
            and any(not typed.issuperset(form) for form in alternative.known_forms(known))
        )
        return list(dict.fromkeys(found))


def prepare(text: str) -> tuple[str, list[Notice]]:
    """The text without control characters and superfluous spaces, shortened to the limits; and notices about that."""
    wanted = text[: 4 * MAX_TEXT_LENGTH]  # white space and control characters are removed below
    prepared = " ".join(clean(wanted).split())
    cut = prepared[:MAX_TEXT_LENGTH]
    if len(cut) < len(prepared):
        cut = cut.rpartition(" ")[0] or cut
    words = cut.split(" ")
    if len(words) > MAX_WORDS:
        cut = " ".join(words[:MAX_WORDS])
    if cut != prepared or len(wanted) < len(text.rstrip()):
        return cut, [Notice(NoticeCode.SHORTENED, used=cut)]
    return cut, []


def ask(
    backend: Backend,
    text: str,
    language: str,
    audiences: Collection[str],
    rules: Rules | None = None,
    *,
    beside: Mapping[str, str] = _NOTHING,
    beginning: str = "",
) -> Question:
    """The question with what the index knows about its terms and their synonyms; one query.

    `rules` are the synonyms to use; by default those of the language. `beside` maps words of the text to others with
    the same meaning. `beginning` is a word that is still being typed.
    """
    found, others, rules = read(text, language, rules)
    found = _with_others(found, beside)
    vocabulary = backend.vocabulary(
        stems_of(found, others),
        audiences=audiences,
        beginnings=[beginning] if beginning else (),
        completions=COMPLETIONS,
    )
    return Question(text, found, vocabulary, others, rules)


def read(text: str, language: str, rules: Rules | None = None) -> tuple[list[Token], tuple[Alternative, ...], Rules]:
    """The terms of a text, their synonyms and the rules used, before the index is asked about them."""
    found = _with_bases(tokens(text, language=language, query=True))
    rules = rules_for(language) if rules is None else rules
    return found, alternatives(found, rules), rules


def stems_of(found: Iterable[Token], others: Iterable[Alternative]) -> set[str]:
    """All stems of a text and its synonyms."""
    stems = {token.text for token in found}
    return stems.union(*(form for alternative in others for form in alternative.phrase.forms))


def _with_bases(found: list[Token]) -> list[Token]:
    """The tokens, and at the same positions the words they are spoken forms of: for «قبضم» also قبض."""
    bases = [
        token._replace(text=stem(base), word=base)
        for token in found
        if token.width == 1
        and (base := without_ending(token.word))
        and base not in PERSIAN_STOP_WORDS
        and stem(base) != token.text
    ]
    return [*found, *bases]


def _with_others(found: list[Token], beside: Mapping[str, str]) -> list[Token]:
    """The tokens, and at the same positions those of the words with the same meaning."""
    others = [
        token._replace(text=stem(beside[token.word]), word=beside[token.word])
        for token in found
        if token.width == 1 and token.word in beside
    ]
    return [*found, *others]


def understand(
    backend: Backend, question: Question, language: str, audiences: Collection[str], notices: list[Notice]
) -> Question:
    """The likeliest reading of a question with unknown words; adds to `notices` what was changed."""
    unknown = question.unknown
    if not unknown:
        return question
    on_other_keyboard = None
    if len(unknown) == len(question.words):
        swapped = swap_keyboard(question.text)
        if swapped != question.text:
            other = ask(backend, swapped, language, audiences, question.rules)
            if len(other.unknown) * 2 < len(other.words) and _is_likely_on_other_keyboard(question, other):
                on_other_keyboard = other
    meaning = Interpretation(question.text)
    if on_other_keyboard is None or on_other_keyboard.unknown:
        around = Surroundings(question.own_terms(), question.vocabulary.size, language, tuple(audiences))
        meaning = interpret(backend, question.text, unknown, language, audiences, around=around)
    if on_other_keyboard and len(on_other_keyboard.words) - len(on_other_keyboard.unknown) >= meaning.explained:
        notices.append(Notice(NoticeCode.KEYBOARD, typed=question.text, used=on_other_keyboard.text))
        return on_other_keyboard
    if not meaning.explained:
        return question
    notices.append(notice_of(question.text, meaning))
    return ask(backend, meaning.text, language, audiences, question.rules, beside=meaning.beside)


def _is_likely_on_other_keyboard(question: Question, other: Question) -> bool:
    """Whether words of three letters and more come out of letters that are no word themselves."""
    if all(is_said(token.word) for token in question.words):
        return False
    return any(len(token.word) >= _SHORTEST_TURNED for token in other.words if token not in other.unknown)


def notice_of(typed: str, meaning: Interpretation) -> Notice:
    """The notice that a text was read in another way."""
    code = NoticeCode.FINGLISH if meaning.is_finglish else NoticeCode.REPAIRED
    return Notice(code, typed=typed, used=meaning.text)


def spelled(text: str, words: Iterable[Token]) -> str:
    return " ".join(dict.fromkeys(text[word.start : word.end] for word in words))
