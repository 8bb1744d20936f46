"""The tables of the nightly check of the books: when it ran, and what it found."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from loyalty.models.ledger import Wallet


class LedgerCheck(models.Model):
    """A check of the books that ended."""

    #: In the portal's time zone: there is one a day.
    day = models.DateField()
    ended_at = models.DateTimeField(default=timezone.now)
    journals = models.PositiveBigIntegerField()
    #: Findings, of which some may be known from before.
    problems = models.PositiveIntegerField(default=0)
    frozen = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["day"], name="loyalty_ledgercheck_once_a_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.problems}"


class LedgerFinding(models.Model):
    """Something that did not agree when the books were checked. It is reported once, however long it stays."""

    what = models.CharField(max_length=200)
    row = models.BigIntegerField(null=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+")
    #: Made of the three: the same finding has one row.
    fingerprint = models.CharField(max_length=64)
    found_first = models.DateTimeField(default=timezone.now)
    found_last = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["fingerprint"], name="loyalty_ledgerfinding_once")]

    def __str__(self) -> str:
        return self.what
