"""The data that search is measured on: public questions with known answers, and generated help-centre entries."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = _ROOT.parent / "shared" / "data"
_DEMO_ARTICLES: Final = _ROOT / "portal" / "demo" / "content" / "articles"
_DEMO_QUESTIONS: Final = _ROOT / "bench" / "demo_questions.tsv"
#: The target of a link or picture in an article's Markdown, which readers do not see.
_LINK_TARGET: Final = re.compile(r"\]\([^)]*\)")

ZWNJ: Final = "\u200c"
#: Number of answers per question that are kept in a reduced collection.
_ANSWERS_KEPT: Final = 3
_PERSIAN_LETTERS: Final = "ابپتجچحخدرزسشصطعغفقکگلمنوهی"
_LATIN_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Text:
    """An entry to be indexed."""

    number: int
    language: str
    title: str
    short_answer: str = ""
    body: str = ""
    keywords: str = ""


@dataclass(frozen=True)
class Asked:
    """A question with the entries that answer it."""

    text: str
    answers: frozenset[int]
    language: str


@dataclass(frozen=True)
class Collection:
    """Entries, questions about them, and the ways in which the questions are typed."""

    name: str
    texts: list[Text]
    questions: list[Asked]
    variants: Mapping[str, Callable[[str], str]]

    def small(self, others: int) -> Collection:
        """The same questions with fewer texts: up to three answers for each, and so many others."""
        kept = {number for asked in self.questions for number in sorted(asked.answers)[:_ANSWERS_KEPT]}
        left = [text.number for text in self.texts if text.number not in kept]
        kept.update(random.Random(7).sample(left, min(others, len(left))))
        return replace(
            self,
            texts=[text for text in self.texts if text.number in kept],
            questions=[replace(asked, answers=asked.answers & kept) for asked in self.questions],
        )


class MissingDataError(Exception):
    """Raised if a public set is missing. The message says where it is expected."""


def _read(name: str) -> Any:
    path = DATA / name
    if not path.is_file():
        raise MissingDataError(f"{name} is not in {DATA}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


# Ways of typing -------------------------------------------------------------------------------------------------------

_ARABIC: Final = str.maketrans("یک۰۱۲۳۴۵۶۷۸۹", "يك0123456789", ZWNJ)


def as_written(text: str) -> str:
    return text


def with_arabic_letters(text: str) -> str:
    """As typed on a keyboard without Persian letters: ي and ك, no half-spaces, Latin digits."""
    return text.translate(_ARABIC)


def with_a_typo(text: str) -> str:
    """One typo in one word of at least four letters: a letter wrong, missing, doubled or swapped. Deterministic."""
    chance = random.Random(text)
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if sum(map(str.isalpha, word)) >= 4]
    if not long:
        return text
    place = chance.choice(long)
    words[place] = _slip(words[place], chance)
    return " ".join(words)


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) - 1)
    letters = _LATIN_LETTERS if word.isascii() else _PERSIAN_LETTERS
    return chance.choice(
        (
            word[:at] + chance.choice(letters) + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


PERSIAN_VARIANTS: Final = {
    "as written": as_written,
    "Arabic letters, no half-spaces": with_arabic_letters,
    "one typo": with_a_typo,
}
ENGLISH_VARIANTS: Final = {"as written": as_written, "one typo": with_a_typo}


# Collections ----------------------------------------------------------------------------------------------------------


def pquad(limit: int) -> Collection:
    """Persian questions about passages of an encyclopaedia."""
    rows = _read("pquad_validation.json.gz")
    texts = [Text(n, "fa", row["title"], body=row["passage"]) for n, row in enumerate(rows, 1)]
    questions = [Asked(text, frozenset({n}), "fa") for n, row in enumerate(rows, 1) for text in row["questions"]]
    return Collection("Persian questions → passages", texts, _some(questions, limit), PERSIAN_VARIANTS)


def banking(limit: int) -> Collection:
    """English questions of bank customers; the answers are other questions with the same intent."""
    rows = _read("banking77.json.gz")
    known = [row for row in rows if row["split"] == "train"]
    intents: dict[str, set[int]] = {}
    for n, row in enumerate(known, 1):
        intents.setdefault(row["category"], set()).add(n)
    texts = [Text(n, "en", row["text"]) for n, row in enumerate(known, 1)]
    questions = [Asked(r["text"], frozenset(intents[r["category"]]), "en") for r in rows if r["split"] != "train"]
    return Collection("English questions → same intent", texts, _some(questions, limit), ENGLISH_VARIANTS)


def forum(limit: int) -> Collection:
    """Titles of a Persian forum's threads, as people type them; the answer is the thread, which has no title here."""
    threads = _read("percqa_half.json.gz")["threads"]
    texts = [Text(n, "fa", "", body=" ".join([row["question"], *row["replies"]])) for n, row in enumerate(threads, 1)]
    questions = [Asked(row["title"], frozenset({n}), "fa") for n, row in enumerate(threads, 1)]
    return Collection("Persian forum titles → threads", texts, _some(questions, limit), PERSIAN_VARIANTS)


def paraphrases(limit: int) -> Collection:
    """Persian questions; the answers are those that ask the same in other words."""
    rows = _read("parsinlu_dev.json.gz")
    numbers = {row["id"]: n for n, row in enumerate(rows["documents"], 1)}
    texts = [Text(numbers[row["id"]], "fa", row["text"]) for row in rows["documents"]]
    questions = [
        Asked(row["text"], frozenset(numbers[each] for each in row["relevant"]), "fa") for row in rows["queries"]
    ]
    return Collection("Persian questions → the same in other words", texts, _some(questions, limit), PERSIAN_VARIANTS)


def cross_language(limit: int) -> Collection:
    """Persian sentences whose English translation is the answer; only semantic search can find it."""
    rows = _read("xling_pairs.json.gz")
    texts = [Text(n, "en", english) for n, (english, _persian) in enumerate(rows, 1)]
    questions = [Asked(persian, frozenset({n}), "fa") for n, (_english, persian) in enumerate(rows, 1)]
    return Collection("Persian sentence → its English twin", texts, _some(questions, limit), {"as written": as_written})


def demo(language: str, limit: int) -> Collection:
    """Questions as the demo's customers type them, and its articles in both languages. Always available."""
    texts = [_article(number, path) for number, path in enumerate(sorted(_DEMO_ARTICLES.glob("*/*.md")), 1)]
    numbers = {
        path.name.removesuffix(f".{language}.md"): text.number
        for text, path in zip(texts, sorted(_DEMO_ARTICLES.glob("*/*.md")), strict=True)
        if text.language == language
    }
    questions = []
    for line in _DEMO_QUESTIONS.read_text(encoding="utf-8").splitlines():
        asked_in, *rest = line.split("\t")
        if asked_in == language and rest[1] != "-":
            questions.append(Asked(rest[0], frozenset(numbers[name] for name in rest[1].split()), language))
    name, variants = _DEMO[language]
    return Collection(name, texts, _some(questions, limit), variants)


def demo_names() -> list[str]:
    """The names of the demo's articles, which are the same in both languages, in the order of their numbers."""
    return [path.name.partition(".")[0] for path in sorted(_DEMO_ARTICLES.glob("*/*.md"))]


def _article(number: int, path: Path) -> Text:
    _nothing, about, body = path.read_text(encoding="utf-8").split("---\n", 2)
    fields = yaml.safe_load(about)
    keywords = ", ".join(fields.get("keywords", ()))
    return Text(
        number, fields["language"], fields["title"], fields["short_answer"], _LINK_TARGET.sub("]", body), keywords
    )


_DEMO: Final = {
    "fa": ("Persian customers' questions → demo articles", PERSIAN_VARIANTS),
    "en": ("English customers' questions → demo articles", ENGLISH_VARIANTS),
}

#: Functions that make each collection, by name; they take the number of questions.
COLLECTIONS: Final[dict[str, Callable[[int], Collection]]] = {
    "demo-fa": partial(demo, "fa"),
    "demo-en": partial(demo, "en"),
    "pquad": pquad,
    "forum": forum,
    "paraphrases": paraphrases,
    "banking": banking,
    "cross-language": cross_language,
}


def _some(questions: list[Asked], limit: int) -> list[Asked]:
    return questions if len(questions) <= limit else random.Random(7).sample(questions, limit)


# Generated entries ----------------------------------------------------------------------------------------------------

#: Numbers of words in a generated entry: title, short answer, text (from, to).
TITLE_WORDS: Final = 6
SHORT_ANSWER_WORDS: Final = 20
BODY_WORDS: Final = (60, 100)
_VOCABULARY: Final = 15_000
#: Share of stop words, as in real texts.
_STOP_WORDS: Final = {
    "fa": [
        "و",
        "در",
        "به",
        "از",
        "که",
        "این",
        "را",
        "با",
        "است",
        "برای",
        "آن",
        "یک",
        "تا",
        "بر",
        "هم",
        "یا",
        "اگر",
        "شما",
        "خود",
        "باید",
        "می\u200cشود",
        "کنید",
        "نیست",
        "بود",
    ],
    "en": [
        "the",
        "a",
        "to",
        "and",
        "of",
        "in",
        "is",
        "you",
        "your",
        "it",
        "for",
        "on",
        "that",
        "this",
        "with",
        "be",
        "are",
        "can",
        "if",
        "or",
        "not",
        "will",
        "do",
    ],
}
_STOP_WORD_SHARE: Final = 0.4
_KINDS: Final = ("bench.article", "bench.thread")


def _made_up_words(letters: str, vowels: str, count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    words: dict[str, None] = {}
    while len(words) < count:
        length = chance.choice((2, 2, 3, 3, 4))
        words["".join(chance.choice(letters) + chance.choice(vowels) for _ in range(length))] = None
    return list(words)


class Generator:
    """Help-centre entries, 70 % in Persian, with word frequencies according to Zipf's law. Deterministic."""

    def __init__(self) -> None:
        self._words = {
            "fa": _made_up_words("بپتجچخدرزسشفقکگلمنوه", "اویر", _VOCABULARY, 1),
            "en": _made_up_words("bcdfghjklmnprstvwz", "aeiou", _VOCABULARY, 2),
        }
        self._weights = list(itertools.accumulate((place + 15) ** -1.15 for place in range(_VOCABULARY)))

    def texts(self, count: int) -> Iterator[Text]:
        for number in range(1, count + 1):
            yield self.text(number)

    def text(self, number: int) -> Text:
        chance = random.Random(number)
        language = "fa" if number % 10 < 7 else "en"
        title, short, body = (
            " ".join(self._some_words(chance, language, length))
            for length in (TITLE_WORDS, SHORT_ANSWER_WORDS, chance.randint(*BODY_WORDS))
        )
        return Text(number, language, title, short, body)

    def _some_words(self, chance: random.Random, language: str, count: int) -> list[str]:
        words = chance.choices(self._words[language], cum_weights=self._weights, k=count)
        return [chance.choice(_STOP_WORDS[language]) if chance.random() < _STOP_WORD_SHARE else word for word in words]

    def _telling(self, text: str, language: str) -> list[str]:
        return [word for word in text.split() if word not in _STOP_WORDS[language]] or text.split()

    def questions(self, count: int, of: int) -> list[tuple[str, str]]:
        """(text, language): one to five consecutive words from one of the first `of` entries."""
        chance = random.Random(count)
        asked: list[tuple[str, str]] = []
        for _ in range(count):
            text = self.text(chance.randint(1, of))
            words = self._telling(f"{text.title} {text.body[:200]}", text.language)
            count = min(len(words), chance.choice((1, 2, 2, 3, 3, 4, 5)))
            asked.append((" ".join(chance.sample(words, count)), text.language))
        return asked

    def beginnings(self, count: int, of: int) -> list[tuple[str, str]]:
        """(text so far, language) after each keystroke, while titles of entries are typed."""
        chance = random.Random(count + 1)
        typed: list[tuple[str, str]] = []
        while len(typed) < count:
            text = self.text(chance.randint(1, of))
            line = " ".join(self._telling(text.title, text.language)[: chance.choice((1, 2, 3))])
            typed += [(line[:length], text.language) for length in range(1, len(line) + 1) if line[length - 1] != " "]
        return typed[:count]


def kind_of(number: int) -> str:
    """The kind of a generated entry; three of four are articles."""
    return _KINDS[number % 4 == 0]


def products_of(number: int) -> list[str]:
    return [f"product-{number % 12}"]


def topics_of(number: int) -> list[str]:
    return [f"topic-{number % 8}", f"topic-{number % 5}"]
