"""From Markdown to safe HTML: the boundary between what members type and what browsers execute.

    parsed = parse(body)                                  finds names, quoted posts, uploads and links
    html = parsed.to_html(people=…, uploads=…)            after these were looked up

markdown-it-py escapes HTML in the source (``html=False``); the tokens are then narrowed to what a post may contain, and
nh3 keeps only allowed tags, attributes and addresses of the result. Each step alone would do. The work grows with the
length of the text: `MAX_LENGTH`, `MAX_BLOCKS`, and limits on what costs more than its length.

Direction: leaf blocks have ``dir="auto"``. Containers (lists, quotes, tables) cannot, since ``auto`` ignores children
that have a direction of their own; theirs is computed from their first letter, that of a quote from what is quoted
rather than from the name above it. Code is always left to right. Runs in Persian sentences are isolated last
(`portal.core.runs`), so that a Latin word at its beginning does not turn a Persian paragraph round.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import nh3
from django.conf import settings
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from portal.core.runs import isolate_html
from portal.core.text import without_controls

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

#: Stored with each post: after a change that affects the HTML increase it and run ``manage.py rerender_posts``.
VERSION: Final = 5
#: Longest text of a post, in characters.
MAX_LENGTH: Final = 32_000
#: After so many tokens of blocks the rest of a text is one paragraph. An item of a list has five, a paragraph three.
MAX_BLOCKS: Final = 4_000
#: More people named in one post stay plain text.
MAX_MENTIONS: Final = 10
MAX_UPLOADS: Final = 20
#: A table with more columns stays text, and one that could have more cells: short rows are filled up.
_MAX_COLUMNS: Final = 30
_MAX_CELLS: Final = 6_000
#: Longer code, or code with a longer line, is shown without colours: lexers are made for people's code.
_MAX_COLOURED: Final = 6_000
_MAX_COLOURED_LINE: Final = 400
#: How much HTML is read for each letter of an excerpt: tags, addresses and colours of code take their place.
_HTML_PER_LETTER: Final = 6

#: Addresses that are the same in all languages; see `community.urls`.
THREAD_PATH: Final = "/t/{thread_id}"
PERSON_PATH: Final = "/u/{handle}/"
POST_PATH: Final = "/p/{post_id}/"
UPLOAD_PATH: Final = "/f/{upload_id}/{name}"

#: A name after @; whether somebody has it is another question.
MENTION: Final = re.compile(r"(?<![\w@/.+-])@([\w.-]{3,30})(?![\w@])")
_BARE_URL: Final = re.compile(r"(?<![\w/])https?://[^\s<>\"'`|\\^{}«»]{3,2000}")
_TRAILING: Final = re.compile(r"[.,:;!?…،؛؟*_~'\"]+\Z")
_UPLOAD: Final = re.compile(r"upload:(\d{1,12})\Z")
_POST: Final = re.compile(r"post:(\d{1,15})\Z")
_PICTURE: Final = re.compile(r"!\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])?")
_LINK: Final = re.compile(
    r"(?:https?://[^\s]|mailto:[^\s@]+@|/(?![/\\])|#[\w-]+\Z|upload:\d{1,12}\Z|post:\d{1,15}\Z)", re.IGNORECASE
)
_LANGUAGE: Final = re.compile(r"[a-z0-9+#.-]{1,20}\Z")
_LINE_END: Final = re.compile(r"\r\n?")
#: Names of languages that are coloured; a lexer is code that runs on what strangers type.
_COLOURED: Final = frozenset(
    [
        "bash",
        "c",
        "console",
        "cpp",
        "csharp",
        "css",
        "diff",
        "docker",
        "dockerfile",
        "go",
        "html",
        "http",
        "ini",
        "java",
        "javascript",
        "js",
        "json",
        "kotlin",
        "nginx",
        "php",
        "powershell",
        "py",
        "python",
        "ruby",
        "rust",
        "sh",
        "shell",
        "sql",
        "swift",
        "toml",
        "ts",
        "typescript",
        "xml",
        "yaml",
        "yml",
    ]
)

_LEAVES: Final = frozenset({"paragraph_open", "heading_open", "th_open", "td_open"})
_CONTAINERS: Final = frozenset({"bullet_list_open", "ordered_list_open", "blockquote_open", "table_open"})
_CONTAINER_ENDS: Final = frozenset({"bullet_list_close", "ordered_list_close", "blockquote_close", "table_close"})


def _is_allowed_link(url: str) -> bool:
    return _LINK.match(url) is not None


def _stop_at_many_blocks(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Make one paragraph of the rest of a text with too many blocks: a rule that goes before those of the parser.

    Thousands of headings cost much more than their length. `silent` asks whether a list ends here.
    """
    if len(state.tokens) < MAX_BLOCKS:
        return False
    if not silent:
        opening = state.push("paragraph_open", "p", 1)
        inline = state.push("inline", "", 0)
        inline.content = state.getLines(start_line, end_line, state.blkIndent, False).strip()
        opening.map = inline.map = [start_line, end_line]
        inline.children = []
        state.push("paragraph_close", "p", -1)
        state.line = end_line
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    parser.disable("html_inline").disable("html_block")
    parser.block.ruler.before("table", "too_many_blocks", _stop_at_many_blocks, {"alt": ["list"]})
    parser.validateLink = _is_allowed_link  # type: ignore[method-assign]  # refused ones stay text
    return parser


_PARSER: Final = _parser()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """What a text that shows an upload needs to know of it. Width and height are 0 for what is no picture."""

    name: str
    width: int = 0
    height: int = 0


@dataclass(slots=True)
class Parsed:
    """A parsed text: what it refers to, and how to make HTML of it."""

    tokens: list[Token]
    #: Names after @, as typed; whether somebody has them is for the caller to find out.
    handles: list[str] = field(default_factory=list)
    #: Posts that it quotes or links to.
    post_ids: list[int] = field(default_factory=list)
    upload_ids: list[int] = field(default_factory=list)
    #: Addresses outside the portal.
    links: list[str] = field(default_factory=list)

    def to_html(
        self, *, people: Mapping[str, str] | None = None, uploads: Mapping[int, UploadedFile] | None = None
    ) -> SafeString:
        """Return the HTML. `people` maps the lower-case form of handles to handles; unknown names stay text."""
        return _Writer(people or {}, uploads or {}).write(self.tokens)

    def plain_text(self) -> str:
        """Return the words, without marks of any kind; blocks are separated by line ends."""
        return "\n".join(text for token in self.tokens if (text := " ".join(_words(token).split())))

    def prose(self) -> str:
        """Return the words without blocks of code, bare addresses and names of pictures; all if there are no others.

        Those say little of the text, and nothing of its language.
        """
        said = ([child for child in token.children or () if child.type != "image"] for token in self.tokens)
        lines = (" ".join(_BARE_URL.sub(" ", _inline_words(children)).split()) for children in said)
        return "\n".join(filter(None, lines)) or self.plain_text()


def parse(body: str) -> Parsed:
    """Parse a text. Beyond `MAX_LENGTH` it is cut: services refuse such a text, importers may have one."""
    body = body[:MAX_LENGTH].encode("utf-8", "replace").decode()  # a lone surrogate is no text for nh3
    tokens = _PARSER.parse(_tame(without_controls(body)))
    _narrow(tokens)
    parsed = Parsed(tokens)
    for token in tokens:
        if token.children:
            _note(token.children, parsed)
    return parsed


def render(body: str) -> SafeString:
    """Return the HTML of a text that refers to nobody and nothing: for previews of plain texts, and tests."""
    return parse(body).to_html()


def beginning_of_source(body: str, length: int, *, picture: str) -> str:
    """Return the first whole blocks of a text as Markdown, to be quoted: a little more than `length` at the most.

    Quotes in it are left out: who wants them finds them there. Of a picture its words remain, or `picture`. A first block
    that is too long is cut between lines, else between words.
    """
    source = _LINE_END.sub("\n", _tame(without_controls(body[:MAX_LENGTH])))  # the parser counts lines like this
    lines, tokens = source.split("\n"), _PARSER.parse(source)
    left_out, code = _lines_of(tokens, {"blockquote_open"}), _lines_of(tokens, {"fence", "code_block"})
    blocks: list[str] = []
    size = 0
    for token in tokens:
        if token.level or token.nesting < 0 or token.map is None:
            continue
        numbers = [number for number in range(*token.map) if number not in left_out]
        shown = [lines[number] if number in code else _without_pictures(lines[number], picture) for number in numbers]
        if not "".join(shown).strip():
            continue
        block = "\n".join(shown).rstrip()
        if blocks and size + len(block) > length:
            blocks.append("…")
            break
        if len(block) > length:
            blocks += [_cut_block(block, length, token), "…"]
            break
        blocks.append(block)
        size += len(block)
    return "\n\n".join(blocks)


def without_quoted_posts(body: str) -> str:
    """Return the Markdown of a text without its quotes of other posts; whatever else it quotes stays."""
    source = _tame(without_controls(body[:MAX_LENGTH]))
    lines, tokens = source.split("\n"), _PARSER.parse(source)
    left_out: set[int] = set()
    for place, token in enumerate(tokens):
        if token.type == "blockquote_open" and token.map and _mark_quoted_post(tokens[place + 1 : place + 3]):
            left_out.update(range(*token.map))
    return "\n".join(line for number, line in enumerate(lines) if number not in left_out)


def _lines_of(tokens: list[Token], types: set[str]) -> set[int]:
    return {number for token in tokens if token.type in types and token.map for number in range(*token.map)}


def _without_pictures(line: str, picture: str) -> str:
    return _PICTURE.sub(lambda match: f"[{match[1].strip() or picture}]", line)


def _cut_block(block: str, length: int, token: Token) -> str:
    """Return the beginning of a long block; code ends where it does not hurt, and is closed again."""
    head, line_end, _rest = block[:length].rpartition("\n")
    if token.type == "fence":
        return f"{head or block[:length]}\n{token.markup}"
    return head if line_end else block[:length].rpartition(" ")[0] or block[:length]


def words_of(html: str) -> str:
    """Return the words of stored HTML, at a small part of the cost of parsing its text; blocks end with a line end."""
    return unescape(nh3.clean(html, tags=set()))


_QUOTE_TAG: Final = re.compile(r"<(/?)blockquote\b[^>]*>")


def without_quotes(html: str) -> str:
    """Return stored HTML without what it quotes, which are the words of others; all of it if nothing else is left."""
    if "<blockquote" not in html:
        return html
    kept, depth, end = [], 0, 0
    for tag in _QUOTE_TAG.finditer(html):
        if depth == 0:
            kept.append(html[end : tag.start()])
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        end = tag.end()
    own = " ".join([*kept, html[end:] if depth == 0 else ""])
    return own if words_of(own).strip() else html


#: Code and bare addresses in stored HTML: no beginning that says what a text is about.
_NO_PROSE: Final = re.compile(
    r'<pre\b.*?(?:</pre>|\Z)|<a href="https?://[^>]*><bdi dir="ltr">[^<\s]*[./][^<\s]*(?:</bdi></a>|\Z)', re.DOTALL
)


def excerpt(html: str, length: int = 200) -> str:
    """Return the beginning of stored HTML as one plain line, cut between words, without what it quotes.

    It reads no more than it may need.
    """
    html = without_quotes(html)
    beginning = html[: max(length * _HTML_PER_LETTER, 1_000)]
    text = " ".join(words_of(_NO_PROSE.sub(" ", beginning)).split()) or " ".join(words_of(beginning).split())
    if len(text) <= length and len(beginning) == len(html):
        return text
    return cut_words(text, length)


def cut_words(text: str, length: int) -> str:
    """Return the beginning of a text with an ellipsis, at most `length` characters, cut between words."""
    return f"{text[: length - 1].rpartition(' ')[0] or text[: length - 1]}…"


# Limits -------------------------------------------------------------------------------------------------------------

#: What makes the parser look back again and again, and how much of it a post may hold. People's texts have far less.
_COSTLY: Final = (
    (re.compile(r"[\[\]]"), 1_000, r"\\\g<0>"),
    (re.compile(r"`+"), 1_000, ""),
    (re.compile(r"[*_~]+"), 3_000, ""),
)
_DEEP: Final = re.compile(r"^[ \t]*(?:(?:>|[-+*]|\d{1,9}[.)])[ \t]*){12,}", re.MULTILINE)


def _tame(body: str) -> str:
    """Return the text without what only an attack has: thousands of brackets, quotes a dozen levels deep."""
    for pattern, limit, replacement in _COSTLY:
        if sum(1 for _match in pattern.finditer(body)) > limit:
            body = pattern.sub(replacement or " ", body)
    body = _DEEP.sub("> ", body)
    columns = max((line.count("|") for line in body.split("\n")), default=0)
    if columns > _MAX_COLUMNS or columns * body.count("\n") > _MAX_CELLS:
        body = body.replace("|", "¦")
    return body


# Tokens -------------------------------------------------------------------------------------------------------------


def _words(token: Token) -> str:
    if token.type in {"fence", "code_block"}:
        return without_controls(token.content)
    return _inline_words(token.children or ())


def _inline_words(children: Iterable[Token]) -> str:
    parts = []
    for child in children:
        if child.type in {"text", "code_inline"}:
            parts.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif child.type == "image":
            parts.append(child.content)
    return without_controls("".join(parts))


def _narrow(tokens: list[Token]) -> None:
    """Set directions and heading levels; references to what only HTML has are not possible here."""
    open_containers: list[Token] = []  # those whose direction is not certain yet
    for place, token in enumerate(tokens):
        token.attrs = {}
        if token.type in _LEAVES:
            token.attrs["dir"] = "auto"
        elif token.type in _CONTAINERS:
            open_containers.append(token)
        elif token.type in _CONTAINER_ENDS and open_containers and "dir" in open_containers[-1].attrs:
            open_containers.pop()  # it has nothing but code, or the line above a quote
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"
        if open_containers:
            _direct(open_containers, tokens[max(place - 2, 0) : place + 1])


def _direct(containers: list[Token], tokens: list[Token]) -> None:
    """Give containers the direction of the last of these tokens, if it has words; what is certain leaves the list."""
    token = tokens[-1]
    if token.type in {"fence", "code_block"}:
        for container in containers:
            container.attrs.setdefault("dir", "ltr")
    elif token.type == "inline":
        children = token.children or []
        if len(tokens) == 3 and tokens[0].type == "blockquote_open":
            children = _direct_line_above(tokens)
        if direction := first_direction(MENTION.sub("", _inline_words(children))):
            for container in containers:
                container.attrs["dir"] = direction
            containers.clear()


def _direct_line_above(tokens: list[Token]) -> list[Token]:
    """Set the direction of the link that names a quoted post, and return the inline tokens behind it.

    ``mina نوشت:`` is Persian. A name may be of any script, so the last word decides: about the line if nothing else is in
    it, and about the quote if nothing but code follows.
    """
    quote, line, inline = tokens
    children = inline.children or []
    start = next((place for place, child in enumerate(children) if child.type != "text" or child.content), None)
    if start is None or not _links_to_post(children[start]):
        return children
    end = next((place for place, child in enumerate(children) if child.type == "link_close"), len(children))
    rest = children[end + 1 :]
    words = _inline_words(children[start:end])
    direction = first_direction(words[::-1])
    if direction:
        quote.attrs["dir"] = direction
        if direction != first_direction(words):
            children[start].meta["dir"] = direction
        if not first_direction(_inline_words(rest)):
            line.attrs["dir"] = direction
    return rest


def _links_to_post(token: Token) -> bool:
    return token.type == "link_open" and _POST.match(str(token.attrGet("href") or "")) is not None


def first_direction(text: str) -> str:
    """Return ``rtl`` or ``ltr`` by the first letter with a direction, or an empty string without one."""
    for character in text:
        bidi = unicodedata.bidirectional(character)
        if bidi == "L":
            return "ltr"
        if bidi in {"R", "AL"}:
            return "rtl"
    return ""


def _note(children: list[Token], parsed: Parsed) -> None:
    """Note what a run of inline tokens refers to."""
    inside_link = 0
    for child in children:
        if child.type == "link_open":
            inside_link += 1
            _note_address(str(child.attrGet("href") or ""), parsed)
        elif child.type == "link_close":
            inside_link -= 1
        elif child.type == "image":
            _note_address(str(child.attrGet("src") or ""), parsed)
        elif child.type == "text" and not inside_link:
            for piece in _pieces(child.content):
                if piece.url:
                    _note_address(piece.url, parsed)
                elif piece.handle and piece.handle not in parsed.handles and len(parsed.handles) < MAX_MENTIONS:
                    parsed.handles.append(piece.handle)


def _note_address(url: str, parsed: Parsed) -> None:
    if (post := _POST.match(url)) and int(post[1]) not in parsed.post_ids:
        parsed.post_ids.append(int(post[1]))
    elif (upload := _UPLOAD.match(url)) and len(parsed.upload_ids) < MAX_UPLOADS:
        if int(upload[1]) not in parsed.upload_ids:
            parsed.upload_ids.append(int(upload[1]))
    elif not post and not upload and not is_own_address(url):
        parsed.links.append(url)


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    url: str = ""
    handle: str = ""


def _pieces(text: str) -> Iterator[_Piece]:
    """Split text at bare addresses and names."""
    end = 0
    for match in _BARE_URL.finditer(text):
        url = _cut_address(match[0])
        if len(url) <= len("https://"):
            continue
        yield from _names(text[end : match.start()])
        yield _Piece(url, url=url)
        end = match.start() + len(url)
    yield from _names(text[end:])


def _cut_address(url: str) -> str:
    """Return the address without the punctuation of the sentence around it, and without unpaired brackets at its end."""
    url = _TRAILING.sub("", url)
    for opening, closing in ("()", "[]"):
        while url.endswith(closing) and url.count(closing) > url.count(opening):
            url = _TRAILING.sub("", url[:-1])
    return url


def _names(text: str) -> Iterator[_Piece]:
    end = 0
    for match in MENTION.finditer(text):
        handle = match[1].rstrip(".-")
        if len(handle) < 3:
            continue
        if match.start() > end:
            yield _Piece(text[end : match.start()])
        yield _Piece(f"@{handle}", handle=handle)
        end = match.start() + 1 + len(handle)
    if end < len(text):
        yield _Piece(text[end:])


@lru_cache(maxsize=1)
def _own_host(base_url: str) -> str:
    return urlsplit(base_url).netloc.lower()


def is_own_address(url: str) -> bool:
    """Return whether an address leads to this portal."""
    if url.startswith(("/", "#", "?")):
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == _own_host(settings.BASE_URL)


# HTML ---------------------------------------------------------------------------------------------------------------

_FORMATTER: Final = HtmlFormatter(nowrap=True)
_FOREIGN_REL: Final = "nofollow ugc noopener"


class _Writer:
    """Writes the HTML of tokens. Everything that is not a known token is text."""

    def __init__(self, people: Mapping[str, str], uploads: Mapping[int, UploadedFile]) -> None:
        self._people, self._uploads = people, uploads

    def write(self, tokens: list[Token]) -> SafeString:
        parts: list[str] = []
        for place, token in enumerate(tokens):
            if token.type == "inline":
                parts.append(self._inline(token.children or []))
                continue
            if token.type == "blockquote_open" and _mark_quoted_post(tokens[place + 1 : place + 3]):
                token.attrs["class"] = "post-quote"
            parts.append(_block(token))
            if token.nesting != 1:
                parts.append("\n")
        return SafeString(isolate_html(_clean("".join(parts)).strip()))

    def _inline(self, children: list[Token]) -> str:
        parts: list[str] = []
        inside_link: list[bool] = []
        for child in children:
            if child.type == "text":
                parts.append(self._text(child.content) if not inside_link else _escaped(child.content))
            elif child.type == "link_open":
                opening = self._link(str(child.attrGet("href") or ""), str(child.attrGet("title") or ""))
                if child.meta.get("names_quoted"):
                    opening = opening.replace("<a ", f'<a dir="{child.meta.get("dir", "auto")}" ', 1)
                inside_link.append(bool(opening))
                parts.append(opening)
            elif child.type == "link_close":
                parts.append("</a>" if inside_link.pop() else "")
            elif child.type == "code_inline":
                parts.append(f'<code dir="ltr">{_escaped(child.content)}</code>')
            elif child.type == "image":
                parts.append(self._picture(child, is_inside_link=any(inside_link)))
            elif child.type in {"softbreak", "hardbreak"}:
                parts.append("<br>\n")
            elif child.tag in {"strong", "em", "s"}:
                parts.append(f"</{child.tag}>" if child.nesting < 0 else f"<{child.tag}>")
            else:
                parts.append(_escaped(child.content))
        return "".join(parts)

    def _text(self, text: str) -> str:
        parts = []
        for piece in _pieces(text):
            handle = self._people.get(piece.handle.lower(), "") if piece.handle else ""
            if piece.url:
                parts.append(f'{self._link(piece.url, "")}<bdi dir="ltr">{_escaped(_shown(piece.url))}</bdi></a>')
            elif handle:
                address = PERSON_PATH.format(handle=handle)
                parts.append(f'<a class="mention" href="{escape(address)}">@<bdi>{_escaped(handle)}</bdi></a>')
            else:
                parts.append(_escaped(piece.text))
        return "".join(parts)

    def _link(self, url: str, title: str) -> str:
        """Return the opening tag, or nothing without an address, and for an upload or post that is not there."""
        if not url:
            return ""
        if post := _POST.match(url):
            return f'<a class="post-link" href="{POST_PATH.format(post_id=post[1])}">'
        if upload := _UPLOAD.match(url):
            file = self._uploads.get(int(upload[1]))
            return f'<a class="post-file" href="{_upload_address(int(upload[1]), file)}">' if file else ""
        shown = f' title="{_escaped(title)}"' if title else ""
        if is_own_address(url):
            return f'<a href="{_escaped(url)}"{shown}>'
        return f'<a href="{_escaped(url)}"{shown} rel="{_FOREIGN_REL}">'

    def _picture(self, token: Token, *, is_inside_link: bool) -> str:
        """Return an uploaded picture. One from elsewhere becomes a link: a browser would tell its server who reads."""
        url = str(token.attrGet("src") or "")
        alt = _escaped(" ".join(token.content.split()))
        if upload := _UPLOAD.match(url):
            file = self._uploads.get(int(upload[1]))
            if file is None:
                return alt
            address = _upload_address(int(upload[1]), file)
            size = f' width="{file.width}" height="{file.height}"' if file.width else ""
            picture = f'<img src="{address}" alt="{alt}"{size} loading="lazy">'
            return picture if is_inside_link else f'<a class="post-picture" href="{address}">{picture}</a>'
        if is_inside_link or not url or _POST.match(url):
            return alt
        return f"{self._link(url, '')}{alt or _escaped(_shown(url))}</a>"


def _mark_quoted_post(tokens: list[Token]) -> bool:
    """Return whether a quote, of which these are the first tokens, begins with a link to a post; mark that link.

    The marked link gets a direction of its own, so that a Latin name does not decide about the words that follow.
    """
    for token in tokens:
        first = next((child for child in token.children or () if child.type != "text" or child.content), None)
        if first is not None:
            is_post = _links_to_post(first)
            first.meta["names_quoted"] = is_post
            return is_post
    return False


def _block(token: Token) -> str:
    if token.type in {"fence", "code_block"}:
        return _code(token.content, token.info if token.type == "fence" else "")
    if token.type == "table_open":
        return f'<div class="post-table"{_dir(token)}><table>'
    if token.type == "table_close":
        return "</table></div>"
    if not token.tag or token.hidden:
        return ""
    if token.nesting < 0:
        return f"</{token.tag}>"
    kind = ' class="post-quote"' if token.attrs.get("class") == "post-quote" else ""
    return f"<{token.tag}{kind}{_dir(token)}>"


def _dir(token: Token) -> str:
    direction = token.attrs.get("dir", "")
    return f' dir="{direction}"' if direction in {"auto", "ltr", "rtl"} else ""


def _escaped(text: str) -> str:
    """Return the text for HTML. An entity such as ``&#8238;`` may have brought a control in: without them again."""
    return escape(without_controls(text))


def _shown(url: str) -> str:
    """Return a short form of an address to be read."""
    text = re.sub(r"\Ahttps?://(?:www\.)?", "", url).rstrip("/")
    return text if len(text) <= 60 else f"{text[:40]}…{text[-16:]}"


def _upload_address(upload_id: int, file: UploadedFile) -> str:
    return escape(UPLOAD_PATH.format(upload_id=upload_id, name=file.name))


def _code(content: str, info: str) -> str:
    language = (info.split(maxsplit=1) or [""])[0].lower()
    language = language if _LANGUAGE.match(language) else ""
    marked = f' class="language-{language}"' if language else ""
    content = without_controls(content)
    return f'<pre dir="ltr" tabindex="0"><code{marked}>{_coloured(content, language)}</code></pre>'


def _coloured(content: str, language: str) -> str:
    if language not in _COLOURED or len(content) > _MAX_COLOURED:
        return escape(content)
    if any(len(line) > _MAX_COLOURED_LINE for line in content.split("\n")):
        return escape(content)
    lexer = _lexer(language)
    if lexer is None:
        return escape(content)
    return str(highlight(content, lexer, _FORMATTER))


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


_CLASSES: Final[Mapping[str, re.Pattern[str]]] = {
    "a": re.compile(r"(?:mention|post-link|post-file|post-picture)\Z"),
    "blockquote": re.compile(r"post-quote\Z"),
    "code": re.compile(r"language-[a-z0-9+#.-]{1,20}\Z"),
    "div": re.compile(r"post-table\Z"),
    "span": re.compile(r"[a-z][a-z0-9]{0,2}(?: [a-z][a-z0-9]{0,2})?\Z"),
}
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "a": {"href", "title", "rel", "class", "dir"},
    "bdi": {"dir"},
    "blockquote": {"class", "dir"},
    "code": {"class", "dir"},
    "div": {"class", "dir"},
    "img": {"src", "alt", "width", "height", "loading"},
    "pre": {"dir", "tabindex"},
    "span": {"class"},
    **{name: {"dir"} for name in ("p", "ul", "ol", "li", "th", "td", "h3", "h4", "h5", "h6")},
}
_TAGS: Final = {*_ATTRIBUTES, "br", "em", "hr", "s", "strong", "table", "tbody", "thead", "tr"}


def _filter(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute, or None to drop it."""
    if attribute == "class":
        pattern = _CLASSES.get(tag)
        return value if pattern and pattern.match(value) else None
    if attribute == "dir":
        return value if value in {"auto", "ltr", "rtl"} else None
    if attribute == "src":
        return value if value.startswith("/f/") else None
    if attribute == "rel":
        return value if value == _FOREIGN_REL else None
    return value


_Filter = Callable[[str, str, str], str | None]


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_filter,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        strip_comments=True,
    )
