"""Pictures, documents and recordings as lines of an export."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from faq.exporting.archive import digest_of
from portal.core.exchange import described_file, line

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile

    from portal.core.exchange import Row, Sink

#: What a line says of each kind, besides its title, tags and files.
_FIELDS: Final = {
    "images": ("description", "focal_point_x", "focal_point_y", "focal_point_width", "focal_point_height"),
    "documents": (),
    "media": ("type", "duration", "width", "height", "captions_language", "transcript"),
}
FILES: Final = {"images": ("file",), "documents": ("file",), "media": ("file", "captions", "thumbnail")}


def described(kind: str, instance: Any, sink: Sink) -> Row | None:
    """Return the line of a picture, document or recording; None if its file is gone.

    Its key is made of its content and of what it says, so that the same thing has the same key in every portal.
    """
    files: Row = {}
    for name in FILES[kind]:
        stored: FieldFile = getattr(instance, name)
        kept = sink.keep(stored) if stored else None
        if kept is None and (stored or name == "file"):
            return None
        files[name] = kept
    values = {name: getattr(instance, name) for name in fields_of(kind)}
    row = {**values, "tags": sorted(instance.tags.names()), **{name: files[name] for name in FILES[kind]}}
    digest = hashlib.blake2b(line(row).encode(), digest_size=10).hexdigest()
    return {"key": digest, **row}


def fields_of(kind: str) -> tuple[str, ...]:
    """Return the plain fields of a line."""
    return ("title", *_FIELDS[kind])


class Hashing:
    """A sink that keeps nothing: what files are called in an export. For comparing."""

    def keep(self, file: FieldFile) -> Row | None:
        """Return what a line says of a file."""
        try:
            with file.storage.open(str(file.name)) as stream:
                digest, size = digest_of(stream)
        except (OSError, ValueError):
            return None
        return described_file(str(file.name), digest, size)


class Keeping(Hashing):
    """A sink that remembers which files are to be copied, once each."""

    def __init__(self) -> None:
        self.files: dict[str, FieldFile] = {}

    def keep(self, file: FieldFile) -> Row | None:
        """Return what a line says of a file, and remember it."""
        row = super().keep(file)
        if row is not None:
            self.files.setdefault(row["file"], file)
        return row
