"""Money as people write and say it: rial and toman, and every other currency by its own decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from babel.core import UnknownLocaleError
from babel.numbers import get_currency_name, get_currency_precision, list_currencies
from django.utils.translation import get_language, ngettext, pgettext

from portal.core.formats import format_number

#: Ten rials, which is how people count; it has no code of its own in ISO 4217.
TOMAN: Final = "IRT"
RIAL: Final = "IRR"
_RIALS: Final = 10


def known_currencies() -> frozenset[str]:
    """Return the codes of all currencies that people pay with, and toman."""
    return frozenset(list_currencies("en")) | {TOMAN}


def decimals_of(currency: str) -> int:
    """Return the number of decimals that people write amounts of the currency with."""
    return 0 if currency in {TOMAN, RIAL} else get_currency_precision(currency)


def currency_name(currency: str, count: Decimal | None = None) -> str:
    """Return the name of the currency as people say it, alone or after an amount."""
    if currency == TOMAN:
        return pgettext("currency", "toman")
    if currency == RIAL:
        return pgettext("currency", "rial")
    try:
        return get_currency_name(currency, count, locale=(get_language() or "en").split("-")[0])
    except UnknownLocaleError:
        return currency


def amount_in_words(units: int, currency: str) -> str:
    """Return an amount in the smallest unit of its currency as people say it: “100,000 tomans”, “12.50 euros”.

    Rials are said in tomans where that is a whole number.
    """
    if currency == RIAL and units % _RIALS == 0:
        units, currency = units // _RIALS, TOMAN
    if currency == TOMAN:
        return ngettext("%(count)s toman", "%(count)s tomans", units) % {"count": format_number(units)}
    if currency == RIAL:
        return ngettext("%(count)s rial", "%(count)s rials", units) % {"count": format_number(units)}
    decimals = decimals_of(currency)
    amount = Decimal(units).scaleb(-decimals)
    is_whole = amount == amount.to_integral_value()
    return f"{format_number(amount, 0 if is_whole else decimals)} {currency_name(currency, amount)}"
