from __future__ import annotations

import re

import pytest
from django.contrib.sitemaps import Sitemap

from portal.core import sitemaps
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory
from tests.faq.test_links import pair

pytestmark = pytest.mark.django_db


def test_sitemap_lists_each_public_page_with_its_translations(client):
    persian, english = pair()
    hidden = ArticlePageFactory(audience="signed-in")
    draft = ArticlePageFactory(draft=True)
    client.force_login(UserFactory(superuser=True))

    text = client.get("/sitemap.xml").text

    entries = {
        re.search("<loc>(.+?)</loc>", entry)[1]: entry for entry in re.findall("<url>.*?</url>", text, re.DOTALL)
    }
    both = [f"http://testserver{page.url}" for page in (persian, english)]
    for url in both:
        assert re.findall(r'hreflang="([^"]+)" href="([^"]+)"', entries[url]) == [
            ("en", both[1]),
            ("fa", both[0]),
            ("x-default", both[0]),
        ]
    for page in (hidden, draft):
        assert f"http://testserver{page.url}" not in entries


@pytest.mark.parametrize("count", [1, 3])
def test_sitemap_costs_one_query_per_kind_of_page(client, django_assert_num_queries, count):
    topic = TopicPageFactory()
    ArticlePageFactory.create_batch(count, parent=topic)
    client.get("/sitemap.xml")

    with django_assert_num_queries(8):
        client.get("/sitemap.xml")


def test_an_app_adds_what_is_no_page(client, monkeypatch):
    class ThreadSitemap(Sitemap):
        def items(self):
            return ["/fa/threads/1/"]

        def location(self, item):
            return item

    monkeypatch.setattr(sitemaps, "_sections", dict(sitemaps._sections))
    article = ArticlePageFactory()
    sitemaps.register("threads", ThreadSitemap)

    addresses = re.findall("<loc>(.+?)</loc>", client.get("/sitemap.xml").text)

    assert {"http://testserver/fa/threads/1/", f"http://testserver{article.url}"} <= set(addresses)
