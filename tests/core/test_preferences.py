from __future__ import annotations

import pytest
from django.utils import timezone, translation

from portal.accounts.models import User
from portal.core.preferences import (
    Preferences,
    current_preferences,
    preferences_from_cookies,
    preferences_in_use,
    preferences_of,
)

pytestmark = pytest.mark.urls("tests.core.urls_for_tests")


@pytest.fixture
def sara(db) -> User:
    return User.objects.create_user(
        "sara@example.com",
        "x",
        language="en",
        calendar="jalali",
        digits="persian",
        theme="dark",
        time_zone="Asia/Tokyo",
    )


def test_what_is_not_chosen_follows_the_language():
    chosen = Preferences()

    with translation.override("fa"):
        assert (chosen.is_jalali, chosen.has_persian_digits) == (True, True)
    with translation.override("en"):
        assert (chosen.is_jalali, chosen.has_persian_digits) == (False, False)


def test_unknown_values_count_as_not_chosen():
    user = User(language="xx", calendar="lunar", digits="roman", theme="pink", time_zone="Mars/Base")

    assert preferences_of(user) == Preferences(time_zone="Mars/Base")
    assert preferences_from_cookies({"calendar": "lunar", "digits": "<b>", "theme": "pink"}) == Preferences()
    with preferences_in_use(preferences_of(user)):
        assert timezone.get_current_timezone_name() == timezone.get_default_timezone_name()


def test_preferences_hold_inside_their_block_only(sara):
    outside = (current_preferences(), translation.get_language(), timezone.get_current_timezone_name())

    with preferences_in_use(preferences_of(sara)):
        assert current_preferences().theme == "dark"
        assert translation.get_language() == "en"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"

    assert (current_preferences(), translation.get_language(), timezone.get_current_timezone_name()) == outside


def test_a_page_follows_the_preferences_of_its_reader_and_its_own_language(client, sara):
    client.force_login(sara)

    assert client.get("/fa/preferences/").json() == {
        "language": "fa",
        "theme": "dark",
        "date": "۱ آذر ۱۴۰۵",
        "zone": "Asia/Tokyo",
    }


def test_an_address_without_a_language_takes_the_readers(client, sara):
    client.force_login(sara)

    assert client.get("/preferences/", HTTP_ACCEPT_LANGUAGE="fa").json()["language"] == "en"


def test_visitors_choose_by_cookies_and_cost_no_query(client, django_assert_num_queries, db):
    client.cookies.load({"theme": "light", "calendar": "gregorian", "digits": "latin"})

    with django_assert_num_queries(0):
        response = client.get("/fa/preferences/")

    assert response.json() == {"language": "fa", "theme": "light", "date": "22 نوامبر 2026", "zone": "Asia/Tehran"}
    assert "Cookie" not in response.get("Vary", "")


def test_one_readers_preferences_do_not_reach_the_next(client, sara, db):
    client.force_login(sara)
    client.get("/fa/preferences/")
    client.logout()
    client.cookies.clear()

    assert client.get("/fa/preferences/").json()["theme"] == "auto"
    assert current_preferences() == Preferences()
