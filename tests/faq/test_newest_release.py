"""An article shows the newest release of a download: to those who may see it, in its text for programs, and found by name."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from faq import link_check
from faq.models import ArticlePage, BrokenLink
from portal.core.runs import isolated
from portal.downloads import services
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.downloads import DownloadFactory, published_file, release_of
from tests.factories.faq import ArticlePageFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.downloads.shelf", "portal.core.releases"),
]


def article_with(*downloads, **fields):
    body = [{"type": "newest_release", "value": {"download": each.slug}} for each in downloads]
    return ArticlePageFactory(body=json.dumps(body), **fields)


def page_of(article, person=None):
    client = Client()
    if person:
        client.force_login(person)
    return client.get(article.url).text.partition('<article class="doc">')[2].partition("</article>")[0]


def test_the_newest_stable_release_is_shown_as_soon_as_it_is_published(after_commit):
    file = published_file("نورا.exe")
    download = file.release.download
    article = article_with(download)
    before = page_of(article)

    with after_commit():
        release_of(download, "3.0-beta1", channel="beta")
        newer = release_of(download, "1.10")
    after = page_of(article)

    assert "1.0" in before
    assert file.get_absolute_url() in before
    assert f'href="{download.get_absolute_url()}">{isolated(str(download), page="rtl")}</a>' in before
    assert "۲ کیلوبایت" in before
    assert "1.10" in after
    assert newer.files.get().get_absolute_url() in after
    assert "3.0-beta1" not in after


def test_who_may_not_see_a_download_sees_no_word_of_it_and_who_must_accept_a_licence_is_led_to_its_page():
    inner = release_of(DownloadFactory(audience="partner"), "7.7.7").download
    owned = published_file(is_for_owners=True, products=[ProductFactory()])
    draft = release_of(DownloadFactory(), is_published=False).download
    article = article_with(inner, owned.release.download, draft)

    visitor, partner = page_of(article), page_of(article, UserFactory(partner=True))

    assert "7.7.7" not in visitor
    assert "7.7.7" in partner
    assert owned.get_absolute_url() not in visitor
    assert visitor.count(owned.release.download.get_absolute_url()) == 2  # its name, and its file
    assert draft.slug not in partner
    assert str(inner) not in article.body_text()
    assert str(owned.release.download) in article.body_text()


def test_programs_get_version_and_address_in_the_text(client):
    file = published_file()
    text = client.get(article_with(file.release.download).url.rstrip("/") + ".md").text

    assert f"[{file.release.download}]" in text
    assert file.get_absolute_url() in text
    assert "1.0" in text


def test_any_number_of_them_costs_the_same_queries(django_assert_max_num_queries):
    one, several = ([published_file().release.download for _ in range(number)] for number in (1, 5))
    for number, downloads in enumerate((one, several)):
        ArticlePageFactory()  # forgets what is kept
        article = ArticlePage.objects.get(pk=article_with(*downloads).pk)
        client = Client()
        with django_assert_max_num_queries(100) as found:
            client.get(article.url)
        if number == 0:
            first = len(found)
    assert len(found) <= first


def test_an_article_that_shows_what_its_readers_do_not_see_is_reported():
    public = published_file().release.download
    inner = release_of(DownloadFactory(audience="partner")).download
    gone = release_of(DownloadFactory())
    services.withdraw_release(release=gone, by=UserFactory(superuser=True))
    article_with(public, inner, gone.download)

    link_check.check_links()

    found = set(BrokenLink.objects.values_list("target", "reason"))
    assert found == {(f"download:{inner.slug}", "not-for-readers"), (f"download:{gone.download.slug}", "not-published")}


def test_an_editor_chooses_by_name(client, editor):
    download = DownloadFactory()
    page = client.get(f"/admin/pages/{article_with(download).pk}/edit/").text

    assert json.dumps(str(download))[1:-1] in page  # the form is data for Wagtail's script
