"""Taking in an export: what is missing is made, what differs is changed, what is the same is left alone.

First everything that others refer to is made: topics, files, empty pages. Then every text is written, each line in a transaction of
its own, so that a line that cannot be taken does not affect others. A line is compared with what an export would say now: a second
import of the same export writes nothing. Nothing is deleted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation, ValidationError
from django.core.files.base import File
from django.core.management.color import no_style
from django.core.validators import FileExtensionValidator
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from wagtail.actions.move_page import MovePageAction
from wagtail.contrib.redirects.models import Redirect
from wagtail.coreutils import find_available_slug
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.log_actions import log
from wagtail.models import Locale, Page, PageLogEntry, Site

from faq.captions import MAX_BYTES, CaptionsError, cues_in, decoded
from faq.exporting import rows
from faq.exporting.archive import Archive
from faq.exporting.bodies import MalformedError, changed, cleaned, is_safe
from faq.exporting.files import FILES, Hashing, described, fields_of
from faq.exporting.naming import DOCUMENTS, IMAGES, MEDIA, SHARED, Names, kind_of, of_family
from faq.importing.errors import DAMAGED, RowError
from faq.importing.history import LOG_ACTION
from faq.importing.report import ImportReport, Outcome, Problem, RowReport
from faq.models import (
    ArticlePage,
    HelpMedia,
    Publication,
    RelatedArticle,
    ReusableContent,
    ShortLink,
    TopicPage,
    TranslationDebt,
)
from portal.accounts.models import User
from portal.catalog.models import Product, ProductVersion, Topic
from portal.core import exchange
from portal.core.audience import Audience, InvalidAudienceError
from portal.core.exchange import ExchangeError, Terms, Wish
from portal.core.pictures import what_is_wrong_with_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wagtail.blocks import Block

    from portal.core.exchange import Row

    Progress = Callable[[int, int | None], None]

#: Publications before the newest have no revision here; their numbers are so large that no revision has them.
_NO_REVISION: Final = 2**62
#: The short answer of a page that waits for its text.
_EMPTY: Final = "…"
#: What a line may raise that cannot be taken.
_CAUGHT: Final = (
    RowError, ExchangeError, ValidationError, DatabaseError, ObjectDoesNotExist,
    MalformedError, KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, SuspiciousOperation, *DAMAGED,
)  # fmt: skip


def take_export(
    path: Path,
    *,
    dry_run: bool = False,
    publish: bool = True,
    user: User | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Take in an export. Safe to repeat; articles edited here since their last import are skipped unless `overwrite`.

    With `publish` false, texts become drafts. A dry run writes nothing and says of each article what would become of it. Raises
    `ExportError` when the export cannot be read at all.
    """
    taking = _Taking(Archive(path), publish=publish, user=user, overwrite=overwrite, progress=progress)
    report = taking.preview() if dry_run else taking.execute()
    report.dry_run = dry_run
    return report


def _key(row: Row) -> tuple[str, str]:
    return str(uuid.UUID(str(row["key"]))), str(row["language"])


def _moment(text: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(str(text)) if text else None


def _date(text: Any) -> dt.date | None:
    return dt.date.fromisoformat(str(text)) if text else None


class _Taking:
    """One import of an export."""

    def __init__(
        self, archive: Archive, *, publish: bool, user: User | None, overwrite: bool, progress: Progress | None
    ) -> None:
        self._archive = archive
        self._publish = publish
        self._user = user
        self._overwrite = overwrite
        self._progress = progress or (lambda _done, _total: None)
        self._report = ImportReport()
        self._wish = Wish(drafts=bool(archive.manifest.get("drafts")), people=bool(archive.manifest.get("people")))
        self._files: dict[tuple[str, str], int] = {}
        self._articles: dict[tuple[str, str], int] = {}
        self._topic_pages: dict[tuple[str, str], int] = {}
        self._new: set[int] = set()

    # The course of it ------------------------------------------------------------------------------------------------

    def execute(self) -> ImportReport:
        for kind, take in (
            ("topics", self._take_topic), ("products", self._take_product), (IMAGES, self._take_file(IMAGES)),
            (DOCUMENTS, self._take_file(DOCUMENTS)), (MEDIA, self._take_file(MEDIA)), ("topic_pages", self._take_topic_page),
            ("articles", self._make_article),
        ):  # fmt: skip
            self._each(kind, take)
        self._give_numbers()
        self._each(SHARED, self._take_shared, is_reported=True)
        counts = self._archive.manifest.get("counts")
        total = counts.get("articles") if isinstance(counts, dict) else None
        self._each("articles", self._take_article, is_reported=True, total=total if isinstance(total, int) else None)
        self._each("redirects", self._take_redirect)
        for part in exchange.parts():
            self._each(part.name, partial(self._take_part, part), is_reported=True)
        return self._report

    def preview(self) -> ImportReport:
        """Say what would become of the articles, by their keys and words only."""
        for number, row in self._archive.lines("articles"):
            report = RowReport("articles.jsonl", number)
            self._report.rows.append(report)
            try:
                key, language = _key(row or {})
                page = ArticlePage.objects.filter(translation_key=key, locale__language_code=language).first()
                report.external_id, report.language, report.page_id = key, language, page and page.pk
                report.outcome = Outcome.CREATED
                if page is not None:
                    is_same = exchange.same(rows.article(page, self._now, self._wish), row or {})
                    report.outcome = Outcome.UNCHANGED if is_same else Outcome.CHANGED
            except (KeyError, ValueError, TypeError):
                report.problems = [Problem(_("The line is damaged."), line=number)]
            self._progress(number, None)
        return self._report

    def _each(
        self, kind: str, take: Callable[[Row], Any], *, is_reported: bool = False, total: int | None = None
    ) -> None:
        """Take every line of a kind. `take` returns an outcome and problems where lines are reported; else only failures are."""
        for number, row in self._archive.lines(kind):
            report = RowReport(f"{kind}.jsonl", number)
            try:
                with transaction.atomic():
                    result = take(_said(row, report))
            except _CAUGHT as error:
                report.problems = _problems_of(error, number)
                self._report.rows.append(report)
                if is_reported and kind == "articles":
                    self._remove_empty(report)
            else:
                if is_reported:
                    report.outcome, messages, report.page_id = result
                    report.problems = [Problem(message, line=number) for message in messages]
                    self._report.rows.append(report)
            if is_reported:
                self._progress(number, total)

    # The catalogue ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _take_topic(row: Row) -> None:
        if not Topic.objects.filter(code=row["code"]).exists():
            topic = Topic(**{name: row[name] for name in rows.TOPIC_FIELDS})
            topic.full_clean()
            topic.save()

    @staticmethod
    def _take_product(row: Row) -> None:
        product = Product.objects.filter(code=row["code"]).first()
        if product is None:
            product = Product(**{name: row[name] for name in rows.PRODUCT_FIELDS})
            product.full_clean()
            product.save()
        known = set(ProductVersion.objects.filter(product=product).values_list("number", flat=True))
        for version in row["versions"]:
            if version["number"] not in known:
                made = ProductVersion(
                    product=product, number=version["number"], released_on=_date(version["released_on"])
                )
                made.full_clean()
                made.save()

    # Files -----------------------------------------------------------------------------------------------------------

    def _take_file(self, kind: str) -> Callable[[Row], None]:
        return lambda row: self._store_file(kind, row)

    def _store_file(self, kind: str, row: Row) -> None:
        known = self._same_file(kind, row)
        self._files[kind, row["key"]] = known if known is not None else self._new_file(kind, row)

    @staticmethod
    def _model(kind: str) -> type[Model]:
        return {IMAGES: get_image_model(), DOCUMENTS: get_document_model(), MEDIA: HelpMedia}[kind]

    def _same_file(self, kind: str, row: Row) -> int | None:
        """Return the number of the same thing if it is stored already."""
        candidates = self._model(kind)._default_manager.filter(title=row["title"])  # noqa: SLF001 - documented API
        if kind != MEDIA:
            candidates = candidates.filter(file_size=row["file"]["bytes"])
        for found in candidates.order_by("pk")[:20]:
            same = described(kind, found, Hashing())
            if same is not None and same["key"] == row["key"]:
                return int(found.pk)
        return None

    def _new_file(self, kind: str, row: Row) -> int:
        found: Any = self._model(kind)(**{name: row[name] for name in fields_of(kind)})
        stored: list[Any] = []
        try:
            for name in FILES[kind]:
                if row[name] is not None:
                    self._check_file(kind, name, row[name])
                    with self._archive.open(row[name]) as stream:
                        getattr(found, name).save(row[name]["name"], File(stream), save=False)
                    stored.append(getattr(found, name))
            if kind != MEDIA:
                found.file_size = row["file"]["bytes"]
                with found.file.open("rb") as stream:
                    found.file_hash = hashlib.file_digest(stream, "sha1").hexdigest()
            found.uploaded_by_user = self._user
            found.full_clean(exclude=["file", "collection"])
            found.save()
            found.tags.set(row["tags"])
        except BaseException:
            for each in stored:
                each.storage.delete(each.name)
            raise
        return int(found.pk)

    def _check_file(self, kind: str, name: str, file: Row) -> None:
        """Refuse what could not be uploaded either. Raises `ExchangeError` or `ValidationError`."""
        allowed = {
            (IMAGES, "file"): settings.WAGTAILIMAGES_EXTENSIONS,
            (DOCUMENTS, "file"): settings.WAGTAILDOCS_EXTENSIONS,
            (MEDIA, "file"): [*settings.WAGTAILMEDIA["AUDIO_EXTENSIONS"], *settings.WAGTAILMEDIA["VIDEO_EXTENSIONS"]],
            (MEDIA, "captions"): ["vtt"],
            (MEDIA, "thumbnail"): settings.WAGTAILIMAGES_EXTENSIONS,
        }[kind, name]
        ending = str(file["name"]).rpartition(".")[2].lower()
        if ending not in allowed:
            FileExtensionValidator(allowed)(File(None, name=str(file["name"])))
        if name == "captions":
            with self._archive.open(file) as stream:
                try:
                    cues_in(decoded(stream.read(MAX_BYTES + 1)))
                except CaptionsError as error:
                    raise ExchangeError(f"“{file['name']}”: {error}") from error
        if kind == IMAGES or name == "thumbnail":
            with self._archive.open(file) as stream:
                problem = what_is_wrong_with_picture(stream, ending)
            if problem:
                raise ExchangeError(f"“{file['name']}”: {problem}")

    # Pages -----------------------------------------------------------------------------------------------------------

    @cached_property
    def _help_pages(self) -> dict[str, int]:
        return rows.help_pages()

    @cached_property
    def _now(self) -> Names:
        """Names of what is here, as an export would have them; pages made since are unknown to it."""
        return Names(Hashing(), drafts=self._wish.drafts)

    def _locale(self, language: str) -> Locale:
        if language not in self._help_pages:
            message = _("The portal has no list of topics in the language “%(language)s” yet; make its first pages.")
            raise RowError([Problem(message % {"language": language[:20]}, field="language")])
        return Locale.objects.get(language_code=language)

    def _take_topic_page(self, row: Row) -> None:
        key, language = _key(row)
        locale = self._locale(language)
        topic = Topic.objects.get(code=row["topic"])
        above = row["below"] and self._topic_pages.get((row["below"], language))
        parent = Page.objects.get(pk=above or self._help_pages[language]).specific
        page = (
            TopicPage.objects.filter(translation_key=key, locale=locale).first()
            or TopicPage.objects.filter(topic=topic, locale=locale).order_by("depth", "path").first()
        )
        if page is None:
            page = TopicPage(
                translation_key=key, locale=locale, topic=topic, owner=self._user,
                **{name: row[name] for name in rows.PAGE_FIELDS if name not in {"live", "slug"}},
                slug=find_available_slug(parent, row["slug"]), live=False,
            )  # fmt: skip
            _check_audience(row["audience"])
            parent.add_child(instance=page)
            revision = page.save_revision(user=self._user)
            if row["live"] and self._publish:
                revision.publish(user=self._user, skip_permission_checks=True)
            _set_dates(page.pk, row)
            log(instance=page, action=LOG_ACTION, user=self._user, revision=revision, data=_place("topic_pages"))
        self._topic_pages[key, language] = page.pk

    def _make_article(self, row: Row) -> None:
        """Find the page of an article, or make an empty one, so that texts can refer to it."""
        key, language = _key(row)
        locale = self._locale(language)
        page = ArticlePage.objects.filter(translation_key=key, locale=locale).first()
        if page is not None and page.latest_revision_id is None and page.short_answer == _EMPTY:
            self._new.add(page.pk)  # an import that was interrupted made it
        if page is None:
            parent = TopicPage.objects.get(pk=self._topic_pages[str(row["topic_page"]), language])
            text = row["text"] or row["draft"]
            page = ArticlePage(
                translation_key=key, locale=locale, owner=self._user, external_id=row["external_id"], title=text["title"],
                slug=find_available_slug(parent, text["slug"]), short_answer=_EMPTY, live=False, has_unpublished_changes=True,
            )  # fmt: skip
            parent.add_child(instance=page)
            self._new.add(page.pk)
        self._articles[key, language] = page.pk

    def _give_numbers(self) -> None:
        """Give articles the numbers of their short links, as far as nobody has them: they stand in mails and on paper."""
        wanted: dict[str, int] = {}
        for _number, row in self._archive.lines("articles"):
            number = row.get("number") if row else None
            if isinstance(number, int) and 0 < number < 2**31 and row and row.get("text"):
                wanted[_canonical(row.get("key"))] = number
        with transaction.atomic():
            has_own = {str(key) for key in ShortLink.objects.values_list("translation_key", flat=True)}
            taken = set(ShortLink.objects.values_list("pk", flat=True))
            known = {key for key, _language in self._articles}
            free = [
                ShortLink(pk=number, translation_key=key)
                for key, number in wanted.items()
                if key in known and key not in has_own and number not in taken
            ]
            ShortLink.objects.bulk_create(free, ignore_conflicts=True, batch_size=500)
            with connection.cursor() as cursor:
                for statement in connection.ops.sequence_reset_sql(no_style(), [ShortLink]):
                    cursor.execute(statement)

    # Texts -----------------------------------------------------------------------------------------------------------

    def _take_shared(self, row: Row) -> tuple[Outcome, list[str], None]:
        key, language = _key(row)
        locale = self._locale(language)
        incoming = _Incoming(self)
        text = (
            ReusableContent.objects.select_for_update(of=("self",)).filter(translation_key=key, locale=locale).first()
        )
        if text is not None and exchange.same(rows.shared_text(text, self._now), row):
            return Outcome.UNCHANGED, [], None
        outcome = Outcome.CREATED if text is None else Outcome.CHANGED
        if text is not None and not self._overwrite:
            return Outcome.SKIPPED, [_("It is different here, and was left as it is.")], None
        text = text or ReusableContent(translation_key=key, locale=locale)
        text.title = row["title"]
        text.body = json.dumps(incoming.body(text, row["body"], of_family(key, language)))
        text.full_clean()
        text.save()
        return outcome, incoming.notes, None

    def _take_article(self, row: Row) -> tuple[Outcome, list[str], int]:
        key, language = _key(row)
        number = self._articles[key, language]
        page = ArticlePage.objects.select_for_update(of=("self",)).get(pk=number)
        incoming = _Incoming(self)
        place = of_family(*_key(row))
        texts = {name: incoming.article(page, row[name], place) if row[name] else None for name in ("text", "draft")}
        owner = self._owner(row)
        state = {
            name: row[name] for name in (*rows.STATE_FIELDS, "next_review_on", "expire_at", "history", "out_of_date")
        }
        content = hashlib.sha256(exchange.line({**texts, **state, "owner": owner and owner.pk}).encode()).hexdigest()
        is_new = number in self._new
        if not is_new:
            last = PageLogEntry.objects.filter(page=number, action=LOG_ACTION).order_by("-timestamp", "-pk").first()
            waits = self._publish and texts["text"] and not page.live
            if last is not None and last.data.get("content") == content and not waits:
                return Outcome.UNCHANGED, incoming.notes, number
            if exchange.same(rows.article(page, self._now, self._wish), row):
                return Outcome.UNCHANGED, incoming.notes, number
            was_edited = last is None or last.revision_id != page.latest_revision_id
            if page.locked or (was_edited and not self._overwrite):
                message = _("It is locked here.") if page.locked else _("It was edited here since its last import.")
                return Outcome.SKIPPED, [*incoming.notes, message], number
        self._move(page, row)
        revision = self._write(page, row, texts, owner)
        log(
            instance=page, action=LOG_ACTION, user=self._user, revision=revision, content_changed=True,
            data={"content": content, **_place("articles"), "published": bool(texts["text"]) and self._publish},
        )  # fmt: skip
        return Outcome.CREATED if is_new else Outcome.CHANGED, incoming.notes, number

    def _remove_empty(self, report: RowReport) -> None:
        """Remove the page that was made for an article whose text cannot be taken."""
        key = (report.external_id, report.language)
        number = self._articles.get(key)
        if number in self._new and not Page.objects.filter(pk=number, latest_revision__isnull=False).exists():
            with transaction.atomic():
                Page.objects.get(pk=number).delete()
            del self._articles[key]

    def _write(self, page: ArticlePage, row: Row, texts: dict[str, Any], owner: User | None) -> Any:
        for name, value in self._state(row, owner).items():
            setattr(page, name, value)
        page.expire_at = _moment(row["expire_at"])
        page.full_clean(exclude=["body"])
        ArticlePage.objects.filter(pk=page.pk).update(**self._state(row, owner))  # publishing takes it from the row
        revision = None
        if texts["text"]:
            self._apply(page, texts["text"])
            page.change_significance = page.change_note = ""
            revision = page.save_revision(user=self._user)
            if self._publish:
                revision.publish(user=self._user, skip_permission_checks=True)  # who may run commands may publish
                self._set_history(page, row["history"], revision.pk)
                ArticlePage.objects.filter(pk=page.pk).update(
                    next_review_on=_date(row["next_review_on"]), change_significance="", change_note=""
                )
        if texts["draft"]:
            page = ArticlePage.objects.get(pk=page.pk)
            self._apply(page, texts["draft"])
            page.change_significance = texts["draft"]["change_significance"]
            page.change_note = texts["draft"]["change_note"]
            if not page.live:
                page.save()  # lists of editors show the row
            revision = page.save_revision(user=self._user)
        _set_dates(page.pk, row)
        if row["out_of_date"] and (source := self._articles_source(row)) is not None:
            since = dt.datetime.fromisoformat(row["out_of_date"]["since"])
            TranslationDebt.objects.update_or_create(article_id=page.pk, defaults={"source_id": source, "since": since})
        return revision

    @staticmethod
    def _state(row: Row, owner: User | None) -> dict[str, Any]:
        state = {name: row[name] for name in rows.STATE_FIELDS}
        return {**state, "next_review_on": _date(row["next_review_on"]), **({"owner": owner} if owner else {})}

    def _articles_source(self, row: Row) -> int | None:
        return self._articles.get((_key(row)[0], str(row["out_of_date"]["source"])))

    def _apply(self, page: ArticlePage, text: dict[str, Any]) -> None:
        for name in rows.TEXT_FIELDS:
            if name != "slug":
                setattr(page, name, text[name])
        page.draft_title = page.title
        if page.slug != text["slug"]:
            page.slug = find_available_slug(page.get_parent(), text["slug"], ignore_page_id=page.pk)
        page.body = json.dumps(text["body"])
        page.products = list(Product.objects.filter(pk__in=text["products"]))
        page.versions = list(ProductVersion.objects.filter(pk__in=text["versions"]))
        related = [RelatedArticle(article_id=pk, sort_order=place) for place, pk in enumerate(text["related"])]
        page.related_articles = related  # type: ignore[assignment]  # modelcluster takes a list

    def _move(self, page: ArticlePage, row: Row) -> None:
        target = self._topic_pages[str(row["topic_page"]), str(row["language"])]
        if page.get_parent().pk != target:
            parent = TopicPage.objects.get(pk=target)
            if (slug := find_available_slug(parent, page.slug, ignore_page_id=page.pk)) != page.slug:
                page.slug = slug
                page.save(update_fields=["slug"])
            MovePageAction(page, parent, pos="last-child", user=self._user).execute(skip_permission_checks=True)
            page.refresh_from_db()

    def _owner(self, row: Row) -> User | None:
        address = row.get("owner")
        return User.objects.filter(email=str(address).lower()).first() if address else None

    @staticmethod
    def _set_history(page: ArticlePage, history: list[Row], revision: int) -> None:
        """Replace what publishing noted by what was noted where the article comes from."""
        Publication.objects.filter(article=page, revision_number=revision).delete()
        known = set(Publication.objects.filter(article=page).values_list("published_at", flat=True))
        for number, each in enumerate(history):
            at = dt.datetime.fromisoformat(each["published_at"])
            if at not in known:
                Publication.objects.create(
                    article=page, significance=each["significance"], note=each["note"], published_at=at,
                    audience=each["audience"],
                    revision_number=revision if number == len(history) - 1 else _NO_REVISION + len(known) + number,
                )  # fmt: skip

    def _take_redirect(self, row: Row) -> None:
        target = self.page(row["to"])
        site = None if row["every_site"] else Site.objects.filter(is_default_site=True).first()
        if target is None or Redirect.objects.filter(old_path=row["from"], site=site).exists():
            return
        made = Redirect(
            old_path=row["from"], site=site, is_permanent=bool(row["permanent"]), redirect_page_id=target,
            redirect_page_route_path=row["route"], automatically_created=bool(row["automatic"]),
        )  # fmt: skip
        made.full_clean()
        made.save()

    def _take_part(self, part: exchange.Part, row: Row) -> tuple[Outcome, list[str], None]:
        taken = part.take(row, self._archive, Terms(overwrite=self._overwrite, publish=self._publish))
        return Outcome(taken.result.value), taken.notes, None

    # What names mean here --------------------------------------------------------------------------------------------

    def page(self, name: str) -> int | None:
        """Return the page of this name."""
        kind, _colon, rest = name.partition(":")
        key, _second, language = rest.rpartition(":")
        if kind == "article":
            return self._articles.get((key, language)) or _known(ArticlePage, key, language)
        if kind == "topic":
            return self._topic_pages.get((key, language)) or _known(TopicPage, key, language)
        if kind == "help":
            return self._help_pages.get(rest)
        language, _colon, path = rest.partition(":")
        for found, its_path in Page.objects.filter(
            locale__language_code=language, url_path__endswith=f"/{path}"
        ).values_list("pk", "url_path")[:20]:
            if its_path.strip("/").partition("/")[2] == path.strip("/"):
                return int(found)
        return None

    def choice(self, block: Block, value: Any) -> int | None:
        """Return the number of what a block refers to (`faq.exporting.bodies.Change`)."""
        kind = kind_of(block)
        if kind == "page":
            return self.page(str(value))
        if kind == "product":
            return Product.objects.filter(code=value).values_list("pk", flat=True).first()
        if kind == "reusablecontent":
            key, _colon, language = str(value).rpartition(":")
            return _known(ReusableContent, key, language)
        return self._files.get((kind, str(value)))

    def document(self, name: str) -> int | None:
        """Return the number of a document."""
        return self._files.get((DOCUMENTS, name))


def _said(row: Row | None, report: RowReport) -> Row:
    """Return a line, and note in the report what it is about. Raises `MalformedError` for one that is none."""
    if row is None:
        raise MalformedError(report.place)
    report.external_id = _canonical(row.get("key") or row.get("code") or row.get("slug") or "")[:120]
    report.language = str(row.get("language") or "")[:10]
    return row


def _canonical(key: Any) -> str:
    """Return a key as the database has it; what is none is left as it is."""
    try:
        return str(uuid.UUID(str(key)))
    except ValueError:
        return str(key)


def _problems_of(error: Exception, line: int) -> list[Problem]:
    if isinstance(error, RowError):
        return error.problems
    if isinstance(error, ExchangeError):
        return [Problem(str(error), line=line)]
    if isinstance(error, ValidationError):
        return [Problem(message, line=line) for message in error.messages]
    if isinstance(error, DatabaseError):
        message = _("The database refused it; another import or editor may be at work. Try again.")
        return [Problem(message, line=line)]
    return [Problem(_("The line is damaged."), line=line)]


class _Incoming:
    """Values of a line with numbers of rows for names; `notes` say what was not found."""

    def __init__(self, taking: _Taking) -> None:
        self._taking = taking
        self.notes: list[str] = []

    def choice(self, block: Block, value: Any) -> int | None:
        found = self._taking.choice(block, value)
        if found is None:
            self.notes.append(_("“%(name)s” is not in this portal, and is left out.") % {"name": str(value)[:80]})
        return found

    def link(self, kind: str, name: str) -> str | None:
        found = {"page": self._taking.page, "document": self._taking.document}.get(kind, lambda _name: None)(name)
        if found is None:
            self.notes.append(_("“%(name)s” is not in this portal, and is left out.") % {"name": name[:80]})
        return None if found is None else str(found)

    def text(self, text: str) -> str:
        """Return a rich text without tags that the editor would not have stored: it is shown as it is."""
        if is_safe(text):
            return text
        self.notes.append(_("Parts of a text that no editor could have written are left out."))
        return cleaned(text)

    def body(self, instance: ArticlePage | ReusableContent, blocks: Any, place: str) -> list[Row]:
        found: list[Row] = changed(instance.body.stream_block, blocks, self, place=place, attributes=("ref", "id"))
        return found

    def article(self, page: ArticlePage, text: Row, place: str) -> dict[str, Any]:
        """Return a version of an article with numbers of rows."""
        _check_audience(text["audience"])
        products = Product.objects.filter(code__in=text["products"])
        versions = {
            (code, number): pk
            for code, number, pk in ProductVersion.objects.filter(
                product__code__in=[code for code, _number in text["versions"]]
            ).values_list("product__code", "number", "pk")
        }
        related = [self._taking.page(name) for name in text["related"]]
        return {
            **{name: value for name, value in text.items() if name != "body"},
            "products": sorted(products.values_list("pk", flat=True)),
            "versions": sorted(versions[code, number] for code, number in text["versions"]),
            "related": [pk for pk in dict.fromkeys(related) if pk is not None and pk != page.pk],
            "body": self.body(page, text["body"], place),
        }


def _known(model: Any, key: str, language: str) -> int | None:
    try:
        family = uuid.UUID(key)
    except ValueError:
        return None
    found = model._base_manager.filter(translation_key=family, locale__language_code=language)  # noqa: SLF001 - whoever sees it
    return found.values_list("pk", flat=True).first()


def _check_audience(text: Any) -> None:
    try:
        Audience.parse(str(text))
    except InvalidAudienceError as error:
        message = _("“%(value)s” is not known, so the line is left out.")
        raise RowError([Problem(message % {"value": str(text)[:60]}, field="audience")]) from error


def _set_dates(page_id: int, row: Row) -> None:
    dates = {name: _moment(row[name]) for name in ("first_published_at", "last_published_at")}
    Page.objects.filter(pk=page_id, live=True).update(**dates)


def _place(kind: str) -> dict[str, Any]:
    return {"file": f"{kind}.jsonl", "line": 0}
