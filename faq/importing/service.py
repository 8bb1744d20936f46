"""Import of articles: first all rows are planned, then each is written, so that a broken row does not affect others.

Planning reads what rows say and where they lie, and decides their ids, topics and addresses; nothing is written. Then topics and
empty pages are made, so that links can be resolved in any order, and then the content is written. Texts are read outside of
transactions; a portion of new articles is written in one, and each article that is changed in its own, so that nobody waits for long.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _
from wagtail.actions.move_page import MovePageAction
from wagtail.log_actions import log
from wagtail.models import Page, PageLogEntry
from wagtail.signal_handlers import disable_reference_index_auto_update, reference_index_auto_update_disabled

from faq.exporting.archive import ExportError, is_export
from faq.importing.errors import RowError, SourceError, StoppedError
from faq.importing.fields import ArticleFields, Defaults, Reading, Vocabulary, portal_languages, read_fields
from faq.importing.history import LOG_ACTION
from faq.importing.inferring import first_words, only_paragraph, shortened
from faq.importing.links import LinkIndex, named_places
from faq.importing.markdown import Body, parse_body
from faq.importing.media import MediaLibrary
from faq.importing.old_paths import lead, old_paths
from faq.importing.report import ImportReport, Outcome, Problem, RowReport
from faq.importing.sources import open_source
from faq.importing.topics import Topics
from faq.importing.writing import PORTION, Content, NewArticles, NewPage, Turns, date_of, free_slug, set_plain_fields
from faq.importing.zendesk import ZendeskSource
from faq.models import SHORT_ANSWER_LENGTH, ArticlePage, HelpMedia, RelatedArticle, TopicPage
from portal.catalog.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from django.db.models import Model

    from faq.importing.preview import PreviewWriter
    from faq.importing.rows import Source, SourceRow
    from portal.accounts.models import User

    #: Called after each row with the number of rows done and the total (None while planning).
    Progress = Callable[[int, int | None], None]

#: Fields that are not part of what an article holds.
_NOT_WRITTEN: Final = {"is_draft", "has_own_id", "has_own_slug", "has_own_topic", "addresses", "external_id"}
_WRITTEN: Final = {Outcome.CREATED, Outcome.CHANGED, Outcome.UNCHANGED}
#: A portion of texts that took so long to read is written.
_PORTION_SECONDS: Final = 0.5
#: The page of a section with no more text than this is described by its topic alone.
_INTRO_LENGTH: Final = 250


def import_articles(
    source: Path,
    *,
    dry_run: bool = False,
    language: str = "",
    topic: str = "",
    languages: Mapping[str, str] | None = None,
    topics: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    publish: bool = True,
    user: User | None = None,
    pictures: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    audience: str = "",
    run: int | None = None,
    previews: PreviewWriter | None = None,
) -> ImportReport:
    """Import the articles at `source` (a folder or zip of documents, one document, a spreadsheet, an export of a portal).

    Safe to repeat: an article is identified by its id and language, and a row that would change nothing creates no
    revision. Articles edited here since their last import are skipped unless `overwrite`. `language` and `topic` are
    the defaults for rows that say nothing; `languages` maps languages of the source to those of the portal, `topics` its sections to
    topics, `columns` those of a spreadsheet to fields. A dry run writes nothing. `audience` is for rows that say nothing. The log
    names the import as `run`, for `faq.importing.undoing`. `progress` may raise `StoppedError`: what is written stays.
    A dry run hands what it reads to `previews`.

    Raises `SourceError` when the source as a whole cannot be read; problems of single rows are in the report.
    """
    if is_export(source):
        from faq.exporting.taking import take_export  # noqa: PLC0415 - it reports as imports do, so it imports this package

        try:
            return take_export(
                source, dry_run=dry_run, publish=publish, user=user, overwrite=overwrite, progress=progress
            )
        except ExportError as error:
            raise SourceError(str(error)) from error
    opened = open_source(source, pictures=pictures, languages=portal_languages(), columns=columns)
    defaults = Defaults(language, topic, languages or {}, topics or {}, **({"audience": audience} if audience else {}))
    work = _Import(
        opened, defaults=defaults, publish=publish, user=user, overwrite=overwrite, progress=progress, run=run,
        previews=previews if dry_run else None,
    )  # fmt: skip
    report = work.execute(dry_run=dry_run)
    report.dry_run = dry_run
    if isinstance(opened, ZendeskSource) and not dry_run:
        opened.finish(report)
    return report


@dataclass(slots=True)
class _Plan:
    """What becomes of a row. `is_topic`: it only describes its topic. `way` leads to the topic."""

    key: tuple[str, str]
    way: tuple[str, ...]
    title: str
    slug: str
    intro: str = ""
    is_topic: bool = False
    page_id: int | None = None
    is_new: bool = False
    #: Place among the articles of its topic, as far as the source says it; then as they come.
    order: tuple[float, float] = (math.inf, math.inf)
    #: Where it was, on the site from which it comes.
    old_paths: tuple[str, ...] = ()
    notes: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Ready:
    """A row that was read and waits to be written, with what was stored for it."""

    row: SourceRow
    plan: _Plan
    report: RowReport
    content: Content
    made: list[Model]
    #: Keys of the pictures and recordings in it, whichever row brought them.
    used: set[tuple[bool, int]]


@dataclass(slots=True)
class _Resolver:
    """Resolves the names in a body, for one row. While checking, files are verified but not stored."""

    run: _Import
    row: SourceRow
    fields: ArticleFields
    checking: bool
    used: set[tuple[bool, int]] = field(default_factory=set)

    def page_id(self, article: str) -> int | None:
        return self.run.linked_page(article, self.row.place, self.fields.language)

    def picture_id(self, name: str) -> int:
        find = self.run.media.known_picture if self.checking else self.run.media.store_picture
        found = find(name, near=self.row.folder)
        self.used.add((True, found))
        return found

    def media_id(self, kind: str, name: str, title: str) -> int:
        find = self.run.media.known_media if self.checking else self.run.media.store_media
        found = find(kind, name, title=title or self.fields.title, language=self.fields.language, near=self.row.folder)
        self.used.add((False, found))
        return found

    def product_id(self, code: str) -> int | None:
        return self.run.vocabulary.products.get(code)


class _Import:
    """One run over a source."""

    def __init__(
        self,
        source: Source,
        *,
        defaults: Defaults,
        publish: bool,
        user: User | None,
        overwrite: bool,
        progress: Progress | None,
        run: int | None = None,
        previews: PreviewWriter | None = None,
    ) -> None:
        self.source = source
        self._run = run
        self._previews = previews
        self._number = 0
        self.media = MediaLibrary(source.files, keep=previews.picture if previews else None)
        self.vocabulary = Vocabulary.load()
        self._topics = Topics(source.labels, user=user, publish=publish, run=run)
        self._links = LinkIndex()
        self._defaults = defaults
        self._publish = publish
        self._user = user
        self._overwrite = overwrite
        self._progress = progress or (lambda _done, _total: None)
        self._report = ImportReport()
        self._plans: list[_Plan | None] = []
        self._pages: dict[tuple[str, str], int] = {}
        self._looked_up: dict[tuple[str, str], int | None] = {}
        self._is_dry = False
        self._turns = Turns()
        self._new = NewArticles(user=user, run=run)
        self._ready: list[_Ready] = []

    def execute(self, *, dry_run: bool) -> ImportReport:
        """Do it. An import that is stopped leaves no empty page behind."""
        self._is_dry = dry_run
        try:
            return self._execute(dry_run=dry_run)
        except StoppedError as error:
            self._remove_empty()
            self._report.notes = list(self.source.notes)
            error.report = self._report
            raise

    def _remove_empty(self) -> None:
        for plan, report in zip(self._plans, self._report.rows, strict=False):
            if plan is not None and plan.is_new and not plan.is_topic and report.outcome is Outcome.FAILED:
                with transaction.atomic():
                    for page in ArticlePage.objects.filter(pk=plan.page_id, latest_revision=None, live=False):
                        page.delete()
                report.page_id = None
            if report.outcome is Outcome.FAILED and not report.problems:
                report.outcome, report.problems = Outcome.SKIPPED, [Problem(_("The import was stopped before."))]

    def _execute(self, *, dry_run: bool) -> ImportReport:
        self._plan()
        self._find_pages()
        if not dry_run:
            with _references_later():  # the pages are empty
                self._make_pages()
        total = len(self._plans)
        planned = zip(self._plans, self._report.rows, strict=True)
        since = monotonic()
        for number, (row, (plan, report)) in enumerate(zip(self.source.rows(), planned, strict=False), start=1):
            self._number = number
            if plan is not None and not report.problems:
                self._read(row, plan, report)
            if len(self._ready) >= PORTION or (self._ready and monotonic() - since > _PORTION_SECONDS):
                self._write_ready()
                since = monotonic()
            self._progress(number - len(self._ready), total)
        self._write_ready()
        self._progress(total, total)
        if not dry_run:
            self._lead_from_old_paths()
        if not dry_run and self._publish:
            self._topics.publish_waiting()
        self._report.notes = list(self.source.notes)
        return self._report

    def _lead_from_old_paths(self) -> None:
        """Have the addresses that the articles had elsewhere lead to them."""
        wanted: dict[str, int] = {}
        for plan, report in zip(self._plans, self._report.rows, strict=True):
            if plan is not None and report.page_id is not None and report.outcome in _WRITTEN:
                for path in plan.old_paths:
                    wanted.setdefault(path, report.page_id)
        with self._turns.writing():
            lead(wanted)

    # Links ------------------------------------------------------------------------------------------------------------

    def linked_page(self, target: str, place: str, language: str) -> int | None:
        """Return the page that a document links to: by article's id, path, address or name; None if there is none."""
        named = target.removeprefix("article:")
        if (found := self.page_id(named, language)) is not None:
            return found
        key = self._links.find(named, near=place, language=language)
        if key is None:
            return None
        return self._pages.get(key, 0 if self._is_dry else None)

    def page_id(self, article: str, language: str) -> int | None:
        """Return the page of an article, from this import or an earlier one, or None. In a dry run it is 0 if it would be made."""
        key = (article, language)
        if key in self._pages:
            return self._pages[key]
        if key not in self._looked_up:
            found = ArticlePage.objects.filter(external_id=article, locale__language_code=language)
            self._looked_up[key] = found.order_by("pk").values_list("pk", flat=True).first()
        return self._looked_up[key]

    def _anchor_in(self, place: str, language: str, target: str, name: str) -> str:
        """Return what the page of another document calls a place in it; empty if the document gives it no name of its own."""
        key = self._links.find(target.removeprefix("article:"), near=place, language=language)
        return self._links.place_in(key, name) if key is not None else ""

    # Planning ---------------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Read all rows once and decide what each becomes."""
        found: list[tuple[_Plan, ArticleFields, str, str, dict[str, str]] | None] = []
        for number, row in enumerate(self.source.rows(), start=1):
            report = RowReport(row.place, row.line)
            self._report.rows.append(report)
            found.append(self._planned(row, report))
            self._progress(number, None)
        named = Counter(entry[0].key for entry in found if entry)
        taken: set[tuple[str, str]] = set()
        for entry, report in zip(found, self._report.rows, strict=True):
            if entry is None:
                self._plans.append(None)
                continue
            plan, fields, place, place_id, places = entry
            if named[plan.key] > 1 and fields.has_own_id and place_id and (place_id, plan.key[1]) not in taken:
                message = _("Other articles have the id “%(id)s”, too; this one is called “%(new)s”.")
                plan.notes.append(Problem(message % {"id": plan.key[0], "new": place_id}, field="id", line=report.line))
                plan.key = (place_id, plan.key[1])
            name, number = plan.key[0], 1
            while plan.key in taken:
                number += 1
                plan.key = (f"{name[:110]}-{number}", plan.key[1])
            if number > 1:
                message = _("The id “%(id)s” in this language was already used above; this one is called “%(new)s”.")
                plan.notes.append(Problem(message % {"id": name, "new": plan.key[0]}, field="id", line=report.line))
            taken.add(plan.key)
            report.external_id = plan.key[0]
            others = (fields.external_id, *fields.addresses)
            self._links.add(plan.key, place, title=fields.title, others=others, places=places)
            self._plans.append(plan)

    def _planned(
        self, row: SourceRow, report: RowReport
    ) -> tuple[_Plan, ArticleFields, str, str, dict[str, str]] | None:
        report.external_id = str(row.fields.get("id") or row.place_id)[:120]
        if row.problem is not None:
            report.problems = [row.problem]
            return None
        if row.skipped is not None:
            report.problems, report.outcome = [row.skipped], Outcome.SKIPPED
            return None
        reading = read_fields(row, self.vocabulary, self._defaults)
        report.language = reading.language
        fields = reading.fields
        if fields is None:
            report.problems = [reading.refusal] if reading.refusal else []
            report.outcome = Outcome.SKIPPED
            return None
        report.title = fields.title
        key = (fields.external_id, fields.language)
        plan = _Plan(
            key, fields.topic, fields.title, fields.slug, order=_order(row), old_paths=old_paths(fields.addresses)
        )
        if row.is_index and row.sections and fields.topic == row.sections:
            self._plan_topic(plan, reading, row)
        return plan, fields, row.place, row.place_id, named_places(row.body)

    def _plan_topic(self, plan: _Plan, reading: Reading, row: SourceRow) -> None:
        """The page of a section names and describes its topic; if it says more than a topic can, it is an article, too."""
        fields = reading.fields
        if fields is None:
            return
        words = " ".join(reading.body.split())
        is_short = len(words) <= _INTRO_LENGTH and not any(mark in words for mark in "[<#|`*{!:")
        plan.is_topic = not words or (is_short and not fields.short_answer)
        plan.intro = fields.short_answer or (words if plan.is_topic else "")
        says_something = fields.title.lower() not in {"introduction", "overview", "index", "home", "welcome", "مقدمه"}
        self._topics.describe(
            row.sections, fields.language, fields.title if says_something else "",
            shortened(plan.intro, _INTRO_LENGTH, fields.language),
        )  # fmt: skip

    def _find_pages(self) -> None:
        """Look up the pages that exist, for all rows in few queries."""
        wanted = {plan.key[0] for plan in self._plans if plan is not None}
        known: dict[tuple[str, str], int] = {}
        names = sorted(wanted)
        for start in range(0, len(names), 500):
            pages = ArticlePage.objects.filter(external_id__in=names[start : start + 500]).order_by("-pk")
            for name, language, pk in pages.values_list("external_id", "locale__language_code", "pk"):
                known[name, language] = pk
        for plan in self._plans:
            if plan is None:
                continue
            if plan.is_topic:
                plan.page_id = self._topics.page_of(plan.way, plan.key[1])
            else:
                plan.page_id = known.get(plan.key)
            if plan.page_id is not None or self._is_dry:
                self._pages[plan.key] = plan.page_id or 0

    def _make_pages(self) -> None:
        """Make the topics that are missing, and an empty, unpublished page for each new article."""
        waiting: dict[int, list[tuple[_Plan, RowReport]]] = {}
        planned = zip(self._plans, self._report.rows, strict=True)
        ordered = sorted(
            ((plan, report) for plan, report in planned if plan is not None), key=lambda entry: entry[0].order
        )
        for plan, report in ordered:
            with self._reporting(report):
                topic = self._topics.page_of(plan.way, plan.key[1])
                if topic is None:
                    with self._turns.writing(), transaction.atomic():
                        topic = self._topics.ensure(plan.way, plan.key[1])
                else:
                    self._topics.use(topic)
                if plan.is_topic:
                    plan.is_new = topic in self._topics.made
                    plan.page_id = topic
                elif plan.page_id is None:
                    plan.is_new = True
                    group = waiting.setdefault(topic, [])
                    group.append((plan, report))
                    if len(group) >= PORTION:
                        self._make_portion(topic, waiting.pop(topic))
        for topic, group in waiting.items():
            self._make_portion(topic, group)
        for plan, _report in ordered:
            if plan.page_id is not None:
                self._pages[plan.key] = plan.page_id

    def _make_portion(self, topic: int, group: list[tuple[_Plan, RowReport]]) -> None:
        """Make empty pages at once; if that fails, one by one."""
        wanted = [NewPage(*plan.key, plan.title, plan.slug) for plan, _report in group]
        try:
            with self._turns.writing():
                made = self._new.make(topic, wanted)
        except (ValidationError, DatabaseError, TopicPage.DoesNotExist):
            made = []
        for place, (plan, report) in enumerate(group):
            with self._reporting(report):
                plan.page_id = made[place] if made else self._new.make(topic, [wanted[place]])[0]

    @contextmanager
    def _reporting(self, report: RowReport) -> Iterator[None]:
        """Put what goes wrong with a row into the report."""
        try:
            yield
        except RowError as error:
            report.problems = error.problems
        except ValidationError as error:
            report.problems = _problems_of(error, report.line)
        except (DatabaseError, TopicPage.DoesNotExist, Page.DoesNotExist):
            report.problems = [_database_problem(report.line)]
        else:
            return
        report.outcome = Outcome.FAILED

    # Writing ----------------------------------------------------------------------------------------------------------

    def _read(self, row: SourceRow, plan: _Plan, report: RowReport) -> None:
        """Read the content of a planned row, to be written with others; in a dry run, say what would be done."""
        report.page_id = plan.page_id
        report.problems = list(plan.notes)
        if plan.is_topic:
            self._write_topic(row, plan, report)
            return
        if self._is_dry:
            self._preview(row, plan, report)
            return
        if plan.page_id is None:
            return
        self.media.begin_row()
        is_read = False
        with self._reporting(report):
            fields, body, used = self._content(row, plan, report, checking=False)
            related = self._related(fields, plan.page_id, row, report)
            made = self.media.made_for_row()
            fingerprint = _fingerprint(fields, body, related, self._topics)
            publish = self._publish and not fields.is_draft
            history: dict[str, Any] = {
                "content": fingerprint, "file": report.place, "line": report.line, "published": publish
            }  # fmt: skip
            if self._run:
                files = [[item._meta.label_lower, item.pk] for item in made]  # noqa: SLF001 - Django's documented model API
                history |= {"import": self._run, "files": files}
            content = Content(plan.page_id, fields, body, related, fingerprint, history, publish)
            self._ready.append(_Ready(row, plan, report, content, made, used))
            is_read = True
        if not is_read:
            self._give_up(plan, report, self.media.made_for_row())

    def _give_up(self, plan: _Plan, report: RowReport, made: list[Model]) -> None:
        """Remove what was made for a row that cannot be written."""
        self.media.remove(made)
        if plan.is_new and plan.page_id is not None:
            with transaction.atomic():
                Page.objects.get(pk=plan.page_id).delete()
            self._pages.pop(plan.key, None)
            report.page_id = None

    def _write_ready(self) -> None:
        """Write the rows that were read: new articles at once, others one by one, and those that do not change not at all."""
        ready, self._ready = self._ready, []
        new = [entry for entry in ready if entry.plan.is_new]
        written: dict[int, str] = {}
        if new:
            try:
                with self._turns.writing():
                    written = self._new.fill([entry.content for entry in new])
            except (ValidationError, DatabaseError):  # of one of them; which one is found below
                written = {}
        for entry in new:
            if entry.content.page_id in written:
                entry.report.outcome = Outcome.CREATED
                self._note_slug(written[entry.content.page_id], entry)
        others = [entry for entry in ready if entry.content.page_id not in written]
        if others:
            ids = [entry.content.page_id for entry in others]
            pages = ArticlePage.objects.defer_streamfields().in_bulk(ids)
            last = self._last_imports(ids)
        for entry in others:
            page = pages.get(entry.content.page_id)
            if page is not None and self._is_left_alone(page, last.get(page.pk), entry):
                continue
            is_written = False
            with self._reporting(entry.report), self._turns.writing(), transaction.atomic():
                self._update(entry)
                is_written = True
            if not is_written:
                used = set().union(*(other.used for other in ready if other is not entry))
                made = [item for item in entry.made if (not isinstance(item, HelpMedia), item.pk) not in used]
                self._give_up(entry.plan, entry.report, made)

    def _write_topic(self, row: SourceRow, plan: _Plan, report: RowReport) -> None:
        if plan.is_new or report.page_id is None:
            report.outcome = Outcome.CREATED
            report.problems.append(Problem(_("It becomes the page of its topic."), line=row.line))
        else:
            report.outcome = Outcome.UNCHANGED

    def _content(
        self, row: SourceRow, plan: _Plan, report: RowReport, *, checking: bool
    ) -> tuple[ArticleFields, Body, set[tuple[bool, int]]]:
        """Return the fields, the body and the files in it, and report what was left out."""
        reading = read_fields(row, self.vocabulary, self._defaults)
        fields = reading.fields
        if fields is None:  # the source changed between planning and writing
            raise RowError([reading.refusal] if reading.refusal else [])
        fields.external_id = plan.key[0]
        resolver = _Resolver(self, row, fields, checking)
        body = parse_body(
            reading.body,
            form=row.form,
            language=fields.language,
            key=":".join(plan.key),
            resolver=resolver,
            first_line=max(row.body_line, 0),
            anchor_in=partial(self._anchor_in, row.place, fields.language),
        )
        notes = body.notes
        if row.body_line < 0:  # in a spreadsheet the line numbers of a cell are not those of the file
            notes = [Problem(note.message, note.field, row.line) for note in notes]
        report.problems += [*reading.notes, *notes]
        if not fields.short_answer:
            words = only_paragraph(body.blocks)
            fields.short_answer = shortened(
                words or first_words(body.blocks, fields.title), SHORT_ANSWER_LENGTH, fields.language
            )
            if words and words == fields.short_answer:  # the answer is short enough to need no text of its own
                body.blocks = []
        return fields, body, resolver.used

    def _preview(self, row: SourceRow, plan: _Plan, report: RowReport) -> None:
        try:
            fields, body, _used = self._content(row, plan, report, checking=True)
        except RowError as error:
            report.outcome, report.problems = Outcome.FAILED, error.problems
            return
        if self._previews is not None:
            topic = self._topics.code_of(fields.topic)
            self._previews.add(self._number, fields, body.blocks, topic=topic)
        page = ArticlePage.objects.filter(pk=plan.page_id).first() if plan.page_id else None
        if page is None:
            self._related(fields, None, row, report)
            report.outcome = Outcome.CREATED
            return
        related = self._related(fields, page.pk, row, report)
        content = _fingerprint(fields, body, related, self._topics)
        last = self._last_imports([page.pk]).get(page.pk)
        report.outcome = self._what_to_do(page, last, content, fields, report)

    def _is_left_alone(self, page: ArticlePage, last: PageLogEntry | None, entry: _Ready) -> bool:
        """Return whether a page stays as it is, with the outcome in the report."""
        before = list(entry.report.problems)
        content = entry.content
        outcome = self._what_to_do(page, last, content.fingerprint, content.fields, entry.report)
        if outcome in {Outcome.CREATED, Outcome.CHANGED}:
            entry.report.problems = before
            return False
        entry.report.outcome = outcome
        return True

    def _what_to_do(
        self,
        page: ArticlePage,
        last: PageLogEntry | None,
        content: str,
        fields: ArticleFields,
        report: RowReport,
    ) -> Outcome:
        """Return what is to become of an existing page, with the reason in the report if it is left alone."""
        is_new = page.latest_revision_id is None  # just created, or left empty by an interrupted import
        was_edited = not is_new and (last is None or last.revision_id != page.latest_revision_id)
        if last is not None and last.data.get("content") == content and (page.live or not self._waits(last, fields)):
            return Outcome.UNCHANGED
        if page.locked or (was_edited and not self._overwrite):
            message = _("It is locked here.") if page.locked else _("It was edited here since its last import.")
            report.problems.append(Problem(message, line=report.line))
            return Outcome.SKIPPED
        return Outcome.CREATED if is_new else Outcome.CHANGED

    def _update(self, entry: _Ready) -> None:
        """Write one article, with all that Wagtail does."""
        report, content = entry.report, entry.content
        fields = content.fields
        page = ArticlePage.objects.select_for_update(of=("self",)).get(pk=content.page_id)
        last = self._last_imports([page.pk]).get(page.pk)
        report.outcome = self._what_to_do(page, last, content.fingerprint, fields, report)
        if report.outcome not in {Outcome.CREATED, Outcome.CHANGED}:
            return
        was_import_of = last.data.get("content", "") if last and last.revision_id == page.latest_revision_id else ""
        former = {
            "made": report.outcome is Outcome.CREATED, "former": page.latest_revision_id, "former_live": page.live_revision_id,
            "below": page.get_parent().pk, "former_content": was_import_of, "old_paths": list(entry.plan.old_paths),
        }  # fmt: skip
        self._move(page, fields)
        set_plain_fields(page, fields)
        if fields.has_own_slug and page.slug != fields.slug:
            page.slug = free_slug(page.get_parent(), fields.slug, page.pk)
            self._note_slug(page.slug, entry)
        page.body = json.dumps(content.body.blocks)
        page.products = list(Product.objects.filter(code__in=fields.products))
        page.related_articles = [
            RelatedArticle(article_id=pk, sort_order=place) for place, pk in enumerate(content.related)
        ]
        with _references_later() if content.publish else nullcontext():
            revision = page.save_revision(user=self._user)
        if content.publish:
            revision.publish(user=self._user, skip_permission_checks=True)  # who may run commands may publish
        if (at := date_of(fields)) is not None:
            dates = {
                "last_published_at": at,
                **({"first_published_at": at} if report.outcome is Outcome.CREATED else {}),
            }
            Page.objects.filter(pk=page.pk, live=True).update(**dates)
        log(
            instance=page, action=LOG_ACTION, user=self._user, revision=revision, content_changed=True,
            data={**content.history, **(former if self._run else {})},
        )  # fmt: skip

    @staticmethod
    def _note_slug(slug: str, entry: _Ready) -> None:
        """Say that a page could not have the address that its row names."""
        fields = entry.content.fields
        if fields.has_own_slug and slug != fields.slug:
            message = _("The address “%(slug)s” is taken; it becomes “%(new)s”.")
            note = message % {"slug": fields.slug, "new": slug}
            entry.report.problems.append(Problem(note, field="slug", line=entry.row.line))

    def _waits(self, last: PageLogEntry, fields: ArticleFields) -> bool:
        """Return whether a draft of an earlier import is to be published now."""
        return self._publish and not fields.is_draft and not last.data.get("published", True)

    @staticmethod
    def _last_imports(page_ids: list[int]) -> dict[int, PageLogEntry]:
        """Return of each page the last entry of an import; one query."""
        entries = PageLogEntry.objects.filter(page__in=page_ids, action=LOG_ACTION).order_by("timestamp", "pk")
        return {entry.page_id: entry for entry in entries}

    def _related(self, fields: ArticleFields, page_id: int | None, row: SourceRow, report: RowReport) -> list[int]:
        found: list[int] = []
        for article in fields.related:
            pk = self.linked_page(article, row.place, fields.language)
            if pk is None:
                message = _("There is no article “%(id)s” in this language; it is left out.")
                report.problems.append(Problem(message % {"id": article[:60]}, field="related", line=row.line))
            elif pk and pk != page_id and pk not in found:
                found.append(pk)
        return found

    def _move(self, page: ArticlePage, fields: ArticleFields) -> None:
        """Move the page under the topic the row names, unless it is there or under a page of that topic already."""
        code = self._topics.code_of(fields.topic)
        parent = page.get_parent().specific
        if getattr(getattr(parent, "topic", None), "code", None) != code:
            target = TopicPage.objects.get(pk=self._topics.ensure(fields.topic, fields.language))
            if (slug := free_slug(target, page.slug, page.pk)) != page.slug:
                page.slug = slug
                page.save(update_fields=["slug"])
            MovePageAction(page, target, pos="last-child", user=self._user).execute(skip_permission_checks=True)
            page.refresh_from_db()


@contextmanager
def _references_later() -> Iterator[None]:
    """Do not write Wagtail's reference index for pages that are saved again at once; whoever switched it off switches it on."""
    if getattr(reference_index_auto_update_disabled, "value", False):
        yield
        return
    with disable_reference_index_auto_update():
        yield


def _order(row: SourceRow) -> tuple[float, float]:
    """Return where a document stands among others: in a table of contents, by the number in its head, else behind those."""
    try:
        weight = float(str(row.fields.get("order", "")))
    except ValueError:
        weight = math.inf
    return (math.inf if row.rank is None else row.rank, weight if math.isfinite(weight) and weight else math.inf)


def _fingerprint(fields: ArticleFields, body: Body, related: list[int], topics: Topics) -> str:
    """Return a hash that is equal when a row would write the same article again."""
    plain: dict[str, Any] = {name: getattr(fields, name) for name in fields.__slots__ if name not in _NOT_WRITTEN}
    plain["updated"] = str(fields.updated or "")
    plain["topic"] = topics.code_of(fields.topic)
    content = json.dumps([plain, body.blocks, related], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _problems_of(error: ValidationError, line: int) -> list[Problem]:
    if hasattr(error, "error_dict"):
        return [
            Problem(message, field="" if name == "__all__" else name, line=line)
            for name, messages in error.message_dict.items()
            for message in messages
        ]
    return [Problem(message, line=line) for message in error.messages]


def _database_problem(line: int) -> Problem:
    return Problem(_("The database refused it; another import or editor may be at work. Try again."), line=line)
