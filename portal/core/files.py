"""Serving of uploaded files: the only way to them.

Who may fetch a file is asked first (`portal.core.file_audiences`); to everybody else it is missing. Then the file is
handed over as an open file with a path, or, with ``MEDIA_ACCEL_PREFIX``, to the web server in front.

Answers HEAD, conditional and single-range requests (RFC 9110, sections 13 and 14), so that readers can seek in a video
and resume a download. Original pictures are never served: readers get the re-encoded renditions.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.utils._os import safe_join
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.http import require_safe

from portal.core import file_audiences
from portal.core.audience import PUBLIC
from portal.core.serving.files import FileSlice
from portal.core.storage import name_for_readers

if TYPE_CHECKING:
    import os

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Folder of the files that are made from pictures when a page is first shown.
RENDITIONS: Final = "images/"
#: Seconds for which anybody may keep a public file without asking again: as long as it can be had after it became private.
PUBLIC_SECONDS: Final = 300
#: Types that browsers may display inline; all others are sent as attachments.
_INLINE: Final = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "audio/", "video/", "text/vtt")
#: Types that cannot contain anything a browser would execute.
_HARMLESS: Final = _INLINE[:-1]
_SANDBOX: Final = "default-src 'none'; sandbox"
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)\Z")
_MAX_PATH: Final = 255

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


def _slice(file: BinaryIO, first: int, length: int) -> FileSlice:
    return FileSlice(file, first, length)


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve one file below MEDIA_ROOT to those who may fetch it; everybody else gets the 404 of a missing file."""
    audiences = file_audiences.audiences_at(path) if _is_path(path) else None
    if audiences is None and path.startswith(RENDITIONS) and _find(path) is not None and file_audiences.adopt(path):
        audiences = file_audiences.audiences_at(path)
    return _serve(request, path, audiences)


@require_safe
def document(request: HttpRequest, document_id: str, name: str) -> HttpResponseBase:
    """Serve a document under Wagtail's address for it, which must contain the right name."""
    known = file_audiences.document_at(document_id) if len(document_id) < _MAX_PATH else None
    path, audiences = known if known is not None and PurePosixPath(known[0]).name == name else ("", None)
    return _serve(request, path, audiences)


def _serve(request: HttpRequest, path: str, audiences: tuple[str, ...] | None) -> HttpResponseBase:
    """Answer with the file at `path` if one of the audiences admits the reader. Raises `Http404`."""
    is_public = audiences is not None and PUBLIC in audiences
    user = request.user if not is_public and settings.SESSION_COOKIE_NAME in request.COOKIES else None
    may = is_public or (file_audiences.admits(audiences or (), user) and audiences is not None)
    return send(request, path if may else "", is_public=is_public)


def send(request: HttpRequest, path: str, *, is_public: bool, name: str = "") -> HttpResponseBase:
    """Answer with the stored file at `path`, to a reader whom the caller has admitted.

    For views with a rule of their own, such as files of posts that their authors see before others do. `is_public`: every
    visitor may have it, so that caches may keep it for minutes. `name`: under which it is saved, if not its own. Raises
    `Http404` when there is no such file.
    """
    found = _find(path)
    if found is None:
        raise Http404
    file, status = found
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    response = _handed_over(path, content_type) or _read(request, file, status, content_type)
    if not content_type.startswith(_INLINE):
        response["Content-Disposition"] = _as_attachment(name or name_for_readers(path))
    if not content_type.startswith(_HARMLESS):
        response["Content-Security-Policy"] = _SANDBOX
    # A file keeps its name when fewer may fetch it, so nobody may keep a public one for long, and a private one at all.
    response["Cache-Control"] = f"public, max-age={PUBLIC_SECONDS}" if is_public else "private, no-store"
    return response


def _as_attachment(name: str) -> str:
    return content_disposition_header(as_attachment=True, filename=name) or "attachment"


def _is_path(path: str) -> bool:
    return len(path) <= _MAX_PATH and "\0" not in path


def _find(path: str) -> tuple[Path, os.stat_result] | None:
    """Return the file with this storage path and its state, or None."""
    try:
        file = Path(safe_join(settings.MEDIA_ROOT, path))
        status = file.stat()
    except (SuspiciousFileOperation, OSError, ValueError):
        return None
    return (file, status) if file.is_file() else None


def _handed_over(path: str, content_type: str) -> HttpResponse | None:
    """Return the response that makes the web server in front send the file, or None without one."""
    if not settings.MEDIA_ACCEL_PREFIX:
        return None
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX + quote(path)
    return response


def _read(request: HttpRequest, file: Path, status: os.stat_result, content_type: str) -> HttpResponseBase:
    """Return the file, a part of it, or that it has not changed."""
    size, etag = status.st_size, f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag, int(status.st_mtime))
    if response is None:
        asked = request.headers.get("Range", "")
        if request.headers.get("If-Range", etag) != etag:
            asked = ""
        try:
            span = parse_range(asked, size) if asked else None
        except ValueError:
            response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        else:
            response = _part(file, span, size, content_type) if span else FileResponse(file.open("rb"))
        response["Content-Type"] = content_type
    response["ETag"] = etag
    response["Last-Modified"] = http_date(status.st_mtime)
    response["Accept-Ranges"] = "bytes"
    return response


def _part(file: Path, span: tuple[int, int], size: int, content_type: str) -> StreamingHttpResponse:
    first, last = span
    length = last - first + 1
    response = StreamingHttpResponse(_slice(file.open("rb"), first, length), status=206, content_type=content_type)
    response["Content-Length"] = str(length)
    response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response
