"""Numbers of membership cards.

A number has 12 digits: ten random ones, of which the first is not 0, and two check digits by ISO 7064, MOD 97-10, as in an IBAN: the
whole number leaves 1 when divided by 97. Every wrong digit and every swap of two neighbours is found.

A code that changes says that the card is being shown now, and is no picture of it: the number and when the code ends, signed. Nothing of it
is stored. docs/decisions/0045-card-codes.md says why.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int, int_to_base36

from loyalty.exceptions import CardCodeError, CodeOverError, WrongCodeError
from loyalty.models.cards import MemberCard
from loyalty.models.ledger import Member
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    import datetime as dt
    from uuid import UUID

    from portal.accounts.models import User

LENGTH: Final = 12
_MODULUS: Final = 97
_TRIES: Final = 5
#: How long a code is good for. Pages fetch another one before.
CODE_SECONDS: Final = 60
_BEGINNING: Final = "NC1"
_SALT: Final = "loyalty.services.cards"
#: Letters of the signature, each of which has four bits.
_SIGNED: Final = 24
_CODE: Final = re.compile(rf"{_BEGINNING}\.([0-9]{{{LENGTH}}})\.([0-9A-Z]{{1,9}})\.([0-9A-F]{{{_SIGNED}}})")


def with_check_digits(digits: str) -> str:
    """Return the digits with their two check digits."""
    return f"{digits}{_MODULUS + 1 - int(digits) * 100 % _MODULUS:02}"


def is_valid(number: str) -> bool:
    """Return whether this can be the number of a card, however its digits are written; spaces do not count."""
    plain = to_latin_digits(number).replace(" ", "")
    return len(plain) == LENGTH and plain.isascii() and plain.isdigit() and int(plain) % _MODULUS == 1


def new_number() -> str:
    """Return a random number."""
    return with_check_digits(str(10**9 + secrets.randbelow(9 * 10**9)))


def card_of(user: User) -> MemberCard | None:
    """Return the person's card; None if they have none yet."""
    return MemberCard.objects.filter(member__user=user).first()


def key_of(number: str) -> UUID | None:
    """Return the key of the member whose card this is, however its digits are written; None if it is nobody's."""
    plain = to_latin_digits(number).replace(" ", "")
    return Member.objects.filter(card__number=plain).values_list("key", flat=True).first()


def make_card(user: User) -> MemberCard:
    """Return the person's card; make it the first time. Also when it is asked for twice at the same moment."""
    member = Member.objects.get_or_create(user=user)[0]
    for _try in range(_TRIES):
        try:
            with transaction.atomic():
                return MemberCard.objects.get_or_create(member=member, defaults={"number": new_number()})[0]
        except IntegrityError:  # somebody has this number
            continue
    raise RuntimeError("No free number was found.")


# Codes that change ---------------------------------------------------------------------------------------------------


def make_code(card: MemberCard, *, at: dt.datetime | None = None) -> str:
    """Return a code that shows for `CODE_SECONDS` that this card is at hand."""
    ends = int_to_base36(int((at or timezone.now()).timestamp()) + CODE_SECONDS).upper()
    return f"{_BEGINNING}.{card.number}.{ends}.{_signature(card.number, ends)}"


def number_in_code(code: str, *, at: dt.datetime | None = None) -> str:
    """Return the number of the card that is being shown. Raises `WrongCodeError`, `CodeOverError`."""
    match = _CODE.fullmatch(to_latin_digits(code).strip().upper())
    # The signature is compared first, in a time that tells nothing, and nothing is looked up for a wrong one.
    if match is None or not constant_time_compare(match[3], _signature(match[1], match[2])):
        raise WrongCodeError
    left = base36_to_int(match[2].lower()) - (at or timezone.now()).timestamp()
    if not 0 <= left <= CODE_SECONDS:
        raise CodeOverError
    return match[1]


def key_shown(text: str) -> UUID | None:
    """Return whose card a number or a code that changes is; None if it is neither, or the code is over."""
    try:
        return key_of(text) if is_valid(text) else key_of(number_in_code(text))
    except CardCodeError:
        return None


def _signature(number: str, ends: str) -> str:
    return salted_hmac(_SALT, f"{number}.{ends}", algorithm="sha256").hexdigest()[:_SIGNED].upper()
