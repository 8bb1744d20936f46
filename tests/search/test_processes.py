"""Several processes on one database, like the server's workers, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from portal.catalog.models import Topic
from search import services
from search.queries import search
from tests.search.test_embedded import counts_are_exact

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("search.index.embedded.backend"),
]

TOPICS, READERS, SECONDS = 30, 3, 5


@contextmanager
def readers() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that search, and have found everything once."""
    worker = str(Path(__file__).with_name("searching_worker.py"))
    started = [
        subprocess.Popen(
            [sys.executable, worker, str(connection.settings_dict["NAME"]), str(TOPICS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(READERS)
    ]  # fmt: skip
    try:
        assert [reader.stdout.readline() for reader in started] == ["ready\n"] * READERS
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_several_processes_search_while_one_writes_and_every_answer_is_whole(topic_document):
    Topic.objects.bulk_create(Topic(pk=n, code=f"t{n}", name={"fa": f"مودم {n}"}) for n in range(1, TOPICS + 1))
    services.rebuild()
    with readers() as reading:
        enough = time.monotonic() + SECONDS
        steps = 0
        while time.monotonic() < enough:
            pk = steps % TOPICS + 1
            words = " ".join(f"واژه{steps}{n}" for n in range(20)) if steps % 3 else "کوتاه"
            Topic.objects.filter(pk=pk).update(name={"fa": f"مودم {pk} {words}"})
            services.index_objects(kind=topic_document.name, object_ids=[pk])
            if steps % 50 == 10:
                services.rebuild()
            steps += 1
        for reader in reading:
            reader.stdin.close()
        found = [json.loads(reader.stdout.readline()) for reader in reading]

    assert steps > 10
    assert [each["wrong"] for each in found] == [[]] * READERS
    assert all(each["asked"] > 4 for each in found)
    assert search(text="مودم", user=None, language="fa").total == TOPICS
    assert counts_are_exact()
    connection.close()
