"""Synonyms, maintained by editors: a search for one word also finds the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import Truncator
from django.utils.translation import get_language_info, gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from portal.core.formats import format_number
from search.language.phrases import Phrase, read_phrases, says_nothing

MAX_PHRASES: Final = 12
MAX_PHRASE_LENGTH: Final = 60
MAX_WORDS_OF_PHRASE: Final = 4
_NAMED: Final = 2


def languages() -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


class Synonym(models.Model):
    """Words that find each other, or of which the first ones find the others, for readers of one language.

    The lists are stored as the editor wrote them; matching uses the stems of the phrases (`search.language.phrases`),
    which are computed when the synonyms are read.
    """

    class Direction(models.TextChoices):
        TWO_WAY = "two-way", _("Both ways: each word finds all the others")
        ONE_WAY = "one-way", _("One way: the first list also finds the second")

    language = models.CharField(
        _("language"), max_length=10, choices=languages, help_text=_("The language of the pages people search in.")
    )
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices, default=Direction.TWO_WAY)
    words = models.TextField(
        _("words"),
        help_text=_(
            "One word or short phrase per line, or separated by commas. Half-spaces, Arabic letters and endings "
            "such as «ها» do not matter."
        ),
    )
    also_finds = models.TextField(
        _("also finds"),
        blank=True,
        help_text=_("Only for one way: who searches a word of the list above also finds these."),
    )
    is_active = models.BooleanField(_("in use"), default=True)
    note = models.TextField(_("note"), blank=True, help_text=_("For your colleagues: why, and since when."))
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
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
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")
        ordering: ClassVar[list[str]] = ["language", "words", "pk"]

    def __str__(self) -> str:
        searched = self._listed(self.searched)
        if self.direction == self.Direction.TWO_WAY:
            return searched
        arrow = "←" if get_language_info(self.language)["bidi"] else "→"
        return f"{searched} {arrow} {self._listed(self.found)}"

    def _listed(self, phrases: list[Phrase]) -> str:
        """The phrases as a list, punctuated as in the synonym's language, shortened to 60 characters."""
        comma = "، " if get_language_info(self.language)["bidi"] else ", "
        return Truncator(comma.join(phrase.text for phrase in phrases)).chars(60)

    @property
    def searched(self) -> list[Phrase]:
        """The phrases people type."""
        return read_phrases(self.words, self.language)

    @property
    def found(self) -> list[Phrase]:
        """The phrases they also find."""
        return (
            self.searched if self.direction == self.Direction.TWO_WAY else read_phrases(self.also_finds, self.language)
        )

    def pairs(self) -> Iterator[tuple[Phrase, Phrase]]:
        """Pairs of phrases: a search for the first also finds the second."""
        searched = self.searched
        found = searched if self.direction == self.Direction.TWO_WAY else self.found
        for phrase in searched:
            for other in found:
                if other.key != phrase.key:
                    yield phrase, other

    def others(self) -> list[Synonym]:
        """The other active synonyms of the same language; one query."""
        return list(Synonym.objects.filter(language=self.language, is_active=True).exclude(pk=self.pk))

    # Checks ---------------------------------------------------------------------------------------------------------

    def clean(self) -> None:
        super().clean()
        self.check_words()
        if self.is_active:
            self._check_repetition()

    def check_words(self) -> None:
        """Validate the lists themselves, without a query. Raises `ValidationError`."""
        if self.direction == self.Direction.TWO_WAY:
            if self.also_finds.strip():
                raise ValidationError(
                    {"also_finds": _("Both ways, all words belong in the first list; leave this one empty.")}
                )
            _check_list("words", self.words, self.language, at_least=2)
        else:
            searched = _check_list("words", self.words, self.language, at_least=1)
            found = _check_list("also_finds", self.also_finds, self.language, at_least=1)
            known = {phrase.key: phrase for phrase in searched}
            for phrase in found:
                if phrase.key in known:
                    raise ValidationError({"also_finds": _same(known[phrase.key], phrase)})

    def _check_repetition(self) -> None:
        """Raise `ValidationError` if other synonyms cover all pairs of this one; sharing some words is allowed."""
        missing = {(searched.key, found.key) for searched, found in self.pairs()}
        holding = None
        for other in self.others():
            repeated = missing & {(searched.key, found.key) for searched, found in other.pairs()}
            if repeated:
                missing -= repeated
                holding = other
        if holding is not None and not missing:
            raise ValidationError({"words": self.repeats(holding)})

    @staticmethod
    def repeats(other: Synonym) -> str:
        """The error message for a synonym that adds nothing to `other`."""
        return gettext("“%(other)s” says this already; change that one instead.") % {"other": other}

    def chains(self) -> list[tuple[str, str, str]]:
        """Triples of words of which the first finds the second, the second the third, but the first not the third.

        Synonyms are not applied transitively, which may surprise editors. One query.
        """
        pairs: dict[str, dict[str, str]] = {}
        texts: dict[str, str] = {}
        own = {(searched.key, found.key) for searched, found in self.pairs()}
        for synonym in (self, *self.others()):
            for searched, found in synonym.pairs():
                texts.setdefault(searched.key, searched.text)
                pairs.setdefault(searched.key, {})[found.key] = found.text
        chains = [
            (texts[first], middle_text, last_text)
            for first, finds in pairs.items()
            for middle, middle_text in finds.items()
            for last, last_text in pairs.get(middle, {}).items()
            if last != first and last not in finds and {(first, middle), (middle, last)} & own
        ]
        return chains[:_NAMED]


def _check_list(name: str, text: str, language: str, *, at_least: int) -> list[Phrase]:
    """Parse and validate a list of phrases. Raises `ValidationError`."""
    phrases = read_phrases(text, language)
    if len(phrases) < at_least:
        few: Any = ngettext("Write at least %(count)s word.", "Write at least %(count)s different words.", at_least)
        raise ValidationError({name: few % {"count": format_number(at_least)}})
    if len(phrases) > MAX_PHRASES:
        message = _(
            "These are %(count)s; more than %(limit)s are hard to keep an eye on. Make several synonyms of them."
        )
        raise ValidationError(
            {name: message % {"count": format_number(len(phrases)), "limit": format_number(MAX_PHRASES)}}
        )
    known: dict[str, Phrase] = {}
    for phrase in phrases:
        if len(phrase.text) > MAX_PHRASE_LENGTH or len(phrase.stems) > MAX_WORDS_OF_PHRASE:
            long = _("“%(phrase)s” is too long: a phrase has at most %(words)s words and %(length)s characters.")
            values = {
                "phrase": phrase.text,
                "words": format_number(MAX_WORDS_OF_PHRASE),
                "length": format_number(MAX_PHRASE_LENGTH),
            }
            raise ValidationError({name: long % values})
        if says_nothing(phrase, language):
            raise ValidationError(
                {
                    name: _("“%(phrase)s” is in nearly every text; search does not look for it.")
                    % {"phrase": phrase.text}
                }
            )
        if phrase.key in known:
            raise ValidationError({name: _same(known[phrase.key], phrase)})
        known[phrase.key] = phrase
    return phrases


def _same(first: Phrase, second: Phrase) -> Any:
    if first.text == second.text:
        return _("“%(phrase)s” is there twice.") % {"phrase": first.text}
    message = pgettext_lazy("synonyms", "“%(first)s” and “%(second)s” are one and the same word for search.")
    return message % {"first": first.text, "second": second.text}
