"""The pages of the account, the theme, and the URL that selects a language."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as site
from django.utils import translation

from portal.accounts.forms import time_zone_choices
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

PAGES = ["", "details/", "preferences/", "security/", "security/second-factor/"]
PREFERENCES = "/fa/account/preferences/"
CHOSEN = {"language": "fa", "calendar": "auto", "digits": "auto", "theme": "auto", "time_zone": "auto"}


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_the_account_are_for_people_who_are_signed_in(client, path):
    assert client.get(f"/fa/account/{path}").url == f"/fa/accounts/login/?next=/fa/account/{path}"


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_itself_and_is_kept_out_of_search_engines(signed_in, path, language):
    page = signed_in.get(f"/{language}/account/{path}")

    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert '<meta name="robots" content="noindex">' in page.text
    assert page.text.count("<h1") == 1


# Details ------------------------------------------------------------------------------------------------------------


def test_details_are_saved_clean(signed_in, person):
    signed_in.post(
        "/fa/account/details/",
        {"name": "  مينا  كريمي ", "handle": "مينا-۲", "phone": "۰۹۱۲ ۳۴۵ ۶۷۸۹"},
    )

    person.refresh_from_db()
    assert (person.name, person.handle, person.phone) == ("مینا  کریمی", "مینا-۲", "+989123456789")


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("ab", "۳ تا ۳۰ حرف"),
        ("با فاصله", "۳ تا ۳۰ حرف"),
        ("<script>", "۳ تا ۳۰ حرف"),
        ("Support", "کنار گذاشته شده"),
        ("noora.team", "کنار گذاشته شده"),
        ("پشتیبانی", "کنار گذاشته شده"),
        ("پشتيباني_نورا", "کنار گذاشته شده"),
        ("TAKEN", "از آنِ کس دیگری است"),
    ],
)
def test_a_public_name_that_cannot_be_taken_says_why(signed_in, person, handle, reason):
    UserFactory(handle="taken")

    response = signed_in.post("/fa/account/details/", {"name": "", "handle": handle, "phone": ""})

    assert response.status_code == 422
    assert reason in response.text
    assert "data-error-summary" in response.text
    person.refresh_from_db()
    assert person.handle != handle


def test_a_refused_change_does_not_show_in_the_head_of_the_page(signed_in, person):
    response = signed_in.post("/fa/account/details/", {"name": "کسی دیگر", "handle": "ab", "phone": ""})

    assert response.context["user"].name == person.name


@pytest.mark.parametrize("phone", ["۱۲", "abc", "0912345"])
def test_a_wrong_phone_number_is_refused(signed_in, phone):
    response = signed_in.post("/fa/account/details/", {"name": "", "handle": "kaveh", "phone": phone})

    assert response.status_code == 422


# Preferences --------------------------------------------------------------------------------------------------------


def test_preferences_are_saved_and_the_page_comes_back_in_the_new_language(signed_in, person):
    response = signed_in.post(
        PREFERENCES,
        {"language": "en", "calendar": "jalali", "digits": "persian", "theme": "dark", "time_zone": "Europe/Berlin"},
    )
    page = signed_in.get(response.url)

    person.refresh_from_db()
    assert response.url == "/en/account/preferences/"
    assert (person.language, person.calendar, person.digits) == ("en", "jalali", "persian")
    assert (person.theme, person.time_zone) == ("dark", "Europe/Berlin")
    assert "Your preferences are saved." in page.text
    assert 'data-theme="dark"' in page.text
    assert response.cookies[site.LANGUAGE_COOKIE_NAME].value == "en"


def test_calendar_digits_and_time_zone_are_applied(signed_in, person):
    """1 Azar 1404, 02:30 in Tehran, is still the previous day in New York."""
    UserSession.objects.create(
        user=person,
        session_key=signed_in.session.session_key,
        ip="192.0.2.7",
        user_agent="",
        created_at=dt.datetime(2025, 11, 21, 23, 0, tzinfo=dt.UTC),
    )
    shown = []
    for choice in (
        {},
        {"calendar": "gregorian", "digits": "latin"},
        {"calendar": "jalali", "digits": "persian", "time_zone": "America/New_York"},
    ):
        signed_in.post(PREFERENCES, {**CHOSEN, **choice})
        text = signed_in.get("/fa/accounts/sessions/").text
        shown.append(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.search(r"<p>\s*(ورود.*?)</p>", text, re.DOTALL)[1])))

    assert "۱ آذر ۱۴۰۴" in shown[0]
    assert "22 نوامبر 2025" in shown[1]
    assert "۳۰ آبان ۱۴۰۴" in shown[2]


def test_the_look_stays_on_the_device_after_signing_out(signed_in):
    signed_in.post(PREFERENCES, {**CHOSEN, "language": "en", "theme": "dark", "digits": "persian"})
    signed_in.post("/en/accounts/logout/")

    assert 'data-theme="dark"' in signed_in.get("/en/accounts/login/").text
    assert signed_in.cookies["digits"].value == "persian"


def test_what_was_left_open_stays_open(signed_in, person):
    signed_in.post(PREFERENCES, CHOSEN)

    person.refresh_from_db()
    page = signed_in.get(PREFERENCES).text
    assert (person.calendar, person.digits, person.time_zone) == ("", "", "")
    assert 'name="calendar" value="auto"' in page
    assert re.search(r'value="auto"[^>]* checked', page)
    assert "(اختیاری)" not in page


@pytest.mark.parametrize(
    "change", [{"language": "xx"}, {"calendar": "lunar"}, {"theme": "pink"}, {"time_zone": "Mars/Base"}]
)
def test_a_value_nobody_offered_is_refused(signed_in, person, change):
    response = signed_in.post(PREFERENCES, {**CHOSEN, **change})

    assert response.status_code == 422
    person.refresh_from_db()
    assert (person.language, person.theme, person.time_zone) == ("fa", "auto", "")


def test_time_zones_are_places_in_the_readers_language():
    persian, english = dict(time_zone_choices("fa")), dict(time_zone_choices("en"))

    assert "تهران" in persian["Asia/Tehran"]
    assert english["Asia/Tehran"] == "Tehran (\u200eUTC+03:30)"
    assert "UTC" not in persian
    assert len(persian) > 300
    assert (len(set(persian.values())), len(set(english.values()))) == (len(persian), len(english))


# Theme --------------------------------------------------------------------------------------------------------------


def test_the_theme_is_kept_in_a_cookie_without_an_account(client):
    response = client.post("/fa/account/theme/", {"theme": "dark", "next": "/fa/search/?q=مودم"}, **same_origin())

    assert response.url == "/fa/search/?q=%D9%85%D9%88%D8%AF%D9%85"
    assert response.cookies["theme"].value == "dark"
    assert 'data-theme="dark"' in client.get("/fa/accounts/login/").text
    assert site.SESSION_COOKIE_NAME not in response.cookies


def test_the_theme_is_kept_in_the_account_too(signed_in, person):
    signed_in.post("/fa/account/theme/", {"theme": "light", "next": "/fa/"}, **same_origin())

    person.refresh_from_db()
    assert person.theme == "light"


def test_an_unknown_theme_means_as_the_device(client):
    response = client.post("/fa/account/theme/", {"theme": "pink", "next": "/fa/"}, **same_origin())

    assert response.cookies["theme"].value == "auto"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_theme_never_leads_to_another_site(client, target):
    assert client.post("/fa/account/theme/", {"theme": "dark", "next": target}, **same_origin()).url == "/"


def test_the_theme_is_not_changed_by_another_site(client):
    response = client.post("/fa/account/theme/", {"theme": "dark"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403
    assert "theme" not in response.cookies


def test_the_theme_is_not_changed_by_a_link(client):
    assert client.get("/fa/account/theme/?theme=dark").status_code == 405


# Language -----------------------------------------------------------------------------------------------------------


def test_the_account_decides_the_language_first(client):
    client.force_login(UserFactory(language="en"))
    client.cookies[site.LANGUAGE_COOKIE_NAME] = "fa"

    assert client.get("/", headers={"Accept-Language": "fa"}).url == "/en/"


def test_then_the_cookie_then_the_browser_then_the_site(client):
    by_browser = client.get("/", headers={"Accept-Language": "de, en;q=0.8, fa;q=0.5"}).url
    by_site = client.get("/", headers={"Accept-Language": "de"}).url
    client.cookies[site.LANGUAGE_COOKIE_NAME] = "fa"
    by_cookie = client.get("/", headers={"Accept-Language": "en"}).url

    assert (by_cookie, by_browser, by_site) == ("/fa/", "/en/", "/fa/")


def test_the_choice_is_told_to_caches_and_needs_no_session(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/?utm=x")

    assert response.url == "/fa/?utm=x"
    assert {"Cookie", "Accept-Language"} <= set(re.split(r",\s*", response["Vary"]))
    assert site.SESSION_COOKIE_NAME not in response.cookies


def test_the_language_of_a_signed_in_person_is_not_taken_from_a_wrong_value(client):
    client.force_login(UserFactory(language="xx"))

    assert client.get("/", headers={"Accept-Language": "en"}).url == "/en/"


# Persian ------------------------------------------------------------------------------------------------------------

#: English names that may occur in a Persian page.
NAMES = {"QR", "Noora", "PIN", "English"}


@pytest.mark.parametrize(
    "path",
    [
        "accounts/login/",
        "accounts/signup/",
        "accounts/signup/passkey/",
        "accounts/login/code/",
        "accounts/password/reset/",
    ],
)
def test_doors_are_persian_throughout(client, path):
    assert english_in(client.get(f"/fa/{path}").text) == set()


@pytest.mark.parametrize(
    "path",
    [
        *(f"account/{page}" for page in PAGES if page != "preferences/"),
        "accounts/logout/",
        "accounts/email/",
        "accounts/password/change/",
        "accounts/sessions/",
        "accounts/2fa/webauthn/",
        "accounts/2fa/webauthn/add/",
        "accounts/2fa/totp/activate/",
        "accounts/3rdparty/",
    ],
)
def test_pages_of_the_account_are_persian_throughout(just_signed_in, path):
    text = just_signed_in.get(f"/fa/{path}").text

    assert english_in(re.sub(r"<(bdi class=\"ltr\"|code)>.*?</\w+>", "", text)) == set()


def english_in(page: str) -> set[str]:
    """The Latin words shown in the main part of a page."""
    main = re.search(r"<main[^>]*>(.*)</main>", page, re.DOTALL)[1]
    main = re.sub(r"<script.*?</script>", "", main, flags=re.DOTALL)
    labels = " ".join(re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', main))
    words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>", " ", main) + labels))
    return words - NAMES - {"nbsp", "quot"}


def same_origin() -> dict[str, dict[str, str]]:
    return {"headers": {"Sec-Fetch-Site": "same-origin"}}


def test_translations_of_this_app_are_compiled():
    with translation.override("fa"):
        assert translation.gettext("Sign-in and security") == "ورود و امنیت"
