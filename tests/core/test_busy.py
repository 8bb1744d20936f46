"""A database that another process holds: writers learn it soon, in both languages, and readers notice nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from tests.factories.accounts import UserFactory
from tests.factories.community import ThreadFactory
from tests.factories.faq import ArticlePageFactory


@pytest.fixture
def locked(transactional_db):
    """Another program is in the middle of a transaction, and we do not wait for long."""
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout=100")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
    connection.close()  # with what was set above


SIGN_UP = {"email": "new@example.com", "password1": "long-enough-for-anybody", "accept_terms": "on"}


def test_a_writer_is_told_in_both_languages_to_come_back(locked):
    answer = Client(raise_request_exception=False).post("/en/accounts/signup/", SIGN_UP)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Nothing can be saved right now" in answer.text
    assert "الان نمی‌توانیم چیزی ذخیره کنیم" in answer.text


def test_who_signs_in_meanwhile_hears_of_no_limit(person, locked):
    """Somebody waited twenty seconds, and was told to have tried too often."""
    answer = Client(raise_request_exception=False).post(
        "/en/accounts/login/", {"login": person.email, "password": "long-enough-for-anybody"}
    )

    assert answer.status_code == 503
    assert "Nothing can be saved right now" in answer.text


@pytest.fixture
def person(transactional_db) -> User:
    return UserFactory(password="long-enough-for-anybody")


@pytest.fixture
def pages(transactional_db) -> list[str]:
    return [ArticlePageFactory().url, ThreadFactory().get_absolute_url(), "/fa/", "/fa/community/", "/fa/downloads/"]


def test_readers_and_monitors_notice_nothing(pages, locked):
    paths = [*pages, "/en/search/?q=modem", "/fa/search/?q=modem", "/health/"]

    assert [Client(raise_request_exception=False).get(path).status_code for path in paths] == [200] * len(paths)
