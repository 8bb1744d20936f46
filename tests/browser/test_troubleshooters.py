"""A troubleshooter in Chromium: from the help pages to a solution, back, another answer, and along into a question."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_a_visitor_answers_changes_an_answer_and_takes_the_path_along(visit, js):
    page = visit("/fa/", js=js, width=390)
    page.goto("/fa/troubleshoot/")
    page.locator("main a[href$='/troubleshoot/no-internet/']").click()

    def answer(place):
        page.locator("main input[name=a]").nth(place).check()
        page.locator("main button[name=go]").click()

    answer(0)
    page.wait_for_url(re.compile(r"/no-internet/2/\?p="))
    page.locator("main button[name=a]").click()  # not sure
    page.wait_for_url(re.compile("/no-internet/5/"))
    page.go_back()
    answer(3)
    page.wait_for_url(re.compile("/no-internet/4/"))
    page.locator(".ts__path a").nth(1).click()  # another colour of the light after all
    page.wait_for_url(re.compile("/no-internet/2/"))
    answer(1)
    page.wait_for_url(re.compile("/no-internet/3/"))
    answer(0)
    page.wait_for_url(re.compile("/no-internet/6/"))
    answer(1)
    page.wait_for_url(re.compile("/no-internet/12/"))

    assert page.locator("#along").count() == 1
    assert page.locator(".ts__path li").count() == 5
    assert "from=troubleshooter:no-internet:" in page.locator(".chan a").first.get_attribute("href")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_visitor_says_that_it_helped_and_thinks_again(visit):
    page = visit("/fa/troubleshoot/no-internet/11/", width=390)
    page.locator("main button[value=yes]").click()
    page.wait_for_url(re.compile("thanks=1"))
    page.locator("#outcome a").click()
    page.locator("main button[value=no]").click()

    page.wait_for_url(re.compile("/no-internet/12/"))
