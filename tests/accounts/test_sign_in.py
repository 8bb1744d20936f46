"""Signing in by password and by code, with the same response for known and unknown addresses."""

from __future__ import annotations

import re

import pytest
from allauth.core.internal import ratelimit
from django.contrib.auth import get_user
from django.core.cache import cache

from portal.core.text import to_persian_digits
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

LOGIN = "/fa/accounts/login/"
REQUEST = "/fa/accounts/login/code/"
CONFIRM = "/fa/accounts/login/code/confirm/"
RESET = "/fa/accounts/password/reset/"


def neutral(page: str, address: str) -> str:
    """The page without the parts that differ between any two visits."""
    page = page.replace(address, "ADDRESS")
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]*', r"\1", page)


def test_a_password_signs_in_and_leads_home_in_the_persons_language(client):
    person = UserFactory(language="en")

    response = client.post(LOGIN, {"login": person.email.upper(), "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/en/")
    assert get_user(client) == person


def test_signing_in_leads_back_to_the_page_one_came_from(client):
    person = UserFactory()

    response = client.post(LOGIN, {"login": person.email, "password": PASSWORD, "next": "/fa/account/devices/"})

    assert response.url == "/fa/account/devices/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "https:///evil.example", "javascript:x"]
)
def test_signing_in_never_leads_to_another_site(client, target):
    person = UserFactory(language="fa")

    response = client.post(LOGIN, {"login": person.email, "password": PASSWORD, "next": target})

    assert response.url == "/fa/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client):
    UserFactory(email="known@example.com")
    answers = [
        neutral(client.post(LOGIN, {"login": address, "password": "نادرست"}).text, address)
        for address in ("known@example.com", "nobody@example.com")
    ]

    assert "ایمیل یا گذرواژه درست نیست" in answers[0]
    assert answers[0] == answers[1]


def test_the_password_field_never_shows_what_was_typed(client):
    assert "نادرست-۱۲۳" not in client.post(LOGIN, {"login": "a@example.com", "password": "نادرست-۱۲۳"}).text


def test_six_wrong_passwords_close_the_door_for_a_while(client):
    person = UserFactory()
    for _ in range(5):
        client.post(LOGIN, {"login": person.email, "password": "نادرست"})

    response = client.post(LOGIN, {"login": person.email, "password": PASSWORD})

    assert "چند بار پشت سر هم نادرست بود" in response.text
    assert not get_user(client).is_authenticated
    cache.clear()  # five minutes later
    client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    assert get_user(client) == person


def test_wrong_passwords_of_a_stranger_do_not_lock_a_known_device_out(client, client_class):
    person, stranger = UserFactory(), client_class(REMOTE_ADDR="192.0.2.1")
    client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    client.post("/fa/accounts/logout/")
    for _ in range(6):
        stranger.post(LOGIN, {"login": person.email, "password": "نادرست"})

    stranger.post(LOGIN, {"login": person.email, "password": PASSWORD})
    client.post(LOGIN, {"login": person.email, "password": PASSWORD})

    assert not get_user(stranger).is_authenticated
    assert get_user(client) == person


def test_wrong_passwords_on_a_known_device_are_counted_too(client):
    person = UserFactory()
    client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    client.post("/fa/accounts/logout/")
    for _ in range(5):
        client.post(LOGIN, {"login": person.email, "password": "نادرست"})

    client.post(LOGIN, {"login": person.email, "password": PASSWORD})

    assert not get_user(client).is_authenticated


@pytest.mark.parametrize("cookie", ["", "made:up", "own"])
def test_a_device_known_to_one_account_is_a_strangers_for_others(client, cookie):
    person, other = UserFactory(), UserFactory()
    if cookie == "own":
        client.post(LOGIN, {"login": other.email, "password": PASSWORD})
        client.post("/fa/accounts/logout/")
    else:
        client.cookies["device"] = cookie
    stranger = type(client)(REMOTE_ADDR="192.0.2.1")
    for _ in range(6):
        stranger.post(LOGIN, {"login": person.email, "password": "نادرست"})

    client.post(LOGIN, {"login": person.email, "password": PASSWORD})

    assert not get_user(client).is_authenticated


def test_limits_heal_when_a_clock_that_was_ahead_is_corrected():
    now, rate = 1_000_000.0, ratelimit.Rate(5, 300, "key")

    assert ratelimit.apply_rate([now + 1_000_000] * 5, now, rate)[0]
    assert not ratelimit.apply_rate([now - 1] * 5, now, rate)[0]


def test_a_closed_account_does_not_open(client):
    person = UserFactory(is_active=False)

    response = client.post(LOGIN, {"login": person.email, "password": PASSWORD}, follow=True)

    assert "این حساب بسته است" in response.text
    assert not get_user(client).is_authenticated


def test_an_unconfirmed_address_is_asked_for_the_code_first(client, persian_code_from_mail):
    person = UserFactory(unconfirmed=True)

    response = client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    signed_in_before = get_user(client).is_authenticated
    client.post("/fa/accounts/confirm-email/", {"code": persian_code_from_mail()})

    assert response.url == "/fa/accounts/confirm-email/"
    assert not signed_in_before
    assert get_user(client) == person


def test_a_code_in_persian_digits_signs_in_without_a_password(client, person, persian_code_from_mail):
    client.post(REQUEST, {"email": person.email})

    response = client.post(CONFIRM, {"code": persian_code_from_mail()})

    assert (response.status_code, response.url) == (302, "/fa/")
    assert get_user(client) == person


def test_the_third_wrong_code_ends_the_attempt(client, person, code_from_mail):
    client.post(REQUEST, {"email": person.email})
    code = code_from_mail()
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(3):
        client.post(CONFIRM, {"code": to_persian_digits(wrong)})

    client.post(CONFIRM, {"code": code})

    assert not get_user(client).is_authenticated


def test_a_code_works_once(client, person, code_from_mail):
    client.post(REQUEST, {"email": person.email})
    code = code_from_mail()
    client.post(CONFIRM, {"code": code})
    client.logout()

    client.post(CONFIRM, {"code": code})

    assert not get_user(client).is_authenticated


def test_asking_for_a_code_answers_the_same_for_an_unknown_address(client, mailoutbox):
    UserFactory(email="known@example.com")
    answers = []
    for address in ("known@example.com", "nobody@example.com"):
        client.logout()
        first = client.post(REQUEST, {"email": address})
        page = client.get(first.url)
        wrong = client.post(CONFIRM, {"code": "abcdef"})
        answers.append((first.status_code, first.url, neutral(page.text, address), neutral(wrong.text, address)))

    assert answers[0] == answers[1]
    assert [mail.to for mail in mailoutbox] == [["known@example.com"], ["nobody@example.com"]]
    assert "حسابی نیست" in mailoutbox[1].body
    assert not re.search(r"^\d{6}$", mailoutbox[1].body, re.MULTILINE)


def test_a_mailbox_gets_at_most_five_codes_in_ten_minutes(client, person, mailoutbox):
    for _ in range(6):
        client.logout()
        client.post(REQUEST, {"email": person.email})

    assert len(mailoutbox) == 5


def test_a_reset_code_in_persian_digits_sets_a_new_password(client, person, persian_code_from_mail):
    client.post(RESET, {"email": person.email})
    client.post("/fa/accounts/password/reset/confirm/", {"code": persian_code_from_mail()})

    response = client.post(
        "/fa/accounts/password/reset/complete/",
        {"password1": "سه-واژهٔ-بی-ربط", "password2": "سه-واژهٔ-بی-ربط"},
        follow=True,
    )

    person.refresh_from_db()
    assert "گذرواژهٔ تازه ذخیره شد" in response.text
    assert person.check_password("سه-واژهٔ-بی-ربط")


def test_a_reset_answers_the_same_for_an_unknown_address(client, mailoutbox):
    UserFactory(email="known@example.com")
    answers = []
    for address in ("known@example.com", "nobody@example.com"):
        client.logout()
        first = client.post(RESET, {"email": address})
        answers.append((first.status_code, first.url, neutral(client.get(first.url).text, address)))

    assert answers[0] == answers[1]
    assert len(mailoutbox) == 2


def test_changing_the_password_signs_out_the_other_devices(just_signed_in, client_class, person):
    elsewhere = client_class()
    elsewhere.force_login(person)

    just_signed_in.post(
        "/fa/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "سه-واژهٔ-بی-ربط", "password2": "سه-واژهٔ-بی-ربط"},
    )

    assert get_user(just_signed_in) == person
    assert not get_user(elsewhere).is_authenticated


def test_the_sign_in_page_serves_password_managers_and_passkeys(client):
    page = client.get(LOGIN).text
    main = page.split("<main")[1].split("</main>")[0]

    assert 'autocomplete="username webauthn"' in main
    assert 'autocomplete="current-password"' in main
    assert 'data-passkey="get"' in main
    assert "onpaste" not in page
    assert "<script>" not in page


def test_the_code_field_is_made_for_codes(client, person):
    client.post(REQUEST, {"email": person.email})

    field = re.search(r"<input[^>]*name=\"code\"[^>]*>", client.get(CONFIRM).text)[0]

    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"', 'dir="ltr"'):
        assert attribute in field


def test_no_provider_is_offered_where_none_is_configured(client):
    assert "3rdparty" not in client.get(LOGIN).text
    assert "ادامه با" not in client.get(LOGIN).text


def test_configured_providers_are_offered_as_forms_with_stable_addresses(client, settings):
    settings.SOCIALACCOUNT_PROVIDERS = {
        "google": {"APPS": [{"client_id": "x", "secret": "y"}]},
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "melli",
                    "name": "درگاه ملی",
                    "client_id": "x",
                    "secret": "y",
                    "settings": {"server_url": "https://sso.example"},
                }
            ]
        },
    }

    page = client.get(LOGIN).text

    assert 'method="post" action="/accounts/google/login/' in page
    assert 'method="post" action="/accounts/oidc/melli/login/' in page
    assert "ادامه با درگاه ملی" in page


def test_passkey_sign_in_begins_with_a_challenge(client):
    answer = client.get("/fa/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}).json()

    options = answer["request_options"]["publicKey"]
    assert options["rpId"] == "testserver"
    assert len(options["challenge"]) > 20


def test_the_address_without_a_language_leads_to_the_sign_in_page(client):
    response = client.get("/accounts/login/?next=/admin/", headers={"Accept-Language": "fa"})

    assert response.url == "/fa/accounts/login/?next=/admin/"


def test_signing_out_takes_a_button_and_ends_on_the_home_page(signed_in):
    page = signed_in.get("/fa/accounts/logout/")
    response = signed_in.post("/fa/accounts/logout/")

    assert "می‌خواهید در این دستگاه از حساب خارج شوید؟" in page.text
    assert response.url == "/fa/"
    assert not get_user(signed_in).is_authenticated
