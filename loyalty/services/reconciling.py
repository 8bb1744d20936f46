"""The nightly check of the books: it reports and freezes, and repairs nothing.

The points of members about whom something new was found cannot be spent until somebody has looked; the operators get a mail about
each finding once. Staff who let points go again are not overruled the next night: the finding is known then.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from loyalty.exceptions import LedgerError
from loyalty.models.checks import LedgerCheck, LedgerFinding
from loyalty.models.ledger import Journal, Wallet
from loyalty.services import ledger
from portal.accounts.models import User
from portal.core.file_places import portions
from portal.core.mail import send_mail

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable

    from loyalty.services.ledger import Problem

#: When the night's check may begin.
FROM_HOUR: Final = 2
#: Findings of one check. Nothing is repaired, so that what is known is found again every night: a low limit would hide what
#: is new behind it. Where even this one is reached, the operators hear of it every night.
MOST: Final = 20_000
#: Findings that a mail lists.
_IN_MAIL: Final = 20
_ACTOR: Final = "ledger_check"
#: First word of a finding → what it means to somebody who does not know the tables.
_PLAIN: Final = {
    "posting": gettext_noop("Points moved in a way that belongs to no entry of the books"),
    "journal": gettext_noop("An entry of the books does not lead from the balance before to the one after"),
    "account": gettext_noop("A number of points is not what was booked"),
    "clearing": gettext_noop("Points are left where none may stay"),
    "wallet": gettext_noop("What a member has is not what the last entry says"),
    "trigger": gettext_noop("A guard of the database is missing: somebody removed it"),
    "checkpoint": gettext_noop("Entries were changed after they had been sealed"),
    "the": gettext_noop("Entries were changed after they had been sealed"),
}


def reconcile() -> LedgerCheck | None:
    """Check the books, once a day; None if today's check was made before. May be killed at any moment and called again."""
    day = timezone.localdate()
    if LedgerCheck.objects.filter(day=day).exists():
        return None
    journals = Journal.objects.count()
    # The check reads one state of the database, and nothing is written meanwhile.
    found = list(islice(ledger.check(most=MOST), MOST))
    try:
        with transaction.atomic():
            new = _note(found)
            frozen = freeze_concerned({one.wallet_id for one in new if one.wallet_id is not None})
            if new or len(found) == MOST:
                _tell(new or found, frozen)
            return LedgerCheck.objects.create(day=day, journals=journals, problems=len(found), frozen=frozen)
    except IntegrityError:  # another worker made it at the same moment
        return None


def is_reconciling_due(_last_end: dt.datetime | None) -> bool:
    """Return whether the books were not checked today and it is late enough, or were never checked. Two queries."""
    last = last_check()
    if last is None:
        return Journal.objects.exists()
    now = timezone.localtime()
    return last.day < now.date() and now.hour >= FROM_HOUR


def last_check() -> LedgerCheck | None:
    """Return the last check that ended."""
    return LedgerCheck.objects.order_by("-day").first()


def freeze_concerned(wallet_ids: Collection[int]) -> int:
    """Freeze these wallets, unless they are frozen or closed; return how many that were."""
    frozen = 0
    for wallet in Wallet.objects.filter(pk__in=wallet_ids, status=Wallet.Status.OPEN).order_by("pk"):
        try:
            ledger.freeze(wallet=wallet, reason=_ACTOR, actor=_ACTOR)
        except LedgerError:  # it was closed meanwhile
            continue
        frozen += 1
    return frozen


def _note(found: Iterable[Problem]) -> list[Problem]:
    """Write down what was found; return what was not known."""
    now = timezone.now()
    by_print = {hashlib.sha256(repr(one).encode()).hexdigest(): one for one in found}
    known: set[str] = set()
    for names in portions(by_print):
        some = LedgerFinding.objects.filter(fingerprint__in=names)
        some.update(found_last=now)
        known.update(some.values_list("fingerprint", flat=True))
    new = {name: one for name, one in by_print.items() if name not in known}
    wallets: set[int] = set()
    for numbers in portions({one.wallet_id for one in new.values() if one.wallet_id is not None}):
        wallets.update(Wallet.objects.filter(pk__in=numbers).values_list("pk", flat=True))
    LedgerFinding.objects.bulk_create(
        LedgerFinding(
            what=one.what[:200],
            row=one.row_id,
            wallet_id=one.wallet_id if one.wallet_id in wallets else None,
            fingerprint=name,
            found_first=now,
            found_last=now,
        )
        for name, one in new.items()
    )
    return list(new.values())


def in_words(problem: Problem) -> str:
    """Say what was found to somebody who does not know the tables, with the details for somebody who does."""
    plain = _PLAIN.get(problem.what.partition(" ")[0])
    return f"{_(plain)}: {problem}" if plain else str(problem)


def _tell(new: list[Problem], frozen: int) -> None:
    """Write to the operators, and to staff who may freeze points."""
    addresses = {address: settings.LANGUAGE_CODE for _name, address in settings.ADMINS}
    for user in User.objects.filter(is_staff=True, is_active=True).exclude(email=""):
        if user.has_perm("loyalty.freeze_wallet"):
            addresses[user.email] = user.language or settings.LANGUAGE_CODE
    for address, language in addresses.items():
        with override(language):
            context = {
                "count": len(new),
                "frozen": frozen,
                "findings": [in_words(one) for one in new[:_IN_MAIL]],
                "more": max(0, len(new) - _IN_MAIL),
                "url": f"{settings.BASE_URL}{reverse('points_programmes:index')}",
            }
            send_mail(to=address, template="loyalty/email/ledger_check", context=context, language=language)
