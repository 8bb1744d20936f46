"""Lines of an export about topics, shared texts, articles and redirects. The order depends on what they say only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from wagtail.contrib.redirects.models import Redirect

from faq.exporting.bodies import changed
from faq.exporting.naming import of_family
from faq.models import (
    ArticlePage,
    HelpIndexPage,
    Publication,
    RelatedArticle,
    ReusableContent,
    ShortLink,
    TopicPage,
    TranslationDebt,
)
from portal.catalog.models import Product, Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faq.exporting.naming import Names
    from portal.core.exchange import Row, Wish

#: Articles read at once.
PORTION: Final = 100
#: Fields of an article that a version of its text has.
TEXT_FIELDS: Final = (
    "title", "slug", "seo_title", "search_description", "show_in_menus", "kind", "short_answer", "spoken_answer", "platforms",
    "keywords", "reviewed_by", "featured", "audience",
)  # fmt: skip
#: Fields of an article whatever the version.
STATE_FIELDS: Final = ("external_id", "confidence", "review_every")
TOPIC_FIELDS: Final = ("code", "name", "icon", "tone", "order")
PRODUCT_FIELDS: Final = ("code", "name", "kind", "icon", "description", "order", "is_active")
PAGE_FIELDS: Final = ("title", "slug", "seo_title", "search_description", "show_in_menus", "intro", "audience", "live")


def moment(value: dt.datetime | None) -> str | None:
    """Return a time in UTC, as lines have it."""
    return None if value is None else value.astimezone(dt.UTC).isoformat()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def topics() -> Iterator[Row]:
    """Yield the topics of the catalogue."""
    for topic in sorted(Topic.objects.all(), key=lambda each: each.code):  # databases compare letters differently
        yield {name: _plain(getattr(topic, name)) for name in TOPIC_FIELDS}


def products() -> Iterator[Row]:
    """Yield the products of the catalogue with their versions."""
    for product in sorted(Product.objects.prefetch_related("versions"), key=lambda each: each.code):
        versions = [
            {"number": each.number, "released_on": each.released_on and each.released_on.isoformat()}
            for each in sorted(product.versions.all(), key=lambda each: each.number)
        ]
        yield {**{name: _plain(getattr(product, name)) for name in PRODUCT_FIELDS}, "versions": versions}


def topic_pages(wish: Wish) -> Iterator[Row]:
    """Yield the pages of topics, by language in the order of the tree: a page comes behind the one above it."""
    pages = TopicPage.objects.filter(alias_of=None).select_related("locale", "topic")
    parents = dict(TopicPage.objects.order_by().values_list("path", "translation_key"))
    articles = ArticlePage.objects.filter(alias_of=None)
    holding = {
        path[:length]
        for path in (articles if wish.drafts else articles.filter(live=True)).order_by().values_list("path", flat=True)
        for length in range(TopicPage.steplen, len(path), TopicPage.steplen)
    }
    for page in pages.order_by("locale__language_code", "path"):
        if page.live or wish.drafts or page.path in holding:
            yield topic_page(page, parents)


def topic_page(page: TopicPage, parents: dict[str, Any]) -> Row:
    """Return the line of a topic's page. `parents`: keys of the pages of topics by path."""
    above = parents.get(page.path[: -page.steplen])
    return {
        "key": str(page.translation_key),
        "language": page.locale.language_code,
        "below": str(above) if above else None,
        "topic": page.topic.code,
        **{name: getattr(page, name) for name in PAGE_FIELDS},
        "first_published_at": moment(page.first_published_at),
        "last_published_at": moment(page.last_published_at),
    }


def shared_texts(names: Names) -> Iterator[Row]:
    """Yield the shared texts."""
    for text in ReusableContent.objects.select_related("locale").order_by("translation_key", "locale__language_code"):
        yield shared_text(text, names)


def shared_text(text: ReusableContent, names: Names) -> Row:
    """Return the line of a shared text."""
    key, language = str(text.translation_key), text.locale.language_code
    return {
        "key": key,
        "language": language,
        "title": text.title,
        "body": body_of(text, of_family(key, language), names),
    }


def body_of(instance: ArticlePage | ReusableContent, place: str, names: Names) -> list[Row]:
    """Return the body of an article or shared text with names for what it refers to."""
    raw = list(instance.body.raw_data)
    found: list[Row] = changed(instance.body.stream_block, raw, names, place=place, attributes=("id", "ref"))
    return found


def article_ids(wish: Wish) -> list[int]:
    """Return the articles in an export, by language and topic in the order of the tree."""
    pages = ArticlePage.objects.filter(alias_of=None)
    if not wish.drafts:
        pages = pages.filter(live=True)
    found = [
        (language, path[: -ArticlePage.steplen], path, pk)
        for language, path, pk in pages.order_by().values_list("locale__language_code", "path", "pk")
    ]
    return [pk for _language, _parent, _path, pk in sorted(found)]  # sub-topics are made before articles beside them


def articles(ids: list[int], names: Names, wish: Wish) -> Iterator[Row]:
    """Yield the lines of articles, some at a time."""
    for start in range(0, len(ids), PORTION):
        yield from _portion(ids[start : start + PORTION], names, wish)


def _portion(ids: list[int], names: Names, wish: Wish) -> Iterator[Row]:
    pages = ArticlePage.objects.select_related("locale", "owner", "latest_revision").in_bulk(ids)
    keys = [page.translation_key for page in pages.values()]
    around = _Around(
        numbers=dict(ShortLink.objects.filter(translation_key__in=keys).values_list("translation_key", "pk")),
        topics={
            path: str(key)
            for path, key in TopicPage.objects.filter(
                path__in={page.path[: -page.steplen] for page in pages.values()}
            ).values_list("path", "translation_key")
        },
        products=_by_article(
            ArticlePage.products.through.objects.filter(articlepage__in=ids).values_list(
                "articlepage_id", "product__code"
            )
        ),
        versions=_by_article(
            (pk, [code, number])
            for pk, code, number in ArticlePage.versions.through.objects.filter(articlepage__in=ids).values_list(
                "articlepage_id", "productversion__product__code", "productversion__number"
            )
        ),
        related=_by_article(
            RelatedArticle.objects.filter(page__in=ids)
            .order_by("sort_order", "pk")
            .values_list("page_id", "article_id")
        ),
        history=_by_article(
            (each.article_id, each)
            for each in Publication.objects.filter(article__in=ids).order_by("published_at", "pk")
        ),
        debts={
            debt.article_id: debt
            for debt in TranslationDebt.objects.filter(article__in=ids).select_related("source__locale")
        },
    )
    for pk in ids:
        if pk in pages:  # deleted meanwhile
            yield _article(pages[pk], around, names, wish)


def _by_article(rows: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for pk, value in rows:
        found[pk].append(value)
    return found


class _Around:
    """What other tables say of some articles."""

    def __init__(
        self,
        *,
        numbers: dict[Any, int],
        topics: dict[str, str],
        products: dict[int, list[Any]],
        versions: dict[int, list[Any]],
        related: dict[int, list[Any]],
        history: dict[int, list[Any]],
        debts: dict[int, TranslationDebt],
    ) -> None:
        self.numbers, self.topics, self.products, self.versions = numbers, topics, products, versions
        self.related, self.history, self.debts = related, history, debts


def article(page: ArticlePage, names: Names, wish: Wish) -> Row:
    """Return the line of one article as it is now."""
    return next(_portion([page.pk], names, wish))


def _article(page: ArticlePage, around: _Around, names: Names, wish: Wish) -> Row:
    key, language = str(page.translation_key), page.locale.language_code
    debt = around.debts.get(page.pk)
    if debt is not None and names.page(debt.source_id) is None:
        debt = None
    row: Row = {
        "key": key,
        "language": language,
        "topic_page": around.topics.get(page.path[: -page.steplen]),
        "number": around.numbers.get(page.translation_key),
        **{name: getattr(page, name) for name in STATE_FIELDS},
        "next_review_on": page.next_review_on and page.next_review_on.isoformat(),
        "first_published_at": moment(page.first_published_at),
        "last_published_at": moment(page.last_published_at),
        "expire_at": moment(page.expire_at),
        "text": None,
        "draft": None,
        "history": [
            {
                "significance": each.significance,
                "note": each.note if wish.drafts or each.audience == page.effective_audience else "",
                "published_at": moment(each.published_at),
                "audience": each.audience,
            }
            for each in around.history[page.pk]
        ],
        "out_of_date": debt and {"since": moment(debt.since), "source": debt.source.locale.language_code},
    }
    if page.live:
        products, versions = sorted(around.products[page.pk]), sorted(around.versions[page.pk])
        relations = (products, versions, around.related[page.pk])
        row["text"] = _text(page, relations, names)
    if wish.drafts and (page.has_unpublished_changes or not page.live):
        row["draft"] = _draft(page, names)
    if wish.people:
        row["owner"] = page.owner.email if page.owner else None
    return row


def _text(page: ArticlePage, relations: tuple[list[Any], list[Any], list[Any]], names: Names) -> Row:
    products, versions, related = relations
    place = of_family(page.translation_key, page.locale.language_code)
    found = [names.page(pk) for pk in related]
    return {
        **{name: getattr(page, name) for name in TEXT_FIELDS},
        "products": products,
        "versions": versions,
        "related": [name for name in found if name is not None],
        "body": body_of(page, place, names),
    }


def _draft(page: ArticlePage, names: Names) -> Row:
    """Return the newest version of an article, as an editor sees it."""
    draft: ArticlePage = page.get_latest_revision_as_object()
    products = sorted(draft.products.values_list("code", flat=True))
    versions = sorted([each.product.code, each.number] for each in draft.versions.select_related("product"))
    related = [each.article_id for each in draft.related_articles.all()]
    text = _text(draft, (products, versions, related), names)
    return {**text, "change_significance": draft.change_significance, "change_note": draft.change_note}


def redirects(names: Names) -> Iterator[Row]:
    """Yield the former addresses of what is in the export."""
    found: list[Row] = []
    for each in Redirect.objects.filter(redirect_page__isnull=False).iterator(500):
        target = names.page(each.redirect_page_id)
        if target is not None and target.startswith(("article:", "topic:")):
            found.append(
                {
                    "from": each.old_path,
                    "to": target,
                    "route": each.redirect_page_route_path,
                    "permanent": each.is_permanent,
                    "automatic": each.automatically_created,
                    "every_site": each.site_id is None,
                }
            )
    yield from sorted(found, key=itemgetter("from", "to"))


def help_pages() -> dict[str, int]:
    """Return the list of topics of each language."""
    pages = HelpIndexPage.objects.order_by("live", "-path")  # the last one counts: published, the first in the tree
    return dict(pages.values_list("locale__language_code", "pk"))
