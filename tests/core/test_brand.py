"""The name of the portal, as the administrator set it."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import override
from wagtail.models import Site

from portal.core import memo
from portal.core.brand import site_name
from portal.core.localized import LocalizedText
from portal.core.models import SiteBrand, SupportSettings
from portal.home.first_pages import make_first_pages
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    site = Site.objects.get(is_default_site=True)
    site.site_name = "Zarrin"
    site.save()
    memo.forget_all()
    return site


def test_the_name_is_that_of_the_site_in_every_language(site):
    assert (site_name("fa"), site_name("en")) == ("Zarrin", "Zarrin")


def test_a_language_may_write_the_name_in_its_own_way(site):
    SiteBrand.objects.create(site=site, name=LocalizedText(fa="زرین"))

    assert (site_name("fa"), site_name("en")) == ("زرین", "Zarrin")


def test_a_changed_name_is_seen_at_once(site, client):
    assert site_name("en") == "Zarrin"

    site.site_name = "Simin"
    site.save()

    assert site_name("en") == "Simin"


def test_a_portal_without_a_name_says_what_it_is(client):
    make_first_pages()
    memo.forget_all()

    assert (site_name("fa"), site_name("en")) == ("درگاه مشتریان", "Customer portal")
    page = client.get("/en/").text
    assert ("<title>\u2068Customer portal\u2069" in page, "Noora" in page, "نورا" in page) == (True, False, False)


def test_a_later_name_is_the_title_of_the_home_page_and_brings_the_tagline(client, django_capture_on_commit_callbacks):
    make_first_pages()
    memo.forget_all()
    assert "مرکز مشتریان" not in client.get("/fa/").text

    with django_capture_on_commit_callbacks(execute=True):
        SiteBrand.objects.create(site=Site.objects.get(is_default_site=True), name=LocalizedText(fa="زرین"))

    page = client.get("/fa/").text
    assert "<title>\u2068زرین · مرکز مشتریان\u2069" in page
    assert "درگاه مشتریان" not in page


@pytest.mark.parametrize("phone", ["110", "۰۲۱ ۹۱۰۰ ۰۰۰۰", "+98 (21) 9100-0000", "(021) 9100 0000", ""])
def test_a_support_telephone_is_a_number_that_can_be_called(site, phone):
    SupportSettings(site=site, support_phone=phone).full_clean()


@pytest.mark.parametrize("phone", ["abc not a phone", "11", "+", "021 9100 0000 ext", "javascript:1234"])
def test_anything_else_is_no_support_telephone(site, phone):
    with override("fa"), pytest.raises(ValidationError, match="یک شمارهٔ تلفن بنویسید"):
        SupportSettings(site=site, support_phone=phone).full_clean()


def test_the_telephone_is_typed_from_left_to_right(site, client, settings):
    settings.STAFF_SECOND_FACTOR = False
    SupportSettings.objects.create(site=site, support_phone="+98 21 9100 0000")
    client.force_login(UserFactory(is_superuser=True, is_staff=True))

    page = client.get(reverse("wagtailsettings:edit", args=["core", "supportsettings", site.pk])).text

    assert re.search(r'<input type="tel" name="support_phone" value="\+98 21 9100 0000" dir="ltr"', page)


def test_the_admin_shows_the_name_of_the_portal(site):
    with override("en"):
        assert str(settings.WAGTAIL_SITE_NAME) == "Zarrin"
