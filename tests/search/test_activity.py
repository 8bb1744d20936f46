"""What is stored of searches and clicks, and what is not."""

from __future__ import annotations

import logging
import threading

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from portal.catalog.models import Topic
from portal.core import page_cache, privacy, visitors
from portal.core.audience import register_audience
from portal.insight.recorder import Recorder, recorder
from search import services
from search.activity import recording
from search.activity.recording import Searched, search_activity
from search.asking.keys import query_key, question_key
from search.models import SearchClick, SearchLog
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.models.activity", "search.activity.recording")]
Z = "\u200c"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def _nothing_asked_before():
    visitors.forget_remembered_salts()
    recording.forget_asked()
    recorder.forget()
    yield
    recorder.forget()
    recording.forget_asked()
    visitors.forget_remembered_salts()


@pytest.fixture
def topics(topic_document):
    register_audience("staff")
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم", "en": "Red light on the router"}),
            Topic(pk=2, code="green", name={"fa": f"چراغ{Z}های سبز", "en": "Green lights"}),
            Topic(pk=3, code="secret", name={"fa": "مودم محرمانه"}, tone=Topic.Tone.POM),
        ]
    )
    services.rebuild()
    cache.clear()
    page_cache.answers.clear()


def address(name: str, language: str = "fa") -> str:
    with override(language):
        return reverse(f"search:{name}")


def search(client, text: str, *, who: str = "203.0.113.1", language: str = "fa", agent: str = BROWSER, **options):
    data = {"q": text, **options.pop("data", {})}
    headers = {"User-Agent": agent, **options.pop("headers", {})}
    return client.get(address("results", language), data, REMOTE_ADDR=who, headers=headers, **options)


def click(client, text: str, *, who: str = "203.0.113.1", headers: dict[str, str] | None = None, **data):
    posted = {"q": text, "hit": "test.topic:1", "place": "1", "source": "results", "page": "", **data}
    return client.post(
        address("click"),
        posted,
        REMOTE_ADDR=who,
        headers={"User-Agent": BROWSER, "Sec-Fetch-Site": "same-origin", **(headers or {})},
    )


def logged(*fields: str) -> list:
    """The rows of the log, after writing the queue."""
    recorder.flush()
    return list(SearchLog.objects.order_by("pk").values_list(*(fields or ("text",)), flat=len(fields) < 2))


def clicked(*fields: str) -> list:
    recorder.flush()
    return list(SearchClick.objects.order_by("pk").values_list(*(fields or ("object_id",)), flat=len(fields) < 2))


# Keys of questions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "spellings"),
    [
        ("fa", ["وای فای", f"وای{Z}فای", "وایفای", "واي فاي", " وای  فای؟ "]),
        ("fa", [f"کتاب{Z}های مودم", "کتابهای مودم", "كتاب ها مودم", "کتاب مودم", "کتاب‌های مودم را"]),
        ("fa", [f"نمی{Z}شناسم", "نمی شناسم", "نمیشناسم"]),
        ("fa", ["مودم ۴", "مودم 4", "مودم ٤"]),
        ("en", ["Wi-Fi", "wifi", "wi fi", "the WIFI"]),
        ("en", ["router lights", "router light", "Router's lights?"]),
    ],
)
def test_spellings_that_mean_the_same_have_one_key(language, spellings):
    assert len({query_key(text, language) for text in spellings}) == 1
    assert query_key(spellings[0], language)


def test_questions_that_differ_have_keys_that_differ():
    texts = [
        "چراغ قرمز",
        "قرمز چراغ",
        "چراغ سبز",
        "چراغ",
        "مودم ۴",
        "مودم ۵",
        "را",
        "چرا",
        "پرداخت",
        f"پیش{Z}پرداخت",
        "سیم",
    ]
    texts += [f"بی{Z}سیم", f"مودم بی{Z}سیم", "مودم سیم"]

    assert len({query_key(text, "fa") for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["چراغ قرمز", f"پیش{Z}پرداخت", f"نمی{Z}شود", "Wi-Fi", "tv-no-signal", "را", ""])
def test_pins_and_statistics_have_one_rule_for_the_same_question(text):
    assert question_key(text) == query_key(text, "fa")


@pytest.mark.parametrize("text", ["", " ", "؟!", "09121234567", "ali@example.com", "۰۴۹۹۳۷۰۸۹۹ 4111111111111111"])
def test_a_question_without_words_of_its_own_has_no_key(text):
    assert query_key(text, "fa") == ""


# Searches -----------------------------------------------------------------------------------------------------------


def test_a_search_is_kept_with_what_it_found_and_without_the_person(client, topics):
    response = search(client, "چراغ")

    assert response.status_code == 200
    assert logged("language", "key", "text", "total", "notices") == [("fa", "چراغ", "چراغ", 2, "")]
    row = SearchLog.objects.get()
    assert row.day == timezone.localdate()
    assert "203.0.113.1" not in str(vars(row))


def test_the_readers_never_see_what_the_log_is_told(client, topics):
    for response in (search(client, "چراغ"), search(client, "چراغ", who="203.0.113.2")):
        assert page_cache.FACTS_HEADER not in response.headers


def test_kept_pages_count_too(client, topics, django_assert_num_queries):
    search(client, "چراغ")
    with django_assert_num_queries(0):
        again = search(client, "چراغ", who="203.0.113.2")

    assert again.status_code == 200
    assert logged("text", "total") == [("چراغ", 2)] * 2
    assert SearchLog.objects.values("visit").distinct().count() == 2


def test_a_page_the_browser_still_has_counts_too(client, topics):
    etag = search(client, "چراغ")["ETag"]

    response = search(client, "چراغ", who="203.0.113.2", headers={"If-None-Match": etag})

    assert response.status_code == 304
    assert page_cache.FACTS_HEADER not in response.headers
    assert logged() == ["چراغ"] * 2


def test_signed_in_customers_count_like_everybody_and_leave_no_name(client, topics):
    user = UserFactory()
    client.force_login(user)

    search(client, "چراغ")

    assert logged() == ["چراغ"]
    assert str(user.pk) not in {field.name: None for field in SearchLog._meta.fields if field.is_relation}
    assert not [field.name for field in SearchLog._meta.fields if field.is_relation]


def test_staff_at_work_do_not_count(client, topics):
    client.force_login(UserFactory(is_staff=True))
    response = search(client, "محرمانه")
    assert "مودم" in response.text  # the search worked

    assert logged() == []


@pytest.mark.parametrize(
    "options",
    [
        {"agent": "Googlebot/2.1"},
        {"agent": ""},
        {"headers": {"Sec-Purpose": "prefetch"}},
        {"headers": {"Purpose": "prefetch"}},
        {"data": {"page": "2"}},
        {"data": {"exact": "1"}},
        {"data": {"topic": "red"}},
        {"data": {"kind": "test.topic"}},
        {"data": {"sort": "newest"}},
    ],
)
def test_only_a_question_of_a_person_counts(client, topics, options):
    search(client, "چراغ", **options)
    assert logged() == []

    search(client, "چراغ", who="203.0.113.2")
    assert logged() == ["چراغ"]


def test_a_page_asked_for_its_head_only_does_not_count(client, topics):
    client.head(address("results"), {"q": "چراغ"}, headers={"User-Agent": BROWSER})

    assert logged() == []


def test_suggestions_while_typing_are_no_searches(client, topics):
    client.get(address("suggest"), {"q": "چراغ"}, headers={"User-Agent": BROWSER})

    assert logged() == []


def test_the_same_question_again_within_minutes_is_one_search(client, topics):
    for text in ("چراغ", "چراغ", f"چراغ{Z}ها", "چراغ قرمز"):
        search(client, text)
    assert logged() == ["چراغ", "چراغ قرمز"]

    recording.forget_asked()  # like another process, which knows only the database
    search(client, "چراغ")
    assert len(logged()) == 2

    SearchLog.objects.update(at=timezone.now() - recording.SAME_SEARCH)
    recording.forget_asked()
    search(client, "چراغ")
    assert len(logged()) == 3


def test_the_same_question_in_another_language_is_another_search(client, topics):
    for language in ("fa", "en"):
        search(client, "router 4", language=language)

    assert sorted(logged("language", "text")) == [("en", "router 4"), ("fa", "router 4")]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("مودم ali@example.com", f"مودم {privacy.EMAIL}"),
        ("قبض ۰۹۱۲۱۲۳۴۵۶۷", f"قبض {privacy.PHONE}"),
        ("کارت ۶۰۳۷ ۹۹۱۱ ۱۱۱۱ ۱۱۱۱", f"کارت {privacy.NUMBER}"),
        ("کد ملی 0499370899 من", f"کد ملی {privacy.NATIONAL_ID} من"),
    ],
)
def test_nothing_that_names_a_person_reaches_the_log(client, topics, text, kept):
    search(client, text)

    assert logged() == [kept]
    assert not set("0123456789۰۱۲۳۴۵۶۷۸۹") & set("".join(SearchLog.objects.values_list("key", flat=True)))


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize(
    "text",
    [
        "0912\u00ad345\u00ad6789", "۰۹۱۲ـ۳۴۵ـ۶۷۷۷", "0912/345/6788", "6 0 3 7 9 9 1 1 2 3 4 5 6 7 8 9", "0912\u034f345\u03016789",
        "6037¬9911¬2345¬6789", "⁰⁹¹²³⁴⁵⁶⁷⁸⁹", "IR06,0960,0000,0010,0324,2000,01", "0912 و 345 و 6789", "the 0912 of 345 the 6789",
        "۶۰۳۷   ۹۹۱۱   ۲۳۴۵   ۶۷۸۹",
    ],
)  # fmt: skip
def test_no_spelling_of_a_number_of_somebody_becomes_a_key(text, language):
    assert not any(character.isdigit() for character in query_key(text, language))


def test_a_key_keeps_numbers_that_are_nobodys():
    assert query_key("خطای 691 مودم 192.168.1.1", "fa") == question_key("خطای 691 مودم 192.168.1.1", "fa")


def test_a_number_where_the_text_is_cut_does_not_reach_the_log(client, topics):
    search(client, f"{'مودم ' * 30}{'a' * 92} 6037 9972 1846 5273")

    assert "6037" not in logged()[0]
    assert "6037" not in SearchLog.objects.get().key


def test_a_question_of_nothing_but_a_number_of_somebody_is_not_kept(client, topics):
    search(client, "09121234567")

    assert logged() == []


def test_what_was_changed_is_kept_with_the_search(client, topics):
    search(client, "]vhy")

    assert logged("text", "total", "notices") == [("]vhy", 2, "keyboard")]


# Clicks -------------------------------------------------------------------------------------------------------------


def test_hits_and_suggestions_say_what_they_are(client, topics):
    assert 'data-hit="test.topic:1"' in search(client, "چراغ").text
    suggestions = client.get(address("suggest"), {"q": "چر"}).text
    assert suggestions.count('data-hit="test.topic:') == 2


def test_a_click_is_kept_with_the_place_of_the_answer(client, topics):
    assert click(client, "چراغ", page="2", place="3").status_code == 204

    fields = ("language", "key", "kind", "object_id", "position", "source")
    assert clicked(*fields) == [("fa", "چراغ", "test.topic", 1, 23, "results")]


def test_a_click_and_its_search_meet_by_visit_and_key(client, topics):
    search(client, f"چراغ{Z}های")
    click(client, "چراغ ها")

    assert logged("visit", "key") == clicked("visit", "key")


def test_a_visit_chooses_an_answer_once(client, topics):
    for _ in range(3):
        click(client, "چراغ")
    click(client, "چراغ", hit="test.topic:2", place="2")
    click(client, "چراغ", who="203.0.113.2")

    assert sorted(clicked()) == [1, 1, 2]


def test_a_suggestion_that_was_chosen_counts_as_one(client, topics):
    click(client, "چر", source="suggestions")

    assert clicked("key", "source") == [("چر", "suggestions")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": ""},
        {"q": "x" * 2000},
        {"hit": "test.unknown:1"},
        {"hit": "test.topic:x"},
        {"hit": "test.topic:99999999999999999999"},
        {"hit": "test.topic:9999999999999999999"},
        {"hit": ""},
        {"place": "0"},
        {"place": "31"},
        {"place": "x"},
        {"page": "51"},
        {"page": "0"},
        {"source": "elsewhere"},
    ],
)
def test_a_click_that_cannot_be_is_refused(client, topics, wrong):
    assert click(client, **{"text": "چراغ", **wrong} if "q" not in wrong else {"text": wrong["q"]}).status_code == 400
    assert clicked() == []


def test_a_click_on_what_is_not_there_does_not_count(client, topics):
    click(client, "چراغ", hit="test.topic:4")
    click(client, "چراغ", hit="test.topic:1")

    assert clicked() == [1]


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_other_sites_cannot_count_clicks(client, topics, headers):
    assert click(client, "چراغ", headers=headers).status_code == 403
    assert clicked() == []


def test_a_click_without_a_word_where_it_came_from_is_refused(client, topics):
    response = client.post(address("click"), {"q": "چراغ"}, headers={"User-Agent": BROWSER})

    assert response.status_code == 403


def test_clicks_are_posted(client):
    assert client.get(address("click")).status_code == 405


def test_clicks_of_staff_and_robots_do_not_count(client, topics):
    assert click(client, "چراغ", headers={"User-Agent": "Googlebot"}).status_code == 204
    client.force_login(UserFactory(is_staff=True))
    assert click(client, "چراغ").status_code == 204

    assert clicked() == []


def test_clicks_of_one_address_are_limited(client, topics):
    codes = [click(client, "چراغ", who="203.0.113.60").status_code for _ in range(61)]

    assert codes == [204] * 60 + [429]


# The writer ---------------------------------------------------------------------------------------------------------


def noted(number: int = 1, text: str = "چراغ") -> Searched:
    return Searched(
        at=timezone.now(),
        address=f"203.0.113.{number}",
        user_agent=BROWSER,
        language="fa",
        text=text,
        total=1,
        notices="",
    )


def test_a_request_writes_nothing_itself(client, topics, django_assert_num_queries):
    search(client, "چراغ")

    with django_assert_num_queries(0):
        search(client, "چراغ", who="203.0.113.2")
        note = len(recorder)

    assert (note, SearchLog.objects.count()) == (2, 0)


def test_a_database_that_is_away_loses_nothing_at_first_and_stops_no_page(client, topics, monkeypatch, caplog):
    def away(_batch):
        raise DatabaseError("away: 09121234567")

    with monkeypatch.context() as patch:
        patch.setattr(recording, "_without_repeated", away)
        assert search(client, "چراغ").status_code == 200
        recorder.flush()
        recorder.flush()
    assert logged() == ["چراغ"]

    with monkeypatch.context() as patch:
        patch.setattr(recording, "_without_repeated", away)
        search(client, "مودم")
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                recorder.flush()
    assert logged() == ["چراغ"]
    assert "1 rows lost" in caplog.text
    assert "0912" not in caplog.text


def test_a_log_that_breaks_stops_no_page(client, topics, monkeypatch, caplog):
    def broken(*_args, **_kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr(recording, "search_activity", broken)

    assert search(client, "چراغ").status_code == 200
    assert "Activity “search” was not noted" in caplog.text


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_costs_the_same_whatever_its_size(topics, count, django_assert_num_queries):
    visitors.visitor_hash("activity", "203.0.113.1", BROWSER, timezone.localdate())
    for number in range(count):
        search_activity.record(noted(number))

    with django_assert_num_queries(4):  # two of them for the savepoint
        recorder.flush()

    assert SearchLog.objects.count() == count


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_what_many_threads_note(settings):
    settings.ACTIVITY_THREAD = True
    own = Recorder()
    kind = own.kind("search", store=recording.write)

    def work(start):
        for number in range(50):
            kind.record(noted(number, text=f"چراغ {start}"))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own.end(30)

    assert (SearchLog.objects.count(), len(own), kind.dropped) == (200, 0, 0)
    assert SearchLog.objects.values("visit").distinct().count() == 50
