"""The tables of the ledger. Rows are written by `loyalty.services.ledger` alone, and guarded by triggers of the database.

A *posting* moves a positive whole number of points from one account (debit) to another (credit), so that nothing can be
unbalanced. A *lot* is an account: points of one wallet, in one state, that expire on one day. A *journal* is one fact:
its postings, the key under which it can never be posted again, and the balances of the wallet after it. Every
journal belongs to one wallet at most.

Nothing here is changed or deleted (docs/decisions/0024-ledger.md); migration 0002 has the triggers.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Final, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

#: Bucket of points that never expire: a date, so that unique constraints hold.
NEVER: Final = dt.date(9999, 12, 31)
#: How references of pending lots begin that wait for staff to look at them, not for a day.
REVIEWED: Final = "review:"
#: The largest amount of one posting. Counters of accounts hold nine million of these.
MAX_AMOUNT: Final = 10**12


class Kind(models.IntegerChoices):
    """Kinds of accounts: below 10 of a programme, from 10 of a wallet."""

    ISSUE = 1
    REDEEMED = 2
    EXPIRED = 3
    FORFEIT = 4
    ADJUST = 5
    BUDGET = 6
    CLEARING = 7
    AVAILABLE = 10
    PENDING = 11
    HELD = 12
    DEBT = 13


#: The lowest kind of the accounts of a wallet.
FIRST_OF_WALLET: Final = 10


class Code(models.TextChoices):
    """What a journal did."""

    FUND = "fund"
    EARN = "earn"
    ACTIVATE = "activate"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"
    REVERSE = "reverse"
    EXPIRE = "expire"
    EXTEND = "extend"
    REINSTATE = "reinstate"
    ADJUST = "adjust"
    CLOSE = "close"


class AppendOnlyModel(models.Model):
    """A model whose rows cannot be changed or deleted through the ORM; triggers refuse everybody else."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row. Raises `TypeError` for a row that exists."""
        if not self._state.adding:
            raise TypeError(f"{self._meta.label} is append-only.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`."""
        raise TypeError(f"{self._meta.label} is append-only.")


class Programme(models.Model):
    """One unit of points with its own books."""

    class Calendar(models.TextChoices):
        JALALI = "jalali"
        GREGORIAN = "gregorian"

    code = models.SlugField(max_length=40)
    #: Points expire at the end of a month of this calendar, at midnight in this time zone.
    calendar = models.CharField(max_length=10, choices=Calendar, default=Calendar.JALALI)
    time_zone = models.CharField(max_length=50, default="Asia/Tehran")
    #: Months after the one in which points are earned; 0: they never expire. A change affects later points only.
    expiry_months = models.PositiveSmallIntegerField(default=12)
    is_earning_stopped = models.BooleanField(default=False)
    is_spending_stopped = models.BooleanField(default=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["code"], name="loyalty_programme_code_unique")]

    def __str__(self) -> str:
        return self.code


class Member(models.Model):
    """Who has which pseudonymous key. The ledger knows keys only; deleting this row leaves it nameless."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["key"], name="loyalty_member_key_unique")]

    def __str__(self) -> str:
        return str(self.key)


class Wallet(models.Model):
    """The points of a member in a programme: the one row that is locked when they change."""

    class Status(models.TextChoices):
        OPEN = "open"
        FROZEN = "frozen"
        CLOSED = "closed"

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    member_key = models.UUIDField()
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["programme", "member_key"], name="loyalty_wallet_unique")]

    def __str__(self) -> str:
        return f"{self.programme_id}:{self.member_key}"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: its journals stay."""
        raise TypeError("A wallet is closed, not deleted.")


class SwitchRecord(AppendOnlyModel):
    """Who froze, unfroze or closed a wallet, or stopped or resumed earning or spending."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+")
    change = models.CharField(max_length=20)
    reason = models.CharField(max_length=50)
    actor = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.change} {self.reason}"


class Account(models.Model):
    """Points of one kind. Those of wallets and budgets count what came and went, and never go below zero.

    Both counters only grow. Triggers move them when a posting is inserted, and refuse any other change. Other
    accounts of a programme are not counted: their rows would be locked by everybody; postings tell their balance.
    """

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    kind = models.PositiveSmallIntegerField(choices=Kind)
    #: Of a held lot: the hold; of a pending one: the day it becomes available; of a budget: its name.
    ref = models.CharField(max_length=64, default="")
    #: The last day on which the points can be spent.
    bucket = models.DateField(default=NEVER)
    credits = models.BigIntegerField(default=0)
    debits = models.BigIntegerField(default=0)
    #: The posting that changed it last: every change names its posting, and no posting counts twice.
    last_posting = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=Q(credits__gte=0, debits__gte=0), name="loyalty_account_counters"),
            models.CheckConstraint(
                condition=Q(credits__gte=F("debits")) | Q(wallet=None),
                name="loyalty_account_lot_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(credits__gte=F("debits")) | ~Q(kind=Kind.BUDGET),
                name="loyalty_account_budget_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(wallet=None, kind__lt=FIRST_OF_WALLET) | Q(wallet__isnull=False, kind__gte=FIRST_OF_WALLET),
                name="loyalty_account_kind_fits_owner",
            ),
            models.UniqueConstraint(
                fields=["wallet", "kind", "ref", "bucket"],
                condition=Q(wallet__isnull=False),
                name="loyalty_account_lot_unique",
            ),
            models.UniqueConstraint(
                fields=["programme", "kind", "ref"], condition=Q(wallet=None), name="loyalty_account_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["bucket", "wallet"],
                condition=Q(kind=Kind.AVAILABLE, credits__gt=F("debits")),
                name="loyalty_account_expiring",
            ),
            models.Index(
                fields=["ref", "wallet"],
                condition=Q(kind=Kind.PENDING, credits__gt=F("debits")),
                name="loyalty_account_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{Kind(self.kind).name} {self.ref} {self.bucket}"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: its postings stay."""
        raise TypeError("An account is emptied, not deleted.")


class Journal(AppendOnlyModel):
    """One fact about points. The database refuses it unless its postings lead from the balances before to those after."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False, related_name="+")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    #: Counts the journals of the wallet from 1, without gaps; 0 without a wallet.
    number = models.BigIntegerField()
    code = models.CharField(max_length=10, choices=Code)
    #: Idempotency: unique within the programme, for ever.
    key = models.CharField(max_length=200)
    #: SHA-256 of what was asked for under the key.
    request_hash = models.CharField(max_length=64)
    #: Points the fact is about. Of all journals that reverse another one: no more than of that one.
    amount = models.BigIntegerField()
    #: Number of postings.
    legs = models.PositiveSmallIntegerField()
    #: Balances of the wallet after it.
    available = models.BigIntegerField()
    pending = models.BigIntegerField()
    held = models.BigIntegerField()
    debt = models.BigIntegerField()
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    #: Why, as codes and ids that mean nothing to a stranger: what happened (``community.post:12``), the reason of
    #: a correction, who made and who approved it.
    source = models.CharField(max_length=100)
    reason = models.CharField(max_length=50)
    actor = models.CharField(max_length=64)
    approver = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["programme", "key"], name="loyalty_journal_key_unique"),
            models.UniqueConstraint(fields=["wallet", "number"], name="loyalty_journal_number_unique"),
            models.CheckConstraint(condition=Q(amount__gt=0, legs__gt=0), name="loyalty_journal_amount_positive"),
            models.CheckConstraint(
                condition=Q(available__gte=0, pending__gte=0, held__gte=0, debt__gte=0),
                name="loyalty_journal_balances_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(wallet=None, number=0) | Q(wallet__isnull=False, number__gt=0),
                name="loyalty_journal_number_fits_wallet",
            ),
        ]
        indexes = [
            models.Index(fields=["reverses"], condition=Q(reverses__isnull=False), name="loyalty_journal_reversing")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.amount} ({self.key})"


class Posting(AppendOnlyModel):
    """An amount that moves from one account to another."""

    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, db_index=False, related_name="postings")
    seq = models.PositiveSmallIntegerField()
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["journal", "seq"], name="loyalty_posting_seq_unique"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=MAX_AMOUNT), name="loyalty_posting_amount_positive"
            ),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="loyalty_posting_moves"),
        ]

    def __str__(self) -> str:
        return f"{self.debit_id} → {self.credit_id}: {self.amount}"


class Checkpoint(AppendOnlyModel):
    """A link of the hash chain over all journals and postings: what was booked cannot be changed unnoticed."""

    number = models.BigIntegerField()
    #: Journals up to and including this one are covered.
    last_journal = models.BigIntegerField()
    #: Journals, postings and points since the previous checkpoint.
    journals = models.BigIntegerField()
    postings = models.BigIntegerField()
    points = models.BigIntegerField()
    #: SHA-256 of the previous hash and every row since then.
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["number"], name="loyalty_checkpoint_number_unique")]

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"
