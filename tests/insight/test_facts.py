"""Pages report facts about themselves to recorders, and to nobody else."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from portal.core.page_cache import FACTS_HEADER, PageCacheMiddleware, store
from portal.insight.activity import Activity, is_visitor
from portal.insight.checks import check_middleware
from portal.insight.facts import forget_facts, hear, register_facts, take, tell
from portal.insight.middleware import PageFactsMiddleware

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def heard():
    """A list of the facts received about lamps, with the URL of the page."""
    told = []
    register_facts("lamp", lambda request, values: told.append((request.path, *values)))
    yield told
    forget_facts("lamp")


class Page:
    """A page that reports a fact, behind the page cache and the middleware for facts, as in the portal."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.made = 0
        self.get = PageFactsMiddleware(PageCacheMiddleware(self.view))

    def view(self, request):
        self.made += 1
        response = HttpResponse("a lamp", status=self.status)
        tell(response, "lamp", "red", 7)
        return response

    def ask(self, method: str = "get", **headers: str):
        headers = {"User-Agent": BROWSER, **headers}
        return self.get(getattr(RequestFactory(), method)("/fa/lamp/", headers=headers))


@pytest.fixture
def page():
    cache.clear()
    store.clear()
    return Page()


# The header ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        [],
        [("lamp",)],
        [("lamp", "fa", "3")],
        [("lamp", "چراغ قرمز", ""), ("lamp", "a,b; c=d %20\r\n")],
    ],
)
def test_facts_are_taken_as_they_were_told(facts):
    response = HttpResponse()
    for name, *values in facts:
        tell(response, name, *values)

    assert take(response) == facts
    assert FACTS_HEADER not in response.headers
    assert take(response) == []


def test_values_become_texts():
    response = HttpResponse()
    tell(response, "article", 17, None, True)

    assert take(response) == [("article", "17", "None", "True")]


# Recording ----------------------------------------------------------------------------------------------------------


def test_every_reader_of_a_kept_page_is_heard_of_and_the_page_is_made_once(page, heard):
    responses = [page.ask() for _ in range(3)]

    assert (page.made, heard) == (1, [("/fa/lamp/", "red", "7")] * 3)
    assert [FACTS_HEADER in response.headers for response in responses] == [False] * 3


def test_a_page_the_browser_still_has_is_heard_of(page, heard):
    etag = page.ask()["ETag"]

    again = page.ask(**{"If-None-Match": etag})

    assert (again.status_code, len(heard)) == (304, 2)
    assert FACTS_HEADER not in again.headers


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("head", {}),
        ("post", {}),
        ("get", {"User-Agent": "Googlebot/2.1"}),
        ("get", {"User-Agent": ""}),
        ("get", {"Sec-Purpose": "prefetch"}),
    ],
)
def test_what_no_visitor_sees_is_not_heard_of_and_not_sent_either(page, heard, method, headers):
    response = page.ask(method, **headers)

    assert heard == []
    assert FACTS_HEADER not in response.headers

    page.ask()
    assert len(heard) == 1


def test_an_error_page_is_not_heard_of(heard):
    store.clear()
    response = Page(status=404).ask()

    assert (heard, FACTS_HEADER in response.headers) == ([], False)


def test_staff_at_work_are_no_visitors(page, heard, rf, settings):
    def request(*, is_staff: bool, with_session: bool):
        asked = rf.get("/fa/lamp/", headers={"User-Agent": BROWSER})
        asked.user = type("User", (), {"is_staff": is_staff})()
        if with_session:
            asked.COOKIES[settings.SESSION_COOKIE_NAME] = "x"
        return asked

    assert is_visitor(request(is_staff=True, with_session=True)) is False
    assert is_visitor(request(is_staff=False, with_session=True)) is True
    assert is_visitor(request(is_staff=True, with_session=False)) is True  # the user is not looked up


def test_a_handler_that_breaks_stops_neither_the_page_nor_the_others(heard, rf, caplog):
    def broken(_request, _values):
        raise RuntimeError("09121234567")

    register_facts("broken", broken)
    try:
        hear(rf.get("/"), [("broken",), ("unknown", "x"), ("lamp", "on")])
    finally:
        forget_facts("broken")

    assert heard == [("/", "on")]
    assert "“broken” was not noted" in caplog.text
    assert "0912" not in caplog.text


# Records ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_activity_of_one_visitor_on_one_day_has_one_key_and_hides_who_it_is(rf):
    first, second = (
        Activity.of(rf.get("/", REMOTE_ADDR="203.0.113.1", headers={"User-Agent": BROWSER})) for _ in range(2)
    )
    other = Activity.of(rf.get("/", REMOTE_ADDR="203.0.113.2", headers={"User-Agent": BROWSER}))

    assert first.visit == second.visit != other.visit
    assert "203.0.113.1" not in repr(first)
    assert "Firefox" not in repr(first)


# The order of middleware --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["insight.middleware.PageFactsMiddleware", "core.page_cache.PageCacheMiddleware"], []),
        (["core.page_cache.PageCacheMiddleware", "insight.middleware.PageFactsMiddleware"], ["insight.E001"]),
        (["core.page_cache.PageCacheMiddleware"], ["insight.E001"]),
        ([], []),
    ],
)
def test_facts_are_taken_off_outside_the_page_cache(names, wrong):
    with override_settings(MIDDLEWARE=[f"portal.{name}" for name in names]):
        assert [message.id for message in check_middleware()] == wrong


def test_the_portal_has_its_middleware_in_order():
    assert check_middleware() == []
