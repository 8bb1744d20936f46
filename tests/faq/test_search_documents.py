"""The search entry of an article."""

from __future__ import annotations

import json

import pytest

from faq.models import ArticlePage
from faq.search_documents import ArticleDocument
from faq.services import weigh_votes
from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory
from tests.faq.bodies import full_body

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.search_documents")]


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
    assert entry.facets == {"product": ("x2",), "topic": ("wifi",), "tag": ("guide",)}
    assert entry.audience == "partner"
    assert entry.updated == article.last_published_at
    assert str(article.translation_key) in entry.family


def test_every_word_of_the_body_is_found_and_no_markup():
    article = ArticlePageFactory(body=json.dumps(full_body()), keywords="واژهٔ مشتری")

    entry = entry_of(article)
    body = entry.body

    for words in (
        "معنی هر چراغ", "چراغ سوم", "چراغ‌ها", "سبز", "از برق بکشید", "سی ثانیه", "دوشاخه", "دکمهٔ RESET را نزنید",
        "بوق آزاد، بوق اشغال", "چرا شب‌ها؟", "نویز", "ویژهٔ", "متن مشترک",
    ):  # fmt: skip
        assert words in body
    assert entry.keywords == "واژهٔ مشتری"
    assert "واژهٔ مشتری" not in body
    assert "<" not in body
    assert "warning" not in body
    assert "بازنشانی مودم" not in body


def test_votes_make_an_article_more_popular():
    article, unknown = ArticlePageFactory(), ArticlePageFactory()
    FeedbackFactory.create_batch(8, article=article)
    FeedbackFactory(article=article, unsolved=True)

    assert sorted(weigh_votes()) == [article.pk]
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


# The card of the best answer ----------------------------------------------------------------------------------------


def steps_of(*titles: str) -> dict:
    return {"type": "steps", "value": [{"title": title, "text": ""} for title in titles]}


def test_the_card_shows_the_short_answer_and_three_steps(django_assert_num_queries):
    heading = {"type": "heading", "value": "از اینجا"}
    body = [heading, steps_of("خاموش کنید", "صبر کنید", "روشن کنید", "ببینید"), steps_of("دیگر")]
    article = ArticlePageFactory(short_answer="دوشاخه را بکشید.", body=json.dumps(body))

    with django_assert_num_queries(1):
        card = ArticleDocument().answer_card(article.pk)

    assert card.short_answer == "دوشاخه را بکشید."
    assert card.steps == ("خاموش کنید", "صبر کنید", "روشن کنید")
    assert (card.step_count, card.more_steps) == (4, 1)


@pytest.mark.parametrize("body", [[], [{"type": "paragraph", "value": "<p>متن</p>"}]])
def test_the_card_of_an_article_without_steps_is_its_short_answer(body):
    article = ArticlePageFactory(short_answer="دوشاخه را بکشید.", body=json.dumps(body))

    card = ArticleDocument().answer_card(article.pk)

    assert (card.short_answer, card.steps, card.more_steps) == ("دوشاخه را بکشید.", (), 0)


def test_a_deleted_article_has_no_card():
    assert ArticleDocument().answer_card(0) is None
