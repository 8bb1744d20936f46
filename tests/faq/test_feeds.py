"""Feeds of new and changed articles: what everybody may read, in one language, without news that is none."""

from __future__ import annotations

import datetime as dt
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.utils import timezone
from wagtail.models import Site

from faq.models import ArticlePage, Publication, Significance
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, help_site

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/fa/راهنما.atom"


def feed_of(page):
    return f"{page.url.rstrip('/')}.atom"


@pytest.fixture(autouse=True)
def _site(site):
    return site


def titles(client, path=FEED):
    root = ElementTree.fromstring(client.get(path).content)  # noqa: S314 - our own
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


def change(article, significance, note=""):
    article = ArticlePage.objects.get(pk=article.pk)
    article.short_answer += " ."
    article.change_significance, article.change_note = significance, note
    article.save_revision().publish()


def days_ago(article, days):
    moment = timezone.now() - dt.timedelta(days=days)
    ArticlePage.objects.filter(pk=article.pk).update(first_published_at=moment, last_published_at=moment)
    Publication.objects.filter(article=article).update(published_at=moment)


def test_what_changed_comes_first_and_says_what_and_a_small_change_is_no_news(client):
    old, older, oldest = (ArticlePageFactory(title=title) for title in ("کهنه", "کهنه‌تر", "کهنه‌ترین"))
    for article, days in ((old, 1), (older, 2), (oldest, 3)):
        days_ago(article, days)

    change(older, Significance.TYPO, "نقطه")
    assert titles(client) == ["کهنه", "کهنه‌تر", "کهنه‌ترین"]
    change(oldest, Significance.MAJOR, "دکمه عوض شد")

    assert titles(client) == ["کهنه‌ترین", "کهنه", "کهنه‌تر"]
    text = client.get(FEED).text
    assert "دکمه عوض شد" in text
    assert "نقطه" not in text


@pytest.mark.parametrize("audience", ["signed-in", "partner", "staff"])
def test_a_feed_has_what_everybody_may_read_whoever_asks(client, admin_user, audience):
    seen = ArticlePageFactory(title="آشکار")
    ArticlePageFactory(title="پنهان", audience=audience)
    ArticlePageFactory(title="نیمه‌کاره", draft=True)
    hidden = TopicPageFactory(audience=audience)
    client.force_login(admin_user)

    assert titles(client) == ["آشکار"]
    assert titles(client, feed_of(seen.get_parent())) == ["آشکار"]
    assert client.get(feed_of(hidden)).status_code == 404
    assert "application/atom+xml" not in client.get(hidden.url).text


def test_a_feed_has_its_language_and_its_topic(client):
    topic = TopicPageFactory()
    inner = ArticlePageFactory(title="درونی", parent=TopicPageFactory(parent=topic))
    ArticlePageFactory(title="بیرونی")
    ArticlePageFactory(title="English", slug="english", parent=TopicPageFactory(parent=help_site()["en"]))

    assert titles(client) == ["بیرونی", "درونی"]
    assert titles(client, feed_of(help_site()["en"])) == ["English"]
    address = feed_of(topic)
    assert titles(client, address) == ["درونی"]
    assert f'href="{address}"' in client.get(topic.url).text
    assert f'href="{feed_of(help_site()["fa"])}"' in client.get(help_site()["fa"].url).text
    assert f"http://localhost:8000{inner.url}" in client.get(address).text


@pytest.mark.parametrize("count", [1, 3])
def test_a_feed_costs_the_same_however_much_is_new(client, django_assert_num_queries, count):
    topic = TopicPageFactory()
    for _each in range(count):
        change(ArticlePageFactory(parent=topic), Significance.MAJOR, "دکمه عوض شد")
    client.get(FEED)  # what is known for longer

    change(ArticlePage.objects.first(), Significance.MAJOR, "دکمه عوض شد")
    with django_assert_num_queries(3):
        assert len(titles(client)) == count


def test_one_text_that_xml_cannot_contain_takes_nothing_away(client):
    article = ArticlePageFactory(title="سالم")
    ArticlePage.objects.filter(pk=article.pk).update(short_answer="یک\x0c دو\ufffe")

    assert titles(client) == ["سالم"]
    assert "یک دو" in client.get(FEED).text


def test_signs_of_html_in_a_text_are_no_html(client):
    ArticlePageFactory(short_answer="روی <b> بزنید & بعد <Enter>")

    (entry,) = ElementTree.fromstring(client.get(FEED).content).iter(f"{ATOM}entry")  # noqa: S314 - our own

    assert entry.find(f"{ATOM}summary").get("type") == "html"
    assert entry.findtext(f"{ATOM}summary") == "<p>روی &lt;b&gt; بزنید &amp; بعد &lt;Enter&gt;</p>"


def test_where_several_sites_share_the_portal_no_feed_is_named(client, django_capture_on_commit_callbacks):
    ArticlePageFactory()
    assert FEED in unquote(client.get("/fa/راهنما/").text)
    root = Site.objects.get(is_default_site=True).root_page

    with django_capture_on_commit_callbacks(execute=True):
        other = root.add_child(instance=root.specific_class(title="دوم", slug="second"))
        Site.objects.create(hostname="second.example", root_page=other)

    assert ".atom" not in client.get("/fa/راهنما/").text
