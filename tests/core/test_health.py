"""What `/health/` reports, and to whom."""

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


def test_others_see_nothing_of_it_and_are_not_looked_up(client, django_assert_max_num_queries):
    client.cookies["language"] = "fa"
    with django_assert_max_num_queries(10) as asked:
        public = client.get("/health/").json()
    client.force_login(UserFactory())
    signed_in = client.get("/health/").json()

    assert [query["sql"] for query in asked if "session" in query["sql"] or "accounts_user" in query["sql"]] == []
    assert set(public) == set(signed_in)
    assert "kept_html" not in public
