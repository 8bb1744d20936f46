from __future__ import annotations

import pytest
from django.urls import reverse

from tests.factories.community import AreaFactory, TagFactory, moderator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def test_the_list_of_areas_says_who_may_read_in_words(client):
    AreaFactory(audience="signed-in")
    client.force_login(moderator())

    page = client.get(reverse("wagtailsnippets_community_area:list"), headers={"Accept-Language": "fa"}).text

    assert "مشتریان واردشده" in page
    assert "signed-in" not in page


def test_the_list_of_tags_counts_in_the_readers_digits(client):
    tag = TagFactory(name="قطعی")
    type(tag).objects.update(thread_count=12)
    client.force_login(moderator())

    page = client.get(reverse("wagtailsnippets_community_tag:list"), headers={"Accept-Language": "fa"}).text

    assert "۱۲" in page
    assert "Thread count" not in page
