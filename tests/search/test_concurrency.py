"""The index with real threads, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from portal.catalog.models import Topic
from search import services
from search.index.answering import get_backend
from search.queries import search
from tests.factories.search import entry
from tests.search.asking import ids
from tests.search.test_embedded import counts_are_exact

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("search.index.embedded.writing", "search.locks"),
]

THREADS = 4


def in_threads(*works) -> list[BaseException]:
    """Run the functions in parallel; return the errors they raised."""
    barrier = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work):
        try:
            barrier.wait(timeout=10)
            work()
        except BaseException as error:  # noqa: BLE001 - asserted by the caller
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return errors


def test_writers_of_different_entries_with_the_same_words_do_not_block_each_other_for_ever():
    words = ["مودم", "چراغ", "قرمز", "نورا", "فیبر", "گوشی"]

    def writer(number):
        def work():
            for step in range(8):
                turned = words[number:] + words[:number]
                title = " ".join(reversed(turned) if step % 2 else turned)
                get_backend().put([entry(object_id=number * 100 + step, title=title, body=f"تازه{number}{step}")])

        return work

    errors = in_threads(*(writer(number) for number in range(THREADS)))

    assert errors == []
    assert get_backend().count() == THREADS * 8
    assert counts_are_exact()


def test_writers_of_the_same_entry_leave_one_of_them():
    def writer(number):
        def work():
            for step in range(8):
                if (step + number) % 3 == 0:
                    get_backend().remove(kind="test.note", object_ids=[1])
                else:
                    get_backend().put([entry(object_id=1, title=f"مودم شماره{number}{step}")])

        return work

    errors = in_threads(*(writer(number) for number in range(THREADS)))

    assert errors == []
    assert get_backend().count() <= 1
    assert counts_are_exact()


def test_a_handler_that_read_the_older_text_cannot_write_last(topic_document, monkeypatch):
    topic = Topic.objects.create(code="a", name={"fa": "کهنه"})
    read_old = threading.Event()
    to_entries = topic_document.to_entries

    def slow_with_the_old(instance):
        entries = list(to_entries(instance))
        if "کهنه" in instance.name.values():
            read_old.set()
            time.sleep(0.4)
        return entries

    monkeypatch.setattr(topic_document, "to_entries", slow_with_the_old)

    def first():
        services.index_objects(kind=topic_document.name, object_ids=[topic.pk])

    def second():
        assert read_old.wait(timeout=10)
        Topic.objects.filter(pk=topic.pk).update(name={"fa": "نو"})
        services.index_objects(kind=topic_document.name, object_ids=[topic.pk])

    errors = in_threads(first, second)

    assert errors == []
    assert ids(get_backend(), "کهنه") == []
    assert ids(get_backend(), "نو") == [topic.pk]


def test_searching_goes_on_while_the_index_is_rebuilt_and_misses_nothing(topic_document):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"مودم {n}"}) for n in range(30))
    services.rebuild()
    done = threading.Event()
    totals: list[int] = []

    def rebuild():
        try:
            for _ in range(3):
                services.rebuild()
        finally:
            done.set()

    def read():
        while not done.is_set():
            totals.append(search(text="مودم", user=None, language="fa").total)

    errors = in_threads(rebuild, read, read)

    assert errors == []
    assert totals
    assert set(totals) == {30}
    assert counts_are_exact()
