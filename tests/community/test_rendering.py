"""The renderer is a security boundary: nothing that members type may run, lead astray or take long."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community import rendering
from community.rendering import UploadedFile, beginning_of_source, excerpt, first_direction, parse, render
from community.services.texts import language_of
from portal.core.text import ZWNJ, normalise_input
from tests.community.fuzzing import PIECES, fuzz
from tests.community.judge import Judge, found_in, judged
from tests.community.payloads import PAYLOADS


def test_corpus_is_large_enough():
    assert len(set(PAYLOADS)) >= 300


def test_no_payload_gets_past_the_renderer():
    got_past = {text: problems for text in PAYLOADS if (problems := judged(text)[1])}

    assert got_past == {}


def test_no_payload_gets_past_it_inside_something_else():
    wrapped = [f"> - {text}" for text in PAYLOADS] + [f"| a |\n|---|\n| {text} |\n\n**{text}" for text in PAYLOADS]

    assert {text: problems for text in wrapped if (problems := judged(text)[1])} == {}


def test_the_judge_sees_what_must_not_pass():
    for html in (
        "<script>x</script>", '<a href="javascript:x">', '<p onclick="x">', '<img src="//evil/x">', "<p>\u202ex</p>",
        '<a href="https://example.com">', "<p style=x>", "<!-- x -->", "</p>", '<a href="//evil">', "<svg>",
    ):  # fmt: skip
        assert Judge(html).problems != [], html


def test_random_texts_do_not_get_past_it_either():
    """New ones each time; ``python -m tests.community.fuzzing`` takes an hour of them."""
    seed = random.randrange(10**9)  # noqa: S311 - no secret

    count, got_past = fuzz(seed=seed, seconds=8, most=4_000)

    assert got_past == {}, f"seed {seed}"
    assert count > 300


def test_the_fuzzer_finds_what_is_wrong(monkeypatch):
    monkeypatch.setattr(rendering, "_clean", lambda html: html)
    monkeypatch.setattr(rendering, "_escaped", lambda text: text)

    _count, got_past = fuzz(seed=1, seconds=8)

    assert len(got_past) == 20


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.sampled_from([*PAYLOADS[::7], *PIECES]), st.text(max_size=12)), max_size=24).map("".join))
def test_whatever_is_typed_stays_text(text):
    assert found_in(text) == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "می\u200cخواهم",
                "کتاب\u200cها",
                "نمی\u200cشود",
                "**",
                "`",
                "> ",
                "\n\n",
                "- ",
                " ",
                "X2",
                "_",
                "[x](post:1)",
            ]
        ),
        min_size=1,
        max_size=20,
    ).map(" ".join)
)
def test_half_spaces_survive_every_step(text):
    stored = normalise_input(text)
    html = render(stored)

    assert stored.count(ZWNJ) == text.count(ZWNJ)
    assert html.count(ZWNJ) == text.count(ZWNJ)
    assert parse(stored).plain_text().count(ZWNJ) == text.count(ZWNJ)


def test_an_address_of_nothing_is_no_link():
    assert render("[x]() ![y]() <z>") == '<p dir="auto">x y &lt;z&gt;</p>'


@pytest.mark.parametrize("line_end", ["\r", "\r\n", "\n\r", "\r\r"])
def test_any_line_end_ends_a_line_of_what_is_quoted(line_end):
    assert beginning_of_source(f"یک{line_end}دو{line_end}{line_end}سه", 100, picture="").splitlines()[0] == "یک"


# What it makes -------------------------------------------------------------------------------------------------------


def test_blocks_take_the_direction_of_their_text_and_code_is_left_to_right():
    html = render(
        "سلام\n\n> نقل\n\n- یک\n- دو\n\n1. one\n\n```\nچراغ = on\n```\n\nاین `کد` است\n\n| الف | b |\n|-|-|\n| ۱ | ۲ |"
    )

    assert '<p dir="auto">سلام</p>' in html
    assert '<blockquote dir="rtl"><p dir="auto">نقل</p>' in html
    assert '<ul dir="rtl">' in html
    assert '<ol dir="ltr">' in html
    assert '<pre dir="ltr" tabindex="0"><code>چراغ = on' in html
    assert '<code dir="ltr">کد</code>' in html
    assert '<div class="post-table" dir="rtl"><table>' in html
    assert html.count('dir="auto">') >= 5


def test_direction_is_that_of_the_first_letter():
    assert [first_direction(text) for text in ("123 سلام abc", "«X2» سلام", "۱۲۳ ...", "")] == ["rtl", "ltr", "", ""]


def test_latin_name_does_not_turn_the_quote_around():
    html = render("> [@mina](post:12):\n> مودم را خاموش کنید")

    assert '<blockquote class="post-quote" dir="rtl">' in html
    assert '<a dir="auto" class="post-link" href="/p/12/">@mina</a>' in html


@pytest.mark.parametrize(
    ("line", "quoted", "expected"),
    [
        ("kaveh_net نوشت:", "پکت‌ها گم می‌شوند", ("rtl", "rtl", "rtl")),
        ("مینا نوشت:", "the lamp is red", ("ltr", "rtl", "auto")),
        ("مینا wrote:", "چراغ قرمز است", ("rtl", "ltr", "ltr")),
        ("kaveh_net نوشت:", "```\n> ping 10.0.0.1\n> ```", ("rtl", "rtl", "rtl")),
    ],
)
def test_a_quote_and_the_line_above_it_have_their_own_directions(line, quoted, expected):
    html = render(f"> [{line}](post:7)\n>\n> {quoted}\n\nand more")

    quote, above, link = expected
    assert f'<blockquote class="post-quote" dir="{quote}"><p dir="{above}"><a dir="{link}"' in html


PICTURES = "متن ![چراغ قرمز](upload:3) و ![](upload:4)"
LONG = "این متن بلند است. " * 20


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("یک **دو**\nسه\n\n- چهار\n- پنج", "یک **دو**\nسه\n\n- چهار\n- پنج"),
        ("```sh\nping 10.0.0.1\n\n![](x)\n```\n\nقطع است", "```sh\nping 10.0.0.1\n\n![](x)\n```\n\nقطع است"),
        (PICTURES, "متن [چراغ قرمز] و [تصویر]"),
        ("> [x](post:3)\n>\n> قدیمی\n\nتازه", "تازه"),
        ("کوتاه\n\n" + LONG, "کوتاه\n\n…"),
        ("> فقط نقل", ""),
    ],
)
def test_the_beginning_of_a_text_is_quoted_in_whole_blocks(body, expected):
    assert beginning_of_source(body, 100, picture="تصویر") == expected


def test_a_long_block_is_cut_and_code_closed():
    code = "```\n" + "ping 10.0.0.1\n" * 50 + "```\n\nend"

    cut = beginning_of_source(code, 100, picture="")
    text = beginning_of_source(LONG, 100, picture="")

    assert cut.startswith("```\nping")
    assert cut.endswith("ping 10.0.0.1\n```\n\n…")
    assert len(cut) < 120
    assert text.endswith("\n\n…")
    assert len(text) < 110


def test_links_lead_where_they_say_and_search_engines_do_not_follow_them(settings):
    settings.BASE_URL = "https://portal.example"
    html = render("[x](https://example.com) https://portal.example/fa/ [y](/fa/help/) [z](#post-3)")

    assert '<a href="https://example.com" rel="nofollow ugc noopener">x</a>' in html
    assert '<a href="https://portal.example/fa/"><bdi dir="ltr">portal.example/fa</bdi></a>' in html
    assert '<a href="/fa/help/">y</a>' in html
    assert '<a href="#post-3">z</a>' in html
    assert parse("[x](https://example.com) https://portal.example/fa/").links == ["https://example.com"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ببینید https://example.com/a، بعد", "https://example.com/a"),
        ("(https://example.com/a_(b))", "https://example.com/a_(b)"),
        ("«https://example.com/a».", "https://example.com/a"),
        ("https://example.com/a?b=1&c=2!", "https://example.com/a?b=1&c=2"),
        ("نشانیhttps://example.com", None),
    ],
)
def test_bare_address_ends_where_a_person_thinks(text, address):
    assert parse(text).links == ([address] if address else [])


def test_names_are_people_only_if_there_are_such_people():
    parsed = parse("@Mina، سلام @nobody. نامه به x@example.com و `@mina` و [@mina](https://e.com) و @مینا\u200cها")

    assert parsed.handles == ["Mina", "nobody", "مینا"]
    html = parsed.to_html(people={"mina": "Mina"})
    assert html.count('<a class="mention" href="/u/Mina/">@<bdi>Mina</bdi></a>') == 1
    assert '<bdi dir="ltr">@nobody</bdi>.' in html


def test_too_many_names_are_no_longer_people():
    assert len(parse(" ".join(f"@name{n}" for n in range(50))).handles) == rendering.MAX_MENTIONS


def test_pictures_are_those_that_were_uploaded():
    parsed = parse("![چراغ](upload:5) ![ناپیدا](upload:6) ![دور](https://evil.example/x.png) [پرونده](upload:7)")
    html = parsed.to_html(
        uploads={5: UploadedFile(name="a.webp", width=40, height=30), 7: UploadedFile(name="log.txt")}
    )

    assert parsed.upload_ids == [5, 6, 7]
    assert '<img src="/f/5/a.webp" alt="چراغ" width="40" height="30" loading="lazy">' in html
    assert "evil.example/x.png" in html
    assert html.count("<img") == 1
    assert "ناپیدا" in html
    assert '<a class="post-file" href="/f/7/log.txt">پرونده</a>' in html


def test_code_is_coloured_by_class_and_stays_the_same_text():
    code = 'def چراغ(x):\n    return "<b>" # سلام\n'
    html = render(f"```python\n{code}```")

    assert '<code class="language-python"><span class="k">def</span>' in html
    assert (
        re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
        == code.rstrip() + "\n"
    )
    assert "<span" not in render(f"```python\n{'x = 1 ' * 2000}\n```")
    assert "<span" not in render("```nonsense\ndef x\n```")


def test_headings_begin_below_those_of_the_page():
    assert re.findall(r"<h\d", render("# a\n\n## b\n\n###### c")) == ["<h3", "<h4", "<h6"]


def test_line_ends_are_kept():
    assert "<br>" in render("یک\nدو")


def test_plain_text_and_excerpt_have_no_marks():
    body = "**سلام** [دنیا](https://example.com)\n\n- یک\n- `دو`\n\n![عکس](upload:1)"

    assert parse(body).plain_text() == "سلام دنیا\nیک\nدو\nعکس"
    assert excerpt(render(body), 12) == "سلام دنیا…"


def test_code_addresses_and_names_of_pictures_say_nothing_of_the_language():
    body = f"""![Screenshot of the router page](upload:1)

چراغ `wan0` قرمز است: https://example.com/{"long" * 30} و <https://example.com/b>

```
{"ping 10.0.0.1 " * 20}
```"""
    parsed = parse(body)

    assert parsed.prose() == "چراغ wan0 قرمز است: و"
    assert language_of(parsed.prose()) == "fa"
    assert language_of(parsed.plain_text()) == "en"
    assert parse("![Screenshot](upload:1)").prose() == "Screenshot"
    assert parse("https://example.com/a").prose() == "https://example.com/a"


def test_what_is_typed_as_an_entity_turns_nothing_around():
    assert render("a&#8238;b &rlm; &#x2066;c") == '<p dir="auto">ab  c</p>'


def test_an_excerpt_is_made_of_stored_html():
    html = render('a &amp; <b> &lt;i&gt; [x](/y "p > q")\n\n```py\nreturn 1\n```')

    assert excerpt(html, 100) == "a & <b> <i> x"
    assert excerpt(render("https://example.com/a\n\n`kept` b"), 100) == "kept b"
    assert excerpt(render("```\nonly code\n```"), 100) == "only code"
    assert excerpt("<p>word</p>" * 1000, 9).endswith("…")
    assert excerpt(f'<p>one <a href="/{"x" * 2000}">word</a></p>', 5) == "one…"  # cut inside a tag


@pytest.mark.parametrize("control", ["&#12;", "&#xC;", "\x01", "\x0c", "&#1;", "\x85", "&#x85;", "\ufffe", "\ud800"])
@pytest.mark.parametrize(
    "body",
    [
        "a{}b",
        "`a{}b`",
        "    a{}b",
        "```\na{}b\n```",
        "```py\na{}b\n```",
        '[a](/b "a{}b")',
        "![a{}b](https://x.example/)",
    ],
)
def test_nothing_is_kept_that_a_feed_cannot_contain(body, control):
    parsed = parse(body.format(control))

    for text in (parsed.to_html(), parsed.plain_text()):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]", text)


@pytest.mark.parametrize(
    "body", ["# a\n", "a\n\n", "- a\n", "-\n", "1. a\n", "> a\n\n", "> - a\n", "a\n=\n", "```\na\n```\n", "- a\n+ b\n"]
)
def test_after_very_many_blocks_the_rest_is_one_paragraph(body):
    parsed = parse(body * 16_000 + "END")

    assert rendering.MAX_BLOCKS <= len(parsed.tokens) < rendering.MAX_BLOCKS + 20
    whole = parse((body * 16_000)[:31_000] + "\n\nEND")
    assert "END" in whole.plain_text()


# Time ----------------------------------------------------------------------------------------------------------------

LENGTH = rendering.MAX_LENGTH
HOSTILE = {
    "brackets": "[" * LENGTH,
    "pictures": "![" * LENGTH,
    "links": "[a](" * LENGTH,
    "pairs": "[" * (LENGTH // 2) + "]" * (LENGTH // 2),
    "nested links": "[a " * 900 + "](b)" * 900,
    "emphasis": "*a **b " * LENGTH,
    "stars": "*_" * LENGTH,
    "code spans": "".join("`" * n + " " for n in range(1, 250)),
    "quotes": "> " * LENGTH,
    "deep quotes": "\n".join(">" * n + " a" for n in range(200)),
    "lists": "- " * LENGTH,
    "deep lists": "\n".join(" " * n + "- a" for n in range(250)),
    "many lists": "- a\n" * LENGTH,
    "wide table": "|" * 300 + "\n" + "|-" * 300 + "|\n" + "|\n" * 10_000,
    "long table": "|a" * 29 + "|\n" + "|-" * 29 + "|\n" + "a|\n" * 10_000,
    "definitions": "[a]: b\n" * LENGTH,
    "references": "[a]: /b\n\n" + "[a]" * LENGTH,
    "names": "@aaa " * LENGTH,
    "signs": "@" * LENGTH,
    "addresses": "http://a.b " * LENGTH,
    "brackets of addresses": "http://a.b/" + ")" * LENGTH,
    "entities": "&#x0;" * LENGTH,
    "angles": "<a <b " * LENGTH,
    "titles": '[a](b "' * LENGTH,
    "mix": "*_`[<" * LENGTH,
    "half-spaces": ZWNJ * LENGTH,
    "marks": "a" + "\u0301" * LENGTH,
    **{
        f"{language} code": f"```{language}\n{text[:5900]}\n```"
        for language in ("python", "js", "html", "css", "sql", "yaml", "bash", "php", "ruby", "json", "java", "cpp", "toml", "diff")
        for text in ["\n".join(["((((([[[[[{{{{{\"'`<!--/*" * 12] * 30)]
    },
}  # fmt: skip
#: Measured on idle cores: 0.7 s for the slowest. Quadratic work would take minutes.
SECONDS = 6.0


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_text_takes_no_longer_than_a_long_one(name):
    begun = time.process_time()
    html = render(HOSTILE[name][:LENGTH])

    assert time.process_time() - begun < SECONDS
    assert len(html) < 700_000


def test_longer_text_is_cut_before_it_is_parsed():
    assert len(parse("الف" * LENGTH).plain_text()) == LENGTH


def test_an_excerpt_has_no_words_of_others():
    quoted = "> بازنشانی کارخانه کن\n>\n> > عمیق‌تر\n\nلطفاً این کار را نکنید"

    assert excerpt(render(quoted), 100) == "لطفاً این کار را نکنید"
    assert excerpt(render("پیش\n\n> نقل\n\nپس"), 100) == "پیش پس"
    assert excerpt(render("> فقط نقل"), 100) == "فقط نقل"
    assert excerpt(render(">\n" + "> word\n" * 3000 + "\nown"), 100) == "own"
