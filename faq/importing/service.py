"""Import of articles: checks everything first, then writes row by row, so that a broken row does not affect others."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from wagtail.actions.move_page import MovePageAction
from wagtail.log_actions import log
from wagtail.models import Locale, Page, PageLogEntry

from faq.importing.errors import RowError
from faq.importing.fields import ArticleFields, Vocabulary, read_fields
from faq.importing.history import LOG_ACTION
from faq.importing.markdown import Body, bidi_safe, parse_body
from faq.importing.media import MediaLibrary
from faq.importing.report import ImportReport, Outcome, Problem, RowReport
from faq.importing.sources import open_source
from faq.models import ArticlePage, RelatedArticle, TopicPage
from portal.catalog.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faq.importing.sources import Source, SourceRow
    from portal.accounts.models import User

    #: Called after each row with the number of rows done and the total (None during the check).
    Progress = Callable[[int, int | None], None]


def import_articles(
    source: Path,
    *,
    dry_run: bool = False,
    language: str = "",
    topic: str = "",
    publish: bool = True,
    user: User | None = None,
    pictures: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the articles at `source` (a folder or zip of Markdown, a Markdown file, a CSV file).

    Safe to repeat: an article is identified by its id and language, and a row that would change nothing creates no
    revision. Articles edited here since their last import are skipped unless `overwrite`. `language` and `topic` are
    the defaults for rows without them. A dry run does everything and rolls it back.

    Raises `SourceError` when the source as a whole cannot be read; problems of single rows are in the report.
    """
    opened = open_source(source, pictures=pictures)
    run = _Import(
        opened, language=language, topic=topic, publish=publish, user=user, overwrite=overwrite, progress=progress
    )
    with ExitStack() as stack:
        if dry_run:
            stack.enter_context(transaction.atomic())
            stack.callback(run.media.undo)
        report = run.execute()
        report.dry_run = dry_run
        if dry_run:
            transaction.set_rollback(True)
    return report


@dataclass(slots=True)
class _Resolver:
    """Resolves the names in a body, for one row. While checking, files are verified but not stored."""

    run: _Import
    fields: ArticleFields
    folder: str
    checking: bool

    def page_id(self, article: str) -> int | None:
        if self.checking:  # which articles exist is known only after all rows
            return 0
        return self.run.page_id(article, self.fields.language)

    def picture_id(self, name: str) -> int:
        if self.checking:
            self.run.media.verify_picture(name, near=self.folder)
            return 0
        return self.run.media.store_picture(name, near=self.folder)

    def media_id(self, kind: str, name: str, title: str) -> int:
        if self.checking:
            self.run.media.verify_media(kind, name, language=self.fields.language, near=self.folder)
            return 0
        return self.run.media.store_media(
            kind, name, title=title or self.fields.title, language=self.fields.language, near=self.folder
        )

    def product_id(self, code: str) -> int | None:
        return self.run.vocabulary.products.get(code)


class _Import:
    """One run over a source, in two passes.

    The first checks every row and creates an unpublished page for each new article, so that links between articles can
    be resolved in any order. The second writes the content. Each row has its own transaction.
    """

    def __init__(
        self,
        source: Source,
        *,
        language: str,
        topic: str,
        publish: bool,
        user: User | None,
        overwrite: bool,
        progress: Progress | None,
    ) -> None:
        self.source = source
        self.media = MediaLibrary(source.files)
        self.vocabulary = Vocabulary.load()
        self._language = language
        self._topic = topic
        self._publish = publish
        self._user = user
        self._overwrite = overwrite
        self._progress = progress or (lambda _done, _total: None)
        self._report = ImportReport()
        self._pages: dict[tuple[str, str], int] = {}
        self._new_pages: set[int] = set()
        self._looked_up: dict[tuple[str, str], int | None] = {}

    def execute(self) -> ImportReport:
        for number, row in enumerate(self.source.rows(), start=1):
            self._report.rows.append(self._check(row))
            self._progress(number, None)
        total = len(self._report.rows)
        for number, (row, report) in enumerate(zip(self.source.rows(), self._report.rows, strict=False), start=1):
            if report.page_id is not None:
                self._write(row, report)
            self._progress(number, total)
        self._report.notes = list(self.source.notes)
        return self._report

    def page_id(self, article: str, language: str) -> int | None:
        """Return the page of an article, from this import or an earlier one, or None."""
        key = (article, language)
        if key in self._pages:
            return self._pages[key]
        if key not in self._looked_up:
            found = ArticlePage.objects.filter(external_id=article, locale__language_code=language)
            self._looked_up[key] = found.order_by("pk").values_list("pk", flat=True).first()
        return self._looked_up[key]

    # First pass -----------------------------------------------------------------------------------------------------

    def _check(self, row: SourceRow) -> RowReport:
        """Check a row completely and, if it is valid, find or create its page."""
        report = RowReport(row.place, row.line)
        if row.problem is not None:
            report.problems = [row.problem]
            return report
        report.external_id = str(row.fields.get("id") or "")[:120]
        report.language = str(row.fields.get("language") or self._language)[:10]
        fields, problems, notes = self._fields(row)
        # Problems of the body are reported in the same round, even when the fields are not usable.
        plain = fields or ArticleFields(report.external_id, report.language, "", "", "", "")
        try:
            self._body(row, plain, checking=True)
        except RowError as error:
            problems += error.problems
        key = (plain.external_id, plain.language)
        if key in self._pages:
            message = _("The id “%(id)s” in this language was already used above.")
            problems.append(Problem(message % {"id": plain.external_id}, field="id", line=row.line))
        if fields is None or problems:
            report.problems = problems
            return report
        try:
            page_id, is_new = self._page_for(fields, row)
        except RowError as error:
            report.problems = error.problems
            return report
        report.page_id, report.problems = page_id, notes
        self._pages[key] = page_id
        if is_new:
            self._new_pages.add(page_id)
        return report

    def _fields(self, row: SourceRow) -> tuple[ArticleFields | None, list[Problem], list[Problem]]:
        return read_fields(row, self.vocabulary, default_language=self._language, default_topic=self._topic)

    def _body(self, row: SourceRow, fields: ArticleFields, *, checking: bool) -> Body:
        resolver = _Resolver(self, fields, row.folder, checking)
        key = f"{fields.external_id}:{fields.language}"
        body = parse_body(
            row.body, language=fields.language, key=key, resolver=resolver, first_line=max(row.body_line, 0)
        )
        if row.body_line < 0:  # in a CSV the line numbers of a cell are not those of the file
            body.notes = [Problem(note.message, note.field, row.line) for note in body.notes]
        return body

    def _page_for(self, fields: ArticleFields, row: SourceRow) -> tuple[int, bool]:
        """Return the page of the article in its language, and whether it was just created, empty and unpublished."""
        siblings = ArticlePage.objects.filter(external_id=fields.external_id).order_by("pk")
        for page in siblings.select_related("locale"):
            if page.locale.language_code == fields.language:
                return page.pk, False
        first = siblings.first()
        try:
            with transaction.atomic():
                parent = TopicPage.objects.get(pk=self.vocabulary.topic_pages[fields.topic, fields.language])
                page = ArticlePage(
                    locale=Locale.objects.get(language_code=fields.language),
                    owner=self._user,
                    external_id=fields.external_id,
                    live=False,
                    has_unpublished_changes=True,
                )
                if first is not None:
                    page.translation_key = first.translation_key
                _set_plain_fields(page, fields)
                parent.add_child(instance=page)
        except ValidationError as error:
            raise RowError(_problems_of(error, row)) from error
        except DatabaseError as error:
            raise RowError([_database_problem(row)]) from error
        return page.pk, True

    # Second pass ----------------------------------------------------------------------------------------------------

    def _write(self, row: SourceRow, report: RowReport) -> None:
        """Update the page of a checked row."""
        mark = self.media.begin_row()
        is_new = report.page_id in self._new_pages
        try:
            with transaction.atomic():
                self._update(row, report)
        except (RowError, ValidationError, DatabaseError) as error:
            self.media.undo(mark)
            report.outcome = Outcome.FAILED
            if isinstance(error, RowError):
                report.problems = error.problems
            elif isinstance(error, ValidationError):
                report.problems = _problems_of(error, row)
            else:
                report.problems = [_database_problem(row)]
            if is_new:
                with transaction.atomic():
                    Page.objects.get(pk=report.page_id).delete()
                del self._pages[report.external_id, report.language]
                report.page_id = None

    def _update(self, row: SourceRow, report: RowReport) -> None:
        fields, problems, _notes = self._fields(row)
        if fields is None:  # the source changed between the passes
            raise RowError(problems)
        page = ArticlePage.objects.select_for_update(of=("self",)).get(pk=report.page_id)
        body = self._body(row, fields, checking=False)
        related = self._related(fields, page, row, report)
        report.problems = [*report.problems, *body.notes]
        content = _fingerprint(fields, body, related)
        last = self._last_import(page)
        is_new = page.latest_revision_id is None  # just created, or left empty by an interrupted import
        was_edited = not is_new and (last is None or last.revision_id != page.latest_revision_id)
        if last is not None and last.data.get("content") == content and (page.live or not self._waits(last)):
            report.outcome = Outcome.UNCHANGED
            return
        if page.locked or (was_edited and not self._overwrite):
            message = _("It is locked here.") if page.locked else _("It was edited here since its last import.")
            report.problems.append(Problem(message, line=row.line))
            report.outcome = Outcome.SKIPPED
            return
        self._move(page, fields)
        _set_plain_fields(page, fields)
        page.body = json.dumps(body.blocks)
        page.products = list(Product.objects.filter(code__in=fields.products))
        page.related_articles = [RelatedArticle(article_id=pk, sort_order=place) for place, pk in enumerate(related)]
        revision = page.save_revision(user=self._user)
        if self._publish:
            revision.publish(user=self._user, skip_permission_checks=True)  # who may run commands may publish
        if fields.updated:
            _set_dates(page.pk, fields.updated, is_new=is_new)
        log(
            instance=page, action=LOG_ACTION, user=self._user, revision=revision, content_changed=True,
            data={"content": content, "file": report.place, "line": report.line, "published": self._publish},
        )  # fmt: skip
        report.outcome = Outcome.CREATED if is_new else Outcome.CHANGED

    def _waits(self, last: PageLogEntry) -> bool:
        """Return whether a draft of an earlier import is to be published now."""
        return self._publish and not last.data.get("published", True)

    @staticmethod
    def _last_import(page: ArticlePage) -> PageLogEntry | None:
        entries = PageLogEntry.objects.filter(page=page.pk, action=LOG_ACTION)
        return entries.order_by("-timestamp", "-pk").first()

    def _related(self, fields: ArticleFields, page: ArticlePage, row: SourceRow, report: RowReport) -> list[int]:
        found = []
        for article in fields.related:
            pk = self.page_id(article, fields.language)
            if pk is None:
                message = _("There is no article “%(id)s” in this language; it was left out.")
                report.problems.append(Problem(message % {"id": article[:60]}, field="related", line=row.line))
            elif pk != page.pk and pk not in found:
                found.append(pk)
        return found

    def _move(self, page: ArticlePage, fields: ArticleFields) -> None:
        """Move the page under the topic the row names, unless it is there or under a page of that topic already."""
        parent = page.get_parent().specific
        if getattr(getattr(parent, "topic", None), "code", None) != fields.topic:
            target = TopicPage.objects.get(pk=self.vocabulary.topic_pages[fields.topic, fields.language])
            MovePageAction(page, target, pos="last-child", user=self._user).execute(skip_permission_checks=True)
            page.refresh_from_db()


def _set_plain_fields(page: ArticlePage, fields: ArticleFields) -> None:
    page.title = bidi_safe(fields.title, fields.language)
    page.draft_title = page.title
    page.slug = fields.slug
    page.kind = fields.kind
    page.short_answer = bidi_safe(fields.short_answer, fields.language)
    page.spoken_answer = bidi_safe(fields.spoken_answer, fields.language)
    page.platforms = fields.platforms
    page.audience = fields.audience
    page.reviewed_by = fields.reviewed_by
    page.featured = fields.is_featured
    page.keywords = fields.keywords


def _set_dates(page_id: int, updated: dt.date, *, is_new: bool) -> None:
    """Set the dates of an article to that of its source; noon is the same date in nearly every time zone."""
    at = timezone.make_aware(dt.datetime(updated.year, updated.month, updated.day, 12))  # noqa: DTZ001 - made aware here
    at = min(at, timezone.now())
    dates = {"last_published_at": at, **({"first_published_at": at} if is_new else {})}
    Page.objects.filter(pk=page_id, live=True).update(**dates)


def _fingerprint(fields: ArticleFields, body: Body, related: list[int]) -> str:
    """Return a hash that is equal when a row would write the same article again."""
    plain: dict[str, Any] = {name: getattr(fields, name) for name in fields.__slots__}
    plain["updated"] = str(fields.updated or "")
    content = json.dumps([plain, body.blocks, related], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _problems_of(error: ValidationError, row: SourceRow) -> list[Problem]:
    if hasattr(error, "error_dict"):
        return [
            Problem(message, field="" if name == "__all__" else name, line=row.line)
            for name, messages in error.message_dict.items()
            for message in messages
        ]
    return [Problem(message, line=row.line) for message in error.messages]


def _database_problem(row: SourceRow) -> Problem:
    return Problem(_("The database refused it; another import or editor may be at work. Try again."), line=row.line)
