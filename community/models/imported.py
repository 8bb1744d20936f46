"""What was imported from other forums, so that an import may be repeated and may be stopped at any time."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models.thread import Thread


class ImportSource(models.Model):
    """A forum that texts came from, by the name an operator gave it."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("source of an import")
        verbose_name_plural = _("sources of imports")

    def __str__(self) -> str:
        return self.name


class ImportedRow(models.Model):
    """What became of one row of a source. It outlives what was made of it: what was deleted here is not made again."""

    class Kind(models.IntegerChoices):
        PERSON = 1, pgettext_lazy("import", "person")
        POST = 2, pgettext_lazy("import", "post")
        VOTE = 3, pgettext_lazy("import", "vote")

    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="rows", db_index=False)
    kind = models.PositiveSmallIntegerField(_("kind"), choices=Kind)
    #: The id over there; of people only a hash, since it may be their name.
    external_id = models.CharField(_("id in the source"), max_length=80)
    #: Key of the person, post or vote here; None for a person who has left.
    object_id = models.BigIntegerField(_("object"), null=True)

    class Meta:
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        constraints = [models.UniqueConstraint(fields=["source", "kind", "external_id"], name="imported_row_once")]
        indexes = [models.Index(fields=["object_id"], name="imported_row_person", condition=models.Q(kind=1))]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class ThreadToIndex(models.Model):
    """A thread that an import has changed: search does not know it yet, or what is like it was not looked for."""

    thread = models.OneToOneField(Thread, on_delete=models.CASCADE, primary_key=True, related_name="+")
    #: Search knows it.
    is_indexed = models.BooleanField(_("indexed"), default=False)

    class Meta:
        indexes = [models.Index(fields=["is_indexed", "thread"], name="thread_to_index")]
        verbose_name = _("thread to be indexed")
        verbose_name_plural = _("threads to be indexed")

    def __str__(self) -> str:
        return str(self.thread_id)
