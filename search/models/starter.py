"""Groups of the starter list of synonyms that editors have switched off."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class UnusedStarter(models.Model):
    """A group of the list that comes with search (`search.asking.starters`) and is not to be used here."""

    language = models.CharField(_("language"), max_length=10)
    #: The first phrase of the group, by which it is known.
    head = models.CharField(_("words"), max_length=60)
    changed_at = models.DateTimeField(_("changed"), auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("changed by"),
    )

    class Meta:
        verbose_name = _("unused synonym of the starter list")
        verbose_name_plural = _("unused synonyms of the starter list")
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["language", "head"], name="search_unused_starter")
        ]

    def __str__(self) -> str:
        return self.head
