"""A process of its own that notes a search and ends at once: `python activity_worker.py <way> <database>`."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")

import django
from django.conf import settings
from django.db import connections

django.setup()
settings.SEARCH_LOG_THREAD = True
connections["default"].settings_dict["NAME"] = sys.argv[2]


def note(text: str) -> None:
    from search.recording import recorder
    from tests.search.test_activity import noted

    recorder.add(noted(text=text))


if __name__ == "__main__":
    way = sys.argv[1]
    if way == "exit":
        note("چراغ")
    elif way == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=note, args=("چراغ",))
        process.start()
        process.join()
    else:
        note("چراغ پدر")
        context = multiprocessing.get_context("fork")
        process = context.Process(target=note, args=("چراغ فرزند",))
        process.start()
        process.join()
