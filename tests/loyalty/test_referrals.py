"""Referrals: once for each friend, for who stays, for nobody who invites themselves, and without saying who came."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.events import PointsDecided
from loyalty.exceptions import NotPermittedError
from loyalty.models import Decision, Journal, Member, Referral, ReferralCode, ReferredAddress
from loyalty.services import ledger, referrals
from portal.accounts import own_data
from portal.core import outbox
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory
from tests.factories.loyalty import EarningFactory, referral_in, rule_in_force
from tests.loyalty.test_ledger_concurrency import at_once
from tests.loyalty.test_tiers import earn, lose

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.models.referrals", "loyalty.services.referrals"),
]

PAGE = "/fa/loyalty/invite/"


@pytest.fixture
def programme():
    """Points for both sides of a referral: 100 each, and for an accepted answer."""
    programme = EarningFactory().programme
    rule_in_force(programme)
    for trigger in (referrals.ADVOCATE, referrals.FRIEND):
        rule_in_force(programme, trigger.partition(".")[2], trigger=trigger)
    return programme


@pytest.fixture
def advocate():
    return MemberFactory(email="sara@gmail.com", language="fa")


@pytest.fixture
def code(advocate):
    return referrals.make_code(advocate, address="192.0.2.1")


def invited(code, *, client=None, address="198.51.100.7", email="friend@noora.example", **more):
    """Accept an invitation and sign up, in one browser."""
    browser = client or Client()
    where = {"REMOTE_ADDR": address, "HTTP_SEC_FETCH_SITE": "same-origin"}
    assert browser.post(f"/fa/invitation/{code.code}/", **where).status_code == 302
    form = {"email": email, "password1": "گذرواژهٔ-بلند-۱۲", "password2": "گذرواژهٔ-بلند-۱۲", **more}
    page = browser.post(reverse("account_signup"), form, **where)
    assert page.status_code == 302, page.text
    return Referral.objects.filter(friend__user__email=email).first()


def given():
    """Points given for referrals that stand, by side."""
    rows = {}
    for decision in Decision.objects.filter(event__trigger__in=(referrals.ADVOCATE, referrals.FRIEND)).order_by(
        "round"
    ):
        rows[decision.event.trigger] = decision.outcome
    return rows


# Coming by a link ----------------------------------------------------------------------------------------------------


def test_the_page_of_an_invitation_is_the_same_for_all_and_only_accepting_it_sets_a_cookie(programme, code):
    browser = Client()
    page = browser.get(f"/fa/invitation/{code.code}/")
    assert "شما دعوت شده‌اید" in page.text
    assert referrals.COOKIE not in browser.cookies
    assert code.member.user.handle not in page.text
    assert Client().get("/fa/invitation/ABCDEFGH/").status_code == 404

    referral = invited(code, client=browser)
    assert (referral.state, referral.flags, referral.advocate) == ("signed-up", [], code.member)
    code.refresh_from_db()
    assert code.accepted == 1


def test_the_first_invitation_counts(programme, code):
    browser, other = Client(), referrals.make_code(MemberFactory(), address="192.0.2.2")
    browser.post(f"/fa/invitation/{code.code}/", HTTP_SEC_FETCH_SITE="same-origin")
    assert invited(other, client=browser).advocate == code.member
    other.refresh_from_db()
    assert other.accepted == 0


def sign_out(browser):
    """The browser keeps its other cookies, which `Client.logout` removes."""
    del browser.cookies[settings.SESSION_COOKIE_NAME]


def confirm(browser):
    """Type in the code that was mailed."""
    code = browser.session["account_email_verification_code"]["code"]
    assert browser.post(reverse("account_email_verification_sent"), {"code": code}).status_code == 302


def sign_up(browser, email):
    form = {"email": email, "password1": "گذرواژهٔ-بلند-۱۲", "password2": "گذرواژهٔ-بلند-۱۲"}
    assert browser.post(reverse("account_signup"), form, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_an_invitation_counts_for_one_account_of_a_browser(programme, code):
    """A family shares a computer: who came by the invitation came by it, and the next one by themselves."""
    browser = Client()
    invited(code, client=browser)
    assert browser.cookies[referrals.COOKIE].value
    confirm(browser)
    assert not browser.cookies[referrals.COOKIE].value
    sign_out(browser)
    sign_up(browser, "second@noora.example")
    assert Referral.objects.count() == 1
    sign_out(browser)
    assert invited(code, client=browser, email="third@noora.example").advocate == code.member  # accepted anew


def test_an_invitation_that_was_refused_is_used_up_too(programme, code, advocate):
    browser = Client()
    assert invited(code, client=browser, email="s.ara+2@gmail.com").state == "rejected"
    confirm(browser)
    sign_out(browser)
    sign_up(browser, "second@noora.example")
    assert Referral.objects.count() == 1


def test_a_mistyped_address_does_not_use_up_the_invitation(programme, code):
    browser = Client()
    invited(code, client=browser, email="friend@noora.exmaple")  # nobody reads that mail
    sign_out(browser)
    sign_up(browser, "friend@noora.example")
    assert Referral.objects.filter(friend__user__email="friend@noora.example").exists()


def test_entering_a_code_uses_up_the_invitation_of_the_browser(programme, code):
    browser, other = Client(), referrals.make_code(MemberFactory(), address="192.0.2.2")
    browser.post(f"/fa/invitation/{other.code}/", HTTP_SEC_FETCH_SITE="same-origin")
    person = MemberFactory()
    person.date_joined = timezone.now()
    person.save(update_fields=["date_joined"])
    browser.force_login(person)
    browser.post(PAGE, {"typed": "nobody"})
    assert browser.cookies[referrals.COOKIE].value  # a mistake uses up nothing
    assert browser.post(PAGE, {"typed": code.code}).status_code == 302
    assert not browser.cookies[referrals.COOKIE].value


def test_a_cookie_that_was_written_by_hand_counts_for_nobody(programme, code):
    browser = Client()
    browser.cookies[referrals.COOKIE] = code.code
    browser.cookies[referrals.COOKIE + "x"] = signing.dumps(code.code)
    form = {"email": "x@noora.example", "password1": "گذرواژهٔ-بلند-۱۲", "password2": "گذرواژهٔ-بلند-۱۲"}
    browser.post(reverse("account_signup"), form)
    assert not Referral.objects.exists()


def test_a_forged_form_of_another_site_is_refused(programme, code):
    page = Client().post(f"/fa/invitation/{code.code}/", HTTP_SEC_FETCH_SITE="cross-site")
    assert page.status_code == 403


def test_a_code_is_typed_in_any_way_once_and_soon(client, programme, code):
    friend = MemberFactory(language="fa")
    client.force_login(friend)
    refused = client.post(PAGE, {"typed": "AAAAAAAA"})
    assert refused.status_code == 422
    assert "کسی این کد را ندارد" in refused.text
    typed = f" {code.code[:4].lower()} {code.code[4:]}"
    assert client.post(PAGE, {"typed": typed}).status_code == 302
    assert client.post(PAGE, {"typed": typed}).status_code == 422
    assert Referral.objects.count() == 1

    old = MemberFactory(date_joined=timezone.now() - dt.timedelta(days=30))
    client.force_login(old)
    assert client.post(PAGE, {"typed": code.code}).status_code == 422


def test_two_who_are_new_do_not_invite_each_other(client, programme, code):
    newer = MemberFactory(language="fa", email="later@noora.example")
    theirs = referrals.make_code(newer, address="203.0.113.1")
    client.force_login(newer)
    assert client.post(PAGE, {"typed": code.code}).status_code == 302
    client.force_login(code.member.user)
    refused = client.post(PAGE, {"typed": theirs.code})
    assert refused.status_code == 422
    assert "پس از شما" in refused.text
    assert Referral.objects.get().advocate == code.member


def test_each_code_has_one_address_and_is_not_accepted_without_end(programme, code):
    for spelling in (code.code.lower(), f"{code.code[:4]}%20{code.code[4:]}"):
        assert Client().get(f"/fa/invitation/{spelling}/")["Location"] == f"/fa/invitation/{code.code}/"
    answers = [
        Client().post(f"/fa/invitation/{code.code}/", HTTP_SEC_FETCH_SITE="same-origin").status_code
        for _time in range(31)
    ]
    code.refresh_from_db()
    assert (answers[0], answers[-1], code.accepted) == (302, 429, 30)


# The same person -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["sara+2@gmail.com", "s.a.r.a@googlemail.com", "SARA+x@Gmail.com"])
def test_an_address_of_the_same_person_pays_nobody(programme, code, email):
    referral = invited(code, email=email)
    referral = Referral.objects.get()
    assert (referral.state, referral.reason) == ("rejected", "same-person")
    earn(referral.friend.user, 1, 2)
    Referral.objects.update(joined_at=timezone.now() - dt.timedelta(days=30))
    referrals.judge_all()
    assert given() == {}


def test_an_address_that_is_linked_to_the_other_account_pays_nobody(programme, advocate, code):
    EmailAddress.objects.create(user=advocate, email="second@noora.example", verified=True)
    assert invited(code, email="second+b@noora.example").reason == "same-person"


def test_the_browser_of_the_advocate_pays_nobody(programme, code):
    browser = Client()
    browser.cookies["device"] = signing.dumps(
        ["1", [referrals.devices._account(code.member.user.email)]], salt="portal.accounts.devices"
    )
    assert invited(code, client=browser).reason == "same-person"


def test_a_shared_network_is_a_sign_and_changes_nothing(programme, code):
    referral = invited(code, address="192.0.2.77")
    assert (referral.state, referral.flags) == ("signed-up", ["network"])
    other = invited(code, address="203.0.113.5", email="b@noora.example")
    assert other.flags == []
    third = invited(code, address="203.0.113.9", email="c@noora.example")
    assert third.flags == ["network"]


# Taking part ---------------------------------------------------------------------------------------------------------


def test_a_friend_who_stays_is_worth_points_once_to_both(programme):
    referral = referral_in(EarningFactory().programme, days_ago=8)
    Decision.objects.all()
    earn(referral.friend.user, 1)
    assert given() == {}
    earn(referral.friend.user, 2)
    assert given() == {referrals.ADVOCATE: "earned", referrals.FRIEND: "earned"}
    referral.refresh_from_db()
    assert referral.state == "rewarded"

    before = Journal.objects.count()
    for decision in Decision.objects.all():
        referrals.follow_decision(PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id))
    referrals.judge_all()
    outbox.drain()
    assert Journal.objects.count() == before


def test_who_is_not_here_long_enough_waits_for_the_job(programme):
    referral = referral_in(EarningFactory().programme)
    earn(referral.friend.user, 1, 2)
    assert given() == {}
    assert not referrals.is_judging_due(timezone.now())
    Referral.objects.update(joined_at=timezone.now() - dt.timedelta(days=8))
    assert referrals.is_judging_due(timezone.now() - dt.timedelta(days=2))
    referrals.judge_all()
    assert given() == {referrals.ADVOCATE: "earned", referrals.FRIEND: "earned"}


def test_what_the_friend_loses_takes_it_back_and_what_comes_again_gives_it_again(programme):
    referral = referral_in(EarningFactory().programme, days_ago=8)
    earn(referral.friend.user, 1, 2)
    lose(1)
    assert given() == {referrals.ADVOCATE: "reversed", referrals.FRIEND: "reversed"}
    earn(referral.friend.user, 3)
    assert given() == {referrals.ADVOCATE: "earned", referrals.FRIEND: "earned"}
    assert list(ledger.check()) == []


def test_beyond_the_limit_of_the_rule_nothing_is_given_and_it_is_said():
    programme = EarningFactory().programme
    programme.earning.cap_day = 200
    programme.earning.save()
    referral = referral_in(programme, days_ago=8, cap_mode="reject", cap_day=50)
    earn(referral.friend.user, 1, 2)
    referral.refresh_from_db()
    assert (referral.state, referral.reason) == ("rejected", "limit")


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_judged_by_many_at_once_it_pays_once(programme):
    referral = referral_in(EarningFactory().programme, days_ago=8)
    for number in (1, 2):
        earn(referral.friend.user, number)
    Referral.objects.update(state="signed-up")
    ReferredAddress.objects.all().delete()
    at_once(6, lambda _number: referrals.judge(referral))
    assert (
        Decision.objects.filter(event__trigger=referrals.ADVOCATE, wallet__programme__earning__isnull=False).count()
        == 2
    )
    assert list(ledger.check()) == []


def test_who_left_and_comes_again_is_not_paid_again(programme, code):
    friend = invited(code, email="friend+1@noora.example").friend.user
    Referral.objects.update(joined_at=timezone.now() - dt.timedelta(days=8))
    earn(friend, 1, 2)
    assert given() == {referrals.ADVOCATE: "earned", referrals.FRIEND: "earned"}
    own_data.erase(friend)

    again = invited(code, email="friend@noora.example")
    assert (again.state, again.reason) == ("rejected", "again")
    # The same if the address was another one at first.
    Referral.objects.update(state="signed-up", reason="", joined_at=timezone.now() - dt.timedelta(days=8))
    earn(again.friend.user, 3, 4)
    again.refresh_from_db()
    assert (again.state, again.reason) == ("rejected", "again")

    ReferredAddress.objects.update(created_at=timezone.now() - dt.timedelta(days=800))
    assert referrals.is_judging_due(timezone.now())
    referrals.judge_all()
    assert not ReferredAddress.objects.exists()


# Staff ---------------------------------------------------------------------------------------------------------------


def decider():
    person = UserFactory(is_staff=True)
    person.user_permissions.add(*Permission.objects.filter(codename__in=["decide_referral", "access_admin"]))
    return person


def test_staff_confirm_or_reject_and_nobody_their_own(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    referral = referral_in(EarningFactory().programme, days_ago=8)
    Referral.objects.update(flags=["network"])
    earn(referral.friend.user, 1, 2)
    staff = decider()
    client.force_login(staff)
    address = reverse("points_referrals:index")
    assert referral.friend.user.handle in client.get(address, {"signs": "1"}).text
    client.post(address, {"referral": referral.pk, "confirm": "1"})
    assert referral.friend.user.handle not in client.get(address, {"signs": "1"}).text
    client.post(address, {"referral": referral.pk, "reject": "1"})
    outbox.drain()
    assert given() == {referrals.ADVOCATE: "reversed", referrals.FRIEND: "reversed"}
    referral.refresh_from_db()
    assert (referral.state, referral.reason, referral.decided_by) == ("rejected", "review", f"user:{staff.pk}")
    earn(referral.friend.user, 3)
    assert given()[referrals.ADVOCATE] == "reversed"  # for good

    own = referral.advocate.user
    own.user_permissions.add(*Permission.objects.filter(codename="decide_referral"))
    for refused in (referrals.confirm, referrals.reject):
        with pytest.raises(NotPermittedError):
            refused(referral, by=type(own).objects.get(pk=own.pk))
        with pytest.raises(NotPermittedError):
            refused(referral, by=UserFactory(is_staff=True))


# Pages and data ------------------------------------------------------------------------------------------------------


def test_the_advocate_sees_that_somebody_came_and_not_who(client, programme, advocate, code):
    friend = invited(code).friend.user
    client.force_login(advocate)
    page = client.get(PAGE).text
    assert code.code in page
    assert "ثبت‌نام کرد" in page
    assert friend.handle not in page
    copy = io.StringIO()
    own_data.write_copy(advocate, copy)
    assert code.code in copy.getvalue()
    assert friend.handle not in copy.getvalue()


def test_a_link_is_made_by_a_button_once(client, programme):
    client.force_login(MemberFactory(language="fa"))
    assert "پیوند مرا بساز" in client.get(PAGE).text
    client.post(PAGE)
    client.post(PAGE)
    assert ReferralCode.objects.count() == 1


def test_without_points_for_it_there_is_no_invitation(client, advocate):
    EarningFactory()
    code = referrals.make_code(advocate, address="192.0.2.1")
    client.force_login(advocate)
    assert client.get(PAGE).status_code == 404
    assert client.get(f"/fa/invitation/{code.code}/").status_code == 404


def test_networks_are_forgotten_and_who_leaves_takes_everything_along(programme, advocate, code):
    referral = invited(code)
    assert referral.network
    old = timezone.now() - dt.timedelta(days=referrals.NETWORK_DAYS + 1)
    Referral.objects.update(joined_at=old)
    ReferralCode.objects.update(created_at=old)
    referrals.judge_all()
    referral.refresh_from_db()
    code.refresh_from_db()
    assert (referral.network, code.network) == ("", "")
    own_data.erase(referral.friend.user)
    assert not Referral.objects.exists()
    own_data.erase(advocate)
    assert not ReferralCode.objects.exists()
    assert not Member.objects.exists()
