"""The demo's pictures, drawn by code: no photographs, no licences, no text except Latin labels."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from portal.demo.drawing import (
    BRAND,
    BRAND_SOFT,
    INK,
    INK_2,
    INK_3,
    LAPIS,
    LAPIS_DEEP,
    LAPIS_LINE,
    LED_GREEN,
    LED_RED,
    LINE,
    LINE_STRONG,
    PAPER,
    PIST,
    PIST_SOFT,
    POM,
    SAFFRON,
    SAFFRON_SOFT,
    SUNKEN,
    SURFACE,
    SURFACE_2,
    SURFACE_3,
    Board,
    Box,
    Point,
    blend,
    rgba,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

LIGHTS: Final = ("POWER", "DSL", "NET", "WIFI")


def _table(board: Board, level: float = 560) -> None:
    """Draw a wall with the faint pattern, and a table top."""
    board.pattern((0, 0, board.width, level), LINE, step=96, alpha=0.42)
    board.shaded_box((0, level, board.width, board.height), SURFACE_3, SUNKEN)
    board.line([(0, level), (board.width, level)], LINE_STRONG, width=1.5)


def _lamp(board: Board, at: Point, colour: str, label: str = "", *, size: float = 9, ink: str = INK_3) -> None:
    board.glow(at, size * 3.2, colour, strength=0.75)
    board.circle(at, size, colour)
    board.circle((at[0] - size * 0.28, at[1] - size * 0.3), size * 0.36, rgba("#FFFFFF", 0.75))
    if label:
        board.text((at[0], at[1] + 40), label, 19, ink, spacing=1.5, bold=True)


def _router_front(board: Board, lamps: dict[str, str], *, name: str, dark: bool, antennas: int) -> None:
    """Draw a router lying on a table, from the front; the power button first, then the lights in order."""
    _table(board)
    left, top, right, bottom = 220, 300, 1060, 520
    face = (LAPIS, LAPIS_DEEP) if dark else (SURFACE, "#E9E4DA")
    ink = "#C5D2EC" if dark else INK_3
    for number in range(antennas):
        x = left + 90 + number * (right - left - 180) / max(antennas - 1, 1)
        lean = -26 if x < board.width / 2 else 26
        board.line([(x, top + 10), (x + lean, top - 210)], blend(face[1], "#000000", 0.16), width=20)
        board.line([(x - 4, top + 10), (x + lean - 4, top - 210)], blend(face[0], "#FFFFFF", 0.14), width=6)
    for foot in (left + 80, right - 140):
        board.box((foot, bottom - 8, foot + 60, bottom + 14), blend(face[1], "#000000", 0.4), radius=6)
    board.shadow((left, bottom - 60, right, bottom + 6), radius=30, blur=26, down=22, strength=0.42)
    board.shaded_box((left, top, right, bottom), *face, radius=44)
    board.box((left + 3, top + 3, right - 3, bottom - 3), radius=42, outline=rgba("#FFFFFF", 0.22), width=2)
    panel = (left + 40, top + 50, right - 40, bottom - 40)
    board.box(panel, blend(face[1], "#000000", 0.28) if dark else SURFACE_2, radius=26)
    middle = top + 104
    button = (panel[0] + 66, middle + 16)
    board.circle(button, 31, blend(face[0], "#FFFFFF", 0.12), outline=LAPIS_LINE if dark else LINE_STRONG, width=3)
    board.arc(button, 13, -55, 235, ink, width=3.5)
    board.line([(button[0], button[1] - 18), (button[0], button[1] - 3)], ink, width=3.5)
    for place, (label, colour) in enumerate(lamps.items()):
        _lamp(board, (panel[0] + 200 + place * 122, middle), colour, label, size=11, ink=ink)
    board.logo((panel[2] - 82, middle - 8), 25)
    board.text((panel[2] - 82, middle + 40), name, 21, ink, spacing=2, bold=True)


def x1_front() -> Board:
    board = Board()
    _router_front(board, dict.fromkeys(LIGHTS, LED_GREEN), name="X1", dark=False, antennas=2)
    return board


def x2_front() -> Board:
    board = Board()
    _router_front(board, dict.fromkeys(LIGHTS, LED_GREEN), name="X2", dark=True, antennas=4)
    return board


def x2_red_light() -> Board:
    board = Board()
    lamps = dict.fromkeys(LIGHTS, LED_GREEN) | {"NET": LED_RED}
    _router_front(board, lamps, name="X2", dark=True, antennas=4)
    return board


def _socket(board: Board, at: Box, colour: str, *, contacts: int) -> None:
    """Draw a modular socket (RJ11, RJ45): frame, hole with the notch for the latch, contacts."""
    x0, y0, x1, y1 = at
    board.box(at, colour, radius=8)
    inset = 9
    board.box((x0 + inset, y0 + inset, x1 - inset, y1 - inset - 10), "#0A0F1C", radius=4)
    third = (x1 - x0) / 3
    board.box((x0 + third, y1 - inset - 14, x1 - third, y1 - inset), "#0A0F1C", radius=3)
    span = x1 - x0 - 2 * inset - 14
    for number in range(contacts):
        x = x0 + inset + 7 + span * (number + 0.5) / contacts
        board.line([(x, y0 + inset + 3), (x, y0 + inset + 20)], SAFFRON, width=2.4)


def _fibre_socket(board: Board, at: Box) -> None:
    x0, y0, x1, y1 = at
    board.box(at, PIST, radius=6)
    board.box((x0 + 12, y0 + 12, x1 - 12, y1 - 12), blend(PIST, "#000000", 0.45), radius=4)
    board.circle(((x0 + x1) / 2, (y0 + y1) / 2), 10, SURFACE)
    board.circle(((x0 + x1) / 2, (y0 + y1) / 2), 3.5, INK)


def x2_back() -> Board:
    board = Board()
    _table(board)
    left, top, right, bottom = 120, 250, 1160, 530
    for x, lean in ((220, -18), (480, -8), (800, 8), (1060, 18)):
        board.line([(x, top + 12), (x + lean, 60)], blend(LAPIS_DEEP, "#000000", 0.2), width=20)
        board.line([(x - 4, top + 12), (x + lean - 4, 60)], LAPIS, width=6)
    board.shadow((left, bottom - 60, right, bottom + 6), radius=30, blur=26, down=22, strength=0.42)
    board.shaded_box((left, top, right, bottom), LAPIS, LAPIS_DEEP, radius=36)
    board.box((left + 3, top + 3, right - 3, bottom - 3), radius=34, outline=rgba("#FFFFFF", 0.2), width=2)
    ink = "#C5D2EC"
    for slot in range(15):
        x = left + 150 + slot * 52
        board.box((x, top + 24, x + 34, top + 31), rgba("#000000", 0.35), radius=3)
    middle, label = 392, 466
    board.circle((190, middle), 27, blend(LAPIS, "#FFFFFF", 0.1), outline=LAPIS_LINE, width=3)
    board.circle((190, middle), 18, "#060B18")
    board.circle((190, middle), 6, "#9AA6BE")
    board.text((190, label), "DC 12V", 18, ink, bold=True)
    _fibre_socket(board, (256, middle - 29, 314, middle + 29))
    board.text((285, label), "PON", 18, ink, bold=True)
    _socket(board, (350, middle - 31, 414, middle + 31), "#9AA0AB", contacts=4)
    board.text((382, label), "DSL", 18, ink, bold=True)
    for number in range(4):
        x = 456 + number * 96
        _socket(board, (x, middle - 34, x + 76, middle + 34), SAFFRON, contacts=8)
        board.text((x + 38, label), f"LAN{number + 1}", 18, ink, bold=True)
    board.box((862, middle - 13, 930, middle + 13), "#9AA0AB", radius=3)
    board.box((868, middle - 8, 924, middle + 8), "#0A0F1C", radius=2)
    board.box((868, middle + 1, 924, middle + 8), BRAND, radius=1)
    board.text((896, label), "USB", 18, ink, bold=True)
    board.circle((996, middle), 19, blend(LAPIS, "#FFFFFF", 0.16), outline=LAPIS_LINE, width=3)
    board.text((996, label), "WIFI", 18, ink, bold=True)
    board.circle((1086, middle), 12, rgba("#FFFFFF", 0.14))
    board.circle((1086, middle), 8, "#03060E")
    board.text((1086, label), "RESET", 18, SAFFRON, bold=True)
    board.circle((1086, middle), 34, outline=SAFFRON, width=3)
    return board


def mesh_6() -> Board:
    board = Board(background=LAPIS)
    board.pattern((0, 0, 1280, 560), LAPIS_LINE, step=96, alpha=0.34)
    board.shaded_box((0, 560, 1280, 720), LAPIS_DEEP, "#070F26")
    board.line([(0, 560), (1280, 560)], LAPIS_LINE, width=1.5)
    for number, radius in enumerate((470, 360, 250)):
        board.circle((640, 350), radius, outline=rgba("#FFFFFF", 0.05 + number * 0.03), width=3)
    board.shadow((510, 500, 770, 590), radius=60, blur=26, down=14, strength=0.7)
    board.shaded_box((500, 130, 780, 600), "#FFFFFF", "#D9D5CC", radius=76)
    for line in range(9):
        y = 186 + line * 16
        board.box((596, y, 684, y + 5), "#CFCAC0", radius=2.5)
    board.logo((640, 402), 34)
    board.glow((640, 500), 54, "#FFFFFF", strength=1)
    board.glow((640, 500), 40, "#BFE7FF", strength=0.9)
    board.box((612, 492, 668, 508), "#FFFFFF", radius=8, outline="#A9D8F2", width=2)
    board.text((640, 556), "MESH 6", 19, "#7C776D", spacing=3, bold=True)
    return board


def tv_box() -> Board:
    board = Board()
    _table(board, 520)
    board.shadow((400, 470, 880, 570), radius=40, blur=26, down=18, strength=0.5)
    board.polygon([(446, 400), (834, 400), (884, 462), (396, 462)], "#2C3550")
    board.polygon([(446, 400), (834, 400), (836, 403), (444, 403)], "#6A7692")
    board.shaded_box((392, 456, 888, 562), "#1B243D", "#0C1222", radius=22)
    board.box((395, 459, 885, 559), radius=20, outline=rgba("#FFFFFF", 0.12), width=2)
    board.logo((640, 430), 17)
    _lamp(board, (452, 509), LED_GREEN, size=7)
    board.text((640, 509), "NOORA TV", 22, "#C5D2EC", spacing=4, bold=True)
    board.circle((826, 509), 15, outline=LAPIS_LINE, width=3)
    board.arc((826, 509), 6, -55, 235, "#C5D2EC", width=2)
    return board


def _sim(board: Board, x: float, y: float, scale: float) -> None:
    """Draw a SIM card: body with the cut corner, and the gold chip."""

    def point(px: float, py: float) -> Point:
        return x + px * scale, y + py * scale

    board.polygon([point(0, 0), point(150, 0), point(190, 40), point(190, 240), point(0, 240)], SURFACE)
    board.line(
        [point(0, 0), point(150, 0), point(190, 40), point(190, 240), point(0, 240), point(0, 0)], LINE_STRONG, width=2
    )
    gold, dark = "#E9BC55", "#9C7420"
    (x0, y0), (x1, y1) = point(32, 78), point(158, 204)
    board.shaded_box((x0, y0, x1, y1), "#F6D684", gold, radius=16 * scale)
    board.box((x0, y0, x1, y1), radius=16 * scale, outline=dark, width=2)
    for share in (1 / 3, 2 / 3):
        board.line([(x0, y0 + (y1 - y0) * share), (x0 + (x1 - x0) * 0.32, y0 + (y1 - y0) * share)], dark, width=2)
        board.line([(x0 + (x1 - x0) * 0.68, y0 + (y1 - y0) * share), (x1, y0 + (y1 - y0) * share)], dark, width=2)
    board.box(
        (x0 + (x1 - x0) * 0.32, y0 + (y1 - y0) * 0.22, x0 + (x1 - x0) * 0.68, y0 + (y1 - y0) * 0.78),
        radius=10 * scale, outline=dark, width=2,
    )  # fmt: skip
    board.line([((x0 + x1) / 2, y0), ((x0 + x1) / 2, y0 + (y1 - y0) * 0.22)], dark, width=2)
    board.line([((x0 + x1) / 2, y0 + (y1 - y0) * 0.78), ((x0 + x1) / 2, y1)], dark, width=2)


def sim_card() -> Board:
    """Draw the plastic frame with its empty window, and the SIM snapped out of it, half beside it."""
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    card = (170, 140, 890, 594)
    board.shadow(card, radius=34, blur=28, down=20, strength=0.3)
    board.shaded_box(card, BRAND, "#064B57", radius=34)
    board.pattern((200, 400, 860, 560), "#3E95A3", step=70, alpha=0.4)
    board.logo((250, 214), 36)
    board.text((302, 214), "NOORA", 34, "#FFFFFF", anchor="lm", spacing=5, bold=True)
    board.text((218, 536), "SIM  ·  NANO / MICRO / STANDARD", 19, "#CFE9EA", anchor="lm", spacing=1.5)
    window: list[Point] = [(560, 262), (700, 262), (740, 302), (740, 500), (560, 500)]
    board.polygon(window, "#043A44")
    board.line([*window, window[0]], "#2F8895", width=3)
    board.shadow((790, 250, 1000, 520), radius=20, blur=16, down=12, strength=0.36)
    _sim(board, 790, 236, 1.12)
    return board


def esim_qr() -> Board:
    """Draw a pattern that only looks like a QR code, so that nobody scans a plan from a picture."""
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    sheet = (390, 70, 890, 650)
    board.shadow(sheet, radius=30, blur=28, down=18, strength=0.26)
    board.box(sheet, SURFACE, radius=30)
    board.logo((640, 128), 28)
    size, cells = 13.0, 29
    left, top = 640 - size * cells / 2, 182.0
    chance = random.Random(700)
    for row in range(cells):
        for column in range(cells):
            in_corner = (row < 8 and (column < 8 or column >= cells - 8)) or (row >= cells - 8 and column < 8)
            in_middle = abs(row - cells // 2) < 4 and abs(column - cells // 2) < 4
            if not in_corner and not in_middle and chance.random() < 0.48:
                x, y = left + column * size, top + row * size
                board.box((x, y, x + size, y + size), INK)
    for row, column in ((0, 0), (0, cells - 7), (cells - 7, 0)):
        x, y = left + column * size, top + row * size
        board.box((x, y, x + 7 * size, y + 7 * size), INK)
        board.box((x + size, y + size, x + 6 * size, y + 6 * size), SURFACE)
        board.box((x + 2 * size, y + 2 * size, x + 5 * size, y + 5 * size), INK)
    board.khatam((640, top + size * cells / 2), size * 3, SAFFRON)
    board.text((640, top + size * cells / 2), "eSIM", 20, "#2B1900", bold=True)
    board.text((640, 604), "NOORA eSIM", 24, INK_2, spacing=3, bold=True)
    return board


def wall_socket() -> Board:
    """Draw a socket on the wall with a plugged-in line."""
    board = Board(background=PAPER)
    board.pattern((0, 0, 1280, 596), LINE, step=96, alpha=0.3)
    board.shaded_box((0, 596, 1280, 640), SURFACE, SURFACE_3)
    board.line([(0, 596), (1280, 596)], LINE_STRONG, width=1.5)
    board.shaded_box((0, 640, 1280, 720), "#D8CBB4", "#C9B999")
    plate = (480, 130, 800, 450)
    board.shadow(plate, radius=30, blur=18, down=12, strength=0.24)
    board.shaded_box(plate, "#FFFFFF", "#EAE6DC", radius=30)
    board.box((500, 150, 780, 430), radius=20, outline=LINE, width=2)
    board.logo((538, 188), 17)
    board.text((640, 188), "FIBRE", 19, INK_3, spacing=3, bold=True)
    board.box((572, 226, 708, 362), SURFACE_3, radius=14)
    board.box((590, 244, 690, 344), "#0A0F1C", radius=8)
    board.curve(
        [(640, 372), (640, 560), (700, 580), (860, 588), (980, 592), (1060, 560), (1290, 566)], "#C3A93C", width=15
    )
    board.curve(
        [(637, 372), (637, 558), (697, 577), (857, 584), (977, 588), (1057, 556), (1290, 562)], "#F0DC86", width=4
    )
    board.shaded_box((600, 252, 680, 350), "#4BAA6E", PIST, radius=8)
    for ridge in range(4):
        y = 276 + ridge * 15
        board.line([(612, y), (668, y)], blend(PIST, "#000000", 0.25), width=3)
    board.shaded_box((622, 350, 658, 402), "#EDE8DC", "#CFC8B8", radius=6)
    return board


def router_placement() -> Board:
    """Draw a flat from above: the router in the middle, its waves in every room."""
    board = Board(background=PAPER)
    outer = (150, 70, 1130, 650)
    board.shadow(outer, radius=10, blur=24, down=12, strength=0.16)
    board.box(outer, SURFACE, radius=6)
    centre = (640.0, 372.0)
    for radius, alpha in ((330, 0.07), (245, 0.1), (160, 0.14), (84, 0.22)):
        board.circle(centre, radius, rgba(BRAND, alpha))
    board.circle(centre, 420, outline=rgba(BRAND, 0.16), width=3)
    board.circle(centre, 500, outline=rgba(BRAND, 0.1), width=3)
    for radius in (330, 245, 160):
        board.circle(centre, radius, outline=rgba(BRAND, 0.45), width=3)
    # Erase the waves outside the flat.
    for side in ((0, 0, 150, 720), (1130, 0, 1280, 720), (0, 0, 1280, 70), (0, 650, 1280, 720)):
        board.box(side, PAPER)
    walls: list[list[Point]] = [
        [(150, 70), (1130, 70), (1130, 650), (150, 650), (150, 70)],
        [(470, 70), (470, 190)],
        [(470, 262), (470, 420)],
        [(150, 420), (330, 420)],
        [(402, 420), (470, 420)],
        [(830, 70), (830, 240)],
        [(830, 312), (830, 420), (1130, 420)],
        [(830, 420), (830, 470)],
        [(830, 542), (830, 650)],
    ]
    for wall in walls:
        board.line(wall, INK_2, width=12)
    _furniture(board)
    board.shadow((598, 346, 682, 400), radius=12, blur=10, down=6, strength=0.4)
    board.shaded_box((598, 346, 682, 400), LAPIS, LAPIS_DEEP, radius=12)
    for lamp in range(4):
        board.circle((618 + lamp * 15, 388), 3.4, LED_GREEN)
    board.logo((640, 366), 12)
    return board


def _furniture(board: Board) -> None:
    """Draw bed, sofa, kitchen, table and the devices that use Wi-Fi."""
    soft, edge = SURFACE_3, LINE_STRONG
    board.box((184, 106, 340, 250), soft, radius=10, outline=edge, width=2)
    for pillow in (196, 268):
        board.box((pillow, 116, pillow + 60, 150), SURFACE, radius=8, outline=edge, width=2)
    board.box((184, 566, 430, 622), soft, radius=14, outline=edge, width=2)
    board.box((196, 540, 418, 576), SURFACE, radius=10, outline=edge, width=2)
    board.box((236, 450, 378, 462), INK, radius=3)
    board.box((876, 96, 1104, 140), soft, radius=6, outline=edge, width=2)
    for ring in (906, 946):
        board.circle((ring, 118), 13, outline=edge, width=3)
    board.circle((1000, 270), 52, soft, outline=edge, width=2)
    board.box((880, 560, 1010, 624), soft, radius=8, outline=edge, width=2)
    board.box((916, 574, 974, 610), INK_2, radius=4)
    board.box((1056, 470, 1104, 600), soft, radius=8, outline=edge, width=2)
    board.box((392, 300, 410, 332), INK_2, radius=4)
    board.box((986, 256, 1016, 284), INK_2, radius=4)
    board.circle((560, 590), 30, PIST_SOFT, outline=PIST, width=2)
    board.circle((740, 130), 26, PIST_SOFT, outline=PIST, width=2)


def wifi_channels() -> Board:
    """Draw networks as humps over their channels: crowded at 2.4 GHz, apart at 5 GHz."""
    board = Board(background=SURFACE)
    charts = (
        (90, 590, "2.4 GHz", [("1", 2.5), ("6", 7.5), ("11", 12.5)], 15,
         [(2.5, 2, 0.92, BRAND), (4.5, 2, 0.66, SAFFRON), (5.5, 2, 0.5, POM), (7.5, 2, 0.84, LAPIS),
          (9.5, 2, 0.6, PIST), (10.5, 2, 0.44, SAFFRON), (12.5, 2, 0.76, BRAND)]),
        (690, 1190, "5 GHz", [("36", 1.5), ("52", 4.5), ("100", 7.5), ("149", 10.5)], 12,
         [(1.5, 1.25, 0.9, BRAND), (4.5, 1.25, 0.62, LAPIS), (7.5, 1.25, 0.74, SAFFRON), (10.5, 1.25, 0.5, PIST)]),
    )  # fmt: skip
    floor, ceiling = 570, 170
    for left, right, title, ticks, span, networks in charts:
        board.text(((left + right) / 2, 96), title, 36, INK, bold=True)
        for grid in range(5):
            y = floor - grid * (floor - ceiling) / 4
            board.line([(left, y), (right, y)], LINE, width=1.5)
        unit = (right - left) / span
        for channel, half, height, colour in networks:
            _hump(board, (left + channel * unit, floor), half * unit, (floor - ceiling) * height, colour)
        board.line([(left, floor), (right, floor)], INK_2, width=4)
        for name, channel in ticks:
            x = left + channel * unit
            board.line([(x, floor), (x, floor + 12)], INK_2, width=3)
            board.text((x, floor + 38), name, 26, INK_2, bold=True)
        board.text(((left + right) / 2, floor + 84), "CHANNEL", 18, INK_3, spacing=3)
    board.line([(640, 150), (640, 640)], LINE, width=2)
    return board


def _hump(board: Board, foot: Point, half: float, height: float, colour: str) -> None:
    centre, floor = foot
    points: list[Point] = []
    for step in range(61):
        share = step / 30 - 1
        points.append((centre + share * half, floor - height * (1 - abs(share) ** 3.2)))
    board.polygon([*points, (centre + half, floor), (centre - half, floor)], rgba(colour, 0.2))
    board.line(points, colour, width=4)


def _phone(board: Board, at: Box) -> Box:
    """Draw a phone and return the area of its screen."""
    x0, y0, x1, y1 = at
    board.shadow(at, radius=52, blur=28, down=18, strength=0.34)
    board.box(at, INK, radius=52)
    screen = (x0 + 12, y0 + 12, x1 - 12, y1 - 12)
    board.box(screen, PAPER, radius=42)
    board.box(((x0 + x1) / 2 - 44, y0 + 24, (x0 + x1) / 2 + 44, y0 + 38), INK, radius=7)
    return screen


def speed_test() -> Board:
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    x0, y0, x1, _y1 = _phone(board, (450, 24, 830, 700))
    middle = (x0 + x1) / 2
    board.text((middle, y0 + 70), "SPEED TEST", 20, INK_3, spacing=3, bold=True)
    dial = (middle, y0 + 248)
    board.arc(dial, 122, 150, 390, LINE, width=24)
    board.arc(dial, 122, 150, 340, BRAND, width=24)
    for mark in range(13):
        turn = math.radians(150 + mark * 20)
        inner, outer = (92, 100) if mark % 3 else (86, 100)
        cosine, sine = math.cos(turn), math.sin(turn)
        board.line(
            [(dial[0] + inner * cosine, dial[1] + inner * sine), (dial[0] + outer * cosine, dial[1] + outer * sine)],
            INK_3, width=2,
        )  # fmt: skip
    turn = math.radians(340)
    board.line([dial, (dial[0] + 78 * math.cos(turn), dial[1] + 78 * math.sin(turn))], SAFFRON, width=7)
    board.circle(dial, 12, LAPIS)
    board.text((middle, y0 + 334), "94.2", 54, INK, bold=True)
    board.text((middle, y0 + 380), "Mbps", 21, INK_3)
    figures = (("DOWNLOAD", "94.2", BRAND), ("UPLOAD", "41.7", LAPIS), ("PING", "9 ms", PIST))
    for place, (label, value, colour) in enumerate(figures):
        top = y0 + 424 + place * 74
        board.box((x0 + 26, top, x1 - 26, top + 62), SURFACE, radius=14, outline=LINE, width=1.5)
        board.circle((x0 + 58, top + 31), 9, colour)
        board.text((x0 + 82, top + 31), label, 18, INK_3, anchor="lm", spacing=1.5)
        board.text((x1 - 46, top + 31), value, 26, INK, anchor="rm", bold=True)
    return board


def app_usage() -> Board:
    """Draw the app's usage screen: a ring for what is left, a bar for each day."""
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    x0, y0, x1, y1 = _phone(board, (450, 24, 830, 700))
    board.box((x0, y0 + 46, x1, y0 + 112), LAPIS)
    board.logo((x0 + 42, y0 + 79), 18)
    board.text((x0 + 72, y0 + 79), "My Noora", 24, "#FFFFFF", anchor="lm", bold=True)
    middle = (x0 + x1) / 2
    ring = (middle, y0 + 246)
    board.circle(ring, 92, outline=LINE, width=22)
    board.arc(ring, 81, -90, 158, BRAND, width=22)
    board.text((ring[0], ring[1] - 8), "62 GB", 34, INK, bold=True)
    board.text((ring[0], ring[1] + 26), "of 90 GB left", 17, INK_3)
    chart = (x0 + 24, y0 + 372, x1 - 24, y1 - 28)
    board.box(chart, SURFACE, radius=18, outline=LINE, width=1.5)
    board.text((chart[0] + 20, chart[1] + 30), "Used per day", 19, INK_2, anchor="lm", bold=True)
    days = (2.1, 3.4, 1.2, 4.6, 2.8, 5.3, 3.9, 1.7, 2.5, 4.1)
    floor, unit = chart[3] - 40, (chart[2] - chart[0] - 40) / len(days)
    for grid in range(4):
        y = floor - grid * 48
        board.line([(chart[0] + 18, y), (chart[2] - 18, y)], LINE, width=1.5)
    for place, used in enumerate(days):
        x = chart[0] + 20 + place * unit
        board.box((x + 4, floor - used * 27, x + unit - 4, floor), SAFFRON if used > 5 else BRAND, radius=5)
        board.text((x + unit / 2, floor + 18), str(place + 1), 14, INK_3)
    return board


def bill_sample() -> Board:
    """Draw a bill: monthly fee, the lines that are new (with a dot), tax, and the total at the bottom."""
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    sheet = (360, 36, 920, 700)
    board.shadow(sheet, radius=16, blur=26, down=16, strength=0.26)
    board.box(sheet, SURFACE, radius=16)
    board.box((360, 36, 920, 140), LAPIS, radius=16)
    board.box((360, 110, 920, 140), LAPIS)
    board.pattern((620, 40, 916, 138), LAPIS_LINE, step=56, alpha=0.5)
    board.logo((420, 88), 30)
    board.text((466, 88), "NOORA", 30, "#FFFFFF", anchor="lm", spacing=4, bold=True)
    board.text((880, 88), "BILL", 26, "#C5D2EC", anchor="rm", spacing=4)
    for number, width in enumerate((190, 130)):
        y = 176 + number * 24
        board.box((400, y, 400 + width, y + 10), LINE, radius=5)
        board.box((880 - width * 0.7, y, 880, y + 10), LINE, radius=5)
    rows = (
        ("Monthly fee", "240,000", ""),
        ("Plan difference", "36,000", BRAND),
        ("Data pack", "45,000", SAFFRON),
        ("VAT 10%", "32,100", ""),
    )
    for place, (label, amount, dot) in enumerate(rows):
        y = 270 + place * 72
        if dot:
            board.box((382, y - 30, 898, y + 30), BRAND_SOFT if dot == BRAND else SAFFRON_SOFT, radius=12)
            board.circle((404, y), 8, dot)
        board.text((428, y), label, 25, INK, anchor="lm")
        board.text((880, y), amount, 25, INK, anchor="rm", bold=True)
        board.line([(400, y + 36), (880, y + 36)], LINE, width=1.5)
    board.box((382, 578, 898, 660), SURFACE_2, radius=14, outline=LINE, width=1.5)
    board.text((428, 619), "Total", 31, INK, anchor="lm", bold=True)
    board.text((880, 619), "353,100", 33, BRAND, anchor="rm", bold=True)
    return board


def fibre_line() -> Board:
    """Draw the route of a fibre: exchange, street cabinet, wall of the house, the small box inside, router."""
    board = Board(background="#EAF3F6")
    board.circle((1110, 116), 54, SAFFRON_SOFT)
    board.circle((1110, 116), 36, SAFFRON)
    for x, y, width in ((250, 120, 150), (760, 86, 190), (560, 166, 120)):
        board.box((x, y, x + width, y + 30), SURFACE, radius=15)
        board.circle((x + width * 0.4, y + 6), 26, SURFACE)
    ground = 560
    board.shaded_box((0, ground, 1280, 720), "#DCD2BE", "#C9BCA2")
    board.line([(0, ground), (1280, ground)], "#B7A98C", width=2)
    _exchange(board, ground)
    board.shaded_box((470, 458, 560, ground), "#8FA0A8", "#6F818A", radius=6)
    board.line([(515, 466), (515, ground - 6)], "#5D6D75", width=2)
    for vent in range(3):
        board.line([(482, 482 + vent * 10), (506, 482 + vent * 10)], "#5D6D75", width=3)
    _house(board, ground)
    path: list[Point] = [
        (226, 520), (226, 600), (240, 640), (330, 640), (420, 640), (500, 650), (515, 620),
        (530, 650), (610, 648), (700, 648), (770, 648), (790, 640), (790, 590), (790, 520), (790, 470), (836, 470),
    ]  # fmt: skip
    board.curve(path, "#B9AC90", width=17)
    board.curve(path, SAFFRON, width=7)
    board.line([(515, 622), (515, 520)], SAFFRON, width=5)
    board.shaded_box((834, 446, 892, 494), "#FFFFFF", "#E2DDD2", radius=8)
    board.box((834, 446, 892, 494), radius=8, outline=LINE_STRONG, width=2)
    board.circle((878, 470), 4.5, LED_GREEN)
    board.curve([(892, 470), (930, 470), (930, 520), (966, 520)], "#D9BE57", width=5)
    board.shaded_box((962, 496, 1056, 536), LAPIS, LAPIS_DEEP, radius=10)
    for lamp in range(4):
        board.circle((982 + lamp * 15, 518), 3.6, LED_GREEN)
    for x in (974, 1044):
        board.line([(x, 498), (x + (-6 if x < 1000 else 6), 452)], LAPIS_DEEP, width=7)
    return board


def _exchange(board: Board, ground: float) -> None:
    board.shaded_box((90, 300, 350, ground), "#F4EFE4", "#E2DACA", radius=4)
    board.box((78, 286, 362, 306), LAPIS, radius=4)
    board.logo((220, 356), 30)
    for row in range(2):
        for column in range(4):
            x, y = 112 + column * 58, 410 + row * 58
            board.box((x, y, x + 40, y + 36), "#BFD7DE", radius=3, outline="#8FB0BA", width=2)
    board.box((196, 516, 256, ground), BRAND, radius=3)
    board.line([(312, 286), (312, 200)], INK_3, width=5)
    for radius in (18, 32):
        board.arc((312, 204), radius, 200, 340, BRAND, width=4)


def _house(board: Board, ground: float) -> None:
    """Draw a house in cross-section: the fibre comes in through the wall."""
    board.polygon([(780, 340), (980, 200), (1180, 340)], POM)
    board.polygon([(808, 340), (980, 220), (1152, 340)], blend(POM, "#FFFFFF", 0.12))
    board.box((806, 340, 1154, ground), "#FFF8EA", outline=INK_2, width=10)
    board.box((1076, 384, 1126, 440), "#BFD7DE", radius=3, outline="#8FB0BA", width=3)
    board.box((930, 536, 1090, 548), "#A57E4D", radius=3)
    for leg in (940, 1072):
        board.box((leg, 546, leg + 8, ground), "#A57E4D")
    board.box((880, 376, 1010, 432), INK, radius=5)
    board.box((886, 382, 1004, 426), LAPIS_LINE, radius=3)


def cable_ports() -> Board:
    """Draw three sockets that look alike, side by side, each with its plug."""
    board = Board()
    board.pattern((0, 0, 1280, 720), LINE, step=96, alpha=0.4)
    for place, (name, note) in enumerate(
        (("DSL", "RJ11 · 4 PINS"), ("LAN", "RJ45 · 8 PINS"), ("PON", "SC/APC · GREEN"))
    ):
        x = 110 + place * 370
        board.shadow((x, 90, x + 320, 630), radius=28, blur=22, down=14, strength=0.16)
        board.box((x, 90, x + 320, 630), SURFACE, radius=28)
        board.text((x + 160, 146), name, 40, INK, spacing=3, bold=True)
        board.text((x + 160, 594), note, 20, INK_3, spacing=1)
        middle = x + 160
        if name == "PON":
            _fibre_socket(board, (middle - 62, 200, middle + 62, 324))
            board.line([(middle, 430), (middle, 552)], "#D9BE57", width=12)
            board.shaded_box((middle - 42, 366, middle + 42, 474), "#4BAA6E", PIST, radius=8)
            board.box((middle - 12, 350, middle + 12, 370), "#F2EEE4", radius=3)
            continue
        half, contacts, colour = (52, 4, "#9AA0AB") if name == "DSL" else (70, 8, SAFFRON)
        _socket(board, (middle - half, 200, middle + half, 324), colour, contacts=contacts)
        board.line([(middle, 460), (middle, 552)], "#8B909B" if name == "DSL" else BRAND, width=16)
        board.shaded_box((middle - half + 16, 366, middle + half - 16, 470), "#F3F6FA", "#C9D2DE", radius=6)
        for pin in range(contacts):
            offset = (pin + 0.5) / contacts * (2 * half - 44) - (half - 22)
            board.line([(middle + offset, 372), (middle + offset, 394)], SAFFRON, width=3)
        board.box((middle - 13, 418, middle + 13, 482), "#AEB9C8", radius=4)
    return board


#: File name → function that draws it.
PICTURES: Final[dict[str, Callable[[], Board]]] = {
    "x1-front.png": x1_front,
    "x2-front.png": x2_front,
    "x2-back.png": x2_back,
    "x2-red-light.png": x2_red_light,
    "mesh-6.png": mesh_6,
    "tv-box.png": tv_box,
    "sim-card.png": sim_card,
    "esim-qr.png": esim_qr,
    "wall-socket.png": wall_socket,
    "router-placement.png": router_placement,
    "wifi-channels.png": wifi_channels,
    "speed-test.png": speed_test,
    "fibre-line.png": fibre_line,
    "cable-ports.png": cable_ports,
    "bill-sample.png": bill_sample,
    "app-usage.png": app_usage,
}


def draw(name: str) -> Image.Image:
    return PICTURES[name]().finish()
