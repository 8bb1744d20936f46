"""Creating an account, in Persian first."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.urls import reverse

from portal.accounts.forms import SignupForm
from portal.accounts.models import User
from portal.core.models import OutgoingMail
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.models", "portal.accounts.forms")]

SIGNUP = "/fa/accounts/signup/"
CONFIRM = "/fa/accounts/confirm-email/"
NEW = {"email": "Mina@Example.com", "password1": "چهار-کلمهٔ-بی-ربط"}


def test_a_code_in_persian_digits_completes_the_sign_up(client, persian_code_from_mail):
    client.post(SIGNUP, NEW)

    response = client.post(CONFIRM, {"code": persian_code_from_mail()})

    assert (response.status_code, response.url) == (302, "/fa/")
    user = User.objects.get(email="mina@example.com")
    assert EmailAddress.objects.get(user=user).verified
    assert client.get("/fa/account/").context["user"] == user


@pytest.mark.parametrize("shape", ["{0}-{1}", " {0} {1} ", "\u200f{0}\u200c{1}", "\u2067{0}–{1}\u2069"])
def test_a_code_may_be_pasted_with_spaces_dashes_and_marks(client, persian_code_from_mail, shape):
    client.post(SIGNUP, NEW)
    code = persian_code_from_mail()

    response = client.post(CONFIRM, {"code": shape.format(code[:3], code[3:])})

    assert response.status_code == 302
    assert EmailAddress.objects.get(email="mina@example.com").verified


def test_a_name_is_offered_and_greets_from_the_first_page_on(client):
    assert 'autocomplete="name"' in client.get(SIGNUP).text

    client.post(SIGNUP, {**NEW, "name": "مينا کریمی"})

    assert User.objects.get(email="mina@example.com").name == "مینا کریمی"


def test_nobody_is_signed_in_before_the_code(client):
    client.post(SIGNUP, NEW)

    assert client.get("/fa/account/").url == "/fa/accounts/login/?next=/fa/account/"


def test_a_wrong_code_is_refused_in_persian_and_the_third_ends_the_attempt(client, code_from_mail):
    client.post(SIGNUP, NEW)
    wrong = "000000" if code_from_mail() != "000000" else "111111"

    answers = [client.post(CONFIRM, {"code": wrong}) for _ in range(3)]

    assert "این کد درست نیست" in answers[0].text
    assert "data-error-summary" in answers[0].text
    assert "خطا:" in answers[0].text
    assert [answer.status_code for answer in answers] == [200, 200, 302]
    assert not EmailAddress.objects.get(email="mina@example.com").verified
    assert client.post(CONFIRM, {"code": code_from_mail()}).status_code == 302
    assert not EmailAddress.objects.get(email="mina@example.com").verified


def test_the_new_account_speaks_the_language_of_the_page(client, code_from_mail):
    client.post("/en/accounts/signup/", NEW)

    response = client.post("/en/accounts/confirm-email/", {"code": code_from_mail()})

    assert response.url == "/en/"
    assert User.objects.get(email="mina@example.com").language == "en"


def test_a_known_address_gets_the_same_answer_and_a_mail_of_its_own(client, mailoutbox):
    """Only the mail differs."""
    UserFactory(email="known@example.com")
    answers = {}

    for address in ("known@example.com", "fresh@example.com"):
        client.logout()
        first = client.post(SIGNUP, {**NEW, "email": address})
        page = client.get(first.url)
        answers[address] = (first.status_code, first.url, _neutral(page.text, address))

    assert answers["known@example.com"] == answers["fresh@example.com"]
    assert [mail.to for mail in mailoutbox] == [["known@example.com"], ["fresh@example.com"]]
    assert "قبلاً حساب ساخته‌اید" in mailoutbox[0].subject
    assert User.objects.filter(email="known@example.com").count() == 1


def test_a_wrong_code_gets_the_same_answer_for_a_known_address(client):
    UserFactory(email="known@example.com")
    answers = []

    for address in ("known@example.com", "fresh@example.com"):
        client.logout()
        client.post(SIGNUP, {**NEW, "email": address})
        answers.append(_neutral(client.post(CONFIRM, {"code": "۰۰۰۰۰۰"}).text, address))

    assert answers[0] == answers[1]


def test_the_address_cannot_be_changed_half_way_which_would_tell_the_two_apart(client, mailoutbox):
    UserFactory(email="known@example.com")
    answers = []

    for address in ("known@example.com", "fresh@example.com"):
        client.logout()
        client.post(SIGNUP, {**NEW, "email": address})
        answers.append(client.post(CONFIRM, {"action": "change", "email": "third@example.com"}).status_code)

    assert answers == [200, 200]
    assert "third@example.com" not in [mail.to[0] for mail in mailoutbox]


@pytest.mark.parametrize("password", ["12345678", "password", "کوتاه"])
def test_a_weak_password_is_refused_with_a_reason_in_persian(client, password):
    response = client.post(SIGNUP, {**NEW, "password1": password})

    assert "data-error-summary" in response.text
    assert not User.objects.exists()
    assert "This password" not in response.text


def test_the_form_names_its_fields_for_password_managers(client):
    page = client.get(SIGNUP).text

    assert 'autocomplete="username"' in page
    assert 'autocomplete="new-password"' in page
    assert "placeholder" not in page.split("<main")[1].split("</main>")[0]


def test_too_many_sign_ups_from_one_address_are_asked_to_wait_in_persian(client):
    for number in range(20):
        client.post(SIGNUP, {**NEW, "email": f"a{number}@example.com"})
        client.logout()

    response = client.post(SIGNUP, {**NEW, "email": "last@example.com"})

    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert 'lang="fa"' in response.text
    assert not User.objects.filter(email="last@example.com").exists()


def test_a_new_code_can_be_asked_for_and_only_the_new_one_counts(client, code_from_mail, mailoutbox):
    client.post(SIGNUP, NEW)
    first = code_from_mail()

    cache.clear()  # ten seconds later
    client.post(CONFIRM, {"action": "resend"})
    second = code_from_mail()
    answers = [client.post(CONFIRM, {"code": code}).status_code for code in (first, second)]

    assert len(mailoutbox) == 2
    assert answers == [200, 302]
    assert EmailAddress.objects.get(email="mina@example.com").verified


def test_sign_up_with_a_passkey_ends_at_the_page_that_makes_it(client, persian_code_from_mail):
    client.post(reverse("account_signup_by_passkey"), {"email": "mina@example.com"})

    response = client.post(CONFIRM, {"code": persian_code_from_mail()})
    page = client.get(response.url)

    assert response.url == "/fa/accounts/2fa/webauthn/signup/"
    assert page.context["js_data"]["creation_options"]["publicKey"]["user"]["name"] == "mina@example.com"
    assert 'data-passkey="create"' in page.text


def _neutral(page: str, address: str) -> str:
    """The page without the parts that differ between any two visits."""
    page = page.replace(address, "ADDRESS")
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]*', r"\1", page)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_with_one_address_at_once_are_answered_alike_and_make_one_account(settings, monkeypatch):
    settings.ACCOUNT_RATE_LIMITS = False  # they would ask the second one to wait, as after any sign-up
    both_looked = threading.Barrier(2)
    clean = SignupForm.clean

    def look(form):
        cleaned = clean(form)
        both_looked.wait(10)
        return cleaned

    monkeypatch.setattr(SignupForm, "clean", look)

    def sign_up(_number):
        try:
            response = Client().post(SIGNUP, NEW)
            return response.status_code, response.url
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(sign_up, range(2)))

    assert answers == [(302, CONFIRM)] * 2
    assert User.objects.count() == EmailAddress.objects.count() == 1
    kinds = sorted(OutgoingMail.objects.values_list("kind", flat=True))
    assert kinds == ["account/email/account_already_exists", "account/email/email_confirmation_signup"]
