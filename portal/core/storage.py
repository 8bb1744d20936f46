"""Storage of uploaded files: names nobody can guess, and pictures without metadata."""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from portal.core.picture_metadata import UnreadablePictureError, without_metadata
from portal.core.pictures import PICTURE_FORMATS

if TYPE_CHECKING:
    from django.core.files import File

logger = logging.getLogger(__name__)

#: Folder of the pictures as they were uploaded. They are never served, and their metadata say how they are turned.
ORIGINALS: Final = "original_images"
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_LENGTH: Final = 16  # 80 bits
_TOKEN: Final = re.compile(rf"__[{_ALPHABET}]{{{_LENGTH}}}(?=\.|\Z)")


def name_for_readers(path: str) -> str:
    """Return the name under which a reader saves the file: without folders and the random part."""
    return _TOKEN.sub("", PurePosixPath(path).name)


class MediaStorage(FileSystemStorage):
    """Uploads on the local disk."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name with a random part before its ending, shortened to `max_length`."""
        path = PurePosixPath(name.replace("\\", "/"))
        stem = _TOKEN.sub("", path.stem)
        token = "__" + "".join(secrets.choice(_ALPHABET) for _place in range(_LENGTH))
        if max_length is not None:
            around = len(str(path)) - len(path.stem)
            stem = stem[: max(1, max_length - around - len(token))]
        return super().get_available_name(str(path.with_name(f"{stem}{token}{path.suffix}")), max_length)

    def _save(self, name: str, content: File[Any]) -> str:
        path = PurePosixPath(name)
        if path.parts[:1] != (ORIGINALS,):
            content = _clean(content, path.suffix.lstrip("."))
        return super()._save(name, content)  # type: ignore[misc]  # Django's documented method for storages


def clean_stored_pictures() -> int:
    """Remove the metadata of the served pictures that earlier releases stored; return how many had any.

    Files are replaced atomically, so that a running server never reads half of one.
    """
    from portal.core.models import StoredFile  # noqa: PLC0415 - models have fields that need this storage

    cleaned = 0
    for path in StoredFile.objects.order_by("pk").values_list("path", flat=True).iterator():
        file = Path(settings.MEDIA_ROOT) / path
        if file.suffix.lstrip(".").lower() not in PICTURE_FORMATS or not file.is_file():
            continue
        before = file.read_bytes()
        try:
            after = without_metadata(before, file.suffix.lstrip("."))
        except UnreadablePictureError as error:
            logger.warning("A picture keeps its metadata, because it cannot be read: %s", error)
            continue
        if after != before:
            draft = file.with_name(f"{file.name}.tmp")
            draft.write_bytes(after)
            draft.replace(file)
            cleaned += 1
    return cleaned


def _clean(content: File[Any], kind: str) -> File[Any]:
    """Return a picture without metadata; anything else, and what cannot be read, as it is."""
    if kind.lower() not in PICTURE_FORMATS:
        return content
    content.seek(0)
    before = content.read()
    try:
        return ContentFile(without_metadata(before, kind), name=content.name)
    except UnreadablePictureError as error:
        logger.warning("A picture is stored with its metadata, because it cannot be read: %s", error)
        content.seek(0)
        return content
