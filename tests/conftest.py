"""Fixtures of all tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import translation

from tests.databases import django_db_setup  # noqa: F401 - pytest finds fixtures by name
from tests.gate import (  # noqa: F401 - pytest finds its hooks by name
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)


@pytest.fixture(autouse=True)
def _fresh_state():
    """Start and end each test in the default language with an empty cache."""
    from portal.core import http, jobs, memo, page_cache, visitors

    cache.clear()
    http._other_addresses.clear()
    jobs._idle_since.clear()
    page_cache.store.clear()
    page_cache.answers.clear()
    memo.forget_all()
    visitors.forget_remembered_salts()
    language = translation.get_language()
    yield
    translation.activate(language or "fa")
    left = [thread for thread in threading.enumerate() if thread.name == "activity"]
    assert not left, "A test that starts the thread of a recorder ends it: Recorder.end()."
    cache.clear()


@pytest.fixture
def after_commit(django_capture_on_commit_callbacks):
    """`with after_commit():` runs `on_commit` callbacks, as a real transaction would."""

    def run():
        return django_capture_on_commit_callbacks(execute=True)

    return run


@pytest.fixture
def editor(client, db, settings):
    """A signed-in content editor who works in Persian."""
    from portal.core.roles import CONTENT_EDITORS
    from tests.factories.accounts import UserFactory

    settings.STAFF_SECOND_FACTOR = False
    user = UserFactory(role=CONTENT_EDITORS, language="fa")
    client.force_login(user)
    return user


@pytest.fixture(autouse=True)
def _one_door_for_mail(settings):
    """Queue mails that libraries send, too; the test runner would deliver them directly."""
    from portal.core import mail_delivery

    settings.EMAIL_BACKEND = "portal.core.mail.QueueBackend"
    mail_delivery.server.forget()


class Arrived(Sequence):
    """The mails sent, oldest first. Accessing it delivers queued mails first."""

    def _fetch(self):
        from portal.core import mail_delivery, outbox

        outbox.drain(handlers=[mail_delivery.DELIVER])
        return mail.outbox

    def __getitem__(self, place):
        return self._fetch()[place]

    def __len__(self):
        return len(self._fetch())

    def __eq__(self, other):
        return self._fetch() == other

    __hash__ = None


@pytest.fixture
def mailoutbox(db):
    """The mails sent: `mail.outbox` after the worker has delivered the queue."""
    mail.outbox.clear()
    return Arrived()
