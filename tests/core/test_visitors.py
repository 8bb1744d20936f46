from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from portal.core.models import VisitSalt
from portal.core.visitors import (
    BROWSERS,
    SECTORS,
    VISITOR_LENGTH,
    Origin,
    VisitorCookie,
    counted,
    counted_visitor,
    forget_remembered_salts,
    forget_salts,
    origin_of,
    visitor_hash,
    visitor_of,
)

pytestmark = pytest.mark.both_databases("portal.core.visitors")

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
COOKIE = VisitorCookie(name="voter", purpose="votes", max_age_seconds=3600)


def ask(address: str = "203.0.113.7", agent: str = BROWSER, **headers):
    return RequestFactory().get("/", REMOTE_ADDR=address, headers={"User-Agent": agent, **headers})


def key(request, day: dt.date | None = None) -> str:
    return visitor_of(request, "visits", day)


@pytest.mark.django_db
def test_a_visit_is_the_same_all_day_and_another_one_for_every_address_browser_and_day():
    today = timezone.localdate()

    assert key(ask()) == key(ask()) == key(ask(), today)
    others = [ask(address="203.0.113.8"), ask(agent="Another browser")]
    names = {key(ask()), *map(key, others), key(ask(), today + dt.timedelta(days=1))}
    assert len(names) == 4


@pytest.mark.django_db
def test_a_visit_is_the_same_in_every_process():
    here = key(ask())
    forget_remembered_salts()  # like a new process

    assert key(ask()) == here


@pytest.mark.django_db
def test_the_salt_of_yesterday_is_destroyed_when_the_first_visitor_of_a_day_comes():
    today = timezone.localdate()
    before = key(ask(), today - dt.timedelta(days=1))

    key(ask(), today)

    assert list(VisitSalt.objects.values_list("day", flat=True)) == [today]
    forget_remembered_salts()
    assert key(ask(), today - dt.timedelta(days=1)) != before  # not even we can compute it any more


@pytest.mark.django_db
def test_salts_are_destroyed_without_visitors_too():
    today = timezone.localdate()
    for days in (0, 1, 2):
        VisitSalt.objects.create(day=today - dt.timedelta(days=days), salt="00" * 32)

    assert (forget_salts(), forget_salts()) == (2, 0)
    assert VisitSalt.objects.get().day == today


@pytest.mark.django_db
def test_nothing_of_the_address_is_stored():
    key(ask(address="203.0.113.7"))

    assert "203.0.113.7" not in str(list(VisitSalt.objects.values()))


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_visitors_who_come_at_once_share_the_salt():
    names, barrier = set(), threading.Barrier(4)

    def come():
        barrier.wait(timeout=10)
        names.add(key(ask()))
        connection.close()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert (len(names), VisitSalt.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_the_same_request_sent_twice_makes_the_same_key_for_each_purpose():
    today = timezone.localdate()

    assert visitor_of(ask(), "votes") == visitor_of(ask(), "votes")
    assert visitor_hash("votes", "203.0.113.7", BROWSER, today) == visitor_of(ask(), "votes")
    assert len(visitor_of(ask(), "votes")) == VISITOR_LENGTH


@pytest.mark.django_db
def test_keys_of_different_purposes_cannot_be_joined():
    people = [ask(address=f"203.0.113.{number}") for number in range(20)]

    votes, visits = ({visitor_of(person, purpose) for person in people} for purpose in ("votes", "visits"))

    assert len(votes) == len(visits) == 20
    assert votes.isdisjoint(visits)


@pytest.mark.django_db(transaction=True)
def test_the_salt_is_not_made_in_a_transaction_that_may_be_rolled_back():
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        visitor_of(ask(), "votes")

    before = visitor_of(ask(), "votes")
    forget_remembered_salts()
    assert visitor_of(ask(), "votes") == before  # the cached salt is the stored one
    with transaction.atomic():
        assert visitor_of(ask(), "votes") == before  # a cached salt has been stored


@pytest.mark.django_db
def test_a_key_in_a_cookie_outlives_the_day():
    response = HttpResponse()
    before = COOKIE.key_of(ask())
    COOKIE.remember(response, before)
    VisitSalt.objects.all().delete()
    forget_remembered_salts()

    request = ask()
    assert COOKIE.key_of(request) != before  # it could have changed
    request.COOKIES["voter"] = response.cookies["voter"].value
    assert COOKIE.key_of(request) == before


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "'; drop table", "A" * VISITOR_LENGTH, "0" * 25, "0" * 64, "0" * 24 + "\n"])
def test_a_forged_cookie_counts_as_none(value):
    request = ask()
    request.COOKIES["voter"] = value

    assert COOKIE.key_of(request) == COOKIE.key_of(ask())


@pytest.mark.django_db
def test_a_cookie_of_an_earlier_version_is_still_known():
    request = ask()
    request.COOKIES["voter"] = "0123456789abcdef" * 2

    assert COOKIE.key_of(request) == "0123456789abcdef" * 2


TODAY = dt.date(2026, 11, 28)


def origins(addresses, day: dt.date = TODAY, subject: str = "search:fa:مودم") -> list[Origin]:
    return [origin_of(address, subject, day) for address in addresses]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("addresses", "networks"),
    [
        ([f"203.0.113.{number}" for number in range(200)], 1),
        ([f"2001:db8:7:1::{number:x}" for number in range(200)], 1),
        ([f"2001:db8:7:{number:x}::1" for number in range(200)], 1),
        (["203.0.113.7", "203.0.114.7", "2001:db8:7::1", "2001:db8:8::1", "unix"], 5),
    ],
)
def test_addresses_that_one_customer_can_choose_from_are_one_network(addresses, networks):
    found = origins(addresses)

    assert len({origin.network for origin in found}) == networks
    assert len({origin.sector for origin in found}) <= networks


@pytest.mark.django_db
def test_a_network_has_the_same_sector_every_day_and_a_key_only_of_today():
    days = [TODAY + dt.timedelta(days=number) for number in range(10)]
    found = [origin for day in days for origin in origins(["203.0.113.7"], day)]

    assert len({origin.sector for origin in found}) == 1
    assert len({origin.network for origin in found}) == 10


@pytest.mark.django_db
def test_what_is_stored_of_two_subjects_cannot_be_joined():
    addresses = [f"10.{number}.0.1" for number in range(64)]
    here, there = origins(addresses), origins(addresses, subject="article:7")

    assert {origin.network for origin in here}.isdisjoint(origin.network for origin in there)
    assert [origin.sector for origin in here] != [origin.sector for origin in there]
    assert {origin.sector for origin in here} <= set(range(SECTORS))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([2], [2]),
        ([100], [3]),
        ([100, 1, 1, 1, 1, 1], [3, 1, 1, 1, 1, 1]),
        ([100, 40, 40, 40, 40], [40, 40, 40, 40, 40]),
        ([10, 10, 10, 10, 10], [10, 10, 10, 10, 10]),
    ],
)
def test_one_sector_counts_at_most_a_fifth_of_all(sizes, expected):
    assert counted(sizes) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8:1:{n}::1"], ids=["IPv4", "IPv6"])
def test_one_address_is_a_few_visitors_in_figures_whatever_browsers_it_invents(address):
    today = timezone.localdate()
    keys = [counted_visitor("reads", address.format(n=number), f"Browser {number}", today) for number in range(60)]

    assert 1 < len(set(keys)) <= BROWSERS
    assert counted_visitor("reads", address, "Browser 1", today) != counted_visitor(
        "reads", "198.51.100.7", "Browser 1", today
    )
