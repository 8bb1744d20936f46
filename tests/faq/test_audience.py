"""Audiences: every way to an article, for every kind of reader."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from wagtail.models import Page

from faq.models import ArticlePage, ShortLink, TopicPage
from faq.queries import (
    article_by_number,
    articles_for_products,
    most_helpful,
    recently_changed,
    topics_for_home,
)
from faq.search_documents import ArticleDocument
from portal.core.audience import AudienceInUse
from portal.core.pages import refresh_inherited
from search.events import EntriesChanged
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, RelatedArticleFactory, TopicPageFactory, help_site

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.audience", "portal.core.pages")]

#: The readers who may see an article, by its audience.
ADMITTED = {
    "public": {"visitor", "customer", "fibre", "partner", "staff"},
    "signed-in": {"customer", "fibre", "partner", "staff"},
    "segment:fibre": {"fibre", "staff"},
    "partner": {"partner", "staff"},
    "partner|segment:fibre": {"fibre", "partner", "staff"},
    "staff": {"staff"},
}
READERS = ["visitor", "customer", "fibre", "partner", "staff"]


def reader(kind):
    made = {"fibre": {"segments": ["fibre"]}, "partner": {"partner": True}, "staff": {"staff": True}}
    return AnonymousUser() if kind == "visitor" else UserFactory(**made.get(kind, {}))


def look(client, user, url):
    if user.is_authenticated:
        client.force_login(user)
    return client.get(url)


@pytest.mark.parametrize("audience", ADMITTED)
@pytest.mark.parametrize("set_on", ["article", "topic"])
def test_every_way_to_an_article_asks_who_is_reading(client, audience, set_on):
    topic = TopicPageFactory(audience=audience if set_on == "topic" else "public")
    product = ProductFactory()
    article = ArticlePageFactory(
        parent=topic, audience=audience if set_on == "article" else "public", title="پنهان", products=[product]
    )
    FeedbackFactory(article=article)
    neighbour = ArticlePageFactory(parent=topic, audience="public")
    elsewhere = ArticlePageFactory()
    RelatedArticleFactory(page=elsewhere, article=article)
    number = ShortLink.objects.get(translation_key=article.translation_key).pk

    for who in READERS:
        user = reader(who)
        client.logout()
        page = look(client, user, article.url)
        found = {
            "page": page.status_code == 200 and "<h1>پنهان</h1>" in page.text,
            "short link": client.get(f"/a/{number}", follow=True).status_code == 200,
            "its query": article_by_number(number, "fa", user) is not None,
            "related": "پنهان" in client.get(elsewhere.url).text,
            "topic list": "پنهان" in client.get(topic.url).text,
            "help index": "پنهان" in client.get(help_site()["fa"].url).text,
            "most helpful": "پنهان" in [link.title for link in most_helpful("fa", user, 10)],
            "recent": "پنهان" in [link.title for link in recently_changed("fa", user, 10)],
            "for products": "پنهان" in [link.title for link in articles_for_products("fa", user, [product.pk], 10)],
            "search": ArticleDocument().visible_to(user, [article.pk]) == {article.pk},
        }
        if set_on == "article":
            found["neighbour's list"] = "پنهان" in client.get(neighbour.url).text

        may = who in ADMITTED[audience]
        assert found == dict.fromkeys(found, may), who
        if not may:
            assert page.status_code == 404
            assert "پنهان" not in page.text


@pytest.mark.parametrize("audience", ["signed-in", "staff"])
def test_private_and_missing_answer_alike_and_offer_to_sign_in(client, audience, django_assert_max_num_queries):
    article = ArticlePageFactory(audience=audience, slug="xxxx-xxxx")
    missing_url = article.url.replace("xxxx-xxxx", "yyyy-yyyy")
    client.get(missing_url)  # what the frame of every page shows is read once

    with django_assert_max_num_queries(6):
        private = client.get(article.url)
    with django_assert_max_num_queries(6):
        missing = client.get(missing_url)

    def without_address(response):
        return response.text.replace("xxxx", "0").replace("yyyy", "0")

    assert private.status_code == missing.status_code == 404
    assert without_address(private) == without_address(missing)
    assert dict(private.headers).keys() == dict(missing.headers).keys()
    assert f"/fa/accounts/login/?next={quote(article.url)}" in private.text


def test_counts_of_topics_leave_hidden_articles_out():
    topic = TopicPageFactory()
    ArticlePageFactory.create_batch(2, parent=topic)
    ArticlePageFactory(parent=topic, audience="staff")

    assert [link.count for link in topics_for_home("fa", AnonymousUser())] == [2]
    assert [link.count for link in topics_for_home("fa", UserFactory(staff=True))] == [3]


def test_page_remembered_for_staff_is_not_shown_to_others(client):
    topic = TopicPageFactory()
    article = ArticlePageFactory(parent=topic)
    ArticlePageFactory(parent=topic, audience="staff", title="پنهان")

    client.force_login(UserFactory(staff=True))
    assert "پنهان" in client.get(article.url).text
    client.logout()

    assert "پنهان" not in client.get(article.url).text


def test_article_narrows_what_its_topic_allows():
    topic = TopicPageFactory(audience="signed-in")

    article = ArticlePageFactory(parent=topic, audience="partner|segment:fibre")

    assert article.effective_audience == "partner|segment:fibre&signed-in"
    assert AudienceInUse.objects.filter(expression=article.effective_audience).exists()


def test_changing_a_topic_changes_everything_below(after_commit):
    topic = TopicPageFactory()
    below = TopicPageFactory(parent=topic)
    article = ArticlePageFactory(parent=below)

    topic.audience = "partner"
    topic.save_revision().publish()

    assert TopicPage.objects.get(pk=below.pk).effective_audience == "partner"
    assert ArticlePage.objects.get(pk=article.pk).effective_audience == "partner"

    topic.refresh_from_db()
    topic.audience = "public"
    topic.save()
    assert ArticlePage.objects.get(pk=article.pk).effective_audience == "public"


def test_draft_of_a_topic_changes_nothing_yet():
    topic = TopicPageFactory()
    article = ArticlePageFactory(parent=topic)

    topic.audience = "staff"
    topic.save_revision()

    assert ArticlePage.objects.get(pk=article.pk).effective_audience == "public"
    assert TopicPage.objects.get(pk=topic.pk).effective_audience == "public"


def test_moved_article_takes_audience_and_topic_of_its_new_place():
    article = ArticlePageFactory()
    partners = TopicPageFactory(audience="partner")

    Page.objects.get(pk=article.pk).move(partners, pos="last-child")

    article.refresh_from_db()
    assert article.effective_audience == "partner"
    assert article.topic == partners.topic


def test_articles_of_a_moved_topic_follow():
    topic = TopicPageFactory()
    article = ArticlePageFactory(parent=topic)
    partners = TopicPageFactory(audience="partner")

    Page.objects.get(pk=topic.pk).move(partners, pos="last-child")

    article.refresh_from_db()
    assert article.effective_audience == "partner"
    assert article.topic == topic.topic


def test_move_and_audience_are_one_transaction(monkeypatch):
    article = ArticlePageFactory()
    partners = TopicPageFactory(audience="partner")
    monkeypatch.setattr(ArticlePage, "inherit_from", _fail)

    with pytest.raises(RuntimeError), transaction.atomic():
        Page.objects.get(pk=article.pk).move(partners, pos="last-child")

    assert Page.objects.get(pk=article.pk).path == article.path


def _fail(*_args):
    raise RuntimeError


def test_topic_page_with_another_topic_takes_its_articles_along():
    topic, other = TopicPageFactory(), TopicPageFactory()
    article = ArticlePageFactory(parent=topic)

    topic.topic = other.topic
    topic.save_revision().publish()

    article.refresh_from_db()
    assert article.topic == other.topic


def test_inherited_change_has_the_articles_indexed_again(monkeypatch):
    emitted = []
    monkeypatch.setattr("search.services.emit", emitted.append)
    topic = TopicPageFactory()
    articles = ArticlePageFactory.create_batch(2, parent=topic)
    emitted.clear()

    topic.audience = "partner"
    topic.save()

    ids = {
        pk
        for event in emitted
        if isinstance(event, EntriesChanged) and event.kind == "faq.article"
        for pk in event.object_ids
    }
    assert ids == {article.pk for article in articles}


def test_refreshing_twice_changes_nothing():
    topic = TopicPageFactory(audience="partner")
    ArticlePageFactory(parent=topic)

    assert refresh_inherited(Page.objects.get(pk=topic.pk), including_top=True) == []


def test_unregistered_audience_is_seen_by_nobody():
    article = ArticlePageFactory()
    ArticlePage.objects.filter(pk=article.pk).update(effective_audience="segment:lost")

    assert not ArticlePage.objects.visible_to(UserFactory(segments=["lost"])).exists()


@pytest.mark.parametrize("audience", ["", "everyone!", "a b", "signed-in &"])
def test_nonsense_is_no_audience(audience):
    from django.core.exceptions import ValidationError

    article = ArticlePageFactory()
    article.audience = audience

    with pytest.raises((ValidationError, ValueError)):
        article.save()
