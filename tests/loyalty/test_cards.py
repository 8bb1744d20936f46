"""Membership cards: numbers that find slips, pictures that scanners read, and a page for the owner alone."""

from __future__ import annotations

import datetime as dt

import pytest
from barcode.codex import Code128
from django.urls import reverse
from django.utils import timezone

from loyalty.card_pictures import bar_code, qr_code
from loyalty.exceptions import CodeOverError, WrongCodeError
from loyalty.models import MemberCard
from loyalty.own_data import _export as exported
from loyalty.services import adjusting, cards
from loyalty.services.members import forget_member
from portal.core.scopes import content_changed
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_adjusting import with_rights
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.services.cards", "loyalty.models.cards")]

PAGE = "/fa/loyalty/card/"


@pytest.fixture
def person(client):
    EarningFactory()
    content_changed("site")
    person = UserFactory(language="fa")
    client.force_login(person)
    return person


def test_numbers_have_twelve_digits_and_pass_their_own_check():
    numbers = {cards.new_number() for _number in range(200)}

    assert len(numbers) == 200
    assert all(cards.is_valid(number) and number[0] != "0" for number in numbers)
    assert cards.with_check_digits("794") == "79444"  # the example of the standard


def test_every_wrong_digit_and_every_swap_is_found():
    number = cards.with_check_digits("4821773099")
    for place in range(12):
        for digit in "0123456789":
            changed = number[:place] + digit + number[place + 1 :]
            assert cards.is_valid(changed) == (changed == number)
    for place in range(11):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert cards.is_valid(swapped) == (swapped == number)


@pytest.mark.parametrize("number", ["", "1", "x" * 12, "²" * 12, "-48217730990"])
def test_what_is_no_number_is_refused(number):
    assert not cards.is_valid(number)


def test_a_number_may_be_written_in_persian_and_with_spaces():
    number = cards.with_check_digits("4821773099")
    persian = number.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert cards.is_valid(f"{persian[:4]} {persian[4:8]} {persian[8:]}")


def test_the_pictures_have_the_modules_and_the_quiet_zones():
    bars = bar_code("482177309914")
    [modules] = Code128("482177309914").build()
    assert bars.width == len(modules) + 20
    assert bars.path.startswith("M10 0h2v40")
    code = qr_code("482177309914")
    assert (code.width, code.height) == (29, 29)
    assert code.path.startswith("M4 4h7v1h-7z")


def test_a_card_is_made_when_it_is_asked_for_and_stays_the_same(client, person):
    assert "ساختن کارت من" in client.get(PAGE).text
    assert not MemberCard.objects.exists()

    assert client.post(PAGE)["Location"] == PAGE
    client.post(PAGE)
    card = MemberCard.objects.get()
    page = client.get(PAGE).text
    assert f'<bdi dir="ltr">{card.number[:4]} {card.number[4:8]} {card.number[8:]}</bdi>' in page
    assert page.count('fill="#000"') == 2


def test_the_card_is_for_its_owner_alone_and_goes_with_them(client, person):
    card = cards.make_card(person)
    client.force_login(UserFactory())
    assert card.number[:4] not in client.get(PAGE).text
    client.logout()
    assert client.get(PAGE).status_code == 302

    forget_member(person)
    assert not MemberCard.objects.exists()
    assert cards.card_of(person) is None


def test_a_number_that_somebody_has_is_not_given_twice(monkeypatch):
    taken = cards.make_card(UserFactory())
    numbers = iter([taken.number, cards.with_check_digits("4821773099")])
    monkeypatch.setattr(cards, "new_number", lambda: next(numbers))

    assert cards.make_card(UserFactory()).number != taken.number
    monkeypatch.setattr(cards, "new_number", lambda: taken.number)
    with pytest.raises(RuntimeError):
        cards.make_card(UserFactory())


def test_a_copy_of_ones_data_has_the_number(person):
    card = cards.make_card(person)
    assert {"number": card.number} in [
        {"number": row.get("number")} for kind, row in exported(person) if kind == "card"
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_a_card_asked_for_twice_at_once_is_one():
    person = UserFactory()
    results = at_once(6, lambda _number: cards.make_card(person).number)
    assert set(results) == {MemberCard.objects.get().number}


# Codes that change ---------------------------------------------------------------------------------------------------


def test_a_code_shows_a_card_for_a_minute_and_nothing_else_does(person):
    card, now = cards.make_card(person), timezone.now()
    code = cards.make_code(card, at=now)

    assert cards.number_in_code(f" {code.lower()} ", at=now) == card.number
    assert cards.number_in_code(code, at=now + dt.timedelta(seconds=cards.CODE_SECONDS - 1)) == card.number
    for seconds in (-90, cards.CODE_SECONDS + 1, 10**6):
        with pytest.raises(CodeOverError):
            cards.number_in_code(code, at=now + dt.timedelta(seconds=seconds))
    beginning, number, ends, signature = code.split(".")
    other = cards.with_check_digits("4821773099")
    later = cards.make_code(card, at=now + dt.timedelta(days=1)).split(".")[2]
    for wrong in (
        "", "x", number, f"{code}0", code[:-1], ".".join([beginning, other, ends, signature]),
        ".".join([beginning, number, later, signature]), ".".join([beginning, number, "²", signature]),
    ):  # fmt: skip
        with pytest.raises(WrongCodeError):
            cards.number_in_code(wrong, at=now)


def test_the_page_fetches_codes_for_its_owner_alone_and_has_the_number_without_them(client, person):
    url = reverse("loyalty:card_code")
    assert client.get(url).status_code == 404  # no card yet
    card = cards.make_card(person)

    page = client.get(PAGE).text
    answer = client.get(url)

    assert f'hidden data-card-code="{url}"' in page
    assert qr_code(card.number).path in page
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    assert answer.text.count("<svg") == 1
    assert qr_code(card.number).path not in answer.text
    client.logout()
    assert client.get(url).status_code == 302


def test_staff_find_a_member_by_the_card_that_is_shown(person):
    card = cards.make_card(person)
    looker = with_rights("view_member")

    for shown in (card.number, cards.make_code(card)):
        assert adjusting.find_members(shown, by=looker) == [person]
    old = cards.make_code(card, at=timezone.now() - dt.timedelta(minutes=5))
    assert adjusting.find_members(old, by=looker) == []
