from __future__ import annotations

import threading
from unittest import mock

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import RequestFactory

from portal.accounts.models import User
from portal.core import limits
from portal.core.limits import client_address, limited

pytestmark = [
    pytest.mark.urls("tests.core.urls_for_tests"),
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.core.limits"),
]


def ask(address: str = "192.0.2.1", **meta: str):
    return RequestFactory().post("/", REMOTE_ADDR=address, **meta)


@pytest.fixture
def noon(monkeypatch):
    """A clock that is stopped 20 seconds into a minute."""
    clock = [1_800_000_020.0]
    monkeypatch.setattr(limits.time, "time", lambda: clock[0])
    return clock


@pytest.fixture
def database_cache(settings, transactional_db):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_for_tests"}
    }
    call_command("createcachetable")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache_for_tests")


@pytest.mark.parametrize("is_frequent", [False, True])
def test_requests_up_to_the_limit_pass_and_the_next_is_told_to_wait_for_the_window_to_end(noon, is_frequent):
    answers = [limited(ask(), f"up-to-{is_frequent}", 3, 60, is_frequent=is_frequent) for _ in range(4)]

    assert answers == [None, None, None, 40]

    noon[0] += 40
    assert limited(ask(), f"up-to-{is_frequent}", 3, 60, is_frequent=is_frequent) is None


def test_people_and_scopes_are_counted_apart(noon):
    assert limited(ask("192.0.2.1"), "apart", 1, 60) is None

    assert limited(ask("192.0.2.2"), "apart", 1, 60) is None
    assert limited(ask("192.0.2.1"), "other", 1, 60) is None
    assert limited(ask("192.0.2.1"), "apart", 1, 60) == 40


def test_a_signed_in_person_is_counted_wherever_they_are(noon):
    def request_of(user: User, address: str):
        request = ask(address)
        request.COOKIES["sessionid"] = "x"
        request.user = user
        return request

    sara, omid = (User.objects.create_user(f"{name}@example.com") for name in ("sara", "omid"))

    assert limited(request_of(sara, "192.0.2.1"), "user", 1, 60) is None
    assert limited(request_of(sara, "192.0.2.9"), "user", 1, 60) == 40
    assert limited(request_of(omid, "192.0.2.1"), "user", 1, 60) is None


def test_no_address_is_stored(noon, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits"}}
    limited(ask("192.0.2.77"), "private", 1, 60)

    keys = list(cache._cache)
    assert len(keys) == 1
    assert "192.0.2.77" not in keys[0]


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "address"),
    [
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (0, "2001:db8:1:2:aaaa::1", "", "2001:db8:1:2::"),
        (0, "2001:db8:1:2:bbbb::2", "", "2001:db8:1:2::"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "unix", "", "unix"),
    ],
)
def test_the_address_is_the_one_the_trusted_proxies_saw(settings, proxies, remote, forwarded, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies

    assert client_address(ask(remote, HTTP_X_FORWARDED_FOR=forwarded)) == address


def test_the_database_cache_counts_past_its_usual_expiry(database_cache, noon, monkeypatch):
    kept = []
    monkeypatch.setattr(
        "django.core.cache.backends.db.DatabaseCache.set",
        lambda _self, key, value, timeout: kept.append((value, timeout)),
    )

    limited(ask(), "hour", 5, 3600)

    assert kept == [(1, 3605)]


@pytest.mark.concurrency
def test_no_request_slips_through_between_reading_and_counting(database_cache):
    passed: list[int] = []
    barrier = threading.Barrier(6)

    def hammer() -> None:
        barrier.wait()
        for _ in range(5):
            passed.extend([1] if limited(ask(), "hammer", 10, 3600) is None else [])
        connection.close()

    threads = [threading.Thread(target=hammer) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(passed) == 10


def test_workers_tell_each_other_how_often_somebody_came(noon):
    limits._local_counts.clear()

    def of_another_worker():
        mine = dict(limits._local_counts)
        limits._local_counts.clear()
        answers = [limited(ask(), "search", 30, 60, is_frequent=True) for _ in range(20)]
        limits._local_counts.clear()
        limits._local_counts.update(mine)
        return answers

    assert of_another_worker() == [None] * 20
    answers = [limited(ask(), "search", 30, 60, is_frequent=True) for _ in range(21)]

    assert answers == [None] * 19 + [40, 40]  # told at the twentieth


def test_a_locked_database_keeps_no_search_from_its_answer(noon, monkeypatch):
    monkeypatch.setattr(limits, "_count_shared", mock.Mock(side_effect=OperationalError("database is locked")))

    assert [limited(ask(), "locked", 30, 60, is_frequent=True) for _ in range(30)] == [None] * 30
    assert limited(ask(), "locked", 30, 60, is_frequent=True) == 40


def test_a_range_of_addresses_is_counted_together(noon):
    for number in range(3):
        assert limited(ask(f"192.0.2.{number}"), "range", 3, 60, by_network=True) is None

    assert limited(ask("192.0.2.77"), "range", 3, 60, by_network=True) == 40
    assert limited(ask("192.0.3.77"), "range", 3, 60, by_network=True) is None


def test_counting_in_this_process_forgets_the_oldest_and_writes_nothing(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(limits, "_LOCAL_KEYS", 3)
    limits._local_counts.clear()

    with django_assert_num_queries(0):
        for number in range(10):
            limited(ask(f"192.0.2.{number}"), "small", 1, 60, is_frequent=True)

    assert len(limits._local_counts) == 3


def test_too_many_posts_get_a_page_that_says_when_to_come_back(client):
    answers = [client.post("/limited/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert client.get("/limited/").status_code == 200
