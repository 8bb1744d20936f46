"""Boxes, tabs and marks at the beginning of a line: `!!! note`, `=== "A"`, `::: tip`, `/// note |`, `{: .note}`, `%%`, `import`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from faq.importing.syntax.elements import Element, element, kind_of, note
from faq.importing.syntax.tags import (
    arguments,
    complain,
    push,
    push_element,
    push_text,
    text_of_line,
    tokenize_inside,
)

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

_INDENTED: Final = re.compile(r"(!!!|\?\?\?\+?|===[!+]*)\s*([^\"'“]*?)\s*(?:[\"'“](.*)[\"'”])?\s*\Z")
_FENCED: Final = re.compile(r"(:{3,}|/{3,})[ \t]*(?:\{\.?([^\s{}.#]+)[^{}]*\}|([^\s\[{|:/]+))[ \t]*(.*)\Z")
_CLOSING: Final = re.compile(r"(:{3,}|/{3,})\s*\Z")
_DIRECTIVE: Final = re.compile(r"(`{3,}|~{3,}|:{3,})\s*\{([a-z-]+)\}\s*(.*)\Z")
_IAL: Final = re.compile(r"\{:?\s*([^{}]*)\}\s*\Z")
_TABLINE: Final = re.compile(r"(?:@tab(?::active)?|==)\s+(\S.*)\Z")
_SKIPPED: Final = re.compile(
    r"(?:\[toc\]|\[\[_?toc_?\]\]|\{:\s*toc\s*\}|<!--\s*toc\s*-->|\$toc\$|\[\[toc\]\])\s*\Z", re.IGNORECASE
)
_IMPORT: Final = re.compile(
    r"import\s+(?:[\w{*][^'\"]*\s+from\s+)?['\"][^'\"]+['\"];?\s*\Z|export\s+(?:const|let|var|default|function|async)\b"
)
_INCLUDED: Final = re.compile(
    r"(?:--8<--|;--8<--)\s*[\"'](.+?)[\"']\s*\Z|\{!\s*(.+?)\s*!\}\s*\Z|<<<\s*(\S+)\s*\Z|@include:?\s+(\S+)\Z"
)


def indented_box(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """`!!! warning "Title"`, `??? note`, `=== "Tab"`; what is indented below belongs to it."""
    text = text_of_line(state, line)
    if state.sCount[line] - state.blkIndent >= 4 or not text.startswith(("!!!", "???", "===")):
        return False
    match = _INDENTED.match(text)
    if match is None or not (match[2] or match[3]) or (match[1].startswith("=") and (match[2] or match[3] is None)):
        return False
    if silent:
        return True
    last = line + 1
    while last < end_line and (state.isEmpty(last) or state.sCount[last] >= state.blkIndent + 2):
        last += 1
    mark, names, title = match[1], match[2].split(), match[3] or ""
    if mark.startswith("="):
        found = Element("x-tab", {"data-title": title})
    elif mark.startswith("?"):
        found = Element(
            "x-details", {"data-title": title or " ".join(names).capitalize(), "class": " ".join(names[:1])}
        )
    else:
        found = note(names[0] if names else "note", title)
    closing = push_element(state, found, line, last)
    tokenize_inside(state, line + 1, last)
    push(state, closing, -1, last - 1, last)
    state.line = last
    return True


def fenced_box(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """`::: name Title` … `:::`, also `:::name[Title]`, `:::{name}`, `/// name | Title`."""
    text = text_of_line(state, line)
    if state.sCount[line] - state.blkIndent >= 4 or not text.startswith((":::", "///")):
        return False
    match = _FENCED.match(text)
    if match is None:
        if _CLOSING.match(text) and text[0] == ":":
            if not silent:
                complain(state.env, line, _("This “:::” ends a box that was not begun; it is left out."))
                state.line = line + 1
            return True
        return False
    if (
        match[1][0] == "/"
        and not kind_of(match[3] or "")
        and (match[3] or "").lower() not in {"details", "tab", "html", "admonition"}
    ):
        return False
    if silent:
        return True
    last = _end_of_box(state, match[1], line, end_line)
    if last == end_line == len(state.bMarks) - 1:
        complain(state.env, line, _("This “:::” box is not closed; it goes on to the end of the text."))
    found = _box(state, (match[2] or match[3]).strip("\"'"), match[4].strip(), line)
    start = _options(state, found, line + 1, last) if match[1][0] == "/" else line + 1
    closing = push_element(state, found, line, last)
    state.env["tabs"] = state.env.get("tabs", 0) + (found.tag == "x-tabs")
    tokenize_inside(state, start, last)
    state.env["tabs"] -= found.tag == "x-tabs"
    push(state, closing, -1, max(last - 1, line), last)
    state.line = min(last + 1, end_line)
    return True


def _options(state: StateBlock, found: Element, start: int, end: int) -> int:
    """Skip the options of a box of pymdownx, which stand indented at its beginning."""
    while start < end and (option := re.match(r"(type|open|attrs):\s*(.*)", text_of_line(state, start))):
        if option[1] == "type" and kind_of(option[2]):
            found.attrs["data-kind"] = kind_of(option[2]) or "info"
        start += 1
    return start


def _end_of_box(state: StateBlock, mark: str, line: int, end_line: int) -> int:
    """Return the line that closes a box: the first with as many marks or more, but for those of boxes in it.

    Where that leaves it open, as when one mark closes two boxes, it is the first one.
    """
    depth, code, first = 1, "", end_line
    for number in range(line + 1, end_line):
        text = text_of_line(state, number)
        fence = re.match(r"`{3,}|~{3,}", text)
        if fence and (not code or text.startswith(code)):
            code = "" if code else fence[0]
        if code or text[:1] != mark[0]:
            continue
        if (closing := _CLOSING.match(text)) and (
            len(closing[1]) == len(mark) or (depth == 1 and len(closing[1]) > len(mark))
        ):
            depth -= 1
            first = min(first, number)
            if depth == 0:
                return number
        elif (opening := _FENCED.match(text)) and len(opening[1]) == len(mark):
            depth += 1
    return first


def _box(state: StateBlock, name: str, rest: str, line: int) -> Element:
    label = re.match(r"\[(.*?)\]\s*(.*)\Z", rest)
    attrs = re.search(r"\{([^{}]*)\}\s*\Z", rest)
    values = arguments(attrs[1]) if attrs else {}
    title = label[1] if label else (rest[: attrs.start()] if attrs else rest).strip().lstrip("|").strip()
    if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
        title = title[1:-1]
    if name.casefold() == "product":
        return Element("x-product", {"data-codes": title})
    found = element(name, {**values, "title": title or values.get("title", "")})
    if not found.is_known:
        message = _("The box “%(name)s” is not known here; the text in it is kept.")
        complain(state.env, line, message % {"name": name[:40]})
    return found


def directive(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """MyST's ```{note} Title```: a box that is written as a fence."""
    match = _DIRECTIVE.match(text_of_line(state, line))
    if match is None or match[1][0] == ":" or (not kind_of(match[2]) and match[2] not in {"admonition", "dropdown"}):
        return False
    if silent:
        return True
    last = line + 1
    while last < end_line and not text_of_line(state, last).startswith(match[1]):
        last += 1
    found = element(match[2], {"title": match[3]})
    closing = push_element(state, found, line, last)
    start = line + 1
    while start < last and re.match(r":[\w-]+:", text_of_line(state, start)):
        start += 1
    tokenize_inside(state, start, last)
    push(state, closing, -1, last - 1, last)
    state.line = min(last + 1, end_line)
    return True


def mark_line(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """Lines that are a mark: attribute lists, titles of tabs, comments, imports, tables of contents, included files."""
    text = text_of_line(state, line)
    if not text or state.sCount[line] - state.blkIndent >= 4:
        return False
    if text.startswith("%%"):
        return _comment(state, line, end_line, silent=silent)
    if text.startswith("{") and (text.startswith("{:") or re.match(r"\{\s*[.#]", text)) and (match := _IAL.match(text)):
        if not silent:
            names = " ".join(re.findall(r"\.([\w-]+)", match[1]))
            title = arguments(match[1]).get("title", "")
            after = "1" if line and not state.isEmpty(line - 1) else ""
            push(state, "x-ial", 1, line, line + 1, **{"class": names}, data_title=title, data_after=after)
            push(state, "x-ial", -1, line, line + 1)
            state.line = line + 1
        return True
    if state.env.get("tabs") and (match := _TABLINE.match(text)):
        if not silent:
            push(state, "x-tabline", 1, line, line + 1, data_title=match[1])
            push(state, "x-tabline", -1, line, line + 1)
            state.line = line + 1
        return True
    return _skipped_line(state, line, end_line, silent=silent)


def _skipped_line(state: StateBlock, line: int, end_line: int, *, silent: bool) -> bool:
    text = text_of_line(state, line)
    last = line + 1
    message = ""
    if _SKIPPED.match(text):
        pass
    elif match := _INCLUDED.match(text):
        name = next(filter(None, match.groups()), "")
        message = _("The file “%(name)s” would be included here; it is left out.") % {"name": name[:80]}
    elif _IMPORT.match(text) and not silent:
        while text.startswith("export") and last < end_line and not state.isEmpty(last):
            last += 1
        message = _("Lines of program code (“import”, “export”) are left out.")
    else:
        return False
    if not silent:
        if message:
            complain(state.env, line, message)
        state.line = last
    return True


def _comment(state: StateBlock, line: int, end_line: int, *, silent: bool) -> bool:
    """Obsidian's `%% comment %%`, also over several lines; without an end it is text."""
    last = next((n for n in range(line, end_line) if "%%" in text_of_line(state, n)[2 if n == line else 0 :]), None)
    if last is None:
        return False
    if not silent:
        text = text_of_line(state, last)
        rest = text[text.index("%%", 2 if last == line else 0) + 2 :]
        state.line = last + 1
        push_text(state, rest, last)
    return True
