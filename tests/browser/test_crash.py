"""All processes are killed while readers vote and an editor publishes: nothing is lost or duplicated."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode

from tests.browser.conftest import ROOT, free_port, wait_until_up

_ARTICLES = """
import json
from faq.models import ArticlePage, ShortLink
numbers = {link.translation_key: link.pk for link in ShortLink.objects.all()}
pages = ArticlePage.objects.live().filter(locale__language_code="en", effective_audience="public")
print(json.dumps([[numbers[page.translation_key], page.live_revision_id] for page in pages if page.translation_key in numbers]))
"""
_PUBLISH_FOR_EVER = """
from faq.models import ArticlePage
pages = list(ArticlePage.objects.live().filter(locale__language_code="en").order_by("pk")[:10])
for count in range(10_000):
    page = ArticlePage.objects.get(pk=pages[count % 10].pk)
    page.short_answer = f"Answer number {count} of the endless editor."
    page.save_revision().publish()
    print(count, flush=True)
"""
#: Prints the result: the feedback of this test, how often each was announced, and the messages that are still queued.
_AFTERWARDS = """
import json
from collections import Counter
from django.utils import timezone
from django.core.management import call_command
from faq.models import ArticlePage, Feedback
from portal.core.models import OutboxMessage
OutboxMessage.objects.pending().update(available_at=timezone.now())  # the leases of the dead are over
call_command("run_outbox")
mine = Feedback.objects.filter(comment__startswith="crash-").values_list("comment", "pk")
told = Counter(m.payload["feedback_id"] for m in OutboxMessage.objects.filter(
    handler="faq.services.notify_owner_of_feedback").exclude(delivered_at=None))
from search import services
report = services.check()
print(json.dumps({
    "comments": sorted(comment for comment, _pk in mine),
    "announced": sorted(told[pk] for _comment, pk in mine),
    "pending": OutboxMessage.objects.pending().filter(event="faq.feedback_given").count(),
    "drift": report.put + report.removed + report.failed,
}))
"""


def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(portal):
    port = free_port()
    articles = json.loads(portal.shell(_ARTICLES).splitlines()[-1])
    server = subprocess.Popen(
        [sys.executable, "-m", "portal.serve", "--port", str(port), "--log-level", "error"],
        env=portal.env, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    wait_until_up(port, server)
    editor = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", _PUBLISH_FOR_EVER],
        env=portal.env, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    answered: list[str] = []

    def vote(voter: int) -> None:
        for place, (number, revision) in enumerate(articles):
            comment = f"crash-{voter}-{place}"
            fields = {"solved": "no", "details": "1", "reason": "wrong", "comment": comment, "revision": revision,
                      "language": "en"}  # fmt: skip
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
                       "User-Agent": f"voter {voter}"}  # fmt: skip
            try:
                # From a network of their own: the limits of other tests' visitors stay untouched, whatever the order.
                connection = http.client.HTTPConnection(
                    "127.0.0.1", port, timeout=30, source_address=(f"127.1.{voter}.1", 0)
                )
                connection.request("POST", f"/a/{number}/feedback/", urlencode(fields), headers)
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return  # the server was killed
            if status < 400:
                answered.append(comment)

    voters = [threading.Thread(target=vote, args=[voter]) for voter in range(4)]
    for voter in voters:
        voter.start()
    assert editor.stdout is not None
    editor.stdout.readline()  # it is about to publish
    deadline = time.monotonic() + 60
    while len(answered) < 15 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(server.pid, signal.SIGKILL)
    os.killpg(editor.pid, signal.SIGKILL)
    for voter in voters:
        voter.join()
    server.wait()
    editor.wait()

    after = json.loads(portal.shell(_AFTERWARDS).splitlines()[-1])

    assert len(answered) >= 15
    assert set(answered) <= set(after["comments"])  # everything acknowledged is stored
    assert len(after["comments"]) == len(set(after["comments"]))
    assert after["announced"] == [1] * len(after["comments"])  # each announced once
    assert after["pending"] == 0
    assert after["drift"] == 0
