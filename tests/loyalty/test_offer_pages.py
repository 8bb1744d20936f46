"""The pages of offers: what visitors and members see, why, what they can say, and what is refused."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Member, MemberConsent, OfferAnswer, OfferDecision, OfferPolicy, OfferShown
from loyalty.services import offers
from loyalty.services.members import wallet_for
from loyalty.services.offers import Purpose
from portal.core.localized import LocalizedText
from portal.core.scopes import content_changed
from portal.insight.recorder import recorder
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.faq import help_site
from tests.factories.loyalty import EarningFactory, OfferFactory, RewardFactory, tiers_in_force

pytestmark = pytest.mark.django_db

OFFERS, CONSENTS = "/fa/loyalty/offers/", "/fa/loyalty/consents/"
HAS_X2 = {"fact": "product", "op": "eq", "value": "x2"}


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    OfferPolicy.objects.create(programme=programme, holdout_percent=0)
    content_changed("site", "offers")
    return programme


@pytest.fixture
def person(client, programme):
    """A member with an X2 who wants personal offers."""
    person = UserFactory(language="fa")
    wallet_for(user=person, programme=programme)
    offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=True, source="test")
    OwnershipFactory(user=person, product=ProductFactory(code="x2", name=LocalizedText(fa="مودم ایکس‌دو", en="X2")))
    client.force_login(person)
    client.defaults["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    return person


def url_of(offer, act=""):
    return f"{OFFERS}{offer.pk}/{act}"


def personal(programme, **values):
    values = {"title": LocalizedText(fa="مش برای مودم شما", en="Mesh for your router"), "audience": HAS_X2, **values}
    return OfferFactory(programme=programme, **values)


# Looking -------------------------------------------------------------------------------------------------------------


def test_a_visitor_sees_general_offers_and_no_others(client, programme):
    general = OfferFactory(programme=programme)
    hidden = personal(programme)

    page = client.get(OFFERS).text

    assert "یک گیگ هدیه" in page
    assert "مش برای مودم شما" not in page
    assert "به هیچ چیزی از شما نگاه نشده است" in page
    assert "csrfmiddlewaretoken" not in page.split("<main")[1]
    assert client.get(url_of(general)).status_code == 200
    assert 'href="/fa/community/"' in client.get(url_of(general)).text
    assert client.get(url_of(hidden)).status_code == 404


def test_a_member_reads_why_in_persian_and_it_is_stored_after_the_page(client, programme, person):
    tiers_in_force(programme)
    also = {"fact": "tier", "op": "eq", "value": "bronze"}
    offer = personal(programme, audience={"and": [HAS_X2, also]}, terms=LocalizedText(fa="یک‌بار\nتا پایان ماه"))

    with CaptureQueriesContext(connection) as asked:
        page = client.get(OFFERS).text

    assert "مودم ایکس‌دو» دارید" in page.replace("\u2068", "").replace("\u2069", "")
    assert "به سطح «" in page
    assert "محصول‌هایی که دارید" in page  # said to the reader, not about them
    writes = [query["sql"] for query in asked if not query["sql"].startswith("SELECT")]
    assert not [sql for sql in writes if "loyalty_" in sql]
    assert not OfferShown.objects.exists()
    recorder.flush()
    assert OfferDecision.objects.get().chosen == OfferShown.objects.get().offer == offer
    detail = client.get(url_of(offer)).text
    assert "<li>یک‌بار</li>" in detail
    assert "مودم ایکس‌دو" in detail


def test_a_robot_is_shown_offers_and_nothing_is_counted(client, programme, person):
    personal(programme)

    assert "مش برای مودم شما" in client.get(OFFERS, headers={"User-Agent": "Googlebot/2.1"}).text
    recorder.flush()

    assert not OfferShown.objects.exists()


def test_without_offers_the_page_says_how_to_get_some(client, programme, person):
    page = client.get(OFFERS).text

    assert "فعلاً پیشنهادی برای شما نیست" in page
    assert CONSENTS in page


def test_without_an_open_programme_there_is_nothing(client, programme, person):
    offer = personal(programme)
    programme.earning.is_open = False
    programme.earning.save()

    for method, url in (("get", OFFERS), ("get", url_of(offer)), ("post", url_of(offer, "accept/")), ("get", CONSENTS)):
        assert getattr(client, method)(url).status_code == 404


def test_the_page_of_points_and_the_home_page_show_offers_to_members(client, programme, person):
    help_site()
    personal(programme)

    assert "مش برای مودم شما" in client.get("/fa/loyalty/").text
    assert "مش برای مودم شما" in client.get("/fa/").text
    recorder.flush()
    assert set(OfferShown.objects.values_list("slot", flat=True)) == {"home", "points"}
    client.logout()
    assert "مش برای مودم شما" not in client.get("/fa/").text


def test_titles_are_shown_as_texts(client, programme):
    OfferFactory(programme=programme, title=LocalizedText(fa="<b>ارزان</b>"))

    assert "&lt;b&gt;ارزان" in client.get(OFFERS).text


# Answering -----------------------------------------------------------------------------------------------------------


def test_accepting_leads_where_the_offer_leads(client, programme, person):
    page = personal(programme, budget=1)
    reward = personal(programme, path="", reward=RewardFactory(programme=programme), category="rewards")

    for _ in range(2):
        assert client.post(url_of(page, "accept/")).headers["Location"] == "/fa/community/"
    assert client.post(url_of(reward, "accept/")).headers["Location"] == f"/fa/loyalty/rewards/{reward.reward_id}/"
    assert OfferAnswer.objects.filter(kind="accepted").count() == 2

    client.force_login(UserFactory())
    answer = client.post(url_of(page, "accept/"), follow=True)
    assert "این پیشنهاد دیگر در دسترس نیست" in answer.text


def test_what_is_hidden_can_be_brought_back(client, programme, person):
    offer = personal(programme)

    page = client.post(url_of(offer, "hide/"), follow=True).text
    assert "مش برای مودم شما" not in page
    assert f'action="{url_of(offer, "undo/")}"' in page

    page = client.post(url_of(offer, "undo/"), follow=True).text
    assert "پیشنهاد برگشت" in page
    assert "مش برای مودم شما" in page

    page = client.post(url_of(offer, "less/"), follow=True).text
    assert "پیشنهادهای کمتری از این دست" in page
    assert OfferAnswer.objects.get().kind == "less"


def test_strangers_take_nothing_back_and_answer_nothing_that_is_not_for_them(client, programme, person):
    offer = personal(programme)
    client.post(url_of(offer, "hide/"))

    client.force_login(UserFactory())
    for act in ("undo/", "accept/", "hide/", "less/"):
        assert client.post(url_of(offer, act)).status_code == 302

    assert OfferAnswer.objects.get().member_key == Member.objects.get(user=person).key


@pytest.mark.parametrize("act", ["accept/", "hide/", "less/", "undo/"])
def test_an_offer_of_a_number_that_no_column_holds_is_no_error(client, programme, person, act):
    assert client.post(f"{OFFERS}{10**25}/{act}").status_code == 302


@pytest.mark.parametrize("act", ["accept/", "hide/", "less/", "undo/"])
def test_acts_are_posts_of_somebody_who_is_signed_in(client, programme, person, act):
    offer = personal(programme)

    assert client.get(url_of(offer, act)).status_code == 405
    client.logout()
    assert "/login/" in client.post(url_of(offer, act)).headers["Location"]
    assert not OfferAnswer.objects.exists()


# Consents ------------------------------------------------------------------------------------------------------------


def test_three_consents_of_which_two_are_off_until_they_are_given(client, programme):
    person = UserFactory(language="fa")
    client.force_login(person)

    page = client.get(CONSENTS).text
    assert "هنوز عضو باشگاه نیستید" in page
    assert page.count('name="agree" value="1"') == 2
    assert not Member.objects.exists()

    client.post(CONSENTS, {"purpose": "profiling", "agree": "1"})
    page = client.get(CONSENTS).text
    assert "شما عضو باشگاه هستید" in page
    assert (page.count('name="agree" value="1"'), page.count('name="agree" value="0"')) == (1, 1)
    row = MemberConsent.objects.get()
    assert (row.purpose, row.is_given, row.source) == ("profiling", True, "page")


def test_switching_personal_offers_off_leaves_the_general_ones(client, programme, person):
    OfferFactory(programme=programme)
    personal(programme)

    client.post(CONSENTS, {"purpose": "profiling", "agree": "0"})

    page = client.get(OFFERS).text
    assert "مش برای مودم شما" not in page
    assert "یک گیگ هدیه" in page
    recorder.flush()
    assert not OfferShown.objects.exists()


@pytest.mark.parametrize(
    "data", [{}, {"purpose": "participation", "agree": "0"}, {"purpose": "profiling", "agree": "x"}]
)
def test_nonsense_changes_no_consent(client, programme, person, data):
    client.post(CONSENTS, data)

    assert MemberConsent.objects.count() == 1  # of the fixture
