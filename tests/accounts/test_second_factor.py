"""The second factor: authenticator app, recovery codes, passkeys, and who needs one."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import get_user
from django.http import HttpResponse
from wagtail.models import Site

from portal.accounts.middleware import StaffSecondFactorMiddleware
from portal.core import memo
from portal.core.text import to_persian_digits
from tests.factories.accounts import PASSWORD, TOTP_SECRET, UserFactory

pytestmark = pytest.mark.django_db

ACTIVATE = "/fa/accounts/2fa/totp/activate/"
AUTHENTICATE = "/fa/accounts/2fa/authenticate/"
LOGIN = "/fa/accounts/login/"


def app_code(secret: str = TOTP_SECRET) -> str:
    """The current code of the authenticator app, in Persian digits."""
    return to_persian_digits(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def test_the_app_is_set_up_with_a_code_in_persian_digits(
    just_signed_in, person, mailoutbox, django_capture_on_commit_callbacks
):
    secret = just_signed_in.get(ACTIVATE).context["form"].secret

    with django_capture_on_commit_callbacks() as callbacks:
        response = just_signed_in.post(ACTIVATE, {"code": app_code(secret)})
    with context.request_context(response.wsgi_request):
        for callback in callbacks:  # outside tests they run within the request
            callback()

    assert response.url == "/fa/accounts/2fa/recovery-codes/"
    assert set(Authenticator.objects.filter(user=person).values_list("type", flat=True)) == {"totp", "recovery_codes"}
    assert "ورود دومرحله‌ای روشن شد" in mailoutbox[0].subject


def test_the_secret_does_not_rest_in_the_database_as_it_is(just_signed_in, person):
    secret = just_signed_in.get(ACTIVATE).context["form"].secret

    just_signed_in.post(ACTIVATE, {"code": app_code(secret)})

    stored = Authenticator.objects.get(user=person, type="totp").data["secret"]
    assert secret not in stored
    assert len(stored) > len(secret)


def test_secrets_survive_a_change_of_the_key(client, settings):
    person = UserFactory(second_factor=True)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key"

    assert Authenticator.objects.get(user=person).wrap().validate_code(app_code().translate(_LATIN))


def test_a_lost_key_opens_nothing(settings):
    person = UserFactory(second_factor=True)
    settings.SECRET_KEY = "another-key"

    assert not Authenticator.objects.get(user=person).wrap().validate_code(app_code().translate(_LATIN))


def test_setting_up_a_factor_asks_for_the_password_again(client, person):
    client.force_login(person)

    response = client.get(ACTIVATE)

    assert response.url == f"/fa/accounts/reauthenticate/?{urlencode({'next': ACTIVATE})}"


def test_signing_in_asks_for_the_code_and_takes_it_in_persian_digits(client):
    person = UserFactory(second_factor=True)

    first = client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    before = get_user(client).is_authenticated
    wrong = client.post(AUTHENTICATE, {"code": "۰۰۰"})
    client.post(AUTHENTICATE, {"code": app_code()})

    assert first.url == AUTHENTICATE
    assert not before
    assert "این کد درست نیست" in wrong.text
    assert get_user(client) == person


def test_a_code_by_mail_does_not_go_round_the_second_step(client, code_from_mail):
    person = UserFactory(second_factor=True)
    client.post("/fa/accounts/login/code/", {"email": person.email})

    response = client.post("/fa/accounts/login/code/confirm/", {"code": code_from_mail()})

    assert response.url == AUTHENTICATE
    assert not get_user(client).is_authenticated


def test_a_recovery_code_in_persian_digits_works_once(just_signed_in, person):
    secret = just_signed_in.get(ACTIVATE).context["form"].secret
    just_signed_in.post(ACTIVATE, {"code": app_code(secret)})
    codes = just_signed_in.get("/fa/accounts/2fa/recovery-codes/").context["unused_codes"]
    just_signed_in.logout()

    arrivals = []
    for _ in range(2):
        just_signed_in.post(LOGIN, {"login": person.email, "password": PASSWORD})
        just_signed_in.post(AUTHENTICATE, {"code": to_persian_digits(codes[0])})
        arrivals.append(get_user(just_signed_in).is_authenticated)
        just_signed_in.logout()

    assert arrivals == [True, False]


def test_recovery_codes_are_shown_and_can_be_renewed(just_signed_in, person):
    secret = just_signed_in.get(ACTIVATE).context["form"].secret
    just_signed_in.post(ACTIVATE, {"code": app_code(secret)})
    page = just_signed_in.get("/fa/accounts/2fa/recovery-codes/")
    old = page.context["unused_codes"]

    just_signed_in.post("/fa/accounts/2fa/recovery-codes/generate/")
    new = just_signed_in.get("/fa/accounts/2fa/recovery-codes/").context["unused_codes"]

    assert len(old) == len(new) == 10
    assert not set(old) & set(new)
    assert all(code in page.text for code in old)
    assert "۱۰ کد استفاده‌نشده مانده است" in page.text


def test_guessing_the_second_step_is_limited(client):
    person = UserFactory(second_factor=True)
    client.post(LOGIN, {"login": person.email, "password": PASSWORD})
    for _ in range(5):
        client.post(AUTHENTICATE, {"code": "000000"})

    response = client.post(AUTHENTICATE, {"code": app_code()})

    assert "چند بار پشت سر هم نادرست بود" in response.text
    assert not get_user(client).is_authenticated


def test_adding_a_passkey_begins_with_options_for_this_person(just_signed_in, person):
    Site.objects.update(site_name="نورا")
    memo.forget_all()
    page = just_signed_in.get(
        "/fa/accounts/2fa/webauthn/add/", headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"}
    )

    options = page.context["js_data"]["creation_options"]["publicKey"]
    assert (options["rp"], options["user"]["name"]) == ({"name": "نورا", "id": "testserver"}, person.email)
    assert page.context["form"].initial["name"] == "Firefox روی Windows"
    assert 'id="passkey-options" type="application/json"' in page.text


MADE_UP = [
    "",
    "null",
    "{}",
    "[1]",
    '"x"',
    '{"id":"x","rawId":"x","type":"public-key"}',
    '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}',
    (
        '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA",'
        '"signature":"AAAA","userHandle":"MQ"}}'
    ),
]


@pytest.mark.parametrize("credential", MADE_UP)
def test_a_made_up_passkey_opens_nothing(client, credential):
    UserFactory()
    client.get("/fa/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})

    response = client.post("/fa/accounts/2fa/webauthn/login/", {"credential": credential})

    assert response.url == "/fa/accounts/login/"
    assert not get_user(client).is_authenticated


@pytest.mark.parametrize("credential", MADE_UP)
def test_a_made_up_passkey_is_not_added(just_signed_in, credential):
    just_signed_in.get("/fa/accounts/2fa/webauthn/add/")

    response = just_signed_in.post("/fa/accounts/2fa/webauthn/add/", {"name": "من", "credential": credential})

    assert response.status_code == 200
    assert "data-error-summary" in response.text
    assert not Authenticator.objects.exists()


# Staff --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff_rule(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.mark.usefixtures("staff_rule")
@pytest.mark.parametrize("path", ["/admin/", "/admin/pages/", "/django-admin/", "/django-admin/accounts/user/"])
def test_staff_without_a_second_factor_are_led_to_set_one_up(client, path):
    client.force_login(UserFactory(superuser=True, language="fa"))

    response = client.get(path)
    page = client.get(response.url)

    assert response.url == "/fa/account/security/second-factor/"
    assert "یک گام دیگر برای کارکنان" in page.text


@pytest.mark.usefixtures("staff_rule")
@pytest.mark.parametrize("path", ["/admin/", "/django-admin/"])
def test_staff_with_a_second_factor_come_in(client, path):
    client.force_login(UserFactory(superuser=True, second_factor=True))

    assert client.get(path).status_code == 200


@pytest.mark.usefixtures("staff_rule")
def test_an_editor_with_a_second_factor_comes_in(client):
    client.force_login(UserFactory(editor=True, second_factor=True))

    assert client.get("/admin/").status_code == 200


@pytest.mark.usefixtures("staff_rule")
@pytest.mark.parametrize("path", ["/admin/", "/django-admin/", "/admin/login/", "/django-admin/login/"])
def test_a_customer_is_refused_at_once_and_not_sent_in_circles(client, path):
    client.force_login(UserFactory(second_factor=True))

    assert client.get(path).status_code == 403


@pytest.mark.usefixtures("staff_rule")
@pytest.mark.parametrize(("door", "inside"), [("/admin/login/", "/admin/"), ("/django-admin/login/", "/django-admin/")])
def test_the_sign_in_forms_of_the_admins_are_closed(client, door, inside):
    """They ask only for a password, which would bypass the second step."""
    person = UserFactory(superuser=True, second_factor=True)

    answers = [client.get(door), client.post(door, {"username": person.email, "password": PASSWORD})]

    assert [answer.url for answer in answers] == [f"/fa/accounts/login/?next={inside}"] * 2
    assert not get_user(client).is_authenticated


@pytest.mark.usefixtures("staff_rule")
def test_the_closed_door_never_leads_to_another_site(client):
    assert client.get("/admin/login/?next=//evil.example/").url == "/fa/accounts/login/?next=/admin/"


def test_the_switch_lets_staff_in_and_the_admin_says_so(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True, language="fa"))

    page = client.get("/admin/")

    assert page.status_code == 200
    assert "ورود دومرحله‌ای کارکنان خاموش است" in page.text


def test_nothing_is_said_while_the_rule_holds(client, settings):
    settings.STAFF_SECOND_FACTOR = True
    client.force_login(UserFactory(superuser=True, second_factor=True, language="fa"))

    assert "ورود دومرحله‌ای کارکنان خاموش است" not in client.get("/admin/").text


@pytest.mark.usefixtures("staff_rule")
def test_the_rule_costs_one_query_and_only_inside(rf, django_assert_num_queries):
    """One query for the factor; checking a superuser's permission needs none."""
    inside, outside = rf.get("/admin/"), rf.get("/fa/")
    inside.user = outside.user = UserFactory(superuser=True, second_factor=True)
    rule = StaffSecondFactorMiddleware(lambda _request: HttpResponse("in"))

    with django_assert_num_queries(1):
        answers = [rule(inside).content, rule(outside).content]

    assert answers == [b"in", b"in"]


_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
