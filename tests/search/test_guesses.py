"""Readings of unknown words other than Finglish (see test_finglish)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.models import Topic
from search import services
from search.asking.notices import NoticeCode
from search.language.corrections import (
    LONGEST_OF_TWO_SLIPS,
    SHORTEST_OF_TWO_SLIPS,
    candidates_for,
    correct,
    distance,
    two_slips_from,
)
from search.queries import search
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
Z = "\u200c"
LETTERS = st.text("ابپتثجحدذرزسشصضطظعغقکگلمنوهی", min_size=1, max_size=12)


@pytest.fixture
def topics(topic_document):
    titles = {
        "modem": ("مودم را خاموش کنید", "Restart the router"),
        "request": ("درخواست هزینه‌ها", "Request a refund"),
        "phone": ("گوشی من", "Configuration of a phone"),
        "demo": ("تظاهرات در نمایشگاه", "Exhibition"),
        "setup": ("تنظیم شبکه", "Network settings"),
    }
    for code, (persian, english) in titles.items():
        Topic.objects.create(code=code, name={"fa": persian, "en": english})
    services.rebuild()


def read_as(text: str, language: str = "fa", user=None) -> str | None:
    notices = search(text=text, user=user, language=language).notices
    return next((notice.used for notice in notices if notice.code == NoticeCode.REPAIRED), None)


def found(text: str, language: str = "fa") -> list[str]:
    return [hit.url.rstrip("/").rpartition("/")[2] for hit in search(text=text, user=None, language=language).hits]


@pytest.mark.parametrize(("text", "language"), [("مو دم", "fa"), ("rou ter", "en")])
def test_a_word_written_as_two_is_found_as_one(topics, text, language):
    assert found(text, language) == ["modem"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("در خواست", "درخواست"),
        ("ارسال در خواست", "ارسال درخواست"),
        ("نمایش گاه", "نمایشگاه"),
    ],
)
def test_a_word_is_joined_with_its_neighbour_even_a_stop_word(topics, text, meant):
    Topic.objects.create(code="send", name={"fa": "ارسال نمایش"})
    services.rebuild()

    assert meant in {read_as(text), text.replace(" گاه", "گاه") if found(text) else None}
    assert found(text)


@pytest.mark.parametrize(("text", "meant"), [("حزینه", "هزینه"), ("تضاحرات", "تظاهرات"), ("گوضی", "گوشی")])
def test_what_sounds_alike_is_understood(topics, text, meant):
    assert read_as(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("گوشیم", "phone"),
        ("گوشیمو", "phone"),
        ("گوشیه", "phone"),
        ("مودمم خاموشه", "modem"),
        ("مودممون", "modem"),
        ("درخواستم", "request"),
        ("درخواستی", "request"),
    ],
)
def test_an_ending_that_is_said_is_taken_off_without_a_word(topics, text, meant):
    assert (found(text), read_as(text)) == ([meant], None)

    Topic.objects.create(code="other", name={"fa": f"تلویزیون {text}"})  # somebody else writes it so
    services.rebuild()
    assert set(found(text)) == {meant, "other"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("come", "en"),
        ("age limit network", "en"),
        ("recipe for noodles", "en"),
        ("خرید یخچال ساید بای ساید", "fa"),
        ("کارد میوه", "fa"),
        ("error 120", "en"),
        ("خطای ۶۴۳ شبکه", "fa"),
        ("هزینه MRI", "fa"),
    ],
)
def test_words_and_numbers_that_stand_nowhere_are_no_slips(topics, text, language):
    names = {"fa": "سایت باز چین کار شبکه 12 642", "en": "code home are limits nodes error 1200 12 received"}
    Topic.objects.create(code="near", name=names)
    services.rebuild()

    result = search(text=text, user=None, language=language)

    assert (result.text, result.meant) == (text, "")


def test_a_slip_is_read_as_what_fits_the_other_words(topics):
    Topic.objects.create(code="router", name={"fa": "روتر وصل نیست"})
    for number in range(6):
        Topic.objects.create(code=f"office{number}", name={"fa": f"دفتر {number}"})
    services.rebuild()

    assert read_as("دوتر وصل") == "روتر وصل"
    assert read_as("دوتر") == "دفتر"


def test_a_real_word_is_changed_only_where_an_entry_about_the_rest_is_called_so(topics):
    Topic.objects.create(code="form", name={"en": "Application form"})
    services.rebuild()

    assert read_as("application from", "en") == "application form"
    assert read_as("network from", "en") is None
    assert read_as("from", "en") is None


def test_one_word_on_the_wrong_keyboard_is_turned_around(topics):
    assert read_as("تنظیم afmi") is None
    assert read_as("تنظیم afi;") is None
    assert read_as("خاموش l,nl") == "خاموش مودم"
    assert read_as("settings قخعفثق", "en") == "settings router"


@pytest.mark.parametrize(("text", "meant"), [("configuartoin", "Configuration"), ("exibitoin", "Exhibition")])
def test_two_slips_in_a_long_word_are_found(topics, text, meant):
    assert read_as(text, "en") == meant


def test_two_slips_in_a_short_word_make_another_word(topics):
    assert read_as("ruoetr", "en") is None


def test_a_private_word_is_nobodys_correction(topics):
    Topic.objects.create(code="secret", name={"fa": "محرمانه"}, tone=Topic.Tone.POM)
    services.rebuild()

    assert read_as("مهرمانح", user=UserFactory(staff=True)) == "محرمانه"
    assert read_as("مهرمانح") is None
    assert read_as("محرم انه") is None


@given(LETTERS, LETTERS)
def test_the_distance_of_words_is_the_same_both_ways(one, other):
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert (distance(one, other) == 0) == (one == other)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=SHORTEST_OF_TWO_SLIPS, max_size=LONGEST_OF_TWO_SLIPS))
def test_two_slips_are_thousands_not_millions_and_cost_more_than_one(word):
    two = two_slips_from(word)

    assert len(two) < 32_000
    assert min(two.values()) >= min(candidates_for(word).values())


def test_the_index_is_asked_once_unless_a_long_word_stays_unknown():
    asked: list[int] = []

    def known(spellings):
        asked.append(len(spellings))
        return {}

    assert correct(["modem", "router"], known) == {}
    assert len(asked) == 1
    assert correct(["configuartoin"], known, readable=["configuartoin"]) == {}
    assert len(asked) == 2
    assert correct(["configuartoin"], known) == {}
    assert len(asked) == 4
