"""Numbers of membership cards.

A number has 12 digits: ten random ones, of which the first is not 0, and two check digits by ISO 7064, MOD 97-10, as in an IBAN: the
whole number leaves 1 when divided by 97. Every wrong digit and every swap of two neighbours is found.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from loyalty.models.cards import MemberCard
from loyalty.models.ledger import Member
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

LENGTH: Final = 12
_MODULUS: Final = 97
_TRIES: Final = 5


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
