"""Marks amid a text: `[[Page|words]]`, `![[picture.png]]`, `==marked==`, `%%comment%%`, `{.class}`, `{/* comment */}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline

_WIKI: Final = re.compile(r"(!?)\[\[([^\[\]\n|]*)(?:\\?\|([^\[\]\n]*))?\]\]")
_PICTURE: Final = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|avif|bmp|tiff?)\Z", re.IGNORECASE)
_SIZE: Final = re.compile(r"\d+(?:x\d+)?\Z")
_HIDDEN: Final = re.compile(r"%%.*?%%|\{/\*.*?\*/\}", re.DOTALL)
_ATTRS: Final = re.compile(
    r"\{:[^{}\n]*\}|\{\s*(?:[.#][\w:/-]+|[\w-]+=(?:\"[^\"]*\"|'[^']*'|[^\s{}]+))(?:\s+(?:[.#]?[\w:/-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s{}]+))?))*\s*\}"
)
_BLOCK_ID: Final = re.compile(r"\s\^[A-Za-z0-9-]+\Z")


def wiki_link(state: StateInline, silent: bool) -> bool:
    """A link by the name of a page, or an embedded picture, sound or page."""
    if state.src[state.pos] not in "![":
        return False
    match = _WIKI.match(state.src, state.pos)
    if match is None or not (match[2].strip() or (match[3] or "").strip()):
        return False
    if not silent:
        target, words = match[2].strip(), (match[3] or "").strip()
        name = target.split("#")[0]
        media = re.match(r"(audio|video|download):", target)
        if match[1] and _PICTURE.search(name):
            token = state.push("html_inline_image", "img", 0)
            token.attrs = {"src": target, "alt": "" if _SIZE.match(words) else words}
        elif match[1] and media:
            tag = "embed" if media[1] == "download" else media[1]
            token = state.push("media", tag, 1)
            token.attrs = {"src": target, "title": words}
            state.push("media", tag, -1)
        else:
            token = state.push("link_open", "a", 1)
            token.attrs = {"data-wiki": target}
            text = state.push("text", "", 0)
            text.content = words or target.strip("#").replace("#", " › ")
            state.push("link_close", "a", -1)
    state.pos = match.end()
    return True


def marked(state: StateInline, silent: bool) -> bool:
    """`==marked==`."""
    start = state.pos
    if not state.src.startswith("==", start) or silent or state.env.get("marked"):
        return False
    end = state.src.find("==", start + 2, state.posMax)
    inner = state.src[start + 2 : end] if end > 0 else ""
    if not inner.strip() or inner[0].isspace() or inner[-1].isspace() or "\n\n" in inner or inner[0] == "=":
        return False
    limit = state.posMax
    state.pos, state.posMax = start + 2, end
    state.push("mark", "mark", 1)
    state.env["marked"] = True
    state.md.inline.tokenize(state)
    state.env["marked"] = False
    state.push("mark", "mark", -1)
    state.pos, state.posMax = end + 2, limit
    return True


def hidden(state: StateInline, silent: bool) -> bool:
    """Comments, and lists of attributes behind a link, picture, code or emphasis."""
    character = state.src[state.pos]
    if character not in "%{":
        return False
    match = _HIDDEN.match(state.src, state.pos)
    if match is None and character == "{":
        match = _ATTRS.match(state.src, state.pos)
        before = state.src[state.pos - 1] if state.pos else ""
        if match is not None and not match[0].startswith("{:") and before not in ")]*_`>":
            match = None
    if match is None:
        return False
    state.pos = match.end()
    return True


def without_block_id(text: str) -> str:
    """Return the text of a paragraph without Obsidian's name for it at the end."""
    return _BLOCK_ID.sub("", text)
