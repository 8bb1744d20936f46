"""Tags and the other words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from portal.core.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterable


def fold_tag(text: str) -> str:
    """Return the form in which tags are compared: folded, without spaces, half-spaces and hyphens. C++ is not C."""
    return "".join(character for character in fold(text) if character.isalnum() or character in "+#")


def listed(tags: Iterable[Tag]) -> str:
    """Return tags as they are typed and read in the active language, with its comma between them."""
    return pgettext("between words", ", ").join(str(tag) for tag in tags)


class Tag(models.Model):
    """A word that threads are sorted by, in one language or the same in all."""

    name = models.CharField(_("name"), max_length=40)
    #: See `fold_tag`: two spellings of a tag are one tag.
    key = models.CharField(max_length=40, unique=True, editable=False)
    slug = models.SlugField(_("name in addresses"), max_length=60, unique=True, allow_unicode=True)
    #: Threads with this tag that readers find.
    thread_count = models.IntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        indexes = [models.Index(fields=["-thread_count", "id"], name="tag_most_used")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = fold_tag(self.name)[:40]
        super().save(*args, **kwargs)


class TagSynonym(models.Model):
    """Another word for a tag: whoever types it gets the tag."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="synonyms")
    word = models.CharField(_("word"), max_length=40)
    key = models.CharField(max_length=40, unique=True, editable=False)

    class Meta:
        verbose_name = _("synonym of a tag")
        verbose_name_plural = _("synonyms of tags")

    def __str__(self) -> str:
        return self.word

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = fold_tag(self.word)[:40]
        super().save(*args, **kwargs)
