"""Names of pages that a reader may not see: in links to other languages, in texts, in breadcrumbs, in the sitemap."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from wagtail.models import PageViewRestriction
from wagtail.rich_text import expand_db_html

from portal.core.audience import reading_as
from portal.core.memo import forget_all
from portal.home.models import InfoPage
from search.models import IndexedEntry
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, help_site
from tests.faq.test_article_page import topic_in_english

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.pages")]

SECRET = "zomorrod-neshan"


def pair(audience: str):
    """An article for everybody whose translation is below a topic for few."""
    persian = ArticlePageFactory(parent=TopicPageFactory())
    english_topic = topic_in_english(persian.get_parent().specific)
    english_topic.audience = audience
    english_topic = help_site()["en"].add_child(instance=english_topic)
    english = ArticlePageFactory(
        parent=english_topic, title="Red light", slug=SECRET, translation_key=persian.translation_key
    )
    return persian, english


def look(client, user, page):
    client.logout()
    if user is not None:
        client.force_login(user)
    return client.get(page.url).text


@pytest.mark.parametrize("order", ["staff first", "visitor first"])
def test_links_to_other_languages_name_what_the_reader_may_see(client, order):
    persian, english = pair("staff")
    staff = UserFactory(staff=True)
    readers = [(staff, True), (None, False), (UserFactory(), False)]

    for user, may in readers if order == "staff first" else reversed(readers):
        text = look(client, user, persian)
        assert (english.url in text, SECRET in text, 'hreflang="en"' in text) == (may, may, True)
        assert ('href="/en/help/#not-translated"' in text) is not may  # otherwise the nearest page they may see


def test_the_sitemap_names_only_public_translations(client):
    persian, _english = pair("signed-in")

    text = client.get("/sitemap.xml").text

    assert persian.url in text
    assert SECRET not in text


def link_to(page):
    return f'<p>ببینید: <a linktype="page" id="{page.pk}">راهنمای همکاران</a></p>'


def article_linking_to(page):
    return ArticlePageFactory(body=[{"type": "paragraph", "value": link_to(page)}])


def info_linking_to(page):
    home = help_site()["fa"].get_parent()
    return home.add_child(instance=InfoPage(title="درباره", slug="about", body=link_to(page), locale=home.locale))


@pytest.mark.parametrize("order", ["partner first", "visitor first"])
@pytest.mark.parametrize("make", [article_linking_to, info_linking_to])
def test_a_link_in_a_text_is_text_for_those_who_may_not_follow_it(client, make, order):
    target = ArticlePageFactory(audience="partner", slug=SECRET)
    page = make(target)
    readers = [(UserFactory(partner=True), True), (None, False), (UserFactory(), False)]

    for user, may in readers if order == "partner first" else reversed(readers):
        text = look(client, user, page)
        assert (SECRET in text, "راهنمای همکاران" in text) == (may, True)


def test_a_link_follows_the_audience_of_its_target(client, after_commit):
    target = ArticlePageFactory(slug=SECRET)
    page = article_linking_to(target)
    assert SECRET in look(client, None, page)

    with after_commit():
        target.audience = "partner"
        target.save_revision().publish()

    assert SECRET not in look(client, None, page)


def test_a_link_leads_to_the_language_the_reader_may_see():
    persian, english = pair("staff")

    with reading_as(AnonymousUser()):
        for_visitors = expand_db_html(link_to(english))
    with reading_as(UserFactory(staff=True)):
        for_staff = expand_db_html(link_to(english))

    assert persian.url in for_visitors
    assert persian.url in for_staff  # the test runs in Persian
    assert SECRET not in for_visitors


def test_html_for_all_audiences_is_made_for_a_visitor_whoever_reads_it_first(rf):
    link = link_to(ArticlePageFactory(audience="partner", slug=SECRET))
    parts = '{% load ui wagtailcore_tags %}{% frame "a" link=link %}{{ link|richtext }}{% endframe %}'
    parts += '|{% shared "b" link=link %}{{ link|richtext }}{% endshared %}'
    request = rf.get("/fa/")
    request.user, request.COOKIES["sessionid"] = UserFactory(partner=True), "x"

    with reading_as(request.user):
        of_all, of_partners = Template(parts).render(RequestContext(request, {"link": link})).split("|")

    assert (SECRET in of_all, SECRET in of_partners) == (False, True)


def test_nobody_who_reads_is_a_visitor():
    assert "href" not in expand_db_html(link_to(ArticlePageFactory(audience="signed-in")))


def test_breadcrumbs_leave_out_what_is_withdrawn(client):
    topic = TopicPageFactory(title="زمردنشان")
    article = ArticlePageFactory(parent=topic)
    assert "زمردنشان" in look(client, None, article)

    topic.unpublish()
    forget_all()

    assert "زمردنشان" not in look(client, None, article)


def test_a_restricted_page_is_found_by_those_who_may_open_it(client, after_commit):
    topic = TopicPageFactory()
    with after_commit():
        article = ArticlePageFactory(parent=topic, title="کهربا")
    assert "کهربا</" in client.get("/fa/search/?q=کهربا").text

    with after_commit():
        PageViewRestriction.objects.create(page=topic, restriction_type=PageViewRestriction.LOGIN)

    assert client.get(article.url).status_code == 404
    assert IndexedEntry.objects.get(object_id=article.pk).audience == "signed-in"
    assert article.url not in client.get("/fa/search/?q=کهربا").text
    client.force_login(UserFactory())
    assert client.get(article.url).status_code == 200
    assert article.url in client.get("/fa/search/?q=کهربا").text


def test_a_page_with_a_password_asks_staff_for_it_and_is_nothing_to_others(client):
    article = ArticlePageFactory()
    PageViewRestriction.objects.create(page=article, restriction_type=PageViewRestriction.PASSWORD, password="کهربا")

    assert client.get(article.url).status_code == 404
    client.force_login(UserFactory(staff=True))
    assert article.short_answer not in client.get(article.url).text
