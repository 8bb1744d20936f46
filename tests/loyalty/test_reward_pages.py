"""The member's pages of rewards: what can be had and why not, taking it, the code, and what others must not see."""

from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from loyalty import own_points
from loyalty.models import Journal, Parcel, Redemption, RewardGoal, RewardTerms
from loyalty.queries import statement, summary, wallets_of
from loyalty.services import ledger, rewards
from loyalty.services.members import forget_member, wallet_for
from portal.accounts import own_data
from portal.accounts.models import AccessChange
from portal.core.formats import moment_text
from portal.core.localized import LocalizedText
from portal.core.outbox import drain
from portal.core.scopes import content_changed
from portal.notifications.models import Notification
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, tiers_in_force
from tests.loyalty.test_rewards import at_hour

pytestmark = pytest.mark.django_db

REWARDS, TAKEN = "/fa/loyalty/rewards/", "/fa/loyalty/redemptions/"
ADDRESS = {
    "name": "سارا محمدی",
    "phone": "۰۹۱۲ ۱۱۱ ۰۰۹۹",
    "text": "تهران، خیابان انقلاب، پلاک ۴",
    "postal_code": "۱۴۱۷۶۱۴۴۱۱",
}


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    content_changed("site")
    return programme


@pytest.fixture
def person(client, programme):
    person = UserFactory(language="fa")
    client.force_login(person)
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=150, key="start")
    return person


@pytest.fixture
def just_confirmed(client, person):
    client.post("/fa/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def url_of(reward):
    return f"{REWARDS}{reward.pk}/"


def hidden_fields(page):
    return dict(re.findall(r'<input type="hidden" name="(key|price|seen)" value="(\w+)"', page))


def take(client, reward, **more):
    """Open the page and send its form."""
    data = hidden_fields(client.get(url_of(reward)).text) | more
    return client.post(url_of(reward), data), data


def voucher(programme, *codes):
    reward = RewardFactory(programme=programme, kind="voucher", name=LocalizedText(fa="بن کتاب", en="Book voucher"))
    rewards.import_codes(reward=reward, lines=codes or ["NOOR-1406"], by=UserFactory(superuser=True))
    return reward


def nothing_spent(person):
    points = summary(wallets_of(person).get())
    return (points.spendable, points.held, Journal.objects.count()) == (150, 0, 1)


# The shelf -----------------------------------------------------------------------------------------------------------


def test_the_shelf_says_what_can_be_had_and_why_not_nearest_first(client, programme, person):
    far = RewardFactory(programme=programme, price=9000)
    out = RewardFactory(programme=programme, price=5, stock=0)
    near = RewardFactory(programme=programme, price=160)
    dear, cheap = (RewardFactory(programme=programme, price=price) for price in (150, 20))
    RewardFactory(programme=programme, is_published=False)
    RewardFactory()  # of another programme

    page = client.get(REWARDS)

    assert [offer.reward for offer in page.context["offers"]] == [cheap, dear, near, far, out]
    assert "۱۰ امتیاز کم است" in page.text
    assert "برای شما انجام می‌شود" in page.text
    assert "اکنون چیزی از آن نمانده است" in page.text


def test_the_shelf_says_from_which_tier_on_and_costs_no_more_for_it(client, programme, person):
    tiers_in_force(programme)
    reward = RewardFactory(programme=programme, from_tier="silver")
    words = "از سطح «نقره‌ای» به بالا می‌توان آن را گرفت."

    assert words in client.get(REWARDS).text
    assert words in client.get(url_of(reward)).text
    assert 'name="key"' not in client.get(url_of(reward)).text
    with CaptureQueriesContext(connection) as one:
        client.get(REWARDS)
    RewardFactory(programme=programme, from_tier="gold")
    with CaptureQueriesContext(connection) as two:
        client.get(REWARDS)
    assert len(one) == len(two)


def test_the_shelf_says_which_members_a_reward_is_for_and_costs_no_more_for_it(client, programme, person):
    reward = RewardFactory(programme=programme, segments=["new"])
    words = "برای اعضایی است که به‌تازگی پیوسته‌اند"

    assert words in client.get(REWARDS).text
    assert 'name="key"' not in client.get(url_of(reward)).text
    with CaptureQueriesContext(connection) as one:
        client.get(REWARDS)
    RewardFactory(programme=programme, segments=["lost", "silent"])
    with CaptureQueriesContext(connection) as two:
        client.get(REWARDS)
    assert len(one) == len(two)


def test_the_shelf_is_filtered_by_points_kind_and_tier(client, programme, person):
    tiers_in_force(programme)
    cheap = RewardFactory(programme=programme, price=20)
    dear = RewardFactory(programme=programme, price=900)
    sent = RewardFactory(programme=programme, price=30, kind="physical")
    gold = RewardFactory(programme=programme, price=40, from_tier="gold")

    def shown(query):
        page = client.get(f"{REWARDS}?{query}")
        return {offer.reward for offer in page.context["shelf"].offers}

    assert shown("") == shown("kind=x&tier=y&can=z") == {cheap, dear, sent, gold}
    assert shown("can=1") == {cheap, sent, gold}
    assert shown("kind=physical") == {sent}
    assert shown("tier=gold") == {gold}
    assert shown("kind=benefit&can=1") == {cheap, gold}
    assert shown("kind=physical&tier=gold") == set()
    page = client.get(REWARDS).text
    assert "از پس آن برمی‌آیم<small>۳</small>" in page
    assert "tier=gold" in page
    assert "kind=voucher" not in page  # there is none


def test_few_left_are_counted_by_stock_and_by_codes(client, programme, person):
    RewardFactory(programme=programme, stock=9, sold=4)
    RewardFactory(programme=programme, stock=9, sold=3)
    RewardFactory(programme=programme)
    voucher(programme, "NOOR-1", "NOOR-2")

    left = {offer.reward.kind: offer.few_left for offer in client.get(REWARDS).context["offers"] if offer.few_left}

    assert left == {"benefit": 5, "voucher": 2}
    assert "۲ تا مانده" in client.get(REWARDS).text


@pytest.mark.both_databases("loyalty.services.rewards.goals")
def test_a_member_saves_for_one_reward_and_sees_how_far_they_are(client, programme, person):
    first, second = (RewardFactory(programme=programme, price=price) for price in (600, 300))
    assert "ذخیره" in client.get(url_of(first)).text
    for reward in (first, first, second):
        assert client.post(f"{url_of(reward)}goal/").headers["Location"] == url_of(reward)

    page = client.get("/fa/loyalty/")
    assert page.context["goal"].reward == RewardGoal.objects.get().reward == second
    assert "۱۵۰ از ۳۰۰" in page.text
    assert "۱۵۰ امتیاز کم است" in page.text
    copy = io.StringIO()
    own_data.write_copy(person, copy)
    assert "reward saved for" in copy.getvalue()
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=150, key="more")
    assert "امتیاز شما برای آن کافی است" in client.get("/fa/loyalty/").text

    client.post(f"{url_of(first)}goal/", {"drop": "1"})
    assert RewardGoal.objects.count() == 1  # it was not this one
    client.post(f"{url_of(second)}goal/", {"drop": "1"})
    assert client.get("/fa/loyalty/").context["goal"] is None


def test_a_goal_is_on_the_shelf_and_goes_with_the_member(client, programme, person):
    hidden = RewardFactory(programme=programme, is_published=False)
    assert client.post(f"{url_of(hidden)}goal/").status_code == 404
    assert client.get(f"{url_of(hidden)}goal/").status_code == 405
    rewards.save_for(person, hidden)
    assert client.get("/fa/loyalty/").context["goal"] is None

    forget_member(person)

    assert not RewardGoal.objects.exists()


def test_one_reward_and_four_cost_the_same_number_of_queries(client, programme, person):
    counts = []
    for _number in range(4):
        RewardFactory(programme=programme, limit=1)
        client.get(REWARDS)
        with CaptureQueriesContext(connection) as captured:
            client.get(REWARDS)
        counts.append(len(captured))
    assert counts[0] == counts[3]


def test_the_page_of_points_leads_here(client, programme, person):
    page = client.get("/fa/loyalty/").text

    assert REWARDS in page
    assert TAKEN in page


# Taking one ----------------------------------------------------------------------------------------------------------


def test_a_code_is_taken_shown_on_demand_and_never_mailed(client, programme, person):
    reward = voucher(programme)
    shown = client.get(url_of(reward)).text
    assert "پس از آن می‌ماند" in shown
    assert "<bdi>۵۰</bdi>" in shown

    response, _data = take(client, reward)

    own = Redemption.objects.get()
    assert response.headers["Location"] == f"{TAKEN}{own.uid}/"
    page = client.get(response.headers["Location"]).text
    assert "NOOR-1406" not in page
    revealed = client.post(f"{TAKEN}{own.uid}/code/")
    assert "NOOR-1406" in revealed.text
    assert "no-store" in revealed.headers["Cache-Control"]
    assert client.get(f"{TAKEN}{own.uid}/code/").status_code == 405
    drain()
    assert ["بن کتاب" in one.subject for one in mail.outbox] == [True]
    assert "NOOR-1406" not in str(mail.outbox[0].message())
    assert Notification.objects.get().person == person
    assert reward.name["fa"] in client.get(TAKEN).text


def test_a_double_click_takes_one_and_leads_to_it(client, programme, person):
    reward = voucher(programme, "NOOR-1", "NOOR-2")
    first, data = take(client, reward)
    reward.is_published = False
    reward.save()

    second = client.post(url_of(reward), data)

    assert second.headers["Location"] == first.headers["Location"]
    assert Redemption.objects.count() == 1


def test_a_second_window_is_told_to_look_again(client, programme, person):
    reward = RewardFactory(programme=programme, price=40)
    other_window = hidden_fields(client.get(url_of(reward)).text)
    take(client, reward)

    response = client.post(url_of(reward), other_window)

    assert response.status_code == 422
    assert "در این میان جایزهٔ دیگری گرفته‌اید" in response.text
    assert Redemption.objects.count() == 1
    assert client.post(url_of(reward), hidden_fields(response.text)).status_code == 302  # now they mean it
    assert Redemption.objects.count() == 2


def test_a_price_that_changed_is_shown_before_anything_is_spent(client, programme, person):
    reward = RewardFactory(programme=programme, price=40)
    data = hidden_fields(client.get(url_of(reward)).text)
    reward.price = 60
    reward.save()

    response = client.post(url_of(reward), data)

    assert "قیمت در این میان عوض شده است" in response.text
    assert nothing_spent(person)


@pytest.mark.parametrize("price", ["-100", "0", "1", "1e2", "9" * 40, "۱۰۰٫۰", "¹⁰⁰", "１００", "", "ا", "\x00"])
def test_a_price_that_was_tampered_with_spends_nothing(client, programme, person, price):
    reward = RewardFactory(programme=programme)

    response, _data = take(client, reward, price=price)

    assert response.status_code == 422
    assert nothing_spent(person)


@pytest.mark.parametrize("name", ["key", "price", "seen"])
def test_a_form_with_a_part_missing_spends_nothing(client, programme, person, name):
    response, _data = take(client, RewardFactory(programme=programme), **{name: ""})

    assert response.status_code == 422
    assert nothing_spent(person)


def test_without_a_token_of_this_site_nothing_is_spent(programme, person):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    reward = RewardFactory(programme=programme)
    data = hidden_fields(strict.get(url_of(reward)).text)

    assert strict.post(url_of(reward), data).status_code == 403
    assert nothing_spent(person)


def test_what_is_not_there_is_not_found(client, programme, person):
    hidden = RewardFactory(programme=programme, is_published=False)

    assert client.get(url_of(hidden)).status_code == 404
    assert client.post(url_of(hidden), {"key": "a", "price": "100", "seen": "0"}).status_code == 404
    assert client.get(f"{REWARDS}{'9' * 30}/").status_code == 404


# Showing who one is --------------------------------------------------------------------------------------------------


def test_something_that_is_sent_asks_who_it_is_first_and_then_where_to(client, programme, person):
    reward = RewardFactory(programme=programme, kind="physical")
    page = client.get(url_of(reward)).text
    assert 'name="confirm"' in page
    assert 'name="postal_code"' not in page
    bold, _data = take(client, reward, key="k", price="100", seen="0", **ADDRESS)
    assert bold.headers["Location"].startswith("/fa/accounts/reauthenticate/?next=%2Ffa%2Floyalty%2Frewards%2F")
    asked = client.post(url_of(reward), {"confirm": "1"})
    assert asked.headers["Location"].startswith("/fa/accounts/reauthenticate/?next=%2Ffa%2Floyalty%2Frewards%2F")
    assert nothing_spent(person)

    client.post(asked.headers["Location"], {"password": PASSWORD})
    lacking, _data = take(client, reward, **(ADDRESS | {"text": ""}))
    assert lacking.status_code == 422
    assert nothing_spent(person)
    response, _data = take(client, reward, **ADDRESS)

    own = Redemption.objects.get()
    assert rewards.address_of(Parcel.objects.get()).phone == "+989121110099"
    page = client.get(response.headers["Location"]).text
    assert "خیابان انقلاب" in page
    assert client.post(f"{TAKEN}{own.uid}/cancel/").status_code == 302
    assert summary(wallets_of(person).get()).spendable == 150
    assert "لغو شد" in client.get(response.headers["Location"]).text


def test_after_a_change_of_the_password_nothing_is_sent_or_costs_much_for_a_day(just_confirmed, programme, person, rf):
    client = just_confirmed
    RewardTerms.objects.create(programme=programme, confirm_from=90)
    large = RewardFactory(programme=programme, price=90)
    sent = RewardFactory(programme=programme, price=5, kind="physical")
    small, other = (RewardFactory(programme=programme, price=45) for _number in range(2))
    forms = {reward: hidden_fields(client.get(url_of(reward)).text) for reward in (large, sent)}
    new = "سه-واژهٔ-بی-ربط"

    client.post("/fa/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    until = AccessChange.objects.get(user=person).at + dt.timedelta(hours=24)
    for reward in (large, sent):
        refused = client.post(url_of(reward), forms[reward] | ADDRESS)
        assert refused.status_code == 422
        with translation.override("fa"):
            assert moment_text(until) in refused.text
    assert nothing_spent(person)
    assert take(client, small)[0].status_code == 302
    for key in "km":
        seen = rewards.last_of(wallets_of(person).get())
        assert take(client, other, key=key, price="45", seen=seen)[0].status_code == 422
        AccessChange.objects.update(at=timezone.now())  # another change begins no new sum
    AccessChange.objects.update(at=timezone.now() - dt.timedelta(hours=24))
    assert take(client, large)[0].status_code == 302


# Others --------------------------------------------------------------------------------------------------------------


def test_nobody_sees_reveals_or_cancels_what_belongs_to_another(client, programme, person):
    own = rewards.redeem(user=person, reward=RewardFactory(programme=programme), key="a", price=100, seen=0)
    other = Client()
    other.force_login(UserFactory())

    answers = [other.get(f"{TAKEN}{own.uid}/"), *(other.post(f"{TAKEN}{own.uid}/{act}/") for act in ("code", "cancel"))]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert other.get(TAKEN).context["taken"].redemptions == []
    own.refresh_from_db()
    assert own.state == "ordered"


def test_everything_is_in_the_copy_of_ones_data_but_the_code(programme, person, tmp_path):
    rewards.redeem(user=person, reward=voucher(programme), key="a", price=100, seen=0)
    copy = tmp_path / "copy.json"

    with copy.open("w") as stream:
        own_data.write_copy(person, stream)

    text = copy.read_text()
    assert "بن کتاب" in text
    assert "NOOR-1406" not in text


def test_a_member_without_points_looks_around_and_no_wallet_is_opened(client, programme):
    newcomer = UserFactory()
    client.force_login(newcomer)
    reward = RewardFactory(programme=programme)

    assert "۱۰۰ امتیاز کم است" in client.get(url_of(reward)).text
    assert client.get(TAKEN).status_code == 200
    assert not wallets_of(newcomer).exists()
    assert reverse("loyalty:rewards") == REWARDS


def test_the_statement_names_what_points_were_spent_on(client, programme, person, django_assert_num_queries):
    """Reserved and given back: each line has the name of its reward, with one query for all of them."""
    reward = RewardFactory(programme=programme, name=LocalizedText(fa="ماگ نورا", en="Noora mug"))
    rewards.cancel(redemption=rewards.redeem(user=person, reward=reward, key="k", price=100, seen=0), user=person)
    wallet = wallet_for(user=person, programme=programme)
    *about_it, start = statement(wallet).lines

    with django_assert_num_queries(1):
        words = [line.what for line in own_points.in_words(wallet, about_it)]

    assert len(words) == 2
    assert all("ماگ نورا" in what for what in words)
    assert "ماگ" not in own_points.in_words(wallet, [start])[0].what
    assert client.get("/fa/loyalty/").text.count("ماگ نورا") == 2


def test_what_was_encrypted_with_a_lost_key_breaks_no_page(just_confirmed, programme, person, settings):
    """The copy of one's data, the page of the redemption and the code: each says so instead of failing."""
    client = just_confirmed
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=900, key="more")
    take(client, voucher(programme))
    take(client, RewardFactory(programme=programme, kind="physical"), **ADDRESS)
    coupon, parcel = Redemption.objects.order_by("pk")
    settings.SECRET_KEY = "another-key-that-opens-nothing-stored-before"
    client = Client()
    client.force_login(person)

    revealed = client.post(f"{TAKEN}{coupon.uid}/code/", follow=True)
    page = client.get(f"{TAKEN}{parcel.uid}/").text
    copy = io.StringIO()
    own_data.write_copy(person, copy)

    assert "دیگر خواندنی نیست" in revealed.text
    assert "کلید رمز" in page
    assert "its key is lost" in copy.getvalue() or "کلید رمز" in copy.getvalue()


def test_pages_say_what_a_reward_costs_now_and_when_it_costs_less(client, programme, person):
    reward = RewardFactory(programme=programme, price=100, happy_price=40, happy_from=10, happy_to=12)
    with at_hour(programme, 9):
        before = client.get(url_of(reward)).text
    with at_hour(programme, 11):
        during, shelf = client.get(url_of(reward)).text, client.get(REWARDS).text

    for page in (before, during):
        assert "هر روز از ساعت ۱۰ تا ۱۲ با ۴۰ امتیاز" in page
    assert hidden_fields(before)["price"] == "100"
    assert '<s class="muted">' not in before
    assert hidden_fields(during)["price"] == "40"
    for page in (during, shelf):
        assert '<s class="muted">۱۰۰</s>' in page
