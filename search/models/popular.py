"""Popular questions, computed every hour."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from search.models.activity import MAX_KEY_LENGTH, MAX_TEXT_LENGTH


class PopularQuestion(models.Model):
    """A question that many visits asked and that had an answer for anonymous visitors when it was last tried.

    `answers` are the first results at that time, as pairs of kind and object id.
    """

    language = models.CharField(_("language"), max_length=10)
    key = models.CharField(_("key"), max_length=MAX_KEY_LENGTH)
    #: The most frequent spelling.
    text = models.CharField(_("text"), max_length=MAX_TEXT_LENGTH)
    #: Rank by frequency, from 1.
    place = models.PositiveSmallIntegerField(_("place"))
    answers = models.JSONField(_("answers"), default=list)

    class Meta:
        verbose_name = _("popular question")
        verbose_name_plural = _("popular questions")
        ordering: ClassVar[list[str]] = ["language", "place"]
        constraints = [models.UniqueConstraint(fields=["language", "key"], name="search_popular_unique")]

    def __str__(self) -> str:
        return f"{self.language} {self.place}: {self.text}"
