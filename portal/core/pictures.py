"""Which files are pictures that the portal may decode: asked before anybody decodes them."""

from __future__ import annotations

import warnings
from typing import IO, Final

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image as Pillow

#: What a file's name may end in → Pillow's name of the format.
PICTURE_FORMATS: Final = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
#: Pixels of one frame of an animation. Its decoder keeps several frames at a time, four bytes a pixel.
MAX_FRAME_PIXELS: Final = 4_000_000


def what_is_wrong_with_picture(file: IO[bytes], kind: str) -> str:
    """Return why a file whose name ends in `kind` is none of the pictures this portal accepts; empty when it is one.

    Width, height and frames are in its first bytes, and nothing is decoded when they are too many. Then it is decoded
    once: what is damaged would fail later, wherever it is shown. Leaves `file` at its beginning.
    """
    limit = settings.WAGTAILIMAGES_MAX_IMAGE_PIXELS
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # our own limit is below, and lower
            with Pillow.open(file, formats=[PICTURE_FORMATS[kind]]) as picture:
                width, height = picture.size
                frames = getattr(picture, "n_frames", 1)
                if width * height * frames > limit:
                    return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
                if frames > 1 and width * height > MAX_FRAME_PIXELS:
                    return _("An animation may have at most %(limit)d million pixels; this one is larger.") % {
                        "limit": MAX_FRAME_PIXELS // 1_000_000
                    }
                picture.draft(picture.mode, (max(1, width // 8), max(1, height // 8)))  # of a JPEG: decode it small
                picture.load()
    except Pillow.DecompressionBombError:
        return _("The picture has more than %(limit)d million pixels.") % {"limit": limit // 1_000_000}
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError):
        return _("It is damaged, or not what its name says.")  # Pillow's decoders raise all of these on bad data
    finally:
        file.seek(0)
    return ""
