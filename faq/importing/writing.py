"""Articles that an import makes, written many at once: what Wagtail asks and writes page by page is asked and written once a portion.

The result is the same as that of saving, `save_revision` and `publish` for a page that nobody has seen yet: rows, revision, log,
short link, publication, reference index, search documents and audiences of files. Everything of a portion is in one transaction.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.contenttypes.models import ContentType
from django.db import connection, router, transaction
from django.db.models import F
from django.utils import timezone
from wagtail.coreutils import find_available_slug
from wagtail.models import COMMENTS_RELATION_NAME, Locale, Page, PageLogEntry, ReferenceIndex, Revision
from wagtail.search.backends import get_search_backends_with_name

from faq.importing.history import LOG_ACTION
from faq.importing.markdown import bidi_safe
from faq.models import ArticlePage, Publication, RelatedArticle, ShortLink, TopicPage
from portal.catalog.models import Product
from portal.core.pages import ARTICLES, inherited_changed
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from faq.importing.fields import ArticleFields
    from faq.importing.markdown import Body
    from portal.accounts.models import User

#: Rows written in one transaction: short enough that others write between two of them.
PORTION: Final = 12
#: After so long with the database's only write lock, others get so long without it. They ask again every 50 ms at most.
_HELD_SECONDS: Final = 0.15
_GAP_SECONDS: Final = 0.06


@dataclass(slots=True)
class NewPage:
    """An article to be made: empty, so that others can link to it."""

    external_id: str
    language: str
    title: str
    slug: str


@dataclass(slots=True)
class Content:
    """What an empty page is to hold. `related` are pages; `history` goes into the log with the fingerprint."""

    page_id: int
    fields: ArticleFields
    body: Body
    related: list[int]
    fingerprint: str
    history: dict[str, Any]
    publish: bool


class Turns:
    """Leaves the database to others from time to time: SQLite has one writer, and whoever waits for it is in no queue."""

    def __init__(self) -> None:
        self._held = 0.0
        self._released = time.monotonic()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write inside the block, after a pause if it is the turn of others."""
        now = time.monotonic()
        if now - self._released >= _GAP_SECONDS:
            self._held = 0.0
        elif self._held >= _HELD_SECONDS and connection.vendor == "sqlite" and not connection.in_atomic_block:
            time.sleep(_GAP_SECONDS - (now - self._released))
            self._held = 0.0
        started = time.monotonic()
        try:
            yield
        finally:
            self._released = time.monotonic()
            self._held += self._released - started


class NewArticles:
    """Makes articles in two steps: empty pages, then what they hold."""

    def __init__(self, *, user: User | None, run: int | None = None) -> None:
        self._user = user
        self._run = run
        self._locales: dict[str, Locale] = {locale.language_code: locale for locale in Locale.objects.all()}
        self._products: dict[str, Product] | None = None

    @transaction.atomic
    def make(self, topic_id: int, wanted: Sequence[NewPage]) -> list[int]:
        """Make an empty, unpublished page below a topic for each of `wanted` and return their ids."""
        topic = TopicPage.objects.select_for_update().get(pk=topic_id)
        families = self._families(wanted)
        taken = set(
            Page.objects.child_of(topic).filter(slug__in=[new.slug for new in wanted]).values_list("slug", flat=True)
        )
        last = topic.get_last_child()
        pages: list[ArticlePage] = []
        for new in wanted:
            page = ArticlePage(
                locale=self._locales[new.language],
                owner=self._user,
                external_id=new.external_id,
                title=bidi_safe(new.title, new.language),
                slug=_free(topic, new.slug, taken),
                short_answer="…",
                live=False,
                has_unpublished_changes=True,
                latest_revision_created_at=None,
            )
            page.draft_title = page.title
            page.translation_key = families.setdefault(new.external_id, page.translation_key)
            page.depth = topic.depth + 1
            page.path = last._inc_path() if last is not None else Page._get_path(topic.path, page.depth, 1)  # noqa: SLF001 - as treebeard does
            page.set_url_path(topic)
            page.inherit_from(topic)
            taken.add(page.slug)
            pages.append(page)
            last = page
        rows = Page.objects.bulk_create(Page(**_columns(page, Page)) for page in pages)
        for page, row in zip(pages, rows, strict=True):
            page.pk = row.pk
            page.page_ptr_id = row.pk
        _insert_own_columns(pages)
        Page.objects.filter(pk=topic.pk).update(numchild=F("numchild") + len(pages))
        data = {page.pk: {"import": self._run} for page in pages} if self._run else None
        self._log(pages, "wagtail.create", content_changed=True, data=data)
        return [int(page.pk) for page in pages]

    @staticmethod
    def _families(wanted: Sequence[NewPage]) -> dict[str, Any]:
        """Return the translation keys of articles that exist in some language, by id."""
        known = ArticlePage.objects.filter(external_id__in=[new.external_id for new in wanted]).order_by("-pk")
        return dict(known.values_list("external_id", "translation_key"))

    @transaction.atomic
    def fill(self, contents: Sequence[Content]) -> dict[int, str]:
        """Write what empty pages are to hold, and return the slugs of those that were written.

        Left out are pages that somebody edited or moved meanwhile. Raises `ValidationError`, and `DatabaseError`, for the
        whole portion: then none is written.
        """
        by_page = {content.page_id: content for content in contents}
        places = Page.objects.filter(pk__in=by_page).values_list("path", flat=True)
        above = {path[: -Page.steplen] for path in places}
        topics = {
            topic.path: topic for topic in TopicPage.objects.select_for_update(no_key=True).filter(path__in=above)
        }
        empty = ArticlePage.objects.select_for_update(no_key=True).filter(
            pk__in=by_page, latest_revision=None, live=False
        )
        pages = [page for page in empty.order_by("path") if page.path[: -Page.steplen] in topics]
        for page in pages:
            self._set(page, by_page[page.pk], topics[page.path[: -Page.steplen]])
        revisions = self._revise(pages)
        now = timezone.now()
        for page, revision in zip(pages, revisions, strict=True):
            self._finish(page, by_page[page.pk], revision, now)
        live = [page for page in pages if page.live]
        of_page = {page.pk: revision for page, revision in zip(pages, revisions, strict=True)}
        self._follow(pages, by_page, of_page, live, now)
        return {int(page.pk): page.slug for page in pages}

    def _set(self, page: ArticlePage, content: Content, topic: TopicPage) -> None:
        fields = content.fields
        set_plain_fields(page, fields)
        page.locale = self._locales[fields.language]
        page.body = json.dumps(content.body.blocks)
        page.products = [self._product(code) for code in fields.products]
        page.versions = []
        setattr(page, COMMENTS_RELATION_NAME, [])
        related = [RelatedArticle(article_id=pk, sort_order=place) for place, pk in enumerate(content.related)]
        page.related_articles = related  # type: ignore[assignment]  # modelcluster takes a list
        page.inherit_from(topic)
        page.reading_minutes = page.minutes_to_read()
        # What is found by asking the database is right here: the keys of rows just read, a place and a slug just given.
        relations = {field.name for field in page._meta.concrete_fields if field.is_relation}  # noqa: SLF001 - Django's documented model API
        page.clean_fields(exclude={*relations, "path", "url_path"})

    def _product(self, code: str) -> Product:
        if self._products is None:
            self._products = {product.code: product for product in Product.objects.all()}
        return self._products[code]

    def _revise(self, pages: Sequence[ArticlePage]) -> list[Revision]:
        kind = ContentType.objects.get_for_model(ArticlePage)
        base = ContentType.objects.get_for_model(Page)
        return Revision.objects.bulk_create(
            Revision(
                content_type=kind,
                base_content_type=base,
                object_id=str(page.pk),
                user=self._user,
                created_at=timezone.now(),
                object_str=str(page),
                content=page.serializable_data(),
            )
            for page in pages
        )

    @staticmethod
    def _finish(page: ArticlePage, content: Content, revision: Revision, now: dt.datetime) -> None:
        """Store the columns of the page."""
        page.latest_revision = revision
        page.latest_revision_created_at = revision.created_at
        if content.publish:
            page.live, page.has_unpublished_changes, page.live_revision = True, False, revision
            page.first_published_at = page.last_published_at = date_of(content.fields) or now
            page.next_review_on = page.next_review_on or page.review_date_after(timezone.localdate())
        for model in (Page, ArticlePage):
            # Where it is may be changed by others all the time.
            columns = {name: value for name, value in _columns(page, model).items() if name not in _PLACE}
            model._base_manager.filter(pk=page.pk).update(**columns)  # noqa: SLF001 - Django's documented name

    def _follow(
        self,
        pages: Sequence[ArticlePage],
        contents: dict[int, Content],
        revisions: dict[int, Revision],
        live: Sequence[ArticlePage],
        now: dt.datetime,
    ) -> None:
        """Write what belongs to the pages, in a query for each kind."""
        related = [related for page in pages for related in page.related_articles.all()]
        for row in related:
            row.page_id = row.page.pk
        RelatedArticle.objects.bulk_create(related)
        products = ArticlePage.products.through
        products.objects.bulk_create(
            products(articlepage_id=page.pk, product_id=product.pk) for page in pages for product in page.products.all()
        )
        ShortLink.objects.bulk_create(
            [ShortLink(translation_key=page.translation_key) for page in live], ignore_conflicts=True
        )
        Publication.objects.bulk_create(
            Publication(
                article=page,
                revision_number=revisions[page.pk].pk,
                published_at=now,
                audience=page.effective_audience,
                by=self._user,
            )
            for page in live
        )
        self._log(live, "wagtail.publish", revisions=revisions, content_changed=True)
        self._log(
            pages,
            LOG_ACTION,
            revisions=revisions,
            content_changed=True,
            data={pk: {**content.history, "made": True} for pk, content in contents.items()},
        )
        ReferenceIndex.objects.bulk_create(_references(pages))
        for _name, backend in get_search_backends_with_name(with_auto_update=True):
            backend.add_bulk(ArticlePage, list(pages))
        inherited_changed.send(sender=ArticlePage, page_ids=[page.pk for page in pages])  # files and search documents
        content_changed(ARTICLES)

    def _log(
        self,
        pages: Iterable[ArticlePage],
        action: str,
        *,
        revisions: dict[int, Revision] | None = None,
        data: dict[int, dict[str, Any]] | None = None,
        content_changed: bool,
    ) -> None:
        kind = ContentType.objects.get_for_model(ArticlePage)
        PageLogEntry.objects.bulk_create(
            PageLogEntry(
                page_id=page.pk,
                content_type=kind,
                label=page.get_admin_display_title(),
                action=action,
                timestamp=timezone.now(),
                user=self._user,
                revision=(revisions or {}).get(page.pk),
                data=(data or {}).get(page.pk, {}),
                content_changed=content_changed,
            )
            for page in pages
        )


#: Columns of a page that say where it is.
_PLACE: Final = {"id", "page_ptr", "page_ptr_id", "path", "depth", "numchild", "url_path", "slug"}


def set_plain_fields(page: ArticlePage, fields: ArticleFields) -> None:
    """Set what a row says in so many words."""
    page.title = bidi_safe(fields.title, fields.language)
    page.draft_title = page.title
    page.kind = fields.kind
    page.short_answer = bidi_safe(fields.short_answer, fields.language)
    page.spoken_answer = bidi_safe(fields.spoken_answer, fields.language)
    page.platforms = fields.platforms
    page.audience = fields.audience
    page.reviewed_by = fields.reviewed_by
    page.featured = fields.is_featured
    page.keywords = fields.keywords


def date_of(fields: ArticleFields) -> dt.datetime | None:
    """Return when the source was changed, if it says so; noon is the same date in nearly every time zone."""
    if fields.updated is None:
        return None
    day = fields.updated
    at = timezone.make_aware(dt.datetime(day.year, day.month, day.day, 12))  # noqa: DTZ001 - made aware here
    return min(at, timezone.now())


def free_slug(parent: Page, wanted: str, page_id: int | None = None) -> str:
    """Return the slug, or one with a number if another page beside it has it."""
    slug: str = find_available_slug(parent, wanted, ignore_page_id=page_id)
    return slug


def _free(parent: Page, wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    slug, number = free_slug(parent, wanted), 0
    while slug in taken:
        number += 1
        slug = free_slug(parent, f"{wanted}-{number}")
    return slug


def _columns(page: ArticlePage, model: type[Page]) -> dict[str, Any]:
    """Return the values of the columns in the table of `model`, but for a key that is not known yet."""
    columns = {field.attname: getattr(page, field.attname) for field in model._meta.local_concrete_fields}  # noqa: SLF001 - Django's documented model API
    if columns.get("id", 0) is None:
        del columns["id"]
    return columns


def _insert_own_columns(pages: list[ArticlePage]) -> None:
    """Insert the rows of pages into the table of articles; `bulk_create` refuses models with a parent, whose rows are there."""
    options = ArticlePage._meta  # noqa: SLF001 - Django's documented model API
    manager = ArticlePage._base_manager  # noqa: SLF001 - Django's documented name
    database = router.db_for_write(ArticlePage)
    manager._insert(pages, fields=options.local_concrete_fields, using=database)  # noqa: SLF001
    for page in pages:
        page._state.adding = False  # noqa: SLF001 - as `bulk_create` does
        page._state.db = database  # noqa: SLF001


def _references(pages: Iterable[ArticlePage]) -> Iterator[ReferenceIndex]:
    """Yield the rows of Wagtail's reference index, of which new pages have none."""
    kind = ContentType.objects.get_for_model(ArticlePage)
    base = ContentType.objects.get_for_model(Page)
    for page in pages:
        for to_type, to_id, model_path, content_path in sorted(
            set(ReferenceIndex._extract_references_from_object(page))  # noqa: SLF001 - it offers one object at a time
        ):
            yield ReferenceIndex(
                content_type=kind,
                base_content_type=base,
                object_id=str(page.pk),
                to_content_type_id=to_type,
                to_object_id=to_id,
                model_path=model_path,
                content_path=content_path,
                content_path_hash=ReferenceIndex._get_content_path_hash(content_path),  # noqa: SLF001
            )
