"""Markdown to HTML: GFM, and what the systems of documentation add to it. Every block has the line it was written at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block.html_block import html_block
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from faq.importing.syntax import boxes, dom, inline, tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.ruler import RuleOptionsType
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_DEEPEST: Final = 80
_HEADING_ID: Final = re.compile(r"\s*\{:?\s*#([^\s{}#.]+)[^{}]*\}\s*\Z")
_HEADING_ATTRS: Final = re.compile(r"\s*\{:?\s*[.:#][^{}]*\}\s*\Z|\s#+\s*\Z")
_LANGUAGE: Final = re.compile(r"\{?\s*\.?([A-Za-z][\w+#.-]*)")
_TITLE: Final = re.compile(
    r"(?:title|filename|name|caption)\s*=\s*[{]?[\"']([^\"']*)[\"']|\[([^\]]+)\]|\A[\w+#-]+:(\S*[./]\S+)"
)
#: HTML that ends only with a sign of its own.
_RAW_HTML: Final = re.compile(r"<(?:script|pre|style|textarea)\b|<[!?]", re.IGNORECASE)
_FENCE: Final = re.compile(r"`{3,}[^`]*\Z|~{3,}")
#: Targets of links that a generator would fill in.
_TARGETS: Final = [
    (re.compile(r"\]\(\s*\{\{[<%]\s*(?:rel)?ref\s+(?:path=)?[\"'`]?([^\"'`\s>%]+)[\"'`]?[^}]*?[>%]\}\}([^)\s]*)\)"), r"](\1\2)"),
    (re.compile(r"\]\(\s*\{%-?\s*(?:link|post_url)\s+(\S+?)\s*-?%\}([^)\s]*)\)"), r"](\1\2)"),
    (re.compile(r"\]\(\s*\{\{\s*[\"']([^\"']+)[\"']\s*\|[^}]*\}\}([^)\s]*)\)"), r"](\1\2)"),
    (re.compile(r"\]\(\s*\{\{\s*(?:site|page)\.[\w.]+(?:\s*\|[^}]*)?\s*\}\}/*"), "](/"),
    (re.compile(r"((?:href|src)=[\"'])\{\{\s*(?:site|page)\.[\w.]+(?:\s*\|[^}]*)?\s*\}\}/*"), r"\1/"),
]  # fmt: skip


@dataclass(slots=True)
class Html:
    """A text as HTML, and what happened to some of its places: the line and a message for the editor."""

    html: str
    notes: list[tuple[int, str]] = field(default_factory=list)


def _accept_any_link(_url: str) -> bool:
    return True


def _as_written(url: str) -> str:
    return url


def _too_deep(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """What is nested deeper than anybody reads stays, as plain lines."""
    if state.level < _DEEPEST:
        return False
    if not silent:
        token = state.push("html_block", "", 0)
        token.content = f"<p>{escapeHtml(state.getLines(line, end_line, 0, False))}</p>"
        token.map = [line, end_line]
        state.line = end_line
    return True


def _ends_html(state: StateBlock, line: int) -> bool:
    """Return whether HTML cannot go on: at an empty line, at fenced code, and at the end of what it is in."""
    is_outside = state.isEmpty(line) or state.sCount[line] < state.blkIndent
    return is_outside or _FENCE.match(tags.text_of_line(state, line)) is not None


def _html_until_code(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """HTML ends before fenced code, not only at an empty line: who writes one below the other means code."""
    text = tags.text_of_line(state, line)
    if not text.startswith("<"):  # before the search for an end, which would be made for every line
        return False
    if not silent and not _RAW_HTML.match(text):
        following = range(line + 1, end_line)
        ends = (at for at in following if _ends_html(state, at))
        end_line = next(ends, end_line)
    return html_block(state, line, end_line, silent)


def _inline_with_lines(state: StateCore) -> None:
    """Parse the texts of blocks, and let the rules know their lines."""
    for place, token in enumerate(state.tokens):
        if token.type != "inline":
            continue
        state.env["line"] = token.map[0] if token.map else 0
        content = inline.without_block_id(token.content)
        if state.tokens[place - 1].type == "heading_open":
            if match := _HEADING_ID.search(content):
                state.tokens[place - 1].attrSet("id", match[1])
            content = _HEADING_ATTRS.sub("", content)
        state.md.inline.parse(content, state.md, state.env, token.children if token.children is not None else [])


def _keep_unused_footnotes(state: StateCore) -> None:
    """Show footnotes that nothing refers to where they are written; the plugin would leave them out."""
    used = {
        label.removeprefix(":")
        for label, number in state.env.get("footnotes", {}).get("refs", {}).items()
        if number >= 0
    }
    is_unused = False
    for token in state.tokens:
        if token.type == "footnote_reference_open":
            is_unused = token.meta.get("label") not in used
        if is_unused and token.type in {"footnote_reference_open", "footnote_reference_close"}:
            token.type, token.tag = "tag", "div"


def _fence(_renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any) -> str:
    token = tokens[place]
    info = token.info.strip()
    language = _LANGUAGE.match(info)
    title = _TITLE.search(info)
    name = language[1] if language and not info.startswith(("{#", "[")) else ""
    label = next((escapeHtml(part) for part in title.groups() if part), "") if title else ""
    line = token.attrGet("data-line") or ""
    return (
        f'<pre data-line="{line}" data-code="1" data-language="{escapeHtml(name)}" data-title="{label}">'
        f"<code>{escapeHtml(token.content)}</code></pre>\n"
    )


def _html_block(_renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any) -> str:
    token = tokens[place]
    line = int(token.attrGet("data-line") or 0)
    return f'<x-l data-line="{line}"></x-l>{dom.with_lines(token.content, line)}\n'


def _math(_renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any) -> str:
    token = tokens[place]
    if token.type.startswith("math_block"):
        line = token.attrGet("data-line") or ""
        return f'<pre data-line="{line}" data-code="1" data-language="latex"><code>{escapeHtml(token.content.strip())}</code></pre>\n'
    return f"<code>{escapeHtml(token.markup + token.content + token.markup)}</code>"


def _article_parser() -> MarkdownIt:
    """Return the parser of articles: HTML is read, and so is what every system adds."""
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _DEEPEST + 20}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin).use(deflist_plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True, allow_labels=False)
    block, words = parser.block.ruler, parser.inline.ruler
    ends: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    block.before("table", "too_deep", _too_deep, ends)
    block.before("fence", "directive", boxes.directive, ends)
    block.before("code", "component", tags.component, ends)
    block.before("fence", "shortcode", tags.shortcode, ends)
    block.before("fence", "indented_box", boxes.indented_box, ends)
    block.before("fence", "fenced_box", boxes.fenced_box, ends)
    block.before("fence", "mark_line", boxes.mark_line, ends)
    words.before("link", "wiki_link", inline.wiki_link)
    words.before("html_inline", "component_inline", tags.component_inline)
    words.before("escape", "shortcode_inline", tags.shortcode_inline)
    words.before("escape", "hidden", inline.hidden)
    words.before("emphasis", "marked", inline.marked)
    block.at("html_block", _html_until_code, ends)
    parser.core.ruler.at("inline", _inline_with_lines)
    parser.core.ruler.before("footnote_tail", "unused_footnotes", _keep_unused_footnotes)
    for name in ("fence", "code_block"):
        parser.add_render_rule(name, _fence)
    parser.add_render_rule("html_block", _html_block)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(name, _math)
    return parser


def _post_parser() -> MarkdownIt:
    """Return a parser that reads what the one of the community reads; HTML is text, and lines stay lines."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": _DEEPEST + 20})
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.before("table", "too_deep", _too_deep, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    for name in ("fence", "code_block"):
        parser.add_render_rule(name, _fence)
    return parser


def _ready(parser: MarkdownIt) -> MarkdownIt:
    parser.validateLink = _accept_any_link  # type: ignore[method-assign, assignment]  # judged later, with a message
    parser.normalizeLink = _as_written  # type: ignore[method-assign]  # files and pages are found by what is written
    return parser


_ARTICLE: Final = _ready(_article_parser())
_POST: Final = _ready(_post_parser())


def to_html(text: str, *, first_line: int = 0, is_post: bool = False) -> Html:
    """Return Markdown as HTML. `first_line` is the number of the file's line before the text."""
    parser = _POST if is_post else _ARTICLE
    env: dict[str, Any] = {}
    if not is_post:
        text = _without_generator(text)
    tokens = parser.parse(text, env)
    notes = [(first_line + line + 1, message) for line, message in env.get("notes", ())]
    for token in tokens:
        if token.map and token.nesting >= 0 and token.type != "inline":
            token.attrSet("data-line", str(first_line + token.map[0] + 1))
        for part in token.children or ():
            _with_own_targets(part)
        if not is_post:
            notes += _tags_left_out(token, first_line)
    if not is_post:
        notes += _columns_to_the_side(tokens, first_line)
    return Html(parser.renderer.render(tokens, parser.options, env), notes)


def _columns_to_the_side(tokens: Sequence[Token], first_line: int) -> list[tuple[int, str]]:
    """Return a note about each table that wants columns in the middle or at the end; ours stand at the beginning."""
    found, line = [], None
    for token in tokens:
        if token.type == "table_open":
            line = first_line + (token.map[0] if token.map else 0) + 1
        elif token.type == "th_open" and line and str(token.attrGet("style") or "").endswith(("right", "center")):
            found.append((line, _("Columns of a table stand at the beginning, not in the middle or at the end.")))
            line = None
    return found


def _with_own_targets(token: Token) -> None:
    """Rename targets of links and pictures: whoever cleans HTML does not know the names of our files."""
    for name in ("href", "src"):
        if token.attrs and name in token.attrs:
            token.attrs[f"data-{name}"] = token.attrs.pop(name)


def _without_generator(text: str) -> str:
    """Return text in which the targets of links are plain; lines stay where they are."""
    for pattern, plain in _TARGETS:
        text = pattern.sub(plain, text)
    return text


def _tags_left_out(token: Token, first_line: int) -> list[tuple[int, str]]:
    parts = (
        [token] if token.type == "html_block" else [part for part in token.children or () if part.type == "html_inline"]
    )
    line = first_line + (token.map[0] if token.map else 0) + 1
    return [left_out(name, at) for part in parts for name, at in dom.unknown_tags(part.content, line)]


def left_out(name: str, line: int) -> tuple[int, str]:
    """Return the note about a tag that is not kept."""
    message = _("“<%(name)s>” cannot be shown and is left out.") if name in dom.DROPPED else _(
        "The tag “<%(name)s>” is not known here; the text in it is kept."
    )  # fmt: skip
    return line, message % {"name": name[:40]}
