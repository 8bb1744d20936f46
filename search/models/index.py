"""Tables of the embedded index: an inverted index in ordinary SQL (docs/decisions/0004-embedded-search.md).

`Scope`          a combination of kind, language and audience
`IndexedEntry`   the texts shown of a hit, and the terms it contains
`Term`           a stem or a facet value, with its document frequency; the empty term stands for all entries
`Word`           a word of the texts and its stem: for completion and spelling correction
`PostingBlock`   the postings of a term in some neighbouring entries

Only `search.index.embedded` reads and writes them; `search.mirror` compares their digests with those of a cluster.
"""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from search.language.analysis import MAX_WORD_LENGTH

#: Length of the longest facet name, a separator, and the longest value.
MAX_TERM_LENGTH: Final = 100


class Scope(models.Model):
    """A kind, language and audience that entries have in common. A handful of rows, which are never deleted."""

    kind = models.CharField(_("kind"), max_length=50)
    language = models.CharField(_("language"), max_length=10)
    audience = models.CharField(_("audience"), max_length=255)

    class Meta:
        db_table = "search_index_scope"
        verbose_name = _("scope of search entries")
        verbose_name_plural = _("scopes of search entries")
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "audience"], name="search_index_scope_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.language}, {self.audience})"


class IndexedEntry(models.Model):
    """One object in one language, as it was last indexed."""

    #: Assigned in increasing order by the only writer at a time, so that postings are appended in order.
    id = models.BigIntegerField(primary_key=True)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(_("kind"), max_length=50)
    object_id = models.BigIntegerField(_("object"))
    family = models.CharField(_("family"), max_length=80)
    language = models.CharField(_("language"), max_length=10)
    audience = models.CharField(_("audience"), max_length=255)
    popularity = models.IntegerField(_("popularity"), default=0)
    updated = models.DateTimeField(_("updated"), null=True, blank=True)
    #: Hash of the entry and the version of the analysis; an entry with the same digest need not be indexed again.
    digest = models.CharField(_("digest"), max_length=40)
    facets_text = models.TextField(_("facets"), blank=True)
    title = models.TextField(_("title"))
    short_answer = models.TextField(_("short answer"), blank=True)
    body = models.TextField(_("text"), blank=True)
    url = models.TextField(_("address"))
    #: The primary keys of its terms, and their places in the texts (`search.index.entry_terms`); both packed
    #: (`search.index.embedded.blocks`).
    terms = models.BinaryField(_("terms"))
    places = models.BinaryField(_("places"))
    #: Checksums of the other columns except the digest (`search.index.embedded.seals`).
    seal = models.BinaryField(_("checksums"), default=b"", db_default=models.Value(b""))

    class Meta:
        db_table = "search_index_entry"
        verbose_name = _("search entry")
        verbose_name_plural = _("search entries")
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "language"], name="search_index_entry_unique"),
        ]
        indexes = [
            # For listing entries without a question.
            models.Index(fields=["-popularity", "object_id", "language", "kind"], name="search_index_popular"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} ({self.language}): {self.title}"


class Term(models.Model):
    """A term and its document frequency, which `put` and `remove` keep exact."""

    text = models.CharField(_("stem"), max_length=MAX_TERM_LENGTH, unique=True)
    entry_count = models.PositiveIntegerField(_("entries"), default=0)
    #: The sum of the checksums of its words (`search.index.embedded.seals`).
    word_seal = models.BigIntegerField(_("checksum of its words"), default=0, db_default=0)

    class Meta:
        db_table = "search_index_term"
        verbose_name = _("search term")
        verbose_name_plural = _("search terms")

    def __str__(self) -> str:
        return self.text


class Word(models.Model):
    """A folded word, one of its spellings, and its stem. Never updated; a rebuild deletes unused ones."""

    text = models.CharField(_("word"), max_length=MAX_WORD_LENGTH, unique=True)
    spelling = models.CharField(_("spelling"), max_length=MAX_WORD_LENGTH * 2)
    term = models.ForeignKey(Term, on_delete=models.CASCADE, related_name="words")
    #: The consonants of a Persian word in Latin letters (`search.language.finglish.skeleton`).
    skeleton = models.CharField(_("consonants"), max_length=MAX_WORD_LENGTH, blank=True, default="", db_index=True)

    class Meta:
        db_table = "search_index_word"
        verbose_name = _("word of the search vocabulary")
        verbose_name_plural = _("words of the search vocabulary")

    def __str__(self) -> str:
        return self.text


class PostingBlock(models.Model):
    """The postings of a term in neighbouring entries of one scope; `number` is their primary key without the low bits.

    `data` holds two four-byte integers for each entry, sorted by primary key: the key, and the *impact* with a checksum
    of the posting in its upper half. The impact is the BM25 weight of the term in the entry without the inverse document
    frequency. Impacts are integers so that sums, and therefore rankings, are the same on every database
    (`search.index.embedded.blocks`).
    """

    pk = models.CompositePrimaryKey("term", "scope", "number")
    term = models.ForeignKey(Term, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="blocks", db_index=False)
    number = models.IntegerField(_("number"))
    data = models.BinaryField(_("postings"))

    class Meta:
        db_table = "search_index_block"
        verbose_name = _("block of search postings")
        verbose_name_plural = _("blocks of search postings")

    def __str__(self) -> str:
        return f"{self.term_id} in {self.scope_id}, block {self.number}"
