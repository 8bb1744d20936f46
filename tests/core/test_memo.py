"""Memos are limited in number and in bytes, and staff see what they hold."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from portal.core import memo
from portal.core.memo import Memo, bounded_cache
from portal.core.sizes import size_of


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    hits: tuple[str, ...] = ()


@pytest.fixture
def made(monkeypatch):
    """Memos of a test are forgotten after it."""
    monkeypatch.setattr(memo, "_memos", [])
    monkeypatch.setattr(memo, "_caches", [])

    def make(**options) -> Memo:
        return Memo(**{"max_size": 1_000, **options})

    return make


@pytest.mark.parametrize(
    "value",
    [
        "متن" * 1_000,
        b"x" * 2_000,
        ["متن" * 1_000],
        {"key": "متن" * 1_000},
        Answer("متن" * 1_000),
        Answer("", ("x" * 2_000,)),
    ],
)
def test_the_size_of_a_value_includes_what_it_holds(value):
    assert 2_000 < size_of(value) < 8_000


def test_what_a_value_holds_twice_or_in_a_circle_counts_once():
    text = "x" * 10_000
    circle = [text, text]
    circle.append(circle)

    assert 10_000 < size_of(circle) < 11_000


def test_a_class_and_a_function_belong_to_everybody():
    assert size_of(Answer) == size_of(size_of) == size_of(None) == 0


def test_the_least_used_values_go_when_the_bytes_are_used_up(made):
    texts = made(max_bytes=100_000)
    for number in range(100):
        texts.get(number, lambda: "x" * 10_000)
        texts.get(0, lambda: "asked for all the time")

    assert len(texts) <= 10
    assert texts.size <= 100_000
    assert texts.get(0, lambda: "made again") == "x" * 10_000


def test_a_value_that_is_too_large_displaces_all_others_and_is_the_next_to_go(made):
    texts = made(max_bytes=10_000)
    texts.get("small", lambda: "x")
    texts.get("large", lambda: "x" * 100_000)
    assert len(texts) == 1

    texts.get("small", lambda: "x")
    assert len(texts) == 1
    assert texts.size < 10_000


def test_a_value_made_again_counts_once_and_forgotten_ones_not_at_all(made):
    texts = made(seconds=0)
    for _ in range(5):
        texts.get("key", lambda: "x" * 10_000)
    assert 10_000 < texts.size < 11_000

    texts.forget()
    assert (texts.size, len(texts)) == (0, 0)


def test_staff_see_what_all_memos_and_caches_hold(made):
    @bounded_cache(max_bytes=1_000, usual_bytes=100)
    def double(text: str) -> str:
        return text * 2

    made().get("key", lambda: "x" * 10_000)
    made(max_bytes=5_000)
    assert [double(str(number)) for number in range(50)][3] == "33"

    found = memo.figures()

    assert found.pop("bytes") == pytest.approx(10_100, abs=200)
    assert found == {
        "values": 1, "max_bytes": memo.MAX_BYTES + 5_000, "function_results": 10, "function_bytes": 1_000,
    }  # fmt: skip
