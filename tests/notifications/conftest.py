"""A made-up forum."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from portal.notifications import registry
from portal.notifications.services import notify
from tests.factories.accounts import UserFactory
from tests.notifications import kinds


@pytest.fixture
def forum(db):
    """Kinds of a forum with one visible thread, number 42."""
    for kind in (kinds.Followed(), kinds.Reply(), kinds.Mention()):
        registry.register(kind)
    kinds.THREADS.clear()
    kinds.THREADS["42"] = "چراغ مودم قرمز است"
    yield kinds.THREADS
    for name in ("forum.followed", "forum.reply", "forum.mention"):
        registry.forget(name)
    kinds.THREADS.clear()


@pytest.fixture
def mina(db):
    """Somebody who reads Persian."""
    return UserFactory(handle="مینا", name="مینا راد", language="fa", email="mina@example.com")


@pytest.fixture
def tell(after_commit):
    """Tell people of a post in thread 42 by one route, with all that follows."""

    def run(kind: str, *, post: int = 1, thread: int = 42, **how):
        how.setdefault("occurred_at", timezone.now())
        with after_commit(), transaction.atomic():
            notify(kind=f"forum.{kind}", key=f"forum.post:{post}", subject=f"forum.thread:{thread}", **how)

    return run
