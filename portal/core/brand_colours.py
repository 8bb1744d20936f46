"""Colours of a company: what each of its three becomes in light and dark, and which nearest one can be read.

A company chooses a main colour (buttons, links), a dark one (the band at the top of the home page) and an accent. All
others are derived from them in OKLCH, where equal steps of lightness look equal, and moved until their contrast is that
of WCAG 2.2 AA. A family whose colour is not set stays as `tokens.css` has it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
#: Grounds of texts in `tokens.css`, which no company changes.
_LIGHT_GROUNDS: Final = ("#FFFFFF", "#FBF9F4", "#F8F5EE", "#F3EEE4")
_DARK_GROUNDS: Final = ("#0A1220", "#111B2D", "#17233A", "#070D18")
_TEXT: Final = 4.5
_LINE: Final = 3.0
_LARGE_BAND: Final = 7.0
_STEP: Final = 0.005
WHITE: Final = "#FFFFFF"
#: Of the portal itself, while a company has none.
MAIN, DARK, ACCENT = "#0A6A7A", "#14295A", "#F2AC2F"


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours a company chose, each as ``#RRGGBB``, or empty for the portal's own."""

    main: str = ""
    dark: str = ""
    accent: str = ""

    def __bool__(self) -> bool:
        return bool(self.main or self.dark or self.accent)

    @property
    def complete(self) -> Colours:
        """The same with the portal's own for those that are not set."""
        return Colours(self.main or MAIN, self.dark or DARK, self.accent or ACCENT)


# Contrast ------------------------------------------------------------------------------------------------------------


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (_linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG, from 1 to 21."""
    luminances = []
    for colour in (one, other):
        red, green, blue = _channels(colour)
        luminances.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def _stands_out(colour: str, grounds: Iterable[str], least: float) -> bool:
    return all(contrast(colour, ground) >= least for ground in grounds)


# OKLCH ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shade:
    """A colour by lightness (0 to 1), chroma and hue (radians)."""

    lightness: float
    chroma: float
    hue: float

    @classmethod
    def of(cls, colour: str) -> _Shade:
        red, green, blue = _channels(colour)
        long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
        lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
        green_red = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
        blue_yellow = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
        return cls(lightness, math.hypot(green_red, blue_yellow), math.atan2(blue_yellow, green_red))

    def linear(self) -> tuple[float, float, float]:
        green_red, blue_yellow = self.chroma * math.cos(self.hue), self.chroma * math.sin(self.hue)
        long = (self.lightness + 0.3963377774 * green_red + 0.2158037573 * blue_yellow) ** 3
        middle = (self.lightness - 0.1055613458 * green_red - 0.0638541728 * blue_yellow) ** 3
        short = (self.lightness - 0.0894841775 * green_red - 1.2914855480 * blue_yellow) ** 3
        return (
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        )

    @property
    def hex(self) -> str:
        """The colour as ``#RRGGBB``; with as much of its chroma as screens can show at this lightness."""
        shade = self
        if not _is_shown(shade.linear()):
            low, high = 0.0, self.chroma
            for _step in range(14):
                middle = (low + high) / 2
                low, high = (middle, high) if _is_shown(shade.at(chroma=middle).linear()) else (low, middle)
            shade = self.at(chroma=low)
        return "#" + "".join(f"{round(255 * _encoded(channel)):02X}" for channel in shade.linear())

    def at(self, lightness: float | None = None, *, chroma: float | None = None) -> _Shade:
        """Return the shade with another lightness, with another chroma, or both."""
        return _Shade(
            self.lightness if lightness is None else min(1.0, max(0.0, lightness)),
            self.chroma if chroma is None else chroma,
            self.hue,
        )

    def muted(self, lightness: float, most: float) -> str:
        """Return the hue at this lightness with little chroma, for grounds."""
        return self.at(lightness, chroma=min(self.chroma, most)).hex


def _is_shown(channels: Iterable[float]) -> bool:
    return all(-0.0005 <= channel <= 1.0005 for channel in channels)


def _encoded(channel: float) -> float:
    channel = min(1.0, max(0.0, channel))
    return channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _moved(shade: _Shade, grounds: Iterable[str], least: float, *, step: float) -> str:
    """Return the nearest colour in one direction (`step` below 0: darker) that stands out from all `grounds`."""
    grounds = tuple(grounds)
    lightness = shade.lightness
    while 0 <= lightness <= 1:
        colour = shade.at(lightness).hex
        if _stands_out(colour, grounds, least):
            return colour
        lightness += step
    return WHITE if step > 0 else "#000000"


def _text_on(*grounds: str) -> str:
    """Return white, or the darkest of the hue, for a text on grounds of one family; black if nothing else does."""
    if _stands_out(WHITE, grounds, _TEXT):
        return WHITE
    return _moved(_Shade.of(grounds[0]).at(0.25), grounds, _TEXT, step=-_STEP)


# What is wrong with a colour -----------------------------------------------------------------------------------------


def better_main(colour: str) -> str:
    """Return the nearest main colour that is seen on the portal's paper, or an empty string if this one is."""
    grounds = _LIGHT_GROUNDS[:2]
    return "" if _stands_out(colour, grounds, _LINE) else _moved(_Shade.of(colour), grounds, _LINE, step=-_STEP)


def better_dark(colour: str) -> str:
    """Return the nearest dark colour that white text is read on, or an empty string if it is on this one."""
    if contrast(colour, WHITE) >= _LARGE_BAND:
        return ""
    return _moved(_Shade.of(colour), (WHITE,), _LARGE_BAND, step=-_STEP)


def better_accent(colour: str, dark: str) -> str:
    """Return the nearest accent that is seen on the band in the dark colour, or an empty string if this one is."""
    grounds = (dark or DARK,)
    return "" if _stands_out(colour, grounds, _LINE) else _moved(_Shade.of(colour), grounds, _LINE, step=_STEP)


# What is derived -----------------------------------------------------------------------------------------------------


def tokens(colours: Colours) -> tuple[dict[str, str], dict[str, str]]:
    """Return the custom properties of `tokens.css` that a company's colours replace: in light, and in dark."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    if colours.main:
        _derive_main(_Shade.of(colours.main), light, dark)
    if colours.dark:
        _derive_dark(_Shade.of(colours.dark), light, dark)
    if colours.accent:
        _derive_accent(_Shade.of(colours.accent), light, dark)
    return light, dark


def _derive_main(shade: _Shade, light: dict[str, str], dark: dict[str, str]) -> None:
    brand = shade.hex
    is_deep = contrast(brand, WHITE) >= _TEXT
    hover = shade.at(shade.lightness + (-0.07 if is_deep else 0.05)).hex
    soft = shade.muted(0.945, 0.028)
    light |= {
        "brand": brand,
        "brand-hover": hover,
        "on-brand": WHITE if is_deep else _text_on(brand, hover),
        "brand-ink": _moved(shade, (*_LIGHT_GROUNDS, soft), _TEXT, step=-_STEP),
        "brand-soft": soft,
        "brand-soft-line": shade.muted(0.87, 0.055),
        "chart-1": brand,
    }
    bright = shade.at(max(shade.lightness, 0.74), chroma=min(shade.chroma, 0.14))
    soft = shade.muted(0.3, 0.045)
    dark |= {
        "brand": bright.hex,
        "brand-hover": bright.at(bright.lightness + 0.06).hex,
        "on-brand": _text_on(bright.hex, bright.at(bright.lightness + 0.06).hex),
        "brand-ink": _moved(bright.at(bright.lightness + 0.04), (*_DARK_GROUNDS, soft), _TEXT, step=_STEP),
        "brand-soft": soft,
        "brand-soft-line": shade.muted(0.4, 0.06),
        "chart-1": bright.hex,
    }


def _derive_dark(shade: _Shade, light: dict[str, str], dark: dict[str, str]) -> None:
    band = shade.hex
    deep = shade.at(shade.lightness - 0.06).hex
    soft = shade.muted(0.94, 0.016)
    ink = _moved(shade.at(max(shade.lightness, 0.36)), (*_LIGHT_GROUNDS, soft), _TEXT, step=-_STEP)
    light |= {
        "lapis": band,
        "lapis-deep": deep,
        "lapis-soft": soft,
        "lapis-ink": ink,
        "on-lapis": WHITE,
        "on-lapis-2": _moved(shade.at(0.86, chroma=min(shade.chroma, 0.04)), (band, deep), _TEXT, step=_STEP),
        "lapis-line": shade.at(shade.lightness + 0.15, chroma=min(shade.chroma, 0.1)).hex,
        "focus": band,
        "chart-3": ink,
    }
    dim = shade.at(min(shade.lightness, 0.33))
    soft = shade.muted(0.28, 0.05)
    ink = _moved(shade.at(0.8, chroma=min(shade.chroma, 0.085)), (*_DARK_GROUNDS, soft), _TEXT, step=_STEP)
    dark |= {
        "lapis": dim.hex,
        "lapis-deep": dim.at(dim.lightness - 0.09).hex,
        "lapis-soft": soft,
        "lapis-ink": ink,
        "on-lapis": WHITE,
        "on-lapis-2": shade.muted(0.86, 0.035),
        "lapis-line": dim.at(dim.lightness + 0.13, chroma=min(shade.chroma, 0.1)).hex,
        "chart-3": ink,
    }


def _derive_accent(shade: _Shade, light: dict[str, str], dark: dict[str, str]) -> None:
    accent, soft = shade.hex, shade.muted(0.955, 0.042)
    light |= {
        "saffron": accent,
        "saffron-soft": soft,
        "saffron-ink": _moved(shade.at(min(shade.lightness, 0.5)), (*_LIGHT_GROUNDS, soft), _TEXT, step=-_STEP),
        "on-saffron": _text_on(accent),
        "chart-2": accent,
    }
    bright = shade.at(max(shade.lightness, 0.8))
    soft = shade.muted(0.29, 0.042)
    ink = _moved(shade.at(0.89, chroma=min(shade.chroma, 0.11)), (*_DARK_GROUNDS, soft), _TEXT, step=_STEP)
    dark |= {
        "saffron": bright.hex,
        "saffron-soft": soft,
        "saffron-ink": ink,
        "on-saffron": _text_on(bright.hex),
        "chart-2": bright.hex,
        "focus": ink,
    }


def style_sheet(colours: Colours) -> str:
    """Return the sheet that follows `portal.css`, for pages and the admin; empty if the company chose no colours."""
    if not colours:
        return ""
    light, dark = ("".join(f"--{name}:{value};" for name, value in part.items()) for part in tokens(colours))
    chosen = colours.complete
    return (
        # Within the layer of the tokens it replaces, so that all other rules go on to win; paper is always light.
        f"@layer tokens{{:root{{{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}}}\n"
        # The drawing of the band is in the portal's own colours.
        ".hero__rosette img{filter:grayscale(1)}\n"
        f".mark__1{{fill:{chosen.main}}}.mark__2{{fill:{chosen.dark}}}.mark__3{{fill:{chosen.accent}}}\n"
    ) + _admin_rules(colours)


def _admin_rules(colours: Colours) -> str:
    """Return the colours of Wagtail's menu and buttons, whose own tints follow from hue, saturation and lightness."""
    rules = []
    for name, colour, least in (("primary", colours.dark, _LARGE_BAND), ("secondary", colours.main, _TEXT)):
        if colour:
            hue, saturation, lightness = _hsl(_moved(_Shade.of(colour), (WHITE,), least, step=-_STEP))
            rules.append(
                f"--w-color-{name}-hue:{hue:.1f};--w-color-{name}-saturation:{saturation:.1f}%;"
                f"--w-color-{name}-lightness:{lightness:.1f}%"
            )
    return f":root{{{';'.join(rules)}}}\n" if rules else ""


def _hsl(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    most, least = max(red, green, blue), min(red, green, blue)
    spread, lightness = most - least, (most + least) / 2
    if not spread:
        return 0.0, 0.0, 100 * lightness
    saturation = spread / (1 - abs(2 * lightness - 1))
    if most == red:
        sector = ((green - blue) / spread) % 6
    elif most == green:
        sector = (blue - red) / spread + 2
    else:
        sector = (red - green) / spread + 4
    return 60 * sector, 100 * saturation, 100 * lightness
