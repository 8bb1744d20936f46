"""Numbers of points as people write them."""

from __future__ import annotations

import re
from typing import Final

from loyalty.exceptions import InvalidAmountError
from loyalty.models.ledger import MAX_AMOUNT
from portal.core.text import to_latin_digits

#: Digits alone, or in groups of three. Nothing longer than the largest amount with its separators is read at all.
_WRITTEN: Final = re.compile(r"[0-9]{1,13}|[0-9]{1,3}(?:([,٬،])[0-9]{3})(?:\1[0-9]{3}){0,3}")


def parse_points(text: str) -> int:
    """Return the number of points written in Latin, Persian or Arabic digits: ``1200``, ``۱٬۲۰۰``.

    Raises `InvalidAmountError` for everything else: signs, fractions, other digits, nothing, too much.
    """
    latin = to_latin_digits(text.strip())
    if not _WRITTEN.fullmatch(latin):
        raise InvalidAmountError
    amount = int(re.sub(r"[,٬،]", "", latin))
    if not 1 <= amount <= MAX_AMOUNT:
        raise InvalidAmountError
    return amount
