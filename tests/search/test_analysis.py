from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.text import fold
from search.language.analysis import MAX_WORD_LENGTH, clean, stem, tokens
from search.language.forms import ENGLISH_FORMS, PERSIAN_FORMS
from tests.search import golden_forms
from tests.search.golden import ENGLISH, PERSIAN, Z

TEXT = st.text(st.one_of(st.characters(), st.sampled_from("اآبپتکكيیىهةۀؤئءمن۱٢3 \u200c\u00ac\u0640\u064e-.'’aeXZ,")))


def terms(text: str, **options) -> list[str]:
    return [token.text for token in tokens(text, **options)]


def meets(question: str, text: str) -> bool:
    """Whether a text contains every word of a question, alone or joined with its neighbour."""
    written = set(terms(text))
    asked = tokens(question, query=True)
    words = {token.position for token in asked if token.width == 1}
    answered = {token.position + place for token in asked if token.text in written for place in range(token.width)}
    return bool(words) and words <= answered


@pytest.mark.parametrize(("question", "text", "expected", "reason"), PERSIAN)
def test_persian_spellings_meet_as_readers_expect(question, text, expected, reason):
    assert meets(question, text) is expected, reason


@pytest.mark.parametrize(("question", "text", "expected", "reason"), ENGLISH)
def test_english_words_meet_as_readers_expect(question, text, expected, reason):
    assert meets(question, text) is expected, reason


@pytest.mark.parametrize(("pairs", "expected"), golden_forms.TABLES)
def test_the_forms_of_a_word_meet_and_no_others_do(pairs, expected):
    both_ways = [way for pair in pairs for way in (pair, pair[::-1])]

    assert [way for way in both_ways if meets(*way) != expected] == []
    assert sum(len(pairs) for pairs, _expected in golden_forms.TABLES) >= 150


def test_the_golden_table_is_as_large_as_promised():
    assert len({(question, text) for question, text, *_ in PERSIAN}) >= 150
    assert len({(question, text) for question, text, *_ in ENGLISH}) >= 80


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (f"چراغ كتاب{Z}هاي من", [f"كتاب{Z}هاي"]),
        ("مُشتَريِ خوب", ["مُشتَريِ"]),
        (f"وای{Z}فای خانه", ["وای", "فای", f"وای{Z}فای"]),
        ("The router's light", ["router's"]),
        ("«مودم»، روشن", ["مودم"]),
    ],
)
def test_offsets_point_at_what_the_author_wrote(text, marked):
    wanted = {token.text for piece in marked for token in tokens(piece)}

    found = [text[token.start : token.end] for token in tokens(text) if token.text in wanted]

    assert found == marked


def test_a_compound_is_indexed_in_parts_and_whole():
    assert [(t.text, t.position, t.width) for t in tokens(f"پیاده{Z}سازی مودم")] == [
        ("پیاده", 0, 1),
        ("سازی", 1, 1),
        ("پیادهسازی", 0, 2),
        ("مودم", 2, 1),
    ]


def test_only_a_question_joins_its_neighbours():
    assert terms("پیاده سازی") == ["پیاده", "سازی"]
    assert terms("پیاده سازی", query=True) == ["پیاده", "پیادهسازی", "سازی"]


def test_a_stop_word_is_not_joined_with_its_neighbour():
    assert terms("مودم را خاموش", query=True) == ["مودم", "خاموش"]


def test_a_text_of_stop_words_keeps_them():
    assert terms("چرا که") == ["چرا", "که"]
    assert terms("who am I") == ["who", "am", "i"]


def test_words_are_cut_to_what_the_index_holds():
    (token,) = tokens("x" * 1000)

    assert len(token.text) == len(token.word) == MAX_WORD_LENGTH
    assert (token.start, token.end) == (0, 1000)


def test_a_language_without_a_stemmer_of_its_own_uses_the_english_one():
    assert terms("routers", language="fa") == terms("routers", language="en") == ["router"]


@pytest.mark.parametrize("text", ["", "   ", "!!!", "🙂🙂", "\x00\x01", "\ud800", Z, "_", "…"])
def test_text_without_words_has_no_terms(text):
    assert tokens(text) == []


def test_clean_takes_out_what_a_database_refuses():
    assert clean("مو\x00دم\ud800 a\tb\nc") == "مودم a\tb\nc"


@given(TEXT)
def test_any_text_survives_and_offsets_stay_inside(text):
    for token in tokens(text, query=True):
        assert 0 <= token.start < token.end <= len(text)
        assert token.text
        assert token.word


@given(TEXT, st.booleans())
def test_the_place_of_a_term_holds_the_letters_of_its_word(text, query):
    for token in tokens(text, query=query):
        letters = "".join(c for c in fold(text[token.start : token.end]) if c.isalnum())
        assert token.word in letters


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "a-",
        "a.",
        "don't ",
        f"م{Z}",
        "می ",
        f"کتاب{Z}ها ",
        "((",
        "<b>",
        "\ud800",
        "\u0640",
        "۱٬۲۰۰",
        "ﷺ",
        "\U0001f642",
    ],
)
@pytest.mark.parametrize("query", [False, True])
def test_giant_and_deeply_linked_text_is_no_trouble(piece, query):
    text = piece * (100_000 // max(1, len(fold(piece))))  # one ligature may become eighteen letters

    found = tokens(text, query=query)

    assert all(0 <= token.start < token.end <= len(text) and token.text for token in found)
    assert {token.text for token in tokens(f"{text} مودم", query=query)} >= {"مودم"}


@given(st.text("ابپتثجچحخدرزسشعفقکگلمنوهی", min_size=1, max_size=20))
def test_a_persian_stem_begins_the_word_and_is_no_single_letter(word):
    stemmed = stem(word)

    assert word.startswith((stemmed, *_forms_of(stemmed))) or word in PERSIAN_FORMS
    assert len(stemmed) >= min(2, len(word)) or stemmed.isdecimal()


def _forms_of(stemmed: str) -> tuple[str, ...]:
    """The words that are indexed as this one."""
    return tuple(form for form, word in PERSIAN_FORMS.items() if word == stemmed)


def test_a_word_of_the_tables_of_forms_is_not_stemmed_further():
    assert {word for word in PERSIAN_FORMS.values() if stem(word) != word} == set()
    assert {word for word in ENGLISH_FORMS.values() if word in ENGLISH_FORMS and ENGLISH_FORMS[word] != word} == set()


@given(TEXT)
def test_a_text_answers_a_question_in_its_own_words(text):
    assert meets(text, text) == bool(tokens(text))


@given(TEXT)
def test_a_term_is_the_stem_of_its_word(text):
    assert all(token.text == stem(token.word)[:MAX_WORD_LENGTH] for token in tokens(text) if len(token.word) < 64)


@given(st.lists(st.sampled_from(["مودم", "كتاب", "گوشي", "router", "۱۲", "آنتن"]), min_size=1, max_size=6))
def test_arabic_letters_and_latin_digits_change_nothing(words):
    one = " ".join(words)
    other = one.replace("ك", "ک").replace("ي", "ی").replace("۱۲", "12").replace("آ", "ا")

    assert terms(one) == terms(other)
