"""An export of a Zendesk Help Center as a source: the JSON of its API, in pages, one file per kind, or lines of JSON.

Categories, sections, user segments and attachments are few and kept in memory. Texts are put aside in a temporary file, in any order, and
read from there in that of the help center: category, section, promoted articles, position.
"""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from faq.importing.errors import DAMAGED, FileProblemError, SourceError
from faq.importing.json_stream import objects
from faq.importing.languages import language_of_tag
from faq.importing.report import Outcome, Problem
from faq.importing.rows import MAX_TEXT_BYTES, SourceRow
from faq.models import ArticlePage, TranslationDebt
from portal.core import audience
from portal.core.text import normalise_input, row_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from faq.importing.files import FileFinder, Streams
    from faq.importing.report import ImportReport

    Row = dict[str, Any]

JSON: Final = (".json", ".ndjson", ".jsonl")
_HEAD_BYTES: Final = 128 * 1024
#: Files looked at to recognise an export.
_LOOKED_AT: Final = 50
_ARTICLE: Final = re.compile(rb'"(?:section_id|user_segment_id|permission_group_id|label_names)"\s*:')
_TRANSLATION: Final = re.compile(rb'"source_type"\s*:\s*"(?:article|section|category)"', re.IGNORECASE)
_ADDRESS: Final = re.compile(
    r"(?P<attribute>\b(?:href|src|data-src|data-original)\s*=\s*)(?P<quote>[\"'])(?P<host>https?://[^/\"']+)?"
    r"(?P<path>/hc/[^\"']*)(?P=quote)",
    re.IGNORECASE,
)
_ARTICLE_PATH: Final = re.compile(
    r"/hc/(?:[a-z]{2,3}(?:-[a-z0-9]+)?/)?articles/(\d{1,18})(?!\d)[^#?]*(?:\?[^#]*)?(#.*)?\Z", re.IGNORECASE
)
_ATTACHMENT_PATH: Final = re.compile(
    r"/hc/(?:[a-z]{2,3}(?:-[a-z0-9]+)?/)?article_attachments/(\d{1,18})(?!\d)(?:/([^?#]*))?", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"(?<!\d)\d{5,18}(?!\d)")
_PICTURES: Final = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
#: What people write below articles and elsewhere: it has bodies, too, and is no article.
_OTHER_KINDS: Final = ("comment", "vote", "post", "ticket", "user", "subscription")
#: From where an article is not for everybody to where it is for staff only.
_ACCESS: Final = {"everybody": audience.PUBLIC, "signed_in_users": audience.SIGNED_IN}


def is_zendesk(files: Streams, names: Collection[str]) -> bool:
    """Return whether there is an export of a help center among these files: JSON that speaks of its articles."""
    found = [name for name in names if name.lower().endswith(JSON)]
    found.sort(key=lambda name: ("article" not in name.lower(), "translation" not in name.lower(), name))
    for name in found[:_LOOKED_AT]:
        with suppress(FileProblemError, OSError, KeyError, *DAMAGED), files.open(name) as stream:
            head = stream.read(_HEAD_BYTES)
            if (_ARTICLE.search(head) and b'"title"' in head) or _TRANSLATION.search(head):
                return True
    return False


@dataclass(slots=True)
class _Group:
    """A category or section: its names by locale, where it belongs, its place among others."""

    names: dict[str, str] = field(default_factory=dict)
    above: int = 0
    parent: int = 0
    position: int = 0
    source_locale: str = ""
    access: str = ""


@dataclass(slots=True)
class _Article:
    """What all texts of an article have in common."""

    section: int = 0
    position: int = 0
    is_promoted: bool = False
    source_locale: str = ""
    labels: list[str] = field(default_factory=list)
    #: Who may read it, as each of its records says.
    segments: set[tuple[int, ...]] = field(default_factory=set)
    #: Whether a record was read to its end. Of a text without one nobody knows for whom it is.
    is_described: bool = False
    outdated: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    attachments: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Text:
    """Where a text is put aside, and where it was found."""

    article: int
    locale: str
    offset: int
    length: int


class ZendeskSource:
    """Articles of a help center, in its order; every text of an article is a row."""

    def __init__(self, root: Streams, finder: FileFinder, *, name: str, names: list[str]) -> None:
        self.name = name
        self.notes: list[str] = []
        self.files = finder
        self._root = root
        self._categories: dict[int, _Group] = {}
        self._sections: dict[int, _Group] = {}
        self._segments: dict[int, Row] = {}
        self._articles: dict[int, _Article] = {}
        self._attachments: dict[int, tuple[str, bool]] = {}
        self._texts: dict[tuple[int, str], _Text] = {}
        self._damaged: list[SourceRow] = []
        self._hosts: set[str] = set()
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source
        self._paths = _by_number(name for name in names if not name.lower().endswith(JSON))
        for each in names:
            if each.lower().endswith(JSON):
                self._read(each)
        if not self._texts and not self._damaged:
            raise SourceError(_("There is no article in it."))
        self.labels = self._labels()
        self._say_what_is_left_out()

    # Reading once ----------------------------------------------------------------------------------------------------

    def _read(self, name: str) -> None:
        try:
            with self._root.open(name) as stream:
                for number, (kind, found) in enumerate(objects(stream), start=1):
                    try:
                        self._note(kind or PurePosixPath(name).stem, found)
                    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                        self._damaged.append(
                            SourceRow(name, number, problem=Problem(_("The record is damaged."), line=number))
                        )
        except FileProblemError as error:
            self._damaged.append(SourceRow(name, 1, problem=Problem(str(error), line=1)))
        except (OSError, *DAMAGED):
            self._damaged.append(SourceRow(name, 1, problem=Problem(_("The file is damaged."), line=1)))

    def _note(self, kind: str, found: Row | None) -> None:
        """Keep an object of the export. Raises errors of all sorts for one that is damaged."""
        if found is None:
            raise ValueError(kind)
        kind = kind.lower()
        if any(other in kind for other in _OTHER_KINDS) and "segment" not in kind:
            return
        if "source_type" in found and "source_id" in found:
            if "title" in found and "author_id" not in found:  # comments have neither title nor translator
                self._note_translation(found)
        elif ("body" in found and "title" in found) or "section_id" in found or "label_names" in found:
            self._note_article(found)
        elif "content_url" in found or "attachment" in kind:
            self._note_attachment(found)
        elif "category_id" in found or "section" in kind:
            self._note_group(self._sections, found)
        elif "user_type" in found or "segment" in kind:
            self._segments[int(found["id"])] = found
        elif "categor" in kind or "/categories/" in str(found.get("url")):
            self._note_group(self._categories, found)

    def _note_group(self, groups: dict[int, _Group], found: Row) -> None:
        group = groups.setdefault(int(found["id"]), _Group())
        group.above = int(found.get("category_id") or 0) or group.above
        group.parent = int(found.get("parent_section_id") or 0) or group.parent
        group.position = int(found.get("position") or 0)
        group.source_locale = str(found.get("source_locale") or found.get("locale") or group.source_locale)
        if found.get("name"):
            group.names[str(found.get("locale") or group.source_locale)] = str(found["name"])
        policy = found.get("access_policy")
        if isinstance(policy, dict):
            is_narrow = any(value for key, value in policy.items() if key.startswith(("restricted_to", "required")))
            group.access = audience.STAFF if is_narrow else _ACCESS.get(str(policy.get("viewable_by")), audience.STAFF)
        for each in found.get("translations") or ():
            group.names[str(each["locale"])] = str(each["title"])

    def _note_article(self, found: Row) -> None:
        number = int(found["id"])
        article = self._articles.setdefault(number, _Article())
        if "user_segment_id" in found or "user_segment_ids" in found:
            # Before everything that may fail: who may read it must not be lost.
            segments = found.get("user_segment_ids") or [found.get("user_segment_id")]
            article.segments.add(tuple(sorted(int(each) for each in segments if each is not None)))
        article.section = int(found.get("section_id") or 0) or article.section
        article.position = int(found.get("position") or 0)
        article.is_promoted = bool(found.get("promoted"))
        article.source_locale = str(found.get("source_locale") or found.get("locale") or article.source_locale)
        article.labels = [str(label) for label in found.get("label_names") or article.labels]
        article.outdated |= {str(each) for each in found.get("outdated_locales") or ()}
        if found.get("title") is not None or found.get("body") is not None:
            self._put_aside(number, found, is_better=False)
        for each in found.get("translations") or ():
            self._note_translation({"source_id": number, "source_type": "Article", **each})
        for each in found.get("attachments") or ():
            self._note_attachment({"article_id": number, **each})
        article.is_described = True

    def _note_translation(self, found: Row) -> None:
        kind, number, locale = str(found["source_type"]).lower(), int(found["source_id"]), str(found["locale"])
        if kind == "article":
            if found.get("outdated"):
                self._articles.setdefault(number, _Article()).outdated.add(locale)
            self._put_aside(number, found, is_better=True)
        elif kind in {"section", "category"}:
            groups = self._sections if kind == "section" else self._categories
            groups.setdefault(number, _Group()).names[locale] = str(found["title"])

    def _put_aside(self, number: int, found: Row, *, is_better: bool) -> None:
        """Write a text to the temporary file. What a translation says is newer than what a list of articles says."""
        locale = str(found["locale"])
        key = (number, locale)
        body, title = found.get("body"), found.get("title")
        if not isinstance(body, str | None) or not isinstance(title, str | None):
            raise TypeError(key)
        article = self._articles.setdefault(number, _Article())
        if found.get("outdated") and locale != article.source_locale:
            article.outdated.add(locale)
        address = urlsplit(str(found.get("html_url") or ""))
        if address.path.startswith("/hc/"):
            self._hosts.add(address.netloc.lower())
        if key in self._texts and not is_better:
            return
        kept = {name: found.get(name) for name in ("title", "body", "draft", "updated_at", "edited_at", "html_url")}
        content = json.dumps(kept).encode()
        self._spool.seek(0, 2)
        self._texts[key] = _Text(number, locale, self._spool.tell(), len(content))
        self._spool.write(content)

    def _note_attachment(self, found: Row) -> None:
        number = int(found["id"])
        name = str(found.get("file_name") or found.get("display_file_name") or "")
        self._attachments[number] = (name, bool(found.get("inline")))
        if found.get("article_id") and not found.get("inline"):
            self._articles.setdefault(int(found["article_id"]), _Article()).attachments.append(number)

    # Names and places ------------------------------------------------------------------------------------------------

    def _way(self, article: _Article) -> tuple[str, ...]:
        """Return the way to the topic of an article: category and section; a section in a section counts as that one."""
        section = self._sections.get(article.section)
        for _level in range(10):
            if section is None or not section.parent:
                break
            section = self._sections.get(section.parent)
        if section is None:
            return ()
        return self._way_of(section)

    def _way_of(self, section: _Group) -> tuple[str, ...]:
        category = self._categories.get(section.above, _Group())
        return tuple(name for name in (_own_name(category), _own_name(section)) if name)

    def _labels(self) -> dict[tuple[str, tuple[str, ...]], str]:
        """Return the names of topics by language and way."""
        found: dict[tuple[str, tuple[str, ...]], str] = {}
        for category in self._categories.values():
            for locale, name in category.names.items():
                found[language_of_tag(locale), (_own_name(category),)] = name
        for section in self._sections.values():
            for locale, name in section.names.items():
                found[language_of_tag(locale), self._way_of(section)] = name
        return found

    def _order(self, text: _Text) -> tuple[Any, ...]:
        article = self._articles[text.article]
        section = self._sections.get(article.section, _Group())
        category = self._categories.get(section.above, _Group())
        return (
            category.position, section.above, section.position, article.section, not article.is_promoted, article.position,
            text.article, text.locale != article.source_locale, text.locale,
        )  # fmt: skip

    def _say_what_is_left_out(self) -> None:
        for section in self._sections.values():
            if section.parent:
                message = _("“%(name)s” is a section in a section; its articles are in the upper one.")
                self.notes.append(message % {"name": _own_name(section)})
        self.notes.append(_("Authors, votes and comments are not taken over."))

    # Rows ------------------------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[SourceRow]:
        """Yield the texts in the order of the help center, then what could not be read."""
        seen: set[tuple[int, str]] = set()
        for text in sorted(self._texts.values(), key=self._order):
            language = (text.article, language_of_tag(text.locale))
            if language in seen:
                reason = _("The article was there in another variety of this language already.")
                yield SourceRow(_place(text), 1, skipped=Problem(reason))
                continue
            seen.add(language)
            yield self._row(text)
        yield from self._damaged

    def _row(self, text: _Text) -> SourceRow:
        self._spool.seek(text.offset)
        found = json.loads(self._spool.read(text.length))
        article = self._articles[text.article]
        notes: list[Problem] = []
        body = normalise_input(found["body"] or "")
        if len(body.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
            return SourceRow(_place(text), 1, problem=Problem(_("The text is too long.")))
        fields: Row = {
            "id": f"zendesk-{text.article}",
            "language": text.locale,
            "title": found["title"] or "",
            "keywords": article.labels,
            "featured": "true" if article.is_promoted else "false",
            "audience": self._audience(article, notes),
            "draft": "true" if found["draft"] or not article.is_described else "false",
            "updated": found["edited_at"] or found["updated_at"] or "",
        }
        for number in article.attachments:
            message = _("The attached file “%(name)s” is left out.")
            notes.append(Problem(message % {"name": self._attachments[number][0] or number}, field="body"))
        return SourceRow(
            place=_place(text),
            line=1,
            fields={name: value for name, value in fields.items() if value not in ("", [])},
            body=_ADDRESS.sub(self._link(notes), body),
            form="html",
            place_id=fields["id"],
            place_language=text.locale,
            sections=self._way(article),
            notes=tuple(notes),
        )

    def _link(self, notes: list[Problem]) -> Callable[[re.Match[str]], str]:
        """Return what replaces addresses in the help center by articles and files of the export."""

        def replaced(match: re.Match[str]) -> str:
            host = (match["host"] or "").partition("://")[2].lower()
            if host and host not in self._hosts:
                return match[0]
            if found := _ARTICLE_PATH.match(match["path"]):
                if int(found[1]) not in self._articles:
                    return match[0]
                return f'{match["attribute"]}"article:zendesk-{found[1]}{found[2] or ""}"'
            if found := _ATTACHMENT_PATH.match(match["path"]):
                number, written = int(found[1]), found[2] or ""
                name = self._attachments.get(number, ("", False))[0] or written.rpartition("/")[2]
                path = self._paths.get(number) or name
                if not match["attribute"].lower().startswith("href") or PurePosixPath(name).suffix.lower() in _PICTURES:
                    return f'{match["attribute"]}"/{path or number}"'
                message = _("A link leads to the file “%(name)s” in the help center; the file is not taken over.")
                notes.append(Problem(message % {"name": name or number}, field="body"))
            return match[0]

        return replaced

    def _audience(self, article: _Article, notes: list[Problem]) -> str:
        """Return who may read an article. Of a segment that nobody knows only that it is not for everybody."""
        section = self._sections.get(article.section, _Group())
        access = section.access or audience.PUBLIC
        if not article.is_described or len(article.segments) > 1:
            message = _("The export does not say clearly who may read it; only staff may see it.")
            notes.append(Problem(message, field="audience"))
            return audience.STAFF
        for number in next(iter(article.segments), ()):
            segment = self._segments.get(number)
            narrow = ("tags", "or_tags", "organization_ids", "group_ids", "added_user_ids")
            if (
                segment is not None
                and segment.get("user_type") == "signed_in_users"
                and not any(map(segment.get, narrow))
            ):
                if access == audience.PUBLIC:
                    access = audience.SIGNED_IN
                continue
            access = audience.STAFF
            if segment is None or segment.get("user_type") != "staff":
                name = str((segment or {}).get("name") or number)
                message = _(
                    "It is for the user segment “%(name)s”, which this portal does not know; only staff may see it."
                )
                notes.append(Problem(message % {"name": name}, field="audience"))
        return access

    # Afterwards ------------------------------------------------------------------------------------------------------

    def finish(self, report: ImportReport) -> None:
        """Mark the translations that are out of date there, as far as this import wrote them."""
        outdated: dict[int, tuple[str, str]] = {}
        for row in report.rows:
            number = row_number(row.external_id.removeprefix("zendesk-"))
            if row.outcome in {Outcome.CREATED, Outcome.CHANGED} and row.page_id and number is not None:
                article = self._articles.get(number)
                if article is not None and row.language in {language_of_tag(locale) for locale in article.outdated}:
                    outdated[row.page_id] = (row.external_id, language_of_tag(article.source_locale))
        for page_id, (external_id, language) in outdated.items():
            source = ArticlePage.objects.filter(external_id=external_id, locale__language_code=language).exclude(
                pk=page_id
            )
            found = source.values_list("pk", "last_published_at", "latest_revision_created_at").first()
            if found is not None:
                TranslationDebt.objects.get_or_create(
                    article_id=page_id, defaults={"source_id": found[0], "since": found[1] or found[2]}
                )


def _own_name(group: _Group) -> str:
    """Return the name of a category or section in its own language, else in any."""
    return group.names.get(group.source_locale) or next(iter(group.names.values()), "")


def _place(text: _Text) -> str:
    return f"articles/{text.article}.{text.locale}"


def _by_number(names: Iterator[str]) -> dict[int, str]:
    """Return the files of an export by the number of the attachment that stands in their path."""
    found: dict[int, str] = {}
    for name in names:
        for number in reversed(_NUMBER.findall(name)):
            found.setdefault(int(number), name)
    return found
