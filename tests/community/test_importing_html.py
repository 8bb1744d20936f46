"""From the HTML of other forums to Markdown: the text stays, marks mean what they meant, nothing hostile comes along."""

from __future__ import annotations

import re
import time
from html import escape, unescape

import pytest
from django.utils.html import strip_tags
from hypothesis import given, settings
from hypothesis import strategies as st

from community.importing.html import to_markdown
from community.rendering import render
from portal.core.text import ZWNJ
from tests.community.payloads import PAYLOADS
from tests.community.test_rendering import judged


def shown(html: str) -> str:
    """What a reader sees, without white space."""
    return re.sub(r"\s+", "", unescape(strip_tags(render(to_markdown(html)))))


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>One <b>two</b> <i>three</i></p><p>four</p>", "One **two** *three*\n\nfour"),
        ("<p><strong> spaced </strong>x</p>", "**spaced** x"),
        ("a*b_c and snake_case _x_ [y]", r"a\*b_c and snake_case \_x\_ \[y\]"),
        ("<p>1. no list</p><p># no heading</p><p>- nor this</p>", "1\\. no list\n\n\\# no heading\n\n\\- nor this"),
        ("<p>line<br>break<br/></p>", "line\\\nbreak"),
        ('<pre class="lang-py"><code>if x:\n    y()\n</code></pre>', "```py\nif x:\n    y()\n```"),
        ("<pre><code>```\nfence\n```</code></pre>", "````\n```\nfence\n```\n````"),
        ("<p>run <code>a`b</code> and <code>`</code></p>", "run ``a`b`` and `` ` ``"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n\n  - b\n- c"),
        ('<ol start="3"><li>x</li><li>y</li></ol>', "3. x\n4. y"),
        ("<blockquote><p>q</p><p>r</p></blockquote>", "> q\n> \n> r"),
        ('<a href="https://e.com/a b">text</a>', "[text](<https://e.com/a%20b>)"),
        ('<a href="javascript:alert(1)">text</a>', "text"),
        ('<img src="https://e.com/p.png" alt="a plan">', "[a plan](<https://e.com/p.png>)"),
        ("<h1>Head</h1>text", "# Head\n\ntext"),
        ("<script>alert(1)</script><style>p{}</style>left", "left"),
        (f"می{ZWNJ}خواهم <b>کتاب{ZWNJ}ها</b>", f"می{ZWNJ}خواهم **کتاب{ZWNJ}ها**"),
    ],
)
def test_html_becomes_markdown(html, markdown):
    assert to_markdown(html) == markdown


def test_no_payload_comes_along():
    for payload in PAYLOADS:
        for html in (payload, escape(payload), f"<p>{payload}</p>", f"<pre><code>{payload}", f"<ul><li><b>{payload}"):
            judged(to_markdown(html))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab گ۱1 *_`~[]()<>#-+=.|\\!&;:\n@"), max_size=60))
def test_text_stays_text_whatever_signs_it_has(text):
    assert shown(f"<p>{escape(text)}</p>") == re.sub(r"\s+", "", text)


def test_hostile_html_takes_no_longer_than_long_html():
    started = time.perf_counter()
    for part in ("<blockquote>", "<ul><li>", "<b><i>", '<a href="https://e.com">', "<p>`*_[", "<pre><code>`"):
        render(to_markdown(part * (32_000 // len(part))))

    assert time.perf_counter() - started < 20
