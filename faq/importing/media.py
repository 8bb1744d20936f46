"""Pictures and sounds of an import: verified before they are stored, and stored only once."""

from __future__ import annotations

import hashlib
import io
import wave
from typing import TYPE_CHECKING, Final, Protocol

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from wagtail.images import get_image_model

from faq.captions import MAX_BYTES, CaptionsError, cues_in, words_in
from faq.importing.encoding import decode
from faq.importing.errors import FileProblemError, SourceError
from faq.models import HelpMedia
from portal.core.pictures import PICTURE_FORMATS, what_is_wrong_with_picture
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

    from faq.importing.files import FoundFile

MAX_MEDIA_BYTES: Final = 200 * 1024 * 1024


class Finder(Protocol):
    """Finds the files that a text names, such as `faq.importing.files.FileFinder`."""

    def find(self, name: str, *, near: str = "") -> FoundFile | None: ...


class MediaLibrary:
    """Verifies and stores files of one import. What it stored can be removed again (`remove`, `undo`)."""

    def __init__(self, finder: Finder, *, keep: Callable[[str, str, bytes], int] | None = None) -> None:
        self._finder = finder
        self._keep = keep
        self._pictures: dict[str, int] = {}
        self._media: dict[tuple[str, str, str], int] = {}
        self._verified: dict[str, str] = {}
        self._new_keys: list[str | tuple[str, str, str]] = []
        self._new_files: list[str] = []
        self._new_objects: list[Model] = []

    # Pictures -------------------------------------------------------------------------------------------------------

    def known_picture(self, name: str, *, near: str) -> int:
        """Return the id of the picture if it is stored already, else what `keep` answers (with its digest, suffix and content), or 0.
        Raises `FileProblemError` unless it can be used.
        """
        found, content, digest = self._picture(name, near)
        if digest not in self._pictures:
            stored = get_image_model().objects.filter(file_hash=digest).values_list("pk", flat=True).first()
            return int(stored or (self._keep(digest, found.suffix.lstrip("."), content) if self._keep else 0))
        return self._pictures[digest]

    def store_picture(self, name: str, *, near: str) -> int:
        """Return the id of the picture, which is stored now unless the same file exists already."""
        found, content, digest = self._picture(name, near)
        known = self._pictures.get(digest)
        if known is not None:
            return known
        model = get_image_model()
        image = model.objects.filter(file_hash=digest).first()
        if image is None:
            title = found.stem.replace("-", " ").replace("_", " ")
            image = model(title=title, file=ContentFile(content, name=f"{found.stem}{found.suffix}"), file_hash=digest)
            image.file_size = len(content)
            image.save()
            self._new_files.append(image.file.name)
            self._new_objects.append(image)
        self._new_keys.append(digest)
        self._pictures[digest] = image.pk
        return int(image.pk)

    def _picture(self, name: str, near: str) -> tuple[FoundFile, bytes, str]:
        found = self._finder.find(name, near=near)
        if found is None:
            raise FileProblemError(_("The picture “%(name)s” was not found beside the text.") % {"name": name[:80]})
        kind = found.suffix.lstrip(".")
        if kind not in settings.WAGTAILIMAGES_EXTENSIONS or kind not in PICTURE_FORMATS:
            message = _("“%(name)s” is no picture this portal accepts (%(allowed)s).")
            raise FileProblemError(
                message % {"name": name[:80], "allowed": ", ".join(settings.WAGTAILIMAGES_EXTENSIONS)}
            )
        content = found.read(settings.WAGTAILIMAGES_MAX_UPLOAD_SIZE)
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        problem = self._verified.get(digest)
        if problem is None:
            problem = self._verified[digest] = what_is_wrong_with_picture(io.BytesIO(content), kind)
        if problem:
            raise FileProblemError(f"“{name[:80]}”: {problem}")
        return found, content, digest

    # Sounds and videos ----------------------------------------------------------------------------------------------

    def known_media(self, kind: str, name: str, *, title: str, language: str, near: str) -> int:
        """Return the id of the sound or video if it is stored already, else 0. Raises `FileProblemError` unless it and its captions exist
        and can be used.
        """
        _found, content, captions, transcript = self._media_files(kind, name, language, near)
        return self._same_media(title, language, content, captions, transcript) or 0

    def store_media(self, kind: str, name: str, *, title: str, language: str, near: str) -> int:
        """Return the id of the sound or video with its captions and transcript in `language`."""
        found, content, captions, transcript = self._media_files(kind, name, language, near)
        digest = hashlib.sha1(content + captions.encode() + transcript.encode(), usedforsecurity=False).hexdigest()
        key = (digest, language, title)
        known = self._media.get(key)
        if known is None:
            known = self._same_media(title, language, content, captions, transcript)
        if known is None:
            media = HelpMedia(
                title=title,
                type=kind,
                duration=_wave_seconds(content),
                captions_language=language,
                transcript=transcript,
                file=ContentFile(content, name=f"{found.stem}{found.suffix}"),
                captions=ContentFile(captions.encode(), name=f"{found.stem}.{language}.vtt"),
            )
            media.save()
            self._new_files += [str(media.file.name), str(media.captions.name)]
            self._new_objects.append(media)
            known = media.pk
        self._new_keys.append(key)
        self._media[key] = known
        return int(known)

    @staticmethod
    def _same_media(title: str, language: str, content: bytes, captions: str, transcript: str) -> int | None:
        """Return the id of a stored file with the same content, so that repeating an import creates nothing; or
        None.
        """
        candidates = HelpMedia.objects.filter(title=title, captions_language=language, transcript=transcript)
        for media in candidates.order_by("-pk")[:5]:
            try:
                with media.file.open("rb") as stream, media.captions.open("rb") as words:
                    if stream.read() == content and words.read() == captions.encode():
                        return int(media.pk)
            except (OSError, ValueError):
                continue
        return None

    def _media_files(self, kind: str, name: str, language: str, near: str) -> tuple[FoundFile, bytes, str, str]:
        extensions = settings.WAGTAILMEDIA["AUDIO_EXTENSIONS" if kind == "audio" else "VIDEO_EXTENSIONS"]
        candidates = (self._finder.find(f"{name}.{extension}", near=near) for extension in extensions)
        found = next((file for file in candidates if file is not None), None)
        if found is None:
            message = _("“%(name)s” was not found beside the text (%(allowed)s).")
            raise FileProblemError(message % {"name": name[:80], "allowed": ", ".join(extensions)})
        captions = self._text(f"{name}.{language}.vtt", near)
        if not captions:
            message = _("“%(name)s” needs captions: a WebVTT file “%(captions)s” beside it.")
            raise FileProblemError(message % {"name": name[:80], "captions": f"{name}.{language}.vtt"})
        try:
            cues_in(captions)
        except CaptionsError as error:
            raise FileProblemError(f"“{name[:80]}.{language}.vtt”: {error}") from error
        # As it is stored (`HelpMedia.save`), so that a repeated import finds it again.
        transcript = self._text(f"{name}.{language}.txt", near).strip() or words_in(captions)
        return found, found.read(MAX_MEDIA_BYTES), captions, transcript

    def _text(self, name: str, near: str) -> str:
        found = self._finder.find(name, near=near)
        if found is None:
            return ""
        try:
            return normalise_input(decode(found.read(MAX_BYTES), name)[0])
        except SourceError as error:
            raise FileProblemError(str(error)) from error

    # Taking back ----------------------------------------------------------------------------------------------------

    def begin_row(self) -> None:
        """Begin a row: what is stored from here on belongs to it (`made_for_row`)."""
        self._new_keys.clear()
        self._new_files.clear()
        self._new_objects.clear()

    def made_for_row(self) -> list[Model]:
        """Return what was stored for the row, for `remove`."""
        return list(self._new_objects)

    def remove(self, made: list[Model]) -> None:
        """Remove what was stored for a row that could not be written, files and all."""
        gone = {item.pk for item in made}
        self._pictures = {key: pk for key, pk in self._pictures.items() if pk not in gone}
        self._media = {key: pk for key, pk in self._media.items() if pk not in gone}
        for item in made:
            item.delete()

    def undo(self) -> None:
        """Remove the files that were stored, after their database rows were rolled back."""
        for key in self._new_keys:
            if isinstance(key, str):
                self._pictures.pop(key, None)
            else:
                self._media.pop(key, None)
        self._new_keys.clear()
        for name in self._new_files:
            default_storage.delete(name)
        self._new_files.clear()


def _wave_seconds(content: bytes) -> float:
    """Return the duration of a WAV sound in seconds; 0 (unknown) for other kinds."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return sound.getnframes() / float(sound.getframerate() or 1)
    except (wave.Error, EOFError):
        return 0.0
