"""The second look at the best entries: titles that a question covers, words that stand together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search.index import closeness
from search.index.plan import PAGE_SIZE, Filters, Sort
from tests.factories.search import entry
from tests.search.asking import plan_for

pytestmark = pytest.mark.django_db


def found(backend, text, **options):
    return [hit.object_id for hit in closeness.search(backend, plan_for(backend, text, **options)).hits]


@pytest.mark.parametrize(
    ("language", "asked", "short", "long"),
    [
        ("fa", "کد تخفیف", "کد تخفیف", "چگونه کد تخفیف یک هدیه را برای دوست خود عوض کنم"),
        ("en", "voucher", "Voucher", "How to change the voucher of a gift for a friend"),
    ],
)
def test_the_title_that_is_the_question_comes_first(backend, language, asked, short, long):
    backend.put(
        [
            entry(object_id=1, language=language, title=long, body=f"{asked} {asked}"),
            entry(object_id=2, language=language, title=short),
        ]
    )

    assert found(backend, asked, filters=Filters(language=(language,))) == [2, 1]


@pytest.mark.parametrize("field", ["short_answer", "body"])
def test_words_that_stand_together_come_before_the_same_words_apart(backend, field):
    apart = "تعرفه را هر سال بار دیگر می‌نویسیم و پس از آن خبر می‌دهیم که نصب فیبر تازه چه روزی است"
    together = "هر سال بار دیگر می‌نویسیم و پس از آن خبر می‌دهیم که تعرفه نصب فیبر تازه را چه روزی است"
    backend.put(
        [
            entry(object_id=1, title="یک", **{field: apart}),
            entry(object_id=2, title="دو", **{field: together}),
        ]
    )

    assert found(backend, "تعرفه نصب فیبر") == [2, 1]


def test_pages_repeat_and_lose_nothing(backend):
    count = closeness.LOOKED_AT + PAGE_SIZE + 3
    backend.put([entry(object_id=number, title="مودم " * (number % 3 + 1)) for number in range(1, count + 1)])
    plan = plan_for(backend, "مودم")

    pages = [
        [hit.object_id for hit in closeness.search(backend, replace(plan, offset=offset)).hits]
        for offset in range(0, count + PAGE_SIZE, PAGE_SIZE)
    ]

    assert sorted(number for page in pages for number in page) == list(range(1, count + 1))
    assert [len(page) for page in pages] == [20, 20, 20, 3, 0]
    assert closeness.search(backend, replace(plan, limit=count)).hits == [
        hit for page in range(4) for hit in closeness.search(backend, replace(plan, offset=page * PAGE_SIZE)).hits
    ]


def test_newest_first_stays_so(backend):
    backend.put([entry(object_id=1, title="یک مودم آبی"), entry(object_id=2, title="مودم")])
    plan = replace(plan_for(backend, "مودم"), sort=Sort.NEWEST)

    assert closeness.search(backend, plan) == backend.search(plan)
