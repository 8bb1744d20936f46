"""Short links and redirects."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from wagtail.models import Page

from faq.anchors import anchor_of
from faq.models import ShortLink
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, help_site
from tests.faq.test_article_page import topic_in_english

pytestmark = pytest.mark.django_db


def pair():
    """An article in Persian and English."""
    topic = TopicPageFactory()
    persian = ArticlePageFactory(parent=topic)
    english_topic = help_site()["en"].add_child(instance=topic_in_english(topic))
    english = ArticlePageFactory(
        parent=english_topic, title="Red light", slug="red-light", translation_key=persian.translation_key
    )
    return persian, english


def number_of(article):
    return ShortLink.objects.get(translation_key=article.translation_key).pk


def test_both_languages_share_one_number():
    persian, english = pair()

    assert number_of(persian) == number_of(english)
    assert ShortLink.objects.count() == 1


def test_short_link_leads_to_the_readers_language(client):
    persian, english = pair()
    link = f"/a/{number_of(persian)}"

    by_header = client.get(link, headers={"Accept-Language": "en"})
    by_default = client.get(link)
    client.cookies["language"] = "en"
    by_cookie = client.get(link)

    assert [by_header["Location"], by_default["Location"], by_cookie["Location"]] == [
        english.url,
        persian.url,
        english.url,
    ]
    assert by_header.status_code == 302
    assert "Accept-Language" in by_header["Vary"]


def test_short_link_without_a_translation_leads_to_what_there_is(client):
    article = ArticlePageFactory()

    response = client.get(f"/a/{number_of(article)}", headers={"Accept-Language": "en"})

    assert response["Location"] == article.url


@pytest.mark.parametrize("number", ["0", "77777", "9" * 30])
def test_unknown_number_is_not_found(client, number):
    assert client.get(f"/a/{number}", follow=True).status_code == 404


def test_draft_has_no_number_until_it_is_published():
    article = ArticlePageFactory(draft=True)
    assert not ShortLink.objects.exists()

    article.save_revision().publish()

    assert number_of(article)


def test_number_stays_when_everything_else_changes():
    article = ArticlePageFactory()
    number = number_of(article)

    article.slug = "نشانی-تازه"
    article.save_revision().publish()
    Page.objects.get(pk=article.pk).move(TopicPageFactory(), pos="last-child")

    assert number_of(article) == number


def test_old_persian_slug_redirects(client, after_commit):
    article = ArticlePageFactory(slug="نشانی-کهنه")
    old = article.url
    article.slug = "نشانی-تازه"
    with after_commit():
        article.save_revision().publish()
    article.refresh_from_db()

    response = client.get(old)

    assert unquote(old) != unquote(article.url)
    assert response.status_code == 301
    assert unquote(response["Location"]) == unquote(article.url)


def test_an_old_address_tells_nobody_the_name_of_a_page_they_may_not_see(client, after_commit):
    article = ArticlePageFactory(slug="نشانی-کهنه", audience="signed-in")
    old = article.url
    article.slug = "محرمانه"
    with after_commit():
        article.save_revision().publish()

    refused = client.get(old)
    client.force_login(UserFactory())
    led = client.get(old)

    assert refused.status_code == 404
    assert "Location" not in refused
    assert unquote(led["Location"]).endswith("/محرمانه/")


def test_articles_below_a_moved_and_renamed_topic_redirect(client):
    topic = TopicPageFactory(slug="کهنه")
    article = ArticlePageFactory(parent=topic)
    old = article.url
    other = TopicPageFactory(slug="بالا")
    Page.objects.get(pk=topic.pk).move(other, pos="last-child")
    article.refresh_from_db()

    response = client.get(old)

    assert response.status_code == 301
    assert unquote(response["Location"]) == unquote(article.url)
    assert "بالا" in unquote(article.url)


def test_equal_headings_have_ids_of_their_own_also_beside_one_that_is_called_like_them():
    taken: dict[str, int] = {}

    names = [anchor_of(title, taken=taken) for title in ("a", "a-2", "a", "a", "a-2")]

    assert names == ["s-a", "s-a-2", "s-a-3", "s-a-4", "s-a-2-2"]
