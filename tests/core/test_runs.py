"""Runs of Latin words, codes and numbers in Persian text, and what isolates them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from community import rendering
from faq.body import words_of
from faq.models import ArticleBody
from faq.rendering import render_body
from portal.core.privacy import PLACEHOLDERS
from portal.core.runs import Piece, _Isolating, is_right_to_left, isolate_html, isolate_plain, isolated, pieces
from portal.core.templatetags.ui import runs
from search.showing.highlight import snippet
from tests.core.runs_table import RUNS, SENTENCES

_BDI = re.compile(r'<bdi dir="ltr">|</bdi>')


@pytest.mark.parametrize("run", [run for run, direction in RUNS if direction == "ltr"])
def test_a_run_is_one_piece_in_every_sentence(run: str) -> None:
    for sentence in SENTENCES:
        assert [piece.text for piece in pieces(sentence.format(run)) if piece.is_run] == [run]


@pytest.mark.parametrize("text", [run for run, direction in RUNS if direction == "rtl"])
def test_the_numbers_of_a_range_are_runs_of_their_own(text: str) -> None:
    assert [piece.text for piece in pieces(SENTENCES[0].format(text)) if piece.is_run] == re.split("[-–]", text)


def test_plain_numbers_are_no_runs() -> None:
    assert pieces("۱۲٬۴۸۰ تومان، ۲۰٪ یا 1,200 در 12:30") == [Piece("۱۲٬۴۸۰ تومان، ۲۰٪ یا 1,200 در 12:30")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X2 Pro Max Router Firmware را نصب کنم", True),
        ("Wi-Fi (5 GHz) و C++ و .NET و C#", True),
        ("https://noora.example/fa/a/b/c/d/e/ را ببینید", True),
        ("How do I say سلام in the settings?", False),
        ("Press the button marked راهنما", False),
        ("This is English.", False),
        ("*700#", False),
    ],
)
def test_the_direction_of_a_sentence_is_that_of_its_words_not_of_its_first_one(text: str, *, expected: bool) -> None:
    assert is_right_to_left(text) is expected


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_what_was_redacted_can_be_translated_after_runs_were_isolated(placeholder: str) -> None:
    text = f"به {placeholder} یا X2 پیام بدهید"

    for shown in (isolated(text), isolate_html(f"<p>{text}</p>"), isolate_plain(text)):
        assert placeholder in shown


def test_runs_go_through_elements_inside_a_line() -> None:
    assert isolate_html("<p>سرعت 300 <mark>Mbps</mark> است</p>") == (
        '<p>سرعت <bdi dir="ltr">300 <mark>Mbps</mark></bdi> است</p>'
    )
    assert isolate_html("<p>سرعت <b>300</b> <mark>Mbps</mark> است</p>") == (
        '<p>سرعت <bdi dir="ltr"><b>300</b> <mark>Mbps</mark></bdi> است</p>'
    )
    assert isolate_html("<p><b>سرعت 300</b> Mbps است</p>") == (
        '<p><b>سرعت <bdi dir="ltr">300</bdi></b> <bdi dir="ltr">Mbps</bdi> است</p>'
    )
    assert isolate_html("<p>شبکهٔ AT&amp;T را</p>") == '<p>شبکهٔ <bdi dir="ltr">AT&amp;T</bdi> را</p>'


@pytest.mark.parametrize(
    "html",
    [
        "<p>دستور <code>ip a-b</code> را</p>",
        "<pre>سلام *700# a-b</pre>",
        '<p>سلام <a href="https://noora.example/a-b" title="سلام X2">اینجا</a></p>',
        '<p>سلام <bdi>X2 300</bdi> و <span dir="ltr">a-b</span></p>',
        "<!-- سلام X2 --><p>سلام</p>",
        '<!doctype html><html lang="fa" dir="rtl"><head><title>X2 Pro - سلام</title></head></html>',
        "<script>let سلام = 'X2 Pro';</script>",
    ],
)
def test_code_attributes_and_what_has_its_own_direction_stay_untouched(html: str) -> None:
    assert isolate_html(html, language="fa") == html


def test_what_is_not_closed_comes_to_an_end() -> None:
    assert "<bdi" in isolate_html("سلام X2 <b><i>Pro</i>")


def test_an_element_without_an_end_ends_at_once() -> None:
    assert isolate_html('<p><input dir="ltr" value="x"> مودم X2 است</p>') == (
        '<p><input dir="ltr" value="x"> مودم <bdi dir="ltr">X2</bdi> است</p>'
    )


def test_a_paragraph_of_the_other_script_has_its_own_direction() -> None:
    html = "<p>این یک بند است.</p><p>This is one English paragraph.</p><td>X2 Pro</td>"
    assert isolate_html(html, language="fa") == (
        '<p>این یک بند است.</p><p dir="ltr">This is one English paragraph.</p><td><bdi dir="ltr">X2 Pro</bdi></td>'
    )
    assert isolate_html("<p>Turn it on.</p><p>این یک بند فارسی است.</p>", language="en") == (
        '<p>Turn it on.</p><p dir="rtl">این یک بند فارسی است.</p>'
    )


_ALPHABET = st.sampled_from(
    [*"ابپ یک‌ .-+*#/:()@_&<>\"'0۱٢aZé«»،\n\u2066\u2069", "X2 ", "300 Mbps ", "*700#", "&amp;", "http://a.b/", "سلام "]
)
_TEXT = st.lists(_ALPHABET, max_size=30).map("".join)
_HTML = st.lists(
    st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<br>", "<code>", "</code>", '<a href="x-1">', "</a>", '<i dir="ltr">', "</i>"])
    | st.sampled_from(["<img>", "<svg></svg>", "<td>", "</td>", "<input>", " Save ", " exit", "&#x27;t"])
    | st.sampled_from(["سلام ", "X2 ", "Pro", "300 ", "Mbps", "*700#", "&amp;", "021-91000000", "، ", "(", ")", "-", "۱۲"]),
    max_size=40,
).map("".join)  # fmt: skip


@given(_TEXT)
def test_no_character_of_a_text_changes(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
    assert re.sub("[\u2066\u2069]", "", isolate_plain(text)) == re.sub("[\u2066\u2069]", "", text)
    assert _BDI.sub("", isolated(text)) == str(runs(text)).replace('<bdi dir="ltr">', "").replace("</bdi>", "")


@given(_HTML, st.sampled_from(["", "rtl", "ltr"]))
@example("<p><b>Settings</b> &gt; <code>Network</code></p>", "rtl")
@example("<td>سلام <b>من</b> &amp; <svg></svg></td>", "ltr")
@example("<td><code>x</code> Save <b>as</b> &amp; new</td>", "rtl")
@example("X2 <code><p></code>Pro", "rtl")
def test_only_pairs_of_elements_are_added_to_html(html: str, page: str) -> None:
    shown = _Isolating(html, page).html()  # which raises; pages go on without it
    assert re.sub(r'<bdi dir="(?:ltr|rtl)">|</bdi>|(?<=<p) dir="(?:ltr|rtl)"', "", shown) == html
    assert shown.count("<bdi") == shown.count("</bdi>")
    for inside in re.findall(r'<bdi dir="ltr">(.*?)</bdi>', shown, re.DOTALL):
        words = re.sub("<code>.*?</code>", "", inside)  # what is in code is not looked at, and stays as it is
        for name in ("b", "a", "p"):
            assert len(re.findall(rf"<{name}\b", words)) == words.count(f"</{name}>")


def test_a_text_that_cannot_be_read_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_Isolating, "html", lambda _self: iter(()).__next__())
    assert isolate_html("<p>مودم X2</p>") == "<p>مودم X2</p>"
    assert "StopIteration" in caplog.text
    assert "مودم" not in caplog.text


@pytest.mark.parametrize(
    "attack", ["1" * 30_000, "1...." * 6_000, "X (1" * 6_000, "a@" * 15_000, "_" * 30_000, "<b>1</b>-" * 5_000]
)
def test_the_work_grows_with_the_text_alone(attack: str) -> None:
    start = time.process_time()
    isolate_html(f"سلام سلام {attack}")
    assert time.process_time() - start < 2


def test_a_title_in_the_other_script_is_isolated_as_a_whole() -> None:
    assert isolated("How do I reset it?", page="rtl") == '<bdi dir="ltr">How do I reset it?</bdi>'
    assert isolated("مودم X2 را", page="ltr") == '<bdi dir="rtl">مودم <bdi dir="ltr">X2</bdi> را</bdi>'
    assert isolated("*700#", page="rtl") == '<bdi dir="ltr">*700#</bdi>'
    assert isolated("سلام", page="rtl") == "سلام"
    assert isolate_html("<td> <a>Reset it?</a> </td>", language="fa") == (
        '<td> <a><bdi dir="ltr">Reset it?</bdi></a> </td>'
    )


@pytest.mark.parametrize(
    ("notice", "page"),
    [
        ("«\u2068The adapter gets very hot, is this dangerous?\u2069» را آغاز کرد", "rtl"),
        ("“\u2068آداپتور مودم خیلی داغ می‌شود، خطرناک است؟\u2069” was solved", "ltr"),
        ("“\u2068آداپتور \u2066X2\u2069 خیلی داغ می‌شود، خطرناک است؟\u2069” was solved", "ltr"),
    ],
)
def test_a_quoted_title_does_not_turn_the_sentence_around(notice: str, page: str) -> None:
    assert is_right_to_left(notice) == (page == "rtl")
    assert not re.match(r"<bdi[^>]*>[“«]", isolated(notice, page=page))


def test_a_title_alone_has_its_own_direction_though_it_is_isolated() -> None:
    assert is_right_to_left("\u2068مودم X2 قطع است\u2069")
    assert isolated("\u2068Internet drops\u2069", page="rtl").startswith('<bdi dir="ltr">')


def test_articles_posts_and_snippets_isolate_runs() -> None:
    run = '<bdi dir="ltr">*700#</bdi>'
    blocks = [{"type": "paragraph", "value": "<p>کد *700# را بگیرید</p>"}]
    body = ArticleBody().to_python(blocks)
    assert run in render_body(body, language="fa", linked={}).html
    assert "<bdi" not in words_of(body)
    assert run in rendering.render("کد *700# را بگیرید")
    assert rendering.excerpt(rendering.render("کد *700# را بگیرید")) == "کد *700# را بگیرید"
    marked = snippet("سرعت 300 Mbps است", [(5, 8)])
    assert runs(marked) == 'سرعت <bdi dir="ltr"><mark>300</mark> Mbps</bdi> است'


def test_marks_isolate_runs_in_plain_text_except_addresses() -> None:
    assert isolate_plain("کد *700# را\nhttps://noora.example/a-b/ را ببینید") == (
        "کد \u2066*700#\u2069 را\nhttps://noora.example/a-b/ را ببینید"
    )
    assert isolate_plain("Dial *700#") == "Dial *700#"
