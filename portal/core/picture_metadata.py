"""Removal of everything from a picture that is no picture: place and time, camera, thumbnails, comments, what follows it.

Lossless: the compressed picture itself is copied. Colour profiles stay, since colours depend on them. A picture that is
turned by its metadata (JPEG of a telephone) is turned for good, and encoded once more for that.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

from PIL import Image as Pillow
from PIL import ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable

#: EXIF tag of the orientation, and its value for "as it is".
_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = 1
_QUALITY: Final = 92
_PNG_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs hIST sPLT acTL fcTL fdAT cICP mDCV cLLI".split()
)
_WEBP_KEPT: Final = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"])
_WEBP_METADATA_FLAGS: Final = 0x08 | 0x04
_GIF_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class UnreadablePictureError(ValueError):
    """Raised for bytes that are not the picture their name promises."""


def without_metadata(content: bytes, kind: str) -> bytes:
    """Return a picture with the extension `kind` without metadata; other files unchanged.

    Raises `UnreadablePictureError` when it is damaged.
    """
    clean = _CLEANERS.get(kind.lower())
    if clean is None:
        return content
    try:
        return clean(_upright(content))
    except (IndexError, struct.error, ValueError) as error:
        raise UnreadablePictureError(str(error)) from error


def _upright(content: bytes) -> bytes:
    """Return the picture turned as its metadata say; the same bytes if they say nothing."""
    try:
        with Pillow.open(io.BytesIO(content)) as picture:
            if getattr(picture, "n_frames", 1) > 1 or picture.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
                return content
            turned, out = ImageOps.exif_transpose(picture), io.BytesIO()
            turned.save(out, format=picture.format, quality=_QUALITY, icc_profile=picture.info.get("icc_profile"))
    except (OSError, SyntaxError, TypeError, KeyError, Pillow.DecompressionBombError) as error:
        raise UnreadablePictureError(str(error)) from error
    return out.getvalue()


def _clean_jpeg(content: bytes) -> bytes:
    """Copy the segments a decoder needs: those of applications only if they state the colours."""
    if content[:2] != b"\xff\xd8":
        raise UnreadablePictureError("no JPEG")
    out, at = [content[:2]], 2
    while True:
        if content[at] != 0xFF:
            raise UnreadablePictureError("no marker")
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xD9:
            out.append(b"\xff\xd9")
            return b"".join(out)  # another picture may follow, with metadata of its own
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if _is_needed(marker, content[at + 4 : at + 18]):
            out.append(content[at:end])
        at = end
        if marker == 0xDA:
            end = _end_of_scan(content, at)
            out.append(content[at:end])
            at = end


def _is_needed(marker: int, begins: bytes) -> bool:
    if marker == 0xE2:
        return begins.startswith(b"ICC_PROFILE\0")
    if 0xE0 <= marker <= 0xEF:
        return (marker == 0xE0 and begins.startswith(b"JFIF")) or (marker == 0xEE and begins.startswith(b"Adobe"))
    return marker != 0xFE


def _end_of_scan(content: bytes, at: int) -> int:
    """Return where the compressed data ends: at the first marker that does not belong to them."""
    while (at := content.index(0xFF, at)) + 1 < len(content):
        follows = content[at + 1]
        if follows == 0 or 0xD0 <= follows <= 0xD7:
            at += 2
        elif follows == 0xFF:
            at += 1
        else:
            return at
    raise UnreadablePictureError("no end")


def _clean_png(content: bytes) -> bytes:
    out, at = [content[:8]], 8
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        raise UnreadablePictureError("no PNG")
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise UnreadablePictureError("too short")
        if name in _PNG_KEPT:
            out.append(content[at:end])
        if name == b"IEND":
            return b"".join(out)
        at = end


def _clean_webp(content: bytes) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise UnreadablePictureError("no WebP")
    out, at = [], 12
    stop = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    while at + 8 <= stop:
        name, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        chunk = bytearray(content[at:end])
        if name == b"VP8X":
            chunk[8] &= ~_WEBP_METADATA_FLAGS
        if name in _WEBP_KEPT:
            out.append(bytes(chunk))
        at = end
    body = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _clean_gif(content: bytes) -> bytes:
    if content[:3] != b"GIF":
        raise UnreadablePictureError("no GIF")
    at = 13 + _colours(content[10])
    out = [content[:at]]
    while True:
        begins, block = at, content[at]
        if block == 0x3B:
            out.append(b"\x3b")
            return b"".join(out)
        if block == 0x21:
            label = content[at + 1]
            at = _end_of_blocks(content, at + 2)
            is_loop = label == 0xFF and content[begins + 3 : begins + 14] in _GIF_LOOPS
            if label == 0xF9 or is_loop:
                out.append(content[begins:at])
        elif block == 0x2C:
            at = _end_of_blocks(content, at + 11 + _colours(content[at + 9]))
            out.append(content[begins:at])
        else:
            raise UnreadablePictureError("unknown block")


def _colours(flags: int) -> int:
    """Return the length of the table of colours that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_blocks(content: bytes, at: int) -> int:
    while length := content[at]:
        at += length + 1
    return at + 1


_CLEANERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "jpg": _clean_jpeg,
    "jpeg": _clean_jpeg,
    "png": _clean_png,
    "webp": _clean_webp,
    "gif": _clean_gif,
}
