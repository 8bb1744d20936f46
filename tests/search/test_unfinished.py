"""Suggestions while a person types words that are not in the index."""

from __future__ import annotations

import pytest

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from search import services
from search.asking.notices import NoticeCode
from search.language.finglish import misfit_of_beginning
from search.language.finglish_beginnings import beginnings
from search.queries import suggest
from tests.factories.accounts import UserFactory
from tests.search.test_finglish import HELD_OUT, PAIRS, pairs
from tests.search.test_views import get

pytestmark = pytest.mark.django_db
Z = "\u200c"


@pytest.fixture
def topics(topic_document):
    register_audience("staff")
    titles = {
        "order": "پیگیری سفارش",
        "travel": "اینترنت در سفر",
        "password": "تغییر گذرواژه",
        "modem": "چراغ قرمز مودم",
        "sim": f"سیم{Z}کارت سوخته",
    }
    for code, title in titles.items():
        Topic.objects.create(code=code, name={"fa": title, "en": f"About {code}"})
    Topic.objects.create(code="secret", name={"fa": "زبرجد محرمانه"}, tone=Topic.Tone.POM)
    services.rebuild()


def offered(text: str, language: str = "fa", user=None) -> list[str]:
    groups = suggest(text=text, user=user, language=language).groups
    return [hit.url.rstrip("/").rpartition("/")[2] for group in groups for hit in group.hits]


def read_as(text: str, language: str = "fa") -> tuple[NoticeCode, str] | None:
    notice = suggest(text=text, user=None, language=language).notice
    return (notice.code, notice.used) if notice else None


@pytest.mark.parametrize(
    ("text", "code", "used"),
    [
        ("sefaresh", "order", "سفارش"),
        ("chetor sefaresh", "order", "چطور سفارش"),
        ("chetor sefar", "order", "چطور سفارش"),
        ("peygiri sefa", "order", "پیگیری سفارش"),
        ("gozarvaje", "password", "گذرواژه"),
        ("gozarva", "password", "گذرواژه"),
        ("taghir goz", "password", "تغییر گذرواژه"),
        ("cheragh gherm", "modem", "چراغ قرمز"),
        ("simkart sukh", "sim", f"سیم{Z}کارت سوخته"),
        ("gozarvaje تغی", "password", "گذرواژه تغی"),
        ("Sefaresh", "order", "سفارش"),
    ],
)
def test_finglish_is_read_while_it_is_typed(topics, text, code, used):
    assert read_as(text) == (NoticeCode.FINGLISH, used)
    assert offered(text)[0] == code


@pytest.mark.parametrize(
    ("text", "code", "used"),
    [("مودن قرمز", "modem", "مودم قرمز"), ("مودن قر", "modem", "مودم قر"), ("پیگیری سفارس", "order", "پیگیری سفارش")],
)
def test_a_slip_is_mended_while_the_next_word_is_typed(topics, text, code, used):
    assert read_as(text) == (NoticeCode.REPAIRED, used)
    assert offered(text) == [code]


def test_on_an_english_page_finglish_offers_the_persian_articles(topics):
    assert read_as("cheragh ghermez modem", "en") == (NoticeCode.FINGLISH, "چراغ قرمز modem")
    assert offered("cheragh ghermez modem", "en") == ["modem"]


@pytest.mark.parametrize("text", ["سفار", "چراغ قر", "مودم", "About or", "zzzz", "qx", "x" * 200, "xqj wvk zzx"])
def test_what_is_known_or_means_nothing_is_not_read_in_another_way(topics, text):
    assert read_as(text) is None


def test_words_of_a_private_entry_are_read_for_those_alone_who_may_see_it(topics):
    assert offered("zabarjad", user=UserFactory(is_staff=True)) == ["secret"]
    assert offered("zabar", user=UserFactory(is_staff=True)) == ["secret"]

    for text in ("zabarjad", "zabar", "زبرچد"):
        assert offered(text) == []
        assert read_as(text) is None


def test_the_list_says_how_it_was_read_and_all_results_are_those(client, topics):
    page = get(client, "chetor sefar", name="suggest").text

    assert page.count("«<bdi>چطور سفارش</bdi>» خوانده شد") == 2  # announced and shown
    assert "خوانده شد" not in get(client, "سفارش", name="suggest").text


@pytest.mark.parametrize("text", ['<script>alert("1")</script> sefaresh', "sefaresh <img src=x onerror=alert(1)>"])
def test_how_it_was_read_is_text(client, topics, text):
    page = get(client, text, name="suggest").text

    assert "<script>alert" not in page
    assert "<img" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_unknown_words_cost_the_same_whatever_is_offered(topic_document, django_assert_num_queries, count):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"سفارش مودم {n}"}) for n in range(count))
    services.rebuild()
    suggest(text="سفارش", user=None, language="fa")

    with django_assert_num_queries(8):  # beginnings; sounds; spellings; the reading's vocabulary; four as always
        found = suggest(text="modem sefar", user=None, language="fa")

    assert found.count == count


def test_the_beginning_of_most_words_of_a_help_centre_leads_to_them():
    begun = {(latin[:length], persian) for latin, persian in pairs(PAIRS + HELD_OUT) for length in (4, 5)}

    missed = [
        (latin, persian)
        for latin, persian in sorted(begun)
        if not persian.startswith(beginnings(latin)) or misfit_of_beginning(latin, persian) > 0.45
    ]

    assert len(begun) > 400
    assert len(missed) <= len(begun) * 0.15, missed
