"""Whatever text is imported: it becomes blocks that the editor takes, loses no word and carries no program."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter

from faq.blocks import TEXT_FEATURES, ArticleBody
from faq.importing.errors import FileProblemError
from faq.importing.markdown import parse_body
from faq.rendering import render_body

_PIECES = [
    "کلمه", "متن", "text", "X2 ۴", "\n", "\n\n", "\n\n", "  \n", "- ", "* ", "1. ", "3) ", "1. **a** b\n2. **c** d", "> ", "# ", "## ", "#### ",
    "```", "~~~", "```js title=\"a\"\n", "`x`", "`", "**", "*", "_", "~~", "==", "$", "$$", "|a|b|\n|-|-|\n|c|d|\n", "| ", ":::", "::: tip T\n", "::: zz\n",
    "!!! note\n    ", "??? tip \"q\"\n    ", "=== \"A\"\n    ", "> [!TIP]\n> ", "> [!faq]- q\n> ", "    ", "\t", "![x](p.png)", "![y](gone.png)", "[a](other.md#b)",
    "[a](#b)", "[a](javascript:alert(1))", "[a]: http://b\n", "https://a.example/", "<b>", "</b>", "<div>", "</div>", "<p>", "<table><tr><td>", "</table>", "<li>", "<ol>",
    "<details><summary>s</summary>", "</details>", "<Tip>", "</Tip>", "<Tabs>", "<TabItem label=\"l\">", "</Tabs>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">", "<svg onload=alert(1)>", "<iframe src=\"//b.example/\"></iframe>", "<pre>", "<!-- ", "-->", "%%", "{{ x }}", "{% raw %}", "{% endraw %}",
    "{{< tip >}}", "{{< /tip >}}", "{% include note.html content=\"c\" %}", "{: .note}", "{#id}", "[[other.md|w]]", "![[p.png]]", "![[audio:x]]", "[^1]", "[^1]: f", ": d",
    "- [ ] ", "---", "\\", "&amp;", "&lt;script&gt;", "\x00", "\u200f", "import a from 'b'", "export const a",
]  # fmt: skip
#: What CommonMark and GFM alone can say, with words in it.
_PLAIN = [
    "کلمه", "متن", "text", "word", "\n", "\n\n", "\n\n", "  \n", "- ", "1. ", "7. ", "> ", "# ", "### ", "`x`", "**b**", "*i*", "~~s~~", "|a|b|\n|-|-|\n|c|d|\n", "    ", " ",
    "```\ncode\n```\n", "[link](http://b.example)", "&amp;", "\n\n- ", "\n\n> ", "\n\n1. **t** u\n2. **v** w\n\n", "![alt](p.png)", "***\n",
]  # fmt: skip
_TAGS = {"p", "b", "i", "s", "a", "code", "ul", "ol", "li", "h3", "br", "hr", "sup", "sub", "kbd", "mark"}


class Resolver:
    def page_id(self, article):
        return 8 if article == "other.md" else None

    def picture_id(self, name):
        if name != "p.png":
            raise FileProblemError(f"no {name}")
        return 3

    def media_id(self, kind, name, title):
        raise FileProblemError(name)

    def product_id(self, code):
        return None


class _Tags(HTMLParser):
    """Collects the tags and attributes of rich text."""

    def __init__(self):
        super().__init__()
        self.found = set()
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.attributes |= set(attrs)


def blocks_of(text, form="markdown"):
    return parse_body(text, language="fa", key="a:fa", resolver=Resolver(), form=form).blocks


def rich_texts(value, name=""):
    """Yield every rich text in blocks."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from rich_texts(part, value.get("type", key) if key == "value" else key)
    elif isinstance(value, list):
        for part in value:
            yield from rich_texts(part, name)
    elif isinstance(value, str) and name in {"paragraph", "text", "answer", "values"}:
        yield value


def plain_words(html):
    html = re.sub(r"</?(?:a|b|code|del|em|i|kbd|mark|s|strong|sub|sup)\b[^>]*>", "", html)
    return re.findall(r"[^\W_]+", unescape(re.sub(r"<[^>]*>", " ", html)))


def words_in(value, name=""):
    """Return the words people see in blocks, in rich text and in plain."""
    if isinstance(value, dict):
        shown = [(key, part) for key, part in value.items() if key not in {"id", "language", "type"}]
        return [
            word for key, part in shown for word in words_in(part, value.get("type", key) if key == "value" else key)
        ]
    if isinstance(value, list):
        return [word for part in value for word in words_in(part, name)]
    if not isinstance(value, str):
        return []
    return plain_words(value) if name in {"paragraph", "text", "answer", "values"} else re.findall(r"[^\W_]+", value)


@pytest.mark.parametrize("form", ["markdown", "html", "post"])
@given(text=st.text(max_size=300) | st.lists(st.sampled_from(_PIECES), max_size=16).map("".join))
def test_any_text_becomes_blocks_that_the_editor_takes_and_carries_no_program(form, text):
    blocks = blocks_of(text, form)

    assert {block["type"] for block in blocks} <= set(ArticleBody.base_blocks)
    tags = _Tags()
    for rich in rich_texts(blocks):
        tags.feed(rich)
    assert tags.found <= _TAGS
    assert {name for name, _value in tags.attributes} <= {"href", "linktype", "id", "anchor"}
    assert [
        v
        for name, v in tags.attributes
        if name == "href" and not re.match(r"https?://|mailto:|tel:|/(?!/)|#s-", v, re.IGNORECASE)
    ] == []
    json.dumps(blocks).encode()
    assert blocks_of(text, form) == blocks


@given(st.lists(st.sampled_from(_PLAIN), max_size=14).map("".join))
def test_no_word_is_lost(text):
    independent = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(text)
    independent = re.sub(r'<img[^>]*alt="([^"]*)"[^>]*>', r" \1 ", independent)

    lost = Counter(plain_words(independent)) - Counter(words_in(blocks_of(text)))

    assert not lost


@given(st.lists(st.sampled_from([piece for piece in _PIECES if "other.md" not in piece]), max_size=12).map("".join))
def test_rich_text_survives_the_editor(text):
    converter = ContentstateConverter(features=TEXT_FEATURES)
    for rich in rich_texts(blocks_of(text)):
        back = converter.to_database_format(converter.from_database_format(rich))
        before, after = _Tags(), _Tags()
        before.feed(rich)
        after.feed(re.sub(r' data-block-key="[^"]*"', "", back))
        assert Counter(plain_words(rich)) == Counter(plain_words(back))
        assert before.attributes <= after.attributes
        assert before.found - {"br", "p"} <= after.found


class _NothingFound(Resolver):
    """Finds no picture and no page, so that no database is needed."""

    def page_id(self, article):
        return None

    def picture_id(self, name):
        raise FileProblemError(name)


@given(st.lists(st.sampled_from(_PIECES), max_size=16).map("".join))
def test_any_text_can_be_saved_edited_and_shown(text):
    body, block = parse_body(text, language="fa", key="a:fa", resolver=_NothingFound()), ArticleBody(required=False)

    cleaned = block.clean(block.to_python(body.blocks))
    html = render_body(cleaned, language="fa", linked={}).html

    assert json.loads(json.dumps(block.get_prep_value(cleaned))) == body.blocks
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    shown = _Tags()
    shown.feed(html)
    assert not {"script", "iframe", "style", "form", "object"} & shown.found
    assert not [name for name, _value in shown.attributes if name.startswith("on") or name == "style"]
    assert not [value for name, value in shown.attributes if name in {"href", "src"} and "script:" in (value or "")]


@pytest.mark.parametrize(
    "text",
    [
        "> " * 150 + "ژرف",
        "- " * 200 + "ژرف",
        "<div>" * 3000 + "ژرف",
        "<b>" * 3000 + "ژرف",
        "[" * 3000 + "ژرف",
        "::: tip\n" * 200 + "ژرف",
    ],
)
def test_what_is_nested_without_end_keeps_its_words(text):
    assert "ژرف" in words_in(blocks_of(text))
