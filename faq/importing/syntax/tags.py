"""Components and shortcodes in Markdown: `<Tip title="…">`, `{{< callout >}}`, `{% hint %}`, `<details>`.

Each becomes a tag of ours (`elements`); what stands between the opening and the closing one is Markdown, whatever its
indentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from django.utils.translation import gettext as _
from markdown_it.common.utils import escapeHtml

from faq.importing.syntax.elements import Element, element
from faq.importing.syntax.words import names

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_NAME: Final = re.compile(r"<(/?)([A-Za-z][\w.-]*)")
_ATTRIBUTE: Final = re.compile(r"\s*([\w:@.\-\u0600-\u06ff]+)(\s*=\s*)?")
_VALUE: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'|“([^”]*)”|`([^`]*)`|([^\s>\"'{}]+)")
_LONGEST_TAG: Final = 4000
#: Lower-case tags whose content is read as Markdown even without an empty line after them.
_OPEN_TAGS: Final = frozenset({"details", "summary"})
_SHORTCODE: Final = re.compile(
    r"\{\{([<%])-?\s*(/?)\s*([\w./-]+)(.{0,2000}?)(/?)\s*-?[>%]\}\}|\{%-?\s*()(/?[\w.-]+)(.{0,2000}?)()-?%\}", re.DOTALL
)
_ARGUMENT: Final = re.compile(
    r"\s*(?:([\w-]+)\s*[=:]\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^\s,|]+)[,|]?"
)
_PLACEHOLDER: Final = re.compile(r"\{\{[^{}\n]{0,300}\}\}")
#: Shortcodes whose content is shown as it is written.
_VERBATIM: Final = frozenset(
    {"highlight", "code", "prettify", "codeblock", "mermaid", "math", "katex", "raw", "verbatim"}
)
#: Tags of template languages that show nothing.
_SILENT: Final = names("raw endraw comment endcomment capture assign toc table-of-contents break")


def complain(env: Any, line: int, message: str) -> None:
    """Note what happened to a place; `line` counts from 0 in the text."""
    env.setdefault("notes", []).append((line, message))


def read_tag(text: str, at: int = 0) -> tuple[str, dict[str, str], str, int] | None:
    """Read a tag as JSX has them: its name, attributes, "open", "close" or "empty", and where it ends."""
    start = _NAME.match(text, at)
    if start is None:
        return None
    place, attrs = start.end(), dict[str, str]()
    while place < len(text) and place - at < _LONGEST_TAG:
        while place < len(text) and text[place].isspace():
            place += 1
        if text.startswith("/>", place):
            return start[2], attrs, "empty", place + 2
        if text.startswith(">", place):
            return start[2], attrs, "close" if start[1] else "open", place + 1
        if text.startswith("{", place):  # {...props}
            place = _end_of_braces(text, place)
        elif (name := _ATTRIBUTE.match(text, place)) is None:
            return None
        else:
            value, place = _value(text, name.end()) if name[2] else ("", name.end())
            attrs[name[1].lower()] = value
    return None


def _value(text: str, at: int) -> tuple[str, int]:
    if text.startswith("{", at):
        end = _end_of_braces(text, at)
        inner = text[at + 1 : end - 1].strip()
        if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "\"'`":
            inner = inner[1:-1]
        return inner, end
    match = _VALUE.match(text, at)
    return (next(filter(None, match.groups()), ""), match.end()) if match else ("", at + 1)


def _end_of_braces(text: str, at: int) -> int:
    depth = 0
    for place in range(at, min(len(text), at + _LONGEST_TAG)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def arguments(text: str) -> dict[str, str]:
    """Return the arguments of a shortcode; those without a name are called "0", "1", …"""
    found: dict[str, str] = {}
    for match in _ARGUMENT.finditer(text):
        value = match[2]
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
            value = value[1:-1].replace('\\"', '"').replace("\\'", "'")
        found[(match[1] or str(sum(key.isdecimal() for key in found))).lower()] = value
    return found


# Tokens -------------------------------------------------------------------------------------------------------------------


def push(state: StateBlock, tag: str, nesting: Literal[-1, 0, 1], line: int, end: int, **attrs: str) -> Token:
    """Add a tag of ours to the tokens; attributes of HTML with `_` for `-`, empty ones left out."""
    token = state.push("tag", tag, nesting)
    token.block = True
    token.map = [line, end]
    token.attrs = {name.replace("_", "-"): value for name, value in attrs.items() if value}
    return token


def push_text(state: StateBlock, text: str, line: int) -> None:
    """Add a paragraph of inline Markdown."""
    if not text.strip():
        return
    token = state.push("paragraph_open", "p", 1)
    token.map = [line, line + 1]
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text.strip(), [line, line + 1], []
    state.push("paragraph_close", "p", -1)


def push_element(state: StateBlock, found: Element, line: int, end: int) -> str:
    """Add the opening tag of an element and return the name of the closing one; empty if it has none."""
    attrs = {name.replace("-", "_"): value for name, value in found.attrs.items()}
    if found.tag == "img":
        inner = "".join(f' {name}="{escapeHtml(value)}"' for name, value in found.attrs.items() if value)
        token = state.push("html_block", "", 0)
        token.content, token.map = f"<p><img{inner}></p>", [line, end]
        return ""
    if found.tag == "div" and (title := attrs.pop("data_title", "")):
        push(state, "div", 1, line, end)
        push(state, "p", 1, line, end)
        push_inline(state, f"**{title}**" if not title.startswith("*") else title, line)
        push(state, "p", -1, line, end)
        return "div"
    push(state, found.tag, 1, line, end, **attrs)
    return found.tag


def push_inline(state: StateBlock, text: str, line: int) -> None:
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text, [line, line + 1], []


def tokenize_inside(state: StateBlock, start: int, end: int) -> None:
    """Read lines as Markdown of their own; what is indented as a whole is not code."""
    lines = [line for line in range(start, end) if not state.isEmpty(line)]
    if not lines:
        return
    before = (state.blkIndent, state.lineMax, state.parentType)
    state.blkIndent = min(state.sCount[line] for line in lines)
    state.lineMax, state.parentType = end, "root"
    state.md.block.tokenize(state, start, end)
    state.blkIndent, state.lineMax, state.parentType = before


def text_of_line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


# Components ---------------------------------------------------------------------------------------------------------------


def component(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """A tag with a capital letter, `<details>`, or one with the attribute `markdown`, at the beginning of a line."""
    first = text_of_line(state, line)
    start = _NAME.match(first)
    if start is None or (state.sCount[line] - state.blkIndent >= 4 and not state.env.get("inside")):
        return False
    is_component = start[2][0].isupper() or start[2] in _OPEN_TAGS
    if not is_component and ("markdown" not in first or start[1]):
        return False
    text = state.getLines(line, min(end_line, line + 30), 0, False)
    offset = text.index(first[:1]) if first else 0
    tag = read_tag(text, offset)
    if tag is None or (not is_component and "markdown" not in tag[1]):
        return False
    if start[2][0].isupper() and start[2].isupper() and start[2].lower() in {"A", "B", "P"}:
        return False
    if silent:
        return True
    name, attrs, state_of_tag, end = tag
    tag_line = line + text.count("\n", 0, end)
    rest = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)]
    _push_component(state, (name, attrs, state_of_tag), (line, tag_line, end_line), rest)
    return True


def _push_component(
    state: StateBlock, tag: tuple[str, dict[str, str], str], lines: tuple[int, int, int], rest: str
) -> None:
    name, attrs, kind = tag
    line, tag_line, end_line = lines
    if kind == "close":
        push_text(state, rest, tag_line)
        state.line = tag_line + 1
        return
    found = _element_of_tag(state, name, attrs, line)
    if kind == "empty":
        closing = push_element(state, found, line, tag_line + 1)
        if closing:
            push(state, closing, -1, tag_line, tag_line + 1)
        push_text(state, rest, tag_line)
        state.line = tag_line + 1
        return
    last, before, after = _closing(state, name, tag_line, end_line, rest)
    closing = push_element(state, found, line, max(last, tag_line + 1))
    if last == tag_line:
        if name == "summary":
            push_inline(state, before, tag_line)
        else:
            push_text(state, before, tag_line)
    else:
        push_text(state, rest, tag_line)
        tokenize_inside(state, tag_line + 1, last)
        push_text(state, before, last)
    if closing:
        push(state, closing, -1, last, last + 1)
    push_text(state, after, last)
    state.line = min(last + 1, end_line)


def _closing(state: StateBlock, name: str, line: int, end_line: int, rest: str) -> tuple[int, str, str]:
    """Return the line of the closing tag and what stands before and after it there; the end of the text without one."""
    if f"</{name}" not in state.src:
        return end_line, "", ""
    pattern = re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])(?:\"[^\"]*\"|'[^']*'|\{{[^}}]*\}}|[^>\"'])*?(/?)>")
    depth, fence = 1, ""
    for number in range(line, end_line):
        text = rest if number == line else text_of_line(state, number)
        mark = re.match(r"`{3,}|~{3,}", text)
        if mark and (not fence or mark[0].startswith(fence)):
            fence = "" if fence else mark[0]
        if fence:
            continue
        for match in pattern.finditer(text):
            depth += -1 if match[1] else 0 if match[2] else 1
            if depth == 0:
                return number, text[: match.start()], text[match.end() :]
    return end_line, "", ""


def _element_of_tag(state: StateBlock, name: str, attrs: dict[str, str], line: int) -> Element:
    if name in _OPEN_TAGS or not name[0].isupper():
        kept = {key: value for key, value in attrs.items() if key in {"id", "class", "title", "open"}}
        return Element(name if name in _OPEN_TAGS or name in {"div", "section", "aside", "p"} else "div", kept)
    found = element(name, attrs)
    if not found.is_known:
        message = _("The component “%(name)s” is not known here; the text in it is kept.")
        complain(state.env, line, message % {"name": name[:60]})
    return found


def component_inline(state: StateInline, silent: bool) -> bool:
    """A component amid a text: a link, a key or a picture; of others the text is kept."""
    if not re.match(r"</?[A-Z]", state.src[state.pos : state.pos + 3]):
        return False
    tag = read_tag(state.src, state.pos)
    if tag is None:
        return False
    if not silent:
        name, attrs, kind, _end = tag
        found = element(name, attrs)
        html = ""
        if found.tag == "img" and kind != "close":
            html = (
                "<img" + "".join(f' {key}="{escapeHtml(value)}"' for key, value in found.attrs.items() if value) + ">"
            )
        elif name.lower() in {"a", "link", "kbd", "mark"}:
            tag_name = "a" if name.lower() == "link" else name.lower()
            address = escapeHtml(found.attrs.get("data-href", ""))
            html = f"</{tag_name}>" if kind == "close" else f'<{tag_name} href="{address}">'
        elif kind != "close":
            html = escapeHtml(found.attrs.get("data-title", ""))
            if not found.is_known:
                message = _("The component “%(name)s” is not known here; the text in it is kept.")
                complain(state.env, line_of(state), message % {"name": name[:60]})
        token = state.push("html_inline", "", 0)
        token.content = html
    state.pos = tag[3]
    return True


def line_of(state: StateInline) -> int:
    """Return the line of what is being read in a paragraph."""
    return int(state.env.get("line", 0)) + state.src.count("\n", 0, state.pos)


# Shortcodes ---------------------------------------------------------------------------------------------------------------


def _parts(match: re.Match[str]) -> tuple[str, str, bool, bool]:
    """Return the name and the arguments of a shortcode, whether it closes one, and whether it is closed at once."""
    if match[3]:
        return match[3].lower(), match[4], bool(match[2]), bool(match[5])
    name = match[7].lower()
    closes = name.startswith(("/", "end")) and name != "endpoint"
    return name.removeprefix("/"), match[8], closes, False


def shortcode(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """A line, or several, that are one shortcode of Hugo, Jekyll or GitBook, with what it encloses."""
    first = text_of_line(state, line)
    if not first.startswith(("{{<", "{{%", "{%")):
        return False
    text = state.getLines(line, min(end_line, line + 20), 0, False)
    match = _SHORTCODE.match(text.lstrip())
    if match is None:
        return False
    lead = len(text) - len(text.lstrip())
    end = match.end() + lead
    tag_line = line + text.count("\n", 0, end)
    rest = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)]
    name, words, closes, is_empty = _parts(match)
    last, before, after = _end_of_shortcode(state, match, tag_line, end_line, rest)
    if rest.strip() and last == end_line and not closes:
        return False  # amid a sentence
    if silent:
        return True
    if closes or name in _SILENT - {"raw"}:
        push_text(state, rest, tag_line)
        state.line = tag_line + 1
    elif last == end_line or is_empty:
        _push_single(state, name, words, line)
        push_text(state, rest, tag_line)
        state.line = tag_line + 1
    elif name in _VERBATIM:
        _push_verbatim(state, name, words, (line, tag_line, last), (rest if last > tag_line else before, before))
        push_text(state, after, last)
        state.line = last + 1
    else:
        found = _element_of_shortcode(state, name, words, line)
        closing = push_element(state, found, line, last + 1)
        push_text(state, rest if last > tag_line else before, tag_line)
        if last > tag_line:
            tokenize_inside(state, tag_line + 1, last)
            push_text(state, before, last)
        if closing:
            push(state, closing, -1, last, last + 1)
        push_text(state, after, last)
        state.line = last + 1
    return True


def _end_of_shortcode(
    state: StateBlock, opening: re.Match[str], line: int, end_line: int, rest: str
) -> tuple[int, str, str]:
    """Return the line of the closing shortcode and what stands before and after it; `end_line` without one."""
    name, _words, closes, _is_empty = _parts(opening)
    if "closed" not in state.env:
        parts = map(_parts, _SHORTCODE.finditer(state.src))
        state.env["closed"] = {other for other, _words, is_end, _empty in parts if is_end}
    if not {name, f"end{name}"} & state.env["closed"]:
        return end_line, "", ""
    depth = 1
    for number in range(line, end_line if not closes else line):
        text = rest if number == line else text_of_line(state, number)
        for match in _SHORTCODE.finditer(text):
            other, _other_words, other_closes, is_empty = _parts(match)
            if other_closes and other in {name, f"end{name}"}:
                depth -= 1
            elif other == name and not is_empty:
                depth += 1
            if depth == 0:
                return number, text[: match.start()], text[match.end() :]
    return end_line, "", ""


def _element_of_shortcode(state: StateBlock, name: str, words: str, line: int) -> Element:
    attrs = arguments(words)
    found = element(name, attrs)
    if name.startswith("include"):
        found = _included(attrs)
    if not found.is_known:
        message = _("The shortcode “%(name)s” is not known here; only the text in it is kept.")
        complain(state.env, line, message % {"name": name[:60]})
    return found


def _included(attrs: dict[str, str]) -> Element:
    """`{% include note.html content="…" %}` and `{% include image.html file="…" %}` as Jekyll's themes have them."""
    name = attrs.pop("0", "").rsplit("/", 1)[-1].removesuffix(".html")
    attrs = {"src": attrs.get("file", "") or attrs.get("src", "") or attrs.get("url", ""), **attrs}
    return element(name or "include", attrs) if name != "include" else Element("div", {}, is_known=False)


def _push_single(state: StateBlock, name: str, words: str, line: int) -> None:
    attrs = arguments(words)
    found = _element_of_shortcode(state, name, words, line)
    content = attrs.get("content") or attrs.get("text") or attrs.get("body") or ""
    closing = push_element(state, found, line, line + 1)
    if closing:
        push_text(state, content, line)
        push(state, closing, -1, line, line + 1)


def _push_verbatim(
    state: StateBlock, name: str, words: str, lines: tuple[int, int, int], parts: tuple[str, str]
) -> None:
    line, tag_line, last = lines
    inner = state.getLines(tag_line + 1, last, state.blkIndent, False) if last > tag_line else ""
    text = "\n".join(filter(str.strip, (parts[0], inner.strip("\n"), parts[1] if last > tag_line else "")))
    if name in {"raw", "verbatim"}:
        state.env.setdefault("raw", []).append(range(line, last + 1))
        if last > tag_line:
            tokenize_inside(state, tag_line + 1, last)
        else:
            push_text(state, parts[0], line)
        return
    attrs = arguments(words)
    language = attrs.get("lang") or attrs.get("language") or attrs.get("0", "")
    if name not in {"highlight", "code", "prettify", "codeblock"}:
        language = "latex" if name in {"math", "katex"} else name
    token = state.push("fence", "code", 0)
    token.info = language.split("=")[0] + (f' title="{attrs["title"]}"' if attrs.get("title") else "")
    token.content, token.map = text + "\n", [line, last + 1]


def shortcode_inline(state: StateInline, silent: bool) -> bool:
    """A shortcode or placeholder amid a text."""
    if state.src[state.pos] != "{" or not state.src.startswith(("{{", "{%"), state.pos):
        return False
    raw = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL).match(state.src, state.pos)
    match = raw or _SHORTCODE.match(state.src, state.pos) or _PLACEHOLDER.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        text = raw[1] if raw else ""
        if not raw and match.re is _PLACEHOLDER:
            text = match[0]
            if not any(line_of(state) in lines for lines in state.env.get("raw", ())):
                message = _("The placeholder “%(text)s” cannot be filled in here; it stayed as text.")
                complain(state.env, line_of(state), message % {"text": text[:60]})
        elif not raw:
            text = _text_of_shortcode(state, match)
        token = state.push("text", "", 0)
        token.content = text
    state.pos = match.end()
    return True


def _text_of_shortcode(state: StateInline, match: re.Match[str]) -> str:
    name, words, closes, _is_empty = _parts(match)
    if closes or name in _SILENT:
        return ""
    attrs = arguments(words)
    message = _("The shortcode “%(name)s” is not known here; only the text in it is kept.")
    complain(state.env, line_of(state), message % {"name": name[:60]})
    return attrs.get("text") or attrs.get("content") or attrs.get("title") or attrs.get("label") or ""
