"""The portal without the semantic extra: nothing fails, and no additional queries are made."""

from __future__ import annotations

import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.catalog.models import Topic
from search import services
from search.checks import check_semantic_extra
from search.meaning import model, vectors
from search.models import EntryVector
from search.queries import search

pytestmark = pytest.mark.django_db

TITLE = "گوشی روشن نمی‌شود"


@pytest.fixture
def absent(monkeypatch):
    """Hide the package, whether it is installed or not."""
    monkeypatch.setitem(sys.modules, model.PACKAGE, None)
    model.is_installed.cache_clear()
    yield
    model.is_installed.cache_clear()


@pytest.fixture
def queries_of():
    def count(text: str) -> list[str]:
        services.rebuild()
        search(text=text, user=None, language="fa")  # labels are cached
        services.rebuild()
        with CaptureQueriesContext(connection) as asked:
            search(text=text, user=None, language="fa")
        return [query["sql"] for query in asked.captured_queries]

    return count


@pytest.mark.parametrize("wanted", [None, True])
def test_without_the_package_words_answer_and_no_query_more_is_made(
    topic_document, absent, queries_of, settings, wanted
):
    Topic.objects.create(code="phone", name={"fa": TITLE})
    settings.SEARCH_SEMANTIC = False
    off = len(queries_of("گوشی روشن"))

    settings.SEARCH_SEMANTIC = wanted

    assert len(queries_of("گوشی روشن")) == off
    assert [hit.url for hit in search(text="گوشی روشن", user=None, language="fa").hits] == ["/fa/topics/phone/"]


def test_without_the_package_nothing_waits_for_a_vector(topic_document, absent, settings, after_commit):
    settings.SEARCH_SEMANTIC = None

    with after_commit():
        Topic.objects.create(code="phone", name={"fa": TITLE})
    vectors.work_out_some()

    assert services.check().is_clean
    assert not EntryVector.objects.exists()


def test_switched_off_it_is_off_though_the_package_may_be_there(topic_document, settings):
    settings.SEARCH_SEMANTIC = False
    Topic.objects.create(code="phone", name={"fa": TITLE})

    services.rebuild()

    assert not EntryVector.objects.exists()


def test_entries_that_had_vectors_are_still_found_by_their_words_and_by_no_meaning(topic_document, absent, settings):
    settings.SEARCH_SEMANTIC = None
    phone = Topic.objects.create(code="phone", name={"fa": TITLE})
    EntryVector.objects.create(
        kind=topic_document.name, object_id=phone.pk, language="fa", audience="public",
        model=model.VERSION, digest="", vector=b"\1" * model.DIMENSIONS,
    )  # fmt: skip
    services.rebuild()

    assert search(text="گوشی", user=None, language="fa").total == 1
    assert search(text="تلفن همراهم خاموش مانده", user=None, language="fa").total == 0


def test_an_operator_who_demands_the_missing_package_is_told(absent, settings):
    settings.SEARCH_SEMANTIC = True
    assert [message.id for message in check_semantic_extra()] == ["search.E010"]

    settings.SEARCH_SEMANTIC = None
    assert check_semantic_extra() == []
