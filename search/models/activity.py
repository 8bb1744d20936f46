"""What readers asked and chose, without the readers (docs/decisions/0008-search-activity.md).

`SearchLog`      one search, kept 90 days
`SearchClick`    one result a visit chose after a search, kept 90 days
`SearchDay`      a day of one question, counted; kept
`SearchGap`      a question that finds nothing, or nothing anybody wants, until that is mended
`ClickEvidence`  how often readers chose an object where it was shown: what the index weighs

A *visit* is a hash good for one day (`portal.core.visitors`). A *key* is a question without its spelling
(`search.asking.keys`). Nothing here names a member or an address, and texts are redacted before they come here.
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
    """Somebody searched; `total` results were found in the language of the page."""

    at = models.DateTimeField(_("at"), default=timezone.now)
    day = models.DateField(_("day"))
    visit = models.CharField(_("visit"), max_length=VISITOR_LENGTH)
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    text = models.CharField(_("text"), max_length=MAX_TEXT_LENGTH)
    total = models.PositiveIntegerField(_("results"))
    #: Codes of what was done to the question (`search.asking.notices.NoticeCode`), separated by spaces.
    notices = models.CharField(_("changes"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("search")
        verbose_name_plural = _("searches")
        indexes = [models.Index(fields=["day", "language", "key", "visit"], name="search_log_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.language}: {self.text}"


class SearchClick(models.Model):
    """A visit chose this object among the answers to a question: once, however often it was clicked."""

    class Source(models.TextChoices):
        RESULTS = "results", _("Results")
        SUGGESTIONS = "suggestions", _("Suggestions")

    at = models.DateTimeField(_("at"), default=timezone.now)
    day = models.DateField(_("day"))
    visit = models.CharField(_("visit"), max_length=VISITOR_LENGTH)
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    #: From 1, over all pages of the results.
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
    """How a question fared on one day. Visits live for a day, so those of several days add up.

    The empty key stands for questions too rare to be told apart, once their single searches are forgotten.
    """

    day = models.DateField(_("day"))
    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH, blank=True)
    #: As most of the day's visits wrote it.
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
    """A question of several visits that leads nowhere. It closes itself when the question succeeds."""

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
    #: When it was closed or ignored. A gap that closed itself was closed by nobody.
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
    """Hundredths: how often readers chose the object where it was shown; smoothed, see `search.activity.choices`."""

    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    clicked = models.PositiveSmallIntegerField(_("chosen"))

    class Meta:
        verbose_name = _("evidence of clicks")
        verbose_name_plural = _("evidence of clicks")
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="search_evidence_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.clicked}"
