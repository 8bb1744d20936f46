"""Workers are killed while they spend, report and give back: a small part of what `bench/points_storm.py` does."""

from __future__ import annotations

import pytest

from tests.loyalty.storm import prepare, storm, verify

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.ledger.posting", "loyalty.services.shop.orders"),
]


def test_whatever_killed_workers_acknowledged_is_there_and_done_once():
    prepare(codes=40)

    told = storm(kills=12)

    assert verify(told) >= 3
