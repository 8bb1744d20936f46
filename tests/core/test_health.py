"""What `/health/` tells, and to whom."""

from __future__ import annotations

import pytest

from portal.core.memo import forget_all
from tests.factories.accounts import UserFactory
from tests.factories.faq import help_site

pytestmark = pytest.mark.django_db


def test_staff_see_how_much_html_is_kept_and_how_often_it_was_there(client):
    help_site()
    forget_all()
    client.force_login(UserFactory(is_staff=True))
    before = client.get("/health/").json()["kept_html"]["frames"]
    for _ in range(5):
        client.get("/en/")

    after = client.get("/health/").json()["kept_html"]["frames"]

    assert (before["entries"], before["bytes"]) == (0, 0)
    assert after["entries"] >= 5
    assert 0 < after["bytes"] < after["max_bytes"] == 4 * 1024 * 1024
    assert 0 < after["hit_rate"] <= 1


def test_others_see_nothing_of_it_and_are_not_looked_up(client, django_assert_num_queries):
    with django_assert_num_queries(2):  # the database itself and the outbox
        public = client.get("/health/").json()
    client.force_login(UserFactory())

    assert client.get("/health/").json() == public
    assert set(public) == {"status", "outbox_oldest_seconds", "search"}
