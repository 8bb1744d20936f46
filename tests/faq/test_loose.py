"""Conversion of what people write to blocks: nothing is refused."""

from __future__ import annotations

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

    assert blocks_of(text) == [
        ("paragraph", "<p>خط یک<br/>خط <b>دو</b></p><ul><li>الف</li><li>ب</li></ul>"),
        ("code", {"title": "", "language": "bash", "code": "ping 10.0.0.1\nls <x>"}),
    ]


def test_steps_are_recognised():
    (name, value), *rest = blocks_of("1. **مودم را خاموش کنید**: یک دقیقه\n2. **روشن کنید**\n")

    assert (name, rest) == ("steps", [])
    assert [step["value"]["title"] for step in value] == ["مودم را خاموش کنید", "روشن کنید"]


def test_pictures_stand_where_they_were_and_one_that_is_gone_leaves_its_words():
    found = blocks_of("ببینید\n![چراغ قرمز](upload:3)\nهمین\n\n![](upload:3)\n\n![رفته](upload:9)\n\nپایان")

    assert found == [
        ("paragraph", "<p>ببینید</p>"),
        ("picture", {"image": 3, "alt": "چراغ قرمز", "caption": ""}),
        ("paragraph", "<p>همین</p>"),
        ("picture", {"image": 3, "alt": "…", "caption": ""}),
        ("paragraph", "<p><i>رفته</i></p><p>پایان</p>"),
    ]


def test_pictures_and_code_in_lists_are_kept():
    (_name, value), *rest = blocks_of(
        "- یک\n\n      ls\n- ![چراغ](upload:3)\n\n> نقل\n>\n> | الف |\n> |---|\n> | ب |\n"
    )

    items = [[(block["type"], block["value"]) for block in item["value"]] for item in value["items"]]
    assert items == [
        [("paragraph", "<p>یک</p>"), ("code", {"title": "", "language": "", "code": "ls"})],
        [("picture", {"image": 3, "alt": "چراغ", "caption": ""})],
    ]
    ((name, note),) = rest
    assert (name, note["text"], [block["type"] for block in note["more"]]) == ("note", "<p>نقل</p>", ["table"])


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
