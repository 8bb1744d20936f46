"""Drawing helpers on top of Pillow: drawn at twice the size and scaled down, with soft shadows and glow."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

#: The colours of the design (static/portal/css/tokens.css).
PAPER: Final = "#FBF9F4"
SUNKEN: Final = "#F3EEE4"
SURFACE: Final = "#FFFFFF"
SURFACE_2: Final = "#F8F5EE"
SURFACE_3: Final = "#EFE9DD"
INK: Final = "#13203B"
INK_2: Final = "#42506B"
INK_3: Final = "#5C6880"
LINE: Final = "#E6DFD1"
LINE_STRONG: Final = "#C9C1B2"
BRAND: Final = "#0A6A7A"
BRAND_SOFT: Final = "#E0F1F1"
BRAND_LINE: Final = "#B9DEDF"
LAPIS: Final = "#14295A"
LAPIS_DEEP: Final = "#0C1A3E"
LAPIS_SOFT: Final = "#E8EBF6"
LAPIS_LINE: Final = "#3A4F86"
SAFFRON: Final = "#F2AC2F"
SAFFRON_SOFT: Final = "#FDF0D3"
POM: Final = "#B01F3D"
POM_SOFT: Final = "#FBE6E9"
PIST: Final = "#2B7A4B"
PIST_SOFT: Final = "#E1F2E6"
LED_GREEN: Final = "#3DDC84"
LED_RED: Final = "#FF3B4E"

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Colour = str | tuple[int, int, int, int]


def rgba(colour: Colour, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """Return a colour with an opacity between 0 and 1."""
    if isinstance(colour, tuple):
        return (*colour[:3], round(colour[3] * alpha))
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, round(255 * alpha)


def blend(first: str, second: str, share: float) -> str:
    """Return a mixture of two colours: 0 is the first, 1 the second."""
    pairs = zip(rgba(first)[:3], rgba(second)[:3], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


class Board:
    """A picture being drawn. All measures are in final pixels."""

    FACTOR: Final = 2

    def __init__(self, width: int = 1280, height: int = 720, background: str = SUNKEN) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * self.FACTOR, height * self.FACTOR), background)

    def finish(self) -> Image.Image:
        """Return the picture in its final size."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)

    # Shapes ---------------------------------------------------------------------------------------------------------

    def _scaled(self, values: Box | list[Point]) -> list[float] | list[Point]:
        if isinstance(values, tuple):
            return [value * self.FACTOR for value in values]
        return [(x * self.FACTOR, y * self.FACTOR) for x, y in values]

    def _draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self._image, "RGBA")

    def box(
        self, at: Box, fill: Colour | None = None, *, radius: float = 0, outline: Colour | None = None, width: float = 1
    ) -> None:
        self._draw().rounded_rectangle(
            self._scaled(at),
            radius * self.FACTOR,
            fill=rgba(fill) if fill else None,
            outline=rgba(outline) if outline else None,
            width=max(1, round(width * self.FACTOR)),
        )

    def shaded_box(self, at: Box, top: str, bottom: str, *, radius: float = 0) -> None:
        """Draw a rounded box with a vertical colour gradient."""
        x0, y0, x1, y1 = (round(value * self.FACTOR) for value in at)
        size = (x1 - x0, y1 - y0)
        shade = Image.linear_gradient("L").resize(size)
        filled = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), shade)
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius * self.FACTOR, fill=255)
        self._image.paste(filled, (x0, y0), mask)

    def circle(
        self,
        centre: Point,
        radius: float,
        fill: Colour | None = None,
        *,
        outline: Colour | None = None,
        width: float = 1,
    ) -> None:
        x, y = centre
        self._draw().ellipse(
            self._scaled((x - radius, y - radius, x + radius, y + radius)),
            fill=rgba(fill) if fill else None,
            outline=rgba(outline) if outline else None,
            width=max(1, round(width * self.FACTOR)),
        )

    def arc(self, centre: Point, radius: float, start: float, end: float, colour: Colour, *, width: float) -> None:
        """Draw part of a circle with round ends; degrees run clockwise from three o'clock."""
        x, y = centre
        outer = radius + width / 2
        self._draw().arc(
            self._scaled((x - outer, y - outer, x + outer, y + outer)),
            start,
            end,
            fill=rgba(colour),
            width=round(width * self.FACTOR),
        )
        for angle in (start, end):
            turn = math.radians(angle)
            self.circle((x + radius * math.cos(turn), y + radius * math.sin(turn)), width / 2, colour)

    def line(self, points: list[Point], colour: Colour, *, width: float = 2) -> None:
        """Draw a path with round corners and ends."""
        self._draw().line(self._scaled(points), fill=rgba(colour), width=round(width * self.FACTOR), joint="curve")
        if width >= 3 and rgba(colour)[3] == 255:
            for point in (points[0], points[-1]):
                self.circle(point, width / 2, colour)

    def curve(self, points: list[Point], colour: Colour, *, width: float = 2) -> None:
        """Draw a cubic Bézier path through groups of three further points."""
        path = [points[0]]
        for i in range(0, len(points) - 3, 3):
            a, b, c, d = points[i : i + 4]
            for step in range(1, 41):
                t = step / 40
                s = 1 - t
                path.append(
                    tuple(s**3 * a[k] + 3 * s * s * t * b[k] + 3 * s * t * t * c[k] + t**3 * d[k] for k in (0, 1))  # type: ignore[arg-type]
                )
        self.line(path, colour, width=width)

    def polygon(self, points: list[Point], fill: Colour) -> None:
        self._draw().polygon(self._scaled(points), fill=rgba(fill))

    def khatam(self, centre: Point, radius: float, fill: Colour, *, turn: float = 0) -> None:
        """Draw the eight-pointed star of the design."""
        x, y = centre
        points = []
        for corner in range(16):
            reach = radius if corner % 2 == 0 else radius * 0.765
            angle = math.radians(turn + corner * 22.5 - 90)
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        self.polygon(points, fill)

    def logo(self, centre: Point, radius: float) -> None:
        self.khatam(centre, radius, BRAND)
        self.khatam(centre, radius * 0.66, LAPIS, turn=22.5)
        self.khatam(centre, radius * 0.42, SAFFRON)

    def text(
        self,
        at: Point,
        text: str,
        size: float,
        colour: Colour = INK,
        *,
        anchor: str = "mm",
        spacing: float = 0,
        bold: bool = False,
    ) -> None:
        """Draw Latin text; `spacing` widens the gaps between capitals."""
        font = ImageFont.load_default(size * self.FACTOR)
        draw = self._draw()
        stroke = size * self.FACTOR / 26 if bold else 0
        x, y = at[0] * self.FACTOR, at[1] * self.FACTOR
        if not spacing:
            draw.text((x, y), text, fill=rgba(colour), font=font, anchor=anchor, stroke_width=stroke)
            return
        gap = spacing * self.FACTOR
        widths = [font.getlength(letter) for letter in text]
        total = sum(widths) + gap * (len(text) - 1)
        x -= {"l": 0.0, "m": total / 2, "r": total}[anchor[0]]
        for letter, width in zip(text, widths, strict=True):
            draw.text((x, y), letter, fill=rgba(colour), font=font, anchor="l" + anchor[1], stroke_width=stroke)
            x += width + gap

    # Light ----------------------------------------------------------------------------------------------------------

    def _lay(self, mask: Image.Image, colour: Colour) -> None:
        self._image.paste(Image.new("RGB", self._image.size, rgba(colour)[:3]), mask=mask)

    def shadow(self, at: Box, *, radius: float = 0, blur: float = 24, down: float = 14, strength: float = 0.22) -> None:
        """Draw a soft shadow under a box; call it before drawing the box."""
        mask = Image.new("L", self._image.size, 0)
        x0, y0, x1, y1 = at
        ImageDraw.Draw(mask).rounded_rectangle(
            self._scaled((x0, y0 + down, x1, y1 + down)), radius * self.FACTOR, fill=round(255 * strength)
        )
        self._lay(_blurred(mask, blur * self.FACTOR), LAPIS_DEEP)

    def glow(self, centre: Point, radius: float, colour: Colour, *, strength: float = 0.7) -> None:
        """Draw light around a lamp; call it before drawing the lamp."""
        mask = Image.new("L", self._image.size, 0)
        x, y = centre
        ImageDraw.Draw(mask).ellipse(
            self._scaled((x - radius, y - radius, x + radius, y + radius)), fill=round(255 * strength)
        )
        self._lay(_blurred(mask, radius * 0.55 * self.FACTOR), colour)

    def pattern(self, at: Box, colour: Colour, *, step: float = 64, alpha: float = 0.5) -> None:
        """Draw a faint lattice of stars, clipped to the box."""
        layer = Board(self.width, self.height, "#000000")
        y, row = at[1], 0
        while y < at[3] + step:
            x = at[0] + (step / 2 if row % 2 else 0)
            while x < at[2] + step:
                layer.khatam((x, y), step * 0.19, (round(255 * alpha),) * 3 + (255,))
                x += step
            y += step / 2
            row += 1
        frame = Image.new("L", self._image.size, 0)
        ImageDraw.Draw(frame).rectangle(self._scaled(at), fill=255)
        self._lay(ImageChops.multiply(layer._image.convert("L"), frame), colour)


def _blurred(mask: Image.Image, radius: float) -> Image.Image:
    """Return the mask blurred, computed at a sixteenth of the pixels: the difference is invisible."""
    small = mask.resize((mask.width // 4, mask.height // 4), Image.Resampling.BILINEAR)
    return small.filter(ImageFilter.GaussianBlur(radius / 4)).resize(mask.size, Image.Resampling.BICUBIC)
