"""Searches and clicks, stored anonymously (docs/decisions/0008-search-activity.md).

`SearchLog`      one search, deleted after 90 days
`SearchClick`    a result that a visit chose, deleted after 90 days
`SearchDay`      the counts of one question on one day; never deleted
`SearchGap`      a question that finds nothing, or nothing that readers choose, until that is fixed
`ClickEvidence`  the click rate of an object, which the index uses as evidence

A *visit* is a hash that is valid for one day, and so is a *network*; a *sector* distinguishes networks of several days
(`portal.core.visitors`). A *key* identifies a question regardless of its
spelling (`search.asking.keys`). No row identifies a member or an address, and texts are redacted before they are
stored.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.visitors import VISITOR_LENGTH

MAX_KEY_LENGTH = 200
MAX_TEXT_LENGTH = 256


class SearchLog(models.Model):
    """One search, with `total` results in the language of the page."""

    at = models.DateTimeField(_("at"), default=timezone.now)
    day = models.DateField(_("day"))
    visit = models.CharField(_("visit"), max_length=VISITOR_LENGTH)
    network = models.CharField(_("network"), max_length=VISITOR_LENGTH, blank=True, default="", db_default="")
    sector = models.PositiveSmallIntegerField(_("sector"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    text = models.CharField(_("text"), max_length=MAX_TEXT_LENGTH)
    total = models.PositiveIntegerField(_("results"))
    #: Codes of the changes made to the question (`search.asking.notices.NoticeCode`), separated by spaces.
    notices = models.CharField(_("changes"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("search")
        verbose_name_plural = _("searches")
        indexes = [models.Index(fields=["day", "language", "key", "visit"], name="search_log_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.language}: {self.text}"


class SearchClick(models.Model):
    """An object that a visit chose among the results of a question; stored once, however often it was clicked."""

    class Source(models.TextChoices):
        RESULTS = "results", _("Results")
        SUGGESTIONS = "suggestions", _("Suggestions")

    at = models.DateTimeField(_("at"), default=timezone.now)
    day = models.DateField(_("day"))
    visit = models.CharField(_("visit"), max_length=VISITOR_LENGTH)
    network = models.CharField(_("network"), max_length=VISITOR_LENGTH, blank=True, default="", db_default="")
    sector = models.PositiveSmallIntegerField(_("sector"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    #: Position in the results, from 1, counted over all pages.
    position = models.PositiveSmallIntegerField(_("position"))
    source = models.CharField(_("source"), max_length=12, choices=Source.choices, default=Source.RESULTS)

    class Meta:
        verbose_name = _("chosen result")
        verbose_name_plural = _("chosen results")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "language", "key", "visit", "kind", "object_id"], name="search_click_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.object_id} at {self.position}"


class SearchDay(models.Model):
    """The figures of a question on one day. Visits last one day, so that the numbers of several days can be added.

    The empty key stands for all rare questions, once their single searches have been deleted.
    """

    day = models.DateField(_("day"))
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH, blank=True)
    #: The most frequent spelling on that day.
    text = models.CharField(_("text"), max_length=MAX_TEXT_LENGTH, blank=True)
    searches = models.PositiveIntegerField(_("searches"), default=0)
    visits = models.PositiveIntegerField(_("visits"), default=0)
    visits_without_result = models.PositiveIntegerField(_("visits without a result"), default=0)
    visits_with_click = models.PositiveIntegerField(_("visits with a click"), default=0)
    clicks_first = models.PositiveIntegerField(_("clicks on the first result"), default=0)
    clicks_top = models.PositiveIntegerField(_("clicks on the first three results"), default=0)

    class Meta:
        verbose_name = _("day of a question")
        verbose_name_plural = _("days of questions")
        permissions = [("view_report", _("Can see what was searched and mend what was not found"))]
        constraints = [
            models.UniqueConstraint(fields=["day", "language", "key"], name="search_day_unique"),
        ]
        indexes = [models.Index(fields=["language", "key", "day"], name="search_day_key")]

    def __str__(self) -> str:
        return f"{self.day} {self.language}: {self.text} ({self.visits})"


class SearchGap(models.Model):
    """A question that finds nothing, or nothing that readers choose. Closed automatically once it succeeds."""

    class Reason(models.TextChoices):
        ZERO = "zero", _("No result")
        NO_CLICK = "no_click", _("Results, but nobody chose one")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        IGNORED = "ignored", _("Ignored")
        CLOSED = "closed", _("Closed")

    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    text = models.CharField(_("text"), max_length=MAX_TEXT_LENGTH)
    reason = models.CharField(_("reason"), max_length=8, choices=Reason.choices)
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField(_("opened at"), default=timezone.now)
    #: Time it was closed or ignored. `closed_by` is None if it was closed automatically.
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("search gap")
        verbose_name_plural = _("search gaps")
        constraints = [models.UniqueConstraint(fields=["language", "key"], name="search_gap_unique")]

    def __str__(self) -> str:
        return f"{self.text} ({self.language}): {self.reason}, {self.state}"


class ClickEvidence(models.Model):
    """The smoothed click rate of an object, in hundredths; see `search.activity.choices`."""

    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    clicked = models.PositiveSmallIntegerField(_("chosen"))

    class Meta:
        verbose_name = _("evidence of clicks")
        verbose_name_plural = _("evidence of clicks")
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="search_evidence_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.clicked}"
