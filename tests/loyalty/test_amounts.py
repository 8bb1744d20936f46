"""Numbers of points as people write them: read exactly, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from loyalty.amounts import parse_points
from loyalty.exceptions import InvalidAmountError
from loyalty.models.ledger import MAX_AMOUNT
from portal.core.text import to_persian_digits

DIGITS = set("0123456789۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩")


@given(some.integers(1, MAX_AMOUNT), some.sampled_from(["", ",", "٬", "،"]), some.booleans())
def test_every_possible_amount_is_read_as_it_is_written(amount, separator, is_persian):
    text = f"{amount:,}".replace(",", separator)

    assert parse_points(to_persian_digits(text) if is_persian else f" {text} ") == amount


@given(some.text())
def test_whatever_is_written_it_is_an_amount_or_refused(text):
    try:
        amount = parse_points(text)
    except InvalidAmountError:
        return
    assert 1 <= amount <= MAX_AMOUNT
    assert set(text.strip()) <= DIGITS | set(",٬،")


@given(some.integers(max_value=0) | some.integers(MAX_AMOUNT + 1))
def test_nothing_below_one_and_nothing_too_large(amount):
    with pytest.raises(InvalidAmountError):
        parse_points(str(amount))


@pytest.mark.parametrize(
    "text",
    ["", " ", "-5", "+5", "1.5", "1e3", "0x10", "1_000", "12,34", "1,0000", "1,000٬000", "½", "²", "１２", "१२", "\u200e5", "5\x00", "صد", "9" * 5000],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(InvalidAmountError):
        parse_points(text)
