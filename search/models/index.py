"""Tables of the embedded index: an inverted index in ordinary SQL (docs/decisions/0004-embedded-search.md).

`IndexedEntry`   what is shown of a hit and what it is filtered by
`EntryFacet`     product, topic, tag and state of an entry, a row each
`Term`           a word stem with the number of entries that hold it; the empty stem counts all entries
`Word`           a word seen in the texts and the stem it is found under: for completion and repair
`Posting`        how strongly an entry is about a term, and where the term stands in it

Only `search.backends.embedded` reads and writes them.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from search.analysis import MAX_WORD_LENGTH


class IndexedEntry(models.Model):
    """One searchable object in one language, as it was when it was last put."""

    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    family = models.CharField(_("family"), max_length=80)
    language = models.CharField(_("language"), max_length=10)
    title = models.TextField(_("title"))
    short_answer = models.TextField(_("short answer"), blank=True)
    body = models.TextField(_("text"), blank=True)
    url = models.TextField(_("address"))
    audience = models.CharField(_("audience"), max_length=255)
    facets_text = models.TextField(_("facets"), blank=True)
    popularity = models.IntegerField(_("popularity"), default=0)
    #: Per mille that a reader's score grows by, for what is known to be good (`search.evidence`).
    evidence = models.PositiveSmallIntegerField(_("evidence"), default=0, db_default=0)
    updated = models.DateTimeField(_("updated"), null=True, blank=True)
    #: Of everything above and the version of the analysis; equal digests need no work.
    digest = models.CharField(_("digest"), max_length=40)

    class Meta:
        verbose_name = _("search entry")
        verbose_name_plural = _("search entries")
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "language"], name="search_entry_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} ({self.language}): {self.title}"


class EntryFacet(models.Model):
    """One thing an entry can be filtered by."""

    entry = models.ForeignKey(IndexedEntry, on_delete=models.CASCADE, related_name="facets", db_index=False)
    name = models.CharField(_("facet"), max_length=20)
    value = models.CharField(_("value"), max_length=80)

    class Meta:
        verbose_name = _("facet of a search entry")
        verbose_name_plural = _("facets of search entries")
        constraints = [
            # The order of the columns also serves the two questions asked: of these entries, which values.
            models.UniqueConstraint(fields=["entry", "name", "value"], name="search_facet_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class Term(models.Model):
    """A stem and its document frequency, kept exact by `put` and `remove`."""

    text = models.CharField(_("stem"), max_length=MAX_WORD_LENGTH, unique=True)
    entry_count = models.PositiveIntegerField(_("entries"), default=0)

    class Meta:
        verbose_name = _("search term")
        verbose_name_plural = _("search terms")

    def __str__(self) -> str:
        return self.text


class Word(models.Model):
    """A folded word, as somebody once wrote it, and the stem it is found under. Never updated; pruned by a rebuild."""

    text = models.CharField(_("word"), max_length=MAX_WORD_LENGTH, unique=True)
    spelling = models.CharField(_("spelling"), max_length=MAX_WORD_LENGTH * 2)
    term = models.ForeignKey(Term, on_delete=models.CASCADE, related_name="words")
    #: The consonants of a Persian word as somebody would type them in Latin letters (`search.finglish`).
    skeleton = models.CharField(
        _("consonants"), max_length=MAX_WORD_LENGTH, blank=True, default="", db_default="", db_index=True
    )

    class Meta:
        verbose_name = _("word of the search vocabulary")
        verbose_name_plural = _("words of the search vocabulary")

    def __str__(self) -> str:
        return self.text


class Posting(models.Model):
    """A term in an entry.

    `impact` is the whole BM25 weight of the term in the entry but for the term's rarity, 0 to 10,000. It is an
    integer so that sums, and with them rankings, are the same on every database.
    `spans` says where the first occurrences stand in title, short answer and text (`search.backends.embedded`).
    """

    term = models.ForeignKey(Term, on_delete=models.CASCADE, related_name="postings", db_index=False)
    entry = models.ForeignKey(IndexedEntry, on_delete=models.CASCADE, related_name="postings")
    impact = models.PositiveSmallIntegerField(_("impact"))
    spans = models.TextField(_("places"), blank=True)

    class Meta:
        verbose_name = _("search posting")
        verbose_name_plural = _("search postings")
        indexes = [
            # Ranking reads only this index, never the rows.
            models.Index(fields=["term", "entry", "impact"], name="search_posting_ranking"),
        ]

    def __str__(self) -> str:
        return f"{self.term_id} in {self.entry_id}: {self.impact}"
