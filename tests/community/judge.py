"""What HTML of a post may be, decided by a reader that knows nothing of how it was made."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

from community.rendering import UploadedFile, beginning_of_source, excerpt, parse
from portal.core.text import ZWNJ
from tests.community.payloads import BIDI

TAGS = {
    "p", "br", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "span", "a", "img", "strong", "em",
    "s", "hr", "table", "thead", "tbody", "tr", "th", "td", "div", "bdi",
}  # fmt: skip
ATTRIBUTES = {"href", "title", "rel", "class", "dir", "src", "alt", "width", "height", "loading", "tabindex"}
ADDRESS = re.compile(r"(?:https?://|mailto:|/(?![/\\])|#)", re.IGNORECASE)
#: Blocks of words: each finds its own direction, or has got one.
_WORDS = {"p", "h3", "h4", "h5", "h6", "th", "td"}
PEOPLE = {"name": "Name", "sara": "سارا"}
UPLOADS = {1: UploadedFile(name="چراغ.webp", width=4, height=3)}


class Judge(HTMLParser):
    """Reads HTML as a browser would."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.problems, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.problems.append(f"<{tag}>")
        if tag not in {"br", "hr", "img"}:
            self.open.append(tag)
        values = {name: value or "" for name, value in attrs}
        self.problems += [problem for name, value in values.items() for problem in self._attribute(tag, name, value)]
        if tag in _WORDS and values.get("dir") not in {"auto", "ltr", "rtl"}:
            self.problems.append(f"{tag} without a direction")
        if tag == "pre" and values.get("dir") != "ltr":
            self.problems.append("code is not left to right")
        if values.get("href", "").lower().startswith("http") and values.get("rel") != "nofollow ugc noopener":
            self.problems.append(f"rel of {values['href']!r}")

    @staticmethod
    def _attribute(tag, name, value):
        if name not in ATTRIBUTES:
            yield f"{tag} {name}"
        if any(control in value for control in BIDI):
            yield f"{tag} {name} turns direction"
        if name == "href" and not ADDRESS.match(value):
            yield f"href {value!r}"
        if name == "src" and not re.fullmatch(r"/f/\d+/[^/]*", value):
            yield f"src {value!r}"
        if name == "class" and not re.fullmatch(r"[a-z0-9 +#.-]*", value):
            yield f"class {value!r}"

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if any(control in data for control in BIDI):
            self.problems.append("text turns direction")

    def handle_comment(self, data):
        self.problems.append(f"comment {data!r}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def rendered(text):
    """The HTML of a text, with everything in it that may be looked up."""
    return parse(text).to_html(people=PEOPLE, uploads=UPLOADS)


def judged(text):
    """The HTML of a text, and what is wrong with it."""
    html = rendered(text)
    judge = Judge(html)
    return html, [*judge.problems, *(f"<{tag}> stays open" for tag in judge.open)]


def found_in(text):
    """Everything that is wrong with what is made of a text: the page, and the words of lists, mails and quotes."""
    html, problems = judged(text)
    if nh3.clean(html, tags=TAGS, link_rel=None, attributes={"*": ATTRIBUTES}) != html:
        problems.append("another parser reads something else")
    if rendered(text) != html:
        problems.append("it is not the same twice")
    plain = parse(text).plain_text()
    problems += [
        f"{name} turns direction"
        for name, words in {"plain text": plain, "excerpt": excerpt(html)}.items()
        if any(control in words for control in BIDI)
    ]
    if "&" not in text and plain.count(ZWNJ) > text.count(ZWNJ):
        problems.append("half-spaces were added")
    problems += [f"in a quote: {problem}" for problem in judged(beginning_of_source(text, 60, picture="x"))[1]]
    return problems
