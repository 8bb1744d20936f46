"""A database that another process holds: writers learn it soon, in both languages, and readers notice nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.db import connection
from django.test import Client


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


def test_readers_and_monitors_notice_nothing(locked):
    for path in ("/en/search/?q=modem", "/fa/search/?q=modem", "/health/"):
        assert Client(raise_request_exception=False).get(path).status_code == 200
