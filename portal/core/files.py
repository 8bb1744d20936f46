"""Serving of uploaded files from the local disk, for installations without a web server in front.

Answers HEAD, conditional and single-range requests (RFC 9110, sections 13 and 14), so that readers can seek in a video
and resume a download. Original pictures are never served: readers get the re-encoded renditions.
"""

from __future__ import annotations

import mimetypes
import re
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.utils._os import safe_join
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Folders of MEDIA_ROOT that readers may fetch; all others are private to the application.
PUBLIC_FOLDERS: Final = frozenset({"images", "media", "media_thumbnails", "captions", "avatar_images"})
#: Types that browsers may display inline; all others are sent as attachments and never executed.
_INLINE: Final = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "audio/", "video/", "text/vtt")
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)\Z")
_CHUNK_BYTES: Final = 64 * 1024

mimetypes.add_type("text/vtt", ".vtt")
mimetypes.add_type("image/webp", ".webp")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a single-range header, or `None` when it is to be ignored.

    Raises `ValueError` when the range contains no byte of the file (416).
    """
    match = _RANGE.match(header.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise ValueError(header)
        return max(size - length, 0), size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise ValueError(header)
    return int(first), min(int(last), size - 1) if last else size - 1


def _slice(file: BinaryIO, first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(_CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve one file below MEDIA_ROOT."""
    try:
        file = Path(safe_join(settings.MEDIA_ROOT, path))
        # Check the folder of the resolved file, not of the URL: `media/../original_images` is inside MEDIA_ROOT, too.
        folder = file.relative_to(Path(settings.MEDIA_ROOT).absolute()).parts[:1]
        status = file.stat()
    except (SuspiciousFileOperation, OSError, ValueError) as error:
        raise Http404 from error
    if folder and folder[0] not in PUBLIC_FOLDERS:
        raise Http404
    if not file.is_file():
        raise Http404

    size = status.st_size
    etag = f'"{status.st_mtime_ns:x}-{size:x}"'
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    response: HttpResponseBase
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    else:
        asked = request.headers.get("Range", "")
        if request.headers.get("If-Range", etag) != etag:
            asked = ""
        try:
            span = parse_range(asked, size) if asked else None
        except ValueError:
            response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
            response["Accept-Ranges"] = "bytes"
            return response
        if span is None:
            response = FileResponse(file.open("rb"), content_type=content_type)
        else:
            first, last = span
            length = last - first + 1
            response = StreamingHttpResponse(
                _slice(file.open("rb"), first, length), status=206, content_type=content_type
            )
            response["Content-Length"] = str(length)
            response["Content-Range"] = f"bytes {first}-{last}/{size}"
        if not content_type.startswith(_INLINE):
            response["Content-Disposition"] = "attachment"
    response["ETag"] = etag
    response["Last-Modified"] = formatdate(status.st_mtime, usegmt=True)
    response["Accept-Ranges"] = "bytes"
    # A changed file gets a new name, so a cached response never becomes outdated.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
