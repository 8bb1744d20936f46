"""What `/health/` reports, and to whom."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from portal.core.memo import forget_all
from tests.factories.accounts import UserFactory
from tests.factories.faq import help_site


def production_exemptions() -> list[str]:
    """What the settings say with HTTPS."""
    text = (Path(__file__).resolve().parents[2] / "portal" / "settings" / "base.py").read_text(encoding="utf-8")
    found = re.search(r"SECURE_REDIRECT_EXEMPT = (.+?)  #", text)
    assert found is not None
    return ast.literal_eval(found[1])


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


@pytest.mark.parametrize("host", ["10.0.0.7:8000", "unknown.example", "[::1]:8000"])
def test_a_monitor_needs_no_name_and_no_https(client, settings, host):
    settings.ALLOWED_HOSTS = ["help.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = production_exemptions()

    answer = client.get("/health/", headers={"host": host})

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert client.get("/fa/", headers={"host": host}).status_code == 400  # pages do
