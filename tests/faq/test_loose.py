"""Conversion of what people write to blocks: nothing is refused."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faq.blocks import ArticleBody
from faq.importing.errors import FileProblemError
from faq.importing.loose import parse_loosely


class Resolver:
    def page_id(self, article):
        return None

    def picture_id(self, name):
        if name != "upload:3":
            raise FileProblemError(f"no {name}")
        return 3

    def media_id(self, kind, name, title):
        raise FileProblemError(name)

    def product_id(self, code):
        return None


def blocks_of(text, language="fa"):
    body = parse_loosely(text, language=language, key="thread:1", resolver=Resolver())
    return [(block["type"], block["value"]) for block in body.blocks]


def test_lines_lists_and_code_stay_what_they_are():
    text = "خط یک\nخط **دو**\n\n- الف\n- ب\n\n```bash\nping 10.0.0.1\nls <x>\n```\n"

    lines = "<p>خط یک<br/>خط <b>دو</b></p><ul><li>الف</li><li>ب</li></ul>"
    code = "<p><code>ping 10.0.0.1</code><br/><code>ls &lt;x&gt;</code></p>"
    assert blocks_of(text) == [("paragraph", lines + code)]


def test_steps_are_recognised():
    (name, value), *rest = blocks_of("1. **مودم را خاموش کنید**: یک دقیقه\n2. **روشن کنید**\n")

    assert (name, rest) == ("steps", [])
    assert [step["value"]["title"] for step in value] == ["مودم را خاموش کنید", "روشن کنید"]


def test_a_picture_amid_a_text_follows_it_and_one_that_is_gone_is_left_out():
    found = blocks_of("ببینید\n![چراغ قرمز](upload:3)\nهمین\n\n![](upload:3)\n\n![رفته](upload:9)\n\nپایان")

    assert found == [
        ("paragraph", "<p>ببینید<br/><br/>همین</p>"),
        ("picture", {"image": 3, "alt": "چراغ قرمز", "caption": ""}),
        ("picture", {"image": 3, "alt": "…", "caption": ""}),
        ("paragraph", "<p>پایان</p>"),
    ]


def test_pictures_and_code_in_lists_are_kept():
    found = blocks_of("- یک\n\n      ls\n- ![چراغ](upload:3)\n\n> نقل\n>\n> | الف |\n> |---|\n> | ب |\n")

    assert found == [
        ("paragraph", "<ul><li>یک<br/><code>ls</code></li><li></li></ul>"),
        ("picture", {"image": 3, "alt": "چراغ", "caption": ""}),
        ("note", {"kind": "info", "title": "", "text": "<p>نقل</p><p>الف</p><p>ب</p>"}),
    ]


def test_addresses_become_links_and_links_of_the_forum_become_words():
    address = "https://noora.example/a?b=1&amp;c=2"
    text = "https://noora.example/a?b=1&c=2. [پاسخ](post:3) [فایل](upload:9) [بد](javascript:alert) [خوب](/fa/x)"

    assert blocks_of(text) == [
        (
            "paragraph",
            f'<p><a href="{address}">{address}</a>. پاسخ فایل بد <a href="/fa/x">خوب</a></p>',
        )
    ]


def test_html_is_text():
    assert blocks_of('<script>alert(1)</script>\n\n<b onclick="x">y</b>') == [
        ("paragraph", '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p><p>&lt;b onclick="x"&gt;y&lt;/b&gt;</p>')
    ]


def test_long_headings_are_texts():
    text = "سرخط " * 40

    assert blocks_of(f"# {text}\n\n## کوتاه")[0] == ("paragraph", f"<h3>{text.strip()}</h3>")
    assert blocks_of("## کوتاه") == [("heading", "کوتاه")]


_PIECES = st.sampled_from(
    [
        "متن", "text", "\n", "\n\n", "- ", "1. ", "1. **a** b\n2. **c**", "> ", "# ", "```", "`x`", "**", "~~", "|a|b|\n|-|-|\n|c|d|", ":::",
        "![x](upload:3)", "![](upload:9)", "[a](post:3)", "[a](http://b)", "https://a.example/", "<b>", "    ", "![[audio:x]]", "\\", "&amp;",
    ]
)  # fmt: skip
_TAG = re.compile(r"<[^>]*>")
_ALLOWED = re.compile(r"</?(?:p|br/|b|i|code|ul|ol|li|h3|a)>|<br/>|<a href=\"(?:https?://|mailto:|/)[^\"<>]*\">\Z")


@pytest.mark.parametrize("joint", ["", " "])
@given(pieces=st.lists(_PIECES, max_size=14))
def test_whatever_is_written_becomes_blocks_that_the_editor_accepts(joint, pieces):
    found = parse_loosely(joint.join(pieces), language="fa", key="x", resolver=Resolver()).blocks

    assert [block["type"] for block in found if block["type"] not in ArticleBody.base_blocks] == []
    rich = [block["value"] for block in found if block["type"] == "paragraph"]
    assert [tag for text in rich for tag in _TAG.findall(text) if not _ALLOWED.match(tag)] == []
    assert all(rich)
    json.dumps(found)
