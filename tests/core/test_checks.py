from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from portal.core import checks, outbox
from portal.core.events import DomainEvent, subscribe


@dataclass(frozen=True, kw_only=True)
class LampLit(DomainEvent):
    name: ClassVar[str] = "tests.lamp_lit"


@dataclass(frozen=True, kw_only=True)
class LampBroken(DomainEvent):
    name: ClassVar[str] = "tests.lamp_lit"


def ids(messages) -> list[str]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.fixture
def subscriptions():
    with outbox.temporary_subscriptions():
        yield


def test_this_portal_is_set_up_well():
    for check in (
        checks.check_subscriptions,
        checks.check_middleware,
        checks.check_sqlite,
        checks.check_languages,
        checks.check_data_folder,
    ):
        assert check() == []


def test_two_handlers_of_one_name_are_an_error(subscriptions):
    subscribe(LampLit, lambda event: None)
    subscribe(LampLit, lambda event: None)

    assert ids(checks.check_subscriptions()) == ["core.E001"]


def test_two_events_of_one_name_are_an_error(subscriptions):
    subscribe(LampLit, print, name="one")
    subscribe(LampBroken, print, name="two")

    assert ids(checks.check_subscriptions()) == ["core.E002"]


def test_middleware_in_the_wrong_order_is_an_error(settings):
    settings.MIDDLEWARE = [
        "portal.core.middleware.PreferencesMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]

    assert ids(checks.check_middleware()) == ["core.E003"]


def test_a_sqlite_database_for_one_writer_only_is_an_error(monkeypatch):
    database = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES={"default": database}))

    assert ids(checks.check_sqlite()) == ["core.E004"]


def test_a_site_language_that_is_not_offered_is_an_error(settings):
    settings.LANGUAGE_CODE = "de"

    assert ids(checks.check_languages()) == ["core.E005"]


def test_a_data_folder_that_cannot_be_written_is_an_error(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path / "not" / "there" / "yet"
    assert checks.check_data_folder() == []

    file = tmp_path / "file"
    file.touch()
    settings.DATA_DIR = file / "below"
    assert ids(checks.check_data_folder()) == ["core.E006"]

    settings.DATA_DIR = Path("relative/folder")
    monkeypatch.setattr(os, "access", lambda *_args: False)
    assert ids(checks.check_data_folder()) == ["core.E006"]


def test_a_cache_of_each_worker_alone_is_worth_a_warning(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert ids(checks.check_shared_cache()) == ["core.W001"]

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}}
    assert checks.check_shared_cache() == []


def test_mail_goes_through_the_queue_to_a_transport_that_exists(settings):
    assert checks.check_mail() == []

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert ids(checks.check_mail()) == ["core.E007"]
    settings.EMAIL_BACKEND = "portal.core.mail.QueueBackend"
    for wrong in ("portal.core.mail.QueueBackend", "portal.core.mail_transports.Unknown", "nothing"):
        settings.MAIL_TRANSPORT = wrong
        assert ids(checks.check_mail()) == ["core.E007"]
