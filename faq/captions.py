"""WebVTT: what is wrong with a file of captions, and what is said in it. https://www.w3.org/TR/webvtt1/"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from portal.core.formats import format_number
from portal.core.text import isolate, normalise_input

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Largest file of captions: hours of speech.
MAX_BYTES: Final = 1024 * 1024
_HEAD: Final = re.compile(r"WEBVTT(?:[ \t].*)?\Z")
_TIME: Final = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMES: Final = re.compile(rf"[ \t]*{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?\Z")
_SUBRIP: Final = re.compile(r"^\d{1,2}:\d\d:\d\d,\d{3}[ \t]*-->", re.MULTILINE)
#: Blocks that say nothing.
_SILENT: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|\Z)")
_TAG: Final = re.compile(r"<[^<>]{0,200}>")
_SENTENCE_ENDS: Final = (".", "!", "?", "؟", "…", ":", "»")


class CaptionsError(ValueError):
    """Raised for a text that is no WebVTT; says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What is said from one moment to another, in milliseconds."""

    begin: int
    end: int
    words: str


def decoded(content: bytes) -> str:
    """Return the text of a file. Raises `CaptionsError`."""
    if len(content) > MAX_BYTES:
        raise CaptionsError(_("The file of captions is too large. It has only text in it."))
    try:
        return normalise_input(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CaptionsError(_("The captions are not in UTF-8. Save them as UTF-8 and choose the file again.")) from None


def cues_in(text: str) -> list[Cue]:
    """Return everything that is said. Raises `CaptionsError`."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not _HEAD.match(lines[0]):
        if _SUBRIP.search(text):
            raise CaptionsError(
                _(
                    "This is SubRip (SRT). WebVTT has the word WEBVTT in its first line, and a dot in its times, no comma."
                )
            )
        raise CaptionsError(_("The first line has to be the word WEBVTT."))
    found = [_cue(place, block) for place, block in _blocks(lines) if not _SILENT.match(block[0])]
    if not found:
        raise CaptionsError(_("Nothing is said in these captions."))
    return found


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield what stands between empty lines after the head, with the number of its first line."""
    place = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    block: list[str] = []
    for number, line in enumerate([*lines[place:], ""], start=place + 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _cue(place: int, block: list[str]) -> Cue:
    """Return the cue of a block that begins in line `place`. Raises `CaptionsError`."""
    named = 0 if "-->" in block[0] else 1  # a cue may have a name in a line of its own
    times = _TIMES.match(block[named]) if len(block) > named else None
    if times is None:
        wanted = isolate("00:01.000 --> 00:04.500")
        text = _("Line %(line)s: a time such as %(time)s was expected.")
        raise CaptionsError(text % {"line": format_number(place + min(named, len(block) - 1)), "time": wanted})
    begin, end = _milliseconds(times.groups()[:4]), _milliseconds(times.groups()[4:])
    if end <= begin:
        raise CaptionsError(_("Line %(line)s: it ends before it begins.") % {"line": format_number(place + named)})
    words = unescape(_TAG.sub("", " ".join(block[named + 1 :])))
    return Cue(begin, end, " ".join(words.split()))


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, rest = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def words_in(text: str) -> str:
    """Return what is said, as a text to read: a line a sentence; empty if the text is no WebVTT."""
    try:
        cues = cues_in(text)
    except CaptionsError:
        return ""
    lines: list[str] = []
    last = ""
    for cue in cues:
        if not cue.words or cue.words == last:  # those that scroll are repeated
            continue
        if lines and not lines[-1].endswith(_SENTENCE_ENDS):
            lines[-1] += f" {cue.words}"
        else:
            lines.append(cue.words)
        last = cue.words
    return "\n".join(lines)
