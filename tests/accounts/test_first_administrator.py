"""The link that makes the first administrator of an empty portal."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Site

from portal.accounts.first_administrator import LinkIsOverError, is_open, make_administrator, make_link
from portal.accounts.models import FirstAdministratorLink, User
from portal.core.brand import site_name
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.first_administrator")]

ANSWERS = {
    "portal_name": "آب بهار",
    "name": "مریم",
    "email": "Maryam@Bahar.example",
    "password1": "three quiet rivers",
    "language": "fa",
}


def page_of(token: str) -> str:
    return f"/en/account/first-administrator/{token}/"


def test_whoever_has_the_link_becomes_the_administrator_and_names_the_portal(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    token = make_link()
    assert client.get(page_of(token)).status_code == 200

    response = client.post(page_of(token), ANSWERS)

    user = User.objects.get()
    assert (user.email, user.is_superuser, user.language) == ("maryam@bahar.example", True, "fa")
    assert (response.status_code, response["Location"]) == (302, reverse("wagtailadmin_home"))
    assert client.get("/admin/").status_code == 200
    assert (site_name("fa"), Site.objects.filter(site_name="").exists()) == ("آب بهار", True)
    assert user.emailaddress_set.filter(verified=True).exists()


def test_the_link_works_once(client):
    token = make_link()
    client.post(page_of(token), ANSWERS)

    again = client.post(page_of(token), ANSWERS | {"email": "other@bahar.example"})

    assert (again.status_code, User.objects.count()) == (410, 1)


def test_there_is_no_link_and_none_works_when_there_is_an_administrator(client):
    token = make_link()
    UserFactory(is_superuser=True)

    assert (is_open(token), make_link(), client.get(page_of(token)).status_code) == (False, "", 410)
    with pytest.raises(LinkIsOverError):
        make_administrator(token=token, email="a@bahar.example", password="x", name="", portal_name="", language="en")


def test_old_replaced_and_invented_links_do_not_work(client):
    first = make_link()
    second = make_link()
    assert (is_open(first), is_open(second), is_open("invented")) == (False, True, False)
    assert second not in str(FirstAdministratorLink.objects.values().get())

    FirstAdministratorLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get(page_of(second)).status_code == 410


@pytest.mark.parametrize(
    ("field", "value"),
    [("password1", "12345678"), ("email", "nobody"), ("portal_name", ""), ("email", "taken@bahar.example")],
)
def test_answers_that_will_not_do_leave_the_link_open(client, field, value):
    UserFactory(email="taken@bahar.example")
    token = make_link()

    response = client.post(page_of(token), ANSWERS | {field: value})

    assert (response.status_code, is_open(token), User.objects.count()) == (422, True, 1)
    assert field in response.context["form"].errors


def test_the_command_prints_the_link_or_nothing(settings):
    settings.BASE_URL = "https://help.bahar.example"
    shown = StringIO()
    call_command("first_administrator_link", stdout=shown)
    UserFactory(is_superuser=True)
    call_command("first_administrator_link", stdout=shown)

    (link,) = shown.getvalue().split()
    assert link.startswith("https://help.bahar.example/fa/account/first-administrator/")
