"""The words a language knows, and the endings that are said."""

from __future__ import annotations

import pytest

from search.language.endings import is_said, without_ending
from search.language.lexicon import FOLDER, known


@pytest.mark.parametrize("language", ["fa", "en"])
def test_every_row_is_found_and_nothing_between_the_rows(language):
    words = [row.rpartition(" ")[0] for row in (FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()]

    assert words == sorted(set(words), key=lambda word: f"{word} ".encode())
    for word in [words[0], words[-1], *words[::997]]:
        assert known(word)
        assert not known(word + "qq")
    assert 20_000 < len(words) < 60_000  # nearly 1 MB together, which is never read as a whole


@pytest.mark.parametrize(
    "word", ["", "x", "12", "a1", "\u0600", "zzzzzz", "teh", "becuase", "مودن", "\ud7ff", "日本", "a b"]
)
def test_what_is_no_word_is_not_known(word):
    assert known(word) is None


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("قبضم", "قبض"),
        ("گوشیم", "گوشی"),
        ("گوشیمو", "گوشی"),
        ("مودمو", "مودم"),
        ("حسابتو", "حساب"),
        ("بچشون", "بچه"),
        ("شمارم", "شماره"),
        ("مشکلی", "مشکل"),
        ("طلامو", "طلا"),
        ("خانمایی", "خانم"),
        ("بازیا", "بازی"),
        ("اینترنتم", "اینترنت"),
        ("کارت", ""),
        ("سیستم", ""),
        ("ورزش", ""),
        ("گوشی", ""),
        ("گوش", ""),
        ("خدمات", ""),
        ("رومینگم", ""),
        ("router", ""),
    ],
)
def test_an_ending_is_taken_off_what_then_is_a_headword(word, base):
    assert without_ending(word) == base


@pytest.mark.parametrize(("word", "expected"), [("come", True), ("متنفرند", True), ("کمنر", False), ("حزینه", False)])
def test_a_word_is_said_if_it_is_usual_with_or_without_an_ending(word, expected):
    assert is_said(word) is expected
