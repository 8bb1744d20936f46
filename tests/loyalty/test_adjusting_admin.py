"""The admin's screens of members' points: finding, statements, corrections, files, switches."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.adjusting_admin import owners_of
from loyalty.models import Adjustment, Journal, Member, PointsClaim, PointsFile, PointsPolicy, Wallet
from loyalty.services import adjusting, earning, ledger
from loyalty.services.cards import make_card
from loyalty.services.claims import send_claim
from loyalty.services.members import wallet_for
from tests.core.test_spreadsheets import workbook
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_adjusting import DAY, ask, asker, table, with_rights
from tests.loyalty.test_earning import happened

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


def signed_in(client, *rights):
    person = with_rights(*rights, language="fa")
    person.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(person)
    return person


def token_of(page):
    return re.search(r'name="token" value="([^"]+)"', page)[1]


def page_of(member):
    return reverse("points_members:inspect", args=[member.pk])


def test_a_member_is_found_read_and_given_points_once(client, programme):
    signed_in(client, "view_member", "add_adjustment")
    member = UserFactory(name="نیلوفر رضایی", handle="niloofar")
    ledger.earn(wallet=wallet_for(user=member, programme=programme), amount=70, key="e", expires_on=DAY)
    for words in ("نيلوفر", "niloo", member.email):
        assert "niloofar" in client.get(reverse("points_members:index"), {"q": words}).text
    assert "کسی پیدا نشد" in client.get(reverse("points_members:index"), {"q": "x"}).text

    page = client.get(page_of(member)).text
    form = {
        "adjust": "1",
        "points": "۲۵",
        "reason": "goodwill",
        "note": "تماس",
        "token": token_of(page),
        "expires_on": "۱۴۲۰/۱/۳۱",
    }
    for _time in range(2):
        assert client.post(page_of(member), form).status_code == 302
    assert Adjustment.objects.get().expires_on.isoformat() == "2041-04-19"
    after = client.get(page_of(member)).text
    assert "حسن نیت" in after
    assert "<bdi>+۲۵</bdi>" in after
    assert "<td>۹۵</td>" in after

    extend = {"extend": "1", "bucket": DAY.isoformat(), "to": "2031-01-31", "reason": "goodwill", "note": "x"}
    assert client.post(page_of(member), {**extend, "token": token_of(after)}).status_code == 302
    assert Journal.objects.filter(code="extend").exists()
    assert Journal.objects.count() == 3


def test_expired_points_are_given_again_once_and_the_member_reads_why(client, programme):
    signed_in(client, "view_member", "add_adjustment")
    member = UserFactory(language="fa")
    wallet = wallet_for(user=member, programme=programme)
    ledger.earn(wallet=wallet, amount=70, key="e", expires_on=DAY)
    journal = ledger.expire(wallet=wallet, today=DAY + dt.timedelta(days=1)).journal_id
    page = client.get(page_of(member)).text
    form = {"reinstate": "1", "to": "۱۴۲۰/۱/۳۱", "reason": "goodwill", "note": "x", "token": token_of(page)}
    assert f'<option value="{journal}">' in page
    for wrong in (
        {"journal_id": "9" * 20},
        {"journal_id": "0"},
        {"points": "۷۱"},
        {"points": "-1"},
        {"to": "۱۳۹۰/۱/۱"},
    ):
        assert client.post(page_of(member), {**form, "journal_id": journal, **wrong}).status_code == 422

    for _time in range(2):
        assert client.post(page_of(member), {**form, "journal_id": journal}).status_code == 302

    assert Journal.objects.filter(code="reinstate").count() == 1
    assert 'name="reinstate"' not in client.get(page_of(member)).text
    asked = client.get(reverse("points_corrections:inspect", args=[Adjustment.objects.get().pk])).text
    assert "امتیاز منقضی‌شده دوباره داده شد" in asked
    client.force_login(member)
    own = client.get("/fa/loyalty/").text
    assert "امتیاز منقضی‌شده دوباره داده شد" in own
    assert "حسن نیت" in own
    assert "<bdi>+۷۰</bdi>" in own


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"points": "2.5"}, "تعداد"),
        ({"points": "-900"}, "کافی"),
        ({"note": ""}, "note"),
        ({"expires_on": "1405/13/1"}, "روز را"),
        ({"token": "x"}, "token"),
    ],
)
def test_what_is_wrong_is_said_in_the_form_and_nothing_is_booked(client, programme, values, message):
    signed_in(client, "view_member", "add_adjustment")
    member = UserFactory()
    page = client.get(page_of(member)).text
    form = {"adjust": "1", "points": "5", "reason": "goodwill", "note": "x", "token": token_of(page), **values}
    response = client.post(page_of(member), form)
    assert response.status_code == 422
    assert message in response.text
    assert not Journal.objects.exists()


def test_a_second_person_decides_and_the_first_sees_no_button(client, programme):
    by = signed_in(client, "add_adjustment", "approve_adjustment")
    asked = ask(UserFactory(handle="someone"), programme, 900, by)
    page = reverse("points_corrections:inspect", args=[asked.pk])
    assert 'name="approve"' not in client.get(page).text
    client.post(page, {"approve": "1"})
    asked.refresh_from_db()
    assert asked.is_waiting

    signed_in(client, "approve_adjustment")
    listed = client.get(reverse("points_corrections:index")).text
    assert "someone" in listed
    assert by.handle in listed
    assert 'name="approve"' in client.get(page).text
    client.post(page, {"approve": "1"})
    assert Journal.objects.get().amount == 900
    assert "ثبت‌شده" in client.get(page).text


def test_a_file_is_looked_at_mended_in_the_page_and_booked(client, programme):
    signed_in(client, "add_pointsfile")
    one, other = UserFactory(handle="one.one"), UserFactory()
    index = reverse("points_files:index")
    form = {"programme": programme.pk, "reason": "mistake", "note": "خطای ماه گذشته"}
    upload = SimpleUploadedFile("x.csv", table((one.handle, 10), ("nobody", 5)))
    looked = client.post(index, {**form, "file": upload})
    assert "چنین عضوی نیست" in looked.text
    assert 'name="book"' not in looked.text
    assert "nobody,5" in looked.text

    rows = table((one.handle, 10), (other.handle, 5)).decode()
    assert 'name="book"' in client.post(index, {**form, "rows": rows}).text
    assert not PointsFile.objects.exists()
    booked = client.post(index, {**form, "rows": rows, "book": "1"})
    adjusting.book_files()
    page = client.get(booked.headers["Location"]).text
    assert "۲ ثبت شد" in page
    assert "one.one" in page
    assert "پیش‌تر فرستاده شده‌اند" in client.post(index, {**form, "rows": rows}).text
    assert client.post(index, {**form, "rows": "x"}).status_code == 422


def test_a_workbook_is_looked_at_as_its_table_and_a_broken_one_is_refused_with_words(client, programme):
    signed_in(client, "add_pointsfile")
    UserFactory(handle="one.one")
    form = {"programme": programme.pk, "reason": "mistake", "note": "خطا"}
    content = workbook(["عضو", "امتیاز"], ["one.one", 10], ["nobody", -5])

    looked = client.post(reverse("points_files:index"), {**form, "file": SimpleUploadedFile("x.xlsx", content)})
    broken = client.post(reverse("points_files:index"), {**form, "file": SimpleUploadedFile("x.xlsx", content[:300])})

    assert "one.one,10" in looked.text
    assert "nobody,-5" in looked.text
    assert "چنین عضوی نیست" in looked.text
    assert broken.status_code == 422


def test_switches_limits_and_freezing_are_recorded_with_a_reason(client, programme):
    signed_in(client, "view_member", "freeze_wallet", "switch_programme", "change_pointspolicy")
    member = UserFactory()
    wallet_for(user=member, programme=programme)
    client.post(page_of(member), {"freeze": "1", "reason": "account-taken"})
    assert Wallet.objects.get().status == "frozen"
    assert "شاید کس دیگری" in client.get(page_of(member)).text
    client.post(page_of(member), {"unfreeze": "1", "reason": "looked-into"})
    assert Wallet.objects.get().status == "open"

    page, prefix = reverse("points_programmes:index"), programme.pk
    client.post(page, {"programme": prefix, f"{prefix}-reason": "incident", "stop_earning": "1"})
    programme.refresh_from_db()
    assert programme.is_earning_stopped
    policy = {
        "programme": prefix, "policy": "1", f"{prefix}-alone_up_to": "0", f"{prefix}-days_to_decide": "3",
        f"{prefix}-point_cost": "0.5", f"{prefix}-currency": "irt",
    }  # fmt: skip
    client.post(page, policy)
    assert list(PointsPolicy.objects.values_list("alone_up_to", "currency")) == [(0, "IRT")]
    for wrong in ({f"{prefix}-days_to_decide": "0"}, {f"{prefix}-currency": "XQX"}):
        assert client.post(page, {**policy, **wrong}).status_code == 422
    assert "مشکلی پیش آمده" in client.get(page).text


def test_every_act_of_the_screens_needs_its_own_right(client, programme):
    signed_in(client, "view_member", "add_adjustment", "approve_adjustment", "add_pointsfile")
    member = UserFactory()
    wallet_for(user=member, programme=programme)
    client.post(page_of(member), {"freeze": "1", "reason": "account-taken"})
    assert Wallet.objects.get().status == "open"
    assert client.get(reverse("points_programmes:index")).status_code in {302, 403}

    signed_in(client, "switch_programme", "view_member")
    refused = {
        "adjust": "1",
        "points": "5",
        "reason": "goodwill",
        "note": "x",
        "token": "6f1c9d0e-2c7b-4b53-8a30-0b0c2f1f3c55",
    }
    client.post(page_of(member), refused)
    client.post(reverse("points_programmes:index"), {"programme": programme.pk, "policy": "1"})
    client.post(reverse("points_files:index"), {"programme": programme.pk, "rows": "x"})
    for name in ("points_corrections:index", "points_files:index"):
        assert client.get(reverse(name)).status_code in {302, 403}
    asked = ask(member, programme, 900, asker())
    assert client.post(reverse("points_corrections:inspect", args=[asked.pk]), {"approve": "1"}).status_code in {
        302,
        403,
    }
    assert not Journal.objects.exists()
    assert not PointsPolicy.objects.filter(alone_up_to=0).exists()


def test_nobody_is_offered_their_own_points(client, programme):
    person = signed_in(client, "view_member", "add_adjustment", "freeze_wallet")
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=70, key="e", expires_on=DAY)
    page = client.get(page_of(person)).text
    assert "این‌ها امتیازهای خودتان است" in page
    assert not re.search(r'name="(adjust|extend|freeze)"', page)


# Who it is about -----------------------------------------------------------------------------------------------------


def test_members_are_listed_and_found_by_name_card_and_key(client, programme):
    signed_in(client, "view_member")
    people = [UserFactory(name=f"مینا {number}") for number in range(3)]
    for person in people:
        wallet_for(user=person, programme=programme)
    page = reverse("points_members:index")
    assert all(person.handle in client.get(page).text for person in people)
    card = make_card(people[1])
    for words in (card.number, str(Member.objects.get(user=people[1]).key), people[1].handle, people[1].name):
        text = client.get(page, {"q": words}).text
        assert people[1].handle in text
        assert people[2].handle not in text


def test_the_list_of_members_pages_by_its_last_row(client, programme, monkeypatch):
    monkeypatch.setattr("loyalty.adjusting_admin._LINES", 2)
    signed_in(client, "view_member")
    people = [UserFactory() for _each in range(3)]
    for person in people:
        wallet_for(user=person, programme=programme)
    page = reverse("points_members:index")
    first = client.get(page).text
    assert people[0].handle not in first
    [following] = re.findall(r"\?quiet=\d+", first)
    assert people[0].handle in client.get(page + following).text


@pytest.mark.both_databases("loyalty.member_list")
def test_the_list_of_members_shows_what_they_have_and_the_latest_first(client, programme, monkeypatch):
    monkeypatch.setattr("loyalty.adjusting_admin._LINES", 2)
    rule_in_force(programme)
    tiers_in_force(programme)
    signed_in(client, "view_member")
    never, first, second = (UserFactory() for _each in range(3))
    for person in (never, first, second):
        wallet_for(user=person, programme=programme)
    earning.record(happened(second, 1))
    earning.record(happened(first, 2))
    page = reverse("points_members:index")

    shown = client.get(page)
    assert [line.person for line in shown.context["lines"]] == [first, second]
    [line, _other] = shown.context["lines"]
    assert (line.spendable, line.tier, line.moved_at is not None) == (100, "برنزی", True)
    [following] = re.findall(r"\?before=\d+", shown.text)
    rest = client.get(page + following).context["lines"]
    assert [(line.person, line.spendable, line.moved_at) for line in rest] == [(never, 0, None)]
    [found] = client.get(page, {"q": second.handle}).context["lines"]
    assert (found.person, found.spendable) == (second, 100)


@pytest.mark.both_databases("loyalty.member_list")
def test_the_list_of_members_costs_the_same_for_many(client, programme):
    rule_in_force(programme)
    signed_in(client, "view_member")
    counts = []
    client.get(reverse("points_members:index"))  # what every page reads once is read
    for number in range(2):
        for each in range(3):
            earning.record(happened(UserFactory(), 10 * number + each))
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("points_members:index"))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_page_of_a_member_has_what_was_decided_and_taken_for_whoever_may_see_it(client, programme):
    rule_in_force(programme)
    member = UserFactory()
    [decision] = earning.record(happened(member))
    send_claim(member, programme, trigger="community.reply", day=timezone.localdate())
    signed_in(client, "view_member")
    link = reverse("points_decisions:inspect", args=[decision.pk])
    assert link not in client.get(page_of(member)).text

    signed_in(client, "view_member", "view_decision", "add_adjustment")
    with CaptureQueriesContext(connection) as few:
        text = client.get(page_of(member)).text
    assert link in text
    assert reverse("points_claims:inspect", args=[PointsClaim.objects.get().pk]) in text
    for number in range(2, 8):
        earning.record(happened(member, number))
    with CaptureQueriesContext(connection) as many:
        client.get(page_of(member))
    assert len(many) <= len(few) + 1


def test_decisions_are_found_by_the_person_and_name_them_to_whoever_may_look(client, programme):
    rule_in_force(programme)
    one, other = UserFactory(), UserFactory()
    for person in (one, other):
        earning.record(happened(person, person.pk))
    signed_in(client, "view_decision")
    page = reverse("points_decisions:index")
    assert one.handle not in client.get(page).text
    assert one.handle not in client.get(page, {"who": one.handle}).text
    signed_in(client, "view_decision", "view_member")
    text = client.get(page, {"who": one.handle}).text
    assert reverse("points_members:inspect", args=[one.pk]) in text
    assert reverse("points_members:inspect", args=[other.pk]) not in text


def test_wallets_of_one_member_in_two_programmes_both_have_an_owner():
    person = UserFactory()
    wallets = [wallet_for(user=person, programme=EarningFactory().programme) for _number in range(2)]

    assert owners_of(iter(wallets)) == {wallet.pk: person for wallet in wallets}
