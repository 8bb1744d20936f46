"""Specific to the Elasticsearch backend: bulk, mappings, rebuilding, late writes, timeouts, authentication."""

from __future__ import annotations

import base64
import http.server
import socket
import threading
import time

import pytest

from search.index.elastic import ElasticBackend
from search.index.elastic.connection import connect
from search.index.elastic.writing import id_of
from search.index.errors import RejectedError, UnavailableError
from search.index.limits import time_limit
from search.index.plan import Plan, QueryTerm
from tests.factories.search import entry
from tests.search.asking import PUBLIC, ids, plan_for

pytestmark = [pytest.mark.django_db, pytest.mark.elasticsearch]


@pytest.fixture
def other(node_url) -> ElasticBackend:
    """Indices that a test may damage."""
    backend = ElasticBackend(connect(node_url), prefix=f"test-other-{time.time_ns():x}", languages=["fa"])
    backend.indices.publish(backend.indices.create(["fa"]))
    yield backend
    backend.indices.delete_all()


def term(text: str, word: int = 0) -> QueryTerm:
    return QueryTerm(text=text, words=(word,), frequency=1)


# Bulk and mappings --------------------------------------------------------------------------------------------------


def test_of_many_entries_only_the_refused_one_is_missing_and_named(cluster):
    entries = [entry(object_id=n, title="مودم") for n in (1, 2, 3)]
    object.__setattr__(entries[1], "popularity", 2**40)  # out of range for the field

    with pytest.raises(RejectedError) as refused:
        cluster.put(entries)

    assert refused.value.reasons == {"test.note:2:fa": "document_parsing_exception"}
    assert sorted(ids(cluster, "مودم")) == [1, 3]


def test_an_index_with_a_wrong_mapping_is_unavailable_and_found_out(other):
    alias = other.indices.alias("fa")
    other.indices.delete_all()
    other._client.index(index=alias, document={"title": {"not": "a text"}}, refresh=True)

    with pytest.raises(UnavailableError):
        other.search(Plan(terms=(term("مودم"),), size=1, audiences=PUBLIC))
    with pytest.raises(UnavailableError):
        other.put([entry(title="مودم")])
    assert other.indices.trouble()


def test_an_index_of_another_layout_is_found_out_and_replaced(other):
    (live,) = other._current()
    other._client.indices.put_mapping(index=live, meta={"portal": "another"})
    assert "was not made by this release" in other.indices.trouble()

    other.indices.ensure()
    other.indices.publish_filled()

    assert other.indices.trouble() == ""
    assert other._current() != [live]


def test_an_index_of_a_newer_release_is_left_alone(other):
    alias = other.indices.alias("fa")
    name = f"{alias}-v999999-ab12"
    other._client.indices.create(index=name, aliases={alias: {}})

    for ask in (other.indices.trouble, other.indices.ensure, lambda: other.put([entry()])):
        with pytest.raises(UnavailableError, match="newer release"):
            ask()
    assert other._client.indices.exists(index=name)


def test_a_missing_index_is_never_made_by_writing(other):
    other.indices.delete_all()

    with pytest.raises(UnavailableError, match="no index"):
        other.put([entry(title="مودم")])

    assert other._client.indices.get(index=f"{other.indices.alias('fa')}*").body == {}


# Questions ----------------------------------------------------------------------------------------------------------


def test_marks_in_a_text_do_not_move_its_highlights(cluster):
    cluster.put([entry(object_id=1, title="🙂 \x02مودم\x03 <mark> مودم")])

    (hit,) = cluster.search(plan_for(cluster, "مودم")).hits

    assert [hit.title[start:end] for start, end in hit.places["title"]] == ["مودم", "مودم"]


# Time and identity --------------------------------------------------------------------------------------------------


def test_all_requests_of_an_answer_share_one_budget():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = ElasticBackend(connect(f"http://127.0.0.1:{silent.getsockname()[1]}"), prefix="x")
        began = time.monotonic()
        with time_limit(0.4):
            for _ in range(3):
                with pytest.raises(UnavailableError):
                    backend.vocabulary(["مودم"], audiences=PUBLIC)
        seconds = time.monotonic() - began

    assert 0.3 < seconds < 0.8


@pytest.mark.parametrize(
    ("status", "body"), [(401, "{}"), (403, "{}"), (500, "no JSON"), (200, "<html>"), (200, "{}"), (429, "{}")]
)
def test_whatever_a_server_answers_is_an_answer_or_unavailable(status, body):
    with served(status, body) as (url, _asked), pytest.raises(UnavailableError):
        ElasticBackend(connect(url), prefix="x").search(Plan(terms=(), size=0, audiences=PUBLIC))


def test_a_port_where_nobody_listens_is_unavailable():
    with pytest.raises(UnavailableError, match="ConnectionError"):
        ElasticBackend(connect("http://127.0.0.1:1"), prefix="x").count()


def test_user_and_key_are_shown_to_the_cluster():
    basic = "Basic " + base64.b64encode("پورتال:راز".encode()).decode()
    for options, expected in (
        ({"user": "پورتال", "password": "راز"}, basic),
        ({"api_key": "a2V5"}, "ApiKey a2V5"),
        ({}, None),
    ):
        with served(200, "{}") as (url, asked), pytest.raises(UnavailableError):
            ElasticBackend(connect(url, **options), prefix="x").count()
        assert asked[0] == expected


class served:  # noqa: N801 - used like a function
    """A server with the same response to all requests; records the credentials it receives."""

    def __init__(self, status: int, body: str) -> None:
        asked: list[str | None] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                asked.append(self.headers["Authorization"])
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_POST = do_HEAD = do_PUT = answer  # noqa: N815 - http.server's names

            def log_message(self, *args):
                pass

        self.asked = asked
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}", self.asked

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


# Rebuilding ---------------------------------------------------------------------------------------------------------


def test_a_rebuild_misses_nothing_that_is_written_or_removed_meanwhile(other):
    other.put([entry(object_id=n, title="مودم") for n in range(1, 21)])
    totals = set()
    stop = threading.Event()

    def read():
        while not stop.is_set():
            totals.add(other.search(Plan(terms=(term("مودم"),), size=20, audiences=PUBLIC)).total)

    reader = threading.Thread(target=read)
    reader.start()
    with other.rebuild():
        done = threading.Thread(target=write_meanwhile, args=(other,))  # to the rebuild, this is like another process
        done.start()
        done.join()
        other.put([entry(object_id=n, title="مودم") for n in range(4, 20)], force=True)
    stop.set()
    reader.join()

    assert totals <= {19, 20, 21}
    assert sorted(ids(other, "مودم", limit=50)) == [2, *range(4, 20), 20, 21]
    assert ids(other, "نو", limit=50) == [2]
    assert len(other._client.indices.get(index=f"{other.indices.alias('fa')}*").body) == 1


def write_meanwhile(backend: ElasticBackend) -> None:
    backend.put([entry(object_id=2, title="مودم نو")])
    backend.put([entry(object_id=21, title="مودم")])
    backend.remove(kind="test.note", object_ids=[1, 3])


def test_what_could_not_be_put_again_stays_as_it_was(other):
    other.put([entry(object_id=1, title="مودم"), entry(object_id=2, title="مودم")])

    with other.rebuild():
        other.put([entry(object_id=1, title="مودم")], force=True)

    assert ids(other, "مودم") == [1, 2]


def test_a_rebuild_that_fails_leaves_everything_as_it_was(other):
    other.put([entry(object_id=1, title="مودم")])

    with pytest.raises(ZeroDivisionError), other.rebuild():
        raise ZeroDivisionError

    assert ids(other, "مودم") == [1]
    assert other.indices.places()["fa"].filling == ()


def test_leftovers_of_a_crashed_rebuild_are_cleaned_up_by_the_next(other):
    other.put([entry(object_id=1, title="مودم")])
    left = other.indices.create(["fa"])["fa"]

    with other.rebuild():
        other.put([entry(object_id=1, title="مودم")], force=True)

    assert not other._client.indices.exists(index=left)
    assert ids(other, "مودم") == [1]


# Late writes --------------------------------------------------------------------------------------------------------


def test_a_write_that_arrives_late_does_not_replace_a_newer_text(cluster):
    cluster.put([entry(object_id=1, title="مودم نو")])
    (live, *_) = cluster._current()
    late = {"_index": live, "_id": id_of(("test.note", 1, "fa")), "version": 5, "version_type": "external"}
    operations = [{"index": late}, {"title": "مودم کهنه"}]

    answer = cluster._client.bulk(operations=operations, refresh=True)

    assert answer["items"][0]["index"]["status"] == 409
    assert ids(cluster, "نو") == [1]


def follow(backend: ElasticBackend, read) -> None:
    backend.follow(kind="test.note", object_ids=[1], read=read)


def test_who_read_the_older_text_cannot_write_last(cluster):
    current = [entry(object_id=1, title="مودم کهنه")]

    def read():
        found = list(current)
        if "کهنه" in found[0].title:
            current[:] = [entry(object_id=1, title="مودم نو")]
            follow(cluster, lambda: current)  # another writer is faster
        return found

    follow(cluster, read)

    assert ids(cluster, "کهنه") == []
    assert ids(cluster, "نو") == [1]


def test_a_change_and_its_undoing_are_not_overtaken_by_who_read_between_them(cluster):
    public = entry(object_id=1, title="مودم")
    secret = entry(object_id=1, title="مودم", audience="staff")
    cluster.put([secret])
    readings = [[public], [secret]]

    def read():
        found = readings.pop(0)
        if found == [public]:
            follow(cluster, lambda: [secret])
        return found

    follow(cluster, read)

    assert ids(cluster, "مودم") == []
    assert ids(cluster, "مودم", audiences=("staff",)) == [1]


def test_what_was_put_by_a_machine_whose_clock_is_ahead_is_replaced(cluster, monkeypatch):
    now = time.time_ns()
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time_ns", lambda: now + 3_600 * 10**9)
        cluster.put([entry(object_id=1, title="مودم کهنه"), entry(object_id=1, language="en", title="Router")])

    follow(cluster, lambda: [entry(object_id=1, title="مودم نو")])

    assert ids(cluster, "مودم") == ids(cluster, "نو") == [1]
    assert ids(cluster, "router") == ids(cluster, "کهنه") == []


def test_a_clock_that_went_back_does_not_lose_a_change(cluster, monkeypatch):
    cluster.put([entry(object_id=1, title="مودم کهنه")])
    monkeypatch.setattr(time, "time_ns", lambda: 1_000)

    cluster.put([entry(object_id=1, title="مودم نو")])

    assert ids(cluster, "نو") == [1]
    cluster.remove(kind="test.note", object_ids=[1])
    cluster.put([entry(object_id=1, title="مودم باز")])
    assert ids(cluster, "باز") == [1]
