"""The spam drill with a server: fifty new accounts post at once, members go on, and a moderator has the panic switch."""

from __future__ import annotations

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.people import NEWCOMERS_PASSWORD, TYPING_SECONDS, newcomer, post, sign_in

ACCOUNTS = 50
#: As many at once as a program opens connections.
AT_ONCE = 8
_SELLING = "فروش ویژهٔ فالوور واقعی"
_COPIED = f"{_SELLING} و ارزان با ضمانت بازگشت پول، همین امروز پیام بدهید و از تخفیف آخر هفته استفاده کنید {{number}}"
_LINKS = "سلام دوستان، این را ببینید https://one-{number}.example https://two-{number}.example https://three-{number}.example"

#: Signed in, as programs are with accounts that somebody confirmed for them.
_ACCOUNTS = """
import json
from django.conf import settings
from django.test import Client
from community.models import Area
from portal.accounts.models import User
sessions = []
for number in range({count}):
    person = User.objects.create_user(email=f"seller{{number}}@example.com", password=None, handle=f"seller-{{number}}")
    client = Client()
    client.force_login(person)
    sessions.append(settings.SESSION_COOKIE_NAME + "=" + client.cookies[settings.SESSION_COOKIE_NAME].value)
area = Area.objects.visible_to(None).filter(kind="questions").first()
print(json.dumps([area.pk, sessions]))
"""
_FOUND = """
import json
from community.models import Post, ReviewItem
spam = Post.objects.filter(author__handle__startswith="seller-")
waiting = ReviewItem.objects.filter(post__in=spam, decision="")
print(json.dumps({"states": sorted(set(spam.values_list("state", flat=True))), "waiting": waiting.count(), "posts": spam.count()}))
"""
#: What the drill leaves is not for the moderators of other tests.
_TIDY = """
from community import services
from community.models import Policy, Post
from portal.accounts.models import User
moderator = User.objects.get(email="community@noora.example")
for post in Post.objects.filter(author__handle__startswith="seller-", state__in=("held", "visible")):
    services.hide_post(post=post, by=moderator, reason="spam")
    services.settle_hidden(post=post, by=moderator)
Policy.objects.filter(holds_newcomers=True).update(holds_newcomers=False)
"""


class Seller:
    """A program with the session of one account; asks with the form, as everybody does."""

    def __init__(self, url: str, session: str, number: int) -> None:
        self._place = urlsplit(url).netloc
        self._session = session
        self._number = number
        self._form: dict[str, str] = {}

    def open_form(self) -> None:
        status, page, cookies = self._request("GET")
        assert status == 200
        self._session += "; " + "; ".join(cookies)
        for name in ("csrfmiddlewaretoken", "token", "started"):
            self._form[name] = re.findall(rf'name="{name}" value="([^"]+)"', page)[-1]

    def ask(self, area: int) -> int:
        """Send the question; return the status of the answer."""
        body = (_COPIED if self._number % 2 else _LINKS).format(number=self._number)
        typed = {**self._form, "title": f"{_SELLING} {self._number}", "area": area, "body": body, "do": "post"}
        return self._request("POST", urlencode(typed))[0]

    def _request(self, method: str, body: str = "") -> tuple[int, str, list[str]]:
        connection = http.client.HTTPConnection(self._place, timeout=30)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self._place}"} if body else {}
        connection.request(method, "/fa/community/ask/", body or None, {"Cookie": self._session, **form})
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie") or []]
        return answer.status, page, cookies


@pytest.fixture
def tidy(portal):
    yield
    portal.shell(_TIDY)


def ask(page, title: str, body: str) -> None:
    page.goto("/fa/community/ask/")
    page.locator("input[name=title]").fill(title)
    page.locator("textarea[name=body]").fill(body)
    post(page)
    expect(page.locator("h1")).to_have_text(title)


@pytest.mark.usefixtures("tidy")
def test_fifty_accounts_reach_nobody_members_go_on_and_the_switch_holds_all_who_are_new(portal, visit):
    area, sessions = json.loads(portal.shell(_ACCOUNTS.format(count=ACCOUNTS)).splitlines()[-1])
    sellers = [Seller(portal.url, session, number) for number, session in enumerate(sessions)]
    member = visit("/fa/", width=390)
    sign_in(member, "sara@noora.example", "fa")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(Seller.open_form, sellers))
        time.sleep(TYPING_SECONDS)
        answers = list(pool.map(lambda seller: seller.ask(area), sellers))
        ask(member, "چرا مودم هر شب یک بار خاموش می‌شود؟", "از هفتهٔ پیش ساعت سه خاموش می‌شود؛ آداپتور را عوض کردم.")

    assert set(answers) == {302}
    assert json.loads(portal.shell(_FOUND)) == {"states": ["held"], "waiting": ACCOUNTS, "posts": ACCOUNTS}
    visitor = visit("/fa/community/", width=390)
    expect(visitor.locator("main .tlist")).to_contain_text("چرا مودم هر شب")
    assert _SELLING not in visitor.request.get("/fa/community/feed/").text()
    titles = visitor.get_by_role("link", name=re.compile(rf"{_SELLING} \d"))
    for path in ("/fa/community/", f"/fa/search/?q={_SELLING}"):
        visitor.goto(path)
        expect(titles).to_have_count(0)

    moderator = visit("/fa/")
    sign_in(moderator, "community@noora.example", "fa")
    moderator.goto("/fa/desk/settings/")
    moderator.locator("input[name=holds_newcomers]").check()
    moderator.locator(".form__acts button[type=submit]").click()
    expect(moderator.locator("input[name=holds_newcomers]")).to_be_checked()
    new = visit("/fa/", width=390)
    name = newcomer(portal, "seller-or-not", "fa")
    portal.shell(_POSTED_BEFORE)
    sign_in(new, name, "fa", NEWCOMERS_PASSWORD)
    ask(new, "آیا می‌شود نام شبکه را فارسی نوشت؟", "می‌خواهم نام وای‌فای خانه فارسی باشد، ولی چاپگر آن را نمی‌بیند.")
    expect(new.locator("main")).to_contain_text("ناظر")
    ask(member, "سرعت آپلود در عصرها کم می‌شود", "هر روز از ساعت شش تا نه شب سرعت آپلود نصف می‌شود؛ با کابل هم همین است.")
    visitor.goto("/fa/community/")
    expect(visitor.locator("main .tlist")).to_contain_text("سرعت آپلود در عصرها")
    expect(visitor.locator("main .tlist")).not_to_contain_text("نام شبکه را فارسی")


#: Not held for being their first post: only the switch is against them.
_POSTED_BEFORE = """
from community.models import CommunityProfile
from portal.accounts.models import User
CommunityProfile.objects.update_or_create(user=User.objects.get(handle="seller-or-not"), defaults={"reply_count": 3})
"""
