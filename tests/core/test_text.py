from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.core.text import (
    fold,
    fold_with_offsets,
    is_persian,
    isolate,
    normalise_address,
    normalise_input,
    reading_minutes,
    slugify_unicode,
    swap_keyboard,
    to_latin_digits,
    to_persian_digits,
)

#: Anything a Python string can contain, including lone surrogates, which JSON may contain.
any_text = st.text(alphabet=st.characters(exclude_categories=()))
persian_text = st.text(
    alphabet="اآأإٱبپتةجچحخدذرزژسشصضطظعغفقکكگلمنوؤهۀیيىئء۰۱۲٣٤ ﷼ﷲﻻ👍🏽ـ\u064b\u064e\u0651\u0654\u0670\u200b\u200c\u200d\u200e\u200f"
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("كتاب‌هاي", "کتاب‌های"),
        ("مُشتَری ۱۲٣", "مشتری 123"),
        ("خانۀ ما", "خانه ما"),
        ("خانهٔ ما", "خانه ما"),
        ("مسئلهٔ", "مسیله"),
        ("مسأله", "مساله"),
        ("آب", "اب"),
        ("مؤثر", "موثر"),
        ("جزء", "جز"),
        ("ســـلام", "سلام"),
        ("می¬شود", "می‌شود"),
        ("می\u200bشود", "می‌شود"),
        ("\u202bمودم\u202c", "مودم"),
        ("ﷲ ﻻ", "الله لا"),
        ("۱٬۲۵۰٫۵٪", "1,250.5%"),
        ("Café İSTANBUL ß", "cafe istanbul ss"),
        ("Ｎｏｏｒａ　Ｘ２", "noora x2"),
        ("Ёлка", "елка"),
        ("nul\x00here", "nul here"),
        ("lone\ud800surrogate", "lone surrogate"),
    ],
)
def test_spellings_of_one_word_fold_to_one_text(written, folded):
    assert fold(written) == folded


def test_composed_and_decomposed_letters_fold_alike():
    for letter in "آأإؤئۀۂۓéöçйё":
        assert fold(letter) == fold(unicodedata.normalize("NFD", letter)), letter


def test_half_spaces_and_spaces_meet_as_words():
    assert fold("می‌شود").replace("\u200c", " ") == fold("می شود") == "می شود"


@given(st.one_of(any_text, persian_text))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


def test_folding_is_stable_for_every_character_there_is():
    characters = (chr(code) for code in range(0x110000))
    folded = (fold(c) for c in characters if unicodedata.category(c) not in {"Cn", "Co"})

    assert [text for text in folded if fold(text) != text] == []


@given(st.one_of(any_text, persian_text))
@example("ﷲ ß é")
def test_every_folded_character_knows_where_it_came_from(text):
    folded, offsets = fold_with_offsets(text)

    assert folded == fold(text)
    assert len(offsets) == len(folded)
    assert offsets == sorted(offsets)
    assert all(character in fold(text[offset]) for character, offset in zip(folded, offsets, strict=True))


def test_a_found_word_is_cut_from_the_original_with_its_own_letters():
    text = "راهنمای كتابِ تازه"
    folded, offsets = fold_with_offsets(text)

    start = folded.index("کتاب")
    end = start + len("کتاب")

    assert text[offsets[start] : offsets[end - 1] + 1] == "كتاب"


@given(any_text)
def test_folded_text_can_be_stored(text):
    folded = fold(text)

    assert "\x00" not in folded
    assert folded.encode().decode() == folded


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("كيك موسى", "کیک موسی"),
        ("می‌خواهم", "می‌خواهم"),
        ("\u200fسلام\u200e \u202eabc\u202c", "سلام abc"),
        ("a\x00b\x07c\ud800d\ufeff", "abcd"),
        ("یک\r\nدو\rسه", "یک\nدو\nسه"),
        ("e\u0301", "é"),
        ("شمارهٔ ۱۲", "شمارهٔ ۱۲"),
        ("ی\u0654ک", "ی\u0654ک"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_what_is_typed_is_stored_clean_and_otherwise_as_it_was(typed, stored):
    assert normalise_input(typed) == stored


def test_digits_of_input_become_latin_only_when_asked():
    assert normalise_input("۰۹۱۲ ٣٤٥", digits=True) == "0912 345"
    assert normalise_input("۰۹۱۲ ٣٤٥") == "۰۹۱۲ ٣٤٥"


@given(st.one_of(any_text, persian_text))
def test_cleaning_input_twice_changes_nothing_and_leaves_it_storable(text):
    cleaned = normalise_input(text, digits=True)

    assert normalise_input(cleaned, digits=True) == cleaned
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned


def test_digits_turn_both_ways_and_nothing_else_does():
    assert to_latin_digits("۱۲٣ a٫") == "123 a٫"
    assert to_persian_digits("12٣ a.") == "۱۲۳ a."


def test_isolated_text_cannot_end_its_isolation_early():
    assert isolate("a\u2069b\u202ec") == "\u2068abc\u2069"


@pytest.mark.parametrize(
    ("text", "persian"),
    [
        ("مودم X2", True),
        ("وای‌فای چیست؟", True),
        ("Wi-Fi password رمز", False),
        ("router", False),
        ("۱۲۳ !؟", False),
        ("", False),
        ("ﻻ", True),
    ],
)
def test_the_dominant_script_decides(text, persian):
    assert is_persian(text) is persian


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("]vhy rvlc", "چراغ قرمز"),
        ("قخعفثق", "router"),
        ("Vlc", "رمز"),
        ("ئخیثئ", "modem"),
        ("مودم x2", "مودم x2"),
        ("123 ?!", "123 ?!"),
        ("", ""),
    ],
)
def test_wrong_keyboard_is_turned_over_and_mixed_text_left_alone(typed, meant):
    assert swap_keyboard(typed) == meant


@pytest.mark.parametrize(
    ("words", "language", "minutes"),
    [(1, "fa", 1), (200, "fa", 1), (201, "fa", 2), (220, "en", 1), (0, "en", 1), (450, "fa-ir", 3)],
)
def test_reading_time_is_rounded_up_and_never_nothing(words, language, minutes):
    assert reading_minutes("می‌شود " * words, language) == minutes


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("چراغِ قرمزِ مودم؛ چه کنم؟", "چراغ-قرمز-مودم-چه-کنم"),
        ("نمی‌شود ۱۲ بار", "نمی-شود-12-بار"),
        ("شركت‌هاي", "شرکت-های"),
        ("برنامهٔ «نورا»", "برنامه-نورا"),
        ("Reset your Café Router!", "reset-your-café-router"),
        ("!!! 👍", ""),
    ],
)
def test_slugs_are_readable_in_their_own_script(title, slug):
    assert slugify_unicode(title) == slug


def test_long_slugs_end_with_a_whole_word():
    assert slugify_unicode("one two three", max_length=8) == "one-two"
    assert slugify_unicode("one two three", max_length=7) == "one-two"
    assert slugify_unicode("oneandonly", max_length=4) == "onea"


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("Ali@Example.com", "ali@example.com"),
        ("a\u2060li@exa\u00admple.com", "ali@example.com"),
        ("ａli＠example。com", "ali@example.com"),
        ("ali@exam\u200cple.com", "ali@example.com"),
        ("ali@نامه\u200cای.example", "ali@xn--mgba3gch31f060k.example"),
        ("ali@straße.example", "ali@xn--strae-oqa.example"),
        ("ali@b\u0151.example", "ali@xn--b-8la.example"),
        ("ali@[127.0.0.1]", "ali@[127.0.0.1]"),
        ("ali@", None),
        ("@example.com", None),
        ("nothing", None),
        ("ali@\u200c\u200d", None),
        ("ali@" + "ä" * 64 + ".com", None),
    ],
)
def test_one_mailbox_has_one_address(typed, form):
    assert normalise_address(typed) == form


@given(any_text)
def test_the_address_of_an_address_is_itself(text):
    form = normalise_address(f"{text}@{text}.example")

    assert form is None or normalise_address(form) == form


@given(any_text)
def test_no_tool_stumbles_over_any_text(text):
    for tool in (fold, to_latin_digits, to_persian_digits, isolate, swap_keyboard, slugify_unicode):
        assert isinstance(tool(text), str)
    assert is_persian(text) in {True, False}
    assert reading_minutes(text, "fa") >= 1
