"""Vectors of entries, used only if the semantic extra is installed (docs/decisions/0011-semantic-extra.md)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EntryVector(models.Model):
    """The vector of one entry's text. A row without a vector is queued for the outbox worker, which computes it.

    Rows are never changed, only replaced, so that each process recognises new vectors by their primary keys.
    The audience only narrows the candidates; index and database decide who sees an entry.
    """

    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    language = models.CharField(_("language"), max_length=10)
    audience = models.CharField(_("audience"), max_length=255)
    #: Name and version of the model: vectors of different models cannot be compared.
    model = models.CharField(_("model"), max_length=40)
    #: Hash of the embedded text; the vector of an entry with the same digest need not be computed again.
    digest = models.CharField(_("digest"), max_length=40)
    vector = models.BinaryField(_("vector"), null=True)

    class Meta:
        verbose_name = _("meaning of a search entry")
        verbose_name_plural = _("meanings of search entries")
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "language"], name="search_vector_unique"),
        ]
        indexes = [
            models.Index(fields=["id"], name="search_vector_waiting", condition=models.Q(vector=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} ({self.language})"
