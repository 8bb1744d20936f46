"""What search knows of an article."""

from __future__ import annotations

import json

import pytest

from faq.models import ArticlePage
from faq.search_documents import ArticleDocument
from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory
from tests.faq.bodies import full_body

pytestmark = pytest.mark.django_db


def entry_of(article):
    document = ArticleDocument()
    return document.to_entry(document.get_queryset().get(pk=article.pk))


def test_entry_says_everything_about_the_article():
    product = ProductFactory(code="x2")
    article = ArticlePageFactory(
        parent=TopicPageFactory(topic__code="wifi", audience="partner"),
        title="چراغ قرمز",
        products=[product],
        kind="guide",
    )

    entry = entry_of(article)

    assert (entry.kind, entry.object_id, entry.language) == ("faq.article", article.pk, "fa")
    assert (entry.title, entry.short_answer, entry.url) == ("چراغ قرمز", article.short_answer, article.url)
    assert (entry.products, entry.topics, entry.tags) == (("x2",), ("wifi",), ("guide",))
    assert entry.audience == "partner"
    assert entry.updated == article.last_published_at
    assert str(article.translation_key) in entry.family


def test_every_word_of_the_body_is_found_and_no_markup():
    article = ArticlePageFactory(body=json.dumps(full_body()), keywords="واژهٔ مشتری")

    body = entry_of(article).body

    for words in (
        "معنی هر چراغ", "چراغ سوم", "چراغ‌ها", "سبز", "از برق بکشید", "سی ثانیه", "دوشاخه", "دکمهٔ RESET را نزنید",
        "بوق آزاد، بوق اشغال", "چرا شب‌ها؟", "نویز", "ویژهٔ", "متن مشترک", "واژهٔ مشتری",
    ):  # fmt: skip
        assert words in body
    assert "<" not in body
    assert "warning" not in body
    assert "بازنشانی مودم" not in body


def test_votes_make_an_article_more_popular():
    article, unknown = ArticlePageFactory(), ArticlePageFactory()
    FeedbackFactory.create_batch(8, article=article)
    FeedbackFactory(article=article, unsolved=True)

    assert entry_of(article).popularity > entry_of(unknown).popularity == 0


def test_drafts_and_unpublished_articles_are_not_indexed():
    live, draft, gone = ArticlePageFactory(), ArticlePageFactory(draft=True), ArticlePageFactory()
    gone.unpublish()

    assert set(ArticleDocument().get_queryset().values_list("pk", flat=True)) == {live.pk}
    assert draft.pk


@pytest.mark.parametrize("count", [1, 3])
def test_details_cost_one_query(django_assert_num_queries, count):
    articles = ArticlePageFactory.create_batch(count)
    FeedbackFactory.create_batch(2, article=articles[0])

    with django_assert_num_queries(1):
        details = ArticleDocument().details([article.pk for article in articles])

    assert (
        details[articles[0].pk].facts == ("۱ دقیقه", "۲ نفر مفید دانسته‌اند") or len(details[articles[0].pk].facts) == 2
    )
    assert set(details) == {article.pk for article in articles}


def test_reading_time_counts_the_whole_text():
    long = ArticlePageFactory(body=json.dumps([{"type": "paragraph", "value": f"<p>{'واژه ' * 900}</p>"}]))

    assert ArticlePage.objects.get(pk=long.pk).reading_minutes == 5
