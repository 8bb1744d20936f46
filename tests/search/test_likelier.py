"""«Did you mean …?» if little was found: offered but never applied, and only if it finds more."""

from __future__ import annotations

import pytest

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from search import services
from search.index.plan import Filters
from search.models import Synonym
from search.queries import search
from tests.factories.accounts import UserFactory
from tests.markup import tidy
from tests.search.test_views import get, main

pytestmark = pytest.mark.django_db


@pytest.fixture
def topics(topic_document):
    """Three dozen entries about a modem, and one with a typing error; «زمرد» is in many that only staff may read."""
    register_audience("staff")
    for number in range(36):
        Topic.objects.create(code=f"t{number}", name={"fa": f"رمز مودم {number}", "en": f"Password of modem {number}"})
    Topic.objects.create(code="slip", name={"fa": "چراغ مودن", "en": "Passwort of a light"})
    Topic.objects.create(code="number", name={"fa": "رمز 120"})
    for number in range(36):
        Topic.objects.create(code=f"n{number}", name={"fa": "تعرفه 10"})
    Topic.objects.create(code="latin", name={"fa": "ramz تلویزیون"})
    Topic.objects.create(code="emerald", name={"fa": "زمزد"})
    for number in range(36):
        Topic.objects.create(code=f"s{number}", name={"fa": f"زمرد {number}"}, tone=Topic.Tone.POM)
    services.rebuild()


def meant(text: str, language: str = "fa", **options) -> str:
    return search(text=text, user=None, language=language, **options).meant


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("مودن", "fa", "مودم"),
        ("رمز مودن", "fa", "رمز مودم"),
        ("ramz", "fa", "رمز"),
        ("passwort", "en", "Password"),
    ],
)
def test_a_much_likelier_text_is_offered_and_the_question_stays(topics, text, language, wanted):
    result = search(text=text, user=None, language=language)

    assert result.meant == wanted
    assert result.text == text
    assert any("<mark>" in hit.title for hit in result.hits)


@pytest.mark.parametrize(
    "text", ["مودم", "رمز", "چراغ", "تلویزیون", "زبرجد", "رمز مودم چراغ تلویزیون خاموش", "120", "", "از"]
)
def test_nothing_is_offered_where_enough_was_found_or_nothing_is_likelier(topics, text):
    assert meant(text) == ""


def test_what_was_changed_or_asked_for_exactly_is_left_alone(topics):
    assert search(text="مودپ", user=None, language="fa").notices
    assert meant("مودپ") == ""
    assert meant("مودن", exact=True) == ""


def test_what_finds_no_more_is_not_offered(topics):
    assert meant("مودن") == "مودم"
    assert meant("مودن", filters=Filters(topic=("slip",))) == ""


def test_what_an_editor_has_a_synonym_for_is_meant_as_it_stands(topics):
    Synonym.objects.create(language="fa", words="مودن\nچراغ")

    assert meant("مودن") == ""


def test_words_that_lead_to_private_entries_are_offered_to_those_alone_who_may_read_them(topics):
    assert search(text="زمزد", user=UserFactory(is_staff=True), language="fa").meant == "زمرد"

    assert meant("زمزد") == ""
    assert search(text="زمزد", user=UserFactory(), language="fa").meant == ""


def test_what_the_database_hides_is_not_offered_though_the_index_knows_it(topics):
    assert meant("مودن") == "مودم"

    Topic.objects.filter(code__startswith="t").update(tone=Topic.Tone.POM)  # sends no signal: the index does not know

    assert meant("مودن") == ""


def test_the_page_offers_a_link_that_keeps_what_was_chosen(client, topics):
    page = tidy(main(get(client, "مودن", language="fa", sort="newest")))

    link = "/fa/search/?q=%D9%85%D9%88%D8%AF%D9%85&amp;sort=newest"
    assert f'<a href="{link}"> منظورتان «<bdi>مودم</bdi>» بود؟ </a>' in page
    assert "چراغ <mark>مودن</mark>" in page
    assert "منظورتان" not in main(get(client, "مودم", language="fa"))


def test_one_reader_is_not_offered_what_another_one_is(client, topics):
    client.force_login(UserFactory(is_staff=True))
    assert "منظورتان" in main(get(client, "زمزد"))

    client.force_login(UserFactory())
    assert "منظورتان" not in main(get(client, "زمزد"))


def test_what_is_offered_is_text(client, topic_document):
    for number in range(36):
        Topic.objects.create(code=f"t{number}", name={"fa": f"مودم {number}"})
    Topic.objects.create(code="slip", name={"fa": "مودن"})
    services.rebuild()

    page = main(get(client, 'مودن <b onclick="x">'))

    assert "<b onclick" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_offer_costs_the_same_whatever_is_found(topic_document, django_assert_num_queries, count):
    for number in range(36):
        Topic.objects.create(code=f"t{number}", name={"fa": f"مودم {number}"})
    for number in range(count):
        Topic.objects.create(code=f"slip{number}", name={"fa": f"تلویزیون مودن {number}"})
    Topic.objects.create(code="other", name={"fa": "گارانتی"})
    services.rebuild()
    search(text="گارانتی", user=None, language="fa")  # names of topics and products are cached

    with django_assert_num_queries(16):  # seven as always; sounds and spellings; and seven to check that it finds more
        result = search(text="مودن", user=None, language="fa")

    assert (result.total, result.meant) == (count, "مودم")


def test_enough_results_cost_nothing_more(topic_document, django_assert_num_queries):
    for number in range(4):
        Topic.objects.create(code=f"t{number}", name={"fa": f"مودن {number}"})
    Topic.objects.create(code="other", name={"fa": "گارانتی"})
    services.rebuild()
    search(text="گارانتی", user=None, language="fa")  # names of topics and products are cached

    with django_assert_num_queries(7):
        assert search(text="مودن", user=None, language="fa").total == 4
