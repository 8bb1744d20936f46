"""Lists of articles and topics: their order and number of queries."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from faq.models import ArticlePage, Feedback, HelpIndexPage
from faq.queries import (
    ON_A_PAGE,
    articles_for_products,
    help_url,
    most_helpful,
    recently_changed,
    topics_for_home,
)
from faq.services import weigh_votes
from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory, help_site

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.queries")]

VISITOR = AnonymousUser()


def cost_of(action):
    with CaptureQueriesContext(connection) as captured:
        action()
    return len(captured)


def test_most_helpful_trusts_many_votes_more_than_few():
    topic = TopicPageFactory()
    four_yes, many_yes, mixed, none, featured = ArticlePageFactory.create_batch(5, parent=topic)
    ArticlePage.objects.filter(pk=featured.pk).update(featured=True)
    FeedbackFactory.create_batch(4, article=four_yes)
    FeedbackFactory.create_batch(9, article=many_yes)
    FeedbackFactory(article=many_yes, unsolved=True)
    FeedbackFactory.create_batch(2, article=mixed)
    FeedbackFactory.create_batch(8, article=mixed, unsolved=True)
    weigh_votes()

    found = [link.id for link in most_helpful("fa", VISITOR, 5)]

    assert found == [many_yes.pk, mixed.pk, featured.pk, none.pk, four_yes.pk]


def test_most_helpful_forgets_votes_older_than_90_days():
    topic = TopicPageFactory()
    old, fresh = ArticlePageFactory.create_batch(2, parent=topic)
    FeedbackFactory.create_batch(5, article=old)
    Feedback.objects.update(updated_at=timezone.now() - dt.timedelta(days=91))
    FeedbackFactory.create_batch(5, article=fresh)
    weigh_votes()

    assert [link.id for link in most_helpful("fa", VISITOR, 2)] == [fresh.pk, old.pk]


def test_recent_articles_are_newest_first():
    topic = TopicPageFactory()
    first, second = ArticlePageFactory.create_batch(2, parent=topic)
    first.save_revision().publish()

    assert [link.id for link in recently_changed("fa", VISITOR, 5)] == [first.pk, second.pk]


def test_articles_for_products_are_about_one_of_them():
    topic, product = TopicPageFactory(), ProductFactory()
    faq = ArticlePageFactory(parent=topic, products=[product])
    guide = ArticlePageFactory(parent=topic, products=[product, ProductFactory()], kind="guide")
    ArticlePageFactory(parent=topic, products=[ProductFactory()])

    assert [link.id for link in articles_for_products("fa", VISITOR, [product.pk], 5)] == [guide.pk, faq.pk]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("listing", [most_helpful, recently_changed])
def test_lists_of_articles_cost_one_query(listing, count):
    topic = TopicPageFactory()
    ArticlePageFactory.create_batch(count, parent=topic)
    listing("fa", VISITOR, 10)

    assert cost_of(lambda: listing("fa", VISITOR, 10)) == 1


def test_other_languages_stay_out():
    ArticlePageFactory()

    assert most_helpful("en", VISITOR, 5) == recently_changed("en", VISITOR, 5) == topics_for_home("en", VISITOR) == []


def test_topics_come_in_the_editors_order_with_what_is_below_them():
    first, second = TopicPageFactory(), TopicPageFactory()
    below = TopicPageFactory(parent=first)
    ArticlePageFactory.create_batch(2, parent=below)
    ArticlePageFactory(parent=second)

    found = topics_for_home("fa", VISITOR)

    assert [(link.id, link.count) for link in found] == [(first.pk, 2), (second.pk, 0)]


@pytest.mark.parametrize("count", [1, 3])
def test_topics_for_home_cost_two_queries(count):
    for topic in TopicPageFactory.create_batch(count):
        ArticlePageFactory.create_batch(2, parent=topic)
    topics_for_home("fa", VISITOR)

    assert cost_of(lambda: topics_for_home("fa", VISITOR)) == 2


def test_help_url_is_the_list_of_topics_in_that_language():
    site = help_site()

    assert help_url("fa") == site["fa"].url
    assert help_url("en") == site["en"].url
    HelpIndexPage.objects.all().update(live=False)
    assert help_url("fa") == ""


def page_cost(client, url):
    from portal.core.memo import forget_all

    client.get(url)
    forget_all()
    client.get(help_site()["en"].url)  # fills the caches that every page uses
    return cost_of(lambda: client.get(url))


@pytest.mark.parametrize("kind", ["topic", "help index"])
def test_topic_and_help_index_cost_the_same_for_any_number(client, kind):
    topic = TopicPageFactory()
    ArticlePageFactory.create_batch(6, parent=topic)
    TopicPageFactory(parent=topic)
    url = topic.url if kind == "topic" else help_site()["fa"].url
    few = page_cost(client, url)

    for other in [topic, *TopicPageFactory.create_batch(2), *TopicPageFactory.create_batch(2, parent=topic)]:
        ArticlePageFactory.create_batch(8, parent=other)
    many = page_cost(client, url)

    assert few == many
    assert many <= 12  # two of them for the name of the portal and the list of guides, which are cached for minutes


def test_topic_page_lists_its_articles_twenty_at_a_time(client):
    topic = TopicPageFactory(title="اینترنت")
    ArticlePageFactory.create_batch(ON_A_PAGE + 1, parent=topic)
    below = TopicPageFactory(parent=topic, title="زیرموضوع")

    first = client.get(topic.url)
    second = client.get(topic.url, {"page": "2"})
    nonsense = client.get(topic.url, {"page": "زیاد"})

    assert [len(response.context["data"].articles) for response in (first, second, nonsense)] == [20, 1, 20]
    assert below.title in first.text
    assert "<h1>اینترنت</h1>" in first.text


def test_topic_page_names_what_is_new_or_changed(client):
    topic = TopicPageFactory()
    articles = ArticlePageFactory.create_batch(7, parent=topic)
    ArticlePage.objects.exclude(pk=articles[3].pk).update(last_published_at=timezone.now() - dt.timedelta(days=31))

    assert [link.id for link in client.get(topic.url).context["data"].recent] == [articles[3].pk]


def test_empty_topic_says_so_and_shows_a_way_on(client):
    response = client.get(TopicPageFactory().url)

    assert response.status_code == 200
    assert 'class="empty"' in response.text
