"""Papers of the demo, made here: a manual and a template as PDF in two languages, and a kit of files as a zip.

The Persian font has no Latin letters, so that Persian lines do without them.
"""

from __future__ import annotations

import csv
import io
import time
import zipfile
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont, features

_FONTS: Final = Path(__file__).resolve().parents[1] / "static/portal/fonts"
#: A4 at 100 dots an inch.
_PAGE: Final = (827, 1169)
_MARGIN: Final = 70
_NOON: Final = time.gmtime(1_767_225_600)
_WHEN: Final = (2026, 1, 1, 0, 0, 0)

#: Title and lines of each page, in Persian and in English.
Page = tuple[tuple[str, ...], tuple[str, ...]]
MANUAL: Final[tuple[Page, ...]] = (
    (
        ("راهنمای مودم نورا ایکس‌۲", "۱. مودم را نزدیک پریز تلفن یا فیبر بگذارید.", "۲. کابل برق را وصل کنید و دو دقیقه صبر کنید.",
         "۳. گوشی را به وای‌فای «نورا» وصل کنید.", "۴. رمز وای‌فای پشت مودم نوشته شده است."),
        ("Noora X2 manual", "1. Put the router near the telephone or fibre socket.", "2. Plug in the power and wait two minutes.",
         "3. Connect your telephone to the Wi-Fi “Noora”.", "4. The password is on the back of the router."),
    ),
    (
        ("چراغ‌ها و مش", "سبز: وصل است.", "قرمز: اینترنت نیست؛ کابل‌ها را بررسی کنید.", "چشمک‌زن: در حال راه‌اندازی است.",
         "برای افزودن گره، دکمهٔ مش را سه ثانیه نگه دارید."),
        ("Lights and mesh", "Green: connected.", "Red: no internet; check the cables.", "Blinking: it is starting up.",
         "To add a node, hold the mesh button for three seconds."),
    ),
)  # fmt: skip
WALL: Final[tuple[Page, ...]] = (
    (
        ("الگوی نصب روی دیوار", "بی‌تغییر اندازه چاپ کنید. فاصلهٔ دو پیچ ۱۲ سانتی‌متر است."),
        ("Template for the wall", "Print it without scaling. The screws are 12 cm apart."),
    ),
)


def paper(pages: tuple[Page, ...], *, version: str, screws: bool = False) -> bytes:
    """Return a PDF; the same bytes whenever it is made. Persian is left out where the library cannot shape it."""
    drawn = [_drawn(page, version, screws=screws) for page in pages]
    made = io.BytesIO()
    drawn[0].save(
        made, "PDF", save_all=True, append_images=drawn[1:], resolution=100, title=f"{pages[0][1][0]} {version}",
        creationDate=_NOON, modDate=_NOON,
    )  # fmt: skip
    return made.getvalue()


def _drawn(page: Page, version: str, *, screws: bool) -> Image.Image:
    sheet = Image.new("L", _PAGE, 255)
    draw = ImageDraw.Draw(sheet)
    height = _MARGIN
    persian, english = page
    if features.check("raqm"):
        for place, line in enumerate(persian):
            font = ImageFont.truetype(_FONTS / "vazirmatn-nl-wght.woff2", 22 if place else 38)
            draw.text(
                (_PAGE[0] - _MARGIN, height), line, font=font, fill=0, direction="rtl", language="fa", anchor="ra"
            )
            height += 46 if place else 84
    height += 60
    for place, line in enumerate((*english, f"Version {version}")):
        font = ImageFont.truetype(_FONTS / "figtree-latin-wght.woff2", 20 if place else 34)
        draw.text((_MARGIN, height), line, font=font, fill=0)
        height += 42 if place else 76
    if screws:
        for offset in (-236, 236):  # 12 cm
            middle = _PAGE[0] // 2 + offset
            draw.ellipse((middle - 12, 900 - 12, middle + 12, 900 + 12), outline=0, width=3)
            draw.line((middle - 24, 900, middle + 24, 900), fill=0)
            draw.line((middle, 876, middle, 924), fill=0)
    return sheet


def kit(name: str) -> bytes:
    """Return a zip with a logo, a price list that spreadsheets open, and a note; the same bytes whenever it is made."""
    logo = io.BytesIO()
    mark = Image.new("RGB", (512, 512), "#0a6a7a")
    ImageDraw.Draw(mark).regular_polygon((256, 256, 170), 8, fill="#f4b740")
    mark.save(logo, "PNG")
    prices = io.StringIO()
    csv.writer(prices).writerows(
        [["کالا", "Product", "تومان"], ["نورا X2", "Noora X2", 4_800_000], ["مش ۶", "Mesh 6", 3_200_000]]
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (
            ("README.txt", f"{name}: logo and prices for partners.\nنشان و قیمت‌ها برای نمایندگان.\n".encode()),
            ("logo/noora.png", logo.getvalue()),
            ("prices.csv", prices.getvalue().encode("utf-8-sig")),
        ):
            archive.writestr(zipfile.ZipInfo(path, _WHEN), content)
    return made.getvalue()
