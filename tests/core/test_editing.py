"""What editors of pages have besides Wagtail's own: Publish in sight, and a word about translations."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from faq.models import ArticlePage
from tests.factories.faq import ArticlePageFactory, locale

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def edit_page(client, article) -> str:
    return client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text


def test_publish_is_in_sight_beside_saving(client, editor):
    page = edit_page(client, ArticlePageFactory())

    beside = page[
        page.index('class="save-or-publish"') : page.index("w-dropdown__toggle", page.index("save-or-publish"))
    ]
    assert beside.index("action-save") < beside.index('name="action-publish"')
    assert page.count('name="action-publish"') == 1


def test_a_draft_that_saves_itself_does_not_stand_beside_an_error(client, editor):
    page = edit_page(client, ArticlePageFactory())

    assert re.search(r'<script src="[^"]*portal/editing[^"]*\.js" data-kept="[^"]{20,}"></script>', page)


def test_unpublishing_asks_about_each_translation(client, editor):
    article = ArticlePageFactory()
    late = article.copy_for_translation(locale("en"), copy_parents=True)
    late.save_revision().publish()
    other = ArticlePageFactory()
    url = reverse("wagtailadmin_pages:unpublish", args=[article.pk])

    assert re.findall(r'name="translation" value="(\d+)"', client.get(url).text) == [str(late.pk)]
    client.post(url)
    assert live() == {late.pk, other.pk}

    article.save_revision().publish()
    client.post(url, {"translation": [late.pk, other.pk, "x"]})
    assert live() == {other.pk}


def test_unpublishing_several_pages_asks_about_their_other_languages(client, editor):
    article, other = ArticlePageFactory(), ArticlePageFactory()
    late = article.copy_for_translation(locale("en"), copy_parents=True)
    late.save_revision().publish()
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "unpublish"])

    def asked(*pages) -> list[str]:
        text = client.get(url, {"id": [page.pk for page in pages]}).text
        form = text[text.index('method="POST"', text.index("?id=")) :]
        return re.findall(r'name="translation" value="(\d+)"', form[: form.index("</form>")])

    assert asked(article, other) == [str(late.pk)]
    assert asked(other) == []
    assert asked(article, late) == []
    client.post(f"{url}?id={article.pk}", {"translation": [late.pk, other.pk]})
    assert live() == {other.pk}


def live() -> set[int]:
    return set(ArticlePage.objects.live().values_list("pk", flat=True))


@pytest.mark.parametrize(("language", "is_shown"), [("fa", False), ("en", True)])
def test_readability_is_shown_only_in_languages_it_is_computed_for(client, editor, language, is_shown):
    article = ArticlePageFactory()
    if language == "en":
        article = article.copy_for_translation(locale("en"), copy_parents=True)

    page = edit_page(client, article)

    assert ("data-content-readability-score" in page) is is_shown
    assert "data-content-word-count" in page
