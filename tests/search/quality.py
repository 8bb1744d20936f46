"""Questions as customers type them, on the demo's articles: a module, and a program that prints rankings.

The program creates its own tables in the empty database in DATABASE_URL.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.search_settings"
    import django

    django.setup()

from bench.search_data import Collection, demo
from bench.search_documents import register_documents
from bench.search_portal import entry_of, found_by
from search.index.answering import get_backend

#: Language → way of typing → for each question, the numbers of the first ten articles, best first.
Rankings = dict[str, dict[str, list[list[int]]]]


def collections() -> dict[str, Collection]:
    return {language: demo(language, 1_000) for language in ("fa", "en")}


def rankings() -> Rankings:
    """Index the articles in both languages and search for everything in every way. Removes everything else."""
    register_documents()
    asked = collections()
    get_backend().put([entry_of(text) for text in asked["fa"].texts])
    return {
        language: {
            way: [found_by(typed(question.text), language)[:10] for question in collection.questions]
            for way, typed in collection.variants.items()
        }
        for language, collection in asked.items()
    }


if __name__ == "__main__":
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    print(json.dumps(rankings()))
