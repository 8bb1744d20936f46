"""Members, and a question, for tests of what is told."""

from __future__ import annotations

import pytest

from portal.core import outbox
from portal.notifications.services import follow
from tests.community.notices import TITLE, target
from tests.factories.community import MemberFactory, ThreadFactory


@pytest.fixture
def mina(db):
    """Somebody who reads Persian and asks."""
    return MemberFactory(handle="مینا", name="مینا راد", language="fa", email="mina@example.com")


@pytest.fixture
def sara(db):
    """Somebody who reads English and helps."""
    return MemberFactory(handle="سارا", language="en", email="sara@example.com")


@pytest.fixture
def reza(db):
    """Somebody who looks on."""
    return MemberFactory(handle="رضا", language="fa", email="reza@example.com")


@pytest.fixture
def question(mina):
    """A question that its author follows, as the form has it."""
    thread = ThreadFactory(author=mina, title=TITLE)
    follow(person_id=mina.pk, target=target(thread))
    outbox.drain()
    return thread
