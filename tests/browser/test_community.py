"""Conversations in Chromium: asking, waiting for a moderator, answering, accepting, and names that are offered."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.people import NEWCOMERS_PASSWORD, PASSWORD, newcomer, post, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal


@dataclass(frozen=True)
class Words:
    """What the people of a journey type, and the labels they look for."""

    title: str
    like: str
    question: str
    answer: str
    preview: str
    waiting: str
    solved: str
    accepted: str
    stop: str
    stopped: str


WORDS = {
    "fa": Words(
        title="تلویزیون پس از قطعی برق روشن نمی‌شود",
        like="چراغ اینترنت مودم قرمز است",
        question="دیشب برق رفت و از صبح چراغ تلویزیون روشن نیست. بیرون: https://one.example https://two.example",
        answer="آداپتور را ده دقیقه از برق بکشید، بعد:",
        preview="پیش‌نمایش",
        waiting="ناظر",
        solved="همین حلش کرد",
        accepted="پاسخ پذیرفته",
        stop="لغو",
        stopped="لغو شد",
    ),
    "en": Words(
        title="The box stays dark after a power cut",
        like="The internet light of the router is red",
        question="Power went last night, and the light of the box is off. Look: https://one.example https://two.example",
        answer="Take its adapter out for ten minutes, then:",
        preview="Preview",
        waiting="moderator",
        solved="This solved it",
        accepted="Accepted answer",
        stop="Unsubscribe",
        stopped="unsubscribed",
    ),
}


@dataclass(frozen=True)
class Journey:
    """A first question and its people, all on screens of one width, with or without JavaScript."""

    portal: Portal
    visit: Callable[..., Page]
    language: str
    width: int
    js: bool

    @property
    def words(self) -> Words:
        return WORDS[self.language]

    @property
    def title(self) -> str:
        return f"{self.words.title} ({self.width})"

    @property
    def name(self) -> str:
        return f"asker_{self.language}_{self.width}"

    def enter(self, email: str, *, language: str = "", password: str = PASSWORD) -> Page:
        language = language or self.language
        page = self.visit(f"/{language}/", js=self.js, width=self.width)
        sign_in(page, email, language, password)
        return page

    def ask(self, page: Page) -> str:
        """Ask it, past the suggestions for another title; return its address."""
        page.goto(f"/{self.language}/community/ask/")
        page.locator("input[name=title]").fill(self.words.like)
        page.locator("textarea[name=body]").fill(self.words.question)
        if not self.js:  # with it they come while typing
            page.locator("button[value=preview]").click()
        expect(page.locator("#similar a").first).to_be_visible()
        page.locator("input[name=title]").fill(self.title)
        post(page)
        expect(page.locator("h1")).to_have_text(self.title)
        expect(page.locator("main")).to_contain_text(self.words.waiting)
        return page.url

    def approve(self) -> None:
        """Let a moderator approve it who reads the other language."""
        other = "en" if self.language == "fa" else "fa"
        page = self.enter("community@noora.example", language=other)
        page.goto(f"/{other}/desk/queue/")
        item = page.locator("main article", has_text=self.title)
        item.locator("form:has(input[value=approve]) button[type=submit]").first.click()
        expect(item).to_have_count(0)

    def answer(self, address: str, picture: Path) -> None:
        """Answer with code and a picture."""
        page = self.enter("reza@noora.example")
        page.goto(address)
        page.locator("main a.btn[href*=reply]").first.click()
        text = page.locator("textarea[name=body]")
        text.fill(f"{self.words.answer}\n\n```\nreset --soft\n```\n")
        page.locator("input[name=pictures]").set_input_files(picture)
        if self.js:  # with it the picture is uploaded at once
            expect(text).to_have_value(re.compile(r"!\[.*adapter"))
        post(page)
        answer = page.locator("main .post__body").last
        expect(answer).to_contain_text(self.words.answer)
        assert answer.locator("pre").get_attribute("dir") == "ltr"
        assert answer.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 320

    def accept(self, page: Page, address: str) -> None:
        """Come back by the notification, accept the answer, and be shown whom one could help."""
        page.goto(f"/{self.language}/notifications/")
        page.locator("main a", has_text=self.title).first.click()
        expect(page.locator("main .post__body").last).to_contain_text(self.words.answer)
        page.get_by_role("button", name=self.words.solved).first.click()
        expect(page).to_have_url(re.compile("/pay-forward/"))
        expect(page.locator("main .tlist > li")).to_have_count(3)
        page.goto(address)
        expect(page.locator("main")).to_contain_text(self.words.accepted)

    def digest(self) -> str:
        """Return the mail that tells of the answer: nothing that was seen before is mailed."""
        self.portal.shell(_DIGESTS.format(name=self.name))
        return mail_with(self.portal, f"{self.name}@example.com", self.title)

    def stop_mails(self, mail: str) -> None:
        """Stop them by a link of the digest, on a device on which nobody is signed in."""
        ways_out = re.findall(r"https?://\S+/unsubscribe/\S+", mail)
        page = self.visit(ways_out[-1], js=self.js, width=self.width)
        stop = page.get_by_role("button", name=self.words.stop)
        expect(stop).to_be_visible()
        assert self.portal.shell(_IS_MAILED.format(name=self.name)) == "True"  # a scanner's GET stops nothing
        stop.click()
        expect(page.locator("h1")).to_contain_text(self.words.stopped)
        assert self.portal.shell(_IS_MAILED.format(name=self.name)) == "False"


@pytest.mark.parametrize(
    "way", [("fa", 390, True), ("fa", 1280, False), ("en", 390, False), ("en", 1280, True)], ids=str
)
def test_a_first_question_is_checked_answered_solved_and_passed_on(portal, visit, tmp_path, way):
    language, width, js = way
    journey = Journey(portal, visit, language, width, js)
    Image.new("RGB", (320, 200), "teal").save(tmp_path / "adapter.png")
    asker = journey.enter(newcomer(portal, journey.name, language), password=NEWCOMERS_PASSWORD)
    asker.goto(f"/{language}/account/notifications/")
    for choice in asker.locator("main select:has(option[value=daily])").all():
        choice.select_option("daily")
    asker.locator(".form__acts button[type=submit]").click()

    portal.shell(_WAITING.format(name=journey.name, title=journey.words.like, text=journey.words.answer))
    address = journey.ask(asker)
    visitor = visit(address, js=js, watch=False)
    expect(visitor.locator("h1")).not_to_have_text(journey.title)
    journey.approve()
    journey.answer(address, tmp_path / "adapter.png")
    mail = journey.digest()
    journey.accept(asker, address)
    visitor.goto(address)
    expect(visitor.locator(".post--solution").first).to_contain_text(journey.words.answer)
    journey.stop_mails(mail)


_WAITING = """
from community import services
from community.models import Area
from portal.accounts.models import User
area = Area.objects.visible_to(None).filter(kind="questions").first()
for number in range(3):
    services.start_thread(
        author=User.objects.get(email="reza@noora.example"), area=area, token=f"{name}{{number}}",
        title=f"{title} {{number}}", body="{text}",
    )
"""
_DIGESTS = """
from django.utils import timezone
from portal.notifications.mailing import send_digests
from portal.notifications.models import Notification
waiting = Notification.objects.filter(person__handle="{name}", mail="daily")
assert waiting.update(mail_at=timezone.now())
send_digests()
"""
_IS_MAILED = """
from portal.accounts.models import User
from portal.notifications.queries import all_choices_of
print(any(choice.mail == "daily" for choice in all_choices_of(User.objects.get(handle="{name}").pk).values()))
"""


def mail_with(portal, address: str, text: str) -> str:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if found := [mail for mail in portal.mails_to(address) if text in mail]:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError(f"no mail to {address} names {text}")


def test_enter_in_the_title_never_says_that_a_suggestion_solved_it(portal, visit):
    page = visit("/en/", js=True, width=390)
    sign_in(page, "reza@noora.example")
    page.goto("/en/community/ask/")
    title = page.locator("input[name=title]")
    title.fill(WORDS["en"].like)
    expect(page.locator("#similar a").first).to_be_visible()

    title.press("Enter")

    expect(page.locator("[data-error-summary]")).to_be_visible()  # the text is missing
    page.locator("button[value=answered]").click()
    expect(page).to_have_url(re.compile("/en/community/$"))
    saved = portal.shell("from community.models import SparedQuestion; print(SparedQuestion.objects.count())")
    assert saved == "1"


def test_what_was_sent_is_not_in_the_editor_again(portal, visit):
    thread = portal.shell(
        "from community.models import Thread; print(Thread.objects.visible_to(None).filter(is_locked=False, "
        "reply_count__gt=0).exclude(author__email='sara@noora.example').latest('pk').pk)"
    ).splitlines()[-1]
    page = visit("/en/", js=True, width=1280)
    sign_in(page, "sara@noora.example")
    page.goto("/en/community/messages/to/reza/")
    for place in ("", "", f"/t/{thread}"):  # to begin with, in the conversation, and below a thread
        if place:
            page.goto(place)
        text = page.locator("form[data-compose] textarea[name=body]")
        words = f"These words are sent once {place or page.url[-9:]}"
        text.fill(words)

        post(page)

        expect(page.locator("main .post__body, main .msg__body", has_text=words).last).to_be_visible()
        expect(text).to_have_value("")
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:'))") == []


def test_what_somebody_typed_is_put_back_for_them_and_for_nobody_else(portal, visit):
    page = visit("/en/", js=True, width=390)
    # Nothing reaches the server: what is put back is what the browser keeps.
    page.route("**/community/draft/", lambda route: route.fulfill(json={"saved": False}))
    typed = {"title": "Half a question", "body": "Half a text", "tags": "wifi"}
    poll = {"poll_question": "Which one?", "poll_options": "This\nThat"}
    field = "form[data-compose] [name={}]"

    def begin(email: str) -> None:
        page.context.clear_cookies()
        sign_in(page, email)
        page.goto("/en/community/ask/")

    begin("sara@noora.example")
    for name, words in typed.items():
        page.locator(field.format(name)).fill(words)
    page.locator("details summary", has_text="Add a poll").click()
    for name, words in poll.items():
        page.locator(field.format(name)).fill(words)
    page.locator(field.format("poll_is_multiple")).check()
    begin("emma@noora.example")
    for name in typed:
        expect(page.locator(field.format(name))).to_have_value("")
    begin("sara@noora.example")

    for name, words in {**typed, **poll}.items():
        expect(page.locator(field.format(name))).to_have_value(words)
        expect(page.locator(field.format(name))).to_be_visible()
    expect(page.locator(field.format("poll_is_multiple"))).to_be_checked()

    # A page that comes back with an error has the text in it, and what is added goes below.
    page.locator(field.format("title")).fill("")
    post(page)
    expect(page.locator("[data-error-summary]")).to_be_visible()
    caret = page.locator(field.format("body")).evaluate("text => text.selectionStart")
    assert caret == len(typed["body"])


def test_an_at_sign_offers_the_people_of_the_thread(portal, visit):
    thread, name = (
        portal.shell(
            "from community.models import Post; from portal.accounts.models import User; "
            "post = Post.objects.visible_to(None).filter(number__gt=1, thread__is_locked=False, author__is_active=True)"
            ".exclude(author__email='sara@noora.example').filter(author__handle__regex='^[a-z]').first(); "
            "print(post.thread_id, post.author.handle)"
        )
        .splitlines()[-1]
        .split()
    )
    page = visit("/fa/", width=390)
    sign_in(page, "sara@noora.example", "fa")
    page.goto(f"/fa/community/t/{thread}/reply/")
    text = page.locator("textarea[name=body]")

    text.press_sequentially(f"سلام @{name[:2]}")
    offered = page.locator(".editor__people [role=option]", has_text=name)
    expect(offered).to_be_visible()
    text.press("Escape")
    expect(offered).to_be_hidden()
    text.press_sequentially(name[2])
    expect(offered).to_be_visible()
    while offered.get_attribute("aria-selected") != "true":
        text.press("ArrowDown")
    text.press("Enter")

    expect(text).to_have_value(f"سلام @{name} ")
    expect(page.locator(".editor__people")).to_be_hidden()


_MENUS_OUTSIDE = """() => [...document.querySelectorAll(".post__acts details.menu")].filter(menu => {
  menu.open = true;
  const shown = menu.querySelector(".menu__pop").getBoundingClientRect();
  menu.open = false;
  return shown.left < 0 || shown.right > document.documentElement.clientWidth;
}).length"""


@pytest.mark.parametrize("language", ["fa", "en"])
def test_code_and_menus_stay_on_a_narrow_screen(portal, visit, language):
    page = visit(f"/{language}/", js=True, width=390)
    sign_in(page, "reza@noora.example", language)
    page.goto(f"/{language}/community/ask/")
    page.locator("textarea[name=body]").fill("```\n" + "ping 10.0.0.1 " * 30 + "\n```")
    page.locator("button[value=preview]").click()
    expect(page.locator("#preview pre")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390

    page.goto(f"/{language}/community/")
    page.locator(".tlist a.cover").nth(2).click()
    expect(page.locator(".post__acts details.menu").first).to_be_attached()
    for width in range(300, 430, 10):  # the buttons before it fill the line at one of these
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(_MENUS_OUTSIDE) == 0


_IS_IN_SIGHT = """tab => {
  const [inner, outer] = [tab, tab.parentElement].map(box => box.getBoundingClientRect());
  return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
}"""


@pytest.mark.parametrize("language", ["fa", "en"])
def test_the_desk_fits_a_telephone(visit, language):
    page = visit(f"/{language}/", js=True, width=390, has_touch=True, watch=False)
    sign_in(page, "community@noora.example", language)
    for path in ("community/following/", "desk/settings/"):
        page.goto(f"/{language}/{path}")
        assert page.locator(".tabs [aria-current]").evaluate(_IS_IN_SIGHT), path
    page.goto(f"/{language}/desk/queue/")
    expect(page.locator("[data-keys]")).to_be_hidden()
    item = page.locator("main article:has([data-key=a])").first  # not a private message, which is read before
    approve, hide = item.locator("[data-key=a]"), item.locator("summary[class*=danger]")
    assert approve.bounding_box()["y"] == hide.bounding_box()["y"]
    hide.click()
    assert approve.bounding_box()["y"] == hide.bounding_box()["y"]
    item.locator("select[name=reason]").select_option("other")
    item.locator(".queue__why button").click()
    done = page.locator("[data-done]")
    done.locator("bdi").evaluate("title => { title.textContent = 'A long title of a thread '.repeat(6); }")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    done.locator("button").click()
    expect(page.locator(".toast")).to_have_count(1)
