"""Creating an article from a question that found no answer."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.factories.accounts import UserFactory
from tests.factories.faq import TopicPageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def title_of(page: str) -> str:
    return re.search(r'<input type="text" name="title"(?: value="([^"]*)")?', page)[1] or ""


def test_a_question_becomes_the_title_of_a_new_article(client, editor):
    topic = TopicPageFactory()

    response = client.get(
        reverse("article_for_question"), {"language": "fa", "title": "هزينه  رومینگ <b>"}, follow=True
    )

    assert response.redirect_chain[0][0].startswith(
        reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])
    )
    assert title_of(response.text) == "هزینه رومینگ &lt;b&gt;"
    assert 'value="هزینه-رومینگ-b"' in response.text


def test_the_next_article_begins_empty(client, editor):
    topic = TopicPageFactory()
    url = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])
    assert title_of(client.get(url, {"title": "رومینگ"}).text) == "رومینگ"

    assert title_of(client.get(url).text) == ""


def test_among_several_topics_the_editor_chooses(client, editor):
    topics = TopicPageFactory.create_batch(2)

    page = client.get(reverse("article_for_question"), {"language": "fa", "title": "رومینگ"}).text

    for topic in topics:
        assert reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk]) + "?title=" in page
        assert topic.title in page


def test_there_is_no_topic_to_choose_in_a_language_without_any(client, editor):
    TopicPageFactory()

    page = client.get(reverse("article_for_question"), {"language": "xx", "title": "رومینگ"}).text

    assert "articlepage" not in page
    assert "help-info" in page


def test_from_anywhere_a_new_article_is_two_clicks_away(client, editor):
    topic, other = TopicPageFactory.create_batch(2)
    form = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])

    assert reverse("article_for_question") in client.get(reverse("wagtailadmin_home")).text  # in the menu
    chooser = client.get(reverse("articles:choose_parent"), follow=True)  # where the list of articles leads
    assert chooser.redirect_chain[0][0] == reverse("article_for_question")
    assert f'href="{form}"' in chooser.text
    assert client.get(form).status_code == 200

    listed = client.get(reverse("wagtailadmin_explore", args=[topic.get_parent().pk])).text
    assert f'href="{form}"' in listed
    assert f'href="{form}"' in client.get(reverse("wagtailadmin_explore", args=[topic.pk])).text
    assert f'href="{form}"' not in client.get(reverse("wagtailadmin_explore", args=[other.pk])).text


def test_who_may_write_nowhere_is_offered_nothing(client):
    from tests.search.test_report import user_with

    TopicPageFactory()
    client.force_login(user_with())

    assert "articlepage" not in client.get(reverse("article_for_question"), {"language": "fa"}).text
    client.force_login(UserFactory())
    assert client.get(reverse("article_for_question"), {"language": "fa"}).status_code in {302, 403}
