"""Starting points for readers whose search found nothing."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.catalog.models import Ownership, Product, Topic
from portal.core.audience import register_audience
from search import services
from search.index import plan
from search.index.answering import get_backend
from search.index.plan import Filters
from search.showing.guidance import starting_points
from tests.factories.accounts import UserFactory
from tests.factories.search import entry
from tests.search.test_views import get, main

pytestmark = pytest.mark.django_db


@pytest.fixture
def one_is_enough(monkeypatch):
    """Make one entry enough, as in a large index, where enough entries contain all words of a question."""
    monkeypatch.setattr(plan, "WANTED", 1)


@pytest.fixture
def shelf(topic_document):
    """Searchable topics that are also the topics of their entries: «red» and «tv», and «secret» for staff."""
    register_audience("staff")
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم"}),
            Topic(pk=2, code="tv", name={"fa": "تلویزیون", "en": "Television booster"}),
            Topic(pk=3, code="secret", name={"fa": "چراغ محرمانه"}, tone=Topic.Tone.POM),
            Topic(pk=4, code="empty", name={"en": "Empty"}),
        ]
    )
    for code in ("x1", "x2"):
        Product.objects.create(code=code, name={"fa": f"نورا {code}"})
    services.rebuild()
    return get_backend()


def near(text: str, **options) -> list[str] | None:
    start = starting_points(user=None, language="fa", text=text, **options)
    return [value.code for value in start.topics.values] if start.are_near else None


# Topics -------------------------------------------------------------------------------------------------------------


def test_topics_of_what_holds_some_of_the_words_are_near_whatever_was_chosen(shelf):
    assert near("چراغ زبرجدنشان", filters=Filters(topic=("tv",))) == ["red"]


def test_topics_of_what_was_found_in_another_language_are_near(shelf):
    assert near("booster") == ["tv"]


def test_all_topics_are_shown_when_no_word_is_known(shelf):
    start = starting_points(user=None, language="fa", text="زبرجدنشان")

    assert not start.are_near
    assert {value.code for value in start.topics.values} == {"red", "tv"}


def test_private_entries_make_no_topic_near(shelf):
    staff = starting_points(user=UserFactory(is_staff=True), language="fa", text="محرمانه")
    assert [value.code for value in staff.topics.values] == ["secret"]

    assert near("محرمانه") is None
    assert near("چراغ") == ["red"]


# Broader questions --------------------------------------------------------------------------------------------------


def broader(text: str, user=None, **options) -> list[tuple[str, int, bool]]:
    start = starting_points(user=user, language="fa", text=text, **options)
    return [(link.text, link.total, link.keeps_filters) for link in start.broader]


def test_the_question_without_filters_and_without_a_word_finds_something(shelf, one_is_enough):
    shelf.put(
        [entry(object_id=20, title="چراغ سبز", topics=["tv"]), entry(object_id=21, title="چراغ آبی", topics=["tv"])]
    )

    assert broader("چراغ قرمز", filters=Filters(topic=("tv",))) == [("چراغ قرمز", 1, False), ("چراغ", 2, True)]


def test_a_question_that_finds_nothing_without_a_word_either_is_not_offered(shelf):
    assert broader("چراغ قرمز", filters=Filters(topic=("empty",))) == [("چراغ قرمز", 1, False)]
    assert broader("زبرجدنشان", filters=Filters(topic=("tv",))) == []
    assert broader("booster") == []


def test_at_most_three_words_are_left_out(shelf):
    words = [f"واژه{letter}" for letter in "بپتجچ"]
    shelf.put(
        [entry(object_id=20, title=" ".join(words)), entry(object_id=21, title=" ".join(words[:4]), topics=["tv"])]
    )

    assert len(broader(" ".join(words), filters=Filters(topic=("empty",)))) == 1
    assert len(broader(" ".join(words), filters=Filters(topic=("tv",)))) <= 4


def test_counts_of_broader_questions_leave_private_entries_out(shelf, one_is_enough):
    filters = Filters(topic=("tv",))
    assert broader("چراغ محرمانه", UserFactory(is_staff=True), filters=filters)[0][1] == 2  # with the secret one

    assert broader("چراغ محرمانه", filters=filters)[0][:2] == ("چراغ محرمانه", 1)  # the public «چراغ قرمز مودم»
    assert broader("محرمانه", filters=filters) == []


# Answers ------------------------------------------------------------------------------------------------------------


def test_best_rated_entries_about_what_the_reader_owns_come_first(shelf):
    shelf.put(
        [
            entry(kind="test.topic", object_id=1, title="الف", popularity=90, products=["x1"]),
            entry(kind="test.topic", object_id=2, title="ب", popularity=20, products=["x2"]),
        ]
    )
    user = UserFactory()
    Ownership.objects.create(user=user, product=Product.objects.get(code="x2"))

    assert [hit.object_id for hit in starting_points(user=None, language="fa", text="زبرجد").popular] == [1, 2]
    assert [hit.object_id for hit in starting_points(user=user, language="fa", text="زبرجد").popular] == [2, 1]


def test_hidden_entries_are_not_among_the_best_rated(shelf):
    Topic.objects.filter(code="tv").update(tone=Topic.Tone.POM)  # sends no signal, so the index is outdated

    popular = starting_points(user=None, language="fa").popular

    assert [hit.object_id for hit in popular] == [1]


# What was meant -----------------------------------------------------------------------------------------------------


def test_a_text_searched_exactly_as_typed_is_asked_about(shelf):
    assert starting_points(user=None, language="fa", text="]vhy rvlc", exact=True).meant == "چراغ قرمز"
    assert starting_points(user=None, language="fa", text="]vhy rvlc").meant == ""
    assert starting_points(user=None, language="fa", text="چراغ", exact=True).meant == ""


# The page -----------------------------------------------------------------------------------------------------------


def test_the_page_offers_what_was_meant_and_links_to_it(client, shelf):
    page = main(get(client, "]vhy rvlc", exact="1"))

    assert "منظورتان «<bdi>چراغ قرمز</bdi>» بود؟" in page
    assert 'href="/fa/search/?q=%5Dvhy+rvlc">همین را جست‌وجو کن</a>' in page


def test_the_page_links_to_broader_questions(client, shelf, one_is_enough):
    shelf.put([entry(kind="test.topic", object_id=2, title="چراغ سبز", topics=["tv"])])

    page = main(get(client, "چراغ قرمز", topic="tv", updated="", sort="newest"))

    found = re.search(r'<ul class="broader" role="list">.*?</ul>', page)[0]
    links = re.findall(r'href="([^"]*)"><bdi>([^<]*)</bdi>', found)
    assert links == [
        ("/fa/search/?q=%DA%86%D8%B1%D8%A7%D8%BA+%D9%82%D8%B1%D9%85%D8%B2&amp;sort=newest", "چراغ قرمز"),
        ("/fa/search/?q=%DA%86%D8%B1%D8%A7%D8%BA&amp;topic=tv&amp;sort=newest", "چراغ"),
    ]
    assert "بدون پالایه" in found
    for link, _text in links:
        assert '<article class="res"' in main(client.get(link.replace("&amp;", "&")))


def test_an_empty_page_escapes_the_question_everywhere(client, shelf):
    for text in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}{% now %}"):
        for data in ({}, {"exact": "1"}, {"topic": "tv"}):
            response = get(client, text, **data)

            assert "<script>alert" not in response.text
            assert "<img src=x" not in response.text
            assert response.status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_an_empty_page_costs_the_same_whatever_it_shows(client, topic_document, django_assert_max_num_queries, count):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"چراغ مودم {n}"}) for n in range(count))
    services.rebuild()
    get(client, "چراغ زبرجد", topic="none")

    with django_assert_max_num_queries(27):
        page = main(get(client, "چراغ مودم", topic="no-such-topic"))

    assert page.count('<article class="res"') == count


def test_what_a_reader_owns_is_looked_up_once_for_an_empty_page(client, shelf):
    user = UserFactory()
    Ownership.objects.create(user=user, product=Product.objects.get(code="x2"))
    client.force_login(user)

    with CaptureQueriesContext(connection) as queries:
        get(client, "زبرجد")

    assert sum(Ownership._meta.db_table in query["sql"] for query in queries) == 1
