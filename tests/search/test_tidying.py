"""Counting, deleting old searches, gaps, evidence and popular searches."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
import threading
from itertools import count

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal.catalog.models import Topic
from portal.core import jobs
from portal.core.audience import register_audience
from portal.core.memo import forget_all
from portal.core.scopes import content_changed
from search import registry, services
from search.activity import gaps, tidying
from search.activity.choices import CLICKED, weigh_clicks
from search.activity.counting import count_days, forget_old
from search.activity.gaps import tend_gaps
from search.activity.popular import popular_searches, renew_popular
from search.asking.keys import query_key
from search.asking.synonyms import rules_for
from search.index import evidence
from search.index.answering import get_backend
from search.index.plan import BackendHit, Plan, QueryTerm
from search.models import ClickEvidence, PopularQuestion, SearchClick, SearchDay, SearchGap, SearchLog, Synonym
from tests.factories.accounts import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "search.activity.choices",
        "search.activity.counting",
        "search.activity.gaps",
        "search.models.popular",
        "search.activity.popular",
    ),
]
_visits = count(1)
_sectors = count()


@pytest.fixture
def topics(topic_document):
    register_audience("staff")
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم", "en": "Red light on the router"}),
            Topic(pk=2, code="green", name={"fa": "چراغ سبز کابل"}),
            Topic(pk=3, code="secret", name={"fa": "طرح محرمانه سیمرغ"}, tone=Topic.Tone.POM),
        ]
    )
    services.rebuild()


def today() -> dt.date:
    return timezone.localdate()


def asked(text: str, *, visits: int = 1, days_ago: int = 0, total: int = 2, clicks: int = 0, **options) -> None:
    """Store searches of so many visits, of which the first `clicks` chose a result."""
    language = options.get("language", "fa")
    day = today() - dt.timedelta(days=days_ago)
    facts = {"day": day, "language": language, "key": query_key(text, language)}
    for place in range(visits):
        visit = options.get("visit") or f"visit-{next(_visits)}"
        origin = {"network": options.get("network", visit), "sector": options.get("sector", next(_sectors) % 32)}
        facts |= origin
        SearchLog.objects.create(
            **facts, visit=visit, text=text, total=total, at=timezone.now() - dt.timedelta(days=days_ago)
        )
        if place < clicks:
            SearchClick.objects.create(
                **facts,
                visit=visit,
                kind="test.topic",
                object_id=options.get("object_id", 1),
                position=options.get("position", 1),
                source=options.get("source", "results"),
            )


def days(*fields: str) -> list[tuple]:
    return list(SearchDay.objects.order_by("day", "key").values_list(*fields))


COUNTS = ("searches", "visits", "visits_without_result", "visits_with_click", "clicks_first", "clicks_top")


# Counting -----------------------------------------------------------------------------------------------------------


def test_a_day_is_counted_by_question():
    asked("چراغ", visits=3, clicks=2)
    asked("چراغ", clicks=1, position=3)
    asked("چراغ", clicks=1, position=4)
    asked("چراغ", total=0)
    asked("چراغ", visits=2, visit="the same")
    asked("کارت", visits=2, total=0)
    asked("چراغ", days_ago=1)
    asked("چراغ", language="en")

    assert count_days() == 2

    assert set(days("day", "language", "text", *COUNTS)) == {
        (today() - dt.timedelta(days=1), "fa", "چراغ", 1, 1, 0, 0, 0, 0),
        (today(), "fa", "چراغ", 8, 7, 1, 4, 2, 3),
        (today(), "en", "چراغ", 1, 1, 0, 0, 0, 0),
        (today(), "fa", "کارت", 2, 2, 2, 0, 0, 0),
    }


def test_the_question_is_shown_as_most_wrote_it():
    asked("چراغ ها", visits=2)
    asked("چراغ‌ها", visits=3)

    count_days()

    assert days("text", "visits") == [("چراغ‌ها", 5)]


def test_suggestions_and_clicks_without_a_search_are_nobodys_way_through_the_results():
    asked("چراغ", clicks=1, source="suggestions")
    SearchClick.objects.create(
        day=today(), language="fa", key="alone", visit="x", kind="test.topic", object_id=1, position=1
    )

    count_days()

    assert days("key", "visits_with_click") == [("چراغ", 0)]


def test_counting_again_gives_the_same_and_takes_in_what_came_late():
    asked("چراغ", visits=2)
    asked("چراغ", days_ago=1)
    count_days()
    before = days("day", "key", *COUNTS)
    assert (count_days(), days("day", "key", *COUNTS)) == (2, before)

    asked("چراغ", days_ago=1, clicks=1)  # was still queued when the day was counted
    count_days()

    assert days("searches", "visits_with_click") == [(2, 1), (2, 0)]


def test_days_missed_while_no_worker_ran_are_counted_later():
    for days_ago in (9, 5, 0):
        asked("چراغ", days_ago=days_ago)
    assert count_days() == 3

    asked("چراغ", days_ago=0)
    assert count_days() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_workers_that_count_at_once_count_once():
    for number in range(20):
        asked(f"چراغ {number}", visits=2)
    errors, barrier = [], threading.Barrier(3)

    def work():
        barrier.wait(timeout=10)
        try:
            count_days()
            tend_gaps()
            weigh_clicks()
        except Exception as error:  # noqa: BLE001 - asserted below
            errors.append(error)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    assert days("visits") == [(2,)] * 20


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_processes_share_the_hourly_work():
    asked("چراغ", visits=5, total=0)
    script = (
        "import sys, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'portal.settings.test'\n"
        "import django; django.setup()\n"
        "from django.db import connections; connections['default'].settings_dict['NAME'] = sys.argv[1]\n"
        "from portal.core import jobs; [jobs._jobs.pop(name) for name in sys.argv[2:]]; print(jobs.run_due())"
    )
    often = [name for name, job in jobs._jobs.items() if job.interval < dt.timedelta(hours=1)]
    command = [sys.executable, "-c", script, str(connection.settings_dict["NAME"]), *often]

    workers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    done = [int(worker.communicate(timeout=60)[0]) for worker in workers]

    assert sum(done) == 1  # nothing else is to be done, and only one of the processes does it
    assert days("visits") == [(5,)]
    assert SearchGap.objects.count() == 1
    connection.close()


# Deleting old searches ----------------------------------------------------------------------------------------------


def test_single_searches_and_clicks_are_forgotten_and_their_counts_stay():
    asked("چراغ", visits=6, clicks=2, days_ago=91)
    asked("چراغ", visits=6, clicks=2, days_ago=89)
    count_days()

    forgotten = forget_old()

    assert (forgotten.searches, forgotten.clicks, forgotten.rare_questions) == (6, 2, 0)
    assert SearchLog.objects.count() == 6
    assert days("visits", "visits_with_click") == [(6, 2), (6, 2)]
    assert forget_old().searches == 0


def test_days_that_were_never_counted_are_not_forgotten():
    asked("چراغ", days_ago=91)

    assert forget_old().searches == 0
    assert SearchLog.objects.count() == 1


def test_the_words_of_a_few_are_forgotten_with_their_searches():
    asked("علی رضایی کوچه بهار", visits=2, days_ago=91)
    asked("نشانی من", visits=1, total=0, days_ago=91)
    asked("چراغ", visits=3, days_ago=91)
    asked("چراغ", visits=3, days_ago=1)
    count_days()

    assert forget_old().rare_questions == 2
    assert forget_old().rare_questions == 0

    old = today() - dt.timedelta(days=91)
    assert days("day", "text", "visits", "visits_without_result")[:2] == [(old, "", 3, 1), (old, "چراغ", 3, 0)]


# Gaps ---------------------------------------------------------------------------------------------------------------


def tended(*fields: str) -> list[tuple]:
    count_days()
    tend_gaps()
    return list(SearchGap.objects.order_by("pk").values_list(*(fields or ("text", "reason", "state"))))


def test_what_finds_nothing_becomes_a_gap_from_five_visits_on(topics):
    asked("رومینگ", visits=4, total=0)
    assert tended() == []

    asked("رومینگ", total=0)
    assert tended() == tended() == [("رومینگ", "zero", "open")]


def test_one_visit_that_asks_often_is_no_gap(topics):
    asked("رومینگ", visits=9, total=0, visit="the same")

    assert tended() == []


def test_what_nobody_chooses_becomes_a_gap(topics):
    asked("چراغ قرمز", visits=11, clicks=1)
    asked("چراغ سبز", visits=9, clicks=1)

    assert tended() == [("چراغ قرمز", "no_click", "open")]


def test_a_gap_closes_itself_when_the_question_finds_something(topics):
    asked("رومینگ", visits=5, total=0)
    assert tended("state") == [("open",)]

    Topic.objects.create(pk=9, code="roaming", name={"fa": "رومینگ"})
    services.rebuild()

    assert tended("state", "closed_by") == [("closed", None)]
    assert SearchGap.objects.get().closed_at is not None
    assert tended("state") == [("closed",)]  # earlier days do not open it again


def test_an_answer_for_staff_only_closes_no_gap(topics):
    asked("سیمرغ", visits=5, total=0)

    assert tended("state") == [("open",)]


def test_a_gap_closes_itself_when_readers_choose_something(topics):
    asked("چراغ قرمز", visits=6)
    assert tended("state") == [("open",)]

    asked("چراغ قرمز", visits=6, clicks=3)

    assert tended("state") == [("closed",)]


def test_a_closed_gap_opens_again_only_by_what_happens_later(topics):
    asked("رومینگ", visits=5, total=0, days_ago=3)
    tended()
    two_days_ago = timezone.now() - dt.timedelta(days=2)
    SearchGap.objects.update(state="closed", closed_at=two_days_ago)
    assert tended("state") == [("closed",)]

    asked("رومینگ", visits=5, total=0, days_ago=0)

    assert tended("state", "closed_at") == [("open", None)]


def test_an_ignored_gap_stays_ignored_until_somebody_minds_again(topics):
    asked("رومینگ", visits=5, total=0)
    tended()
    gap, editor = SearchGap.objects.get(), UserFactory()
    for _ in range(2):
        gaps.ignore(language=gap.language, key=gap.key, text=gap.text, reason=gap.reason, by=editor)
    assert tended("state", "closed_by") == [("ignored", editor.pk)]

    for _ in range(2):
        gaps.mind_again(gap_id=gap.pk)

    assert tended("state", "closed_by") == [("open", None)]


# Evidence -----------------------------------------------------------------------------------------------------------


def found(word: str) -> list[BackendHit]:
    backend = get_backend()
    size = backend.vocabulary([], audiences=["public"]).size
    term = QueryTerm(text=word, words=(0,), frequency=2)
    return backend.search(Plan(terms=(term,), size=size, audiences=("public",))).hits


def test_what_readers_choose_counts_in_the_index(topics, after_commit):
    asked("چراغ", visits=60, clicks=60, object_id=2, position=2)
    with after_commit():
        report = tidying.tidy()

    assert report.reweighed == 1
    assert ClickEvidence.objects.get().clicked == 75  # of 60 visits, and 20 added that chose something else
    scores = {hit.object_id: hit.score for hit in found("چراغ")}
    assert scores[2] * evidence.FULL == pytest.approx(scores[1] * (evidence.FULL + CLICKED.weigh(75)), rel=1e-3)
    assert services.check().is_clean


def test_weighing_again_changes_nothing_and_announces_nothing(topics, after_commit):
    asked("چراغ", visits=60, clicks=60)
    tidying.tidy()

    assert tidying.tidy().reweighed == 0


def test_evidence_goes_with_the_clicks_it_came_from(topics, after_commit):
    asked("چراغ", visits=60, clicks=60)
    with after_commit():
        tidying.tidy()
    SearchClick.objects.all().delete()

    with after_commit():
        assert tidying.tidy().reweighed == 1

    assert not ClickEvidence.objects.exists()
    assert len({hit.score for hit in found("چراغ")}) == 1


def test_nobody_clicks_an_article_up_alone(topics):
    for number in range(50):
        asked(f"چراغ {number}", clicks=1, visit="the same")

    assert weigh_clicks() == {}


def test_an_object_that_many_others_are_preferred_to_weighs_little(topics):
    asked("چراغ", visits=60, clicks=60, object_id=2)
    asked("چراغ", visits=10, clicks=10, object_id=1)
    weigh_clicks()

    assert dict(ClickEvidence.objects.values_list("object_id", "clicked")) == {1: 10, 2: 65}


def test_indexing_asks_for_evidence_once(topics, django_assert_num_queries):
    entries = [
        entry for topic in Topic.objects.all() for entry in registry.get_document("test.topic").to_entries(topic)
    ]

    with django_assert_num_queries(1):
        services.with_evidence(registry.get_document("test.topic"), entries)


# Popular ------------------------------------------------------------------------------------------------------------


def popular(*arguments) -> list[str]:
    count_days()
    renew_popular()
    forget_all()
    return popular_searches(*(arguments or ("fa",)))


def test_popular_is_what_most_visits_ask(topics):
    asked("چراغ سبز", visits=5)
    asked("چراغ قرمز", visits=7, days_ago=3)
    asked("مودم", visits=4)
    asked("red light", visits=6, language="en")
    asked("چراغ", visits=9, days_ago=31)

    assert popular() == ["چراغ قرمز", "چراغ سبز"]
    assert popular("fa", 1) == ["چراغ قرمز"]
    assert popular("en") == ["red light"]


@pytest.mark.parametrize(
    "text",
    [
        "رومینگ",  # finds nothing
        "سیمرغ",  # a private topic
        "طرح محرمانه سیمرغ",
        "چراغ محرمانه",  # partly private
        "چرغا سبز",  # misspelt
        "]vhy",  # the wrong keyboard
        "چراغ [phone]",
    ],
)
def test_popular_is_only_what_everybody_may_know_and_finds(topics, text):
    asked(text, visits=50)
    asked("چراغ سبز", visits=5)
    assert get_backend().count() == 4  # including the private topic

    assert popular() == ["چراغ سبز"]


def test_what_leads_nowhere_or_is_ignored_is_not_popular(topics):
    asked("چراغ قرمز", visits=9)
    asked("چراغ سبز", visits=9)
    asked("مودم", visits=9)
    for text, state in (("چراغ قرمز", "open"), ("چراغ سبز", "ignored"), ("مودم", "closed")):
        SearchGap.objects.create(language="fa", key=query_key(text, "fa"), text=text, reason="no_click", state=state)

    assert popular() == ["مودم"]


def test_popular_is_kept_in_memory(topics, django_assert_num_queries):
    asked("چراغ سبز", visits=5)
    popular()

    with django_assert_num_queries(0):
        assert popular_searches("fa") == ["چراغ سبز"]


def test_popular_forgets_what_is_gone(topics, after_commit):
    asked("چراغ سبز", visits=5)
    assert popular() == ["چراغ سبز"]

    with after_commit():
        Topic.objects.filter(pk=2).delete()

    assert popular_searches("fa") == []


def test_popular_forgets_what_became_private_before_the_next_hour(topics, after_commit):
    asked("چراغ سبز", visits=5)
    asked("چراغ قرمز", visits=6)
    assert popular() == ["چراغ قرمز", "چراغ سبز"]

    with after_commit():
        topic = Topic.objects.get(pk=2)
        topic.tone = Topic.Tone.POM
        topic.save()

    assert popular_searches("fa") == ["چراغ قرمز"]


def test_popular_forgets_at_once_what_an_editor_ignores(topics):
    asked("چراغ سبز", visits=5)
    assert popular() == ["چراغ سبز"]

    SearchGap.objects.create(language="fa", key=query_key("چراغ سبز", "fa"), text="x", reason="zero", state="ignored")
    forget_all()

    assert popular_searches("fa") == []


def test_what_a_synonym_answers_may_be_popular_and_goes_with_it(topics):
    synonym = Synonym.objects.create(language="fa", words="لامپ\nچراغ")
    asked("لامپ سبز", visits=5)
    assert popular() == ["لامپ سبز"]

    synonym.delete()
    forget_all()

    assert popular_searches("fa") == []


def test_finding_out_twice_is_finding_out_once(topics):
    asked("چراغ سبز", visits=5)
    count_days()
    renew_popular()
    before = list(PopularQuestion.objects.values("language", "key", "text", "place", "answers"))

    renew_popular()

    assert before
    assert list(PopularQuestion.objects.values("language", "key", "text", "place", "answers")) == before


@pytest.mark.parametrize("count", [1, 3])
def test_after_a_change_of_the_index_popular_costs_three_queries(topics, count, django_assert_num_queries):
    for text in ("چراغ قرمز", "چراغ سبز", "مودم")[:count]:
        asked(text, visits=5)
    assert len(popular()) == count
    rules_for("fa")  # cached until a synonym changes

    content_changed("search:index")

    with django_assert_num_queries(3):  # questions; vocabulary; visibility of their answers
        assert len(popular_searches("fa")) == count


def test_the_hourly_work_finds_out_what_is_popular(topics):
    asked("چراغ سبز", visits=5, clicks=5)

    tidying.tidy()

    assert popular_searches("fa") == ["چراغ سبز"]


# The whole job ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did(topics):
    asked("رومینگ", visits=5, total=0)
    output = io.StringIO()

    call_command("tidy_search_log", stdout=output)

    assert "1 days counted" in output.getvalue()
    assert "1 gaps opened" in output.getvalue()


def test_the_worker_does_it_every_hour(topics):
    asked("رومینگ", visits=5, total=0)

    call_command("run_outbox", stdout=io.StringIO())

    assert SearchGap.objects.get().state == "open"
