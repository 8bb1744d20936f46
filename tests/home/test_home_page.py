"""The home page, for all kinds of readers."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from wagtail.models import Site

from faq.services import weigh_votes
from portal.catalog.models import Product
from portal.core import memo, page_cache
from portal.core.models import SupportSettings
from portal.home.models import HomePage, InfoPage, PopularSearch
from portal.home.queries import info_page_url
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory, ProductVersionFactory
from tests.factories.community import AreaFactory, ThreadFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory, help_site

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "PageCacheMiddleware" not in name]
    return help_site()


def home(language="fa"):
    return HomePage.objects.get(locale__language_code=language)


def data(client, language="fa"):
    return client.get(f"/{language}/").context["data"]


def test_a_visitor_sees_topics_answers_and_how_to_join(client):
    topic = TopicPageFactory(title="اینترنت و وای‌فای", intro="سرعت و پوشش")
    article = ArticlePageFactory(parent=topic, title="چراغ قرمز است")

    response = client.get("/fa/")

    assert response.status_code == 200
    shown = response.context["data"]
    assert [link.title for link in shown.topics] == ["اینترنت و وای‌فای"]
    assert [link.url for link in shown.most_helpful] == [article.url]
    assert (shown.cards, shown.checklist, shown.name) == ((), None, "")
    assert 'href="/fa/accounts/signup/"' in response.text


def test_a_visitor_gets_neither_cookie_nor_token(client):
    response = client.get("/fa/")

    assert not response.cookies
    assert "csrf" not in response.text.lower()


@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_each_language_has_its_own_home_page_and_content(client, site, language, direction):
    for code, parent in site.items():
        ArticlePageFactory(parent=TopicPageFactory(parent=parent), title=f"article in {code}")

    response = client.get(f"/{language}/")

    assert f'<html lang="{language}" dir="{direction}"' in response.text
    assert [link.title for link in response.context["data"].most_helpful] == [f"article in {language}"]
    assert [code for code, _url in response.context["place"].alternates] == ["en", "fa"]


def test_someone_signed_in_is_greeted_by_their_short_name(client):
    client.force_login(UserFactory(name="سارا محمدی"))

    assert "سارا" in client.get("/fa/").text.partition("<h1>")[2].partition("</h1>")[0]


def test_a_name_is_never_taken_for_markup(client):
    client.force_login(UserFactory(name="<b>سارا</b>"))

    assert "<bdi>&lt;b&gt;سارا&lt;/b&gt;</bdi>" in client.get("/fa/").text


def test_cards_show_what_the_customer_has_with_guides_that_are_not_repeated(client):
    router, service = ProductFactory(code="x2"), ProductFactory(code="fibre", kind=Product.Kind.SERVICE)
    topic = TopicPageFactory()
    for_router = ArticlePageFactory(parent=topic, products=[router], kind="guide")
    for_both = ArticlePageFactory(parent=topic, products=[router, service])
    ArticlePageFactory(parent=topic, products=[ProductFactory()])
    user = UserFactory()
    OwnershipFactory(user=user, product=service)
    OwnershipFactory(user=user, product=router)
    client.force_login(user)

    cards = data(client).cards

    assert [card.is_device for card in cards] == [True, False]
    assert [[link.id for link in card.articles] for card in cards] == [[for_router.pk, for_both.pk], []]


def test_a_card_says_when_a_newer_version_is_out(client):
    product = ProductFactory()
    today = timezone.localdate()
    old = ProductVersionFactory(product=product, number="4.11.0", released_on=today - dt.timedelta(days=90))
    ProductVersionFactory(product=product, number="4.12.0", released_on=today - dt.timedelta(days=3))
    ProductVersionFactory(product=product, number="5.0.0", released_on=today + dt.timedelta(days=30))
    user = UserFactory()
    OwnershipFactory(user=user, product=product, version=old)
    client.force_login(user)

    assert [(card.version, card.newest) for card in data(client).cards] == [("4.11.0", "4.12.0")]


def test_two_of_the_same_thing_make_one_card_and_three_cards_are_enough(client):
    user = UserFactory()
    product = ProductFactory()
    for serial_number in ("1", "2"):
        OwnershipFactory(user=user, product=product, serial_number=serial_number)
    assert OwnershipFactory.create_batch(4, user=user)
    client.force_login(user)

    cards = data(client).cards

    assert len(cards) == 3
    assert len({str(card.name) for card in cards}) == 3


def test_nobody_sees_the_cards_of_somebody_else(client):
    OwnershipFactory()
    client.force_login(UserFactory())

    assert data(client).cards == ()


def test_private_articles_are_shown_only_to_those_they_are_for(client):
    for audience in ("public", "signed-in", "partner", "staff"):
        ArticlePageFactory(parent=TopicPageFactory(), title=audience, audience=audience)

    def titles():
        shown = data(client)
        return {link.title for link in (*shown.most_helpful, *shown.recent)}

    assert titles() == {"public"}
    client.force_login(UserFactory())
    assert titles() == {"public", "signed-in"}
    client.force_login(UserFactory(partner=True))
    assert titles() == {"public", "signed-in", "partner"}
    client.force_login(UserFactory(staff=True))
    assert titles() == {"public", "signed-in", "partner", "staff"}


def test_what_helped_most_comes_first_and_is_not_repeated_among_the_new(client):
    topic = TopicPageFactory()
    articles = [ArticlePageFactory(parent=topic) for _number in range(7)]
    FeedbackFactory.create_batch(5, article=articles[0])
    weigh_votes()

    shown = data(client)

    assert shown.most_helpful[0].id == articles[0].pk
    assert len(shown.most_helpful) == 5
    assert {link.id for link in shown.most_helpful}.isdisjoint({link.id for link in shown.recent})


# First steps ---------------------------------------------------------------------------------------------------------


def test_a_new_customer_sees_the_first_steps_until_they_are_done(client):
    user = UserFactory()
    client.force_login(user)
    checklist = data(client).checklist
    assert (checklist.has_product, checklist.has_preferences) == (False, False)

    OwnershipFactory(user=user)
    checklist = data(client).checklist
    assert (checklist.has_product, checklist.has_preferences) == (True, False)

    user.calendar = "jalali"
    user.save()
    assert data(client).checklist is None


def test_somebody_who_is_not_new_sees_no_first_steps(client):
    client.force_login(UserFactory(date_joined=timezone.now() - dt.timedelta(days=31)))

    assert data(client).checklist is None


def test_the_first_steps_can_be_put_away_twice(client):
    client.force_login(UserFactory())
    assert data(client).checklist is not None

    for _twice in (1, 2):
        response = client.post("/fa/", {"dismiss": "1"})
        assert (response.status_code, response.url) == (302, "/fa/")

    assert data(client).checklist is None


def test_putting_away_needs_a_token_and_an_account(django_user_model):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(UserFactory())
    assert strict.post("/fa/", {"dismiss": "1"}).status_code == 403

    visitor = Client()
    response = visitor.post("/fa/", {"dismiss": "1"})
    assert response.status_code != 302
    assert not response.cookies


# Optional content ----------------------------------------------------------------------------------------------------


def test_popular_searches_lead_to_results(client):
    page = home()
    page.popular_searches = [PopularSearch(query="رسید پرداخت")]
    page.save_revision().publish()

    assert 'href="/fa/search/?q=%D8%B1%D8%B3%DB%8C%D8%AF%20' in client.get("/fa/").text


def test_the_telephone_is_shown_only_when_there_is_one(client):
    assert "tel:" not in client.get("/fa/").text

    SupportSettings.objects.create(
        site=Site.objects.get(is_default_site=True), support_phone="+98 21 9100 0000", support_hours={"fa": "هر روز"}
    )
    memo.forget_all()

    text = client.get("/fa/").text
    assert 'href="tel:+982191000000"' in text
    assert "هر روز" in text


def test_an_empty_portal_has_a_home_page_without_empty_boxes(client):
    text = client.get("/fa/").text

    assert "<h1>" in text
    assert 'class="rank"' not in text
    assert 'class="mine"' not in text


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("signed_in", [False, True])
def test_the_home_page_costs_the_same_whatever_there_is(client, django_assert_num_queries, count, signed_in):
    user = UserFactory()
    for _number in range(count):
        product = ProductFactory()
        ProductVersionFactory(product=product, released_on=timezone.localdate())
        OwnershipFactory(user=user, product=product)
        articles = [ArticlePageFactory(parent=TopicPageFactory(), products=[product]) for _times in range(count)]
        FeedbackFactory(article=articles[0])
    page = home()
    page.popular_searches = [PopularSearch(query=f"جست‌وجو {number}") for number in range(count)]
    page.save_revision().publish()
    if signed_in:
        client.force_login(user)
    client.get("/fa/")
    client.get("/fa/")

    with django_assert_num_queries(9 if signed_in else 1):
        client.get("/fa/")


def test_the_first_reader_after_a_change_costs_no_more_than_the_budget(client, django_assert_max_num_queries):
    ArticlePageFactory()
    client.get("/fa/")
    memo.forget_all()

    with django_assert_max_num_queries(18):
        client.get("/fa/")


# Information pages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def privacy():
    page = InfoPage(
        title="حریم خصوصی",
        slug="حریم-خصوصی",
        role="privacy",
        body="<h2>کوکی‌ها</h2><p>فقط همین‌ها</p>",
        locale=home().locale,
    )
    return home().add_child(instance=page)


def test_an_information_page_shows_its_text_and_the_way_back(client, privacy):
    response = client.get(privacy.url)

    assert "<h2>کوکی‌ها</h2>" in response.text
    assert [link.title for link in response.context["place"].crumbs] == ["خانه"]


def test_the_frame_finds_information_pages_by_role_and_language(privacy):
    assert info_page_url("fa", "privacy") == privacy.url
    assert info_page_url("en", "privacy") == ""
    assert info_page_url("fa", "accessibility") == ""

    privacy.unpublish()
    assert info_page_url("fa", "privacy") == ""


# The community -------------------------------------------------------------------------------------------------------


def test_the_newest_threads_are_shown_to_those_who_may_read_them(client):
    home()
    before = client.get("/fa/").text
    ThreadFactory(title="پرسشی که همه می‌بینند")
    ThreadFactory(title="پرسشی برای همکاران", area=AreaFactory(audience="partner"))
    memo.forget_all()
    page_cache.store.clear()

    text = client.get("/fa/").text

    assert ["تازه‌های انجمن" in each for each in (before, text)] == [False, True]
    assert ["پرسشی که همه می‌بینند" in text, "پرسشی برای همکاران" in text] == [True, False]
