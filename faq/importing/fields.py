"""Fields of an article from what a row says and where it lies. Nothing that can be inferred is demanded, and what
cannot be used is left out with a note; only a text without a language of the portal, or without any words, is no article.
"""

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

from faq.importing.inferring import plain, shortened, split_title
from faq.importing.languages import fits, language_of_prose, portal_language
from faq.importing.report import Problem
from faq.importing.rows import KNOWN_FIELDS
from faq.models import SHORT_ANSWER_LENGTH, ArticlePage
from portal.catalog.models import Platform, Product
from portal.core import audience
from portal.core.text import normalise_input, slugify_unicode, to_latin_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faq.importing.rows import SourceRow

_ID: Final = re.compile(r"\w[\w.:-]{0,119}\Z")
_NOT_IN_ID: Final = re.compile(r"[^\w.:-]+")
_DATE: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?\Z")
_WORDY_DATE: Final = re.compile(
    r"(?:\w+,? )?(?:(\d{1,2})(?:st|nd|rd|th)? ([^\W\d]+)|([^\W\d]+) (\d{1,2})(?:st|nd|rd|th)?),? (\d{4})(?: .*)?\Z"
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PERSIAN_MONTHS: Final = (
    "فرورد",
    "اردیبهشت",
    "خرداد",
    "تیر",
    "مرداد",
    "شهریور",
    "مهر",
    "آبان",
    "آذر",
    "دی",
    "بهمن",
    "اسفند",
)
_LIST_SEPARATORS: Final = re.compile(r"[,،;؛|\n]")
_YES: Final = {"true", "yes", "1", "y", "on", "بله", "بلی", "آری"}
_NO: Final = {"false", "no", "0", "n", "", "off", "نه", "خیر"}
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
#: What heads say to the program that shows the page: it is lost without a loss.
_FOR_PROGRAMS: Final = {
    "layout", "toc", "hide", "template", "order", "menu", "type", "icon", "image", "images", "hide_title", "hide_table_of_contents",
    "comments", "sidebar", "sidebar_class_name", "pagination_next", "pagination_prev", "outline", "author", "authors", "lastmod", "created",
    "date", "label", "permalink", "aliases", "draft", "category", "others_", "cssclasses", "cssclass", "publish", "params", "build", "_build",
    "head", "status", "search", "hero", "features", "editlink", "lastupdated", "redirect_to", "has_children", "nav_exclude", "grand_parent",
    "custom_edit_url", "displayed_sidebar", "mobile", "cover", "publishdate", "expirydate", "tags_", "viewport", "locale", "version",
    "action", "body", "next", "prev", "previous", "name", "id", "user", "social", "robots", "subtitle_",
}  # fmt: skip


@dataclass(slots=True)
class ArticleFields:
    """The fields of a row, without its body. `updated` is None when the row has no date; `short_answer` is empty when
    it is to be taken from the body. `topic` is the way to its topic, from the outermost.
    """

    external_id: str
    language: str
    topic: tuple[str, ...]
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
    is_draft: bool = False
    #: The row itself names it; else it was inferred.
    has_own_id: bool = False
    has_own_slug: bool = False
    has_own_topic: bool = False
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Vocabulary:
    """Existing products and languages; looked up once per import."""

    products: dict[str, int]
    languages: list[str]

    @classmethod
    def load(cls) -> Vocabulary:
        return cls(products=dict(Product.objects.values_list("code", "pk")), languages=portal_languages())


def portal_languages() -> list[str]:
    """Return the languages in which the portal has pages."""
    known = {code for code, _name in settings.LANGUAGES}
    return sorted(known & set(Locale.objects.values_list("language_code", flat=True)))


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the person importing says about all rows. `languages` maps languages of the source to those of the portal,
    `topics` sections and categories to topics.
    """

    language: str = ""
    topic: str = ""
    languages: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    audience: str = audience.PUBLIC


@dataclass(slots=True)
class Reading:
    """A row as it was understood. Without `fields` it is no article, for the reason in `refusal`."""

    fields: ArticleFields | None
    body: str = ""
    notes: list[Problem] = field(default_factory=list)
    refusal: Problem | None = None
    language: str = ""


class FieldReader:
    """Reads fields one by one; what is wrong with them becomes a note."""

    def __init__(self, row: SourceRow) -> None:
        self._row = row
        self.notes: list[Problem] = []

    def note(self, field_name: str, message: str) -> None:
        self.notes.append(Problem(message, field=field_name, line=self._row.line))

    def text(self, name: str, *, default: str = "") -> str:
        value = self._row.fields.get(name)
        if isinstance(value, dict):
            self.note(name, _("One text is expected; it is left out."))
            return default
        if isinstance(value, list):
            value = ", ".join(str(part) for part in value if not isinstance(part, (dict, list)))
        text = " ".join(normalise_input("" if value is None else str(value)).split()) or default
        limit = _LENGTHS.get(name)
        if limit and len(text) > limit and name != "short_answer":
            self.cut(name, len(text), limit)
            return f"{text[: limit - 1].rstrip()}…"
        return text

    def cut(self, name: str, length: int, limit: int) -> None:
        message = _("It has %(length)d characters; at most %(limit)d are allowed, so it is cut.")
        self.note(name, message % {"length": length, "limit": limit})

    def choice(self, name: str, allowed: list[str], *, default: str = "") -> str:
        value = self.text(name, default=default).lower()
        if value not in allowed:
            self._not_allowed(name, value, allowed)
            return default
        return value

    def many(self, name: str, allowed: list[str] | None = None) -> list[str]:
        value = self._row.fields.get(name)
        if value is None or isinstance(value, dict):
            if value:
                self.note(name, _("A list is expected; it is left out."))
            return []
        parts = value if isinstance(value, list) else _LIST_SEPARATORS.split(str(value).strip("[]"))
        found = list(dict.fromkeys(" ".join(normalise_input(str(part)).split()) for part in parts))
        found = [part for part in found if part]
        if allowed is not None:
            for part in found:
                if part not in allowed:
                    self._not_allowed(name, part, allowed)
            found = [part for part in found if part in allowed]
        return found

    def yes_or_no(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in _YES | _NO:
            self._not_allowed(name, value, ["true", "false"])
        return value in _YES

    def date(self, name: str) -> datetime.date | None:
        """Return a Gregorian or Jalali date written in any digits; None when it is missing or invalid."""
        value = self._row.fields.get(name)
        if isinstance(value, dict):  # Docusaurus: “last_update: {date: …, author: …}”
            value = value.get("date")
        text = to_latin_digits(" ".join(normalise_input(str(value or "")).split()))
        if not text:
            return None
        date = parse_date(text)
        if date is None:
            message = _("“%(value)s” is not a date; write 2026-11-22 or 1405-09-01. It is left out.")
            self.note(name, message % {"value": text[:40]})
        elif date > timezone.localdate() + datetime.timedelta(days=1):
            self.note(name, _("The date lies in the future; it is left out."))
            return None
        return date

    def _not_allowed(self, name: str, value: str, allowed: list[str]) -> None:
        message = _("“%(value)s” is not known and is left out. Allowed: %(allowed)s.")
        self.note(name, message % {"value": value[:60], "allowed": ", ".join(allowed) or "—"})


def parse_date(text: str) -> datetime.date | None:
    """Return the date that a text with Latin digits names, in numbers or words; None if it names none."""
    match = _DATE.match(text)
    if match:
        year, month, day = (int(part) for part in match.groups())
    elif words := _WORDY_DATE.match(text):
        day, year = int(words[1] or words[4]), int(words[5])
        month = _month((words[2] or words[3]).lower())
    else:
        return None
    try:
        if year < _FIRST_GREGORIAN_YEAR:
            return JalaliDate(year, month, day).to_gregorian()
        return datetime.date(year, month, day)
    except (ValueError, OverflowError):
        return None


def _month(name: str) -> int:
    """Return the number of a month from its name, English or Persian; 0 if it is none."""
    for names in (_MONTHS, _PERSIAN_MONTHS):
        for number, beginning in enumerate(names, start=1):
            if name.startswith(beginning):
                return number
    return 0


def read_fields(row: SourceRow, vocabulary: Vocabulary, defaults: Defaults) -> Reading:
    """Return what a row says, with notes for the report about everything that was left out or changed."""
    reader = FieldReader(row)
    reader.notes += row.notes
    label = reader.text("label")
    title, body = split_title(row.body, form=row.form, given=plain(reader.text("title")), name=label or row.place_title)
    if "`" in (heading := _removed(row.body, body)) or "<code" in heading:
        reader.note("title", _("Titles are plain text; the code in this one is kept as words."))
    title = " ".join(title.split())
    if len(title) > _LENGTHS["title"]:
        reader.cut("title", len(title), _LENGTHS["title"])
        title = f"{title[: _LENGTHS['title'] - 2].rstrip()}…"
    language, refusal = _language(reader, row, f"{title}\n{row.body}", vocabulary, defaults)
    if refusal is None and not body.strip() and not reader.text("short_answer") and not row.is_index:
        refusal = Problem(_("There is no text in it."), field="body", line=row.line)
    if refusal is not None:
        return Reading(None, body, reader.notes, refusal, language)
    external_id, has_own_id = _id(reader, row)
    if not title and not has_own_id:  # the id was made of nothing that says anything
        problem = Problem(_("There is no question or title in it."), field="title", line=row.line)
        return Reading(None, body, reader.notes, problem, language)
    if not title:
        title = readable_id(external_id)
    slug = slugify_unicode(reader.text("slug").rstrip("/").rpartition("/")[2])
    topic, has_own_topic = _topic(reader, row, defaults)
    found = ArticleFields(
        external_id=external_id,
        language=language,
        topic=topic,
        title=title,
        slug=slug or slugify_unicode(title) or slugify_unicode(external_id),
        short_answer=_short_answer(reader, language),
        kind=reader.choice("kind", list(ArticlePage.Kind.values), default=ArticlePage.Kind.FAQ),
        spoken_answer=reader.text("spoken_answer"),
        products=reader.many("products", sorted(vocabulary.products)),
        platforms=reader.many("platforms", list(Platform.values)),
        audience=_audience(reader, defaults.audience),
        reviewed_by=reader.text("reviewed_by"),
        related=reader.many("related"),
        is_featured=reader.yes_or_no("featured"),
        updated=reader.date("updated"),
        keywords=_keywords(reader),
        is_draft=reader.text("draft").lower() in _YES,
        has_own_id=has_own_id,
        has_own_slug=bool(slug),
        has_own_topic=has_own_topic,
        addresses=tuple(filter(None, [reader.text("slug"), reader.text("permalink"), *reader.many("aliases")])),
    )
    _note_unused(reader, row)
    return Reading(found, body, reader.notes, None, language)


def _removed(before: str, after: str) -> str:
    """Return the line that is in a text and not in what was left of it; empty where nothing was taken away."""
    if before == after:
        return ""
    same = (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    return before[next(same, len(after)) :].partition("\n")[0]


def readable_id(external_id: str) -> str:
    """Return a title for an article that has nothing better."""
    return " ".join(re.sub(r"[-_.:]+", " ", external_id).split()) or external_id


def _language(
    reader: FieldReader, row: SourceRow, text: str, vocabulary: Vocabulary, defaults: Defaults
) -> tuple[str, Problem | None]:
    """Return the language of a row, and why it cannot be imported if the portal does not have it."""
    declared = reader.text("language") or row.place_language
    wanted = declared or defaults.language or language_of_prose(text) or settings.LANGUAGE_CODE
    language = portal_language(wanted, vocabulary.languages, defaults.languages)
    if not language:
        message = _("Its language (%(language)s) is not one of this portal: %(allowed)s.")
        values = {"language": wanted[:20], "allowed": ", ".join(vocabulary.languages)}
        return wanted[:10], Problem(message % values, field="language", line=row.line)
    if not fits(language, text):
        message = _("It is said to be in the language “%(language)s”, but its letters are of another one.")
        reader.note("language", message % {"language": wanted[:20]})
    return language, None


def _id(reader: FieldReader, row: SourceRow) -> tuple[str, bool]:
    """Return the id of a row, and whether the row itself has one."""
    written = reader.text("id")
    if not written:
        return row.place_id, False
    if _ID.match(written):
        return written, True
    cleaned = _NOT_IN_ID.sub("-", written).strip("-")[:120]
    if not cleaned:
        return row.place_id, False
    message = _("Use at most 120 letters, digits, dots, colons, hyphens and underscores; it becomes “%(id)s”.")
    reader.note("id", message % {"id": cleaned})
    return cleaned, True


def _topic(reader: FieldReader, row: SourceRow, defaults: Defaults) -> tuple[tuple[str, ...], bool]:
    """Return the way to the topic of a row, and whether it is named rather than taken from where the row lies."""
    own = reader.text("topic")
    if own:
        return (defaults.topics.get(own, own),), True
    category = _category(row.fields.get("category"))
    for known in ("/".join(row.sections), *row.sections[:1], *category[-1:], *category[:1]):
        if known and known in defaults.topics:
            return (defaults.topics[known],), True
    if defaults.topic:
        return (defaults.topic,), True
    if category:
        return category, True
    return row.sections, False


def _category(value: Any) -> tuple[str, ...]:
    """Return the way to a category: “A > B”, or the first of several."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("name") or value.get("title") or ""
    parts = re.split(r"\s*(?:>|›|»|::|\|)\s*", normalise_input(str(value or "")).strip())
    return tuple(" ".join(part.split())[:100] for part in parts if part.strip())[:2]


def _short_answer(reader: FieldReader, language: str) -> str:
    """Return the short answer that a row gives, cut behind a sentence if it is too long."""
    text = plain(reader.text("short_answer"))
    short = shortened(text, SHORT_ANSWER_LENGTH, language)
    if short != text:
        reader.cut("short_answer", len(text), SHORT_ANSWER_LENGTH)
    return short


def _audience(reader: FieldReader, default: str) -> str:
    value = reader.text("audience", default=default)
    choices = [str(code) for code, _label in audience.CHOICES]
    keys = [key.strip() for clause in value.split("&") for key in clause.split("|")]
    if all(key in choices or key.startswith("segment:") for key in keys):
        try:
            return str(audience.Audience.parse(value))
        except audience.InvalidAudienceError:
            pass
    message = _("“%(value)s” is not known, so only staff may see it. Allowed: %(allowed)s.")
    reader.note("audience", message % {"value": value[:60], "allowed": ", ".join([*choices, "segment:…"])})
    return audience.STAFF


def _keywords(reader: FieldReader) -> str:
    """Return the keywords, as many as fit."""
    words = reader.many("keywords")
    kept: list[str] = []
    for word in words:
        if len(", ".join([*kept, word])) <= _LENGTHS["keywords"]:
            kept.append(word)
    if len(kept) < len(words):
        reader.cut("keywords", len(", ".join(words)), _LENGTHS["keywords"])
    return ", ".join(kept)


def _note_unused(reader: FieldReader, row: SourceRow) -> None:
    """Say which fields were not used, in one line."""
    others = row.fields.get("others")
    unused = [
        name for name in row.fields if name not in KNOWN_FIELDS and name.lower() not in _FOR_PROGRAMS | {"others"}
    ]
    unused += list(others) if isinstance(others, dict) else []
    if unused:
        names = ", ".join(unused)[:200]
        reader.note(names, _("This is not known and is left out."))
