"""The results page and the suggestions, as sent to a browser."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from portal.catalog.models import Product, Topic
from portal.core.audience import register_audience
from search import services
from search.index.answering import get_backend
from tests.factories.accounts import UserFactory
from tests.factories.search import entry
from tests.markup import tidy

pytestmark = pytest.mark.django_db
Z = "\u200c"


@pytest.fixture
def topics(topic_document):
    register_audience("staff")
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم", "en": "Red light on the router"}),
            Topic(pk=2, code="green", name={"fa": f"چراغ{Z}های سبز", "en": "Green lights"}),
            Topic(pk=3, code="secret", name={"fa": "مودم محرمانه"}, tone=Topic.Tone.POM),
            Topic(pk=4, code="booster", name={"en": "Signal booster"}),
        ]
    )
    services.rebuild()


def address(name: str = "results", language: str = "fa") -> str:
    with override(language):
        return reverse(f"search:{name}")


def get(client, text: str | None = None, *, name: str = "results", language: str = "fa", **data):
    return client.get(address(name, language), {**({} if text is None else {"q": text}), **data})


def main(response) -> str:
    """The page between header and footer, without white space between tags."""
    body = re.search(r"<main.*?</main>", response.text, re.DOTALL)[0]
    return tidy(body)


# The page -----------------------------------------------------------------------------------------------------------


def test_results_shows_hits_in_persian(client, topics):
    response = get(client, "چراغ")

    assert response.status_code == 200
    assert 'lang="fa" dir="rtl"' in response.text
    assert f'<a class="cover" href="/fa/topics/green/"><bdi dir="rtl"><mark>چراغ{Z}های</mark> سبز</bdi></a>' in main(
        response
    )
    assert "۲" in main(response)


def test_results_shows_hits_in_english(client, topics):
    response = get(client, "light", language="en")

    assert (
        '<a class="cover" href="/en/topics/red/"><bdi dir="ltr">Red <mark>light</mark> on the router</bdi></a>'
        in main(response)
    )
    assert "2 results for <b>“<bdi>light</bdi>”</b>" in main(response)


def test_results_are_not_for_search_engines(client, topics):
    assert '<meta name="robots" content="noindex">' in get(client, "چراغ").text


def test_results_keep_the_question_in_the_box(client, topics):
    assert 'value="چراغ &quot;&gt;&lt;b&gt;"' in get(client, 'چراغ "><b>').text


def test_results_tell_what_was_changed_and_offer_the_text_as_typed(client, topics):
    page = main(get(client, "]vhy rvlc"))

    assert "<bdi><s>]vhy rvlc</s></bdi>" in page
    assert 'href="/fa/search/?q=%5Dvhy+rvlc&amp;exact=1"' in page
    assert "<s>" not in main(get(client, "]vhy rvlc", exact="1"))


def test_results_tell_how_finglish_was_read(client, topics):
    page = main(get(client, "cheragh sabz"))

    assert "آن را «<bdi>چراغ سبز</bdi>» خواندیم." in page
    assert 'href="/fa/search/?q=cheragh+sabz&amp;exact=1"' in page


def test_results_mark_the_language_of_a_foreign_hit(client, topics):
    page = main(get(client, "booster"))

    assert 'href="/en/topics/booster/" lang="en" hreflang="en"' in page
    assert "English" in page


def test_a_page_without_results_helps_on(client, topics):
    page = main(get(client, "زبرجدنشان"))

    assert "<bdi>زبرجدنشان</bdi>" in page
    assert '<a class="chip" href="/fa/search/?topic=red"> چراغ قرمز مودم <small>۱</small></a>' in page
    assert 'href="/fa/topics/red/"' in page


def test_before_a_question_there_is_a_place_to_start(client, topics):
    page = main(get(client))

    assert 'href="/fa/search/?topic=green"' in page
    assert 'class="empty"' not in page


def test_filters_are_check_boxes_and_chips(client, topics):
    Product.objects.create(code="x2", name={"fa": "نورا ایکس ۲"})
    get_backend().put([entry(kind="test.topic", object_id=1, title="چراغ", products=["x2"], topics=["red"])])

    page = main(get(client, "چراغ", topic="red"))

    assert '<input type="checkbox" name="product" value="x2"><bdi>نورا ایکس ۲</bdi><small>۱</small>' in page
    assert '<input type="checkbox" name="topic" value="red" checked>' in page
    assert '<input type="hidden" name="q" value="چراغ">' in page
    chip = re.search(r'<a class="chip chip--x" href="([^"]*)"', page)
    assert chip[1] == "/fa/search/?q=%DA%86%D8%B1%D8%A7%D8%BA"


def test_sections_are_tabs_where_there_are_several(client, topics, monkeypatch):
    from search import registry
    from tests.search.conftest import TopicDocument

    class OtherDocument(TopicDocument):
        name = "test.other"
        label_plural = "Others"

    registry.register(OtherDocument)
    try:
        services.rebuild()
        page = main(get(client, "قرمز", kind="test.other"))
    finally:
        registry.unregister(OtherDocument)

    assert 'kind=test.other" aria-current="page"> Others<small>۱</small></a>' in page
    assert page.count('<article class="res" ') == 1


def test_the_order_can_be_chosen_and_is_kept_in_every_link(client, topics):
    names = [{"fa": f"مودم {number}", "en": f"مودم {number}"} for number in range(30)]
    Topic.objects.bulk_create(Topic(code=f"t{number}", name=name) for number, name in enumerate(names))
    services.rebuild()

    page = main(get(client, "مودم", sort="newest"))

    assert 'sort=newest" aria-current="true">تازه‌ترین</a>' in page
    assert '<input type="hidden" name="sort" value="newest">' in page
    chosen = main(get(client, "مودم", sort="newest", topic="red"))
    chips = re.findall(r'<a class="chip chip--x" href="([^"]*)"', chosen)
    others = re.findall(r'href="([^"]*language=en[^"]*)"', page)
    pages = re.findall(r'rel="next" href="([^"]*)"', page)
    assert (len(chips), len(others), len(pages)) == (1, 1, 1)
    assert all("sort=newest" in link for link in [*chips, *others, *pages])


def test_the_newest_results_come_first_when_asked_for(client, topics):
    now = timezone.now()
    get_backend().put(
        [
            entry(
                kind="test.topic", object_id=1, title="چراغ چراغ", url="/fa/old/", updated=now - dt.timedelta(days=9)
            ),
            entry(kind="test.topic", object_id=2, title="راهنمای چراغ مودم و تلویزیون", url="/fa/new/", updated=now),
        ]
    )

    def links(**data) -> list[str]:
        return re.findall(r'<a class="cover" href="(/fa/[^"]*)"', main(get(client, "چراغ", **data)))

    assert links() == ["/fa/old/", "/fa/new/"]
    assert links(sort="newest") == ["/fa/new/", "/fa/old/"]


def test_results_can_be_narrowed_to_what_was_changed_lately(client, topics):
    now = timezone.now()
    moments = {1: now - dt.timedelta(days=3), 2: now - dt.timedelta(days=90), 3: now - dt.timedelta(days=900)}
    get_backend().put(
        [
            entry(kind="test.topic", object_id=number, title="چراغ", url=f"/fa/{number}/", updated=moment)
            for number, moment in moments.items()
        ]
    )
    client.force_login(UserFactory(is_staff=True))

    def links(**data) -> set[str]:
        return set(re.findall(r'<a class="cover" href="(/fa/[^"]*)"', main(get(client, "چراغ", **data))))

    assert links() == links(updated="") == links(updated="never") == {"/fa/1/", "/fa/2/", "/fa/3/"}
    assert links(updated="year") == {"/fa/1/", "/fa/2/"}
    assert links(updated="month") == {"/fa/1/"}
    page = main(get(client, "چراغ", updated="month", sort="newest"))
    assert '<input type="radio" name="updated" value="month" checked> یک ماه گذشته' in page
    chip = re.search(r'<a class="chip chip--x" href="([^"]*)"', page)
    assert chip[1] == "/fa/search/?q=%DA%86%D8%B1%D8%A7%D8%BA&amp;sort=newest"


def test_a_chosen_filter_that_matches_nothing_can_be_taken_away(client, topics):
    page = main(get(client, "سبز", topic="red"))

    assert 'class="chip chip--x" href="/fa/search/?q=%D8%B3%D8%A8%D8%B2"' in page
    assert "<bdi>چراغ قرمز مودم</bdi>" in page


def test_pages_are_links_that_keep_the_question(client, topic_document):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"مودم {n}"}) for n in range(45))
    services.rebuild()

    page = main(get(client, "مودم", page=2))

    assert page.count('<article class="res" ') == 20
    assert re.search(r'rel="next" href="\?q=[^"]*&amp;page=3"', page)


@pytest.mark.parametrize(
    "data",
    [
        {"q": "x" * 10_000},
        {"q": "چراغ\x00\x01\ud7ff"},
        {"q": "چراغ", "page": "0"},
        {"q": "چراغ", "page": "-1"},
        {"q": "چراغ", "page": "99999999999999999999"},
        {"q": "چراغ", "page": "۲"},
        {"q": "چراغ", "page": "one"},
        {"q": "چراغ", "kind": "no.such", "topic": "' OR 1=1", "product": "\x00", "language": "xx"},
        {"q": "چراغ", "topic": [f"t{n}" for n in range(500)]},
        {"exact": "maybe", "page": ""},
        {"topic": "no-such-topic"},
    ],
)
def test_made_up_addresses_still_lead_to_a_page(client, topics, data):
    assert client.get(address(), data).status_code == 200
    assert client.get(address("suggest"), data).status_code == 200


@pytest.mark.parametrize("name", ["results", "suggest"])
def test_bytes_that_are_no_text_still_lead_to_a_page(client, topics, name):
    assert client.get(f"{address(name)}?q=%FF%FE%00%ED%A0%80&topic=%FF").status_code == 200


@pytest.mark.parametrize("name", ["results", "suggest"])
def test_search_is_only_read(client, name):
    assert client.post(address(name), {"q": "چراغ"}).status_code == 405


# Who sees what ------------------------------------------------------------------------------------------------------


def test_the_private_entry_is_there_for_staff(client, topics):
    client.force_login(UserFactory(staff=True))

    assert "/fa/topics/secret/" in get(client, "محرمانه").text
    assert "/fa/topics/secret/" in get(client, "محر", name="suggest").text


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_private_entry_is_nowhere_for_others(client, topics, signed_in):
    if signed_in:
        client.force_login(UserFactory())

    pages = [
        get(client, "مودم"),
        get(client, "محرمانه"),
        get(client, "محرمنه"),
        get(client, "محر", name="suggest"),
        get(client),
        get(client, topic="secret"),
    ]

    assert all("secret" not in page.text.replace("topic=secret", "") for page in pages)
    assert all("مودم محرمانه" not in page.text for page in pages)


# Suggestions --------------------------------------------------------------------------------------------------------


def test_suggestions_are_options_in_groups_with_a_foot(client, topics):
    response = get(client, "چرا", name="suggest")

    assert response.text.count('role="option"') == 2
    assert 'role="group" aria-labelledby="suggested-1"' in response.text
    assert '<a class="opt" role="option" aria-selected="false" href="/fa/topics/red/"' in tidy(response.text)
    assert "<mark>چرا</mark>غ قرمز مودم" in response.text
    assert '<a href="/fa/search/?q=%DA%86%D8%B1%D8%A7">' in response.text
    assert "data-status" in response.text
    assert "private" in response["Cache-Control"]


def test_suggestions_are_an_empty_answer_when_there_are_none(client, topics):
    assert get(client, "زبرجد", name="suggest").text.strip() == ""


def test_suggestions_for_the_other_keyboard_say_so(client, topics):
    changed, plain = get(client, "]vhy", name="suggest").text, get(client, "چراغ", name="suggest").text

    note = "«<bdi>چراغ</bdi>» خوانده شد"
    assert changed.count(note) == 2  # announced and shown
    assert "خوانده شد" not in plain


# Hostile input ------------------------------------------------------------------------------------------------------


HOSTILE = [
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "' OR 1=1 -- ; DROP TABLE search_term",
    "{{ 7*7 }}{% load x %}${7*7}",
    "* ? ~ ^ [ ] ( ) AND OR NOT title:(a b) /.*/",
    "چراغ\u202e\u2066\x00\x1b[31m",
    "%s %(name)s {0} {name}",
    "\N{ZERO WIDTH JOINER}" * 50,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("words", ["", "چراغ "])
def test_the_question_is_text_wherever_it_is_shown(client, topics, text, words):
    pages = [
        get(client, words + text),
        get(client, words + text, exact="1"),
        get(client, words + text, topic="red", sort="newest", updated="month"),
        get(client, words + text, name="suggest"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<svg onload" not in page.text
        assert "49" not in re.sub(r'="[^"]*"', "", page.text)
        assert "\x00" not in page.text


def test_a_question_of_ten_thousand_characters_makes_no_long_page(client, topics):
    page = get(client, "چراغ " * 2000)

    assert page.text.count("چراغ") < 500
    assert 'class="notice"' in main(page)


# Costs and limits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_results_cost_the_same_whatever_their_number(client, topic_document, django_assert_num_queries, count):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"چراغ مودم {n}"}) for n in range(count))
    services.rebuild()
    get(client, "مودم")  # fills the cache of URLs in the frame

    with django_assert_num_queries(7):
        response = get(client, "چراغ مودم")

    assert main(response).count('<article class="res" ') == count


def test_visitors_get_no_cookie(client, topics):
    assert not get(client, "چراغ").cookies
    assert not get(client, "چرا", name="suggest").cookies


@override_settings(SEARCH_REQUESTS_PER_MINUTE=2)
def test_too_many_searches_are_asked_to_wait(client, topics):
    client.defaults["REMOTE_ADDR"] = "192.0.2.1"  # an IP address that no other test uses

    statuses = [get(client, f"چراغ {number}").status_code for number in range(3)]
    suggestions = [get(client, "چراغ", name="suggest").status_code for _ in range(11)]

    assert statuses == [200, 200, 429]
    assert suggestions == [200] * 10 + [429]


@override_settings(SEARCH_REQUESTS_PER_MINUTE=0)
def test_the_limit_can_be_switched_off(client, topics):
    assert {get(client, "چراغ").status_code for _ in range(5)} == {200}


# Cached results -----------------------------------------------------------------------------------------------------


def test_what_the_database_hides_vanishes_at_once_though_the_index_still_has_it(client, topics):
    client.force_login(UserFactory())
    assert "/fa/topics/green/" in main(get(client, "چراغ"))

    Topic.objects.filter(code="green").update(tone=Topic.Tone.POM)  # sends no signal, so the index is outdated

    assert "/fa/topics/green/" not in main(get(client, "چراغ"))
    assert "/fa/topics/red/" in main(get(client, "چراغ"))


def test_a_remembered_result_is_not_shown_to_another_audience(client, topics):
    staff, customer = UserFactory(is_staff=True), UserFactory()
    client.force_login(staff)
    assert "محرمانه" in main(get(client, "مودم"))

    client.force_login(customer)

    assert "محرمانه" not in main(get(client, "مودم"))


def test_a_change_of_the_index_changes_a_remembered_result(client, topics):
    client.force_login(UserFactory())
    assert "/fa/topics/new/" not in main(get(client, "چراغ"))

    get_backend().put([entry(title="چراغ تازه", kind="test.topic", object_id=1, url="/fa/topics/new/", language="fa")])

    assert "/fa/topics/new/" in main(get(client, "چراغ"))
