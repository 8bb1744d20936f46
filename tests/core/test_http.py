from __future__ import annotations

import pytest
from django import forms
from django.test import Client, RequestFactory

from portal.accounts.models import User
from portal.core import page_cache
from portal.core.fragments import frames
from portal.core.http import MAX_OTHER_ADDRESSES, form_status, is_cached_for, is_same_origin
from portal.home.first_pages import make_first_pages

pytestmark = [pytest.mark.urls("tests.core.urls_for_tests"), pytest.mark.django_db]


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
        {"Origin": "HTTP://TESTSERVER"},
        {"Referer": "http://testserver/fa/page/"},
    ],
)
def test_a_visitor_may_post_from_a_page_of_this_site_without_a_token(client, headers):
    response = client.post("/guarded/", headers=headers)

    assert (response.status_code, response.content) == (200, b"POST done")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:8000"},
        {"Origin": "http://evil.example", "Referer": "http://testserver/"},
        {"Referer": "http://evil.example/http://testserver/"},
        {"Referer": "http://testserver@evil.example/"},
        {"Referer": "http://[broken"},
    ],
)
def test_a_visitors_post_from_elsewhere_is_refused(client, headers):
    response = client.post("/guarded/", headers=headers)

    assert response.status_code == 403
    assert b"POST done" not in response.content


def test_a_signed_in_person_needs_the_token_wherever_the_request_comes_from(client):
    client.force_login(User.objects.create_user("sara@example.com"))
    client.get("/fa/token/")
    token = client.cookies["csrftoken"].value

    refused = client.post("/guarded/", headers={"Sec-Fetch-Site": "same-origin"})
    taken = client.post("/guarded/", {"csrfmiddlewaretoken": token})

    assert refused.status_code == 403
    assert (taken.status_code, taken.content) == (200, b"POST done")


def test_a_made_up_session_cookie_makes_nobody_signed_in(client):
    client.cookies["sessionid"] = "made-up"

    assert client.post("/guarded/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_reading_needs_nothing(client):
    assert client.get("/guarded/", headers={"Sec-Fetch-Site": "cross-site"}).content == b"GET done"


def test_a_forbidden_host_is_no_origin(settings):
    settings.ALLOWED_HOSTS = ["portal.example"]
    request = RequestFactory().post("/", headers={"Origin": "http://evil.example", "Host": "evil.example"})

    assert is_same_origin(request) is False


def test_a_form_with_errors_is_unprocessable():
    class NameForm(forms.Form):
        name = forms.CharField()

    assert form_status(NameForm()) == 200
    assert form_status(NameForm({"name": "نورا"})) == 200
    assert form_status(NameForm({})) == 422


# The page for a refused form ------------------------------------------------------------------------------------------

LONG = "متنی که کسی با زحمت نوشته است"


def test_a_refused_form_of_ours_gives_back_what_was_typed_but_no_secret(client):
    secrets = [
        "password",
        "password1",
        "new_password2",
        "old_password",
        "code",
        "secret_key",
        "credential",
        "api_token",
    ]
    typed = {name: f"{name}-correct-horse-battery" for name in secrets}
    client.force_login(User.objects.create_user("sara@example.com"))

    page = client.post("/guarded/", {**typed, "comment": LONG}, headers={"Sec-Fetch-Site": "same-origin"})

    assert (page.status_code, LONG in page.text) == (403, True)
    assert [value for value in typed.values() if value in page.text] == []
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}, {}])
@pytest.mark.parametrize("signed_in", [True, False])
def test_text_of_another_site_is_not_shown_under_our_name(client, headers, signed_in):
    if signed_in:
        client.force_login(User.objects.create_user("sara@example.com"))

    page = client.post("/guarded/", {"comment": "Call us on 0900 123 123 to unlock it"}, headers=headers)

    assert "0900" not in page.text


# Addresses -----------------------------------------------------------------------------------------------------------


def test_html_is_cached_for_our_address_and_a_few_others(settings):
    settings.BASE_URL = "https://portal.example"

    cached = [host for host in map("other{}.example".format, range(20)) if is_cached_for("https", host)]

    assert len(cached) == MAX_OTHER_ADDRESSES
    assert is_cached_for("https", cached[-1])
    assert is_cached_for("https", "portal.example")
    assert not is_cached_for("http", "portal.example")
    assert not is_cached_for("https", "PORTAL.example")


@pytest.mark.urls("portal.urls")
def test_a_visitor_who_varies_the_port_pushes_nothing_out_of_the_caches(settings):
    make_first_pages()
    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client()
    settings.BASE_URL = "http://localhost:8000"
    client.get("/fa/", headers={"host": "localhost:8000"})
    kept = len(frames.kept())

    for port in range(20_000, 20_000 + 3 * MAX_OTHER_ADDRESSES):
        assert client.get("/fa/", headers={"host": f"localhost:{port}"}).status_code == 200

    assert kept > 0
    assert len(frames.kept()) == kept * (1 + MAX_OTHER_ADDRESSES)
    assert len(page_cache.store) == 1 + MAX_OTHER_ADDRESSES


@pytest.mark.urls("portal.urls")
@pytest.mark.parametrize("host", ["evil.example", "localhost:8078@evil", "localhost:8078, evil", "[::1", ""])
def test_an_unknown_or_malformed_host_is_a_bad_request(settings, host):
    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(raise_request_exception=False)

    response = client.get("/fa/", headers={"host": host})

    assert response.status_code == 400
    assert "این درگاه چنین نشانی‌ای ندارد." in response.text
