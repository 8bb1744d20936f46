"""Pictures of a company: its logo and icon in every size and place, encoded anew from what was uploaded.

Everything is made when the settings are saved, and kept in the database (`BrandPicture`). Requests only look it up.
"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image as Pillow
from PIL import ImageDraw, ImageOps

from portal.core.brand import digest_of
from portal.core.brand_colours import WHITE, Colours
from portal.core.pictures import PICTURE_FORMATS, what_is_wrong_with_picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.core.models import SiteBrand

LOGO, LOGO_ON_DARK, ICON = "logo", "logo-on-dark", "icon-512"
#: Address of a file of the form → kind of the picture that it becomes.
UPLOADS: Final = {"logo_file": LOGO, "dark_logo_file": LOGO_ON_DARK, "icon_file": ICON}
#: Three of them fit into a form of the admin (`LARGER_BODIES`).
MAX_KILOBYTES: Final = 700
_MAX_PIXELS: Final = 16_000_000
_LOGO_SIZE: Final = (640, 160)
_PAPER: Final = "#FBF9F4"
#: Kind → pixels, ground, share of the width. The icons of the portal's own (`script/make_art`) are made the same way.
_ICONS: Final[dict[str, tuple[int, str, float]]] = {
    "icon-32": (32, "", 1),
    "icon-180": (180, _PAPER, 0.78),
    "icon-192": (192, "", 0.96),
    "icon-maskable-512": (512, _PAPER, 0.62),
}
_SHARING: Final = "sharing"
_SHARING_SIZE: Final = (1200, 630)
_SHARING_LOGO: Final = (720, 220)
_BAND: Final = 36
#: How much finer the mark is drawn than it is kept.
_FINER: Final = 4
#: Corners of the three stars of the portal's mark, on a square of 32.
_MARK: Final = (
    (
        "16 1 20.39 5.39 26.61 5.39 26.61 11.61 31 16 26.61 20.39 26.61 26.61 20.39 26.61 "
        "16 31 11.61 26.61 5.39 26.61 5.39 20.39 1 16 5.39 11.61 5.39 5.39 11.61 5.39"
    ),
    (
        "19.9 6.58 21.52 10.48 25.42 12.1 23.81 16 25.42 19.9 21.52 21.52 19.9 25.42 16 23.81 "
        "12.1 25.42 10.48 21.52 6.58 19.9 8.19 16 6.58 12.1 10.48 10.48 12.1 6.58 16 8.19"
    ),
    (
        "16 9.8 17.82 11.62 20.38 11.62 20.38 14.18 22.2 16 20.38 17.82 20.38 20.38 17.82 20.38 "
        "16 22.2 14.18 20.38 11.62 20.38 11.62 17.82 9.8 16 11.62 14.18 11.62 11.62 14.18 11.62"
    ),
)
#: How long pages kept elsewhere may ask for a picture that was replaced.
_KEEP_REPLACED: Final = timedelta(days=7)


def what_is_wrong(file: IO[bytes], name: str, size: int) -> str:
    """Return why an uploaded file cannot be a logo or an icon, or an empty string."""
    kind = PurePath(name).suffix.lower().lstrip(".")
    if kind not in PICTURE_FORMATS:
        return _("Choose a picture of the kind PNG, JPEG, WebP or GIF.")
    if size > MAX_KILOBYTES * 1024:
        return _("The picture has more than %(limit)d kB. Make it smaller.") % {"limit": MAX_KILOBYTES}
    return what_is_wrong_with_picture(file, kind, max_pixels=_MAX_PIXELS)


def make_pictures(brand: SiteBrand, uploads: Mapping[str, IO[bytes]], removed: set[str]) -> None:
    """Set `brand.pictures` and keep the pictures it names; `uploads` and `removed` are by kind. The caller saves `brand`.

    Icons of a company that has colours and no icon are the portal's mark in these colours.
    """
    colours = Colours(brand.main_colour, brand.dark_colour, brand.accent_colour)
    made: dict[str, Pillow.Image] = {}
    for kind in (LOGO, LOGO_ON_DARK):
        logo = _source(brand, kind, uploads, removed)
        if logo is not None:
            logo.thumbnail(_LOGO_SIZE, Pillow.Resampling.LANCZOS)
            made[kind] = logo
    icon = _source(brand, ICON, uploads, removed)
    has_icon = icon is not None
    if icon is None and colours:
        icon = _mark(512, colours)
    if icon is not None:
        icon = _square(icon, 512, "", 1)
        made |= {kind: _square(icon, *how) for kind, how in _ICONS.items()}
        made[ICON if has_icon else "mark-512"] = icon
    if made:
        made[_SHARING] = _sharing(made.get(LOGO) or icon, colours)
    brand.pictures = {kind: _keep(kind, picture) for kind, picture in made.items()}


def forget_replaced() -> int:
    """Delete pictures that no brand names any more and that were made some days ago; return how many."""
    from portal.core.models import BrandPicture, SiteBrand  # noqa: PLC0415 - the models read the form, which is below

    named = {
        digest for kept in SiteBrand.objects.values_list("pictures", flat=True) for digest, *_size in kept.values()
    }
    old = BrandPicture.objects.filter(created_at__lt=timezone.now() - _KEEP_REPLACED).exclude(digest__in=named)
    return old.delete()[0]


def _source(brand: SiteBrand, kind: str, uploads: Mapping[str, IO[bytes]], removed: set[str]) -> Pillow.Image | None:
    """Return what was uploaded for a kind, now or before."""
    from portal.core.models import BrandPicture  # noqa: PLC0415 - as above

    if kind in uploads:
        file = uploads[kind]
        file.seek(0)
        with Pillow.open(file) as picture:
            return ImageOps.exif_transpose(picture).convert("RGBA")
    if kind in removed or kind not in brand.pictures:
        return None
    kept = BrandPicture.objects.filter(digest=brand.pictures[kind][0]).first()
    return Pillow.open(io.BytesIO(bytes(kept.content))).convert("RGBA") if kept is not None else None


def _keep(kind: str, picture: Pillow.Image) -> list[Any]:
    from portal.core.models import BrandPicture  # noqa: PLC0415 - as above

    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    content = stream.getvalue()
    digest = digest_of(kind.encode() + content)
    BrandPicture.objects.get_or_create(digest=digest, defaults={"kind": kind, "content": content})
    return [digest, picture.width, picture.height]


def _square(picture: Pillow.Image, size: int, ground: str, share: float) -> Pillow.Image:
    """Return the picture in the middle of a square of `size`, as wide as `share` of it; transparent without `ground`."""
    inner = round(size * share)
    fitted = ImageOps.contain(picture, (inner, inner), Pillow.Resampling.LANCZOS)
    canvas = Pillow.new("RGBA", (size, size), ground or (0, 0, 0, 0))
    canvas.alpha_composite(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return canvas


def _mark(size: int, colours: Colours) -> Pillow.Image:
    chosen = colours.complete
    canvas = Pillow.new("RGBA", (size * _FINER, size * _FINER), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)
    scale = size * _FINER / 32
    for corners, colour in zip(_MARK, (chosen.main, chosen.dark, chosen.accent), strict=True):
        pen.polygon([float(value) * scale for value in corners.split()], fill=colour)
    return canvas.resize((size, size), Pillow.Resampling.LANCZOS)


def _sharing(picture: Pillow.Image | None, colours: Colours) -> Pillow.Image:
    """Return the picture that other sites show beside a link: the logo, else the icon, above a band in the main colour."""
    width, height = _SHARING_SIZE
    canvas = Pillow.new("RGBA", _SHARING_SIZE, WHITE)
    ImageDraw.Draw(canvas).rectangle((0, height - _BAND, width, height), fill=colours.complete.main)
    if picture is not None:
        fitted = ImageOps.contain(picture, _SHARING_LOGO, Pillow.Resampling.LANCZOS)
        canvas.alpha_composite(fitted, ((width - fitted.width) // 2, (height - _BAND - fitted.height) // 2))
    return canvas.convert("RGB")
