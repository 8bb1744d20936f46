"""A process that searches until its input ends: `python searching_worker.py <database> <topics>`.

Every topic contains the word «مودم» all the time. Prints «ready», and at the end the number of searches and errors.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"

import django
from django.db import connections

django.setup()
connections["default"].settings_dict["NAME"] = sys.argv[1]

from portal.core.memo import forget_all  # noqa: E402 - the settings first
from search import registry  # noqa: E402
from search.index.plan import PAGE_SIZE  # noqa: E402
from search.queries import search, suggest  # noqa: E402
from tests.search.conftest import TopicDocument  # noqa: E402

TOPICS = int(sys.argv[2])


def whats_wrong(number: int) -> str:
    """Search in one of four ways; return the error, or an empty string if the result is complete."""
    forget_all()  # so that the index is used every time
    if number % 4 == 0:
        found = suggest(text="مود", user=None, language="fa")
        titles = [hit.title for group in found.groups for hit in group.hits]
        return "" if found.total == TOPICS and titles else f"{found.total} suggested, {len(titles)} shown"
    text, page = [("مودم", 1), ("مودم", 2), ("مودمم", 1)][number % 4 - 1]
    result = search(text=text, user=None, language="fa", page=page)
    shown = {hit.object_id for hit in result.hits if "مودم" in hit.title}
    expected = min(PAGE_SIZE, TOPICS - (page - 1) * PAGE_SIZE)
    return "" if (result.total, len(shown)) == (TOPICS, expected) else f"{text}: {result.total}, {len(shown)} shown"


def main() -> None:
    registry.register(TopicDocument)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    wrong = [problem for number in range(4) if (problem := whats_wrong(number))]  # fills the caches
    print("ready", flush=True)
    for number in itertools.count():
        if ended.is_set():
            break
        try:
            problem = whats_wrong(number)
        except Exception as error:  # noqa: BLE001 - reported at the end
            problem = f"{type(error).__name__}: {error}"
        if problem:
            wrong.append(problem)
    print(json.dumps({"asked": number, "wrong": wrong}))


if __name__ == "__main__":
    main()
