"""Validation of uploaded pictures before they are decoded."""

from __future__ import annotations

import warnings
from typing import IO, Final

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image as Pillow

#: File name extension → Pillow's name of the format.
PICTURE_FORMATS: Final = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
#: Maximum pixels of an animation's frame. Its decoder holds several frames at a time, with four bytes per pixel.
MAX_FRAME_PIXELS: Final = 4_000_000
#: Pixels for which a frame counts at least: each is work, however small it is.
_LEAST_FRAME_PIXELS: Final = 10_000
#: Passes over the whole picture that a JPEG may ask for; cameras and programs use up to a dozen.
_MAX_SCANS: Final = 100
_JPEG: Final = frozenset({"JPEG", "MPO"})
_START_OF_SCAN: Final = b"\xff\xda"


def what_is_wrong_with_picture(file: IO[bytes], kind: str, *, max_pixels: int = 0, max_moving_pixels: int = 0) -> str:
    """Return why this portal rejects a picture with the extension `kind`, or an empty string if it accepts it.

    Width, height and number of frames are in the first bytes; if they exceed the limits, nothing is decoded. Otherwise
    the picture is decoded once, since a damaged one would fail later, wherever it is shown. Leaves `file` at its start.

    `max_pixels` is the limit of one picture, by default that of the settings; `max_moving_pixels` that of all frames of
    an animation together, by default the same.
    """
    limit = max_pixels or settings.WAGTAILIMAGES_MAX_IMAGE_PIXELS
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # our own, lower limit is checked below
            with Pillow.open(file, formats=[PICTURE_FORMATS[kind]]) as picture:
                width, height = picture.size
                frames = frames_of(picture)
                if width * height > limit:
                    return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
                moving_limit = max_moving_pixels or limit
                if frames > 1 and max(width * height, _LEAST_FRAME_PIXELS) * frames > moving_limit:
                    return _(
                        "All frames of an animation together may have at most %(limit)d million pixels. Make it shorter "
                        "or smaller."
                    ) % {"limit": moving_limit // 1_000_000}
                if frames > 1 and width * height > MAX_FRAME_PIXELS:
                    return _("An animation may have at most %(limit)d million pixels; this one is larger.") % {
                        "limit": MAX_FRAME_PIXELS // 1_000_000
                    }
                if picture.format in _JPEG:
                    _refuse_scans(file)
                picture.draft(picture.mode, (max(1, width // 8), max(1, height // 8)))  # decodes a JPEG at a small size
                picture.load()
    except Pillow.DecompressionBombError:
        return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError):
        return _("It is damaged, or not what its name says.")  # Pillow's decoders raise all of these on bad data
    finally:
        file.seek(0)
    return ""


def frames_of(picture: Pillow.Image) -> int:
    """Return how many frames an animation has. Further pictures in a JPEG, such as a depth map, are no frames."""
    return 1 if picture.format in _JPEG else getattr(picture, "n_frames", 1)


def _refuse_scans(file: IO[bytes]) -> None:
    """Raise `ValueError` for a JPEG of too many passes: a few bytes ask for one, which takes as long as a whole picture."""
    place = file.tell()
    file.seek(0)
    count = file.read().count(_START_OF_SCAN)
    file.seek(place)
    if count > _MAX_SCANS:
        raise ValueError(f"{count} scans")
