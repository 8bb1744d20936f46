"""Spam checks: plugged in by an operator, asked by the worker, heard by moderators; Akismet over a real socket."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from django.urls import reverse

from community import akismet, screening, services
from community.models import Level, Post, ReviewItem
from community.screening import Checked, Verdict
from community.services import spam
from portal.core import outbox
from portal.core.models import OutboxMessage
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.spam")]


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch):
    monkeypatch.setattr(screening, "_checks", {})


@pytest.fixture
def asked():
    """A check that takes everything with “cheap” in it for spam, and what it was asked."""
    seen: list[Checked] = []

    def check(about: Checked) -> Verdict | None:
        seen.append(about)
        return Verdict(score=250, reason="house-rule") if "cheap" in about.text else None

    screening.register_check("house", check)
    return seen


class Akismet(ThreadingHTTPServer):
    """A server with the interface of Akismet that answers as a test tells it."""

    def __init__(self) -> None:
        self.mood, self.asked, self.ends = "false", [], threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: Akismet

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, {name: value[0] for name, value in parse_qs(text).items()}))
        if self.server.mood == "hangs":
            self.server.ends.wait(20)
            return
        self.send_response({"500": 500, "elsewhere": 302}.get(self.server.mood, 200))
        if self.server.mood == "discard":
            self.send_header("X-akismet-pro-tip", "discard")
        if self.server.mood == "elsewhere":
            self.send_header("Location", "/other")
        self.end_headers()
        self.wfile.write({"discard": "true"}.get(self.server.mood, self.server.mood).encode())

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server(settings):
    """The server, asked by the portal."""
    with Akismet() as running:
        settings.AKISMET_KEY, settings.AKISMET_URL = "secret-key", f"http://127.0.0.1:{running.server_port}"
        screening.register_check(akismet.NAME, akismet.ask)
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.ends.set()
        running.shutdown()


def found() -> list[list]:
    return [reasons for item in ReviewItem.objects.filter(decision="") for reasons in item.reasons]


def waiting() -> int:
    return OutboxMessage.objects.filter(event="community.spam_check_wanted", delivered_at=None).count()


def test_without_checks_nothing_is_asked_or_stored():
    PostFactory()

    assert not OutboxMessage.objects.filter(event="community.spam_check_wanted").exists()


def test_what_a_check_finds_is_in_the_queue_and_nothing_else_happens(asked, client, settings):
    settings.STAFF_SECOND_FACTOR = False
    fine, bad = PostFactory(), PostFactory(body="very cheap followers")
    assert asked == []  # not in the request
    outbox.drain()
    outbox.drain()

    assert sorted(about.text for about in asked if about.is_reply) == sorted([fine.body, bad.body])
    assert found() == [["spam-check:house-rule", 250]]
    assert Post.objects.get(pk=bad.pk).state == "visible"
    client.force_login(moderator())
    page = client.get(reverse("desk:queue")).text
    assert "بررسی هرزنامه: \u2068house-rule\u2069" in page
    assert 'value="spam" selected' in page


def test_a_check_knows_the_text_and_nothing_about_its_author(asked):
    author = MemberFactory(handle="بی‌نام", name="مینا راد", email="mina@example.com")
    thread = ThreadFactory(
        author=author, title="شماره‌ام 09123456789", body="تماس: 09123456789", keeps_personal_data=True
    )
    outbox.drain()

    (about,) = asked
    told = f"{about}"
    assert str(thread.pk) in about.url
    assert [word for word in ("09123456789", "مینا راد", "بی‌نام", "mina@example.com") if word in told] == []


@pytest.mark.parametrize("why", ["private", "staff", "active", "hidden", "deleted"])
def test_what_is_not_public_or_is_by_trusted_people_is_not_asked(asked, why):
    thread = ThreadFactory(area=AreaFactory(audience="partner" if why == "private" else "public"))
    author = moderator() if why == "staff" else MemberFactory(level=Level.ACTIVE if why == "active" else Level.MEMBER)
    traits = {why: True} if why in {"hidden", "deleted"} else {}
    PostFactory(thread=thread, author=author, body="very cheap", **traits)
    outbox.drain()

    assert [about for about in asked if about.text == "very cheap"] == []


def test_an_edit_is_asked_about_and_only_the_text_as_it_is_now(asked):
    post = PostFactory(body="nothing to see")
    services.edit_post(post=post, editor=post.author, body="very cheap", version=1)
    outbox.drain()

    assert [about.text for about in asked if about.is_reply] == ["very cheap"]
    assert found() == [["spam-check:house-rule", 250]]


def test_what_was_decided_about_is_not_asked_for_again(asked):
    post = PostFactory(body="very cheap", held=True)
    services.approve_post(post=post, by=moderator())
    outbox.drain()

    assert found() == []


def test_a_check_that_hangs_or_fails_does_not_stop_others_and_is_asked_again(asked, monkeypatch):
    monkeypatch.setattr(spam, "CHECK_SECONDS", 0.05)
    ends, calls = threading.Event(), []

    def hangs(_about: Checked) -> None:
        calls.append("hangs")
        ends.wait(20)

    def fails(_about: Checked) -> None:
        calls.append("fails")
        raise ValueError("کلید")

    screening.register_check("a-hangs", hangs)
    screening.register_check("b-fails", fails)
    PostFactory(thread=ThreadFactory(author=moderator()), body="very cheap")
    outbox.drain()
    ends.set()

    assert found() == [["spam-check:house-rule", 250]]
    assert {"hangs", "fails"} <= set(calls)
    assert waiting() == 1


@pytest.mark.parametrize(
    ("mood", "reasons"),
    [("false", []), ("true", [["spam-check:akismet", 300]]), ("discard", [["spam-check:akismet", 600]])],
)
def test_akismet_says_yes_or_no(server, mood, reasons):
    server.mood = mood
    PostFactory(thread=ThreadFactory(author=moderator()))
    outbox.drain()

    assert found() == reasons
    assert waiting() == 0
    ((path, fields),) = server.asked
    assert (path, fields["api_key"], fields["user_ip"], fields["comment_type"]) == (
        "/1.1/comment-check", "secret-key", "127.0.0.1", "reply",
    )  # fmt: skip
    assert not [name for name in fields if "author" in name or "email" in name]


@pytest.mark.parametrize("mood", ["invalid", "500", "hangs", "elsewhere", "gone"])
def test_akismet_is_asked_again_when_it_cannot_tell(server, mood, monkeypatch):
    monkeypatch.setattr(akismet, "_SECONDS", 0.1)
    server.mood = mood
    if mood == "gone":
        server.shutdown()
        server.socket.close()
    PostFactory(thread=ThreadFactory(author=moderator()))
    outbox.drain()

    assert (found(), waiting()) == ([], 1)
    assert len(server.asked) <= 1
