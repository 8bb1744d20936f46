from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from wagtail.models import Page

from faq.models import ArticlePage
from portal.core.places import Place, place_of
from portal.core.templatetags.places import crumbs_json_ld, default_address
from tests.factories.faq import ArticlePageFactory, TopicPageFactory
from tests.faq.test_links import pair

pytestmark = pytest.mark.django_db


def ask(**extra) -> HttpRequest:
    return RequestFactory().get("/", SERVER_NAME="testserver", **extra)


def test_a_page_knows_the_way_to_it_and_its_addresses():
    persian, english = pair()

    place = place_of(persian, ask())

    above = [Page.objects.get(pk=page.pk) for page in persian.trail]
    assert place.crumbs[0].title == "خانه"
    assert [crumb.title for crumb in place.crumbs[1:]] == [page.title for page in above[1:]]
    assert [crumb.url for crumb in place.crumbs] == [page.url for page in above]
    assert place.alternates == (
        ("en", f"http://testserver{english.url}"),
        ("fa", f"http://testserver{persian.url}"),
    )
    assert default_address(place.alternates) == f"http://testserver{persian.url}"


def test_a_place_is_remembered_until_something_above_changes(django_assert_num_queries):
    topic = TopicPageFactory(title="قدیمی")
    article = ArticlePageFactory(parent=topic)
    place_of(ArticlePage.objects.get(pk=article.pk), ask())
    again = ArticlePage.objects.select_related("locale").get(pk=article.pk)

    with django_assert_num_queries(0):
        assert place_of(again, ask()).crumbs[-1].title == "قدیمی"

    topic.title = "تازه"
    topic.save_revision().publish()
    assert place_of(ArticlePage.objects.get(pk=article.pk), ask()).crumbs[-1].title == "تازه"


def test_another_host_and_a_preview_have_addresses_of_their_own():
    article = ArticlePageFactory()
    preview = ask()
    preview.is_preview = True

    assert place_of(article, ask()).alternates != place_of(article, ask(HTTP_HOST="other.example")).alternates
    assert place_of(article, preview) == place_of(article, ask())


def test_a_draft_nobody_has_saved_stands_nowhere():
    assert place_of(ArticlePage(title="x"), ask()) == Place()


def test_a_title_cannot_leave_the_data_for_machines():
    article = ArticlePageFactory(title="</script><b>")

    html = crumbs_json_ld({"site_address": "http://testserver"}, article, place_of(article, ask()).crumbs)

    assert html.count("</script>") == 1
    assert "\\u003C/script\\u003E\\u003Cb\\u003E" in html
