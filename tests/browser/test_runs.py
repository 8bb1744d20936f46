"""The order in which Chromium paints runs of Latin words, codes and numbers inside Persian sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import escape

from portal.core.runs import isolate_html, isolate_plain, isolated
from tests.core.runs_table import RUNS, SENTENCES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: For each paragraph: the characters of its run in the order in which they are painted, without spaces and marks.
_PAINTED = """
(paragraphs) => paragraphs.map((paragraph) => {
  const run = paragraph.dataset.run, texts = [], range = document.createRange();
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); )
    for (let place = 0; place < node.data.length; place++) texts.push([node, place, node.data[place]]);
  const shown = texts.filter((each) => !"\\u2066\\u2069".includes(each[2]));
  const start = shown.map((each) => each[2]).join("").indexOf(run);
  return shown.slice(start, start + run.length).filter((each) => each[2] !== " ").map(([node, place, character]) => {
    range.setStart(node, place); range.setEnd(node, place + 1);
    return [range.getClientRects()[0].left, character];
  }).sort((one, other) => one[0] - other[0]).map((each) => each[1]).join("");
})
"""


def _painted(browser: Browser, paragraphs: list[tuple[str, str]]) -> list[str]:
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    html = "".join(f'<p data-run="{escape(run)}">{shown}</p>' for run, shown in paragraphs)
    page.set_content(f'<!doctype html><html lang="fa" dir="rtl"><meta charset="utf-8"><body>{html}')
    painted: list[str] = page.eval_on_selector_all("p", _PAINTED)
    page.close()
    return painted


def _in_order(run: str, direction: str) -> str:
    if direction == "rtl":
        first, dash, last = run.partition("–") if "–" in run else run.partition("-")
        run = last + dash + first
    return run.replace(" ", "")


def test_runs_are_painted_in_the_order_in_which_they_are_read(browser: Browser) -> None:
    cases = [(run, direction, sentence.format(run)) for run, direction in RUNS for sentence in SENTENCES]
    assert len({run for run, _direction, _text in cases}) >= 60
    expected = [_in_order(run, direction) for run, direction, _text in cases]
    for shown in (
        [isolated(text, page="rtl") for _run, _direction, text in cases],
        [isolate_html(f"<b>{escape(text)}</b>", language="fa") for _run, _direction, text in cases],
        [escape(isolate_plain(text)) for _run, _direction, text in cases],
    ):
        painted = _painted(browser, [(case[0], html) for case, html in zip(cases, shown, strict=True)])
        wrong = [
            (case[2], order) for case, order, right in zip(cases, painted, expected, strict=True) if order != right
        ]
        assert wrong == []


def test_browsers_alone_paint_most_of_them_wrongly(browser: Browser) -> None:
    """The test above would find missing isolation."""
    painted = _painted(browser, [(run, escape(SENTENCES[0].format(run))) for run, _direction in RUNS])
    assert sum(order != _in_order(*each) for order, each in zip(painted, RUNS, strict=True)) > 20
