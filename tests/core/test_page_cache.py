from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory

from portal.accounts.models import User
from portal.core import page_cache
from portal.core.change_log import FileLog
from portal.core.page_cache import KeptPage, PageCacheMiddleware, PageStore, store
from portal.core.scopes import content_changed, stamp
from tests.core import urls_for_tests as site

pytestmark = [pytest.mark.urls("tests.core.urls_for_tests"), pytest.mark.django_db]

BEFORE_SESSIONS = [
    "django.middleware.security.SecurityMiddleware",
    "portal.core.page_cache.PageCacheMiddleware",
    "portal.core.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.core.middleware.PreferencesMiddleware",
]


@pytest.fixture(autouse=True)
def _cached_site(settings, tmp_path):
    settings.MIDDLEWARE = BEFORE_SESSIONS
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""
    announce("site")  # a process that reads a log for the first time clears its cache
    store.clear()
    yield
    store.clear()


def announce(*scopes: str) -> None:
    """Announce a change as if another process had committed it."""
    FileLog(Path(settings.DATA_DIR) / "changes").append(" ".join(scopes))


def rendering(response) -> int:
    return int(response.content.rpartition(b"rendering=")[2].partition(b"<")[0])


def are_one_rendering(*responses) -> bool:
    return len({rendering(response) for response in responses}) == 1


# What is cached, and for whom ----------------------------------------------------------------------------------------


def test_a_visitors_page_is_rendered_once():
    first, second = Client().get("/fa/page/"), Client().get("/fa/page/")

    assert are_one_rendering(first, second)
    assert first.content == second.content


def test_a_kept_page_costs_no_query(client, django_assert_num_queries):
    client.get("/fa/page/")

    with django_assert_num_queries(0):
        assert client.get("/fa/page/").status_code == 200


def test_a_kept_page_has_all_headers_of_the_first_answer(client):
    fresh, kept = client.get("/fa/page/"), client.get("/fa/page/")

    assert dict(kept.items()) == dict(fresh.items())
    for name in ("Content-Security-Policy", "Permissions-Policy", "X-Frame-Options", "X-Content-Type-Options", "ETag"):
        assert kept[name]
    assert kept["Content-Language"] == "fa"
    assert kept["Content-Length"] == str(len(kept.content))
    assert "Set-Cookie" not in kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "/fa/page/"}, {"path": "/en/page/"}),
        ({"path": "/fa/page/"}, {"path": "/fa/other/"}),
        ({"path": "/fa/page/"}, {"path": "/fa/page/?page=2"}),
        (
            {"path": "/fa/page/", "headers": {"Host": "a.example"}},
            {"path": "/fa/page/", "headers": {"Host": "b.example"}},
        ),
        ({"path": "/fa/page/"}, {"path": "/fa/page/", "secure": True}),
        ({"path": "/fa/page/"}, {"path": "/fa/page/", "headers": {"HX-Request": "true"}}),
        ({"path": "/fa/page/"}, {"path": "/fa/page/", "headers": {"Cookie": "theme=dark"}}),
        ({"path": "/fa/page/"}, {"path": "/fa/page/", "headers": {"Cookie": "calendar=gregorian"}}),
        ({"path": "/fa/page/"}, {"path": "/fa/page/", "headers": {"Cookie": "digits=latin"}}),
    ],
)
def test_what_looks_different_is_kept_apart(one, other):
    first, second = Client().get(**one), Client().get(**other)

    assert not are_one_rendering(first, second)
    assert are_one_rendering(first, Client().get(**one))
    assert are_one_rendering(second, Client().get(**other))


@pytest.mark.parametrize("cookie", ["theme=pink", "theme=", "csrftoken=abc", "language=en", "_ga=1"])
def test_cookies_that_change_nothing_share_the_page(cookie):
    assert are_one_rendering(Client().get("/fa/page/"), Client().get("/fa/page/", headers={"Cookie": cookie}))


@pytest.mark.parametrize(
    "request_arguments",
    [
        {"headers": {"Cookie": "sessionid=anything"}},
        {"headers": {"Cookie": "messages=anything"}},
        {"headers": {"Authorization": "Bearer x"}},
        {"query_params": {"q": "مودم"}},
        {"query_params": {"page": "x"}},
        {"query_params": {"page": "12345"}},
        {"query_params": {"page": "۲"}},
        {"query_params": {"page": "1", "utm_source": "mail"}},
    ],
)
def test_personal_or_unusual_requests_neither_get_nor_leave_a_kept_page(request_arguments):
    kept = Client().get("/fa/page/")

    one, two = (Client().get("/fa/page/", **request_arguments) for _ in range(2))

    assert len({rendering(kept), rendering(one), rendering(two)}) == 3
    assert are_one_rendering(kept, Client().get("/fa/page/"))


def test_a_signed_in_person_never_gets_the_visitors_page_nor_the_other_way_round():
    visitor, member = Client(), Client()
    member.force_login(User.objects.create_user("sara@example.com"))

    assert b"False" in visitor.get("/fa/user/").content
    assert b"True" in member.get("/fa/user/").content
    assert b"False" in visitor.get("/fa/user/").content
    assert b"True" in member.get("/fa/user/").content


def test_asking_who_is_there_does_not_keep_a_visitors_page_out():
    assert are_one_rendering(Client().get("/fa/user/"), Client().get("/fa/user/"))


@pytest.mark.parametrize(
    "name", ["token", "token-in-text", "cookie", "nonce", "message", "vary", "uncached", "data", "streamed", "missing"]
)
def test_answers_of_one_visitor_or_no_page_are_not_kept(name):
    before = next(site.renderings)

    for _ in range(2):
        Client().get(f"/fa/{name}/")

    assert next(site.renderings) == before + 3
    assert len(store) == 0


def test_no_kept_page_holds_a_token_cookie_or_nonce():
    for name in ("page", "user", "token", "token-in-text", "cookie", "nonce", "message"):
        Client().get(f"/fa/{name}/")

    assert len(store) == 2
    for page in store._pages.values():
        assert b"csrfmiddlewaretoken" not in page.content
        assert "Set-Cookie" not in page.headers
        assert "nonce-" not in page.headers["Content-Security-Policy"]


def test_addresses_without_a_language_are_not_kept():
    assert not are_one_rendering(Client().get("/page/"), Client().get("/page/"))


def test_a_post_goes_through():
    kept = Client().get("/fa/page/")

    assert rendering(Client().post("/fa/page/")) != rendering(kept)


def test_a_host_that_is_not_allowed_gets_nothing(settings):
    settings.ALLOWED_HOSTS = ["portal.example"]
    Client().get("/fa/page/", headers={"Host": "portal.example"})

    assert Client().get("/fa/page/", headers={"Host": "evil.example"}).status_code == 400


def test_redirects_are_not_kept():
    assert Client().get("/fa/elsewhere/").status_code == 302
    assert len(store) == 0


# Conditional requests and compression --------------------------------------------------------------------------------


def test_a_browser_that_has_the_page_is_told_so(client):
    etag = client.get("/fa/page/")["ETag"]

    for asked in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        response = client.get("/fa/page/", headers={"If-None-Match": asked})
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
        assert response["Vary"] == "Accept-Encoding, Cookie, HX-Request"
    assert client.get("/fa/page/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_browsers_ask_again_each_time_because_signing_in_changes_the_page(client):
    assert client.get("/fa/page/")["Cache-Control"] == "private, no-cache"


def test_who_takes_gzip_gets_it(client):
    plain = client.get("/fa/page/")
    packed = client.get("/fa/page/", headers={"Accept-Encoding": "br, gzip;q=0.8"})

    assert packed["Content-Encoding"] == "gzip"
    assert packed["Content-Length"] == str(len(packed.content))
    assert gzip.decompress(packed.content) == plain.content
    assert "Content-Encoding" not in plain
    for refused in ("gzip;q=0", "br", "gzip; q=0.0, br"):
        assert "Content-Encoding" not in client.get("/fa/page/", headers={"Accept-Encoding": refused})


def test_head_is_answered_from_the_kept_page_but_keeps_none():
    assert Client().head("/fa/page/").status_code == 200
    assert len(store) == 0

    kept = Client().get("/fa/page/")
    head = Client().head("/fa/page/")

    assert (head["ETag"], head["Content-Length"], head.content) == (kept["ETag"], kept["Content-Length"], b"")


# Invalidation --------------------------------------------------------------------------------------------------------


def test_a_page_is_rendered_again_after_a_minute(monkeypatch):
    clock = [time.monotonic()]
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: clock[0])
    first = Client().get("/fa/page/")

    clock[0] += 59
    assert are_one_rendering(first, Client().get("/fa/page/"))
    clock[0] += 2
    assert not are_one_rendering(first, Client().get("/fa/page/"))


def test_invalidating_forgets_all_pages_after_the_commit(django_capture_on_commit_callbacks):
    first = Client().get("/fa/page/")

    with django_capture_on_commit_callbacks(execute=True):
        content_changed()
        assert are_one_rendering(first, Client().get("/fa/page/"))

    assert not are_one_rendering(first, Client().get("/fa/page/"))


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_forgets_nothing():
    first = Client().get("/fa/page/")

    with transaction.atomic():
        content_changed()
        transaction.set_rollback(True)
    assert are_one_rendering(first, Client().get("/fa/page/"))

    content_changed()
    assert not are_one_rendering(first, Client().get("/fa/page/"))


def test_a_page_whose_rendering_a_change_overtook_is_not_kept():
    def overtaken(request):
        announce("articles")
        return HttpResponse("old")

    middleware = PageCacheMiddleware(overtaken)
    middleware(RequestFactory().get("/fa/page/"))

    renewed = PageCacheMiddleware(lambda _request: HttpResponse("new"))
    assert renewed(RequestFactory().get("/fa/page/")).content == b"new"


# Concurrent requests -------------------------------------------------------------------------------------------------


def ask_at_once(middleware, count: int) -> list[bytes]:
    barrier = threading.Barrier(count)
    answers: list[bytes] = []

    def ask() -> None:
        barrier.wait()
        answers.append(middleware(RequestFactory().get("/fa/page/")).content)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return answers


class SlowView:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request):
        self.calls += 1
        number = self.calls
        time.sleep(0.3)
        return HttpResponse(f"rendering={number}")


def test_a_page_many_ask_for_at_once_is_rendered_by_one_of_them():
    view = SlowView()

    answers = ask_at_once(PageCacheMiddleware(view), 8)

    assert view.calls == 1
    assert answers == [b"rendering=1"] * 8


def test_while_an_old_page_is_rendered_again_the_others_get_the_old_one(monkeypatch):
    view = SlowView()
    middleware = PageCacheMiddleware(view)
    middleware(RequestFactory().get("/fa/page/"))
    monkeypatch.setattr(page_cache, "KEEP_SECONDS", 0.0)
    (key,) = store._pages
    page = store._pages[key]
    store.put(key, KeptPage(page.content, page.gzipped, page.headers, page.etag, page.stamp, 0.0))

    answers = ask_at_once(middleware, 6)

    assert view.calls == 2
    assert sorted(answers) == [b"rendering=1"] * 5 + [b"rendering=2"]


def test_after_a_change_nobody_gets_the_old_page():
    view = SlowView()
    middleware = PageCacheMiddleware(view)
    middleware(RequestFactory().get("/fa/page/"))
    announce("articles")

    assert ask_at_once(middleware, 6) == [b"rendering=2"] * 6


def test_pages_that_are_not_kept_do_not_queue_for_each_other():
    all_inside = threading.Barrier(6)
    wait_for_all = False

    def view(request):
        if wait_for_all:
            all_inside.wait(5)  # fails if one of them has to wait
        return HttpResponse("mine", headers={"Cache-Control": "private"})

    middleware = PageCacheMiddleware(view)
    middleware(RequestFactory().get("/fa/page/"))
    wait_for_all = True

    assert ask_at_once(middleware, 6) == [b"mine"] * 6


def test_a_rendering_that_fails_lets_the_others_try():
    calls = []

    def view(request):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return HttpResponse("fine")

    middleware = PageCacheMiddleware(view)
    with pytest.raises(ZeroDivisionError):
        middleware(RequestFactory().get("/fa/page/"))

    assert middleware(RequestFactory().get("/fa/page/")).content == b"fine"


# The store -----------------------------------------------------------------------------------------------------------


def page_of(size: int) -> KeptPage:
    return KeptPage(b"x" * size, b"", {}, "", stamp(), time.monotonic() + 60)


def test_the_least_used_pages_leave_first_by_number_and_by_size():
    pages = PageStore(max_pages=3, max_bytes=100)
    for key in "abc":
        pages.put(key, page_of(10))
    pages.get("a")

    pages.put("d", page_of(10))
    assert [key for key in "abcd" if pages.get(key)] == ["a", "c", "d"]

    pages.put("e", page_of(85))
    assert [key for key in "acde" if pages.get(key)] == ["d", "e"]

    pages.put("f", page_of(101))
    assert pages.get("f") is None
    assert pages._bytes == 95


def test_replacing_a_page_counts_its_size_once():
    pages = PageStore(max_pages=3, max_bytes=100)
    for size in (90, 20, 70):
        pages.put("a", page_of(size))

    assert (len(pages), pages._bytes) == (1, 70)


def test_addresses_that_lead_nowhere_push_no_page_out(monkeypatch):
    kept = Client().get("/fa/page/")
    monkeypatch.setattr(store, "_max_pages", 3)

    for number in range(10):
        assert Client().get(f"/fa/nowhere-{number}/").status_code == 404

    assert are_one_rendering(kept, Client().get("/fa/page/"))
    assert len(store._passing) == 3


# Search results ------------------------------------------------------------------------------------------------------


@pytest.fixture
def _asking(monkeypatch):
    monkeypatch.setattr(page_cache, "_question_paths", {"page/"})
    page_cache.answers.clear()
    yield
    page_cache.answers.clear()


@pytest.mark.usefixtures("_asking")
def test_the_answer_to_a_question_is_kept_apart_from_the_pages():
    question = "/fa/page/?q=چراغ قرمز&topic=modem"

    assert are_one_rendering(Client().get(question), Client().get(question))
    assert not are_one_rendering(Client().get(question), Client().get("/fa/page/?q=چراغ سبز"))
    assert not are_one_rendering(Client().get(question), Client().get(question.replace("/fa/", "/en/")))
    assert (len(page_cache.answers), len(store)) == (3, 0)


@pytest.mark.usefixtures("_asking")
def test_answers_are_forgotten_when_the_index_or_the_content_changes():
    first = Client().get("/fa/page/?q=1")
    kept = Client().get("/fa/page/")

    announce("search")
    second = Client().get("/fa/page/?q=1")
    announce("articles")

    assert not are_one_rendering(first, second)
    assert not are_one_rendering(second, Client().get("/fa/page/?q=1"))
    assert not are_one_rendering(kept, Client().get("/fa/page/"))


@pytest.mark.usefixtures("_asking")
def test_a_change_of_the_index_leaves_other_pages_alone():
    kept = Client().get("/fa/page/")

    announce("search")

    assert are_one_rendering(kept, Client().get("/fa/page/"))


@pytest.mark.usefixtures("_asking")
def test_very_long_questions_and_those_of_members_are_not_kept():
    member = Client()
    member.force_login(User.objects.create_user("sara@example.com"))

    member.get("/fa/page/?q=1")
    Client().get("/fa/page/?q=" + "a" * page_cache.MAX_QUESTION_LENGTH)

    assert len(page_cache.answers) == 0


@pytest.mark.usefixtures("_asking")
def test_only_so_many_answers_are_kept(monkeypatch):
    monkeypatch.setattr(page_cache, "answers", PageStore(max_pages=2))

    for number in range(5):
        Client().get(f"/fa/page/?q={number}")

    assert len(page_cache.answers) == 2
