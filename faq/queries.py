"""Queries of the help pages; everything is read through `visible_to(user)`.

Data that does not depend on the person is cached for a short time in each process (`portal.core.memo`), per audience.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Length, RowNumber, Sqrt, Substr
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from wagtail.models import Page

from faq.models import (
    ArticlePage,
    Feedback,
    HelpIndexPage,
    Publication,
    RelatedArticle,
    ShortLink,
    Significance,
    TopicPage,
    TranslationDebt,
    family_scope,
)
from faq.rendering import RenderedBody, render_body
from portal.catalog.models import Ownership, Product, ProductVersion
from portal.core.article_sources import credit_for
from portal.core.audience import PUBLIC, audiences_for, reading_as
from portal.core.feeds import ENTRIES
from portal.core.guides import Guide, guides_for
from portal.core.http import public_address
from portal.core.machine_reading import is_open_to_programs
from portal.core.memo import Memo
from portal.core.pages import page_url
from portal.core.places import Place, place_of
from portal.core.prepared import Prepared
from portal.core.routing import has_paths
from portal.core.scopes import making, rests_on
from portal.core.support import SupportContact, support_contact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.paginator import Page as PageOfList
    from django.http import HttpRequest

    from portal.core.article_sources import Credit
    from portal.core.localized import LocalizedText
    from portal.core.pages import AnyUser

#: Query parameter of an article's address after an answer without JavaScript: ``solved`` or ``unsolved``.
THANKS: Final = "thanks"
RELATED: Final = 5
IN_TOPIC: Final = 5
#: Changes told to readers.
CHANGES: Final = 5
ON_A_PAGE: Final = 20
RECENT_DAYS: Final = 30
HELPFUL_DAYS: Final = 90
#: Smallest number of articles that is shown; a smaller one tells the reader nothing.
MIN_COUNT_SHOWN: Final = 2
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class ArticleLink:
    """An article as shown in a list."""

    id: int
    title: str
    url: str
    short_answer: str = ""
    kind: str = ""
    minutes: int = 1
    updated_at: dt.datetime | None = None
    is_new: bool = False
    topic_code: str = ""


@dataclass(frozen=True, slots=True)
class TopicLink:
    """A topic as shown in a list. `count` is 0 when it is not worth showing."""

    id: int
    code: str
    title: str
    url: str
    intro: str
    icon: str
    tone: str
    count: int = 0
    articles: tuple[ArticleLink, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """A product, or one version of it, that an article is about."""

    product_id: int
    name: LocalizedText
    version: str = ""
    is_device: bool = False


@dataclass(frozen=True, slots=True)
class NewerText:
    """The same article in a language in which something important changed since this translation was made."""

    title: str
    url: str
    language: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What an editor told readers about a published change."""

    note: str
    published_at: dt.datetime
    is_major: bool


@dataclass(frozen=True, slots=True)
class NewsItem:
    """An article as a feed tells of it. `change` is what an editor said about the version that is read now."""

    title: str
    url: str
    short_answer: str
    number: int | None
    published_at: dt.datetime | None
    changed_at: dt.datetime | None
    change: str = ""


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """This reader's feedback on the revision being read."""

    solved: bool
    reason: str
    comment: str


@dataclass(frozen=True, slots=True)
class _SharedArticleData:
    """The part that is the same for all readers of one audience."""

    body: RenderedBody
    applies_to: tuple[AppliesTo, ...]
    platforms: tuple[str, ...]
    related: tuple[ArticleLink, ...]
    in_topic: tuple[ArticleLink, ...]
    newer: NewerText | None
    changes: tuple[Change, ...]
    guides: tuple[Guide, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArticleForEverybody:
    """What programs are given of an article."""

    body: RenderedBody
    applies_to: tuple[AppliesTo, ...]
    platforms: tuple[str, ...]
    #: The text that this translation lags behind.
    newer: NewerText | None


@dataclass(frozen=True, slots=True)
class ArticleView:
    """The part of an article that is shown to all readers of one audience; contains nothing about one person.

    The HTML made from it is cached (``{% shared %}``) under its `fragment_key`.
    """

    fragment_key: tuple[int, int, dt.datetime | None]
    page: ArticlePage
    body: RenderedBody
    applies_to: tuple[AppliesTo, ...]
    platforms: tuple[str, ...]
    related: tuple[ArticleLink, ...]
    in_topic: tuple[ArticleLink, ...]
    newer: NewerText | None
    changes: tuple[Change, ...]
    guides: tuple[Guide, ...]
    place: Place
    short_url: str
    support: SupportContact | None
    #: Address of the article as Markdown; empty unless everybody, programs included, may read it.
    markdown_url: str
    #: Scopes of what the page shows (`portal.core.scopes`): itself, its topic, and the articles it links to.
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArticlePageData:
    """Everything the article page shows: `article` is the same for everybody, the rest is for this reader."""

    article: ArticleView
    solved_count: int
    number: int | None
    feedback_url: str
    other_devices: tuple[str, ...] = ()
    answer: OwnAnswer | None = None
    #: Whom it owes something to, as this reader may know it; None for an article that was written here.
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class TopicPageData:
    icon: str
    tone: str
    sub_topics: tuple[TopicLink, ...]
    articles: tuple[ArticleLink, ...]
    recent: tuple[ArticleLink, ...]
    page_obj: PageOfList[Any]
    page_range: tuple[int | str, ...]
    guides: tuple[Guide, ...]
    support: SupportContact | None
    #: Address of the feed; empty where not everybody may read the page.
    feed_url: str = ""


@dataclass(frozen=True, slots=True)
class HelpIndexData:
    topics: tuple[TopicLink, ...]
    support: SupportContact | None
    feed_url: str = ""


_articles: Memo[_SharedArticleData] = Memo(max_size=512, scopes=("catalogue", "site"))


# Addresses ------------------------------------------------------------------------------------------------------------


def help_url(language: str) -> str:
    """Return the address of the list of topics in a language; empty when there is none."""
    page = HelpIndexPage.objects.live().filter(locale__language_code=language).order_by("path").first()
    return page_url(page) if page is not None else ""


def markdown_path(page: ArticlePage) -> str:
    """Return the path of an article as Markdown (`faq.machine`): its own with ``.md`` in place of the last slash."""
    return f"{page_url(page).rstrip('/')}.md"


def _markdown_url(page: ArticlePage) -> str:
    is_there = page.live and page.effective_audience == PUBLIC and is_open_to_programs() and has_paths()
    return public_address(markdown_path(page)) if is_there else ""


def _feed_url(page: HelpIndexPage | TopicPage) -> str:
    """Return the path of the feed of what is below a page (`faq.feeds`); empty where there is none."""
    is_there = page.live and page.effective_audience == PUBLIC and has_paths()
    return f"{page_url(page).rstrip('/')}.atom" if is_there else ""


def article_by_number(number: int, language: str, user: AnyUser) -> ArticlePage | None:
    """Return the article behind a short link as `user` may see it: in `language`, else in any other one; or None."""
    found = (
        ArticlePage.objects.visible_to(user)
        .filter(translation_key__in=ShortLink.objects.filter(pk=number).values("translation_key"))
        .select_related("locale", "owner")
        .annotate(wanted=Case(When(locale__language_code=language, then=Value(0)), default=Value(1)))
    )
    return found.order_by("wanted", "pk").first()


# Lists ----------------------------------------------------------------------------------------------------------------


def article_link(page: ArticlePage) -> ArticleLink:
    """Return a row of `for_listing` as shown in a list; no query."""
    first = page.first_published_at
    return ArticleLink(
        id=page.pk,
        title=page.title,
        url=page_url(page),
        short_answer=page.short_answer,
        kind=page.kind,
        minutes=page.reading_minutes,
        updated_at=page.last_published_at,
        is_new=first is not None and first > timezone.now() - dt.timedelta(days=RECENT_DAYS),
        topic_code=page.topic.code if page.topic_id and page.topic else "",
    )


def _links(pages: Iterable[ArticlePage]) -> tuple[ArticleLink, ...]:
    return tuple(map(article_link, pages))


def helpful_score(solved: float, votes: int) -> float:
    """Return the lower bound of the 95 % Wilson interval of the share of readers an article helped; 0 without votes."""
    if not votes:
        return 0.0
    share = solved / votes
    spread = _Z * ((share * (1 - share) + _Z**2 / (4 * votes)) / votes) ** 0.5
    return (share + _Z**2 / (2 * votes) - spread) / (1 + _Z**2 / votes)


def helpful_score_of(solved: str, votes: str) -> Any:
    """Return `helpful_score` as an expression of two columns; of rows with votes."""
    number, share = Cast(votes, FloatField()), Cast(solved, FloatField()) / Cast(votes, FloatField())
    spread = Sqrt((share * (1.0 - share) + _Z**2 / (number * 4.0)) / number) * _Z
    return ExpressionWrapper(
        (share + _Z**2 / (number * 2.0) - spread) / (1.0 + _Z**2 / number), output_field=FloatField()
    )


def has_voted(article: ArticlePage, visitor: str) -> bool:
    """Return whether the visitor with this key answered about any revision of the article; one query."""
    return Feedback.objects.filter(article_id=article.pk, visitor=visitor).exists()


def most_helpful(language: str, user: AnyUser, limit: int) -> list[ArticleLink]:
    """Return the articles that readers found most helpful, best first; one query.

    Ordered by the votes of the last 90 days, as they were weighed in the last hour (`VoteEvidence`), so that few votes
    count little and one network counts nothing; then those featured by editors; then the newest.
    """
    found = (
        ArticlePage.objects.visible_to(user)
        .filter(locale__language_code=language)
        .annotate(helpful=Coalesce("vote_evidence__recent", 0))
        .for_listing()
        .order_by("-helpful", "-featured", F("last_published_at").desc(nulls_last=True), "pk")
    )
    return list(_links(found[:limit]))


def recently_changed(language: str, user: AnyUser, limit: int) -> list[ArticleLink]:
    """Return the most recently published articles, newest first; one query."""
    found = ArticlePage.objects.visible_to(user).filter(locale__language_code=language).for_listing()
    return list(_links(found.order_by(F("last_published_at").desc(nulls_last=True), "pk")[:limit]))


def news(page: HelpIndexPage | TopicPage) -> list[NewsItem]:
    """Return what is new or changed below a page and everybody may read, newest first; two queries.

    A small change is no news: the article keeps its place.
    """
    more_than_small = Publication.objects.filter(article=OuterRef("pk")).exclude(significance=Significance.TYPO)
    numbers = ShortLink.objects.filter(translation_key=OuterRef("translation_key")).values("pk")
    found = list(
        ArticlePage.objects.descendant_of(page)
        .visible_to(None)
        .for_listing()
        .annotate(
            number=Subquery(numbers[:1]),
            changed_at=Coalesce(
                Subquery(more_than_small.order_by("-published_at").values("published_at")[:1]),
                "first_published_at",
                "last_published_at",
            ),
        )
        .order_by(F("changed_at").desc(nulls_last=True), "-pk")[:ENTRIES]
    )
    told = Publication.objects.filter(article__in=[each.pk for each in found], audience=PUBLIC).exclude(note="")
    told = told.exclude(significance__in=["", Significance.TYPO])
    changes = dict(told.filter(revision_number=F("article__live_revision_id")).values_list("article_id", "note"))
    return [
        NewsItem(
            title=each.title,
            url=page_url(each),
            short_answer=each.short_answer,
            number=each.number,
            published_at=each.first_published_at or each.changed_at,
            changed_at=each.changed_at,
            change=changes.get(each.pk, ""),
        )
        for each in found
    ]


def articles_for_products(language: str, user: AnyUser, product_ids: Iterable[int], limit: int) -> list[ArticleLink]:
    """Return articles about the given products, guides first; one query."""
    about = ArticlePage.products.through.objects.filter(articlepage_id=OuterRef("pk"), product_id__in=list(product_ids))
    found = ArticlePage.objects.visible_to(user).filter(Exists(about), locale__language_code=language).for_listing()
    return list(
        _links(found.order_by("-kind", "-featured", F("last_published_at").desc(nulls_last=True), "pk")[:limit])
    )


def topics_for_home(language: str, user: AnyUser) -> list[TopicLink]:
    """Return the top-level topics, in editors' order, with their number of articles; two queries."""
    topics = (
        TopicPage.objects.visible_to(user)
        .filter(locale__language_code=language)
        .annotate(above=Substr("path", 1, Length("path") - Page.steplen))
        .filter(above__in=HelpIndexPage.objects.live().values("path"))
    )
    return list(_topic_links(topics, user))


def _topic_links(topics: Any, user: AnyUser, *, examples: int = 0) -> tuple[TopicLink, ...]:
    """Return topic pages of one level with the number of articles anywhere below and, if asked for, the first few."""
    pages = list(topics.select_related("topic").order_by("path"))
    if not pages:
        return ()
    length = len(pages[0].path)
    below = (
        ArticlePage.objects.visible_to(user)
        .annotate(branch=Substr("path", 1, length))
        .filter(branch__in=[page.path for page in pages])
    )
    counts = dict(below.order_by().values("branch").annotate(number=Count("pk")).values_list("branch", "number"))
    shown: dict[str, list[ArticleLink]] = {}
    if examples:
        ranked = below.for_listing().annotate(
            place=Window(
                RowNumber(),
                partition_by=F("branch"),
                order_by=[F("featured").desc(), F("last_published_at").desc(nulls_last=True), F("pk").asc()],
            )
        )
        for article in ranked.filter(place__lte=examples).order_by("branch", "place"):
            shown.setdefault(article.path[:length], []).append(article_link(article))
    return tuple(
        TopicLink(
            id=page.pk,
            code=page.topic.code,
            title=page.title,
            url=page_url(page),
            intro=page.intro,
            icon=page.topic.icon,
            tone=page.topic.tone,
            count=counts.get(page.path, 0) if counts.get(page.path, 0) >= MIN_COUNT_SHOWN else 0,
            articles=tuple(shown.get(page.path, ())),
        )
        for page in pages
    )


# Pages ----------------------------------------------------------------------------------------------------------------


def help_index_data(page: HelpIndexPage, request: HttpRequest) -> HelpIndexData:
    """Return the list of all topics; the number of queries does not depend on their number."""
    topics = TopicPage.objects.child_of(page).visible_to(request.user)
    return HelpIndexData(
        topics=_topic_links(topics, request.user, examples=3),
        support=support_contact(),
        feed_url=_feed_url(page),
    )


def topic_page_data(page: TopicPage, request: HttpRequest) -> TopicPageData:
    """Return a topic: its sub-topics, its articles 20 at a time, and what is new or changed among them."""
    user = request.user
    articles = ArticlePage.objects.child_of(page).visible_to(user).for_listing()
    ordered = articles.order_by("-featured", "path")  # as editors order pages
    paginator = Paginator(ordered, ON_A_PAGE)
    page_obj = paginator.get_page(request.GET.get("page"))
    since = timezone.now() - dt.timedelta(days=RECENT_DAYS)
    recent = articles.filter(last_published_at__gte=since).order_by("-last_published_at", "pk")[:RELATED]
    return TopicPageData(
        icon=page.topic.icon,
        tone=page.topic.tone,
        sub_topics=_topic_links(TopicPage.objects.child_of(page).visible_to(user), user),
        articles=_links(page_obj.object_list),
        recent=_links(recent) if paginator.count > RELATED else (),
        page_obj=page_obj,
        page_range=tuple(paginator.get_elided_page_range(page_obj.number)),
        guides=guides_for(user, language=page.locale.language_code, topic_id=page.topic_id),
        support=support_contact(),
        feed_url=_feed_url(page),
    )


def article_page_data(page: ArticlePage, request: HttpRequest) -> ArticlePageData:
    """Return an article for one reader.

    The body and the lists beside it are cached per revision and audience; counts and feedback are read each time.
    """
    user = request.user
    language = page.locale.language_code
    if getattr(request, "is_preview", False):
        shared = _shared_data(page, user, draft=True)
    else:
        key = (page.pk, page.live_revision_id, page.last_published_at, language, tuple(audiences_for(user)))
        shared = _articles.get(key, lambda: _shared_data(page, user))
    number = getattr(page, "number", None)
    answer: OwnAnswer | None = None
    other_devices: tuple[str, ...] = ()
    if user.is_authenticated:
        answer = own_answer(page, user) if page.pk else None  # it is seen before it is stored
        other_devices = _other_devices(shared.applies_to, user)
    elif request.GET.get(THANKS) in {"solved", "unsolved"}:
        answer = OwnAnswer(request.GET[THANKS] == "solved", "", "")
    article = ArticleView(
        fragment_key=(page.pk or 0, page.live_revision_id or 0, page.last_published_at),
        page=page,
        body=shared.body,
        applies_to=shared.applies_to,
        platforms=shared.platforms,
        related=shared.related,
        in_topic=shared.in_topic,
        newer=shared.newer,
        changes=shared.changes,
        guides=shared.guides,
        place=place_of(page, request),
        short_url=request.build_absolute_uri(reverse("faq:short_link", args=[number])) if number else "",
        support=support_contact(),
        markdown_url=_markdown_url(page),
        scopes=shared.scopes,
    )
    return ArticlePageData(
        article=article,
        solved_count=getattr(page, "solved_count", 0),
        number=number,
        feedback_url=reverse("faq:article_feedback", args=[number]) if number else "",
        other_devices=other_devices,
        answer=answer,
        credit=_credit(page, user) if page.source else None,
    )


def article_for_everybody(page: ArticlePage) -> ArticleForEverybody:
    """Return the body of an article and what it applies to, as everybody sees them; cached as for the page."""
    language = page.locale.language_code
    key = (page.pk, page.live_revision_id, page.last_published_at, language, tuple(audiences_for(None)))
    shared = _articles.get(key, lambda: _shared_data(page, None))
    return ArticleForEverybody(shared.body, shared.applies_to, shared.platforms, shared.newer)


def _credit(page: ArticlePage, user: AnyUser) -> Credit:
    """Return whom the article thanks; the page depends on it. One query."""
    with override(page.locale.language_code):
        credit = credit_for(user, page.source, page.source_parts)
    rests_on(*credit.scopes)
    return credit


def own_answer(page: ArticlePage, user: AbstractBaseUser) -> OwnAnswer | None:
    """Return a signed-in reader's feedback on the current live revision, or None."""
    for solved, reason, comment in _own_answers.rows(page.pk, page.live_revision_id or 0, user.pk):  # at most one
        return OwnAnswer(solved, reason, comment)
    return None


def answer_of_visitor(page: ArticlePage, visitor: str) -> OwnAnswer | None:
    """Return the feedback of a reader without an account on the current live revision, or None; one query."""
    found = Feedback.objects.filter(article_id=page.pk, revision_read=page.live_revision_id or 0, visitor=visitor)
    row = found.values_list("solved", "reason", "comment").first()
    return OwnAnswer(*row) if row else None


_own_answers: Final = Prepared(
    lambda article, revision, user: (
        Feedback.objects.filter(article_id=article, revision_read=revision, user_id=user)
        .order_by()
        .values_list("solved", "reason", "comment")
    ),
    int,
    int,
    int,
)


def _shared_data(page: ArticlePage, user: AnyUser, *, draft: bool = False) -> _SharedArticleData:
    language = page.locale.language_code
    with making(*page.scopes) as recorder:
        with override(language), reading_as(user):
            body = render_body(page.body, language=language, linked=_linked_articles(page, user))
            platforms = tuple(page.platform_labels)
        applies_to = _applies_to(page, draft=draft)
        related, in_topic = _neighbours(page, user, [item.product_id for item in applies_to])
        newer, changes = _newer_text(page, user), _changes(page)
        guides = guides_for(user, language=language, topic_id=page.topic_id)
    scopes = tuple(sorted(recorder.stamp.scopes))
    return _SharedArticleData(body, applies_to, platforms, related, in_topic, newer, changes, guides, scopes)


def _newer_text(page: ArticlePage, user: AnyUser) -> NewerText | None:
    """Return the text that a translation lags behind, if the reader may see it; one query."""
    debt = TranslationDebt.objects.filter(article=page.pk)
    found = ArticlePage.objects.visible_to(user).filter(pk__in=debt.values("source"))
    for source in found.annotate(since=Subquery(debt.values("since"))).for_listing():  # at most one
        return NewerText(source.title, page_url(source), source.locale.language_code, source.since)
    return None


def _changes(page: ArticlePage) -> tuple[Change, ...]:
    """Return the latest changes that matter to readers, as far as they were told to the same readers; one query.

    What colleagues wrote for each other stays theirs when an internal article is published for everybody.
    """
    told = Publication.objects.filter(article=page.pk, audience=page.effective_audience)
    told = told.exclude(significance__in=["", Significance.TYPO])
    rows = told.exclude(note="").values_list("note", "published_at", "significance")[:CHANGES]
    return tuple(Change(note, moment, significance == Significance.MAJOR) for note, moment, significance in rows)


def _linked_articles(page: ArticlePage, user: AnyUser) -> dict[UUID, ArticleLink]:
    """Return the articles that blocks of the body link to, in the page's language and visible to the reader."""
    blocks = page.body.blocks_by_name("related_article")
    keys = {block.value["page"].translation_key for block in blocks if block.value["page"]}
    if not keys:
        return {}
    found = ArticlePage.objects.visible_to(user).filter(translation_key__in=keys, locale_id=page.locale_id)
    rests_on(*map(family_scope, keys))
    return {article.translation_key: article_link(article) for article in found.for_listing()}


def _applies_to(page: ArticlePage, *, draft: bool) -> tuple[AppliesTo, ...]:
    """Return products and versions in the catalogue's order; one query. A product listed with a version is not
    repeated.

    For a `draft`, whose choices are not stored yet, they are read from the page itself.
    """
    of_product = ("pk", "name", "kind", "order")
    of_version = ("product_id", "product__name", "product__kind", "product__order", "number")
    if draft:
        product_ids = [product.pk for product in page.products.all()]
        version_ids = [version.pk for version in page.versions.all()]
        products, versions = (
            Product.objects.filter(pk__in=product_ids),
            ProductVersion.objects.filter(pk__in=version_ids),
        )
    else:
        products, versions = Product.objects.filter(articles=page.pk), ProductVersion.objects.filter(articles=page.pk)
    rows = (
        products.order_by()
        .values_list(*of_product, Value(""))
        .union(versions.order_by().values_list(*of_version), all=True)
    )
    found = sorted(rows, key=lambda row: (row[3], row[0], row[4]))
    with_version = {row[0] for row in found if row[4]}
    return tuple(
        AppliesTo(pk, name, version, kind == Product.Kind.DEVICE)
        for pk, name, kind, _order, version in found
        if version or pk not in with_version
    )


def _neighbours(
    page: ArticlePage, user: AnyUser, product_ids: list[int]
) -> tuple[tuple[ArticleLink, ...], tuple[ArticleLink, ...]]:
    """Return related articles (the editor's, else of the same topic and product) and others of the topic; one query."""
    chosen = RelatedArticle.objects.filter(page_id=page.pk)
    place = chosen.filter(article__translation_key=OuterRef("translation_key")).values("sort_order")[:1]
    same_product = ArticlePage.products.through.objects.filter(
        articlepage_id=OuterRef("pk"), product_id__in=product_ids
    )
    found = list(
        ArticlePage.objects.visible_to(user)
        .filter(locale_id=page.locale_id)
        .exclude(pk=page.pk)
        .annotate(is_chosen=Exists(chosen.filter(article__translation_key=OuterRef("translation_key"))))
        .filter(Q(is_chosen=True) | Q(topic_id=page.topic_id, topic_id__isnull=False))
        .annotate(place=Subquery(place), same_product=Exists(same_product))
        .for_listing()
        .order_by(
            "-is_chosen",
            F("place").asc(nulls_last=True),
            "-same_product",
            "-featured",
            F("last_published_at").desc(nulls_last=True),
            "pk",
        )[: RELATED + IN_TOPIC]
    )
    related = [article for article in found if article.is_chosen]
    rests_on(*(family_scope(article.translation_key) for article in related))
    if not related:
        related = [article for article in found if article.same_product] or (found if not product_ids else [])
    related = related[:RELATED]
    rest = [article for article in found if article not in related and article.topic_id == page.topic_id]
    return _links(related), _links(rest[:IN_TOPIC])


def _other_devices(applies_to: tuple[AppliesTo, ...], user: AnyUser) -> tuple[str, ...]:
    """Return the reader's devices if the article is about devices but about none of theirs; one query."""
    devices = {item.product_id for item in applies_to if item.is_device}
    if not devices:
        return ()
    own = Ownership.objects.for_user(user).filter(product__kind=Product.Kind.DEVICE)
    owned = list(own.values_list("product_id", "product__name"))
    if not owned or devices & {product_id for product_id, _name in owned}:
        return ()
    return tuple(dict.fromkeys(str(name) for _product_id, name in owned))
