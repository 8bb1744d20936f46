"""What people write, in the syntax of every system, and the blocks it becomes.

`shape` writes blocks in one line: `h` a heading, `p` a text, `code:bash`, `note:tip Title`, … and what is in them in brackets.
"""

from __future__ import annotations

import pytest
from django.utils.translation import override

from faq.importing.errors import FileProblemError
from faq.importing.markdown import parse_body


class Resolver:
    """Knows the picture x.png, the sound bell, the products x1 and x2, and the pages راهنما and other.md."""

    def page_id(self, article):
        return {"راهنما": 7, "other.md": 8, "reset": 9}.get(article)

    def picture_id(self, name):
        if name.rpartition("/")[2] != "x.png":
            raise FileProblemError(f"no {name}")
        return 3

    def media_id(self, kind, name, title):
        if name != "bell":
            raise FileProblemError(f"no {name}")
        return 5

    def product_id(self, code):
        return {"x1": 1, "x2": 2}.get(code)


def parsed(text, form="markdown"):
    return parse_body(text, language="en", key="a", resolver=Resolver(), form=form)


def shape(blocks):
    return " | ".join(map(_shape, blocks))


def _shape(block):  # noqa: C901, PLR0911 - one return for every kind of block
    name, value = block["type"], block["value"]
    if name == "heading":
        return f"h {value}"
    if name == "paragraph":
        return value
    if name == "code":
        return f"code:{value['language']}" + (f" «{value['title']}»" if value["title"] else "") + f" {value['code']!r}"
    if name == "note":
        return f"note:{value['kind']} {_more(value['title'], value['text'], value)}"
    if name == "table":
        heads = ",".join(column["heading"] for column in value["columns"])
        return f"table {heads} " + " ".join(str(row["values"]) for row in value["rows"])
    if name == "picture":
        return f"picture {value['alt']}" + (f" «{value['caption']}»" if value["caption"] else "")
    if name == "items":
        return f"items {value['start'] if value['numbered'] else '•'} " + " ".join(
            f"[{shape(i['value'])}]" for i in value["items"]
        )
    parts = [item["value"] for item in value] if isinstance(value, list) else []
    if name == "steps":
        return "steps " + " ".join(f"[{_more(step['title'], step['text'], step)}]" for step in parts)
    if name == "accordion":
        return "accordion " + " ".join(f"[{_more(item['question'], item['answer'], item)}]" for item in parts)
    if name == "tabs":
        return "tabs " + " ".join(f"[{tab['title']}: {shape(tab['content'])}]" for tab in parts)
    return name


def _more(title, text, value):
    return " ".join(filter(None, (f"«{title}»" if title else "", text, shape(value["more"]))))


SNIPPETS = [
    # Text
    ("سلام **دنیا** و *کج*", "<p>سلام <b>دنیا</b> و <i>کج</i></p>"),
    ("سطر یک\nسطر دو", "<p>سطر یک سطر دو</p>"),
    ("سطر یک  \nسطر دو\\\nسه", "<p>سطر یک<br/>سطر دو<br/>سه</p>"),
    ("~~رفته~~ و `کد`", "<p><s>رفته</s> و <code>کد</code></p>"),
    ("==مهم== است", "<p><mark>مهم</mark> است</p>"),
    ("a == b == c", "<p>a == b == c</p>"),
    ("<kbd>Ctrl</kbd>+<kbd>C</kbd>", "<p><kbd>Ctrl</kbd>+<kbd>C</kbd></p>"),
    ("x<sup>2</sup> H<sub>2</sub>O", "<p>x<sup>2</sup> H<sub>2</sub>O</p>"),
    ("&copy; &lt;b&gt; &amp; &nbsp;.", "<p>© &lt;b&gt; &amp; \xa0.</p>"),
    (":smile: می‌ماند", "<p>:smile: می‌ماند</p>"),
    ("متن ^block-1", "<p>متن</p>"),
    ("پنهان %%یادداشت%% نیست", "<p>پنهان نیست</p>"),
    ("پنهان <!-- یادداشت --> نیست", "<p>پنهان نیست</p>"),
    ("پنهان {/* یادداشت */} نیست", "<p>پنهان نیست</p>"),
    ("%%\nهمه\nپنهان\n%%\nپیدا", "<p>پیدا</p>"),
    ("الف\n\n---\n\nب", "<p>الف</p><hr/><p>ب</p>"),
    ("<u>زیرخط</u> <font color=red>سرخ</font>", "<p>زیرخط سرخ</p>"),
    ("$a_1 + b$ و $5 است", "<p><code>$a_1 + b$</code> و $5 است</p>"),
    ("$$\nE = mc^2\n$$", "code:latex 'E = mc^2'"),
    ("نشانی https://noora.example/a?b=1&c=2.", '<p>نشانی <a href="https://noora.example/a?b=1&amp;c=2">https://noora.example/a?b=1&amp;c=2</a>.</p>'),
    ("<https://noora.example/>", '<p><a href="https://noora.example/">https://noora.example/</a></p>'),
    # Headings
    ("# یک\n\n## دو\n\n### سه", "h یک | h دو | <h3>سه</h3>"),
    ("یک\n===\n\nدو\n---", "h یک | h دو"),
    ("## یک {#first}\n\n[برو](#first)", 'h یک | <p><a href="#s-یک">برو</a></p>'),
    ("## یک {: #first .no_toc }\n\n[برو](#first)", 'h یک | <p><a href="#s-یک">برو</a></p>'),
    ("## نصب نورا\n\n[برو](#نصب-نورا)", 'h نصب نورا | <p><a href="#s-نصب-نورا">برو</a></p>'),
    ("## What's new?\n\n[go](#whats-new)", 'h What\'s new? | <p><a href="#s-whats-new">go</a></p>'),
    ("## یک\n\n## یک {#two}\n\n[برو](#two)", 'h یک | h یک | <p><a href="#s-یک-2">برو</a></p>'),
    ('<a name="old"></a>\n\n## یک\n\n[برو](#old)', 'h یک | <p><a href="#s-یک">برو</a></p>'),
    ("## **درشت** `کد`", "h درشت کد"),
    # Links
    ("[ر](other.md)", '<p><a linktype="page" id="8">ر</a></p>'),
    ("[ر](other.md#install)", '<p><a linktype="page" id="8" anchor="s-install">ر</a></p>'),
    ("[ر](article:reset)", '<p><a linktype="page" id="9">ر</a></p>'),
    ("[[راهنما]]", '<p><a linktype="page" id="7">راهنما</a></p>'),
    ("[[راهنما|این]]", '<p><a linktype="page" id="7">این</a></p>'),
    ("[[راهنما#بخش یک|این]]", '<p><a linktype="page" id="7" anchor="s-بخش-یک">این</a></p>'),
    ("[[نیست|این]]", "<p>این</p>"),
    ('[ر]({{< ref "other.md" >}})', '<p><a linktype="page" id="8">ر</a></p>'),
    ("[ر]({% link other.md %}#a)", '<p><a linktype="page" id="8" anchor="s-a">ر</a></p>'),
    ("[ر]({{ site.baseurl }}/fa/)", '<p><a href="/fa/">ر</a></p>'),
    ('[ر](https://x.example){:target="_blank"}', '<p><a href="https://x.example">ر</a></p>'),
    ("[ر](https://x.example){ .md-button }", '<p><a href="https://x.example">ر</a></p>'),
    ("[ر][1]\n\n[1]: https://x.example", '<p><a href="https://x.example">ر</a></p>'),
    ("[بد](javascript:alert(1))", "<p>بد</p>"),
    ("متن[^1]\n\n[^1]: پانویس", "<p>متن<sup>1</sup></p><ol><li>پانویس</li></ol>"),
    ("متن\n\n[^1]: بی‌نشان", "<p>متن</p><p>بی‌نشان</p>"),
    # Lists
    ("- الف\n- ب", "<ul><li>الف</li><li>ب</li></ul>"),
    ("1. الف\n   - ب\n     1. پ\n2. ت", "<ol><li>الف<ul><li>ب<ol><li>پ</li></ol></li></ul></li><li>ت</li></ol>"),
    ("- الف\n\n  دوم\n- ب", "<ul><li>الف<br/>دوم</li><li>ب</li></ul>"),
    ("- [ ] الف\n- [x] ب", "<ul><li>☐ الف</li><li>☑ ب</li></ul>"),
    ("3. سه\n4. چهار", "items 3 [<p>سه</p>] [<p>چهار</p>]"),
    ("1. یک\n\n   ```\n   a\n   ```\n2. دو", "items 1 [<p>یک</p> | code: 'a'] [<p>دو</p>]"),
    ("- یک\n\n  ![چراغ](x.png)", "items • [<p>یک</p> | picture چراغ]"),
    ("- یک\n\n  > !\n- دو", "items • [<p>یک</p> | note:info <p>!</p>] [<p>دو</p>]"),
    ("- یک\n\n  !!! tip\n      نکته", "items • [<p>یک</p> | note:tip <p>نکته</p>]"),
    ("1. **الف.** یک\n2. **ب:** دو", "steps [«الف» <p>یک</p>] [«ب» <p>دو</p>]"),
    ("1. **الف**\n\n   ```sh\n   ls\n   ```\n2. **ب**", "steps [«الف» code:sh 'ls'] [«ب»]"),
    ("چراغ\n: روشن\n: خاموش", "<p><b>چراغ</b></p><p>روشن</p><p>خاموش</p>"),
    # Code
    ("```bash\nif x\n    y\n\nz\n```", "code:bash 'if x\\n    y\\n\\nz'"),
    ("~~~\n```\n~~~", "code: '```'"),
    ("    a\n\n      b", "code: 'a\\n\\n  b'"),
    ('```js title="a.js" {1,3-4} showLineNumbers\nx\n```', "code:js «a.js» 'x'"),
    ('``` py hl_lines="2 3" linenums="1"\nx\n```', "code:py 'x'"),
    ('```{ .yaml .annotate title="c" }\nx\n```', "code:yaml «c» 'x'"),
    ("```js{4} [config.js]\nx\n```", "code:js «config.js» 'x'"),
    ("```go {linenos=table}\nx\n```", "code:go 'x'"),
    ("{% highlight ruby linenos %}\ndef a\n  b\n{% endhighlight %}", "code:ruby 'def a\\n  b'"),
    ("{{< highlight go >}}\na := 1\n{{< /highlight >}}", "code:go 'a := 1'"),
    ("> ```\n> a\n> ```", "note:info code: 'a'"),
    ('<pre><code class="language-json">{\n  1\n}</code></pre>', "code:json '{\\n  1\\n}'"),
    # Notes
    ('!!! warning "عنوان"\n    متن\n\n    دوم', "note:warning «عنوان» <p>متن</p><p>دوم</p>"),
    ("!!! note\n    متن\n\nبیرون", "note:info <p>متن</p> | <p>بیرون</p>"),
    ('!!! danger ""\n    متن', "note:danger <p>متن</p>"),
    ("!!! note\n    ```py\n    a\n    ```", "note:info code:py 'a'"),
    ('??? note "بیشتر"\n    متن', "accordion [«بیشتر» <p>متن</p>]"),
    ('???+ tip "بیشتر"\n    متن', "accordion [«بیشتر» <p>متن</p>]"),
    ("> [!WARNING]\n> متن", "note:warning <p>متن</p>"),
    ("> [!TIP]\n> - الف", "note:tip <ul><li>الف</li></ul>"),
    ("> [!note] عنوان\n> متن", "note:info «عنوان» <p>متن</p>"),
    ("> [!faq]- پرسش؟\n> پاسخ", "accordion [«پرسش؟» <p>پاسخ</p>]"),
    ("> [!custom]\n> متن", "note:info «Custom» <p>متن</p>"),
    ("> نقل قول", "note:info <p>نقل قول</p>"),
    ("::: tip عنوان\nمتن\n:::", "note:tip «عنوان» <p>متن</p>"),
    (":::tip[عنوان]\nمتن\n:::", "note:tip «عنوان» <p>متن</p>"),
    (":::caution عنوان\n\nمتن\n\n:::", "note:warning «عنوان» <p>متن</p>"),
    ("::: هشدار\nمتن\n:::", "note:warning <p>متن</p>"),
    ("::: warning بیرون\n::: tip درون\nمتن\n:::\n:::", "note:warning «بیرون» <p><b>درون</b></p><p>متن</p>"),
    (":::: info بیرون\n::: tip\nمتن\n:::\n::::", "note:info «بیرون» <p>متن</p>"),
    ("::: {.callout-warning}\nمتن\n:::", "note:warning <p>متن</p>"),
    ("```{note} عنوان\nمتن\n```", "note:info «عنوان» <p>متن</p>"),
    ("/// warning | عنوان\nمتن\n///", "note:warning «عنوان» <p>متن</p>"),
    ("<Tip>متن **درشت**</Tip>", "note:tip <p>متن <b>درشت</b></p>"),
    ('<Warning title="عنوان">\n  متن\n</Warning>', "note:warning «عنوان» <p>متن</p>"),
    ('<Callout type="error">\n\nمتن\n\n</Callout>', "note:danger <p>متن</p>"),
    ('<Aside type="caution" title="T">\nمتن\n</Aside>', "note:warning «T» <p>متن</p>"),
    ("{: .note }\nمتن", "note:info <p>متن</p>"),
    ("{: .warning }\n> متن", "note:warning <p>متن</p>"),
    ("متن\n{: .tip}", "note:tip <p>متن</p>"),
    ("{: .note-title }\n> عنوان\n>\n> متن", "note:info «عنوان» <p>متن</p>"),
    ('{{< callout type="warning" >}}\nمتن\n{{< /callout >}}', "note:warning <p>متن</p>"),
    ('{{% notice warning "عنوان" %}}\nمتن\n{{% /notice %}}', "note:warning «عنوان» <p>متن</p>"),
    ('{{< alert "info" >}}متن{{< /alert >}}', "note:info <p>متن</p>"),
    ('{{% alert title="عنوان" color="danger" %}}\nمتن\n{{% /alert %}}', "note:danger «عنوان» <p>متن</p>"),
    ("{{< tip >}}\nمتن\n{{< /tip >}}", "note:tip <p>متن</p>"),
    ('{% include note.html content="متن **درشت**" %}', "note:info <p>متن <b>درشت</b></p>"),
    ('{% hint style="danger" %}\nمتن\n{% endhint %}', "note:danger <p>متن</p>"),
    ('<div class="admonition tip"><p class="admonition-title">عنوان</p><p>متن</p></div>', "note:tip «عنوان» <p>متن</p>"),
    ('<div class="alert alert-danger">متن</div>', "note:danger <p>متن</p>"),
    ('<p class="note">متن</p>', "note:info <p>متن</p>"),
    ('<div class="note" markdown="1">\nمتن **درشت**\n</div>', "note:info <p>متن <b>درشت</b></p>"),
    ("!!! note\n    | ا |\n    |---|\n    | ب |", "note:info table ا ['<p>ب</p>']"),
    ("!!! note\n    ## سر\n    متن", "note:info <p><b>سر</b></p><p>متن</p>"),
    # Questions and tabs
    ("<details><summary>پرسش</summary>\n\nمتن **درشت**\n\n</details>", "accordion [«پرسش» <p>متن <b>درشت</b></p>]"),
    ("<details>\n<summary>پرسش</summary>\nمتن **درشت**\n</details>", "accordion [«پرسش» <p>متن <b>درشت</b></p>]"),
    ("::: details پرسش\nمتن\n:::", "accordion [«پرسش» <p>متن</p>]"),
    ("::: details پرسش\n```\na\n```\n:::", "accordion [«پرسش» code: 'a']"),
    ('{{< expand "پرسش" >}}\nمتن\n{{< /expand >}}', "accordion [«پرسش» <p>متن</p>]"),
    ('=== "لینوکس"\n    الف\n\n=== "ویندوز"\n    ب', "tabs [لینوکس: <p>الف</p>] [ویندوز: <p>ب</p>]"),
    ('=== "الف"\n\n    ```sh\n    ls\n    ```', "tabs [الف: code:sh 'ls']"),
    (
        '<Tabs>\n  <TabItem value="a" label="الف">\n\n    متن\n\n  </TabItem>\n  <TabItem value="b">ب</TabItem>\n</Tabs>',
        "tabs [الف: <p>متن</p>] [b: <p>ب</p>]",
    ),
    ("::: code-group\n```sh [npm]\ni\n```\n```sh [yarn]\ny\n```\n:::", "tabs [npm: code:sh «npm» 'i'] [yarn: code:sh «yarn» 'y']"),
    # One mark that closes two boxes; what follows is in neither.
    (
        "::: warning مهم\nمتن:\n\n::: code-group\n```sh [npm]\ni\n```\n:::\n\n## بعد\n\n::: tip\nنکته\n:::",
        "note:warning «مهم» <p>متن:</p><p><b>npm</b></p> code:sh «npm» 'i' | h بعد | note:tip <p>نکته</p>",
    ),
    # HTML ends where code begins, with or without an empty line.
    ("<div>\nمتن\n</div>\n```html\n<button>\n```\nبعد", "<p>متن</p> | code:html '<button>' | <p>بعد</p>"),
    ("<pre>\n```\nمتن\n```\n</pre>", "code: '```\\nمتن\\n```'"),
    ("::: tabs\n@tab الف\nیک\n@tab ب\nدو\n:::", "tabs [الف: <p>یک</p>] [ب: <p>دو</p>]"),
    (":::: tabs\n::: tab الف\nیک\n:::\n::: tab ب\nدو\n:::\n::::", "tabs [الف: <p>یک</p>] [ب: <p>دو</p>]"),
    ('{{< tabs >}}\n{{% tab "الف" %}}\nیک\n{{% /tab %}}\n{{< /tabs >}}', "tabs [الف: <p>یک</p>]"),
    ('{% tabs %}\n{% tab title="الف" %}\nیک\n{% endtab %}\n{% endtabs %}', "tabs [الف: <p>یک</p>]"),
    # Tables
    ("| ا | ب |\n|:--|--:|\n| ۱ | `۲` |", "table ا,ب ['<p>۱</p>', '<p><code>۲</code></p>']"),
    ("| ا |\n|---|\n| a<br>b |", "table ا ['<p>a<br/>b</p>']"),
    ("<table><tr><th>ا</th><th>ب</th></tr><tr><td colspan=2>پ</td></tr></table>", "table ا,ب ['<p>پ</p>', '']"),
    ("<table><tr><td rowspan=2>ا<td>ب<tr><td>پ</table>", "table , ['<p>ا</p>', '<p>ب</p>'] ['', '<p>پ</p>']"),
    ("<table><tr><td><ul><li>ا</li><li>ب</li></ul></td></tr><tr><td>پ</td></tr></table>", "table  ['<p>• ا</p><p>• ب</p>'] ['<p>پ</p>']"),
    # Pictures
    ('![چراغ](x.png "زیر")', "picture چراغ «زیر»"),
    ("متن ![چراغ](x.png) متن", "<p>متن متن</p> | picture چراغ"),
    ("یک\n![چراغ](x.png)\nدو", "<p>یک</p> | picture چراغ | <p>دو</p>"),
    ('<img src="/img/x.png" alt="چراغ" width=20>', "picture چراغ"),
    ("<figure><img src=x.png alt=چراغ><figcaption>زیر</figcaption></figure>", "picture چراغ «زیر»"),
    ('{{< figure src="x.png" alt="چراغ" caption="زیر" >}}', "picture چراغ «زیر»"),
    ('{% include image.html file="x.png" alt="چراغ" %}', "picture چراغ"),
    ("![[x.png|چراغ]]", "picture چراغ"),
    ("![[x.png|300]]", "picture …"),
    ("![چراغ](x.png){ width=300 }", "picture چراغ"),
    ("[![چراغ](x.png)](https://x.example)", 'picture چراغ | <p><a href="https://x.example">چراغ</a></p>'),
    ("![نشان](https://x.example/b.svg)", '<p><a href="https://x.example/b.svg">نشان</a></p>'),
    ("![رفته](gone.png)", "<p><i>رفته</i></p>"),
    # What stays behind
    ("import A from './a'\nimport {B} from \"b\"\n\nمتن", "<p>متن</p>"),
    ("import را از این‌جا بخوانید", "<p>import را از این‌جا بخوانید</p>"),
    ("{{ site.title }} و {% raw %}{{ x }}{% endraw %}", "<p>{{ site.title }} و {{ x }}</p>"),
    ("[TOC]\n\nمتن", "<p>متن</p>"),
    ("متن <script>alert(1)</script>", "<p>متن</p>"),
    ("<style>p{}</style>\n\nمتن", "<p>متن</p>"),
    ('<iframe src="https://www.youtube.com/embed/abc" title="فیلم"></iframe>', '<p><a href="https://www.youtube.com/watch?v=abc">فیلم</a></p>'),
    ("<Unknown a={1}>\nمتن **درشت**\n</Unknown>", "<p>متن <b>درشت</b></p>"),
    ('<Card title="کارت" href="/a">\nمتن\n</Card>', '<p><a href="/a">کارت</a></p><p>متن</p>'),
    ("<b onclick=x>درشت</b>", "<p><b>درشت</b></p>"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SNIPPETS)
def test_what_people_write_becomes_the_blocks_it_means(text, expected):
    assert shape(parsed(text).blocks) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## دستور `ls`", ["code"]),
        ("## دستور [ls](other.md)", ["link"]),
        ("## دستور [`ls`](other.md)", ["code", "link"]),
        ("### دستور `ls`", []),
        ("## **دستور** {#x}", []),
    ],
)
def test_what_a_heading_cannot_hold_is_told(text, expected):
    with override("en"):
        notes = [problem.reason for problem in parsed(text).notes]

    assert [each for each in ("code", "link") if any(f"the {each} in this one" in note for note in notes)] == expected
