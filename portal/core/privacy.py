"""Limits on what may be stored about a visitor: nothing that identifies a person. For keys see `portal.core.visitors`.

`redact`                removes from a text what identifies a person: addresses, phone, identity, card, account numbers
`redact_to`             the same for a column with a maximum length
`translate_placeholders` shows what was redacted in the language of whoever reads it
`register_typed_text`   declares which columns contain text that readers typed
`is_person`             excludes requests that no person made: robots, and pages that browsers prefetch
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext, gettext_noop

from portal.core.text import ZWNJ, fold, fold_with_offsets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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

EMAIL: Final = gettext_noop("[e-mail]")
PHONE: Final = gettext_noop("[phone]")
NATIONAL_ID: Final = gettext_noop("[national id]")
CARD: Final = gettext_noop("[card]")
IBAN: Final = gettext_noop("[iban]")
NUMBER: Final = gettext_noop("[number]")
PLACEHOLDERS: Final = (EMAIL, PHONE, NATIONAL_ID, CARD, IBAN, NUMBER)

# The patterns below match the view of a text that `_view` computes: folded, without invisible characters, with Latin
# digits, lower case, each run of white space as one space. All of them are bounded or cannot backtrack, so that the
# work grows with the length of the text.

#: Separators between the groups of a number that people use without thinking: spaces and dashes. Prices have others.
_GAP: Final = r"[-\s\u2010-\u2015\u2212_]"
_GAP_OR_DOT: Final = _GAP.replace("]", ".()]")
#: Any separator. Only for patterns that are certain for another reason: a prefix, a check digit, the usual groups.
_ANY: Final = r"[\W_]"
_BEFORE: Final = r"(?<![\d])(?<!\d[.,/:])"
_AFTER: Final = r"(?!\d)(?![.,]\d)"
_MONEY: Final = r"(?!\s*(?:تومان|تومن|ریال|هزار|میلیون|میلیارد|toman|rial|irr|usd|eur|[$€£]))"

_AT: Final = re.compile(r"\s?@\s?|\s?[\[({<]\s?(?:at|@)\s?[\])}>]\s?")
_LOCAL_PART: Final = re.compile(r"[\w.+%'-]{1,64}\Z")
_DOT: Final = r"(?:\s?\.\s?|\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?)"
_DOMAIN: Final = re.compile(rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}})+")
_SIMPLE_DOMAIN: Final = re.compile(r"[\w.-]+")

_IBAN: Final = re.compile(rf"(?<![^\W\d_])[a-z]{{2}}{_GAP}{{0,3}}\d\d(?:{_GAP}{{0,3}}[a-z0-9]){{11,30}}(?![^\W_])")
_IRANIAN_IBAN: Final = re.compile(rf"ir{_ANY}{{0,3}}\d(?:{_ANY}{{0,3}}\d){{23}}(?!\d)")
_MOBILE: Final = (
    rf"\(?(?:\+{_GAP}?98|0098|98|0){_GAP_OR_DOT}{{0,3}}9(?:{_GAP_OR_DOT}{{0,3}}\d){{9}}{_AFTER}"
    rf"|\(?(?:\+{_ANY}?98|0098|0){_ANY}{{0,3}}9\d\d(?:{_ANY}{{0,3}}\d){{7}}(?!\d)"
    rf"|{_BEFORE}(?:98{_ANY})?9\d\d(?P<gap>[^\w\s])\d{{3}}(?P=gap)(?:\d{{4}}|\d\d(?P=gap)\d\d)(?!\d){_MONEY}"
    rf"|{_BEFORE}9\d{{9}}{_AFTER}{_MONEY}"
)
_ABROAD: Final = rf"(?:\+{_GAP}?|00)[1-9](?:{_GAP_OR_DOT}{{0,3}}\d){{7,14}}{_AFTER}"
#: A phone number on its own, not the middle of a longer number.
_PHONE_ALONE: Final = re.compile(rf"(?<!\d)(?<!\d{_GAP})(?:{_MOBILE}|{_ABROAD})")
_PHONE: Final = re.compile(rf"(?<!\d)(?:{_MOBILE}|{_ABROAD})")
_LANDLINE: Final = re.compile(
    rf"{_BEFORE}\(?0[1-9]\d{{0,3}}\)?(?:{_GAP}{{0,3}}\d){{6,9}}{_AFTER}"
    rf"|{_BEFORE}\(?0[1-9]\d{{1,2}}{_ANY}{{1,3}}(?:\d{{7,8}}|\d{{3,4}}{_ANY}{{1,3}}\d{{4}}|\d{{4}}{_ANY}{{1,3}}\d{{3}}){_AFTER}"
    rf"|{_BEFORE}\(?\d{{3}}\)?{_GAP}\d{{3}}{_GAP}\d{{4}}{_AFTER}{_MONEY}"
)
_TEN_DIGITS: Final = re.compile(
    rf"{_BEFORE}(?:\d{{10}}|\d{{3}}G\d{{6}}G\d|\d{{3}}G\d{{3}}G\d{{4}}|\d{{3}}G\d{{4}}G\d{{3}}"
    rf"|\d{{4}}G\d{{3}}G\d{{3}}|\d{{5}}G\d{{5}}){_AFTER}{_MONEY}".replace("G", f"{_ANY}{{1,3}}")
)
#: A card number in its usual groups, whatever its first digits.
_CARD: Final = re.compile(rf"(?<!\d)(?<!\d{_GAP})\d{{4}}(?:{_GAP}{{1,3}}\d{{4}}){{3}}(?!\d)")
#: The same between other separators, where it could be a list of numbers.
_CARD_OR_LIST: Final = re.compile(
    r"(?<!\d)(?:\d{4}(?:G\d{4}){3}|\d{8}G\d{8}|\d{6}G\d{10})(?!\d)".replace("G", f"{_ANY}{{1,3}}")
)
#: An account number without its country.
_ACCOUNT: Final = re.compile(rf"(?<!\d)\d\d(?:{_ANY}{{1,3}}\d{{4}}){{5}}{_ANY}{{1,3}}\d\d(?!\d)")
_LONG: Final = re.compile(rf"(?<!\d)\d{{2,}}(?:(?:{_GAP}{{1,3}}|\.)\d{{2,}})*(?!\d)")
_SHORTEST_LONG: Final = 13
#: A long number digit by digit.
_SPELLED: Final = re.compile(rf"(?<!\d)\d(?:{_ANY}{{1,3}}\d(?!\d)){{{_SHORTEST_LONG - 1},}}")
_GROUP: Final = re.compile(r"\d+")
_YEAR: Final = re.compile(r"(?:1[34]|19|20)\d\d")
_DATES: Final = re.compile(
    rf"(?:{_YEAR.pattern}{_GAP}?(?:0[1-9]|1[0-2]){_GAP}?(?:[0-2]\d|3[01])(?:{_GAP}{{1,3}}(?=\d)|\Z))+"
    rf"(?:[0-2]?\d{_GAP}[0-5]\d(?:{_GAP}[0-5]\d)?)?"
)
_DAY_FIRST: Final = re.compile(rf"0[1-9]{_ANY}[01]\d{_ANY}(?:1[34]|19|20)\d\d(?!\d)")
#: First digits of payment cards; lists of years, ports and error codes mostly have others.
_CARD_STARTS: Final = ("4", "5", "6")

#: A text with none of these, and without two digits, is not searched further: each pattern needs one of them.
_SIGNS_OF_ADDRESS: Final = frozenset("@[({<")
_TWO_DIGITS: Final = re.compile(r"\d\D*\d")

#: Redacting one number may reveal that its neighbour is one; a few rounds find them all in a text that a person typed.
_ROUNDS: Final = 6


def redact(text: str) -> str:
    """Return the text with placeholders for what identifies a person.

    Digits may be of any script, in any form; separators and invisible characters make no difference. Numbers of
    thirteen or more digits are replaced even if no check digit is right: a mistyped card number is still most of a card
    number. Versions, prices, dates and model names stay. Redacting twice changes nothing.
    """
    folded = fold(text)
    if _SIGNS_OF_ADDRESS.isdisjoint(folded) and not _TWO_DIGITS.search(folded):
        return text
    view, offsets = _view(text)
    found: list[tuple[int, int, str]] = []
    rules = _RULES if _GROUP.search(view) else ()
    for _round in range(_ROUNDS):
        before = len(found)
        view = _cover(view, _addresses(view), found)
        for pattern, classify in rules:
            view = _cover(view, _matches(view, pattern, classify), found)
        if len(found) == before:
            break
    if not found:
        return text
    parts, end = [], 0
    for first, after, placeholder in sorted(found):
        start = offsets[first]
        if start >= end:  # not the second half of a character that folds to several
            parts += [text[end:start], placeholder]
        end = offsets[after - 1] + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
    return "".join([*parts, text[end:]])


def translate_placeholders(text: str) -> str:
    """Return a stored text for display, with its placeholders in the current language."""
    for placeholder in PLACEHOLDERS:
        if placeholder in text:
            text = text.replace(placeholder, gettext(placeholder))
    return text


def redact_to(text: str, max_length: int) -> str:
    """Return the redacted text, then cut to `max_length` characters: half of a number would not be recognised."""
    return redact(text)[:max_length].rstrip()


def _view(text: str) -> tuple[str, list[int]]:
    """Return the text as the patterns need it, and for each of its characters the index in `text`.

    What nobody sees is left out, even more than in `fold`; white space and half-spaces are one space.
    """
    folded, offsets = fold_with_offsets(text)
    characters: list[str] = []
    kept: list[int] = []
    previous = ""
    for character, offset in zip(folded, offsets, strict=True):
        if character == ZWNJ or character.isspace():
            seen = " "
            if previous == seen:
                continue
        elif not character.isascii() and _is_unseen(character):
            continue
        else:
            seen = character
        characters.append(seen)
        kept.append(offset)
        previous = seen
    return "".join(characters), kept


def _is_unseen(character: str) -> bool:
    return character in _FILLERS or unicodedata.category(character) in {"Cf", "Mn", "Me"}


#: Characters that are letters by category, and empty.
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"


def _cover(view: str, matches: Iterable[tuple[int, int, str]], found: list[tuple[int, int, str]]) -> str:
    """Add the matches to those found, and return the view with something as long in their place.

    Like a placeholder, it has letters in brackets: what follows is judged as it will be when it is redacted again.
    """
    parts, end = [], 0
    for start, after, placeholder in matches:
        found.append((start, after, placeholder))
        parts += [view[end:start], f"[{'x' * (after - start - 2)}]"]
        end = after
    return "".join([*parts, view[end:]]) if parts else view


def _matches(
    view: str, pattern: re.Pattern[str], classify: Callable[[str], str | None]
) -> Iterator[tuple[int, int, str]]:
    """Yield the start, end and placeholder of each match that `classify` has one for."""
    for match in pattern.finditer(view):
        placeholder = classify(match[0])
        if placeholder is not None:
            yield match.start(), match.end(), placeholder


def _addresses(view: str) -> Iterator[tuple[int, int, str]]:
    """Yield the mail addresses. They are searched from the sign in their middle, which is rarer than letters."""
    end = 0
    for sign in _AT.finditer(view):
        if sign.start() < end:
            continue
        name = _LOCAL_PART.search(view, max(end, sign.start() - 64), sign.start())
        if name is None:
            continue
        domain = _DOMAIN.match(view, sign.end()) or (_SIMPLE_DOMAIN.match(view, sign.end()) if sign[0] == "@" else None)
        if domain is not None:
            end = domain.end()
            yield name.start(), end, EMAIL


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _iban(text: str) -> str | None:
    return IBAN if is_iban("".join(character for character in text if character.isalnum())) else None


def _national_id(text: str) -> str | None:
    return NATIONAL_ID if is_national_id(_digits(text)) else None


def _phone(text: str) -> str | None:
    return None if _DAY_FIRST.match(text) else PHONE


def _long_number(text: str) -> str | None:
    digits = _digits(text)
    if len(digits) < _SHORTEST_LONG or _are_dates(text):
        return None
    if len(digits) == 24 and is_iban(f"IR{digits}"):
        return IBAN
    return CARD if len(digits) <= 19 and passes_luhn(digits) else NUMBER


def _card_or_list(text: str) -> str | None:
    groups = _GROUP.findall(text)
    digits = "".join(groups)
    if _are_dates(text) or _YEAR.match(digits):
        return None
    if passes_luhn(digits):
        return CARD
    return NUMBER if digits.startswith(_CARD_STARTS) and groups != sorted(groups) else None


def _spelled(text: str) -> str | None:
    digits = _digits(text)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    return None if steps <= {1} or steps <= {9} else _long_number(text)  # counting up or down


def _are_dates(text: str) -> bool:
    """Return whether the digits are a list of years, or dates that begin with the year."""
    return all(map(_YEAR.fullmatch, _GROUP.findall(text))) or _DATES.fullmatch(text) is not None


#: Applied in this order: longer and more certain patterns first.
_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str | None]], ...]] = (
    (_IRANIAN_IBAN, lambda _text: IBAN),
    (_IBAN, _iban),
    (_ACCOUNT, _long_number),
    (_CARD, _long_number),
    (_CARD_OR_LIST, _card_or_list),
    (_SPELLED, _spelled),
    (_PHONE_ALONE, _phone),
    (_LONG, _long_number),
    (_TEN_DIGITS, _national_id),
    (_PHONE, _phone),
    (_LANDLINE, _phone),
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
    #: What the text is needed for.
    purpose: str
    #: Days after which the text is deleted; None if `until` says what ends it.
    keep_days: int | None
    #: The column from whose time the days count; then `portal.core.forgetting` empties the text. Empty if a job does.
    since: str
    #: Name of the periodic job of the app that deletes it, if that is not done by `since`.
    removed_by: str
    #: What ends it, for a text without a number of days.
    until: str
    #: Why the column is not redacted; empty if it is.
    as_typed_because: str


_typed_texts: dict[tuple[str, str], TypedText] = {}


def register_typed_text(
    model: str,
    *fields: str,
    purpose: str = "",
    keep_days: int | None = None,
    since: str = "",
    removed_by: str = "",
    until: str = "",
    as_typed_because: str = "",
) -> None:
    """Declare that these columns contain text typed by readers; called in the `apps.py` of the app that owns the model.

    The text is redacted before it is stored, unless `as_typed_because` gives a reason not to. It ends after `keep_days`,
    counted from the time in the column `since` or by the job `removed_by`, or with what `until` names. Expiry, export,
    erasure and the test that searches a whole database for typed text rely on this register; a test asks for a purpose
    and an end of each column.
    """
    for field in fields:
        _typed_texts[model, field] = TypedText(
            model, field, purpose, keep_days, since, removed_by, until, as_typed_because
        )


def typed_texts() -> list[TypedText]:
    """Return all columns that contain text typed by readers."""
    return [_typed_texts[identity] for identity in sorted(_typed_texts)]
