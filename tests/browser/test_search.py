"""The search box while a person types, and the results page."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

Z = "\u200c"
BOX = "main input[name=q]"
OPTION = "main [role=option]"
CHOSEN = "main [role=option][aria-selected=true]"

SHIFTS = """
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted = (window.shifted ?? 0) + entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def asked_of(page) -> list[str]:
    """A list to which the text of each request for suggestions is added."""
    texts: list[str] = []
    page.on(
        "request",
        lambda request: "/suggest/" in request.url and texts.append(parse_qs(urlsplit(request.url).query)["q"][0]),
    )
    return texts


def box_with(page, text: str):
    box = page.locator(BOX).first
    box.fill(text)
    expect(page.locator(f"{OPTION}[data-hit]").first).to_be_visible()  # no longer the popular searches
    return box


# Requests -----------------------------------------------------------------------------------------------------------


def test_one_letter_asks_nothing_and_a_burst_of_letters_asks_once(visit):
    page = visit("/fa/search/")
    asked = asked_of(page)
    box = page.locator(BOX).first

    box.press_sequentially("م")
    page.wait_for_timeout(400)
    assert asked == []

    box.press_sequentially("ودم قرمز")
    expect(page.locator(OPTION).first).to_be_visible()
    assert asked == ["مودم قرمز"]


def test_the_last_question_wins_however_slow_the_first_answer_is(visit):
    page = visit("/fa/search/")
    held = []
    page.route(
        "**/suggest/**",
        lambda route: held.append(route) if "q=%D9%82%D8%A8" in route.request.url else route.continue_(),
    )
    box = page.locator(BOX).first
    with page.expect_request("**/suggest/**"):
        box.fill("قبض")

    box.fill("ریموت")
    option = page.locator(OPTION).first
    expect(option).to_contain_text("ریموت")
    for route in held:
        route.abort()
    page.wait_for_timeout(300)

    assert held
    expect(option).to_contain_text("ریموت")


def test_escape_is_not_undone_by_an_answer_on_its_way(visit):
    page = visit("/fa/search/")
    box = box_with(page, "مودم")
    page.route("**/suggest/**", lambda route: (page.wait_for_timeout(400), route.continue_()))

    with page.expect_request("**/suggest/**"):
        box.press_sequentially(" قرمز")
    box.press("Escape")
    page.wait_for_timeout(800)

    expect(page.locator("main [data-suggest-pop]").first).to_be_hidden()
    expect(box).to_have_value("مودم قرمز")


@pytest.mark.parametrize("trouble", ["offline", "error", "too many"])
def test_trouble_leaves_a_box_that_still_searches(visit, trouble):
    page = visit("/fa/search/", watch=False)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    answers = {
        "offline": lambda route: route.abort(),
        "error": lambda route: route.fulfill(status=500, body="<h1>Error</h1>"),
        "too many": lambda route: route.fulfill(status=429, body=""),
    }
    box = box_with(page, "مودم")
    page.route("**/suggest/**", answers[trouble])

    with page.expect_request("**/suggest/**"):
        box.fill("مودم قرمز")
    expect(page.locator("main [data-suggest-pop]").first).to_be_hidden()
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press("Enter")

    page.wait_for_url(re.compile(r"/search/\?q="))
    assert problems == []


# The list of suggestions --------------------------------------------------------------------------------------------


def test_the_list_is_a_listbox_with_groups_a_foot_outside_and_a_count_that_is_announced(visit):
    page = visit("/fa/search/")
    box = box_with(page, "مودم")
    listbox = page.locator("main [role=listbox]").first

    expect(box).to_have_attribute("role", "combobox")
    expect(box).to_have_attribute("aria-expanded", "true")
    assert box.get_attribute("aria-controls") == listbox.get_attribute("id")
    groups = listbox.locator("[role=group]")
    assert groups.count() >= 1
    for group in groups.all():
        assert page.locator(f"[id='{group.get_attribute('aria-labelledby')}']").inner_text()
    assert 1 <= groups.first.locator("[role=option]").count() <= 4
    assert listbox.locator(".pop__foot").count() == 0
    expect(page.locator("main [data-suggest-pop] > .pop__foot a")).to_contain_text("نتیجه")
    expect(page.locator("main [data-suggest-status]")).to_have_text(re.compile("[۰-۹]+ پیشنهاد"))


def test_what_was_typed_is_marked_in_the_authors_own_text(visit):
    page = visit("/fa/search/")

    box_with(page, "رمز وایفا")

    expect(page.locator(f"{OPTION} mark", has_text=f"وای{Z}فا").first).to_be_visible()


def test_suggestions_for_the_other_keyboard_say_so(visit):
    page = visit("/fa/search/")

    box_with(page, "]vhy")

    expect(page.locator("main .pop__foot")).to_contain_text("«چراغ» خوانده شد")
    expect(page.locator("main [data-suggest-status]")).to_contain_text("«چراغ» خوانده شد")


def test_opening_the_list_moves_nothing(visit):
    page = visit("/fa/search/")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(700)  # browsers do not count layout shifts soon after a key press, but readers notice them
    height = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate(SHIFTS.replace("entry.value", "(entry.startTime > performance.now() - 60000 ? entry.value : 0)"))
    before = page.evaluate("window.shifted ?? 0")

    box_with(page, "مودم")
    page.wait_for_timeout(200)

    assert page.evaluate("window.shifted ?? 0") == before
    assert page.evaluate("document.documentElement.scrollHeight") == height


# Keys ---------------------------------------------------------------------------------------------------------------


def test_arrows_home_and_end_choose_and_enter_opens(visit):
    page = visit("/fa/search/")
    box = box_with(page, "مودم")
    last = page.locator(OPTION).count() - 1

    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(page.locator(OPTION).nth(1)).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == page.locator(CHOSEN).get_attribute("id")
    box.press("ArrowUp")
    expect(page.locator(OPTION).nth(0)).to_have_attribute("aria-selected", "true")
    box.press("End")
    expect(page.locator(OPTION).nth(last)).to_have_attribute("aria-selected", "true")
    box.press("Home")
    expect(page.locator(OPTION).nth(0)).to_have_attribute("aria-selected", "true")
    expect(box).to_be_focused()
    address = page.locator(CHOSEN).evaluate("link => link.href")
    box.press("Enter")

    page.wait_for_url(address)


def test_enter_with_nothing_chosen_searches(visit):
    page = visit("/fa/search/")

    box_with(page, "مودم قرمز").press("Enter")

    page.wait_for_url(re.compile(r"/search/\?q="))
    expect(page.locator("main")).to_contain_text("نتیجه برای")


def test_ctrl_enter_opens_a_new_tab(visit):
    page = visit("/fa/search/")
    box = box_with(page, "مودم")
    box.press("ArrowDown")
    address = page.locator(CHOSEN).evaluate("link => link.href")

    with page.context.expect_page() as opened:
        box.press("Control+Enter")

    opened.value.wait_for_url(address)
    assert "/search/" in page.url


def test_escape_closes_and_keeps_the_words(visit):
    page = visit("/fa/search/")
    box = box_with(page, "مودم")

    box.press("Escape")

    expect(page.locator("main [data-suggest-pop]").first).to_be_hidden()
    expect(box).to_have_value("مودم")


def test_the_key_that_leads_to_the_search_can_be_switched_off_and_stays_off(visit):
    page = visit("/fa/")
    page.keyboard.press("/")
    expect(page.locator(BOX).first).to_be_focused()

    page.locator("footer [data-slash]").uncheck()
    page.goto("/fa/search/")
    page.locator("footer [data-slash]").scroll_into_view_if_needed()
    expect(page.locator("footer [data-slash]")).not_to_be_checked()
    page.keyboard.press("/")
    expect(page.locator(BOX).first).not_to_be_focused()

    page.locator("footer [data-slash]").check()
    page.locator("footer [data-slash]").blur()
    page.keyboard.press("/")
    expect(page.locator(BOX).first).to_be_focused()


def test_without_javascript_there_is_no_switch_for_a_key_that_does_nothing(visit):
    page = visit("/fa/", js=False)

    expect(page.locator("footer [data-slash]")).to_be_hidden()


# Before anything is typed -------------------------------------------------------------------------------------------


def test_searches_of_this_device_are_offered_and_can_be_erased(visit):
    page = visit("/fa/search/")
    box_with(page, "مودم قرمز").press("Enter")
    page.wait_for_url(re.compile(r"/search/\?q="))

    page.goto("/fa/search/")
    page.locator(BOX).first.focus()
    recent = page.locator(f"{OPTION}:has-text('مودم قرمز')")
    expect(recent).to_be_visible()
    page.locator("main .pop__foot button").click()
    expect(recent).to_be_hidden()
    page.reload()
    page.locator(BOX).first.focus()
    page.wait_for_timeout(300)

    expect(recent).to_have_count(0)
    assert "مودم" not in (page.evaluate("localStorage.getItem('recent-searches')") or "")


def test_popular_searches_are_offered_before_anything_is_typed(visit):
    page = visit("/fa/")

    page.locator(BOX).first.focus()

    expect(page.locator(OPTION).first).to_be_visible()
    expect(page.locator("main .pop__label").first).to_have_text("جست‌وجوهای پرتکرار")
    page.locator(BOX).first.press("ArrowDown")
    page.locator(BOX).first.press("Enter")
    page.wait_for_url(re.compile(r"/search/\?q="))


# The results page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_the_best_answer_stands_open_above_the_results(visit, js):
    page = visit("/fa/search/?q=چراغ+قرمز+مودم", js=js)
    best = page.locator("main section.best")

    expect(best.locator("h2")).to_contain_text("چراغ اینترنت مودم قرمز است")
    expect(best.locator("ol li")).to_have_count(3)
    title = best.locator("h2").inner_text()
    assert title not in page.locator("main article.res h2").all_inner_texts()
    best.locator("h2 a").click()
    expect(page.locator("article h1")).to_have_text(title)


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_order_and_freshness_work_with_plain_links_and_forms(visit, js):
    page = visit("/en/search/?q=router", js=js)
    page.locator(".seg a", has_text="Newest first").click()
    page.wait_for_url(re.compile("sort=newest"))
    dates = page.locator("main article.res time").evaluate_all("times => times.map((time) => time.dateTime)")
    assert dates == sorted(dates, reverse=True)

    page.locator("#filters input[name=updated][value=year]").check()
    page.locator("#filters button[type=submit]").click()

    page.wait_for_url(re.compile("updated=year.*"))
    assert "sort=newest" in page.url
    expect(page.locator(".chip--x")).to_contain_text("Past year")


@pytest.mark.parametrize("path", ["/fa/search/?q=چراغ+قرمز+مودم", "/fa/search/?q=زبرجدنشان", "/fa/search/?q=]vhy+rvlc"])
def test_results_do_not_shift_while_they_load(visit, path):
    page = visit("/fa/")
    page.add_init_script(SHIFTS)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)

    assert page.evaluate("window.shifted ?? 0") < 0.02


# Clicks -------------------------------------------------------------------------------------------------------------

PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 {}"


def clicks(portal, question: str, *, at_least: int = 1, seconds: float = 12) -> list[str]:
    """Wait for so many recorded clicks after a question; return position and source of those recorded."""
    code = (
        "from search.asking.keys import query_key; from search.models import SearchClick; "
        f"rows = SearchClick.objects.filter(key=query_key('{question}', 'fa')).order_by('pk'); "
        "print(*(f'{row.kind}:{row.object_id}:{row.position}:{row.source}' for row in rows))"
    )
    until = time.monotonic() + seconds
    while True:
        found = portal.shell(code).split()
        if len(found) >= at_least or time.monotonic() > until:
            return found
        time.sleep(0.5)


@pytest.mark.parametrize("how", ["click", "middle"])
def test_the_result_a_reader_chooses_is_recorded(portal, visit, how):
    question = {"click": "مودم خاموش فیبر", "middle": "مودم روشن فیبر"}[how]
    page = visit(f"/fa/search/?q={question}", user_agent=PERSON.format(how))
    listed = page.locator("main .best, main .res")
    hit = page.locator("main article.res[data-hit]").nth(1)
    chosen = hit.get_attribute("data-hit")
    place = 1 + listed.evaluate_all("(all, hit) => all.findIndex((one) => one.dataset.hit === hit)", chosen)
    address = hit.locator("a.cover").get_attribute("href")

    if how == "click":
        hit.locator("a.cover").click()
        page.wait_for_url(f"**{address}")
    else:
        with page.context.expect_page():
            hit.locator("a.cover").click(button="middle")

    assert clicks(portal, question) == [f"{chosen}:{place}:results"]


def test_the_suggestion_a_reader_chooses_is_recorded(portal, visit):
    page = visit("/fa/search/", user_agent=PERSON.format("suggested"))
    box_with(page, "مودم قرمز چراغ")
    option = page.locator(OPTION).first
    chosen = option.get_attribute("data-hit")

    option.click()
    page.wait_for_load_state()

    assert clicks(portal, "مودم قرمز چراغ") == [f"{chosen}:1:suggestions"]


def test_without_javascript_a_result_opens_and_nothing_is_told(portal, visit):
    page = visit("/fa/search/?q=مودم+کند+فیبر", js=False, user_agent=PERSON.format("no script"))
    hit = page.locator("main article.res[data-hit]").first
    title = hit.locator("h2 bdi").inner_text()

    hit.locator("a.cover").click()

    expect(page.locator("main h1")).to_have_text(title)
    assert "/fa/" in page.url  # though the browser asks for English
    assert clicks(portal, "مودم کند فیبر", seconds=5) == []
