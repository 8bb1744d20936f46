"""Two people who decide at the same moment, and one who splits a large correction into many at once."""

from __future__ import annotations

import uuid

import pytest

from loyalty.exceptions import DecidedError
from loyalty.models import Adjustment, Journal
from loyalty.services import adjusting, ledger
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_adjusting import ask, asker, decider, send, table
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.adjusting.requests", "loyalty.services.adjusting.files"),
]


@pytest.fixture
def programme():
    return EarningFactory().programme


def test_two_approvers_at_once_book_once(programme):
    asked = ask(UserFactory(), programme, 900, asker())
    people = [decider() for _number in range(4)]

    results = at_once(4, lambda number: adjusting.approve(asked, by=people[number]))

    assert sum(isinstance(one, Adjustment) for one in results) == 1
    assert sum(isinstance(one, DecidedError) for one in results) == 3
    assert Journal.objects.get().approver == Adjustment.objects.get().decided_by
    assert list(ledger.check()) == []


def test_the_limit_of_one_person_holds_for_requests_at_once_and_a_form_sent_twice_asks_once(programme):
    by, people, token = asker(), UserFactory.create_batch(6), uuid.uuid4()

    results = at_once(6, lambda number: ask(people[number], programme, 200, by))
    assert sorted(one.state for one in results) == ["done"] * 2 + ["waiting"] * 4

    same = at_once(3, lambda _number: ask(people[0], programme, 700, by, token=token))
    assert len({one.pk for one in same}) == 1
    assert Journal.objects.count() == 2


def test_a_file_that_is_booked_by_two_workers_is_booked_once(programme):
    by, people = asker(), UserFactory.create_batch(6)
    send(table(*((person.handle, 10) for person in people)), programme, by)

    results = at_once(3, lambda _number: adjusting.book_files())

    assert sum(results) == Journal.objects.count() == 6
    assert list(ledger.check()) == []
