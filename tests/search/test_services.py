"""Rebuilding the index, and checking and repairing it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.catalog.models import Topic
from search import services
from search.index.answering import get_backend
from tests.factories.search import entry
from tests.search.asking import ids

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.backend")]


@pytest.fixture
def topics(topic_document):
    return Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"مودم {n}"}) for n in (1, 2, 3))


def indexed() -> set[tuple[int, str]]:
    return {(object_id, language) for object_id, language, _digest in get_backend().digests("test.topic")}


def test_a_rebuild_indexes_everything_and_drops_what_should_not_be_there(topics):
    get_backend().put([entry(kind="test.topic", object_id=999, title="مودم"), entry(kind="gone", object_id=1)])

    report = services.rebuild()

    assert (report.checked, report.put, report.removed, report.failed) == (3, 3, 2, 0)
    assert indexed() == {(topic.pk, "fa") for topic in topics}
    assert get_backend().kinds() == {"test.topic"}


def test_a_check_after_a_rebuild_has_nothing_to_do(topics):
    services.rebuild()

    report = services.check()

    assert report.checked == 3
    assert report.is_clean


def test_a_check_repairs_what_is_missing_wrong_or_superfluous(topics):
    services.rebuild()
    backend = get_backend()
    backend.remove(kind="test.topic", object_ids=[topics[0].pk])
    backend.put([entry(kind="test.topic", object_id=topics[1].pk, title="چیزی دیگر")])
    backend.put([entry(kind="test.topic", object_id=topics[2].pk, language="en", title="Router")])
    backend.put([entry(kind="test.topic", object_id=999, title="مودم"), entry(kind="gone", object_id=1)])

    report = services.check()

    assert (report.put, report.removed, report.failed) == (3, 2, 0)
    assert indexed() == {(topic.pk, "fa") for topic in topics}
    assert len(ids(backend, "مودم")) == 3
    assert services.check().is_clean


def test_one_object_that_cannot_be_indexed_does_not_stop_the_others(topics, topic_document, monkeypatch, caplog):
    broken = topics[1].pk
    to_entries = topic_document.to_entries

    def fails_once(instance):
        if instance.pk == broken:
            raise ValueError("broken")
        return to_entries(instance)

    monkeypatch.setattr(topic_document, "to_entries", fails_once)

    report = services.rebuild()

    assert (report.put, report.failed) == (2, 1)
    assert indexed() == {(topics[0].pk, "fa"), (topics[2].pk, "fa")}
    assert f"test.topic {broken} cannot be indexed" in caplog.text


def test_the_command_says_what_it_did(topics, capsys):
    call_command("rebuild_search")
    assert capsys.readouterr().out.startswith(
        "the index in the database: 3 objects looked at, 3 put, 0 removed, 0 failed; 3 entries in the index;"
    )

    call_command("rebuild_search", "--check")
    assert capsys.readouterr().out.startswith(
        "the index in the database: 3 objects looked at, 0 put, 0 removed, 0 failed;"
    )


def test_the_command_fails_when_something_could_not_be_indexed(topics, topic_document, monkeypatch):
    monkeypatch.setattr(topic_document, "to_entries", lambda instance: 1 / 0)

    with pytest.raises(CommandError):
        call_command("rebuild_search")


def test_finding_that_the_index_is_right_costs_the_same_for_one_and_for_three(topics):
    counts = []
    for some in (topics[:1], topics):
        pks = [topic.pk for topic in some]
        services.index_objects(kind="test.topic", object_ids=pks)
        with CaptureQueriesContext(connection) as queries:
            services.index_objects(kind="test.topic", object_ids=pks)
        counts.append(len(queries))

    assert counts[0] == counts[1]
