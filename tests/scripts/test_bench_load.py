"""The load generator of script/bench search: what counts as an error, and a short run against a real server."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from bench.search_load_client import Client
from tests.demo_portal import demo_data
from tests.scripts.test_bench import bench

ANSWERS = {
    b"/whole": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"/half": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    b"/fa/search/suggest/": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"/broken": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    b"/limited": b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
    b"/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nnot so many",
}


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            writer.write(ANSWERS[path])
            if path == b"/cut":
                break
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


def outcomes(
    paths: list[str], *, seconds: float = 5, moments: list[float] | None = None
) -> list[tuple[int, float, str]]:
    async def ask() -> list[tuple[int, float, str]]:
        async with await asyncio.start_server(_serve, "127.0.0.1", 0) as server:
            base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            now = time.time()
            order = {"base": base, "paths": paths, "moments": moments or [now] * len(paths), "until": now + seconds}
            client = Client({**order, "connections": 2})
            await client.run()
            return client.outcomes

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/whole", ""),
        ("/fa/search/suggest/", ""),
        ("/half", "half a page"),
        ("/broken", "HTTP 500"),
        ("/limited", "HTTP 429"),
        ("/cut", "IncompleteReadError"),
    ],
)
def test_all_but_a_whole_answer_is_an_error(path, wrong):
    assert [each for _place, _milliseconds, each in outcomes([path])] == [wrong]


def test_a_lost_connection_costs_one_answer():
    found = outcomes(["/cut", "/cut", *["/whole"] * 6])

    assert sorted(place for place, _milliseconds, wrong in found if wrong) == [0, 1]
    assert len(found) == 8


def test_waiting_for_a_free_connection_counts_and_what_comes_too_late_is_not_sent():
    now = time.time()

    found = outcomes(["/whole", "/whole"], moments=[now - 1, now + 60], seconds=0.2)

    ((place, milliseconds, wrong),) = found
    assert (place, wrong) == (0, "")
    assert 1000 <= milliseconds < 5000


@pytest.mark.slow
def test_a_real_server_answers_while_articles_are_changed(tmp_path, django_db_blocker):
    file, folder = tmp_path / "load.json", tmp_path / "portal"
    with django_db_blocker.unblock():
        demo_data(folder)

    done = bench(
        "search", "--load", "--per-second", "10", "--seconds", "5", "--folder", str(folder), "--json", str(file)
    )

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert figures["errors"] == []
    assert figures["writes"] > 0
    assert 0 < figures["processor_ms"] < 10_000
    assert 10 < figures["answered"] <= 50
    assert figures["answered"] + figures["unsent"] == 50
    for kind in ("results pages", "suggestions"):
        assert 0 < figures[kind]["p50"] <= figures[kind]["p95"] <= figures[kind]["max"]
