"""Measure the memory of the portal after many different searches. Run by `script/bench memory`.

Two workers and the outbox worker of a demo portal, as script/server starts them. After every page has been requested,
5,000 different questions are, in both languages, each also as suggestions: every cache is full, or would have grown. The bar
is the proportional set size of the server's processes; the outbox worker is shown beside it.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.pages import MEMORY_BAR_MB, children_of, portal_environment, run, server, smaps  # noqa: E402 - the path first

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Run inside the portal: prints the words of titles in each language, and the addresses of all pages.
DISCOVER = """
import json
from wagtail.models import Page
from faq.models import ArticlePage
pages = Page.objects.live().public().filter(depth__gt=1)
words = {language: sorted({word for page in ArticlePage.objects.live().filter(locale__language_code=language)
                           for word in page.title.split() if len(word) > 2}) for language in ("fa", "en")}
print(json.dumps({"words": words, "pages": [url for page in pages if (url := page.get_url())]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--blocking-threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keep the demo portal there and reuse it")
    parser.add_argument("--semantic", action="store_true", help="with semantic search, which the bar does not include")
    parser.add_argument("--quick", action="store_true", help="few searches: shows that it works, proves nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 if the bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.searches = 100
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        env = {
            **portal_environment(folder),
            "CONNECTIONS_PER_ADDRESS": "1000",
            "SEARCH_SEMANTIC": str(arguments.semantic),
        }
        print("Preparing a demo portal …", flush=True)
        run("manage.py", "prepare", "--demo", env=env)
        found = json.loads(run("manage.py", "shell", "--no-imports", "-c", DISCOVER, env=env).splitlines()[-1])
        base, pid = stack.enter_context(server("portal.rsgi:application", env, arguments))
        outbox = stack.enter_context(outbox_worker(env))
        figures: dict[str, dict[str, float]] = {}

        def note(when: str) -> None:
            figures[when] = memory(pid, outbox)
            print(f"{when}: {figures[when]['server']:.0f} MB", flush=True)

        note("start")
        ask(base, found["pages"])
        note("pages")
        questions = list(itertools.islice(addresses(found["words"]), arguments.searches))
        for part in range(5):
            ask(base, [path for pair in questions[part::5] for path in pair])
            note(f"{(part + 1) * arguments.searches // 5} searches")
    report(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    if list(figures.values())[-1]["server"] > MEMORY_BAR_MB:
        print("Missed: memory.")
        sys.exit(1 if arguments.check else 0)


def addresses(words: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Results and suggestions for different questions, the same in every run."""
    chance = random.Random(5_000)
    seen = set()
    while True:
        language = chance.choice(("fa", "en"))
        text = " ".join(chance.sample(words[language], chance.randint(1, 3)))
        if text not in seen:
            seen.add(text)
            yield f"/{language}/search/?q={quote(text)}", f"/{language}/search/suggest/?q={quote(text[:-1])}"


def ask(base: str, paths: list[str]) -> None:
    """Request each path once; more connections than workers, so that each worker gets its share."""

    def some(part: int) -> None:
        for path in paths[part::8]:
            connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            response = connection.getresponse()
            response.read()
            connection.close()
            if response.status >= 500:
                sys.exit(f"{path} answered {response.status}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some, range(8)))


@contextmanager
def outbox_worker(env: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "manage.py", "run_outbox", "--loop"], cwd=ROOT, env=env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def memory(pid: int, outbox: int) -> dict[str, float]:
    """Proportional set sizes in MB: of the main process, of each worker, of the server, and of the outbox worker."""
    workers = {f"worker {number}": smaps(child, "Pss") for number, child in enumerate(children_of(pid), 1)}
    main_process = smaps(pid, "Pss")
    return {
        "main": main_process,
        **workers,
        "server": main_process + sum(workers.values()),
        "outbox": smaps(outbox, "Pss"),
    }


def report(figures: dict[str, dict[str, float]]) -> None:
    names = list(next(iter(figures.values())))
    print(f"\n{'MB (PSS) after':<18}" + "".join(f"{name:>10}" for name in names))
    for when, numbers in figures.items():
        print(f"{when:<18}" + "".join(f"{numbers.get(name, 0):>10.0f}" for name in names))
    last = list(figures.values())[-1]["server"]
    print(f"\nserver: {last:.0f} MB of {MEMORY_BAR_MB} {'✓' if last <= MEMORY_BAR_MB else '✗'}")


if __name__ == "__main__":
    main()
