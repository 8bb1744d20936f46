"""Sources of an import as streams of rows. Rows can be read twice: once to plan, once to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from faq.importing.documents import DocumentSource
from faq.importing.errors import SourceError
from faq.importing.files import FileFinder, Files, FolderFiles, Streams, ZipFiles
from faq.importing.layout import DOCUMENTS
from faq.importing.tables import TABLES, TableSource
from faq.importing.zendesk import JSON, ZendeskSource, is_zendesk

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from faq.importing.rows import Source


def open_source(  # noqa: PLR0911 - one return for every kind of source
    path: Path,
    *,
    pictures: Path | None = None,
    languages: Collection[str] = ("fa", "en"),
    columns: Mapping[str, str] | None = None,
) -> Source:
    """Open the source at `path`: a folder or zip of documents or of a help center's JSON, one document, or a spreadsheet.

    Pictures come from the folder itself, from `pictures` (a folder or zip), or from a zip beside the source. `languages` are those
    of the portal; `columns` says what the columns of a spreadsheet are (see `TableSource`). Raises `SourceError` when it cannot be read.
    """
    if not path.exists():
        raise SourceError(_("“%(path)s” does not exist.") % {"path": path})
    places: list[Files] = [FolderFiles(pictures) if pictures.is_dir() else ZipFiles(pictures)] if pictures else []
    name = path.resolve().stem
    if path.is_dir():
        root: Streams = FolderFiles(path)
        finder = FileFinder([root, *places, *_zips_beside(path, inside=True)])
        if is_zendesk(root, names := root.names()):
            return ZendeskSource(root, finder, name=path.resolve().name, names=names)
        return DocumentSource(root, finder, languages, name=path.resolve().name)
    suffix = path.suffix.lower()
    if suffix == ".zip":
        root = ZipFiles(path)
        if is_zendesk(root, names := root.names()):
            return ZendeskSource(root, FileFinder([root, *places]), name=name, names=names)
        return DocumentSource(root, FileFinder([root, *places]), languages, name=name, wrapped=True)
    root = FolderFiles(path.parent)
    finder = FileFinder([root, *places, *_zips_beside(path, inside=False)])
    if suffix in JSON and is_zendesk(root, [path.name]):
        return ZendeskSource(root, finder, name=name, names=[path.name])
    if suffix in TABLES:
        return TableSource(path, finder, languages, columns=columns)
    if suffix in DOCUMENTS:
        return DocumentSource(root, finder, languages, name=name, names=[path.name])
    raise SourceError(_("“%(path)s” is neither a folder, a zip, a document nor a spreadsheet.") % {"path": path})


def _zips_beside(path: Path, *, inside: bool) -> list[ZipFiles]:
    """Return ``pictures.zip`` and similar in the source's folder, or ``articles.zip`` beside ``articles.csv``."""
    folder = path if inside else path.parent
    candidates = [folder / "pictures.zip", folder / "images.zip", path.parent / f"{path.stem}.zip"]
    return [ZipFiles(candidate) for candidate in dict.fromkeys(candidates) if candidate.is_file()]
