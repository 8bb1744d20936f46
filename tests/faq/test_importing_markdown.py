"""Conversion of Markdown to blocks."""

from __future__ import annotations

import json

import pytest

from faq.blocks import ArticleBody
from faq.importing.errors import FileProblemError
from faq.importing.markdown import bidi_safe, parse_body


class Resolver:
    """Resolves one article, two products, one picture and one sound."""

    def page_id(self, article):
        return {"reset-router": 7}.get(article)

    def picture_id(self, name):
        if name != "x2-front.png":
            raise FileProblemError(f"no {name}")
        return 3

    def media_id(self, kind, name, title):
        if (kind, name) != ("audio", "phone-tones"):
            raise FileProblemError(f"no {name}")
        return 5

    def product_id(self, code):
        return {"x1": 1, "x2": 2}.get(code)


def blocks_of(text, language="fa"):
    body = parse_body(text, language=language, key="red-light:fa", resolver=Resolver())
    return [(block["type"], without_ids(block["value"])) for block in body.blocks]


def without_ids(value):
    if isinstance(value, dict):
        return {key: without_ids(part) for key, part in value.items() if key != "id"}
    return [without_ids(part) for part in value] if isinstance(value, list) else value


def item(value):
    return {"type": "item", "value": value}


def test_headings_paragraphs_and_lists_become_headings_and_texts():
    text = "## اول این‌ها\n\nکابل **شل** است و *گرم*؛ `192.168.1.1`\n\n- یک\n- دو\n\n### ریز\n\n1. برق\n2. خط\n"

    assert blocks_of(text) == [
        ("heading", "اول این‌ها"),
        (
            "paragraph",
            (
                "<p>کابل <b>شل</b> است و <i>گرم</i>؛ <code>192.168.1.1</code></p><ul><li>یک</li><li>دو</li></ul>"
                "<h3>ریز</h3><ol><li>برق</li><li>خط</li></ol>"
            ),
        ),
    ]


def test_a_numbered_list_of_bold_titles_becomes_steps_with_their_pictures():
    text = (
        "1. **مودم را از برق بکشید.** ۳۰ ثانیه صبر کنید.\n\n   ![جلوی مودم](x2-front.png)\n"
        "2. **کابل را محکم کنید:** هر دو سر را.\n\n   - تا صدای تق\n"
    )

    assert blocks_of(text) == [
        (
            "steps",
            [
                item(
                    {
                        "title": "مودم را از برق بکشید",
                        "text": "<p>۳۰ ثانیه صبر کنید.</p>",
                        "image": 3,
                        "alt": "جلوی مودم",
                        "more": [],
                    }
                ),
                item(
                    {
                        "title": "کابل را محکم کنید",
                        "text": "<p>هر دو سر را.</p><ul><li>تا صدای تق</li></ul>",
                        "image": None,
                        "alt": "",
                        "more": [],
                    }
                ),
            ],
        )
    ]


def test_a_single_bold_item_stays_a_list():
    assert blocks_of("1. **تنها.** متن\n") == [("paragraph", "<ol><li><b>تنها.</b> متن</li></ol>")]


def test_a_table_keeps_its_headings_and_empty_cells():
    text = "| چراغ | یعنی |\n|---|---|\n| **NET** | [بازنشانی](article:reset-router) |\n| | خاموش |\n"

    assert blocks_of(text) == [
        (
            "table",
            {
                "columns": [{"type": "text", "heading": "چراغ"}, {"type": "text", "heading": "یعنی"}],
                "rows": [
                    {"values": ["<p><b>NET</b></p>", '<p><a linktype="page" id="7">بازنشانی</a></p>']},
                    {"values": ["", "<p>خاموش</p>"]},
                ],
                "caption": "",
            },
        )
    ]


def test_boxes_become_notes_accordions_and_product_switches():
    text = (
        "::: warning دکمهٔ RESET را نزنید\nهمه چیز پاک می‌شود.\n:::\n\n"
        "::: details چرا شب‌ها؟\nاز نویز.\n:::\n\n::: details قبض؟\nبله.\n:::\n\n"
        "::: product x1\nدکمه پشت است.\n:::\n\n::: product x2\nدکمه جلو است.\n:::\n"
    )

    assert blocks_of(text) == [
        ("note", {"kind": "warning", "title": "دکمهٔ RESET را نزنید", "text": "<p>همه چیز پاک می‌شود.</p>", "more": []}),
        (
            "accordion",
            [
                item({"question": "چرا شب‌ها؟", "answer": "<p>از نویز.</p>", "more": []}),
                item({"question": "قبض؟", "answer": "<p>بله.</p>", "more": []}),
            ],
        ),
        (
            "product_switch",
            [
                item({"products": [item(1)], "content": [{"type": "paragraph", "value": "<p>دکمه پشت است.</p>"}]}),
                item({"products": [item(2)], "content": [{"type": "paragraph", "value": "<p>دکمه جلو است.</p>"}]}),
            ],
        ),
    ]


def test_pictures_and_sounds_on_lines_of_their_own_become_blocks():
    text = '![جلوی مودم نورا](x2-front.png "چهار چراغ")\n\n![[audio:phone-tones]]\n'

    assert blocks_of(text) == [
        ("picture", {"image": 3, "alt": "جلوی مودم نورا", "caption": "چهار چراغ"}),
        ("media", {"media": 5, "caption": ""}),
    ]


def test_code_blocks_and_quotations_find_a_place():
    assert blocks_of("```\nping 1.1.1.1\n<b>\n```\n\n> فقط با اجازهٔ مالک\n", "en") == [
        ("code", {"title": "", "language": "", "code": "ping 1.1.1.1\n<b>"}),
        ("note", {"kind": "info", "title": "", "text": "<p>فقط با اجازهٔ مالک</p>", "more": []}),
    ]


def test_the_blocks_are_what_the_article_body_takes():
    text = "## یک\n\nمتن\n\n1. **الف.** ب\n2. **پ.** ت\n\n| ا | ب |\n|---|---|\n| ۱ | ۲ |\n\n::: tip\nنکته\n:::\n"
    body = parse_body(text, language="fa", key="a:fa", resolver=Resolver())
    block = ArticleBody()

    cleaned = block.clean(block.to_python(body.blocks))

    assert [child.block_type for child in cleaned] == ["heading", "paragraph", "steps", "table", "note"]
    assert json.loads(json.dumps(block.get_prep_value(cleaned))) == body.blocks


def test_the_same_text_makes_the_same_blocks_and_twins_differ():
    first, second = (
        parse_body("## یک\n\n## یک\n", language="fa", key="a:fa", resolver=Resolver()) for _twice in (1, 2)
    )

    assert first.blocks == second.blocks
    assert first.blocks[0]["id"] != first.blocks[1]["id"]


def test_an_unknown_article_leaves_its_words_and_a_note():
    body = parse_body("متن\n\n[راهنما](article:gone)", language="fa", key="a:fa", resolver=Resolver(), first_line=4)

    assert body.blocks[0]["value"] == "<p>متن</p><p>راهنما</p>"
    assert [(note.field, note.line, "gone" in note.message) for note in body.notes] == [("body", 7, True)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("متن\n\n<script>alert(1)</script>\n", 13),
        ("متن <foo>درشت</foo>\n", 11),
        ("[بد](javascript:alert(1))\n", 11),
        ("[بد](data:text/html,x)\n", 11),
        ("[بد](//evil.example)\n", 11),
        ("[بد](#anchor)\n", 11),
        ("[بد](ftp://x)\n", 11),
        ("![](x2-front.png)\n", 11),
        ("![پشت](gone.png)\n", 11),
        ("![پشت](data:image/png;base64,AAAA)\n", 11),
        ("![[audio:gone]]\n", 11),
        ("متن\n\n::: warning\nباز مانده\n", 13),
        ("::: danger-zone\nچه؟\n:::\n", 11),
        ("متن\n\n:::\n", 13),
        ("::: product x1\nتنها\n:::\n", 11),
        ("::: product x1\nیک\n:::\n\n::: product x2\nدو\n:::\n\n::: product zz\nسه\n:::\n", 19),
        ("متن\n\n{{ site.name }}\n", 13),
        ("متن\n\n{{< unknown >}}\n", 13),
        ("متن\nدوم {% unknown x %} متن\n", 12),
        ("import Tabs from '@theme/Tabs';\n\nمتن\n", 11),
        ("متن\n\n<Steps2 id={1} />\n", 13),
        ('متن\n\n--8<-- "parts/x.md"\n', 13),
        ("```mermaid\nA-->B\n```\n", 11),
        ('<iframe src="https://www.aparat.com/embed/1"></iframe>\n', 11),
        ("<form><input name=q>متن</form>\n", 11),
    ],
)
def test_what_cannot_be_shown_is_told_with_its_line(text, line):
    body = parse_body(text, language="fa", key="a:fa", resolver=Resolver(), first_line=10)

    assert [(note.line, note.field) for note in body.notes] == [(line, "body")]


def test_every_place_is_told_once():
    notes = parse_body(
        "<foo>x</foo>\n\n[بد](ftp://x)\n\n![پشت](gone.png)\n", language="fa", key="a", resolver=Resolver()
    ).notes

    assert [note.line for note in notes] == [1, 3, 5]


@pytest.mark.parametrize(
    "address",
    [
        "http://192.168.1.1/",
        "http://192.168.1.1",
        "https://noora.example/a?b=1&c=2",
        "mailto:a@noora.example",
        "tel:+982191000000",
        "/fa/",
    ],
)
def test_ordinary_addresses_are_kept(address):
    escaped = address.replace("&", "&amp;")

    assert blocks_of(f"[نشانی]({address})") == [("paragraph", f'<p><a href="{escaped}">نشانی</a></p>')]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("روی X2 ۴ چراغ هست", "روی X2 \u200f۴ چراغ هست"),
        ("برای X2، ۴ گام", "برای X2، \u200f۴ گام"),
        ("<b>iOS</b> ۱۶", "<b>iOS</b> \u200f۱۶"),
        ("فیبر ۵۰ یا VDSL ۴۰", "فیبر ۵۰ یا VDSL \u200f۴۰"),
        ("X2 چهار، ۴", "X2 چهار، ۴"),
        ("۴ چراغ X2", "۴ چراغ X2"),
        ("نسخهٔ 4.12.0", "نسخهٔ 4.12.0"),
        ("با ۰۲۱-۹۱۰۰۰۰۰۰ تماس بگیرید", "با ۰۲۱-۹۱۰۰۰۰۰۰ تماس بگیرید"),
    ],
)
def test_persian_digits_do_not_stick_to_a_latin_word_before_them(text, safe):
    assert bidi_safe(text, "fa") == safe
    assert bidi_safe(text, "en") == text


def test_titles_texts_and_cells_of_persian_articles_are_made_safe():
    text = "## مودم X2 ۴ چراغ دارد\n\n1. **X2 ۴ دارد.** و X1 ۳ تا.\n2. **باز.** هم\n\n| X2 ۴ |\n|---|\n| `X2` ۴ |\n"

    found = json.dumps(blocks_of(text), ensure_ascii=False)

    assert found.count("\u200f۴") == 4
    assert found.count("\u200f۳") == 1
