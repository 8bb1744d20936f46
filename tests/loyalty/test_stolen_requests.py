"""Requests that somebody else wrote, copied or sent again: each is refused in words, and not one row changes.

Of members' pages and of the API of shops. What a form may contain is in `test_reward_pages`, bodies in `test_api`.
"""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from loyalty.models import Redemption
from loyalty.services import ledger, rewards, shop
from loyalty.services.members import wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, rule_in_force
from tests.loyalty.books import everything
from tests.loyalty.test_reward_pages import REWARDS, TAKEN, hidden_fields

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """A member with points and two things they took, an attacker, and what the attacker may do themselves."""
    programme = EarningFactory().programme
    rule_in_force(programme, "purchase", trigger="shop.order", points=1, per_fact="amount", per_units=1000)
    victim, attacker = UserFactory(language="fa"), UserFactory(language="fa")
    for person in (victim, attacker):
        ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=900, key=f"start:{person.pk}")
    benefit, other = RewardFactory.create_batch(2, programme=programme)
    voucher = RewardFactory(programme=programme, kind="voucher")
    rewards.import_codes(reward=voucher, lines=["NOOR-1", "NOOR-2"], by=UserFactory(superuser=True))
    taken = [
        rewards.redeem(user=victim, reward=reward, key=f"k{number}", price=100, seen=rewards.last_of(wallet))
        for number, (reward, wallet) in enumerate(
            (reward, wallet_for(user=victim, programme=programme)) for reward in (benefit, voucher)
        )
    ]
    return SimpleNamespace(
        programme=programme, victim=victim, attacker=attacker, ordered=taken[0], code=taken[1], reward=benefit, other=other,
        voucher=voucher, wallet=wallet_for(user=victim, programme=programme),
    )  # fmt: skip


def signed_in(person, **options):
    client = Client(**options)
    client.force_login(person)
    return client


# Pages of members ----------------------------------------------------------------------------------------------------


def test_no_form_of_a_member_is_accepted_without_a_token_of_this_site(scene):
    strict = signed_in(scene.victim, enforce_csrf_checks=True)
    shown = hidden_fields(strict.get(f"{REWARDS}{scene.reward.pk}/").text)
    before = everything()

    for path, data in (
        (f"{REWARDS}{scene.reward.pk}/", shown),
        (f"{TAKEN}{scene.ordered.uid}/cancel/", {}),
        (f"{TAKEN}{scene.code.uid}/code/", {}),
        ("/fa/loyalty/card/", {}),
    ):
        for origin in ({}, {"Origin": "https://evil.example"}):
            answer = strict.post(path, data, headers=origin)
            assert answer.status_code == 403, path
            assert "NOOR-1" not in answer.text
            assert "<h1" in answer.text  # a page with words, not a bare error
    assert everything() == before


def test_a_link_or_picture_that_leads_to_a_form_does_nothing(scene):
    client = signed_in(scene.victim)
    before = everything()

    for act in ("cancel", "code"):
        assert client.get(f"{TAKEN}{scene.ordered.uid}/{act}/").status_code == 405
    data = hidden_fields(client.get(f"{REWARDS}{scene.reward.pk}/").text)
    assert client.get(f"{REWARDS}{scene.reward.pk}/", data).status_code == 200

    assert everything() == before


def test_a_form_that_another_member_filled_in_spends_neither_theirs_nor_its_owners_points(scene):
    """The key of somebody's form, sent by another: it is not the same redemption, and shows nothing of it."""
    form = {"key": "k1", "price": "100", "seen": str(Redemption.objects.latest("pk").pk)}
    before = everything()

    answer = signed_in(scene.attacker).post(f"{REWARDS}{scene.voucher.pk}/", form)

    assert answer.status_code == 422
    assert "در این میان جایزهٔ دیگری گرفته‌اید" in answer.text
    assert str(scene.code.uid) not in answer.text
    assert everything() == before


def test_ids_of_somebody_elses_redemptions_and_made_up_ones_are_answered_alike(scene):
    attacker, before = signed_in(scene.attacker), everything()

    for uid in (scene.ordered.uid, scene.code.uid, uuid.uuid4()):
        answers = [
            attacker.get(f"{TAKEN}{uid}/"),
            *(attacker.post(f"{TAKEN}{uid}/{act}/") for act in ("code", "cancel")),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3

    assert everything() == before


def test_the_same_form_from_two_tabs_and_sent_again_later_is_one_redemption(scene):
    client = signed_in(scene.victim)
    data = hidden_fields(client.get(f"{REWARDS}{scene.other.pk}/").text)
    second_tab = hidden_fields(client.get(f"{REWARDS}{scene.voucher.pk}/").text)
    first = client.post(f"{REWARDS}{scene.other.pk}/", data)
    client.post(first.headers["Location"] + "cancel/")
    before = everything()

    replayed = client.post(f"{REWARDS}{scene.other.pk}/", data)
    elsewhere = client.post(f"{REWARDS}{scene.voucher.pk}/", data)
    late = client.post(f"{REWARDS}{scene.voucher.pk}/", second_tab)
    twice = client.post(first.headers["Location"] + "cancel/")

    assert replayed.headers["Location"] == first.headers["Location"]
    assert (elsewhere.status_code, late.status_code) == (422, 422)
    assert "پیش‌تر با جزئیات دیگری" in elsewhere.text
    assert "در این میان جایزهٔ دیگری گرفته‌اید" in late.text
    assert twice.status_code == 302
    assert everything() == before


@pytest.mark.parametrize(
    "value", ["-1", "0", "9" * 400, "1e3", "٣٠", "۳۰", "³", "1.0", "0x1", " ", "null", "\x00", "۹" * 40]
)
@pytest.mark.parametrize("name", ["price", "seen"])
def test_numbers_of_a_form_are_those_it_was_made_with_or_nothing_happens(scene, name, value):
    client = signed_in(scene.victim)
    data = hidden_fields(client.get(f"{REWARDS}{scene.reward.pk}/").text)
    before = everything()

    answer = client.post(f"{REWARDS}{scene.reward.pk}/", data | {name: value})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text or "data-error-summary" in answer.text
    assert everything() == before


@pytest.mark.parametrize("number", ["-1", "0", "9" * 30, "١", "1.0", "1e1", "%00"])
def test_there_is_no_reward_under_an_odd_number(scene, number):
    client, before = signed_in(scene.victim), everything()

    assert client.post(f"{REWARDS}{number}/", {"key": "a", "price": "1", "seen": "0"}).status_code == 404
    assert everything() == before


# The API of shops ----------------------------------------------------------------------------------------------------


@pytest.fixture
def call(scene):
    """Return a function that calls the API with a shop's token."""
    _token, secret = shop.make_token(
        programme=scene.programme, name="صندوق", source="till", scopes=["events", "holds", "quotes", "balance"],
        per_minute=1000, by=UserFactory(superuser=True),
    )  # fmt: skip

    def send(path, body, *, secret=secret, client=None):
        return (client or Client()).post(
            f"/api/loyalty/{path}", json.dumps(body), content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
        )  # fmt: skip

    send("quotes", {})  # notes when the token was used
    return send


def paid(scene, **values):
    return {
        "type": "order.paid", "id": "p-1", "order": "1", "member": str(scene.wallet.member_key), "amount": "90000",
        "currency": "IRR", "occurred_at": timezone.now().isoformat(), **values,
    }  # fmt: skip


def test_a_members_session_opens_nothing_of_the_api(scene, call):
    before = everything()

    for path, body in (
        ("events", {"events": [paid(scene)]}),
        ("holds", {"id": "h-1", "member": str(scene.wallet.member_key), "points": 5}),
        ("holds/h-1/capture", {}),
        ("holds/h-1/release", {}),
    ):
        answer = call(path, body, secret="", client=signed_in(scene.victim))
        assert answer.status_code == 401
        assert answer.json()["errors"]
    assert everything() == before


def test_what_was_recorded_and_is_sent_again_does_nothing_more(scene, call):
    key = str(scene.wallet.member_key)
    requests = [
        ("events", {"events": [paid(scene)]}),
        ("holds", {"id": "h-1", "member": key, "points": 30}),
        ("holds/h-1/capture", {"points": 20}),
        ("holds", {"id": "h-2", "member": key, "points": 10}),
        ("holds/h-2/release", {}),
    ]
    first = [call(*request) for request in requests]
    before = everything()

    again = [call(*request) for request in [*requests, *reversed(requests)]]

    assert {answer.status_code for answer in first + again} == {200}
    assert [answer.json()["is_new"] for answer in again[1:5]] == [False] * 4
    assert everything() == before
    assert list(ledger.check()) == []


@pytest.mark.parametrize("points", [-5, 0, 10**18, "5", "۵", 1.5, True, None, [5], 10**400])
def test_only_whole_numbers_of_points_are_reserved_or_spent(scene, call, points):
    call("holds", {"id": "h-1", "member": str(scene.wallet.member_key), "points": 30})
    before = everything()

    for path, body in (
        ("holds", {"id": "h-2", "member": str(scene.wallet.member_key), "points": points}),
        ("holds/h-1/capture", {"points": points}),
    ):
        answer = call(path, body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["error"]
    assert everything() == before


def test_no_shop_spends_more_than_was_reserved_or_touches_what_a_member_took(scene, call):
    call("holds", {"id": "h-1", "member": str(scene.wallet.member_key), "points": 30})
    before = everything()

    assert call("holds/h-1/capture", {"points": 31}).status_code == 409
    for hold in (scene.ordered.hold, str(scene.ordered.uid), f"shop:till:{scene.ordered.uid}", "h-1%0a", "۱"):
        for act in ("capture", "release"):
            answer = call(f"holds/{hold}/{act}", {})
            assert answer.status_code in {404, 422}
    assert everything() == before
