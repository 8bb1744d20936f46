"""Colleagues who are invited by mail to work here."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from wagtail.models import ModelLogEntry

from portal.accounts import invitations
from portal.accounts.invitations import ADMINISTRATORS, InvitationError, accept, invite
from portal.accounts.models import Invitation, User
from portal.core.models import OutgoingMail
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, group_of
from tests.factories.accounts import UserFactory
from tests.threads import at_once

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.accounts.invitations", "portal.accounts.one_time_links"),
]

SCREEN = "/admin/invitations/"
ASKED = {"email": "Mina@Bahar.example", "role": CONTENT_EDITORS.code, "language": "fa"}
ANSWERS = {"name": "مینا", "password1": "three quiet rivers"}


@pytest.fixture
def administrator(settings):
    settings.STAFF_SECOND_FACTOR = False
    cache.clear()
    return UserFactory(superuser=True, name="مریم بهاری", language="fa")


@pytest.fixture
def admin(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def link(mailoutbox):
    """Return a function for the path of the link in the latest mail."""
    return lambda: re.search(r"http://[^/\s]+(/\S+/account/invitation/\S+)", mailoutbox[-1].body)[1]


@pytest.fixture
def token(link):
    return lambda: link().rstrip("/").rpartition("/")[2]


def invite_one(by: User, **given) -> Invitation:
    return invite(by=by, **{"email": "mina@bahar.example", "role": CONTENT_EDITORS.code, "language": "fa"} | given)


def test_a_colleague_is_invited_chooses_a_password_and_works(admin, administrator, client, mailoutbox, link):
    response = admin.post(SCREEN, ASKED)

    (mail,) = mailoutbox
    assert (response.status_code, mail.to) == (302, ["mina@bahar.example"])
    assert ("مریم بهاری" in mail.body, "ویراستاران محتوا" in mail.body, link()[:4]) == (True, True, "/fa/")
    assert "mina@bahar.example" in admin.get(SCREEN).text
    assert not User.objects.filter(email="mina@bahar.example").exists()  # not before the link is used
    client.logout()
    assert client.get(link()).status_code == 200
    assert Invitation.objects.exists()  # looking uses nothing up
    assert client.post(link(), ANSWERS).url == reverse("wagtailadmin_home")

    user = User.objects.get(email="mina@bahar.example")
    assert (user.name, user.language, user.is_staff, user.is_superuser) == ("مینا", "fa", True, False)
    assert (user.check_password(ANSWERS["password1"]), [*user.groups.all()]) == (True, [group_of(CONTENT_EDITORS)])
    assert user.emailaddress_set.filter(verified=True, primary=True).exists()
    assert (client.get("/admin/").status_code, client.get(SCREEN).status_code) == (200, 302)
    entry = ModelLogEntry.objects.get(action="accounts.accept_invitation")
    assert entry.data == {"role": CONTENT_EDITORS.code, "invited_by": administrator.pk}


def test_the_mail_is_in_the_language_of_the_invited(admin, mailoutbox, link):
    admin.post(SCREEN, ASKED | {"language": "en", "role": COMMUNITY_MANAGERS.code})

    assert "invites you to work on" in mailoutbox[0].body
    assert "Community managers" in mailoutbox[0].body
    assert link().startswith("/en/account/invitation/")


def test_whoever_wants_a_passkey_needs_no_password(administrator, client, link, mailoutbox):
    invite_one(administrator)

    response = client.post(link(), {"name": "مینا", "password1": "", "passkey": "1"})

    assert response.url == reverse("mfa_add_webauthn")
    assert not User.objects.get(email="mina@bahar.example").has_usable_password()
    assert client.get(response.url).status_code == 200


def test_the_link_works_once_and_not_when_it_was_replaced_withdrawn_or_is_old(admin, administrator, client, link):
    invite_one(administrator)
    first = link()
    pk = Invitation.objects.get().pk
    admin.post(SCREEN, {"resend": pk})
    second = link()
    client.logout()
    assert (client.get(first).status_code, client.get(second).status_code) == (410, 200)
    Invitation.objects.update(expires_at=timezone.now())
    assert client.post(second, ANSWERS).status_code == 410
    client.force_login(administrator)
    assert "مهلت گذشته است" in client.get(SCREEN).text
    client.post(SCREEN, {"resend": pk})
    client.post(SCREEN, {"withdraw": pk})
    client.logout()
    assert (client.post(link(), ANSWERS).status_code, User.objects.count()) == (410, 1)
    invite_one(administrator)
    assert client.post(link(), ANSWERS).status_code == 302
    assert (client.post(link(), ANSWERS).status_code, User.objects.count()) == (410, 2)


def test_a_mail_that_still_waits_is_not_sent_when_its_invitation_is_withdrawn(
    administrator, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks():
        invitation = invite_one(administrator)
        invitations.withdraw(pk=invitation.pk, by=administrator)

    assert [(mail.state, mail.content) for mail in OutgoingMail.objects.all()] == [(OutgoingMail.State.REPLACED, "")]


def test_an_invitation_ends_with_the_right_of_whoever_sent_it(administrator, client, link):
    invite_one(administrator, role=ADMINISTRATORS)
    User.objects.filter(pk=administrator.pk).update(is_active=False)

    assert (client.post(link(), ANSWERS).status_code, User.objects.count()) == (410, 1)


@pytest.mark.parametrize("kind", [{"role": CONTENT_EDITORS}, {"role": COMMUNITY_MANAGERS}, {}])
def test_nobody_else_invites_or_sees_who_is_invited(administrator, client, kind, mailoutbox):
    invitation = invite_one(administrator)
    client.force_login(UserFactory(**kind))

    for response in (client.get(SCREEN), client.post(SCREEN, ASKED), client.post(SCREEN, {"resend": invitation.pk})):
        assert response.status_code in {302, 403}
        assert "mina@bahar.example" not in response.text
    assert (client.post(SCREEN, {"withdraw": invitation.pk}).status_code in {302, 403}, len(mailoutbox)) == (True, 1)
    assert Invitation.objects.count() == 1


def test_only_administrators_make_administrators(administrator, client, mailoutbox):
    helper = UserFactory(role=CONTENT_EDITORS)
    helper.user_permissions.add(Permission.objects.get(codename="add_user"))
    invitation = invite_one(administrator, role=ADMINISTRATORS)
    client.force_login(helper)

    assert client.post(SCREEN, ASKED | {"role": ADMINISTRATORS, "email": "a@bahar.example"}).status_code == 422
    client.post(SCREEN, {"resend": invitation.pk})
    client.post(SCREEN, {"withdraw": invitation.pk})
    assert (len(mailoutbox), Invitation.objects.get()) == (1, invitation)
    assert client.post(SCREEN, ASKED | {"email": "b@bahar.example"}).status_code == 302


def test_an_administrator_who_was_invited_is_one(administrator, client, link):
    invite_one(administrator, role=ADMINISTRATORS)
    client.post(link(), ANSWERS)

    assert User.objects.get(email="mina@bahar.example").is_superuser


@pytest.mark.parametrize("answers", [{"name": "", "password1": "three quiet rivers"}, {"name": "x", "password1": "1"}])
def test_answers_that_will_not_do_leave_the_invitation_open(administrator, client, link, answers):
    invite_one(administrator)

    assert (client.post(link(), answers).status_code, Invitation.objects.count(), User.objects.count()) == (422, 1, 1)


def test_the_address_is_that_of_the_invitation(administrator, client, link):
    invite_one(administrator)
    client.post(link(), ANSWERS | {"email": "other@bahar.example"})

    assert User.objects.latest("pk").email == "mina@bahar.example"


def test_a_customer_takes_the_role_after_signing_in_and_nobody_takes_it_for_them(administrator, client, link):
    customer = UserFactory(email="mina@bahar.example", name="مینای قدیم")
    invite_one(administrator)
    client.force_login(UserFactory())
    assert (client.post(link(), ANSWERS).status_code, Invitation.objects.count()) == (200, 1)
    client.force_login(customer)
    assert 'name="password1"' not in client.get(link()).text
    assert client.post(link()).status_code == 302

    customer.refresh_from_db()
    assert (customer.name, customer.is_staff) == ("مینای قدیم", True)
    assert [*customer.groups.all()] == [group_of(CONTENT_EDITORS)]


@pytest.mark.parametrize("is_staff", [True, False])
def test_staff_and_the_invited_are_not_invited_again(admin, administrator, mailoutbox, is_staff):
    if is_staff:
        UserFactory(email="mina@bahar.example", staff=True)
    else:
        invite_one(administrator)
    before = len(mailoutbox)

    response = admin.post(SCREEN, ASKED)

    assert (response.status_code, len(mailoutbox)) == (422, before)
    assert "email" in response.context["form"].errors


def test_no_more_than_twenty_mails_in_an_hour(admin, administrator):
    pk = invite_one(administrator).pk
    statuses = [admin.post(SCREEN, {"resend": pk}).status_code for _ in range(21)]

    assert (statuses, OutgoingMail.objects.count()) == ([302] * 20 + [429], 21)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_whatever_its_length(admin, administrator, django_assert_max_num_queries, count):
    for number in range(count):
        invite_one(administrator, email=f"p{number}@bahar.example")
    admin.get(SCREEN)

    with django_assert_max_num_queries(12):
        page = admin.get(SCREEN).text

    assert page.count("@bahar.example") == count


def test_invitations_nobody_accepted_are_forgotten_after_a_month(administrator):
    invite_one(administrator)
    assert not invitations.has_old_invitations()
    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(days=31))

    assert (invitations.has_old_invitations(), invitations.forget_old_invitations()) == (True, 1)
    assert not Invitation.objects.exists()


def test_no_log_names_whom_nobody_has_met(administrator, caplog):
    invitation = invite_one(administrator)
    invitations.withdraw(pk=invitation.pk, by=administrator)

    written = str([*ModelLogEntry.objects.values()]) + caplog.text
    assert ("accounts.withdraw_invitation" in written, "mina@" in written) == (True, False)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_one_link_one_gets_the_account(administrator, token, mailoutbox):
    invite_one(administrator)
    used = token()

    raised = at_once(*[lambda: accept(token=used, name="مینا", password="three quiet rivers")] * 2)

    assert [type(error) for error in raised] == [invitations.InvitationIsOverError]
    assert User.objects.filter(email="mina@bahar.example").count() == 1


# What others did before ---------------------------------------------------------------------------------------------


def test_who_signed_up_with_a_colleagues_address_does_not_come_in_with_them(administrator, link, mailoutbox):
    """Anybody can sign up with any address; the password they chose must not open what its owner is given later."""
    stranger, mina = Client(), Client()
    stranger.post("/fa/accounts/signup/", {"email": "mina@bahar.example", "password1": "four quiet rivers"})
    invite_one(administrator)
    path = link()
    mina.post("/fa/accounts/login/code/", {"email": "mina@bahar.example"})
    code = re.search(r"^\d{6}$", mailoutbox[-1].body, re.MULTILINE)[0]
    page = mina.post("/fa/accounts/login/code/confirm/", {"code": code})
    assert any("معتبر نیست" in str(message) for message in get_messages(page.wsgi_request))
    assert mina.post(path).status_code == 302
    assert User.objects.get(email="mina@bahar.example").is_staff
    cache.clear()

    stranger = Client()
    stranger.post("/fa/accounts/login/", {"login": "mina@bahar.example", "password": "four quiet rivers"})

    assert not get_user(stranger).is_authenticated


def test_a_password_of_a_confirmed_address_stays(client, mailoutbox):
    user = UserFactory(email="mina@bahar.example", password="three quiet rivers")
    client.post("/fa/accounts/login/code/", {"email": "mina@bahar.example"})
    code = re.search(r"^\d{6}$", mailoutbox[-1].body, re.MULTILINE)[0]
    client.post("/fa/accounts/login/code/confirm/", {"code": code})

    assert get_user(client) == user
    user.refresh_from_db()
    assert user.has_usable_password()


def test_no_line_of_the_log_has_a_link_that_works(administrator, client, link, caplog):
    invite_one(administrator)
    token = link().rstrip("/").rpartition("/")[2]

    assert client.post(link(), {"name": "", "password1": ""}).status_code == 422

    assert "/account/invitation/…/" in caplog.text
    assert token not in caplog.text


def test_an_invitation_to_a_role_that_is_gone_is_over(administrator, client, link):
    invite_one(administrator)
    group_of(CONTENT_EDITORS).delete()

    assert (client.get(link()).status_code, client.post(link(), ANSWERS).status_code) == (410, 410)


def test_a_closed_account_is_not_invited(administrator):
    UserFactory(email="mina@bahar.example", is_active=False)
    with pytest.raises(InvitationError, match="closed"), override("en"):
        invite_one(administrator)
