"""The order of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.downloads.versions import MAX_KEY_LENGTH, InvalidVersionError, sort_key

IN_ORDER = (
    *("0.9", "1.0-alpha", "1.0-alpha.1", "1.0-alpha.2", "1.0-alpha.10", "1.0-beta", "1.0-rc2", "1.0rc10", "1.0"),
    *("1.0k", "1.0.1", "1.9", "1.10", "1.10.0-rc1", "1.10.0", "v2.0", "10", "2026.11"),
)
NUMBERS = st.lists(st.integers(0, 10**12), min_size=1, max_size=4)


def test_versions_are_in_the_order_people_mean():
    keys = [sort_key(version) for version in IN_ORDER]

    assert keys == sorted(set(keys))


@given(NUMBERS, NUMBERS)
def test_numbers_compare_as_numbers(one, other):
    def keyed(numbers):
        return sort_key(".".join(map(str, numbers)))

    assert (keyed(one) < keyed(other)) == (one < other)
    assert (keyed(one) == keyed(other)) == (one == other)


@given(NUMBERS, st.from_regex(r"[a-z]{1,8}(\.[0-9]{1,4})?", fullmatch=True))
def test_a_pre_release_comes_just_before_its_release(numbers, name):
    version = ".".join(map(str, numbers))
    before = ".".join(map(str, [*numbers[:-1], numbers[-1] - 1])) if numbers[-1] else None

    assert sort_key(f"{version}-{name}") < sort_key(version)
    assert before is None or sort_key(before) < sort_key(f"{version}-{name}")
    assert sort_key(f"{version}+{name}") == sort_key(version)


@given(st.text("0123456789.-abrc", max_size=60))
def test_every_text_has_a_key_that_fits_or_is_refused(text):
    try:
        key = sort_key(text)
    except InvalidVersionError:
        return
    assert len(key) <= MAX_KEY_LENGTH
    assert set(key) <= set("0123456789abcdef")  # sorts alike in every collation


@pytest.mark.parametrize("text", ["", "bamboo", "1..2", "1.0 final", "-1", "1" * 61])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(InvalidVersionError):
        sort_key(text)


def test_persian_digits_are_digits():
    assert sort_key("۱.۱۰") == sort_key("1.10")
