"""Validation of a row's front matter: reports all problems at once, each with its field and the allowed values."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from persiantools.jdatetime import JalaliDate
from wagtail.models import Locale

from faq.importing.report import Problem
from faq.importing.sources import KNOWN_FIELDS
from faq.models import SHORT_ANSWER_LENGTH, ArticlePage, TopicPage
from portal.catalog.models import Platform, Product
from portal.core import audience
from portal.core.text import normalise_input, slugify_unicode, to_latin_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faq.importing.sources import SourceRow

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,119}\Z")
_SLUG: Final = re.compile(r"[\w-]+\Z")
_DATE: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?\Z")
_LIST_SEPARATORS: Final = re.compile(r"[,،;؛|\n]")
_YES: Final = {"true", "yes", "1", "y", "بله", "بلی"}
_NO: Final = {"false", "no", "0", "n", "", "نه", "خیر"}
#: Years below this belong to the Jalali calendar.
_FIRST_GREGORIAN_YEAR: Final = 1700

#: Maximum length per field, as in the model.
_LENGTHS: Final = {
    "title": 255,
    "slug": 255,
    "short_answer": SHORT_ANSWER_LENGTH,
    "spoken_answer": 600,
    "reviewed_by": 80,
    "keywords": 300,
}


@dataclass(slots=True)
class ArticleFields:
    """The fields of a row, without its body. `updated` is None when the row has no date."""

    external_id: str
    language: str
    topic: str
    title: str
    slug: str
    short_answer: str
    kind: str = ArticlePage.Kind.FAQ
    spoken_answer: str = ""
    products: list[str] = field(default_factory=list)
    platforms: list[str] = field(default_factory=list)
    audience: str = audience.PUBLIC
    reviewed_by: str = ""
    related: list[str] = field(default_factory=list)
    is_featured: bool = False
    updated: datetime.date | None = None
    keywords: str = ""


@dataclass(slots=True)
class Vocabulary:
    """Existing products, and topic pages by (topic, language); looked up once per import."""

    products: dict[str, int]
    topic_pages: dict[tuple[str, str], int]
    languages: list[str]

    @classmethod
    def load(cls) -> Vocabulary:
        pages = TopicPage.objects.order_by("depth", "path").values_list("topic__code", "locale__language_code", "pk")
        topics: dict[tuple[str, str], int] = {}
        for code, language, pk in pages:
            topics.setdefault((code, language), pk)
        known = {code for code, _name in settings.LANGUAGES}
        return cls(
            products=dict(Product.objects.values_list("code", "pk")),
            topic_pages=topics,
            languages=sorted(known & set(Locale.objects.values_list("language_code", flat=True))),
        )


class FieldReader:
    """Reads fields one by one and collects their problems."""

    def __init__(self, row: SourceRow) -> None:
        self._row = row
        self.problems: list[Problem] = []

    def complain(self, field_name: str, message: str) -> None:
        self.problems.append(Problem(message, field=field_name, line=self._row.line))

    def text(self, name: str, *, default: str = "", required: bool = False) -> str:
        value = self._row.fields.get(name)
        if isinstance(value, (dict, list)):
            self.complain(name, _("One text is expected, not a list."))
            return default
        text = " ".join(normalise_input("" if value is None else str(value)).split()) or default
        if required and not text:
            self.complain(name, _("It is required."))
        limit = _LENGTHS.get(name)
        if limit and len(text) > limit:
            self.too_long(name, len(text), limit)
            return text[:limit]
        return text

    def too_long(self, name: str, length: int, limit: int) -> None:
        message = _("It has %(length)d characters; at most %(limit)d are allowed.")
        self.complain(name, message % {"length": length, "limit": limit})

    def choice(self, name: str, allowed: list[str], *, default: str = "") -> str:
        value = self.text(name, default=default).lower()
        if value not in allowed:
            self._not_allowed(name, value, allowed)
        return value

    def many(self, name: str, allowed: list[str] | None = None) -> list[str]:
        value = self._row.fields.get(name)
        if value is None or isinstance(value, dict):
            if value:
                self.complain(name, _("A list is expected."))
            return []
        parts = value if isinstance(value, list) else _LIST_SEPARATORS.split(str(value).strip("[]"))
        found = list(dict.fromkeys(" ".join(normalise_input(str(part)).split()) for part in parts))
        found = [part for part in found if part]
        if allowed is not None:
            for part in found:
                if part not in allowed:
                    self._not_allowed(name, part, allowed)
        return found

    def yes_or_no(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in _YES | _NO:
            self._not_allowed(name, value, ["true", "false"])
        return value in _YES

    def date(self, name: str) -> datetime.date | None:
        """Return a Gregorian or Jalali date written in any digits; None when it is missing or invalid."""
        text = to_latin_digits(self.text(name))
        if not text:
            return None
        date = _parse_date(text)
        if date is None:
            self.complain(name, _("“%(value)s” is not a date; write 2026-11-22 or 1405-09-01.") % {"value": text[:40]})
        return date

    def _not_allowed(self, name: str, value: str, allowed: list[str]) -> None:
        message = _("“%(value)s” is not known. Allowed: %(allowed)s.")
        self.complain(name, message % {"value": value[:60], "allowed": ", ".join(allowed) or "—"})


def _parse_date(text: str) -> datetime.date | None:
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    try:
        if year < _FIRST_GREGORIAN_YEAR:
            return JalaliDate(year, month, day).to_gregorian()
        return datetime.date(year, month, day)
    except (ValueError, OverflowError):
        return None


def read_fields(
    row: SourceRow, vocabulary: Vocabulary, *, default_language: str = "", default_topic: str = ""
) -> tuple[ArticleFields | None, list[Problem], list[Problem]]:
    """Return the fields of a row, the problems that make it unusable, and notes for the report.

    The fields are None if there are any problems.
    """
    reader = FieldReader(row)
    external_id = reader.text("id", required=True)
    if external_id and not _ID.match(external_id):
        reader.complain("id", _("Use at most 120 letters a–z, digits, dots, colons, hyphens and underscores."))
    language = reader.choice("language", vocabulary.languages, default=default_language)
    topics = sorted({code for code, page_language in vocabulary.topic_pages if page_language == language})
    topic = reader.choice("topic", topics, default=default_topic) if language in vocabulary.languages else ""
    title = reader.text("title", required=True)
    slug = reader.text("slug", default=slugify_unicode(title) or slugify_unicode(external_id))
    if slug and not _SLUG.match(slug):
        reader.complain("slug", _("Only letters, digits and hyphens are allowed; no half-space."))
    found = ArticleFields(
        external_id=external_id,
        language=language,
        topic=topic,
        title=title,
        slug=slug,
        short_answer=reader.text("short_answer", required=True),
        kind=reader.choice("kind", list(ArticlePage.Kind.values), default=ArticlePage.Kind.FAQ),
        spoken_answer=reader.text("spoken_answer"),
        products=reader.many("products", sorted(vocabulary.products)),
        platforms=reader.many("platforms", list(Platform.values)),
        audience=_audience(reader),
        reviewed_by=reader.text("reviewed_by"),
        related=reader.many("related"),
        is_featured=reader.yes_or_no("featured"),
        updated=reader.date("updated"),
        keywords=_keywords(reader),
    )
    if found.updated and found.updated > timezone.localdate() + datetime.timedelta(days=1):
        reader.complain("updated", _("The date lies in the future."))
    notes = [
        Problem(_("This field is not known and was ignored."), field=name, line=row.line)
        for name in _unknown(row.fields)
    ]
    return (None if reader.problems else found), reader.problems, notes


def _audience(reader: FieldReader) -> str:
    value = reader.text("audience", default=audience.PUBLIC)
    choices = [str(code) for code, _label in audience.CHOICES]
    keys = [key.strip() for clause in value.split("&") for key in clause.split("|")]
    if all(key in choices or key.startswith("segment:") for key in keys):
        try:
            return str(audience.Audience.parse(value))
        except audience.InvalidAudienceError:
            pass
    message = _("“%(value)s” is not known. Allowed: %(allowed)s.")
    reader.complain("audience", message % {"value": value[:60], "allowed": ", ".join([*choices, "segment:…"])})
    return audience.STAFF


def _keywords(reader: FieldReader) -> str:
    text = ", ".join(reader.many("keywords"))
    if len(text) > _LENGTHS["keywords"]:
        reader.too_long("keywords", len(text), _LENGTHS["keywords"])
    return text


def _unknown(fields: Mapping[str, Any]) -> list[str]:
    return [name for name in fields if name not in KNOWN_FIELDS][:10]
