"""Search keeps working while the cluster hangs, stops, loses its data and recovers. Uses a separate, real node."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from django.urls import reverse
from wagtail.models import Page

from portal.catalog.models import Topic
from portal.core.memo import forget_all
from portal.core.models import OutboxMessage
from search import mirror, services
from search.index import cluster
from search.index.cluster import circuit
from search.queries import search, suggest
from tests.factories.faq import ArticlePageFactory, locale
from tests.outbox import at_work, until
from tests.scripts.test_elasticsearch_script import Node, free_port
from tests.search.cluster import agree, answers_from, wait_until_back, wait_until_mirrored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.elasticsearch,
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def made():
    path = Path(tempfile.mkdtemp(prefix="portal-failover-"))
    path.chmod(0o755)
    node = Node(path / "node", free_port())
    try:
        node.start()
        yield node
    finally:
        node.call("stop")
        shutil.rmtree(path)


@pytest.fixture
def node(made):
    """The node, running and responding."""
    if made.call("status").returncode:
        made.call("stop")
        made.start()
    return made


@pytest.fixture
def portal(node, settings, monkeypatch, topic_document, caplog):
    """A portal with this cluster and three topics."""
    monkeypatch.setattr(circuit, "PROBE_SECONDS", 0.2)
    caplog.set_level(logging.INFO, logger="search.cluster")
    settings.ELASTICSEARCH_URL = f"http://127.0.0.1:{node.port}"
    settings.ELASTICSEARCH_PREFIX = f"t{uuid.uuid4().hex[:8]}"
    cluster.breaker().stop()
    topics = [Topic.objects.create(code=f"t{n}", name={"fa": f"مودم {n}", "en": f"Router {n}"}) for n in (1, 2, 3)]
    assert answers_from() == "database"  # the cluster has not been checked yet
    wait_until_back()
    caplog.clear()
    with at_work():
        yield topics
    cluster.breaker().stop()
    if not node.call("status").returncode:
        cluster.get_cluster().indices.delete_all()


def found(text: str = "مودم", language: str = "fa") -> list[int]:
    forget_all()  # cached results would not need the index
    return sorted(hit.object_id for hit in search(text=text, user=None, language=language).hits)


def timed(ask, *args, **kwargs) -> float:
    forget_all()
    began = time.monotonic()
    ask(*args, **kwargs)
    return time.monotonic() - began


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_node_that_ends_and_starts_again_is_repaired_and_nothing_is_lost(portal, node, caplog):
    renamed, hidden, deleted = portal
    assert found() == [topic.pk for topic in portal]

    node.call("stop")
    assert found() == [topic.pk for topic in portal]
    assert answers_from() == "database"
    renamed.name = {"fa": "فیبر"}
    renamed.save()
    hidden.tone = Topic.Tone.POM
    hidden.save()
    deleted.delete()
    new = Topic.objects.create(code="new", name={"fa": "مودم نو"})
    assert found() == [new.pk]
    assert suggest(text="مودم", user=None, language="fa").total == 1
    said = warnings(caplog)
    assert OutboxMessage.objects.pending().filter(handler=mirror.HANDLERS[0]).count() == 4

    node.start()
    wait_until_back()

    assert len(said) == 1
    assert "The search cluster is away (ConnectionError" in said[0]
    assert any("is back" in record.getMessage() for record in caplog.records)
    assert agree()
    assert found() == [new.pk]
    assert found("فیبر") == [renamed.pk]
    assert found("router", "en") == []
    assert answers_from() == "cluster"
    assert OutboxMessage.objects.filter(delivered_at=None).count() == 0


def test_changes_whose_messages_were_lost_meanwhile_are_found_by_the_check(portal, node, monkeypatch):
    monkeypatch.setattr(mirror, "_PORTION", 2)
    node.call("stop")
    found()
    portal[0].delete()
    Topic.objects.create(code="new", name={"fa": "مودم نو"})
    OutboxMessage.objects.filter(handler__in=mirror.HANDLERS).delete()

    node.start()
    wait_until_back()

    assert agree()


def test_a_node_that_hangs_costs_one_search_a_second_and_nobody_else_anything(portal, node, client, caplog):
    if not Page.objects.filter(depth=1).exists():  # earlier tests emptied the tables
        Page.add_root(instance=Page(title="Root", slug="root", locale=locale("fa")))
    article = ArticlePageFactory(title="مودم خاموش")
    pages = ["/fa/", article.url]
    for page in pages:
        assert client.get(page).status_code == 200
    pid = node.pid
    assert answers_from() == "cluster"
    os.kill(pid, signal.SIGSTOP)
    try:
        before = [timed(client.get, f"{page}?fresh=1") for page in pages]
        first = timed(search, text="مودم", user=None, language="fa")
        following = [timed(search, text=f"مودم {n}", user=None, language="fa") for n in range(5)]
        typing = timed(client.get, reverse("search:suggest"), {"q": "مو"})
        after = [timed(client.get, f"{page}?fresh=2") for page in pages]
        writing = timed(Topic.objects.create, code="late", name={"fa": "مودم دیر"})
        meanwhile = len(found())
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_back()
    wait_until_mirrored()

    assert first <= 1.2
    assert max(following) < 0.3
    assert typing < 0.4
    assert max(before + after) < 0.8
    assert writing < 0.5
    assert meanwhile == 4
    assert len(warnings(caplog)) == 1
    assert agree()
    assert len(found()) == 4


def test_no_change_waits_for_a_node_that_hangs_not_even_the_first(portal, node):
    pid = node.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        first = timed(Topic.objects.create, code="a", name={"fa": "مودم الف"})
        second = timed(Topic.objects.create, code="b", name={"fa": "مودم ب"})
        assert until(lambda: answers_from() == "database")  # the worker gets no response
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_back()
    wait_until_mirrored()

    assert max(first, second) < 0.5
    assert agree()


def test_a_node_that_hangs_keeps_no_other_writer_waiting(portal, node):
    in_hand = OutboxMessage.objects.pending().filter(handler=mirror.HANDLERS[0], attempts=1)
    pid = node.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        Topic.objects.create(code="slow", name={"fa": "مودم"})
        assert until(in_hand.exists)  # the worker tries to deliver it, for five seconds
        writing = timed(Topic.objects.filter(code="t1").update, icon="wifi")
        assert in_hand.exists()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_mirrored()
    wait_until_back()

    assert writing < 1
    assert agree()


def test_an_index_that_was_lost_is_made_anew_while_the_database_answers(portal, caplog):
    mirrored = cluster.get_cluster()
    mirrored.indices.delete_all()

    assert found() == [topic.pk for topic in portal]
    wait_until_back()

    assert agree()
    assert any("index_not_found_exception" in said for said in warnings(caplog))


def test_an_index_somebody_else_made_is_replaced(portal, caplog):
    mirrored = cluster.get_cluster()
    name = mirrored.indices.alias("fa")
    mirrored.indices.delete_all()
    mirrored._client.index(index=name, document={"title": 5}, refresh=True)

    assert found() == [topic.pk for topic in portal]
    wait_until_back()

    assert agree()
    assert found() == [topic.pk for topic in portal]


def test_nothing_dead_is_left_in_the_cluster(portal):
    one, two, three = portal
    one.name = {"fa": "مودم 1"}  # the translation is deleted
    one.save()
    two.code = "renamed"
    two.save()
    three.icon = "draft"
    three.save()
    wait_until_mirrored()

    assert answers_from() == "cluster"
    assert found("router", "en") == [two.pk]
    (hit,) = search(text="router", user=None, language="en").hits
    assert hit.url == "/en/topics/renamed/"
    assert found() == [one.pk, two.pk]
    assert agree()


def test_what_staff_alone_may_see_is_gone_from_everything_at_once(portal):
    secret = Topic.objects.create(code="secret", name={"fa": "محرمانه مودم"})
    wait_until_mirrored()
    assert found("محرمانه") == [secret.pk]

    secret.tone = Topic.Tone.POM
    secret.save()

    assert answers_from() == "cluster"
    assert_hidden(secret, portal)
    wait_until_mirrored()
    assert cluster.may_answer()
    assert_hidden(secret, portal)
    assert cluster.get_cluster().spellings(["محرمانه"], audiences=["public"]) == {}


def assert_hidden(secret: Topic, others: list[Topic]) -> None:
    result = search(text="محرمانه مودم", user=None, language="fa")
    assert [hit.object_id for hit in result.hits] == [topic.pk for topic in others]
    assert "secret" not in {value.code for facet in result.facets.values() for value in facet.values}
    assert suggest(text="محر", user=None, language="fa").total == 0


def test_a_rebuild_and_a_check_reach_both_indexes(portal, capsys):
    from django.core.management import call_command

    cluster.get_cluster().remove(kind="test.topic", object_ids=[portal[0].pk])

    call_command("rebuild_search", "--check")
    said = capsys.readouterr().out

    assert "the index in the database: 3 objects looked at, 0 put" in said
    assert "the search cluster: 3 objects looked at, 1 put" in said
    call_command("rebuild_search")
    assert services.check(cluster.get_cluster()).is_clean
    assert agree()
