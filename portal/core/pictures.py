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


def what_is_wrong_with_picture(file: IO[bytes], kind: str) -> str:
    """Return why this portal rejects a picture with the extension `kind`, or an empty string if it accepts it.

    Width, height and number of frames are in the first bytes; if they exceed the limits, nothing is decoded. Otherwise
    the picture is decoded once, since a damaged one would fail later, wherever it is shown. Leaves `file` at its start.
    """
    limit = settings.WAGTAILIMAGES_MAX_IMAGE_PIXELS
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # our own, lower limit is checked below
            with Pillow.open(file, formats=[PICTURE_FORMATS[kind]]) as picture:
                width, height = picture.size
                frames = getattr(picture, "n_frames", 1)
                if width * height * frames > limit:
                    return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
                if frames > 1 and width * height > MAX_FRAME_PIXELS:
                    return _("An animation may have at most %(limit)d million pixels; this one is larger.") % {
                        "limit": MAX_FRAME_PIXELS // 1_000_000
                    }
                picture.draft(picture.mode, (max(1, width // 8), max(1, height // 8)))  # decodes a JPEG at a small size
                picture.load()
    except Pillow.DecompressionBombError:
        return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError):
        return _("It is damaged, or not what its name says.")  # Pillow's decoders raise all of these on bad data
    finally:
        file.seek(0)
    return ""
