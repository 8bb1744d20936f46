"""Limits on what may be stored about a visitor: nothing that identifies a person. For keys see `portal.core.visitors`.

`redact`                removes from a text what identifies a person: addresses, phone, identity, card, account numbers
`redact_to`             the same for a column with a maximum length
`register_typed_text`   declares which columns contain text that readers typed
`is_person`             excludes requests that no person made: robots, and pages that browsers prefetch
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

# People -------------------------------------------------------------------------------------------------------------

_ROBOT: Final = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|scrape|fetch|preview|monitor|uptime|pingdom|lighthouse|scan|feed|curl|wget"
    r"|python|java/|go-http|httpx|libwww|okhttp|apache|ruby|perl|postman|facebookexternalhit|embedly|archive",
    re.IGNORECASE,
)


def is_person(request: HttpRequest) -> bool:
    """Return whether a person made this request. A robot that presents itself as a browser passes."""
    agent = request.headers.get("User-Agent", "")
    return bool(agent) and _ROBOT.search(agent) is None and not is_prefetch(request)


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether the browser fetches the page before the user asks for it."""
    headers = request.headers
    purpose = " ".join(headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")).lower()
    return "prefetch" in purpose or "prerender" in purpose or "preview" in purpose


# Texts --------------------------------------------------------------------------------------------------------------

EMAIL: Final = "[e-mail]"
PHONE: Final = "[phone]"
NATIONAL_ID: Final = "[national id]"
CARD: Final = "[card]"
IBAN: Final = "[iban]"
NUMBER: Final = "[number]"
PLACEHOLDERS: Final = (EMAIL, PHONE, NATIONAL_ID, CARD, IBAN, NUMBER)

#: Separators between the groups of a number: spaces, half-spaces, dashes, bidi marks. Not a comma: prices contain it.
_GAP: Final = r"[-\s\u00a0\u200b-\u200f\u202a-\u202e\u2066-\u2069\u2010-\u2015\u2212_]"
_GAP_OR_DOT: Final = _GAP.replace("]", ".()]")
_BEFORE: Final = r"(?<![\d])(?<!\d[.,٫٬/:])"
_AFTER: Final = r"(?!\d)(?![.,٫٬]\d)"
_MONEY: Final = r"(?!\s*(?:تومان|تومن|ریال|هزار|میلیون|میلیارد|toman|rial|irr|usd|eur|[$€£﷼]))"

_EMAIL: Final = re.compile(r"[\w.+%'-]{1,64}(?:\s?@\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{1,63})+|@[\w.-]+)")
_IBAN: Final = re.compile(
    rf"(?<![^\W\d_])[A-Za-z]{{2}}{_GAP}{{0,2}}\d\d(?:{_GAP}{{0,2}}[A-Za-z0-9]){{11,30}}(?![^\W_])"
)
_IRANIAN_IBAN: Final = re.compile(rf"[Ii][Rr]{_GAP}{{0,2}}\d(?:{_GAP}{{0,2}}\d){{23}}{_AFTER}")
_MOBILE: Final = (
    rf"\(?(?:\+{_GAP}?98|0098|98|0){_GAP_OR_DOT}{{0,2}}9(?:{_GAP_OR_DOT}{{0,2}}\d){{9}}{_AFTER}"
    rf"|{_BEFORE}9\d{{9}}{_AFTER}{_MONEY}"
)
_ABROAD: Final = rf"(?:\+{_GAP}?|00)[1-9](?:{_GAP_OR_DOT}{{0,2}}\d){{7,14}}{_AFTER}"
#: A phone number on its own, not the middle of a longer number.
_PHONE_ALONE: Final = re.compile(rf"(?<!\d)(?<!\d{_GAP})(?:{_MOBILE}|{_ABROAD})")
_PHONE: Final = re.compile(rf"(?<!\d)(?:{_MOBILE}|{_ABROAD})")
_LANDLINE: Final = re.compile(
    rf"{_BEFORE}\(?0[1-9]\d{{0,3}}\)?(?:{_GAP}{{0,2}}\d){{6,9}}{_AFTER}"
    rf"|{_BEFORE}0\d{{2,3}}\.\d{{3,4}}\.\d{{4}}{_AFTER}"
    rf"|{_BEFORE}\(?\d{{3}}\)?{_GAP}\d{{3}}{_GAP}\d{{4}}{_AFTER}{_MONEY}"
)
_TEN_DIGITS: Final = re.compile(
    rf"{_BEFORE}(?:\d{{10}}|\d{{3}}{_GAP}\d{{6}}{_GAP}\d|\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{4}}|\d{{3}}{_GAP}\d{{4}}{_GAP}\d{{3}}"
    rf"|\d{{4}}{_GAP}\d{{3}}{_GAP}\d{{3}}|\d{{5}}{_GAP}\d{{5}}){_AFTER}{_MONEY}"
)
#: A card number in its usual groups, whatever its first digits.
_CARD: Final = re.compile(rf"(?<!\d)(?<!\d{_GAP})\d{{4}}(?:{_GAP}{{1,2}}\d{{4}}){{3}}(?!\d)")
_LONG: Final = re.compile(rf"(?<!\d)\d{{2,}}(?:(?:{_GAP}{{1,2}}|\.)\d{{2,}})*(?!\d)")
_SHORTEST_LONG: Final = 13


def redact(text: str) -> str:
    """Return the text with placeholders for what identifies a person. Digits may be Latin, Persian or Arabic.

    Numbers of thirteen or more digits are always replaced: a mistyped card number is still most of a card number.
    Versions, prices, dates and model names stay. Redacting twice changes nothing.
    """
    for pattern, classify in _RULES:
        text = _replace(text, pattern, classify)
    return text


def redact_to(text: str, max_length: int) -> str:
    """Return the redacted text, then cut to `max_length` characters: half of a number would not be recognised."""
    return redact(text)[:max_length].rstrip()


def _replace(text: str, pattern: re.Pattern[str], classify: Callable[[str], str | None]) -> str:
    """Replace each match of the pattern by the name that `classify` returns for it, if any."""
    latin = _latin_digits(text)  # of the same length, so positions are the same
    parts, end = [], 0
    for match in pattern.finditer(latin):
        placeholder = classify(match[0])
        if placeholder is not None:
            parts += [text[end : match.start()], placeholder]
            end = match.end()
    return "".join([*parts, text[end:]]) if parts else text


def _latin_digits(text: str) -> str:
    return "".join(
        character if character.isascii() or (value := unicodedata.decimal(character, None)) is None else str(value)
        for character in text
    )


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _iban(text: str) -> str | None:
    return IBAN if is_iban("".join(character for character in text if character.isalnum())) else None


def _national_id(text: str) -> str | None:
    return NATIONAL_ID if is_national_id(_digits(text)) else None


def _long_number(text: str) -> str | None:
    digits = _digits(text)
    if len(digits) < _SHORTEST_LONG:
        return None
    if len(digits) == 24 and is_iban(f"IR{digits}"):
        return IBAN
    return CARD if len(digits) <= 19 and passes_luhn(digits) else NUMBER


#: Applied in this order: longer and more certain patterns first.
_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str | None]], ...]] = (
    (_EMAIL, lambda _text: EMAIL),
    (_IRANIAN_IBAN, lambda _text: IBAN),
    (_IBAN, _iban),
    (_CARD, _long_number),
    (_PHONE_ALONE, lambda _text: PHONE),
    (_LONG, _long_number),
    (_TEN_DIGITS, _national_id),
    (_PHONE, lambda _text: PHONE),
    (_LANDLINE, lambda _text: PHONE),
)


def is_national_id(digits: str) -> bool:
    """Return whether ten digits are a valid Iranian national number: the last digit is a check digit."""
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest)


def passes_luhn(digits: str) -> bool:
    """Return whether the digits pass the Luhn check used on payment cards."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Return whether the text is a valid international account number: two letters, two check digits, the account."""
    if not (15 <= len(text) <= 34 and text.isascii() and text.isalnum()):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


# Columns with what readers typed ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypedText:
    """A column that contains text typed by readers."""

    model: str
    field: str
    #: Days after which the text is deleted; None if it is kept as long as its row.
    keep_days: int | None
    #: Why the column is not redacted; empty if it is.
    as_typed_because: str


_typed_texts: dict[tuple[str, str], TypedText] = {}


def register_typed_text(model: str, *fields: str, keep_days: int | None = None, as_typed_because: str = "") -> None:
    """Declare that these columns contain text typed by readers; called in the `apps.py` of the app that owns the model.

    The text is redacted before it is stored, unless `as_typed_because` gives a reason not to. Expiry, export, erasure
    and the test that searches a whole database for typed text rely on this register.
    """
    for field in fields:
        _typed_texts[model, field] = TypedText(model, field, keep_days, as_typed_because)


def typed_texts() -> list[TypedText]:
    """Return all columns that contain text typed by readers."""
    return [_typed_texts[identity] for identity in sorted(_typed_texts)]
