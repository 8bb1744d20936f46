"""Data of the home page, read through the queries of the features."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from community.listing import Row, fresh_threads
from faq.models import ArticlePage
from faq.queries import (
    ArticleLink,
    TopicLink,
    articles_for_products,
    most_helpful,
    recently_changed,
    topics_for_home,
)
from loyalty.components import offers_on_home
from portal.catalog.models import Ownership, Product, ProductVersion
from portal.core.audience import audiences_for
from portal.core.brand import brand
from portal.core.memo import Memo
from portal.core.pages import ARTICLES, page_url
from portal.core.support import SupportContact, support_contact
from portal.home.models import InfoPage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from loyalty.own_offers import Card
    from portal.accounts.models import User
    from portal.core.localized import LocalizedText
    from portal.core.pages import AnyUser
    from portal.home.models import HomePage

TOPICS: Final = 8
MOST_HELPFUL: Final = 5
RECENT: Final = 4
CARDS: Final = 3
GUIDES_ON_CARD: Final = 2
#: How many days a customer counts as new.
NEW_CUSTOMER_DAYS: Final = 30
#: Session key set when a customer has dismissed the first steps.
CHECKLIST_DISMISSED: Final = "home-checklist-dismissed"


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product the customer owns, and what to read about it. `newest` is a newer version than theirs, if any."""

    name: LocalizedText
    icon: str
    is_device: bool
    version: str
    newest: str
    articles: tuple[ArticleLink, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """The first steps of a new customer, and which of them are done."""

    has_product: bool
    has_preferences: bool


@dataclass(frozen=True, slots=True)
class _SharedData:
    """The part that is the same for all readers of one language and audience."""

    topics: tuple[TopicLink, ...]
    most_helpful: tuple[ArticleLink, ...]
    recent: tuple[ArticleLink, ...]


@dataclass(frozen=True, slots=True)
class HomeData:
    """Everything the home page shows besides its own fields."""

    topics: tuple[TopicLink, ...]
    most_helpful: tuple[ArticleLink, ...]
    recent: tuple[ArticleLink, ...]
    searches: tuple[str, ...]
    support: SupportContact | None
    name: str = ""
    cards: tuple[ProductCard, ...] = ()
    checklist: Checklist | None = None
    #: The newest threads of the community.
    threads: tuple[Row, ...] = ()
    #: Offers for somebody who is signed in.
    offers: tuple[Card, ...] = ()


_shared: Memo[_SharedData] = Memo(max_size=64, scopes=(ARTICLES, "catalogue", "site"))


def home_data(page: HomePage, request: HttpRequest) -> HomeData:
    """Return the home page's data for one reader, without the parts that the company hides.

    The number of queries does not depend on the amount of content.
    """
    user = request.user
    hidden = brand().hidden_blocks
    language = page.locale.language_code
    threads = () if "threads" in hidden else fresh_threads(user)
    shared = _shared.get((language, tuple(audiences_for(user))), lambda: _shared_data(language, user))
    cards: tuple[ProductCard, ...] = ()
    checklist = None
    name = ""
    if user.is_authenticated:
        name = user.get_short_name() if user.name else ""
        cards = () if "products" in hidden else product_cards(language, user)
        if "products" not in hidden and not request.session.get(CHECKLIST_DISMISSED):
            checklist = first_steps(user, has_product=bool(cards))
    return HomeData(
        topics=() if "topics" in hidden else shared.topics,
        most_helpful=() if "helpful" in hidden else shared.most_helpful,
        recent=() if "recent" in hidden else shared.recent,
        threads=threads,
        offers=() if "offers" in hidden else tuple(offers_on_home(request)),
        searches=tuple(search.query for search in page.popular_searches.all()),
        support=support_contact(),
        name=name,
        cards=cards,
        checklist=checklist,
    )


def _shared_data(language: str, user: AnyUser) -> _SharedData:
    helpful = most_helpful(language, user, MOST_HELPFUL)
    shown = {link.id for link in helpful}
    recent = [link for link in recently_changed(language, user, RECENT + MOST_HELPFUL) if link.id not in shown]
    return _SharedData(tuple(topics_for_home(language, user)[:TOPICS]), tuple(helpful), tuple(recent[:RECENT]))


def product_cards(language: str, user: User) -> tuple[ProductCard, ...]:
    """Return up to three products the customer owns, devices first, with guides for each; at most four queries."""
    owned = list(Ownership.objects.for_user(user))
    owned.sort(key=lambda item: item.product.kind != Product.Kind.DEVICE)
    owned = list({item.product_id: item for item in reversed(owned)}.values())[::-1][:CARDS]
    if not owned:
        return ()
    product_ids = [item.product_id for item in owned]
    guides = _guides_by_product(language, user, product_ids)
    newest = _newest_versions(product_ids)
    cards = []
    for item in owned:
        latest = newest.get(item.product_id)
        has_older = item.version is not None and latest is not None and latest.pk != item.version_id
        cards.append(
            ProductCard(
                name=item.product.name,
                icon=item.product.icon,
                is_device=item.product.kind == Product.Kind.DEVICE,
                version=item.version.number if item.version else "",
                newest=latest.number if latest is not None and has_older else "",
                articles=tuple(guides.get(item.product_id, ())),
            )
        )
    return tuple(cards)


def _guides_by_product(language: str, user: AnyUser, product_ids: list[int]) -> dict[int, list[ArticleLink]]:
    """Return the first articles about each product, each article once; two queries."""
    links = {link.id: link for link in articles_for_products(language, user, product_ids, 60)}
    about = ArticlePage.products.through.objects.filter(articlepage_id__in=links)
    products_of: dict[int, set[int]] = {}
    for article_id, product_id in about.values_list("articlepage_id", "product_id"):
        products_of.setdefault(article_id, set()).add(product_id)
    guides: dict[int, list[ArticleLink]] = {product_id: [] for product_id in product_ids}
    taken: set[int] = set()
    for product_id in product_ids:
        # An article about few products is the most specific; ties are kept in the order of the list.
        ranked = sorted(links, key=lambda pk: len(products_of.get(pk, ())))
        for article_id in ranked:
            is_about = product_id in products_of.get(article_id, ())
            if is_about and article_id not in taken and len(guides[product_id]) < GUIDES_ON_CARD:
                guides[product_id].append(links[article_id])
                taken.add(article_id)
    return guides


def _newest_versions(product_ids: Iterable[int]) -> dict[int, ProductVersion]:
    """Return the most recently released version of each product; one query."""
    released = ProductVersion.objects.filter(product_id__in=product_ids, released_on__lte=timezone.localdate())
    return {version.product_id: version for version in released.order_by("released_on", "pk")}


def first_steps(user: User, *, has_product: bool) -> Checklist | None:
    """Return a new customer's first steps; None when they are done or the customer is no longer new. No query."""
    if user.date_joined < timezone.now() - dt.timedelta(days=NEW_CUSTOMER_DAYS):
        return None
    steps = Checklist(has_product, bool(user.calendar or user.digits or user.time_zone))
    return None if steps.has_product and steps.has_preferences else steps


def info_page_url(language: str, role: str) -> str:
    """Return the address of the information page with a role (see `InfoPage.Role`); empty when there is none."""
    pages = InfoPage.objects.visible_to(None).filter(locale__language_code=language, role=role)
    page = pages.select_related("locale").order_by("path").first()
    return page_url(page) if page is not None else ""
