"""Runs inside the portal that `bench.community` measures: ``python bench/community_portal.py import|look|write …``.

``import FOLDER`` imports a dump with the portal's importer, printing a line for each step. ``look`` prints what is to be
requested, and how many queries each page costs, as JSON. ``write`` posts and votes as `bench.pages_writer` does, with
the services of the community.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

import django

django.setup()

from django.conf import settings  # noqa: E402 - the settings first
from django.db import connection  # noqa: E402
from django.db.models import Max  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils.crypto import get_random_string  # noqa: E402

from bench.community_dump import FULL_PAGE  # noqa: E402
from community import services  # noqa: E402
from community.exceptions import CommunityError  # noqa: E402
from community.forms import new_token  # noqa: E402
from community.importing import import_community  # noqa: E402
from community.models import Area, CommunityProfile, Post, Thread, policy  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.core import page_cache  # noqa: E402
from portal.core.outbox import drain  # noqa: E402
from portal.notifications.services import follow  # noqa: E402

AREA: Final = "wifi"
#: Threads requested in turn.
THREADS: Final = 40
_PORTIONS: Final = 20_000


def run_import(folder: Path) -> None:
    """Import a dump; a line after each 20,000 records."""
    began = time.monotonic()
    reached: dict[str, int] = {}

    def progress(kind: str, done: int) -> None:
        if done - reached.get(kind, -_PORTIONS) >= _PORTIONS:
            reached[kind] = done
            print(f"    {time.monotonic() - began:6.0f} s  {kind} {done:,}", flush=True)

    report = import_community(folder, form="stackexchange", source="bench", area=AREA, progress=progress)
    counts = report.counts
    posts = counts["threads"].made + counts["replies"].made
    print(json.dumps({"posts": posts, "threads": counts["threads"].made, "seconds": time.monotonic() - began}))


def look() -> dict[str, Any]:
    """What is to be requested, by whom, and what it costs."""
    # Everything is requested by one person from one address.
    rules = policy()
    rules.posts_per_hour = 30_000
    rules.save()
    area = Area.objects.get(slug=AREA)
    full = Thread.objects.filter(area=area, highest_number=FULL_PAGE, reply_count=FULL_PAGE - 1)
    threads = list(full.order_by("pk")[:THREADS])
    fresh = list(full.order_by("-pk")[:400])
    longest = Thread.objects.filter(area=area).order_by("-highest_number")[0]
    reader = _reader(area, threads)
    posts = list(
        Post.objects.filter(thread__in=fresh[:200], number=2).exclude(author=reader).values_list("pk", flat=True)
    )
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(reader)
    paths = {
        "area list": [area.get_absolute_url()],
        "thread": [thread.get_absolute_url() for thread in threads],
        "last page": [f"{longest.get_absolute_url()}?page={-(-longest.highest_number // FULL_PAGE)}"],
        "unread list": ["/fa/community/following/"],
        "compose": [f"/fa/community/ask/?area={area.slug}"],
    }
    csrf = get_random_string(32)
    return {
        "paths": paths,
        "fresh": [thread.get_absolute_url() for thread in fresh],
        "votes": [f"/fa/community/p/{pk}/helpful/" for pk in posts],
        "cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}; "
        f"{settings.CSRF_COOKIE_NAME}={csrf}",
        "csrf": csrf,
        "queries": _queries(client, paths, posts[0]),
        "posts": Post.objects.count(),
        "longest": longest.highest_number,
    }


def _reader(area: Area, threads: list[Thread]) -> User:
    """A member who may vote, follows an area and threads, and has not read them all."""
    reader = User.objects.get(email="sara@noora.example")
    CommunityProfile.objects.update_or_create(pk=reader.pk, defaults={"level": 2, "days_seen": 5})
    for target in (f"community.area:{area.pk}", *(f"community.thread:{thread.pk}" for thread in threads[::2])):
        follow(person_id=reader.pk, target=target)
    return reader


def _queries(client: Client, paths: dict[str, list[str]], post: int) -> dict[str, int]:
    """How many queries each page costs when nothing of it is kept."""
    found = {}
    for who, asking in (("signed in", client), ("anonymous", Client(SERVER_NAME="127.0.0.1"))):
        for name, urls in paths.items():
            for _time in range(2):  # the second time: what a process keeps is kept
                page_cache.store.clear()
                with CaptureQueriesContext(connection) as queries:
                    answer = asking.get(urls[0])
            if answer.status_code == 200:  # some are for members only
                found[f"{name}, {who}"] = len(queries)
    for on in ("1", "0"):
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(f"/fa/community/p/{post}/helpful/", {"on": on}, headers={"HX-Request": "true"})
        if answer.status_code != 200:
            sys.exit(f"A vote was answered with {answer.status_code}.")
        found["vote, signed in"] = len(queries)
    return found


def write() -> None:
    """Post and vote in turn at regular intervals, as told on standard input; see `bench.pages.Writer`."""
    chance = random.Random(7)
    people = list(User.objects.filter(email__isnull=False).order_by("pk")[:200])
    highest: int = Thread.objects.aggregate(Max("pk"))["pk__max"]
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        began, writes, errors = time.monotonic(), 0, []
        while (moment := writes / order["per_second"]) < order["seconds"] and time.monotonic() - began < order[
            "seconds"
        ]:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            try:
                _write_once(chance, people, highest, is_vote=writes % 2 == 1)
            except CommunityError:
                pass  # a closed thread, or one's own post
            except Exception as error:  # noqa: BLE001 - reported at the end
                errors.append(f"{type(error).__name__}: {error}")
            writes += 1
        print(json.dumps({"writes": writes, "errors": errors}), flush=True)


def _write_once(chance: random.Random, people: list[User], highest: int, *, is_vote: bool) -> None:
    thread = Thread.objects.filter(pk__gte=chance.randrange(highest) + 1, state="visible").order_by("pk")[0]
    user = chance.choice(people)
    if is_vote:
        services.vote_helpful(post=Post.objects.get(thread=thread, number=1), user=user)
    else:
        body = "پس از به‌روزرسانی درست شد. **سپاس** از راهنمایی شما."
        services.post_reply(author=user, thread=thread, body=body, token=new_token())


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "import":
        run_import(Path(rest[0]))
        drain()
    elif command == "look":
        print(json.dumps(look()))
    else:
        write()
