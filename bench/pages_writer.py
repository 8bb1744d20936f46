"""The writing process of `bench.pages --writes`: posts and votes while visitors read articles.

There is no forum yet. A post does what one in the forum will do: it announces an event through the outbox, which is
delivered after the commit, and changes the scopes of its thread and area. A vote is a real one on an article, through
the service.

Prints a line when it is ready; then, for each line of JSON (writes per second, seconds), the number of writes and the
errors.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

import django

django.setup()

from django.db import transaction  # noqa: E402 - the settings first

from faq.models import ArticlePage  # noqa: E402
from faq.services import give_feedback  # noqa: E402
from portal.core.events import DomainEvent, emit, subscribe  # noqa: E402
from portal.core.scopes import content_changed  # noqa: E402

_THREADS = 200
_AREAS = 12


@dataclass(frozen=True, kw_only=True)
class PostWritten(DomainEvent):
    """A post was written in a thread."""

    name: ClassVar[str] = "bench.post_written"
    thread_id: int


def note(_event: PostWritten) -> None:
    """A handler that does nothing."""


def post(number: int) -> None:
    """Write a post in a thread."""
    thread = number % _THREADS
    with transaction.atomic():
        emit(PostWritten(thread_id=thread))
        content_changed(f"thread:{thread}", f"community:area:{thread % _AREAS}")


def vote(number: int, article: ArticlePage) -> None:
    """Rate the article as a new visitor."""
    give_feedback(
        article=article, revision_id=article.live_revision_id, solved=number % 3 > 0, visitor=f"bench{time.time_ns()}"
    )


def work(per_second: float, seconds: float, articles: itertools.cycle[ArticlePage]) -> dict[str, object]:
    """Post and vote in turn at regular intervals, without catching up on delays."""
    errors: list[str] = []
    began = time.monotonic()
    number = 0
    while (moment := number / per_second) < seconds:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        try:
            if number % 2:
                vote(number, next(articles))
            else:
                post(number)
        except Exception as error:  # noqa: BLE001 - reported at the end
            errors.append(f"{type(error).__name__}: {error}")
        number += 1
        if time.monotonic() - began > seconds:
            break
    return {"writes": number, "errors": errors}


def main() -> None:
    subscribe(PostWritten, note)
    articles = itertools.cycle(
        ArticlePage.objects.live().filter(locale__language_code="fa", audience="public").order_by("pk")
    )
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(work(order["per_second"], order["seconds"], articles)), flush=True)


if __name__ == "__main__":
    main()
