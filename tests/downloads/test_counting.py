"""Counting under concurrency: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from portal.downloads import counting
from portal.downloads.models import Transfer
from portal.downloads.queries import files_counted
from tests.factories.downloads import published_file
from tests.threads import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases("portal.downloads.counting", "portal.downloads.models"),
]
PEOPLE = 12


def sent(file, number, *, is_end=True, days=0):
    at = timezone.now() - dt.timedelta(days=days)
    return counting.Sent(at=at, address=f"203.0.113.{number}", user_agent="x", file_id=file.pk, is_end=is_end)


def test_processes_that_store_the_same_visitors_count_each_once():
    file = published_file()
    sent(file, 1).visitor  # the salt of the day is stored outside the race  # noqa: B018
    begun = [sent(file, number, is_end=False) for number in range(PEOPLE)]
    ended = [sent(file, number) for number in reversed(range(PEOPLE))]

    raised = at_once(*(lambda batch=batch: counting.store_transfers(batch) for batch in (begun, ended, ended)))

    assert raised == []
    assert Transfer.objects.filter(is_complete=True).count() == Transfer.objects.count() == PEOPLE


def test_adding_up_at_the_same_time_loses_and_doubles_nothing():
    file = published_file()
    counting.store_transfers([sent(file, number, days=5) for number in range(PEOPLE)])
    counting.store_transfers([sent(file, 1)])
    before = files_counted().get(pk=file.pk).downloads

    raised = at_once(counting.add_up, counting.add_up)

    assert raised == []
    shown = files_counted().get(pk=file.pk)
    assert (before, shown.downloads, shown.completed) == (PEOPLE + 1, PEOPLE + 1, PEOPLE)
    assert Transfer.objects.count() == 1
