"""Codes that are handed out: importing those of a shop, making own ones, showing one to whoever it belongs to.

Stored are a mark, by which a code is recognised, and the code encrypted; both need the portal's secret key. A copy of
the database reveals no code.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.buckets import today_of
from loyalty.exceptions import CodeNotUsableError, CodesRefusedError
from loyalty.models.rewards import Redemption, Reward, RewardKind, VoucherCode
from loyalty.services.rewards.redeeming import CODES
from loyalty.services.rewards.rights import Right, require
from portal.core import vault
from portal.core.formats import date_text
from portal.core.text import to_latin_digits, without_bidi_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from portal.accounts.models import User

#: Letters and digits that nobody takes for others, in print and on the phone: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
ALPHABET: Final = "34679ACDEFGHJKMNPQRTWXY"
_GROUPS: Final = (4, 4, 4)
#: Codes that are imported or made at once.
MOST: Final = 10_000
_CODE: Final = re.compile(r"[!-~]{4,60}")


def shown_code(redemption: Redemption) -> str:
    """Return the code of a redemption; empty if it has none any more. Raises `portal.core.vault.UnreadableError`."""
    code = VoucherCode.objects.filter(redemption=redemption).exclude(sealed="").first()
    return vault.decrypt(code.sealed, purpose=CODES) if code else ""


def normalised(code: str) -> str:
    """Return the code as it is compared: without the case of letters, spaces and dashes."""
    return re.sub(r"[\s-]", "", to_latin_digits(without_bidi_controls(code))).upper()


def import_codes(*, reward: Reward, lines: Iterable[str], by: User, expires_on: dt.date | None = None) -> int:
    """Add codes, one a line, of which the first column of a table counts; return how many.

    The same line twice is one code. Nothing is added if one is wrong or known: raises `CodesRefusedError`, `RewardRightMissingError`.
    """
    require(by, Right.CODES)
    wrong: list[int] = []
    codes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        code = re.split(r"[,;\t]", without_bidi_controls(line.removeprefix("\ufeff")), maxsplit=1)[0].strip().strip('"')
        if not code:
            continue
        known = codes.setdefault(normalised(code), to_latin_digits(code))
        if known != to_latin_digits(code) or not _CODE.fullmatch(known) or len(codes) > MOST:
            wrong.append(number)
    if wrong:
        raise CodesRefusedError(_("Some lines are no codes, or there are too many of them."), wrong)
    if not codes:
        raise CodesRefusedError(_("There is no code in it."))
    _add(reward, codes, expires_on)
    return len(codes)


def make_codes(*, reward: Reward, count: int, by: User, expires_on: dt.date | None = None) -> list[str]:
    """Make codes that cannot be guessed or misread, and return them: for whoever has to accept them.

    Raises `CodesRefusedError` for less than one or too many, `RewardRightMissingError`.
    """
    require(by, Right.CODES)
    if not 1 <= count <= MOST:
        raise CodesRefusedError(_("That many codes cannot be made at once."))
    codes: dict[str, str] = {}
    while len(codes) < count:
        code = "-".join("".join(secrets.choice(ALPHABET) for _place in range(length)) for length in _GROUPS)
        codes[normalised(code)] = code
    _add(reward, codes, expires_on)
    return list(codes.values())


def code_shown(text: str, *, by: User) -> VoucherCode:
    """Return the code that a member shows, if it can be used now. Raises `CodeNotUsableError`, `RewardRightMissingError`."""
    require(by, Right.FULFIL)
    return _usable(text, VoucherCode.objects.all())


@transaction.atomic
def use_code(text: str, *, by: User) -> VoucherCode:
    """Note that a code was used: once, whoever else accepts it at the same moment. Raises like `code_shown`."""
    require(by, Right.FULFIL)
    code = _usable(text, VoucherCode.objects.select_for_update(of=("self",)))
    code.status, code.changed_at = VoucherCode.Status.USED, timezone.now()
    code.save(update_fields=["status", "changed_at"])
    return code


def _usable(text: str, codes: QuerySet[VoucherCode]) -> VoucherCode:
    marks = vault.marks_of(normalised(text), purpose=CODES)
    code = codes.select_related("reward__programme").filter(mark__in=marks, redemption__isnull=False).first()
    if code is None:
        raise CodeNotUsableError(_("Nobody has this code. Is it typed as it is shown?"))
    if code.status == VoucherCode.Status.USED:
        raise CodeNotUsableError(
            _("This code was used already, on %(day)s.") % {"day": date_text(timezone.localdate(code.changed_at))}
        )
    if code.status != VoucherCode.Status.ISSUED:
        raise CodeNotUsableError(_("This code is void: its points were given back."))
    if code.expires_on and code.expires_on < today_of(code.reward.programme):
        raise CodeNotUsableError(_("This code could be used until %(day)s.") % {"day": date_text(code.expires_on)})
    return code


@transaction.atomic
def _add(reward: Reward, codes: dict[str, str], expires_on: dt.date | None) -> None:
    """Add codes, by what they are compared by."""
    if reward.kind != RewardKind.VOUCHER:
        raise CodesRefusedError(_("This reward is no code."))
    marks = {one: vault.marks_of(one, purpose=CODES) for one in codes}
    known = _known([mark for some in marks.values() for mark in some])
    if known:
        numbers = [number for number, some in enumerate(marks.values(), 1) if known & set(some)]
        raise CodesRefusedError(_("Some codes are there already, of this reward or of another one."), numbers)
    VoucherCode.objects.bulk_create(
        [
            VoucherCode(
                reward=reward,
                mark=marks[one][0],
                sealed=vault.encrypt(code, purpose=CODES),
                expires_on=expires_on,
            )
            for one, code in codes.items()
        ],
        batch_size=500,
    )


def _known(marks: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(marks), 500):
        known |= set(VoucherCode.objects.filter(mark__in=marks[start : start + 500]).values_list("mark", flat=True))
    return known
