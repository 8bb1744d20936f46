"""Visibility, in every index and in everything derived from its results."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from wagtail.models import Page

from portal.core.audience import register_audience
from search.index import cluster
from search.index.answering import answer
from search.language.finglish import skeleton
from search.queries import search, suggest
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, locale
from tests.factories.search import entry
from tests.search.asking import PUBLIC, corrected, ids, plan_for
from tests.search.cluster import answers_from, wait_until_mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]


def test_the_secret_is_there_for_those_who_may_see_it(with_a_secret):
    everyone_and_staff = ("public", "staff")

    assert ids(with_a_secret, "مودم", audiences=everyone_and_staff) == [1, 2]
    plan = plan_for(with_a_secret, "مودم", audiences=everyone_and_staff)
    assert with_a_secret.facets(plan)["product"] == {"x1": 1, "secret": 1}
    known = with_a_secret.vocabulary(["محرمانه"], audiences=everyone_and_staff, beginnings=["محر"], completions=5)
    assert known.frequencies == {"محرمانه": 1}
    assert known.completions == {"محر": {"محرمانه": 1}}
    assert corrected(with_a_secret, "محرمنه", audiences=everyone_and_staff) == {"محرمنه": "محرمانه"}


def test_a_hidden_entry_is_in_no_result_count_completion_or_correction(with_a_secret):
    assert ids(with_a_secret, "مودم") == [1]
    assert with_a_secret.search(plan_for(with_a_secret, "مودم")).total == 1
    assert with_a_secret.facets(plan_for(with_a_secret, "مودم"))["product"] == {"x1": 1}
    known = with_a_secret.vocabulary(["محرمانه"], audiences=PUBLIC, beginnings=["محر"], completions=5)
    assert known.frequencies == {}
    assert known.completions == {"محر": {}}
    assert corrected(with_a_secret, "محرمنه") == {}


def test_nobody_sees_anything_without_an_audience(with_a_secret):
    assert ids(with_a_secret, "مودم", audiences=()) == []


def test_an_entry_that_changes_its_audience_is_gone_at_once(backend):
    backend.put([entry(object_id=1, title="مودم")])

    backend.put([entry(object_id=1, title="مودم", audience="signed-in")])

    assert ids(backend, "مودم") == []
    assert ids(backend, "مودم", audiences=("public", "signed-in")) == [1]


def test_words_nobody_may_read_are_unknown(with_a_secret):
    assert set(with_a_secret.spellings(["محرمانه", "مودم"], audiences=PUBLIC)) == {"مودم"}
    assert with_a_secret.sounding_like([skeleton("mahramane")], audiences=PUBLIC) == {}
    assert skeleton("mahramane") in with_a_secret.sounding_like([skeleton("mahramane")], audiences=("public", "staff"))


# Everything derived from results ------------------------------------------------------------------------------------


@pytest.fixture
def article(answering):
    """The only article for «چراغ زمردین», about its own product, and ten other articles."""
    if not Page.objects.filter(depth=1).exists():  # earlier tests emptied the tables
        Page.add_root(instance=Page(title="Root", slug="root", locale=locale("fa")))
    for audience in ("staff", "signed-in", "segment:fibre"):
        register_audience(audience)
    topic = TopicPageFactory(title="موضوع")
    for number in range(10):
        ArticlePageFactory(parent=topic, title=f"مودم {number} خاموش است")
    made = ArticlePageFactory(
        parent=TopicPageFactory(title="موضوع دیگر"),
        title="چراغ زمردین یعنی چه؟",
        short_answer="چراغ زمردین یعنی همه چیز خوب است.",
        products=[ProductFactory(code="emerald", name={"fa": "زبرجد"})],
    )
    wait_until_mirrored()
    return made


def without_tags(response) -> str:
    return re.sub(r"<[^>]*>", "", response.text)


def traces(client, article) -> set[str]:
    """The places where a visitor sees the article."""
    result = search(text="چراغ زمردین", user=None, language="fa")
    wrong = search(text="زمردبن", user=None, language="fa")
    suggestions = suggest(text="زمر", user=None, language="fa")
    known = answer(lambda backend: backend.vocabulary([], audiences=PUBLIC, beginnings=["زمر"], completions=5))
    page = client.get(reverse("search:results"), {"q": "چراغ زمردین"})
    offered = client.get(reverse("search:suggest"), {"q": "زمر"})
    everything = client.get(reverse("search:results"), {"kind": "faq.article"})
    places = {
        "result": article.pk in {hit.object_id for hit in result.hits},
        "total": result.total > 0,
        "best answer": result.best is not None,
        "highlight": any("<mark>" in hit.title + hit.snippet for hit in result.hits),
        "facet": "emerald" in {value.code for value in result.facets["product"].values} if result.facets else False,
        "repair": any("زمردین" in notice.used for notice in wrong.notices),
        "repaired result": bool(wrong.hits),
        "suggestion": suggestions.total > 0,
        "completion": bool(known.completions["زمر"]),
        "page": f'data-hit="faq.article:{article.pk}"' in page.text or "همه چیز خوب است" in page.text,
        "name of its product": "زبرجد" in page.text + everything.text,
        "option": "زمردین" in without_tags(offered),
        "list": "زمردین" in without_tags(everything),
    }
    return {place for place, is_met in places.items() if is_met}


def unpublish(article):
    article.unpublish()


def delete(article):
    article.delete()


def narrow(audience):
    def change(article):
        article.audience = audience
        article.save_revision().publish()

    change.__name__ = f"for {audience}"
    return change


def narrow_its_topic(article):
    topic = article.get_parent().specific
    topic.audience = "staff"
    topic.save_revision().publish()


def move_below_a_topic_of_staff(article):
    article.move(TopicPageFactory(title="درونی", audience="staff"), pos="last-child")


CHANGES = [
    unpublish, delete, narrow("staff"), narrow("signed-in"), narrow("segment:fibre"), narrow_its_topic,
    move_below_a_topic_of_staff,
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_no_longer_for_everyone_leaves_no_trace_from_one_moment_to_the_next(answering, article, client, change):
    assert traces(client, article) == {
        "result", "total", "best answer", "highlight", "facet", "repair", "repaired result", "suggestion", "completion",
        "page", "name of its product", "option", "list",
    }  # fmt: skip

    change(article)

    assert traces(client, article) == set()
    wait_until_mirrored()
    assert traces(client, article) == set()
    assert cluster.may_answer() == (answering == "cluster")
    assert answers_from() == answering


@pytest.mark.django_db(transaction=True)
def test_who_still_may_read_it_finds_it_as_before(answering, article, client):
    narrow("staff")(article)
    staff = UserFactory(staff=True)

    result = search(text="چراغ زمردین", user=staff, language="fa")

    assert result.best.hit.object_id == article.pk
    assert suggest(text="زمر", user=staff, language="fa").total == 1
    assert suggest(text="زمر", user=UserFactory(), language="fa").total == 0
    assert answers_from() == answering
