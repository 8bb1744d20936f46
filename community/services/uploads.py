"""Files that members put into their posts.

Pictures are decoded and encoded again, so that nothing but the picture is kept; a few kinds of other files are checked and
kept as they are. What no post came for is deleted after some days.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from io import BytesIO
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Final

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from PIL import Image as Pillow
from PIL import ImageOps

from community.exceptions import UploadError
from community.models import Upload
from portal.core.formats import format_number, format_size
from portal.core.pictures import PICTURE_FORMATS, frames_of, what_is_wrong_with_picture
from portal.core.text import slugify_unicode

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.db.models import QuerySet

    from portal.accounts.models import User

#: Largest file that is accepted, in bytes.
MAX_BYTES: Final = 5 * 1024 * 1024
#: The same for other files.
MAX_FILE_BYTES: Final = 2 * 1024 * 1024
#: Files of one person that wait for a post, and how long each may.
MAX_WAITING: Final = 20
WAITING: Final = dt.timedelta(days=2)
#: Other files, by the ending of their name. A browser never displays them: they are downloaded.
FILE_TYPES: Final = {
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
}
#: Longest side of a stored picture, in pixels: larger ones are made smaller.
LONGEST_SIDE: Final = 2400
#: Pixels of a picture, as many as telephones usually take, and of all frames of an animation together. Nobody else is
#: served by the process while one is decoded.
MAX_PIXELS: Final = 13_000_000
MAX_MOVING_PIXELS: Final = 10_000_000
_NAME_LENGTH: Final = 60
#: Format of what is stored, by that of what was sent: extension, content type, options of the encoder.
_STORED: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "JPEG": ("jpg", "image/jpeg", {"quality": 86, "optimize": True}),
    "PNG": ("png", "image/png", {"compress_level": 3}),  # three times as fast as the usual level, and hardly larger
    "WEBP": ("webp", "image/webp", {"quality": 86, "method": 0}),
}
_BEGINNINGS: Final = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF8", "gif"))


def accept_picture(*, owner: User, file: UploadedFile[Any]) -> Upload:
    """Store a picture that waits for the post its owner is writing. Raises `UploadError`, whose message says why not.

    What the file is named or said to be makes no difference: its content decides. Metadata, such as the place where
    it was taken, are not kept.
    """
    _refuse_hoarding(owner)
    if (file.size or 0) > MAX_BYTES:
        raise UploadError(_("The file is larger than %(limit)s.") % {"limit": format_size(MAX_BYTES)})
    source: IO[bytes] = file.file  # type: ignore[assignment]  # an open file
    kind = _kind_of(source)
    if not kind:
        raise UploadError(_("Only pictures can be added: JPEG, PNG, WebP or GIF."))
    problem = what_is_wrong_with_picture(source, kind, max_pixels=MAX_PIXELS, max_moving_pixels=MAX_MOVING_PIXELS)
    if problem:
        raise UploadError(problem)
    content, extension, content_type, size = _encoded(source, PICTURE_FORMATS[kind])
    stem = slugify_unicode(PurePath(file.name or "").stem, max_length=_NAME_LENGTH) or "picture"
    upload = Upload(
        owner=owner,
        kind=Upload.Kind.PICTURE,
        name=f"{stem}.{extension}",
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        width=size[0],
        height=size[1],
    )
    upload.file.save(f"{get_random_string(24)}.{extension}", ContentFile(content), save=False)
    upload.save(force_insert=True)
    return upload


def add_file(*, owner: User, name: str, file: IO[bytes]) -> Upload:
    """Store a file that is no picture and waits for the post its owner is writing. Raises `UploadError`."""
    _refuse_hoarding(owner)
    ending = PurePath(name).suffix.lower().lstrip(".")
    if ending not in FILE_TYPES:
        raise UploadError(
            _("Files of this kind are not accepted. Accepted are: %(kinds)s.")
            % {"kinds": ", ".join([*PICTURE_FORMATS, *FILE_TYPES])}
        )
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UploadError(_("The file is larger than %(limit)s.") % {"limit": format_size(MAX_FILE_BYTES)})
    if not (content.startswith(b"%PDF-") if ending == "pdf" else _is_text(content)):
        raise UploadError(_("It is damaged, or not what its name says."))
    upload = Upload(
        owner=owner,
        kind=Upload.Kind.FILE,
        name=f"{slugify_unicode(PurePath(name).stem, max_length=_NAME_LENGTH) or 'file'}.{ending}",
        content_type=FILE_TYPES[ending],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    upload.file.save(f"{get_random_string(24)}.{ending}", ContentFile(content), save=False)
    upload.save(force_insert=True)
    return upload


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and "\x00" not in text


def _refuse_hoarding(owner: User) -> None:
    if Upload.objects.filter(owner=owner, post=None).count() >= MAX_WAITING:
        raise UploadError(
            _("You have %(count)s files that are in no post yet. Post them, or try again in two days.")
            % {"count": format_number(MAX_WAITING)}
        )


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


def _kind_of(file: IO[bytes]) -> str:
    """Return the extension of the format by the first bytes; empty for everything that is no picture of ours."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for beginning, kind in _BEGINNINGS if head.startswith(beginning)), "")


def _encoded(file: IO[bytes], source_format: str) -> tuple[bytes, str, str, tuple[int, int]]:
    """Return the picture as it is stored, with its extension, content type, and width and height."""
    out = BytesIO()
    try:
        with Pillow.open(file, formats=[source_format]) as picture:
            is_animated = frames_of(picture) > 1
            stored = source_format if source_format in _STORED and not is_animated else "WEBP" if is_animated else "PNG"
            extension, content_type, options = _STORED[stored]
            if is_animated:
                _refuse_growing(picture)
                picture.info.pop("comment", None)
                picture.save(out, "WEBP", save_all=True, exif=b"", xmp=b"", icc_profile=b"", **options)
                return out.getvalue(), extension, content_type, picture.size
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # before all else: a JPEG is decoded at a smaller size then
            upright = ImageOps.exif_transpose(picture)
            plain = upright.convert(_mode_for(upright, stored))
            plain.info.clear()
            plain.save(out, stored, **options)
            return out.getvalue(), extension, content_type, plain.size
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise UploadError(_("It is damaged, or not what its name says.")) from error
    finally:
        file.seek(0)


def _refuse_growing(picture: Pillow.Image) -> None:
    """Raise `ValueError` for an animation whose later frames are larger than it says at its beginning."""
    size = picture.size
    for frame in range(frames_of(picture)):
        picture.seek(frame)  # says how large the frame is, before it is decoded
        if picture.size != size:
            raise ValueError("a frame is larger than the picture")
    picture.seek(0)


def _mode_for(picture: Pillow.Image, stored: str) -> str:
    """Return the colour mode: transparency stays where the format has it."""
    if stored == "JPEG":
        return "RGB"
    return "RGBA" if picture.has_transparency_data else "RGB"
