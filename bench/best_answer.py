"""Measure how often the best answer is shown, and how often it is correct. Run by `script/bench best-answer`.

Two sets of questions, each with an index of its own:

- questions as customers type them, on the demo's articles in Persian and English (bench/demo_questions.tsv; some have
  no answer)
- questions people wrote about 1,103 passages of an encyclopaedia (PQuAD, ../shared/data), if that is present; the first
  sentence of a passage is its short answer

*Coverage* is the share of answerable questions with a correct card, *precision* the share of correct cards; a card for
a question without an answer is wrong. The bar is a precision of 90 %.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django

ROOT: Final = Path(__file__).resolve().parent.parent
QUESTIONS: Final = ROOT / "bench" / "demo_questions.tsv"
PASSAGES: Final = ROOT.parent / "shared" / "data" / "pquad_validation.json.gz"
BAR: Final = 0.9
_FIRST_SENTENCE: Final = re.compile(r".{40,320}?[.؟!](?=\s|$)", re.DOTALL)

_data = tempfile.TemporaryDirectory()
os.environ.update(DJANGO_SETTINGS_MODULE="portal.settings.dev", DATA_DIR=_data.name)
os.environ.pop("DATABASE_URL", None)
sys.path.insert(0, str(ROOT))
django.setup()

from django.conf import settings  # noqa: E402 - the settings first
from django.core.management import call_command  # noqa: E402
from django.utils import translation  # noqa: E402

from faq.models import ArticlePage  # noqa: E402
from portal.catalog.models import Topic  # noqa: E402
from search import registry  # noqa: E402
from search.documents import AnswerCard, SearchDocument, SearchEntry  # noqa: E402
from search.index.answering import get_backend  # noqa: E402
from search.queries import search  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.db.models import QuerySet


@dataclass(slots=True)
class Tally:
    """The results of a set of questions."""

    name: str
    questions: int = 0
    answerable: int = 0
    cards: int = 0
    right: int = 0

    def count(self, shown: int | None, wanted: set[int]) -> None:
        self.questions += 1
        self.answerable += bool(wanted)
        self.cards += shown is not None
        self.right += shown in wanted

    @property
    def precision(self) -> float:
        return self.right / self.cards if self.cards else 0.0

    def __str__(self) -> str:
        coverage = self.right / self.answerable if self.answerable else 0.0
        return (
            f"{self.name:<24} {self.questions:>6} questions, {self.answerable:>6} with an answer: "
            f"{self.cards:>5} cards, coverage {coverage:6.1%}, precision {self.precision:6.1%}"
        )


def card_for(text: str, language: str) -> int | None:
    """The id of the object whose card an anonymous visitor is shown, or None."""
    best = search(text=text, user=None, language=language).best
    return best.hit.object_id if best else None


def demo(language: str) -> Tally:
    articles = ArticlePage.objects.filter(locale__language_code=language)
    known = dict(articles.values_list("external_id", "pk"))
    tally = Tally(f"demo, {language}")
    with translation.override(language):
        for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{language}\t"):
                _language, text, wanted = line.split("\t")
                tally.count(card_for(text, language), {known[name] for name in wanted.split() if name != "-"})
    return tally


class PassageDocument(SearchDocument[Topic]):
    """The passages: all public, all with a card, and not stored in a table."""

    name = "bench.passage"
    model = Topic
    label = label_plural = "Passages"

    def get_queryset(self) -> QuerySet[Topic]:
        return Topic.objects.none()

    def to_entry(self, instance: Topic) -> SearchEntry:
        raise NotImplementedError

    def visible_to(self, user: object, ids: Collection[int]) -> set[int]:
        return set(ids)

    def answer_card(self, object_id: int) -> AnswerCard:
        return AnswerCard(short_answer="")


def entries(texts: list[dict[str, str]]) -> Iterator[SearchEntry]:
    for number, text in enumerate(texts):
        passage = text["passage"]
        sentence = _FIRST_SENTENCE.match(passage)
        end = sentence.end() if sentence else min(320, len(passage))
        yield SearchEntry(
            kind=PassageDocument.name,
            object_id=number,
            language="fa",
            title=text["title"],
            short_answer=passage[:end],
            body=passage[end:],
            url=f"/{number}/",
            audience="public",
        )


def passages() -> Tally:
    with gzip.open(PASSAGES, "rt", encoding="utf-8") as file:
        texts = json.load(file)
    registry.register(PassageDocument)
    backend = get_backend()
    with backend.rebuild():
        for kind in backend.kinds():
            backend.remove(kind=kind, object_ids={number for number, *_rest in backend.digests(kind)})
        backend.put(list(entries(texts)))
    tally = Tally("passages (PQuAD), fa")
    with translation.override("fa"):
        for number, text in enumerate(texts):
            for question in text["questions"]:
                tally.count(card_for(question, "fa"), {number})
    return tally


def main() -> int:
    argparse.ArgumentParser(
        prog="script/bench best-answer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    settings.DEBUG = False  # otherwise Django stores every statement
    call_command("prepare", demo=True, verbosity=0)
    tallies = [demo("fa"), demo("en")]
    if PASSAGES.exists():
        tallies.append(passages())
    else:
        print(f"skipped: {PASSAGES} is not there")
    for tally in tallies:
        print(tally)
    return 0 if all(tally.precision >= BAR for tally in tallies) else 1


if __name__ == "__main__":
    raise SystemExit(main())
