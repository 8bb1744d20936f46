"""Runs of the other direction inside Persian text: what must be read from left to right, and stays in one piece.

    «با *700# یا ۰۲۱-۹۱۰۰۰۰۰۰ تماس بگیرید»

Browsers order the parts of such a run from right to left, since dashes, stars and spaces have no direction: ``#700*``.
`pieces` finds the runs; `isolated` (text → HTML), `isolate_html` and `isolate_plain` put each into an isolate. Text itself
is never changed, and texts without Arabic letters are returned as they are.

A run is: an address, a path or file name, a telephone number, a USSD code, a phrase of Latin words with the numbers that
belong to it («300 Mbps», «Windows 11»), a number with a sign, with dashes or other operators, or with several separators.
Plain numbers are none: browsers order them correctly. Of a range («۲-۳ دقیقه», «۸:۰۰-۱۶:۰۰») each number is one, since its
parts follow each other in the direction of the sentence. See docs/decisions/0057-runs.md.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Final, TypeAlias

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# Runs ---------------------------------------------------------------------------------------------------------------

_DIGIT: Final = "0-9۰-۹٠-٩"
#: Letters of scripts written from left to right.
_LETTER: Final = "A-Za-zªµº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u052f\u1e00-\u1fff"
_SPACE: Final = "[ \u00a0\u202f]"
_NUMBER: Final = rf"[{_DIGIT}]+(?:[.,٫٬:/][{_DIGIT}]+)*"
_SIGN: Final = r"[+\-\u2212±≈$€£]"
#: What joins the parts of a word: of names, files, addresses, shortcuts.
_JOINER: Final = r"[.\-\u2010\u2011'’/\\:@&+=~#%?*]"
_PART: Final = rf"[{_LETTER}{_DIGIT}_°]"
_WORD: Final = (
    rf"(?:(?<![\w.])(?:\.|@|\#|--?|[$€£~]))?"
    rf"(?=[{_DIGIT}_°.\-/:@&+=~\#%]{{0,60}}[{_LETTER}])"
    rf"(?:[{_LETTER}{_DIGIT}]|(?<!\w)_)"
    rf"{_PART}*(?:{_JOINER}{{1,3}}{_PART}+)*(?:\+\+?|[\#/\\®™](?!\w))?"
)
_UNITS: Final = (
    r"[kKMGTPmµμun]?(?:bps|bit/s|b/s|B/s|bit|[Bb]|Hz|Ah|Wh|[VWAmgsFHJΩ]|Pa|Ki?B|i?B)|d[Bb][mi]?|px|dpi|ppm|[cdkm]m|kg"
    r"|°[CFK]|[CFKGDUhpx]|min|sec|rpm|fps|USD|EUR|GBP|IRR|inch|in|ft|MP"
)
_WITH_UNIT: Final = rf"{_SIGN}?{_NUMBER}(?:[-–×]{_NUMBER})*{_SPACE}(?=(?:{_UNITS})(?![{_LETTER}{_DIGIT}]))"
_BETWEEN_WORDS: Final = rf"[,;:.!?]?{_SPACE}{{1,2}}(?:[&+>→›|=–—/-]{_SPACE}{{1,2}})?"
_LATER_NUMBER: Final = r"[0-9]+(?:[.,:/-][0-9]+)*(?![\w%٪])"
#: Arabic letters; their digits, signs and punctuation lie elsewhere in the block or are left out.
_RTL_LETTER: Final = "\u05d0-\u05ea\u0620-\u064a\u066e-\u06d3\u06d5\u06ee\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08c9\ufb50-\ufdff\ufe70-\ufefc"
_NOTE: Final = rf"{_SPACE}?\([^()\n\ufffc{_RTL_LETTER}{_DIGIT[3:]}]{{1,60}}\)"
_PHRASE: Final = (
    rf"(?:{_WITH_UNIT})?{_WORD}(?:{_BETWEEN_WORDS}(?:{_WITH_UNIT})?{_WORD}|{_SPACE}{_LATER_NUMBER}|{_NOTE})*"
)
_END: Final = r"\s<>\"'`|^{}«»،؛؟\ufffc\u2066-\u2069"
_ADDRESS: Final = rf"(?:https?|ftps?|sftp|wss?)://[^{_END}]+|www\.[^{_END}]+|(?<![\w.+-])[A-Za-z0-9._%+-]{{1,64}}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_PATH: Final = rf"(?<![\w/.:])(?:[A-Za-z]:\\|\\\\|~/|\.{{0,2}}/)(?=[A-Za-z0-9_.])[^{_END}]{{2,}}"
_TELEPHONE: Final = (
    rf"(?<!\w)(?:\+[{_DIGIT}]{{1,4}}(?:[ \u00a0()-]{{1,2}}[{_DIGIT}]{{2,}}){{1,6}}"
    rf"|\(?[0۰٠][{_DIGIT}]{{2,4}}\)?(?:[ \u00a0-]{{1,2}}[{_DIGIT}]{{2,8}}){{1,4}}"
    rf"|[{_DIGIT}]{{4}}(?:[ -][{_DIGIT}]{{4}}){{2,4}})(?![{_DIGIT}])"
)
_CODE: Final = rf"[*\#]{{1,2}}[{_DIGIT}]+(?:[*\#]{{1,2}}[{_DIGIT}]+)*[*\#]?"
_OPERATORS: Final = r"[-\u2010\u2011–—_×÷+=*\u2212]"
_FIGURES: Final = rf"(?:(?<!\w){_SIGN})?{_NUMBER}(?:{_OPERATORS}{_NUMBER})+|(?<!\w){_SIGN}{_NUMBER}|[{_DIGIT}]+(?:[./:][{_DIGIT}]+){{2,}}"
#: The last two are no runs: plain numbers, and placeholders of what was redacted, which are translated later.
_RUN: Final = re.compile(
    rf"(?P<address>{_ADDRESS})|(?P<path>{_PATH})|(?P<run>{_TELEPHONE}|{_PHRASE}|{_CODE})|(?P<figures>{_FIGURES})|{_NUMBER}|\[[A-Za-z -]{{2,40}}\]"
)
_TRAILING: Final = re.compile(r"[.,:;!?…)\]*]+\Z")
_SOME_RTL: Final = re.compile(f"[{_RTL_LETTER}]")
_RTL_WORD: Final = re.compile(f"[{_RTL_LETTER}][{_RTL_LETTER}\u064b-\u0655\u200c]*")
_FOREIGN_WORD: Final = re.compile(rf"[{_LETTER}]{{2,}}")
#: The invisible characters that begin and end what is isolated, and the change of depth.
_ISOLATING: Final = {"\u2066": 1, "\u2067": 1, "\u2068": 1, "\u2069": -1}
_ISOLATES: Final = re.compile("([\u2066-\u2069])")
#: Kinds of runs that end with the next space, and that say nothing of the language of a sentence.
_UNBOUNDED: Final = frozenset({"address", "path"})
#: Without one of these there is no run in a text.
_SIGNAL: Final = re.compile(rf"[{_LETTER}*\#+=×÷±≈$€£\u2212_–—-]|[{_DIGIT}][./: ][{_DIGIT}]")

_RANGE: Final = re.compile(
    rf"(?P<from>[{_DIGIT}]+(?:[.٫][{_DIGIT}]+)?)[-–—](?P<to>[{_DIGIT}]+(?:[.٫][{_DIGIT}]+)?)"
    rf"|[{_DIGIT}]{{1,2}}:[{_DIGIT}]{{2}}[-–—][{_DIGIT}]{{1,2}}:[{_DIGIT}]{{2}}"
    rf"|(?:[{_DIGIT}]+/){{1,2}}[{_DIGIT}]+[-–—](?:[{_DIGIT}]+/){{1,2}}[{_DIGIT}]+"
)
_YEARS: Final = range(1300, 2200)


def _dash_of_range(figures: str) -> int:
    """Return where the dash is between two numbers, times or dates, the smaller and the larger; 0 if it is no range."""
    match = _RANGE.fullmatch(figures)
    if match is None:
        return 0
    dash = next(place for place, character in enumerate(figures) if character in "-–—")
    if match["from"] is None:
        return dash
    first, last = (to_latin_digits(match[name]).replace("٫", ".") for name in ("from", "to"))
    if any(len(part) > 1 and part[0] == "0" and part[1] != "." for part in (first, last)):
        return 0
    are_short = all(len(part.partition(".")[0]) <= 3 for part in (first, last))
    are_years = all(part.isdecimal() and int(part) in _YEARS for part in (first, last))
    return dash if (are_short or are_years) and float(first) < float(last) else 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text. A run is read from left to right wherever it stands; an address is one that programs make a link of."""

    text: str
    is_run: bool = False
    is_address: bool = False


def pieces(text: str) -> list[Piece]:
    """Split a text into runs and what is between them; joined, they are the text again. Direction is not considered."""
    found: list[Piece] = []
    done = 0
    for start, end, kind in _runs(text):
        if start > done:
            found.append(Piece(text[done:start]))
        found.append(Piece(text[start:end], is_run=True, is_address=kind == "address"))
        done = end
    if done < len(text):
        found.append(Piece(text[done:]))
    return found


#: Start, end, and the kind of it: the name of its group.
_Run: TypeAlias = tuple[int, int, str]


def _runs(text: str) -> Iterator[_Run]:
    if not _SIGNAL.search(text):
        return
    for match in _RUN.finditer(text):
        kind, end = match.lastgroup, match.end()
        if kind in _UNBOUNDED:
            end = match.start() + len(_without_end_of_sentence(match[0]))
        if kind == "figures" and (dash := _dash_of_range(match[0])):
            yield match.start(), match.start() + dash, kind
            yield match.start() + dash + 1, end, kind
        elif kind is not None and end - match.start() > 1:
            yield match.start(), end, kind


def _without_end_of_sentence(address: str) -> str:
    """Return an address without the punctuation of the sentence around it; a bracket that it opens stays."""
    short = _TRAILING.sub("", address)
    rest = address[len(short) :]
    return f"{short})" if rest.startswith(")") and short.count("(") > short.count(")") else short


def is_right_to_left(text: str) -> bool:
    """Return whether a text is written from right to left: half as many Arabic words as Latin ones are enough.

    Persian sentences about technology begin with, and consist of, Latin names; addresses say nothing of a sentence, and
    neither does what is isolated in it, like the title in “You are mentioned in …”.
    """
    text = _own_words(text)
    return bool(_SOME_RTL.search(text)) and _is_mostly_rtl(text, list(_runs(text)))


def _own_words(text: str) -> str:
    """Return a text without what is isolated in it; all of it, if there are no other words."""
    kept, depth = [], 0
    for piece in _ISOLATES.split(text):
        if piece in _ISOLATING:
            depth = max(depth + _ISOLATING[piece], 0)
        elif depth == 0:
            kept.append(piece)
    words = " ".join(kept)
    return words if _SOME_RTL.search(words) or _FOREIGN_WORD.search(words) else text


def _is_mostly_rtl(text: str, runs: list[_Run]) -> bool:
    latin = sum(len(_FOREIGN_WORD.findall(text, start, end)) for start, end, kind in runs if kind not in _UNBOUNDED)
    return latin == 0 or 2 * len(_RTL_WORD.findall(text)) >= latin


# Text ---------------------------------------------------------------------------------------------------------------

_OPEN: Final = '<bdi dir="ltr">'
_CLOSE: Final = "</bdi>"


@lru_cache(maxsize=4096)
def isolated(text: str, *, page: str = "") -> SafeString:
    """Return a plain text as HTML with its runs in ``<bdi>``; only escaped if it is not written from right to left.

    With the direction of the `page`, a text written in the other one is isolated as a whole: its own full stop stays at
    its end, and it is aligned like what is around it. Without letters it has the direction of the page.
    """
    own = "rtl" if is_right_to_left(text) else "ltr" if _FOREIGN_WORD.search(_own_words(text)) else page
    shown = _with_runs(text) if own == "rtl" else escape(text)
    if page and own != page:
        shown = f'<bdi dir="{own}">{shown}</bdi>'
    return mark_safe(shown)  # noqa: S308 - every piece was escaped


def _with_runs(text: str) -> str:
    return "".join(f"{_OPEN}{escape(each.text)}{_CLOSE}" if each.is_run else escape(each.text) for each in pieces(text))


def isolate_plain(text: str) -> str:
    """Return a text for places without markup with its runs between U+2066 and U+2069.

    Addresses stay as they are: programs that make links of them would take the mark for a part of the address.
    """
    lines = text.split("\n")
    return "\n".join(_isolated_line(line) for line in lines)


def _isolated_line(line: str) -> str:
    if not is_right_to_left(line):
        return line
    shown = ""
    for each in pieces(line):
        is_bare = each.is_run and not each.is_address and shown[-1:] not in {"\u2066", "\u2068"}
        shown += f"\u2066{each.text}\u2069" if is_bare else each.text
    return shown


# HTML ---------------------------------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"<!--.*?-->|<![^>]*>|</?([A-Za-z][A-Za-z0-9-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|[^<]+|<", re.DOTALL
)
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
#: Elements whose content has its own direction or is not text; a run does not go on after them.
_OWN: Final = frozenset(
    {
        "bdi",
        "bdo",
        "code",
        "datalist",
        "iframe",
        "math",
        "noscript",
        "object",
        "pre",
        "samp",
        "script",
        "select",
        "style",
        "svg",
        "textarea",
        "title",
    }
)
#: Elements inside a line. All others begin and end a paragraph.
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "br", "cite", "del", "dfn", "em", "i", "img", "input", "ins", "kbd", "label", "mark", "picture", "q",
     "s", "small", "source", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"}
)  # fmt: skip
_BREAKS: Final = frozenset({"br", "img", "input", "picture", "source", "wbr"})
#: Elements that hold one paragraph, and get a direction when that is written in the other one.
_PARAGRAPHS: Final = frozenset(
    {"p", "li", "h2", "h3", "h4", "h5", "h6", "figcaption", "summary", "caption", "dd", "dt"}
)
_FEWEST_WORDS: Final = 4
_OBJECT: Final = "\ufffc"


def isolate_html(html: str, *, language: str = "") -> str:
    """Return HTML that is already clean with the runs of its right-to-left paragraphs in ``<bdi>``.

    With the `language` of the page, a paragraph of the other script gets its own ``dir``. Attributes, code, and what has
    its own direction stay untouched, and so does every character of text: only elements are added. HTML that cannot be
    read stays as it is: order is worth no page.
    """
    page = language and ("rtl" if language.partition("-")[0] in settings.LANGUAGES_BIDI else "ltr")
    if page != "rtl" and not _SOME_RTL.search(html):
        return html
    try:
        return _Isolating(html, page).html()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one text concerns how it looks alone
        logger.error("A text was left without its runs: %s", type(error).__name__)  # noqa: TRY400 - no texts in the log
        return html


@dataclass(frozen=True, slots=True)
class _Part:
    """The text of a token inside the text of its paragraph."""

    #: Its place among the tokens of the paragraph.
    index: int
    start: int
    end: int
    #: Places of its characters in the token, which has entities; None if they are the same.
    offsets: list[int] | None

    def place(self, position: int) -> int:
        """Return where in the token a character of the paragraph is; its nearest end for one outside, in a picture or code."""
        here = min(max(position, self.start), self.end) - self.start
        return here if self.offsets is None else self.offsets[here]


#: Start, end and direction of what is isolated.
_Mark: TypeAlias = tuple[int, int, str]


class _Isolating:
    """Goes through the tokens of HTML once; those of a paragraph are looked at together, since runs may span elements."""

    def __init__(self, html: str, page: str) -> None:
        self._tokens = [(match[0], (match[1] or "").lower()) for match in _TOKEN.finditer(html)]
        self._out = [token for token, _name in self._tokens]
        self._page = page

    def html(self) -> str:
        paragraph: list[int] = []  # tokens of it; an element with its own direction is only its first one
        opening, own, depth = -1, "", 0
        for place, (token, name) in enumerate(self._tokens):
            is_end = token.startswith("</")
            if depth:
                if name == own:
                    depth += -1 if is_end else not token.endswith("/>")
                continue
            if name and name not in _INLINE and name not in _OWN:
                self._finish(paragraph, opening)
                paragraph, opening = [], -1 if is_end else place
                continue
            paragraph.append(place)
            if name and name not in _BREAKS and not is_end and not token.endswith("/>") and _is_own(token, name):
                own, depth = name, 1
        self._finish(paragraph, opening)
        return "".join(self._out)

    def _finish(self, paragraph: list[int], opening: int) -> None:
        """Isolate the runs of a paragraph, whose element is `opening` if it is in one alone."""
        parts: list[_Part] = []
        shadow: list[str] = []
        length = 0
        for index, place in enumerate(paragraph):
            token, name = self._tokens[place]
            if name or token[0] == "<":
                text = "\n" if name == "br" else _OBJECT if name in _BREAKS or _is_own(token, name) else ""
            else:
                text, offsets = _without_entities(token)
                parts.append(_Part(index, length, length + len(text), offsets))
            shadow.append(text)
            length += len(text)
        text = "".join(shadow)
        if not text.strip():
            return
        runs = list(_runs(text))
        marks = self._direct(text, runs, opening)
        if marks:
            self._wrap(text, marks, parts, paragraph)

    def _direct(self, text: str, runs: list[_Run], opening: int) -> list[_Mark]:
        """Return what is isolated in a paragraph. One that goes against its page also gets its direction.

        A name or number alone keeps the alignment of the page, and so does every cell: it is isolated as a whole.
        """
        own = "rtl" if _SOME_RTL.search(text) and _is_mostly_rtl(text, runs) else "ltr"
        marks = [(start, end, "ltr") for start, end, _kind in runs] if own == "rtl" else []
        foreign = _FOREIGN_WORD if own == "ltr" else _RTL_WORD
        if not self._page or own == self._page or not foreign.search(text):
            return marks if self._page != "rtl" or own == "rtl" else [(start, end, "ltr") for start, end, _kind in runs]
        tag, name = self._tokens[opening] if opening >= 0 else ("", "")
        if name in _PARAGRAPHS and len(foreign.findall(text)) >= _FEWEST_WORDS:
            if not _has_direction(tag):
                self._out[opening] = f'<{name} dir="{own}"{tag[len(name) + 1 :]}'
            return marks
        start = len(text) - len(text.lstrip())
        return [(start, start + len(text.strip()), own)]

    def _wrap(self, text: str, runs: list[_Mark], parts: list[_Part], paragraph: list[int]) -> None:
        marks: dict[int, list[tuple[int, str]]] = {}  # by token: what is put in where
        for start, end, direction in runs:
            opening = f'<bdi dir="{direction}">'
            inside = [part for part in parts if part.start < end and part.end > start]
            whole = self._whole(paragraph, inside, start, end) if len(inside) > 1 else None
            if whole:
                first, last = paragraph[whole[0]], paragraph[whole[1]]
                is_text = whole[0] == inside[0].index, whole[1] == inside[-1].index
                opened = inside[0].place(start) if is_text[0] else 0
                marks.setdefault(first, []).append((opened, opening))
                closed = inside[-1].place(end) if is_text[1] else len(self._out[last])
                marks.setdefault(last, []).append((closed, _CLOSE))
                continue
            for part in inside:
                words = text[max(start, part.start) : min(end, part.end)]
                begin = max(start, part.start) + len(words) - len(words.lstrip())
                if words.strip():
                    here = marks.setdefault(paragraph[part.index], [])
                    here += [(part.place(begin), opening), (part.place(begin + len(words.strip())), _CLOSE)]
        for place, insertions in marks.items():
            token, done, out = self._out[place], 0, ""
            for offset, mark in insertions:
                out += token[done:offset] + mark
                done = offset
            self._out[place] = out + token[done:]

    def _whole(self, paragraph: list[int], inside: list[_Part], start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the last token of a run that can be one element, with the tags around it; else None."""
        first, last = inside[0].index, inside[-1].index
        while True:
            begun, ended = self._unpaired([self._tokens[place] for place in paragraph[first : last + 1]])
            if not begun and not ended:
                return first, last
            if ended and start == inside[0].start and first and self._is_tag(paragraph[first - 1], is_end=False):
                first -= 1
            elif (
                begun
                and end == inside[-1].end
                and last + 1 < len(paragraph)
                and self._is_tag(paragraph[last + 1], is_end=True)
            ):
                last += 1
            else:
                return None

    def _is_tag(self, place: int, *, is_end: bool) -> bool:
        token, name = self._tokens[place]
        return bool(name) and token.startswith("</") == is_end and name not in _BREAKS and not _is_own(token, name)

    def _unpaired(self, tokens: list[tuple[str, str]]) -> tuple[int, int]:
        """Return how many elements begin in the tokens and do not end, and how many end that did not begin."""
        begun = ended = 0
        for token, name in tokens:
            if not name or name in _BREAKS or name in _OWN or _has_direction(token):
                continue
            if not token.startswith("</"):
                begun += 1
            elif begun:
                begun -= 1
            else:
                ended += 1
        return begun, ended


def _has_direction(tag: str) -> bool:
    return ' dir="' in tag


def _is_own(token: str, name: str) -> bool:
    return name in _OWN or _has_direction(token)


def _without_entities(token: str) -> tuple[str, list[int] | None]:
    """Return the text of a token, and where each of its characters is in the token if these places differ."""
    if "&" not in token:
        return token, None
    text, offsets, done = "", [], 0
    for match in _ENTITY.finditer(token):
        character = unescape(match[0])
        text += token[done : match.start()] + (character if len(character) == 1 else _OBJECT)
        offsets += [*range(done, match.start()), match.start()]
        done = match.end()
    return text + token[done:], [*offsets, *range(done, len(token) + 1)]
