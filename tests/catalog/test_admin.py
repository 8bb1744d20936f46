"""The lists of products and topics in the admin."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from wagtail.admin.menu import admin_menu

from portal.catalog.models import Product, Topic
from portal.core.localized import LocalizedText
from portal.core.roles import COMMUNITY_MANAGERS
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory, ProductVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.mark.parametrize("model", ["topic", "product", "productversion"])
def test_lists_of_the_menu_open(client, editor, model):
    ProductVersionFactory()

    assert client.get(reverse(f"wagtailsnippets_catalog_{model}:list")).status_code == 200


@pytest.mark.parametrize("model", ["product", "topic"])
def test_names_are_edited_per_language(client, editor, model):
    url = reverse(f"wagtailsnippets_catalog_{model}:add")
    page = client.get(url).text
    for code, language in (("fa", "فارسی"), ("en", "English")):
        input_id = re.search(rf'<input[^>]*name="name_{code}"[^>]*id="(\w+)"', page)[1]
        assert f'for="{input_id}" lang="{code}">{language}</label>' in page

    response = client.post(
        url,
        {"code": "x9", "name_fa": "نورا", "name_en": "Noora", "kind": "device", "icon": "router", "order": "1", "tone": "",
         "description_fa": "", "description_en": "", "is_active": "on"},
    )  # fmt: skip

    assert response.status_code == 302, response.context["form"].errors
    saved = {"product": Product, "topic": Topic}[model].objects.get(code="x9")
    assert saved.name == LocalizedText(fa="نورا", en="Noora")


def test_the_menu_leads_to_the_catalogue_beside_the_help_pages(client, editor):
    request = client.get(reverse("wagtailadmin_home")).wsgi_request

    items = {item.name: item for item in admin_menu.menu_items_for_request(request)}

    assert items["catalog"].label == "فهرست محصولات"
    inside = [item.label for item in items["catalog"].menu.menu_items_for_request(request)]
    assert inside == ["موضوع‌ها", "محصول‌ها", "نسخه‌های محصول"]
    names = {item.name for item in items["help-pages"].menu.menu_items_for_request(request)}
    assert names.isdisjoint({"topics", "products", "product-versions"})


def test_editors_change_the_catalogue_and_delete_nothing(client, editor):
    product = ProductFactory()

    assert client.get(reverse("wagtailsnippets_catalog_product:edit", args=[product.pk])).status_code == 200
    assert client.get(reverse("wagtailsnippets_catalog_product:delete", args=[product.pk])).status_code == 302


def test_nobody_else_reaches_the_lists(client):
    for user in (UserFactory(), UserFactory(role=COMMUNITY_MANAGERS)):
        client.force_login(user)
        assert client.get(reverse("wagtailsnippets_catalog_topic:list")).status_code in {302, 403}
