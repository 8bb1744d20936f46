"""Files for posts: pictures are decoded and encoded anew, a few kinds of other files are checked and kept as they are."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from io import BytesIO
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Final

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from community.exceptions import UploadError
from community.models import Upload
from portal.core.formats import format_number, format_size
from portal.core.pictures import PICTURE_FORMATS, what_is_wrong_with_picture
from portal.core.text import slugify_unicode

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User

MAX_PICTURE_BYTES: Final = 5 * 1024 * 1024
MAX_FILE_BYTES: Final = 2 * 1024 * 1024
#: Longer side of a stored picture, in pixels.
MAX_SIDE: Final = 2560
#: Files of one person that wait for a post.
MAX_WAITING: Final = 20
#: How long a file waits for a post before it is deleted.
WAITING: Final = dt.timedelta(days=2)
#: Other files, by the ending of their name. None of these is ever displayed by a browser: they are downloaded.
FILE_TYPES: Final = {
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
}


@transaction.atomic
def add_upload(*, owner: User, name: str, file: IO[bytes], size: int) -> Upload:
    """Store a file that `owner` is going to show in a post. Raises `UploadError`, which says what is wrong.

    A picture loses everything but its pixels: the place where it was taken, and whatever was hidden in it.
    """
    ending = PurePath(name).suffix.lower().lstrip(".")
    waiting = Upload.objects.filter(owner=owner, post=None)
    if waiting.count() >= MAX_WAITING:
        raise UploadError(
            _("You have %(count)s files that are in no post yet. Post them, or try again in two days.")
            % {"count": format_number(MAX_WAITING)}
        )
    if ending in PICTURE_FORMATS:
        fields, content, ending = _picture(file, size, ending)
    elif ending in FILE_TYPES:
        fields, content = _other(file, size, ending)
    else:
        raise UploadError(
            _("Files of this kind are not accepted. Accepted are: %(kinds)s.")
            % {"kinds": ", ".join([*PICTURE_FORMATS, *FILE_TYPES])}
        )
    upload = Upload(
        owner=owner,
        name=f"{slugify_unicode(PurePath(name).stem, max_length=60) or 'file'}.{ending}",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        **fields,
    )
    upload.file.save(f"{secrets.token_hex(12)}.{ending}", ContentFile(content), save=False)
    upload.save(force_insert=True)
    return upload


def _picture(file: IO[bytes], size: int, ending: str) -> tuple[dict[str, Any], bytes, str]:
    if size > MAX_PICTURE_BYTES:
        raise _too_large(MAX_PICTURE_BYTES)
    if wrong := what_is_wrong_with_picture(file, ending):
        raise UploadError(wrong)
    try:
        with Image.open(file, formats=[PICTURE_FORMATS[ending]]) as opened:
            picture = ImageOps.exif_transpose(opened)
            has_alpha = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
            picture = picture.convert("RGBA" if has_alpha else "RGB")
            picture.thumbnail((MAX_SIDE, MAX_SIDE))
            picture.info.clear()
            encoded = BytesIO()
            is_drawn = PICTURE_FORMATS[ending] in {"PNG", "GIF"}
            picture.save(encoded, "WEBP", lossless=is_drawn, quality=80 if is_drawn else 84, method=4)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise UploadError(_("It is damaged, or not what its name says.")) from error
    fields = {
        "kind": Upload.Kind.PICTURE,
        "content_type": "image/webp",
        "width": picture.width,
        "height": picture.height,
    }
    return fields, encoded.getvalue(), "webp"


def _other(file: IO[bytes], size: int, ending: str) -> tuple[dict[str, Any], bytes]:
    if size > MAX_FILE_BYTES:
        raise _too_large(MAX_FILE_BYTES)
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise _too_large(MAX_FILE_BYTES)
    is_right = content.startswith(b"%PDF-") if ending == "pdf" else _is_text(content)
    if not is_right:
        raise UploadError(_("It is damaged, or not what its name says."))
    return {"kind": Upload.Kind.FILE, "content_type": FILE_TYPES[ending]}, content


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and "\x00" not in text


def _too_large(limit: int) -> UploadError:
    return UploadError(_("The file is too large: at most %(limit)s.") % {"limit": format_size(limit)})


def tidy_uploads() -> int:
    """Delete the files that no post came for; returns how many. A periodic job."""
    old = list(_abandoned().order_by("pk")[:500])
    for upload in old:
        with transaction.atomic():
            if Upload.objects.filter(pk=upload.pk, post=None).delete()[0]:
                upload.file.delete(save=False)
    return len(old)


def has_uploads_to_tidy() -> bool:
    return _abandoned().exists()


def _abandoned() -> QuerySet[Upload]:
    return Upload.objects.filter(post=None, created_at__lt=timezone.now() - WAITING)
