from __future__ import annotations

import re

import pytest
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from search.showing.highlight import SNIPPET_LENGTH, mark, mark_terms, snippet

Z = "\u200c"
PLACES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted).map(tuple), max_size=6)


def plain(html: str) -> str:
    return html.replace("<mark>", "").replace("</mark>", "")


def test_places_are_marked_and_the_rest_is_escaped():
    assert mark("<b> چراغ & مودم", [(4, 8)]) == "&lt;b&gt; <mark>چراغ</mark> &amp; مودم"


def test_neighbouring_and_overlapping_marks_become_one():
    assert mark("چراغ قرمز، مودم", [(0, 4), (5, 9), (11, 15)]) == "<mark>چراغ قرمز</mark>، <mark>مودم</mark>"
    assert mark(f"وای{Z}فای", [(0, 3), (4, 7), (0, 7)]) == f"<mark>وای{Z}فای</mark>"


def test_places_beyond_the_text_are_cut():
    assert mark("مودم", [(2, 99), (50, 60), (3, 1)]) == "مو<mark>دم</mark>"


@given(st.text(max_size=60), PLACES)
def test_marking_changes_no_letter(text, places):
    assert plain(mark(text, places)) == escape(text)


@given(st.text(max_size=60), PLACES)
def test_marks_never_nest(text, places):
    inside = 0
    for tag in re.findall("</?mark>", mark(text.replace("<", ""), places)):
        inside += 1 if tag == "<mark>" else -1
        assert inside in (0, 1)


def test_a_snippet_begins_shortly_before_the_first_match_and_between_words():
    text = "پیش " * 100 + "چراغ قرمز " + "پس " * 100
    start = text.index("چراغ")

    shown = snippet(text, [(start, start + 4), (start + 5, start + 9)])

    assert shown.startswith("…پیش ")
    assert shown.endswith("پس…")
    assert "<mark>چراغ قرمز</mark>" in shown
    assert len(plain(shown)) <= SNIPPET_LENGTH + 2


def test_a_snippet_shows_where_most_different_words_are():
    text = "چراغ " + "یک " * 100 + "چراغ قرمز مودم"
    places = [(m.start(), m.end()) for m in re.finditer("چراغ|قرمز|مودم", text)]

    assert "<mark>چراغ قرمز مودم</mark>" in snippet(text, places)


def test_a_short_text_is_shown_whole_and_a_text_without_matches_from_its_beginning():
    assert snippet("مودم را خاموش کنید", [(0, 4)]) == "<mark>مودم</mark> را خاموش کنید"
    assert snippet("مودم " * 100, []).startswith("مودم مودم")
    assert snippet("", []) == ""


@given(st.text(max_size=600), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=8))
def test_a_snippet_is_part_of_the_text(text, places):
    text = text.replace("…", "")

    assert plain(snippet(text, places)).strip("…") in escape(text)


@pytest.mark.parametrize(
    ("text", "beginning", "marked"),
    [
        ("رمز مودم", "مو", "رمز <mark>مو</mark>دم"),
        ("مُشتَری", "مشت", "<mark>مُشتَ</mark>ری"),
        (f"كتاب{Z}هاي من", "کتا", f"<mark>كتا</mark>ب{Z}هاي من"),
        (f"كتاب{Z}هاي من", "کتاب", f"<mark>كتاب</mark>{Z}هاي من"),
        ("Wi-Fi", "wif", "<mark>Wi-F</mark>i"),
        ("Router", "router", "<mark>Router</mark>"),
    ],
)
def test_a_beginning_is_marked_as_far_as_it_was_typed(text, beginning, marked):
    assert mark_terms(text, set(), language="fa", beginning=beginning) == marked
