"""A load of many searches per second while articles are changed: `script/bench search --load`.

The server is script/server with its defaults and the demo, but without the request limit. Several client processes send
requests at times that do not depend on responses, each for something else: four of ten for a results page, the others
for suggestions while a question is typed, in Persian and English, some with a typo or on the wrong keyboard. Another
process changes, unpublishes and publishes articles. Anything but a complete response is an error, and so is a last
change that cannot be found afterwards. Response times are measured from the time a request was due.
"""

from __future__ import annotations

import html
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bench import search_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENTS: Final = 4
#: Connections per client: more than the server can handle at once.
CONNECTIONS: Final = 8
RESULTS_SHARE: Final = 0.4
PERSIAN_SHARE: Final = 0.7
WRITES_PER_SECOND: Final = 2
_READY_SECONDS: Final = 300
_FOUND_SECONDS: Final = 10
#: Seconds until all clients have started.
_HEAD_START: Final = 2.0
RESULTS, SUGGESTIONS = "results pages", "suggestions"


@dataclass(frozen=True)
class Load:
    """The load: searches per second, and duration in seconds."""

    per_second: int
    seconds: int


def measure(load: Load, database_url: str = "", folder: Path | None = None) -> dict[str, Any]:
    """Start a server, apply the load, and return the figures. The database is SQLite unless `database_url` is given.

    Other data is stored in `folder`, which may contain a demo portal already, or in a temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="search-load-") as temporary:
        env = _environment(str(folder or temporary), database_url)
        print("Starting script/server with the demo …", flush=True)
        with _server(env) as (base, pid):
            for path in _paths(100, seed=1):  # warm up every worker
                _get(base + path)
            print(f"{load.per_second} searches/s for {load.seconds} s …", flush=True)
            before = _processor_seconds(pid)
            figures = _measured(load, base, env)
            busy = 1000 * (_processor_seconds(pid) - before)
            return {**figures, "processor_ms": busy / max(1, figures["answered"])}


def tell(load: Load, figures: dict[str, Any]) -> None:
    print(
        f"\n{load.per_second} searches/s for {load.seconds} s from {CLIENTS} clients, {figures['writes']} articles written "
        f"meanwhile\nreached {figures['rate']:.0f}/s   answered {figures['answered']:,}   never sent {figures['unsent']:,}   "
        f"errors {len(figures['errors']):,}\n{figures['processor_ms']:.1f} ms of one processor core for each search, changes "
        f"that follow from writing included"
    )
    for kind in (RESULTS, SUGGESTIONS):
        of = figures[kind]
        print(f"{kind:<16}{of['p50']:>8.1f} ms median{of['p95']:>10.1f} ms 95th of 100{of['max']:>10.1f} ms at most")
    for error in sorted(set(figures["errors"])):
        print(f"  {figures['errors'].count(error)} × {error}")


# Requests -------------------------------------------------------------------------------------------------------------


def _paths(count: int, *, seed: int) -> list[str]:
    """URLs to request, with hardly any repetition."""
    chance = random.Random(seed)
    words = {language: _words(language) for language in ("fa", "en")}
    return [_path(chance, words) for _ in range(count)]


def _words(language: str) -> list[str]:
    texts = search_data.demo(language, 1).texts
    found = {
        word for text in texts if text.language == language for word in f"{text.title} {text.short_answer}".split()
    }
    return sorted(word for word in found if len(word) > 2)


def _path(chance: random.Random, words: dict[str, list[str]]) -> str:
    language = "fa" if chance.random() < PERSIAN_SHARE else "en"
    text = " ".join(chance.sample(words[language], chance.choice((1, 2, 2, 3))))
    if chance.random() < RESULTS_SHARE:
        way = chance.choice((search_data.as_written, search_data.with_arabic_letters, search_data.with_a_typo))
        return f"/{language}/search/?q={quote(way(text))}"
    return f"/{language}/search/suggest/?q={quote(text[: chance.randint(2, len(text))])}"


# Clients --------------------------------------------------------------------------------------------------------------


def _measured(load: Load, base: str, env: dict[str, str]) -> dict[str, Any]:
    count = load.per_second * load.seconds
    paths = _paths(count, seed=2)
    writer = _started("search_load_writer.py", env)
    _next_line(writer)  # it is ready
    begin = time.time() + _HEAD_START
    end = begin + load.seconds
    moments = [begin + place / load.per_second for place in range(count)]
    _order(writer, {"from": begin, "until": end, "per_second": WRITES_PER_SECOND})
    clients = [_started("search_load_client.py", env) for _ in range(CLIENTS)]
    for number, client in enumerate(clients):
        own = slice(number, None, CLIENTS)
        _order(client, {"base": base, "paths": paths[own], "moments": moments[own], "until": end, "connections": CONNECTIONS})  # fmt: skip
    outcomes = [
        (number + CLIENTS * place, milliseconds, wrong)
        for number, client in enumerate(clients)
        for place, milliseconds, wrong in _result(client)
    ]
    written = _result(writer)
    errors = [wrong for _place, _milliseconds, wrong in outcomes if wrong]
    errors += [f"writing: {error}" for error in written["errors"]]
    if not written["writes"] or not _is_found(base, written["word"], written["title"]):
        errors.append("the last change was not found")
    good = [(place, milliseconds) for place, milliseconds, wrong in outcomes if not wrong]
    took = max((moments[place] - begin + milliseconds / 1000 for place, milliseconds in good), default=1.0)
    times: dict[str, list[float]] = {RESULTS: [], SUGGESTIONS: []}
    for place, milliseconds in good:
        times[SUGGESTIONS if "/suggest/" in paths[place] else RESULTS].append(milliseconds)
    return {
        "rate": len(good) / max(took, load.seconds),
        "answered": len(good),
        "unsent": count - len(outcomes),
        "errors": errors,
        "writes": written["writes"],
        **{kind: _spread(each) for kind, each in times.items()},
    }


def _started(script: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "bench" / script)], cwd=ROOT, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def _next_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    return line or sys.exit("A process of the load ended early; the reason is above.")


def _order(process: subprocess.Popen[str], order: dict[str, Any]) -> None:
    if process.stdin:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()


def _result(process: subprocess.Popen[str]) -> Any:
    result = json.loads(_next_line(process))
    process.communicate()
    return result


def _spread(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds) or [0.0]
    return {"p50": statistics.median(ordered), "p95": ordered[int(len(ordered) * 0.95)], "max": ordered[-1]}


def _is_found(base: str, word: str, title: str) -> bool:
    """Whether the last change can be found; waits, because the outbox worker may have to index it."""
    deadline = time.monotonic() + _FOUND_SECONDS
    while time.monotonic() < deadline:
        if title in html.unescape(_get(f"{base}/fa/search/?q={word}")):
            return True
        time.sleep(0.5)
    return False


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
        text: str = answer.read().decode()
    return text


# The server -----------------------------------------------------------------------------------------------------------


def _environment(folder: str, database_url: str) -> dict[str, str]:
    private = {"REDIS_URL", "ALLOWED_HOSTS", "BASE_URL", "HOST", "WORKERS", "SEMANTIC"}
    private |= {name for name in os.environ if name.startswith("ELASTICSEARCH_")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {name: value for name, value in os.environ.items() if name not in private} | {
        "DATABASE_URL": database_url, "DATA_DIR": folder, "PORT": str(port), "SECRET_KEY": "only-for-measuring",
        "DJANGO_SETTINGS_MODULE": "portal.settings.production", "STAFF_SECOND_FACTOR": "False", "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT), "SEARCH_SEMANTIC": "False", "SEARCH_REQUESTS_PER_MINUTE": "0",
    }  # fmt: skip


@contextmanager
def _server(env: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Run script/server; yields its URL and process id, and stops it with all its children afterwards."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "script" / "_server.py")], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{env['PORT']}"
    deadline = time.monotonic() + _READY_SECONDS
    try:
        while not _is_ready(base):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("script/server did not start; the reason is above.")
            time.sleep(0.2)
        yield base, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _processor_seconds(pid: int) -> float:
    """Processor time of a process and its children so far, in seconds; 0 on systems without /proc."""
    here = Path(f"/proc/{pid}")
    if not here.is_dir():
        return 0.0
    own = here.joinpath("stat").read_text().rpartition(")")[2].split()
    children = here.joinpath(f"task/{pid}/children").read_text().split()
    used = sum(map(int, own[11:13])) / os.sysconf("SC_CLK_TCK")
    return used + sum(_processor_seconds(int(child)) for child in children)


def _is_ready(base: str) -> bool:
    try:
        _get(f"{base}/health/")
    except OSError:
        return False
    return True
