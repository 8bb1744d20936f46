"""Corrections by staff: what was asked for, who decided, and files of many corrections.

The ledger's journals hold codes only; the words of staff are here, where they can be erased. Requests of people name them as
journals do (``user:7``), so that two columns can be compared by the database.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar, Final, NoReturn

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import Programme, Wallet

NOTE_LENGTH: Final = 500


class Reason(models.TextChoices):
    """Why points are corrected. The code is in the journal, and members read its label."""

    GOODWILL = "goodwill", pgettext_lazy("correction", "Goodwill")
    MISSING = "missing-points", pgettext_lazy("correction", "Points were missing")
    MISTAKE = "mistake", pgettext_lazy("correction", "A mistake of ours")
    REINSTATED = "reinstated", pgettext_lazy("correction", "Expired points given again")
    MISUSE = "misuse", pgettext_lazy("correction", "Points were gained by misuse")
    OTHER = "other-reason", pgettext_lazy("correction", "Another reason")


class PointsPolicy(models.Model):
    """What staff may do with the points of a programme, and what a point costs."""

    programme = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="policy")
    alone_up_to = models.PositiveIntegerField(
        _("most points that one person corrects alone in a day"),
        default=500,
        validators=[MaxValueValidator(10**9)],
        help_text=_("All corrections of one person within 24 hours count together. 0: a second person decides always."),
    )
    days_to_decide = models.PositiveSmallIntegerField(
        _("days in which a second person decides"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
    )
    budget_alone_up_to = models.PositiveIntegerField(
        _("most points that an offer, a campaign or a month of a rule costs without a second person"),
        null=True,
        blank=True,
        default=100_000,
        db_default=100_000,
        validators=[MaxValueValidator(10**9)],
        help_text=_("What costs more, or has no limit, is published by somebody who did not write it. Empty: never."),
    )
    point_cost = models.DecimalField(
        _("what one point costs"),
        max_digits=14,
        decimal_places=4,
        default=Decimal(0),
        db_default=Decimal(0),
        validators=[MinValueValidator(0)],
        help_text=_("For the value of outstanding points. 0: no amounts of money are shown."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="IRR",
        db_default="IRR",
        help_text=_("Three capital letters: IRR for rial, IRT for toman, EUR. Shops report orders in it."),
    )

    class Meta:
        verbose_name = _("rules for corrections")
        verbose_name_plural = _("rules for corrections")
        default_permissions = ("change",)
        permissions = [
            ("switch_programme", "Can stop and resume earning and spending of a programme"),
            ("fund_budget", "Can put points into the budgets of campaigns"),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id}: {self.alone_up_to}"


class State(models.TextChoices):
    """States of what staff ask for."""

    WAITING = "waiting", pgettext_lazy("correction", "Waits for a second person")
    APPROVED = "approved", pgettext_lazy("correction", "Being booked")
    DONE = "done", pgettext_lazy("correction", "Booked")
    REFUSED = "refused", pgettext_lazy("correction", "Refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("correction", "Withdrawn")


class AskedModel(models.Model):
    """What one person asked for and, if it is large, another one decides."""

    state = models.CharField(max_length=9, choices=State)
    #: ``user:7``, as in journals.
    asked_by = models.CharField(max_length=64)
    #: Whoever approved or refused it; empty if it needed nobody.
    decided_by = models.CharField(max_length=64, default="")
    needs_second = models.BooleanField()
    #: Points that are moved, whichever way: what the limit of the policy counts.
    size = models.BigIntegerField()
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    note = models.CharField(_("note"), max_length=NOTE_LENGTH, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    #: After this nobody can approve it.
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_waiting(self) -> bool:
        """Whether a second person can still decide."""
        return self.state == State.WAITING and timezone.now() < self.expires_at

    @property
    def is_too_late(self) -> bool:
        """Whether nobody decided in time."""
        return self.state == State.WAITING and timezone.now() >= self.expires_at

    @property
    def state_label(self) -> Any:
        """The state in words."""
        return _("Nobody decided in time") if self.is_too_late else State(self.state).label

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: what was asked for and decided is kept."""
        raise TypeError(f"{self._meta.label} is kept.")


def two_people(name: str) -> list[models.CheckConstraint]:
    """Constraints: nobody decides about what they asked for, and nothing that needs a second person is done without."""
    return [
        models.CheckConstraint(condition=~Q(asked_by=F("decided_by")), name=f"loyalty_{name}_two_people"),
        models.CheckConstraint(
            condition=Q(needs_second=False) | ~Q(state__in=[State.DONE, State.APPROVED]) | ~Q(decided_by=""),
            name=f"loyalty_{name}_second_person",
        ),
        models.CheckConstraint(condition=~Q(asked_by="") & Q(size__gte=0), name=f"loyalty_{name}_asked"),
    ]


class Adjustment(AskedModel):
    """Points that are given to or taken from one member by hand, whose expiry is postponed, or that are given again."""

    #: Made when the form is shown: the same form sent twice asks once. Part of the journal's key.
    token = models.UUIDField()
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    #: Negative: they are taken away. When expiry is postponed: how many there were.
    points = models.BigIntegerField()
    #: Points that expire after this day are to expire after `expires_on`; None: points are given or taken.
    bucket = models.DateField(null=True)
    expires_on = models.DateField(null=True)
    #: The journal with which the points expired that are given again; None for all others.
    expired_by = models.BigIntegerField(null=True)
    #: The journal, once it is booked.
    journal_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("correction of points")
        verbose_name_plural = _("corrections of points")
        ordering: ClassVar = ["-pk"]
        default_permissions = ("add",)
        permissions = [
            ("approve_adjustment", "Can decide about corrections that others ask for"),
            ("freeze_wallet", "Can freeze and unfreeze the points of a member"),
        ]
        constraints = [
            *two_people("adjustment"),
            models.UniqueConstraint(fields=["token"], name="loyalty_adjustment_token_unique"),
            models.CheckConstraint(condition=~Q(points=0), name="loyalty_adjustment_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id}: {self.points}"


class PointsFile(AskedModel):
    """A file of corrections, one row for each."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    #: SHA-256 of what its rows mean: the same rows are the same file, however it was saved.
    digest = models.CharField(max_length=64)
    rows = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("file of corrections")
        verbose_name_plural = _("files of corrections")
        ordering: ClassVar = ["-pk"]
        default_permissions = ("add",)
        constraints = [
            *two_people("file"),
            models.UniqueConstraint(fields=["programme", "digest"], name="loyalty_file_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.digest[:8]} ({self.rows})"


class PointsFileRow(models.Model):
    """One row of a file."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("row", "Waits")
        DONE = "done", pgettext_lazy("row", "Booked")
        KNOWN = "known", pgettext_lazy("row", "Booked before")
        FAILED = "failed", pgettext_lazy("row", "Not booked")

    file = models.ForeignKey(PointsFile, on_delete=models.PROTECT, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()
    #: None once the account is deleted.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    points = models.BigIntegerField()
    #: Key of its journal.
    key = models.CharField(max_length=120)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    #: Why it was not booked: a code of `loyalty.services.adjusting.files`.
    problem = models.CharField(max_length=20, default="")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="loyalty_file_row_unique"),
            models.CheckConstraint(condition=~Q(points=0), name="loyalty_file_row_not_zero"),
        ]
        indexes = [models.Index(fields=["key"], name="loyalty_file_row_key")]

    def __str__(self) -> str:
        return f"{self.file_id}.{self.number}: {self.points}"


def expiry_in(days: int) -> dt.datetime:
    """Return the time until which something asked for now can be decided."""
    return timezone.now() + dt.timedelta(days=days)
