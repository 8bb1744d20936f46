"""Detection of text encodings. Persian spreadsheets come as UTF-8, UTF-16 or Windows-1256."""

from __future__ import annotations

import codecs
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from faq.importing.errors import SourceError
from portal.core.text import is_persian

if TYPE_CHECKING:
    from collections.abc import Iterable

UTF8: Final = "utf-8-sig"
WESTERN: Final = "cp1252"
WINDOWS_PERSIAN: Final = "cp1256"
_SAMPLE_BYTES: Final = 200_000
_CHUNK_BYTES: Final = 65_536
#: Letters of Windows-1256 that no Persian word has: where they abound, the text is of another encoding.
_NOT_PERSIAN: Final = frozenset("àâçèéêëîïôùûü")
_IN_PERSIAN: Final = frozenset("ابپتثجچحخدذرزژسشصضطظعغفقكکگلمنوهيیىآأإئؤءةـ")
#: Non-ASCII characters of Western texts; whatever else appears, the text is of another encoding.
_IN_WESTERN: Final = frozenset("éèêëàâäáãåæöóôòõøœüúùûßçñíìîïýÿÉÈÊÀÂÄÖÜÇÑÁÍÓÚØÅÆ’‘“”„–—…•®©™°£€«»·×§±½\xa0¿¡")


def detect_encoding(chunks: Iterable[bytes], name: str, *, damaged: bool = False) -> tuple[str, str]:
    """Return the Python name of the encoding, and a note for the report (empty for UTF-8).

    Reads all chunks but keeps only a sample. With `damaged`, what has bytes of no encoding is read as UTF-8, too: the caller
    must refuse the places that hold U+FFFD then. Raises `SourceError` when no encoding gives plausible text.
    """
    is_utf8, sample = _scan(chunks)
    utf16 = _utf16(sample)
    if utf16:
        return utf16, _("“%(name)s” was read as UTF-16. Save it as UTF-8 to be sure that nothing is lost.") % {
            "name": name
        }
    if is_utf8:
        return UTF8, ""
    if _is_nearly_utf8(sample):
        if damaged:
            return UTF8, _("Some bytes of “%(name)s” are not valid UTF-8; the places that hold them are left out.") % {
                "name": name
            }
        raise SourceError(
            _("“%(name)s” is damaged: it is not valid %(encoding)s.") % {"name": name, "encoding": "UTF-8"}
        )
    if _is_windows_persian(sample):
        note = _("“%(name)s” was read as Windows-1256. Check a few letters, and save it as UTF-8 next time.")
        return WINDOWS_PERSIAN, note % {"name": name}
    if damaged:
        return UTF8, _("“%(name)s” is not UTF-8; lines with letters that could not be read are left out.") % {
            "name": name
        }
    if all(letter in _IN_WESTERN for letter in sample.decode(WESTERN, "replace") if not letter.isascii()):
        note = _("“%(name)s” was read as Windows-1252. Check a few letters, and save it as UTF-8 next time.")
        return WESTERN, note % {"name": name}
    raise SourceError(
        _("The encoding of “%(name)s” was not recognised. Save it as UTF-8 (in Excel: “CSV UTF-8”).") % {"name": name}
    )


def _is_nearly_utf8(sample: bytes) -> bool:
    """Return whether the text is UTF-8 but for a few bytes. Read as anything else it would be garbage."""
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(not letter.isascii() for letter in text) - wrong
    return right > 3 * wrong


def _is_windows_persian(sample: bytes) -> bool:
    """Return whether the text reads as Persian in Windows-1256: whole words, without the letters of other languages."""
    text = sample.decode(WINDOWS_PERSIAN, "replace")
    foreign = [letter for letter in text if not letter.isascii() and letter.isalpha()]
    together = sum(1 for one, two in pairwise(text) if not one.isascii() and one.isalpha() and not two.isascii())
    accented = sum(letter in _NOT_PERSIAN for letter in foreign)
    usual = sum(letter in _IN_PERSIAN for letter in foreign)
    is_plausible = together * 2 >= len(foreign) and accented * 20 <= len(foreign) and usual * 10 >= 9 * len(foreign)
    return is_plausible and is_persian("".join(foreign))


def _scan(chunks: Iterable[bytes]) -> tuple[bool, bytes]:
    """Return whether all chunks are valid UTF-8, and the beginning of the text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = b""
    is_utf8 = True
    for chunk in chunks:
        if len(sample) < _SAMPLE_BYTES:
            sample += chunk
        is_utf8 = is_utf8 and _accepts(decoder, chunk)
    return is_utf8 and _accepts(decoder, b"", final=True), sample


def _accepts(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _utf16(sample: bytes) -> str:
    """Return the kind of UTF-16, recognised by its byte order mark or its zero bytes; empty when it is not UTF-16."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = sample[:4000]
    even, odd = head[0::2], head[1::2]
    if len(head) < 8 or not head.count(0):
        return ""
    if odd.count(0) > len(odd) * 0.2 and even.count(0) < len(even) * 0.05:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.2 and odd.count(0) < len(odd) * 0.05:
        return "utf-16-be"
    return ""


def decode(content: bytes, name: str) -> tuple[str, str]:
    """Return the text of a whole file and the note of `detect_encoding`. Raises `SourceError`."""
    encoding, note = detect_encoding(
        [content[i : i + _CHUNK_BYTES] for i in range(0, len(content), _CHUNK_BYTES)], name
    )
    try:
        return content.decode(encoding), note
    except UnicodeDecodeError as error:
        raise SourceError(
            _("“%(name)s” is damaged: it is not valid %(encoding)s.") % {"name": name, "encoding": encoding.upper()}
        ) from error
