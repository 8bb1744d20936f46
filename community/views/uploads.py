"""Files of posts. Each request asks who sees the post; nothing of it is kept on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, Http404
from django.views.decorators.http import require_safe

from community.models import Upload
from community.views.common import MAX_ID

if TYPE_CHECKING:
    from django.http import HttpRequest

_INLINE = frozenset({"image/jpeg", "image/png", "image/webp"})


@require_safe
def uploaded_file(request: HttpRequest, upload_id: int, name: str) -> FileResponse:
    """Send a file of a post that the reader sees. Pictures are shown, everything else is offered for saving."""
    upload = Upload.objects.visible_to(request.user).filter(pk=upload_id).first() if upload_id <= MAX_ID else None
    if upload is None:
        raise Http404
    try:
        file = upload.file.open("rb")
    except OSError as error:
        raise Http404 from error
    is_picture = upload.content_type in _INLINE
    response = FileResponse(
        file,
        as_attachment=not is_picture,
        filename=upload.name,
        content_type=upload.content_type if is_picture else "application/octet-stream",
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
