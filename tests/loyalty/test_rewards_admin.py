"""The admin's screens of rewards, and what happens to those who may not use them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from loyalty.exceptions import CodeNotUsableError, CodesRefusedError, RewardRightMissingError
from loyalty.models import Parcel, Redemption, Reward, RewardPrice, RewardTerms, VoucherCode
from loyalty.queries import summary, wallets_of
from loyalty.services import ledger, rewards
from loyalty.services.members import wallet_for
from loyalty.services.rewards.codes import ALPHABET
from portal.core.localized import LocalizedText
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, tiers_in_force

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.rewards.catalogue", "loyalty.services.rewards.codes", "loyalty.rewards_admin"
    ),
]

OFFERED, TAKEN = reverse("rewards_offered:index"), reverse("rewards_taken:index")
HOME = rewards.Address(name="سارا محمدی", phone="+989121110099", text="تهران، خیابان انقلاب", postal_code="1417614411")


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def staff(client):
    person = UserFactory(superuser=True, language="fa")
    client.force_login(person)
    return person


@pytest.fixture
def person(programme):
    person = UserFactory()
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=500, key="start")
    return person


@pytest.fixture
def ordered(programme, person):
    reward = RewardFactory(programme=programme, kind="physical", stock=5, name=LocalizedText(fa="ماگ نورا"))
    return rewards.redeem(user=person, reward=reward, key="k", price=100, seen=0, address=HOME, is_confirmed=True)


def clerk(client, *rights):
    """Somebody with access to the admin and these rights."""
    person = UserFactory(staff=True, language="fa")
    person.user_permissions.set(Permission.objects.filter(codename__in=["access_admin", *rights]))
    client.force_login(person)
    return person


def form(offered_in, **values):
    fixed = {
        "programme": offered_in.pk, "kind": "voucher", "name_fa": "بن کتاب", "name_en": "Book voucher", "text_fa": "از هر کتاب‌فروشی",
        "price": "250", "limit_period": "month", "limit": "1", "is_published": "on",
    }  # fmt: skip
    return {**fixed, **values}


# What is offered -----------------------------------------------------------------------------------------------------


def test_a_reward_is_written_in_a_form_and_its_prices_are_kept(client, staff, programme):
    response = client.post(reverse("rewards_offered:add"), form(programme))

    reward = Reward.objects.get()
    url = reverse("rewards_offered:edit", args=[reward.pk])
    assert response.headers["Location"] == url
    assert (reward.name["fa"], reward.price, reward.limit, reward.limit_period) == ("بن کتاب", 250, 1, "month")
    client.post(url, form(programme, price="300"))
    client.post(url, form(programme, price="300", text_fa="دیگر"))
    assert list(RewardPrice.objects.values_list("price", "actor")) == [
        (300, f"user:{staff.pk}"), (250, f"user:{staff.pk}"),
    ]  # fmt: skip
    assert "۳۰۰" in client.get(url).text
    assert "بن کتاب" in client.get(OFFERED).text


def test_a_reward_is_for_a_tier_that_there_is_in_its_programme(client, staff, programme):
    tiers_in_force(programme)
    other = EarningFactory().programme
    add = reverse("rewards_offered:add")
    assert client.post(add, form(other, from_tier="gold")).status_code == 422
    assert client.post(add, form(programme, from_tier="platinum")).status_code == 422

    client.post(add, form(programme, from_tier="gold"))

    reward = Reward.objects.get()
    assert reward.from_tier == "gold"
    assert "از سطح «طلایی»" in client.get(OFFERED).text
    Reward.objects.update(from_tier="platinum")  # the tiers were changed since
    url = reverse("rewards_offered:edit", args=[reward.pk])
    assert "platinum" in client.get(url).text
    assert client.post(url, form(programme, from_tier="platinum", price="9")).status_code == 302


def test_a_reward_is_for_segments(client, staff, programme):
    client.post(reverse("rewards_offered:add"), form(programme, segments=["new", "silent"]))
    reward = Reward.objects.get()
    assert reward.segments == ["new", "silent"]
    assert "اعضای تازه" in client.get(OFFERED).text
    url = reverse("rewards_offered:edit", args=[reward.pk])
    assert client.get(url).context["form"]["segments"].value() == ["new", "silent"]
    client.post(url, form(programme))
    reward.refresh_from_db()
    assert reward.segments is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": "0"},
        {"price": "-5"},
        {"price": "99999999999"},
        {"limit": "0"},
        {"name_fa": "", "name_en": ""},
        {"available_from": "2026-12-02", "available_until": "2026-12-01"},
        {"programme": "0"},
    ],
)
def test_what_could_not_be_taken_is_not_saved(client, staff, programme, wrong):
    assert client.post(reverse("rewards_offered:add"), form(programme, **wrong)).status_code == 422
    assert not Reward.objects.exists()


def test_the_stock_does_not_fall_below_what_was_taken(client, staff, programme, ordered):
    url = reverse("rewards_offered:edit", args=[ordered.reward_id])

    refused = client.post(url, form(programme, stock="0"))

    assert refused.status_code == 422
    assert "بیش از این تعداد گرفته شده است" in refused.text
    assert client.post(url, form(programme, stock="1")).status_code == 302
    with pytest.raises(ValidationError):  # also when the page was older than the redemption
        rewards.change_reward(reward=ordered.reward, by=staff, stock=0)


def test_the_terms_of_a_programme_are_set(client, staff, programme):
    url = reverse("rewards_offered:terms", args=[programme.pk])
    assert "1000" in client.get(url).text

    client.post(url, {"confirm_from": "", "keep_address_days": "14", "wait_hours": "48"})

    terms = RewardTerms.objects.get()
    assert (terms.confirm_from, terms.keep_address_days, terms.wait_hours) == (None, 14, 48)
    assert client.post(url, {"confirm_from": "0", "keep_address_days": "14", "wait_hours": "48"}).status_code == 422


# Codes ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def voucher(programme):
    return RewardFactory(programme=programme, kind="voucher")


def codes_url(reward):
    return reverse("rewards_offered:codes", args=[reward.pk])


def test_codes_come_from_a_text_or_the_first_column_of_a_file_and_are_stored_unreadable(client, staff, voucher):
    client.post(codes_url(voucher), {"text": "NOOR-1\n\n nOOr-۲ \nNOOR-1"})
    file = SimpleUploadedFile("c.csv", '\ufeffNOOR-3,کتاب\r\n"NOOR-4";x\r\n'.encode())
    response = client.post(codes_url(voucher), {"file": file}, follow=True)

    assert "۲ کد افزوده شد" in response.text
    assert VoucherCode.objects.filter(status="free").count() == 4
    stored = str(list(VoucherCode.objects.values()))
    assert "NOOR" not in stored


@pytest.mark.parametrize("text", ["NOOR-1", "noor 1", "ab", "سلام‌سلام", "a" * 61, "", "NEW-1\nNOOR1"])
def test_a_code_that_is_known_or_none_refuses_the_whole_list(client, staff, voucher, text):
    rewards.import_codes(reward=voucher, lines=["NOOR-1"], by=staff)

    response = client.post(codes_url(voucher), {"text": text})

    assert response.status_code == 422
    assert VoucherCode.objects.count() == 1


def test_codes_are_known_after_the_secret_key_has_changed(staff, voucher, settings):
    rewards.import_codes(reward=voucher, lines=["NOOR-1"], by=staff)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"

    with pytest.raises(CodesRefusedError):
        rewards.import_codes(reward=voucher, lines=["NOOR-1"], by=staff)


def test_made_codes_come_once_as_a_file_without_letters_that_look_alike(client, staff, voucher):
    response = client.post(codes_url(voucher), {"count": "۲۰"})

    codes = response.text.split()
    assert len(set(codes)) == VoucherCode.objects.count() == 20
    assert set("".join(codes)) <= {*ALPHABET, "-"}
    assert not set("O0I1LZ2S5B8UV") & set(ALPHABET)
    assert "no-store" in response.headers["Cache-Control"]
    assert codes[0] not in client.get(codes_url(voucher)).text


@pytest.mark.parametrize(
    "data", [{}, {"count": "0"}, {"count": "99999"}, {"count": "3", "text": "A-123"}, {"count": "x"}]
)
def test_of_the_three_ways_one_is_chosen(client, staff, voucher, data):
    assert client.post(codes_url(voucher), data).status_code == 422
    assert not VoucherCode.objects.exists()


def test_only_codes_have_codes(client, staff, programme):
    thing = RewardFactory(programme=programme)
    assert client.get(codes_url(thing), follow=True).status_code == 404
    with pytest.raises(CodesRefusedError):
        rewards.make_codes(reward=thing, count=1, by=staff)


# What was taken ------------------------------------------------------------------------------------------------------


def inspect(redemption):
    return reverse("rewards_taken:inspect", args=[redemption.pk])


def test_a_parcel_goes_its_way_step_by_step(client, staff, ordered, person):
    assert "ماگ نورا" in client.get(TAKEN).text
    page = client.get(inspect(ordered)).text
    assert "خیابان انقلاب" in page
    assert "بعدی: بسته‌بندی شد" in page

    for state in ("packed", "shipped", "delivered"):
        client.post(inspect(ordered), {"do": "advance", "to": state, "carrier": "پست\nپیشتاز", "tracking": "۱۲\x0034"})

    ordered.refresh_from_db()
    assert ordered.state == "delivered"
    assert list(Parcel.objects.values_list("carrier", "tracking")) == [("پست پیشتاز", "۱۲34")]
    assert "ماگ نورا" not in client.get(TAKEN).text
    assert "ماگ نورا" in client.get(TAKEN, {"state": "delivered"}).text
    assert "ماگ نورا" in client.get(TAKEN, {"uid": str(ordered.uid)}).text
    assert "ماگ نورا" not in client.get(TAKEN, {"uid": "x"}).text


def test_points_are_given_back_in_parts_once_for_each_look(client, staff, ordered, person):
    for state in ("packed", "shipped"):
        rewards.advance(redemption=ordered, by=staff, to=state)
    key = re.search(r'name="key" value="([^"]+)"', client.get(inspect(ordered)).text)[1]
    part = {"do": "refund", "points": "۳۰", "reason": "damaged", "key": key}

    client.post(inspect(ordered), part)
    client.post(inspect(ordered), part)
    assert summary(wallets_of(person).get()).spendable == 430
    for wrong in ({"points": "-1"}, {"points": "71"}, {"points": "1.5"}, {"reason": ""}, {"reason": "erasure"}):
        client.post(inspect(ordered), {"do": "refund", "points": "1", "reason": "lost", "key": "other", **wrong})
    assert summary(wallets_of(person).get()).spendable == 430

    client.post(inspect(ordered), {"do": "return", "reason": "address"})

    assert summary(wallets_of(person).get()).spendable == 500
    assert Redemption.objects.get().state == "returned"


def test_an_order_is_cancelled_with_a_reason(client, staff, ordered, person):
    client.post(inspect(ordered), {"do": "cancel"})
    assert Redemption.objects.get().state == "ordered"

    client.post(inspect(ordered), {"do": "cancel", "reason": "out-of-stock"})

    assert Redemption.objects.get().state == "cancelled"
    assert "موجودی تمام شده است" in client.get(inspect(ordered)).text


# Rights --------------------------------------------------------------------------------------------------------------

#: Right → what it opens.
OPENS = {
    "change_reward": {"offered", "add", "edit"},
    "add_vouchercode": {"offered", "codes"},
    "change_rewardterms": {"offered", "terms"},
    "view_redemption": {"taken", "inspect"},
    "fulfil_redemption": {"taken", "inspect", "advance", "cancel"},
    "refund_redemption": {"taken", "inspect", "refund", "return"},
    "": set(),
}


@pytest.mark.parametrize("right", OPENS)
def test_each_act_needs_its_right(client, programme, voucher, ordered, right):
    clerk(client, right)
    before = summary(wallets_of_all(ordered))
    answers = {
        "offered": client.get(OFFERED),
        "add": client.get(reverse("rewards_offered:add")),
        "edit": client.get(reverse("rewards_offered:edit", args=[voucher.pk])),
        "codes": client.get(codes_url(voucher)),
        "terms": client.get(reverse("rewards_offered:terms", args=[programme.pk])),
        "taken": client.get(TAKEN),
        "inspect": client.get(inspect(ordered)),
        **{act: client.post(inspect(ordered), {"do": act}) for act in ("advance", "cancel", "refund", "return")},
    }

    refused = {
        name
        for name, answer in answers.items()
        if answer.headers.get("Location") == "/admin/" or answer.status_code == 403
    }
    assert set(answers) - refused == OPENS[right]
    assert summary(wallets_of_all(ordered)) == before


def wallets_of_all(redemption):
    return Redemption.objects.select_related("wallet__programme").get(pk=redemption.pk).wallet


def test_addresses_are_seen_by_those_who_send(client, ordered):
    clerk(client, "view_redemption")
    assert "خیابان انقلاب" not in client.get(inspect(ordered)).text
    clerk(client, "fulfil_redemption")
    assert "خیابان انقلاب" in client.get(inspect(ordered)).text


def test_the_services_ask_too(client, programme, voucher):
    nobody = UserFactory(staff=True)
    acts = [
        lambda: rewards.create_reward(programme=programme, kind="benefit", by=nobody, name={"fa": "x"}, price=1),
        lambda: rewards.change_reward(reward=voucher, by=nobody, price=1),
        lambda: rewards.set_terms(programme=programme, by=nobody, confirm_from=1, keep_address_days=1, wait_hours=1),
        lambda: rewards.import_codes(reward=voucher, lines=["A-123"], by=nobody),
        lambda: rewards.make_codes(reward=voucher, count=1, by=nobody),
    ]
    for act in acts:
        with pytest.raises(RewardRightMissingError):
            act()


# Codes that are shown -------------------------------------------------------------------------------------------------


def test_a_code_that_is_shown_is_looked_at_and_used_once(client, programme, person):
    reward = RewardFactory(programme=programme, kind="voucher", name=LocalizedText(fa="قهوه"))
    rewards.import_codes(reward=reward, lines=["NOOR-1406", "NOOR-FREE"], by=UserFactory(superuser=True))
    taken = rewards.redeem(user=person, reward=reward, key="k", price=100, seen=0)
    page = reverse("rewards_taken:code")
    clerk(client, "fulfil_redemption")

    looked = client.post(page, {"code": " noor-۱۴۰۶ "})
    assert "قهوه" in looked.text
    assert 'name="use"' in looked.text
    assert VoucherCode.objects.get(redemption=taken).status == "issued"
    assert client.post(page, {"code": "noor1406", "use": "1"}).status_code == 302
    assert VoucherCode.objects.get(redemption=taken).status == "used"
    again = client.post(page, {"code": "NOOR-1406", "use": "1"})

    assert again.status_code == 422
    assert "پیش‌تر" in again.text
    for other in ("NOOR-FREE", "NOOR-9", "", "x" * 500, "\x00"):
        assert "دست کسی نیست" in client.post(page, {"code": other, "use": "1"}).text
    assert VoucherCode.objects.filter(status="free").count() == 1
    assert list(ledger.check()) == []


def test_a_code_that_is_void_or_over_is_refused_with_the_reason(programme, person):
    boss = UserFactory(superuser=True)
    reward = RewardFactory(programme=programme, kind="voucher")
    rewards.import_codes(reward=reward, lines=["NOOR-1", "NOOR-2"], by=boss)
    for number in (1, 2):
        rewards.redeem(
            user=person, reward=reward, key=f"k{number}", price=100, seen=rewards.last_of(wallets_of(person).get())
        )
    first = Redemption.objects.order_by("pk").first()
    rewards.refund(redemption=first, by=boss, reason="damaged", key="r")
    VoucherCode.objects.filter(status="issued").update(expires_on="2020-01-01")

    for code, words in (("NOOR-1", "باطل"), ("NOOR-2", "قابل استفاده بود")):
        with translation.override("fa"), pytest.raises(CodeNotUsableError, match=words):
            rewards.use_code(code, by=boss)
    assert not VoucherCode.objects.filter(status="used").exists()


def test_who_may_not_fulfil_accepts_no_codes(client, programme):
    clerk(client, "view_redemption")
    assert client.get(reverse("rewards_taken:code")).status_code in {302, 403}
    with pytest.raises(RewardRightMissingError):
        rewards.use_code("NOOR-1", by=UserFactory(staff=True))
