"""The devices of a customer."""

from __future__ import annotations

import re

import pytest

from portal.catalog.models import Ownership
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory, ProductVersionFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.catalog.models", "portal.catalog.queries", "portal.catalog.services"),
]

LIST = "/fa/account/devices/"


@pytest.fixture
def person(db):
    return UserFactory(language="fa")


@pytest.fixture
def signed_in(client, person):
    client.force_login(person)
    return client


def add(client, product, **fields):
    return client.post(f"/fa/account/devices/add/{product.code}/", fields)


def test_devices_are_for_people_who_are_signed_in(client):
    product = ProductFactory()

    answers = [client.get(LIST), client.get(f"{LIST}add/{product.code}/"), client.post(f"{LIST}1/remove/")]

    assert [answer.url.split("?")[0] for answer in answers] == ["/fa/accounts/login/"] * 3


def test_an_empty_list_says_what_it_is_for_and_offers_the_products(signed_in):
    product = ProductFactory()

    page = signed_in.get(LIST).text

    assert "هنوز دستگاهی ندارید" in page
    assert f"/fa/account/devices/add/{product.code}/" in page


def test_a_device_is_added_with_version_and_serial_number(signed_in, person):
    version = ProductVersionFactory()

    response = add(signed_in, version.product, version=version.pk, serial_number=" nx۲–88f4 ۰۱۹۲ ")
    page = signed_in.get(response.url).text

    ownership = Ownership.objects.get(user=person)
    assert (ownership.product, ownership.version, ownership.serial_number) == (version.product, version, "NX2-88F40192")
    assert f'<bdi class="ltr">{version.number}</bdi>' in page
    assert '<bdi class="ltr">NX2-88F40192</bdi>' in page
    assert "به دستگاه‌های شما افزوده شد" in page


def test_adding_twice_keeps_one_and_corrects_the_version(signed_in, person):
    old = ProductVersionFactory()
    new = ProductVersionFactory(product=old.product)

    for version in (old, old, new, ""):
        add(signed_in, old.product, version=getattr(version, "pk", ""))

    assert list(Ownership.objects.filter(user=person).values_list("version", flat=True)) == [new.pk]


def test_two_of_the_same_are_told_apart_by_their_serial_numbers(signed_in, person):
    product = ProductFactory()

    for serial in ("AAAA-1", "AAAA-2"):
        add(signed_in, product, serial_number=serial)

    assert Ownership.objects.filter(user=person).count() == 2


@pytest.mark.parametrize("serial", ["abc", "سریال", "a" * 41, "<script>", "-----", "x" * 200])
def test_a_wrong_serial_number_is_refused(signed_in, serial):
    response = add(signed_in, ProductFactory(), serial_number=serial)

    assert response.status_code == 422
    assert "data-error-summary" in response.text
    assert not Ownership.objects.exists()


def test_the_version_of_another_product_is_refused(signed_in):
    other = ProductVersionFactory()
    product = ProductVersionFactory().product

    assert add(signed_in, product, version=other.pk).status_code == 422
    assert not Ownership.objects.exists()


def test_only_what_exists_for_a_product_is_asked(signed_in):
    service = ProductFactory(kind="service")

    page = signed_in.get(f"{LIST}add/{service.code}/").text

    assert 'name="serial_number"' not in page
    assert 'name="version"' not in page


def test_a_product_out_of_use_cannot_be_added(signed_in):
    assert add(signed_in, ProductFactory(is_active=False)).status_code == 404
    assert not Ownership.objects.exists()


def test_removing_twice_is_harmless(signed_in, person):
    ownership = OwnershipFactory(user=person)

    answers = [signed_in.post(f"{LIST}{ownership.pk}/remove/") for _ in range(2)]

    assert [answer.url for answer in answers] == [LIST, LIST]
    assert not Ownership.objects.exists()


def test_nobody_sees_or_removes_the_devices_of_somebody_else(signed_in):
    other = OwnershipFactory(serial_number="SECRET-1")

    page = signed_in.get(LIST)
    signed_in.post(f"{LIST}{other.pk}/remove/")

    assert "SECRET-1" not in page.text
    assert Ownership.objects.get() == other


def test_nothing_is_removed_by_a_link(signed_in, person):
    ownership = OwnershipFactory(user=person)

    assert signed_in.get(f"{LIST}{ownership.pk}/remove/").status_code == 405
    assert Ownership.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_whatever_its_length(signed_in, person, django_assert_num_queries, count):
    """Queries for session, user, unread notifications, devices and products."""
    versions = ProductVersionFactory.create_batch(count)
    for version in versions:
        OwnershipFactory(user=person, product=version.product, version=version)

    signed_in.get(LIST)  # the frame caches the URLs of help pages etc.

    with django_assert_num_queries(5):
        page = signed_in.get(LIST).text

    assert len(re.findall(r"/remove/", page)) == count


@pytest.mark.parametrize("language", ["fa", "en"])
def test_the_form_shows_itself_in_both_languages(signed_in, language):
    version = ProductVersionFactory()

    page = signed_in.get(f"/{language}/account/devices/add/{version.product.code}/").text

    assert {"fa": "شمارهٔ سریال", "en": "Serial number"}[language] in page
    assert version.number in page
