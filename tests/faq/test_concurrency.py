"""Concurrent requests, with real threads and commits, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client
from wagtail.models import Locale, Page

from faq.models import ArticlePage, Feedback, ShortLink
from faq.services import give_feedback
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory
from tests.faq.test_feedback import SAME_ORIGIN, address

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("faq.models", "faq.services"),
]


@pytest.fixture(autouse=True)
def _root():
    """Create the root page, which is missing in a flushed database."""
    Locale.objects.get_or_create(language_code="fa")
    if not Page.objects.filter(depth=1).exists():
        Page.add_root(title="Root", slug="root", locale=Locale.objects.get(language_code="fa"))


def at_once(*tasks):
    """Run the tasks in threads that start together; return the errors they raised."""
    start = threading.Barrier(len(tasks))

    def run(task):
        start.wait()
        try:
            task()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [error for error in pool.map(run, tasks) if error is not None]


def test_twenty_answers_of_one_person_are_one_row():
    article, user = ArticlePageFactory(), UserFactory()

    def vote(solved):
        give_feedback(article=article, revision_id=article.live_revision_id, solved=solved, user=user)

    errors = at_once(*[lambda solved=number % 2 == 0: vote(solved) for number in range(20)])

    assert errors == []
    assert Feedback.objects.count() == 1


def test_post_replayed_ten_times_at_once_is_one_row():
    article = ArticlePageFactory()
    data = {"solved": "yes", "revision": article.live_revision_id, "language": "fa"}
    link = address(article)
    codes = []

    def post():
        codes.append(Client().post(link, data, headers=SAME_ORIGIN).status_code)

    errors = at_once(*[post] * 10)

    assert errors == []
    # Until the first is stored, each counts as a new voter, of whom an address has three in an hour.
    assert set(codes) <= {302, 429}
    assert codes.count(302) >= 3
    assert Feedback.objects.count() == 1


def test_two_who_publish_at_once_lose_and_double_nothing():
    article = ArticlePageFactory()

    def publish(title):
        page = ArticlePage.objects.get(pk=article.pk)
        page.title = title
        page.save_revision().publish()

    errors = at_once(lambda: publish("از یکی"), lambda: publish("از دیگری"))

    assert errors == []
    page = ArticlePage.objects.get(pk=article.pk)
    titles = [revision.as_object().title for revision in page.revisions.order_by("pk")]
    assert sorted(titles[1:]) == sorted(["از یکی", "از دیگری"])
    assert page.title in {"از یکی", "از دیگری"}
    assert ArticlePage.objects.count() == 1
    assert ShortLink.objects.count() == 1


def test_article_published_while_its_topic_closes_does_not_stay_open():
    topic = TopicPageFactory()
    articles = ArticlePageFactory.create_batch(4, parent=topic)

    def close():
        page = type(topic).objects.get(pk=topic.pk)
        page.audience = "staff"
        page.save()

    def republish(pk):
        page = ArticlePage.objects.get(pk=pk)
        page.title += " تازه"
        page.save()

    errors = at_once(close, *[lambda pk=article.pk: republish(pk) for article in articles])

    assert errors == []
    assert set(ArticlePage.objects.values_list("effective_audience", flat=True)) == {"staff"}


def test_article_made_while_its_topic_closes_is_closed_too():
    topic = TopicPageFactory()
    opened = threading.Barrier(2)

    def close():
        page = type(topic).objects.get(pk=topic.pk)
        page.audience = "staff"
        opened.wait()
        page.save()

    def write():
        parent = type(topic).objects.get(pk=topic.pk)
        article = ArticlePage(title="تازه", slug="تازه", short_answer="پاسخ", locale=parent.locale)
        opened.wait()
        parent.add_child(instance=article)

    errors = at_once(close, write)

    assert errors == []
    assert ArticlePage.objects.get().effective_audience == "staff"
