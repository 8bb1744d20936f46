"""What customers ask, in their own words, finds the demo's article that answers; the same on both databases.

The questions (`golden_questions/`: a question, the articles that answer) were written from the articles' titles, before
it was seen what search answers: complaints, fragments, spoken verbs, two problems at once. Others are about something
else (`…_off_topic.txt`), of which search says so. The bars are what is reached; raise them when search gets better.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction

from bench import search_data
from bench.search_documents import register_documents
from bench.search_portal import entry_of
from portal.core.memo import forget_all
from portal.demo.answers import SYNONYMS, OneWay
from search import registry
from search.asking.notices import NoticeCode
from search.index.answering import get_backend
from search.models import Synonym
from search.queries import search

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]

FOLDER = Path(__file__).parent / "golden_questions"
#: Complaints in a few words → the article that helps, which is among the first so many.
COMPLAINTS = {
    "fa": {
        "اینترنتم قطعه": "drops-every-few-minutes red-light data-finished",
        "مودم وصل نمیشه": "red-light self-install open-settings-page",
        "نت ندارم": "red-light apn-settings drops-every-few-minutes data-finished",
        "اینترنت خیلی کنده": "slow-evenings fair-use",
        "قبضم زیاد اومده": "bill-higher",
    },
    "en": {
        "internet not working": "apn-settings red-light drops-every-few-minutes",
        "overcharged": "bill-higher refund",
        "my internet is slow": "slow-evenings fair-use",
        "remote broken": "tv-remote",
    },
}
AMONG = 3


def rows(language: str) -> list[tuple[str, frozenset[str]]]:
    lines = (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [(text, frozenset(names.split())) for text, names in (line.split("\t") for line in lines)]


def off_topic(language: str) -> list[str]:
    return (FOLDER / f"{language}_off_topic.txt").read_text(encoding="utf-8").splitlines()


def on_topic(language: str) -> list[str]:
    """The questions of this module, and those of the bench: there are short ones among them."""
    return [text for text, _names in rows(language)] + [
        each.text for each in search_data.demo(language, 1_000).questions
    ]


@dataclass(frozen=True)
class Answered:
    """The names of the articles found, and whether the reader is told that nothing is about the question."""

    names: list[str]
    is_about: bool


def answered(text: str, language: str, names: dict[int, str]) -> Answered:
    found = search(text=text, user=None, language=language)
    told = any(notice.code == NoticeCode.NOT_ABOUT for notice in found.notices)
    return Answered([names[hit.object_id] for hit in found.hits[:10]], bool(found.hits) and not told)


@pytest.fixture(scope="module")
def found(django_db_setup, django_db_blocker):
    """The names of the articles found for every question and complaint, with the demo's articles and synonyms alone."""
    known = dict(registry._documents)
    forget_all()
    with django_db_blocker.unblock(), transaction.atomic():
        register_documents()
        articles = search_data.demo("fa", 1).texts
        names = dict(zip((text.number for text in articles), search_data.demo_names(), strict=True))
        for language, lists in SYNONYMS.items():
            for words in lists:
                is_one_way = isinstance(words, OneWay)
                fields = {"words": words.words, "also_finds": words.finds} if is_one_way else {"words": words}
                direction = Synonym.Direction.ONE_WAY if is_one_way else Synonym.Direction.TWO_WAY
                Synonym.objects.create(language=language, direction=direction, **fields)
        get_backend().put([entry_of(text) for text in articles])
        answers = {}
        for language in ("fa", "en"):
            written = [text for text, _names in rows(language)]
            typed = [*written, *map(search_data.with_a_typo, written), *COMPLAINTS[language]]
            for text in {*typed, *on_topic(language), *off_topic(language)}:
                answers[language, text] = answered(text, language, names)
        transaction.set_rollback(True)
    registry._documents.clear()
    registry._documents.update(known)
    forget_all()
    return answers


def test_there_are_enough_and_each_names_articles_that_exist():
    names = set(search_data.demo_names())
    for language in ("fa", "en"):
        texts = [text for text, _answers in rows(language)]
        assert len(set(texts)) == len(texts) >= 150
        assert {name for _text, answers in rows(language) for name in answers} <= names


@pytest.mark.parametrize(
    ("language", "typed", "least"),
    [
        ("fa", search_data.as_written, 90.5),
        ("fa", search_data.with_a_typo, 88.0),
        ("en", search_data.as_written, 88.0),
        ("en", search_data.with_a_typo, 85.5),
    ],
)
def test_the_article_that_answers_comes_first_or_nearly_so(found, language, typed, least):
    ranks = [
        next((1 / place for place, name in enumerate(found[language, typed(text)].names, 1) if name in answers), 0.0)
        for text, answers in rows(language)
    ]

    assert 100 * statistics.fmean(ranks) >= least


@pytest.mark.parametrize("language", ["fa", "en"])
def test_short_complaints_find_what_helps(found, language):
    missed = {
        text: found[language, text].names[:AMONG]
        for text, names in COMPLAINTS[language].items()
        if not set(names.split()) & set(found[language, text].names[:AMONG])
    }
    assert missed == {}


@pytest.mark.parametrize(("language", "off", "on"), [("fa", 94.5, 1.5), ("en", 94.5, 3.0)])
def test_what_nothing_is_about_is_said_and_only_that(found, language, off, on):
    others, own = off_topic(language), on_topic(language)

    told = [text for text in others if not found[language, text].is_about]
    wrongly = [text for text in own if not found[language, text].is_about]

    assert min(len(set(others)), len(set(own))) >= 200
    assert 100 * len(told) / len(others) >= off
    assert 100 * len(wrongly) / len(own) <= on, wrongly
