"""From a solved question to an article, in Chromium: an editor presses, publishes, and the thread leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.people import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

TITLE = "چراغ سبز مودم چشمک می‌زند؛ خراب است؟"
_SOLVED = """
from community import services
from community.models import Area
from portal.accounts.models import User
area = Area.objects.filter(slug="wifi").first() or Area.objects.filter(kind="questions").first()
people = {{user.email: user for user in User.objects.filter(email__in=["sara@noora.example", "reza@noora.example"])}}
asker, helper = people["sara@noora.example"], people["reza@noora.example"]
thread = services.start_thread(author=asker, area=area, title="{title}", body="از دیروز.", token="capture-1", products=[], tags=[])
post = services.post_reply(author=helper, thread=thread, body="نه، **عادی** است:\\n\\n- سبز: وصل\\n- قرمز: قطع", token="capture-2")
services.accept_solution(post=post, by=asker)
print(thread.pk)
"""


def test_an_editor_makes_an_article_of_a_solved_question(portal: Portal, visit: Callable[..., Page]) -> None:
    number = portal.shell(_SOLVED.format(title=TITLE)).splitlines()[-1]
    thread = f"/fa/community/t/{number}/"
    page = visit("/fa/", watch=False)  # the admin is not ours
    sign_in(page, "editor@noora.example", "fa")

    page.goto(thread)
    page.get_by_role("link", name="ساختن مقاله از این گفت‌وگو").click()
    page.locator("button[name=topic]").first.click()
    expect(page.locator("#id_title")).to_have_value(TITLE)
    expect(page.get_by_role("link", name="reza")).to_be_visible()
    page.goto(thread)
    expect(page.get_by_text("از این گفت‌وگو مقاله‌ای ساخته شد:")).to_have_count(0)

    page.get_by_role("link", name="ساختن مقاله از این گفت‌وگو").click()  # leads to the same draft
    expect(page.locator("#id_title")).to_have_value(TITLE)
    page.evaluate("() => { const b = document.querySelector('button[name=action-publish]'); b.form.requestSubmit(b); }")
    page.wait_for_load_state("networkidle")

    page.goto(thread)
    page.get_by_text("از این گفت‌وگو مقاله‌ای ساخته شد:").locator("..").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("link", name="reza")).to_be_visible()
