"""Translating pages with the admin's translation tool: the page tree, and what is copied."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from wagtail.models import Page
from wagtail_localize.models import StringTranslation, Translation, TranslationSource
from wagtail_localize.operations import translate_object

from faq.models import ArticlePage, ShortLink, TopicPage
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory, ProductVersionFactory
from tests.factories.faq import ArticlePageFactory, RelatedArticleFactory, TopicPageFactory, locale

pytestmark = pytest.mark.django_db


def translated(page):
    return type(page).objects.get(translation_key=page.translation_key, locale=locale("en"))


def translate(page, **texts):
    """Translate and publish a page, as the submit form and the translation editor do."""
    translate_object(page, [locale("en")])
    source = TranslationSource.objects.get_for_instance(page)
    translation = Translation.objects.get(source=source, target_locale=locale("en"))
    for segment in source.stringsegment_set.select_related("string", "context"):
        if segment.context.path in texts:
            StringTranslation.objects.update_or_create(
                translation_of=segment.string,
                locale=locale("en"),
                context=segment.context,
                defaults={"data": texts[segment.context.path]},
            )
    translation.save_target(publish=True)
    return translated(page)


def test_article_is_translated_with_all_that_is_not_text(after_commit):
    product = ProductFactory()
    version = ProductVersionFactory(product=product)
    other = ArticlePageFactory()
    article = ArticlePageFactory(
        kind="guide",
        products=[product],
        versions=[version],
        platforms=["ios"],
        external_id="red-light",
        audience="signed-in",
    )
    RelatedArticleFactory(page=article, article=other)

    with after_commit():
        translate(article, title="The light is red", slug="red-light", short_answer="Unplug it.")
    english = translated(article)

    assert (english.title, english.slug, english.short_answer) == ("The light is red", "red-light", "Unplug it.")
    assert english.live
    assert (english.kind, english.external_id, english.platforms) == ("guide", "red-light", ["ios"])
    assert list(english.products.all()) == [product]
    assert list(english.versions.all()) == [version]
    assert [row.article_id for row in english.related_articles.all()] == [other.pk]
    assert english.effective_audience == "signed-in"
    assert english.topic == article.topic
    assert ShortLink.objects.filter(translation_key=article.translation_key).count() == 1


def test_a_slug_that_a_translator_writes_in_persian_stays(after_commit):
    """The translation screen made "x2" of it."""
    with after_commit():
        english = translate(ArticlePageFactory(), title="Guide", slug="مودم-x2-راهنما", short_answer="Unplug it.")

    assert english.slug == "مودم-x2-راهنما"


def test_pages_above_are_translated_along():
    article = ArticlePageFactory()
    topic = TopicPage.objects.get(pk=article.get_parent().pk)

    english = translate(article)

    parent = english.get_parent().specific
    assert parent.translation_key == topic.translation_key
    assert parent.topic == topic.topic


def test_later_change_of_the_audience_reaches_the_translation():
    article = ArticlePageFactory()
    translate(article)

    article.audience = "partner"
    article.save_revision().publish()
    source = TranslationSource.objects.get_for_instance(ArticlePage.objects.get(pk=article.pk))
    source.update_from_db()
    Translation.objects.get(source=source).save_target(publish=True)

    assert translated(article).effective_audience == "partner"


def test_short_answer_is_offered_for_translation_and_the_audience_is_not():
    article = ArticlePageFactory(external_id="red-light")
    translate_object(article, [locale("en")])

    source = TranslationSource.objects.get_for_instance(article)
    paths = set(source.stringsegment_set.values_list("context__path", flat=True))

    assert {"title", "short_answer"} <= paths
    assert not paths & {"audience", "external_id", "platforms"}


def test_translation_is_made_from_the_admin(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    article = ArticlePageFactory()
    client.force_login(UserFactory(superuser=True))
    url = reverse("wagtail_localize:submit_page_translation", args=[article.pk])
    assert client.get(url).status_code == 200

    response = client.post(url, {"locales": [locale("en").pk], "include_subtree": ""})

    assert response.status_code == 302
    english = translated(article)
    editor = client.get(reverse("wagtailadmin_pages:edit", args=[english.pk]))
    assert editor.status_code == 200
    assert json.dumps(article.short_answer)[1:-1] in editor.text


@pytest.mark.parametrize("left_out", ["", "short_answer"])
def test_only_an_incomplete_translation_is_said_to_be_incomplete(client, settings, left_out):
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True))
    body = [
        ("heading", "سرفصل"),
        ("note", {"kind": "tip", "title": "", "text": "<p>متن <b>یادداشت</b></p>", "more": []}),
    ]
    article = ArticlePageFactory(body=body, keywords="قرمز", search_description="چراغ", change_note="تازه")
    translate_object(article, [locale("en")])
    url = reverse("wagtailadmin_pages:edit", args=[translated(article).pk])
    shown = json.loads(unescape(re.search(r'data-props="([^"]*)"', client.get(url).text)[1]))["segments"]

    for segment in shown:
        if segment["type"] == "string" and segment["contentPath"] != left_out:
            client.put(segment["editUrl"], urlencode({"value": "text"}), "application/x-www-form-urlencoded")
    response = client.post(url, {"action": "publish"}, follow=True)

    said = " ".join(map(str, response.context["messages"]))
    assert ("منتشر شد" in said, "ترجمهٔ ناقص" in said) == (True, bool(left_out)), said


def test_whole_topic_is_translated_with_its_articles(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    topic = TopicPageFactory()
    ArticlePageFactory.create_batch(2, parent=topic)
    client.force_login(UserFactory(superuser=True))

    client.post(
        reverse("wagtail_localize:submit_page_translation", args=[topic.pk]),
        {"locales": [locale("en").pk], "include_subtree": "on"},
    )

    english = translated(topic)
    assert ArticlePage.objects.child_of(english).count() == 2
    assert Page.objects.descendant_of(english).filter(locale=locale("en")).count() == 2
