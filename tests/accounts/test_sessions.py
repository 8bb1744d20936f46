"""The list of signed-in devices."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.accounts.ended_sessions import forget_ended_sessions, has_ended_sessions
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/fa/accounts/sessions/"
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"


@pytest.fixture
def devices(client, client_class, person):
    """The same person signed in with two browsers: this one and a phone."""
    phone = client_class(headers={"User-Agent": PHONE})
    for browser in (client, phone):
        browser.post("/fa/accounts/login/", {"login": person.email, "password": PASSWORD})
    return client, phone


def test_every_device_is_listed_in_words(devices):
    here, _phone = devices

    page = here.get(LIST).text

    assert "Chrome روی Android" in page
    assert "همین دستگاه" in page
    assert PHONE not in page


def test_another_device_is_signed_out_by_its_button(devices, person):
    here, phone = devices
    session = UserSession.objects.get(session_key=phone.session.session_key)

    response = here.post(f"/fa/account/security/sessions/{session.pk}/end/", follow=True)

    assert "آن دستگاه از حساب خارج شد" in response.text
    assert not get_user(phone).is_authenticated
    assert get_user(here) == person


def test_this_device_is_not_signed_out_that_way(devices, person):
    here, _phone = devices
    session = UserSession.objects.get(session_key=here.session.session_key)

    here.post(f"/fa/account/security/sessions/{session.pk}/end/")

    assert get_user(here) == person


def test_nobody_ends_the_session_of_somebody_else(devices, client_class):
    _here, phone = devices
    session = UserSession.objects.get(session_key=phone.session.session_key)
    stranger = client_class()
    stranger.force_login(UserFactory())

    response = stranger.post(f"/fa/account/security/sessions/{session.pk}/end/")

    assert response.status_code == 404
    assert get_user(phone).is_authenticated


def test_all_other_devices_are_signed_out_at_once(devices, person):
    here, phone = devices

    here.post(LIST)

    assert not get_user(phone).is_authenticated
    assert get_user(here) == person


def test_a_new_key_signs_nobody_out_while_the_old_one_is_kept(client, client_class, settings):
    sooner, later = client, client_class()
    for browser in (sooner, later):
        browser.force_login(UserFactory())

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    kept = sooner.get("/fa/account/").status_code
    settings.SECRET_KEY_FALLBACKS = []

    assert (kept, sooner.get("/fa/account/").status_code) == (200, 200)  # its session has the new key since
    assert later.get("/fa/account/").status_code == 302


def test_what_ended_is_forgotten_and_what_goes_on_stays(devices, person):
    """Nobody has to open the list for the addresses of browsers to be deleted."""
    here, phone = devices
    UserSession.objects.update(created_at=timezone.now() - timedelta(days=30))
    Session.objects.filter(session_key=phone.session.session_key).update(expire_date=timezone.now() - timedelta(days=1))

    forget_ended_sessions()

    assert list(UserSession.objects.values_list("session_key", flat=True)) == [here.session.session_key]
    assert get_user(here) == person
    assert not has_ended_sessions()


def test_a_browser_that_is_just_signing_in_stays(person):
    UserSession.objects.create(user=person, session_key="not-stored-yet", ip="192.0.2.1")

    assert not has_ended_sessions()
