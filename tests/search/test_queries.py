"""From a person's text to results: the steps, their notices, and visibility."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from portal.catalog.models import Product, Topic
from portal.core.audience import register_audience
from search import services
from search.asking.notices import Notice, NoticeCode
from search.asking.questions import MAX_TEXT_LENGTH
from search.index.answering import get_backend
from search.index.plan import Filters
from search.queries import search, suggest
from search.showing.guidance import starting_points
from tests.factories.accounts import UserFactory
from tests.factories.search import entry
from tests.search.conftest import TopicDocument

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.matching")]
Z = "\u200c"


@pytest.fixture
def topics(topic_document):
    """Four topics, one of them private, indexed in the languages of their names."""
    register_audience("staff")
    rows = [
        Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم", "en": "Red light on the router"}),
        Topic(pk=2, code="green", name={"fa": f"چراغ{Z}های سبز", "en": "Green lights"}),
        Topic(pk=3, code="secret", name={"fa": "مودم محرمانه", "en": "Secret router"}, tone=Topic.Tone.POM),
        Topic(pk=4, code="booster", name={"en": "Signal booster"}),
    ]
    Topic.objects.bulk_create(rows)
    services.rebuild()


def titles(text: str, **options) -> list[str]:
    return [hit.title for hit in search(text=text, **{"user": None, "language": "fa", **options}).hits]


def notices(text: str, **options) -> list[tuple[str, str, str]]:
    result = search(text=text, **{"user": None, "language": "fa", **options})
    return [(notice.code, notice.typed, notice.used) for notice in result.notices]


# Finding ------------------------------------------------------------------------------------------------------------


def test_results_are_in_the_language_of_the_reader_with_marks(topics):
    result = search(text="چراغ", user=None, language="fa")

    assert [hit.title for hit in result.hits] == [f"<mark>چراغ{Z}های</mark> سبز", "<mark>چراغ</mark> قرمز مودم"]
    assert (result.total, result.page, result.page_count) == (2, 1, 1)
    assert result.notices == []
    assert {hit.url for hit in result.hits} == {"/fa/topics/red/", "/fa/topics/green/"}
    assert [hit.labels for hit in result.hits] == [(f"چراغ{Z}های سبز",), ("چراغ قرمز مودم",)]


def test_arabic_letters_in_the_question_find_persian_ones(topic_document):
    Topic.objects.create(code="card", name={"fa": f"سیم{Z}کارت گوشی"})
    services.rebuild()

    assert titles("سيمكارت گوشي") == [f"<mark>سیم{Z}کارت گوشی</mark>"]


def test_chosen_languages_replace_the_readers_own(topics):
    assert titles("router", filters=Filters(language=("en",))) == ["Red light on the <mark>router</mark>"]
    result = search(text="چراغ", user=None, language="fa", filters=Filters(language=("fa", "en")))
    assert result.total == 2


def test_nothing_in_this_language_offers_the_other_one(topics):
    result = search(text="booster", user=None, language="fa")

    assert result.hits == []
    assert [(other.code, other.name, other.total) for other in result.elsewhere] == [("en", "English", 1)]
    assert [hit.title for hit in result.elsewhere[0].hits] == ["Signal <mark>booster</mark>"]


def test_without_text_the_filters_list_and_without_either_nothing_does(topics):
    assert titles("", filters=Filters(topic=("red",))) == ["چراغ قرمز مودم"]
    assert titles("") == []


@pytest.mark.parametrize("text", ["", "   ", "!!!", "\x00", "\ud800", Z, "«»", "🙂"])
def test_text_without_words_finds_nothing(topics, text):
    result = search(text=text, user=None, language="fa")

    assert (result.hits, result.total) == ([], 0)


@pytest.mark.parametrize(
    "text",
    [
        "چراغ' OR 1=1 --",
        'چراغ" OR ""="',
        "چراغ; DROP TABLE search_term",
        "چراغ%",
        "چراغ_",
        "چراغ*",
        "چراغ\\",
        "(((چراغ",
        "title:چراغ",
        "چراغ AND NOT",
        "%s چراغ %(x)s {0}",
        "چرا\x00غ",
        "\u202eچراغ\u202c",
        "<b>چراغ</b>",
    ],
)
def test_query_syntax_is_plain_text(topics, text):
    result = search(text=text, user=None, language="fa")

    assert {hit.object_id for hit in result.hits} == {1, 2}


def test_hits_are_escaped(topic_document):
    Topic.objects.create(code="x", name={"fa": "مودم <script>alert(1)</script> & چراغ"})
    services.rebuild()

    assert titles("مودم") == ["<mark>مودم</mark> &lt;script&gt;alert(1)&lt;/script&gt; &amp; چراغ"]


# Changing the question ----------------------------------------------------------------------------------------------


def test_the_wrong_keyboard_is_turned_around_and_said(topics):
    assert titles("]vhy rvlc")[0] == "<mark>چراغ قرمز</mark> مودم"
    assert notices("]vhy rvlc") == [(NoticeCode.KEYBOARD, "]vhy rvlc", "چراغ قرمز")]


def test_the_wrong_keyboard_works_the_other_way_round(topics):
    assert titles("قثی مهلاف", language="en")[0] == "<mark>Red light</mark> on the router"


def test_a_slip_is_corrected_and_said(topics):
    assert titles("مودن قرمز") == ["چراغ <mark>قرمز مودم</mark>"]
    assert notices("مودن قرمز") == [(NoticeCode.REPAIRED, "مودن قرمز", "مودم قرمز")]


def test_two_words_written_as_one_are_taken_apart(topics):
    assert titles("چراغقرمز")[0] == "<mark>چراغ قرمز</mark> مودم"


def test_exact_changes_nothing(topics):
    assert titles("]vhy rvlc", exact=True) == []
    assert titles("مودن", exact=True) == []
    assert notices("]vhy rvlc", exact=True) == []


def test_words_nobody_wrote_are_left_out_and_named(topics):
    assert titles("چراغ قرمز زبرجدنشان")[0] == "<mark>چراغ قرمز</mark> مودم"
    assert notices("چراغ قرمز زبرجدنشان") == [(NoticeCode.IGNORED, "", "زبرجدنشان")]


def test_less_than_all_words_is_said(topics):
    assert [code for code, _typed, _used in notices("قرمز سبز")] == [NoticeCode.PARTIAL]
    assert len(titles("قرمز سبز")) == 2


def test_long_text_is_cut_between_words_and_said(topics):
    text = "چراغ " * 2_000

    result = search(text=text, user=None, language="fa")

    assert [notice.code for notice in result.notices] == [NoticeCode.SHORTENED]
    assert len(result.typed) <= MAX_TEXT_LENGTH
    assert set(result.typed.split()) == {"چراغ"}
    assert result.total == 2


def test_of_a_mail_the_sentence_that_asks_is_searched_for(topics):
    chat = (
        "سلام و وقت بخیر.",
        "من از مشتری‌های قدیمی شما هستم و همیشه از شما راضی بوده‌ام.",
        "ببخشید که طولانی می‌نویسم.",
    )
    mail = " ".join((*chat * 3, "چراغ مودم قرمز است!", "لطفاً هر چه زودتر راهنمایی کنید؛ با سپاس فراوان."))

    result = search(text=mail, user=None, language="fa")

    assert result.hits[0].title == "<mark>چراغ قرمز مودم</mark>"
    assert result.typed == "چراغ مودم قرمز است"
    assert result.notices[0] == Notice(NoticeCode.SHORTENED, used=result.typed)
    assert titles(" ".join(chat * 4)) == []


def test_a_long_text_without_full_stops_is_read_to_its_end(topics):
    words = "من دیروز از سفر برگشتم و دیدم که همه چیز در خانه به هم ریخته است و هیچ کس هم نیست " * 4

    assert titles(f"{words} چراغ قرمز مودم")[0] == "<mark>چراغ قرمز مودم</mark>"


def test_a_giant_word_is_no_trouble(topics):
    assert titles("x" * 10_000) == []
    assert titles("چراغ " + "م" * 10_000) == titles("چراغ")


# Who sees what ------------------------------------------------------------------------------------------------------


def test_a_private_entry_is_found_by_those_who_may_see_it(topics):
    staff = UserFactory(staff=True)

    result = search(text="محرمانه", user=staff, language="fa")

    assert [hit.object_id for hit in result.hits] == [3]
    assert [value.code for value in result.facets["topic"].values] == ["secret"]
    assert suggest(text="محر", user=staff, language="fa").count == 1


@pytest.mark.parametrize("reader", [None, AnonymousUser(), "customer"])
def test_a_private_entry_is_nowhere_for_others(topics, reader):
    user = UserFactory() if reader == "customer" else reader

    result = search(text="مودم", user=user, language="fa")

    assert [hit.object_id for hit in result.hits] == [1]
    assert result.total == 1
    assert [(value.code, value.count) for value in result.facets["topic"].values] == [("red", 1)]
    assert suggest(text="محر", user=user, language="fa").count == 0
    assert search(text="محرمنه", user=user, language="fa").notices == []
    assert search(text="Secret", user=user, language="fa").elsewhere == []
    assert "secret" not in {value.code for value in starting_points(user=user, language="fa").topics.values}


def test_a_stale_index_does_not_show_what_the_database_hides(topics):
    Topic.objects.filter(pk=1).update(tone=Topic.Tone.POM)  # no signal, so the entry is still public in the index

    result = search(text="قرمز", user=None, language="fa")

    assert (result.hits, result.total) == ([], 0)
    assert suggest(text="قرم", user=None, language="fa").count == 0


def test_an_entry_of_an_app_that_is_gone_is_not_shown(topics):
    get_backend().put([entry(kind="gone.thing", title="چراغ")])

    assert {hit.kind for hit in search(text="چراغ", user=None, language="fa").hits} == {TopicDocument.name}


# Facets and pages ---------------------------------------------------------------------------------------------------


def test_facets_name_their_values_and_remember_the_choice(topics):
    Product.objects.create(code="x2", name={"fa": "نورا ایکس ۲", "en": "Noora X2"})
    get_backend().put(
        [entry(kind=TopicDocument.name, object_id=1, title="چراغ", products=["x2", "deleted"], topics=["red"])]
    )

    facets = search(text="چراغ", user=None, language="fa", filters=Filters(topic=("red",))).facets

    assert [(v.code, v.label, v.count, v.is_chosen) for v in facets["product"].values] == [
        ("x2", "نورا ایکس ۲", 1, False)
    ]
    assert {v.code: v.is_chosen for v in facets["topic"].values} == {"red": True, "green": False}
    assert [(v.label, v.is_chosen) for v in facets["language"].values] == [("فارسی", True)]
    assert [v.label for v in facets["kind"].values] == ["Topics"]


def test_a_chosen_value_stays_when_nothing_matches_it(topics):
    facets = search(text="سبز", user=None, language="fa", filters=Filters(topic=("red",))).facets

    assert {(v.code, v.count) for v in facets["topic"].values if v.is_chosen} == {("red", 0)}


def test_pages_hold_twenty_and_one_too_far_is_the_first(topic_document):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"مودم {n}"}) for n in range(45))
    services.rebuild()

    pages = [search(text="مودم", user=None, language="fa", page=page) for page in (1, 2, 3, 9)]

    assert [(len(page.hits), page.page, page.page_count, page.total) for page in pages] == [
        (20, 1, 3, 45),
        (20, 2, 3, 45),
        (5, 3, 3, 45),
        (20, 1, 3, 45),
    ]
    assert len({hit.object_id for page in pages[:3] for hit in page.hits}) == 45


# Suggestions --------------------------------------------------------------------------------------------------------


def suggested(text: str, language: str = "fa") -> list[str]:
    return [hit.title for group in suggest(text=text, user=None, language=language).groups for hit in group.hits]


def test_an_unfinished_word_is_completed_and_marked_as_far_as_typed(topics):
    assert suggested("چر") == [f"<mark>چر</mark>اغ{Z}های سبز", "<mark>چر</mark>اغ قرمز مودم"]
    assert suggested("چراغ قر") == ["<mark>چراغ قر</mark>مز مودم"]
    assert suggested("gre", "en") == ["<mark>Gre</mark>en lights"]


def test_a_mark_does_not_lose_its_place_in_half_spaces_and_vowel_marks(topic_document):
    Topic.objects.create(code="wifi", name={"fa": f"رمز وای{Z}فای"})
    Topic.objects.create(code="vowels", name={"fa": "مُشتَری"})
    services.rebuild()

    assert suggested("رمز وا") == [f"<mark>رمز وا</mark>ی{Z}فای"]
    assert suggested(f"رمز وای{Z}فا") == [f"<mark>رمز وای{Z}فا</mark>ی"]
    assert suggested("مشت") == ["<mark>مُشتَ</mark>ری"]


def test_suggestions_with_all_words_in_the_title_come_first(topic_document):
    filler = " ".join(f"واژه{n}" for n in range(6))
    get_backend().put(
        [
            entry(kind=TopicDocument.name, object_id=1, title=f"واقعی {filler}", body="رمز " * 5),
            entry(kind=TopicDocument.name, object_id=2, title=f"رمز وای{Z}فای {filler}"),
            entry(kind=TopicDocument.name, object_id=3, title=f"رمز {filler}", body="وارد"),
        ]
    )
    Topic.objects.bulk_create(Topic(pk=n, code=f"t{n}") for n in (1, 2, 3))

    (group,) = suggest(text="رمز وا", user=None, language="fa").groups

    assert group.hits[0].object_id == 2
    assert {hit.object_id for hit in group.hits[1:]} == {1, 3}


def test_the_wrong_keyboard_is_turned_around_while_typing(topics):
    assert suggested("]vhy r") == ["<mark>چراغ ق</mark>رمز مودم"]


def test_suggestions_of_a_kind_are_limited_and_the_total_is_not(topic_document):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"مودم {n}"}) for n in range(9))
    services.rebuild()

    offered = suggest(text="مو", user=None, language="fa")

    assert (offered.count, offered.total) == (4, 9)


@pytest.mark.parametrize("text", ["", " ", "!", "\x00", "زبرجد", "x" * 10_000, "%", "_", "' OR 1=1"])
def test_nothing_is_offered_for_what_begins_nothing(topics, text):
    assert suggest(text=text, user=None, language="fa").groups == []


# Costs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_costs_seven_queries_whatever_it_finds(topic_document, django_assert_num_queries, count):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"چراغ مودم {n}"}) for n in range(count))
    services.rebuild()
    search(text="مودم", user=None, language="fa")  # names of topics and products are cached

    # vocabulary; postings, entries, places; postings, values; visible hits. Nothing likelier is looked for: these are words
    with django_assert_num_queries(7):
        result = search(text="چراغ مودم", user=None, language="fa")

    assert result.total == count


@pytest.mark.parametrize("count", [1, 3])
def test_suggestions_cost_four_queries_whatever_is_offered(topic_document, django_assert_num_queries, count):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": f"چراغ مودم {n}"}) for n in range(count))
    services.rebuild()
    search(text="مودم", user=None, language="fa")

    with django_assert_num_queries(4):
        offered = suggest(text="چراغ مو", user=None, language="fa")

    assert offered.count == count


def test_starting_points_are_topics_and_popular_entries(topics):
    start = starting_points(user=None, language="fa")

    assert {(value.code, value.count) for value in start.topics.values} == {("red", 1), ("green", 1)}
    assert [hit.object_id for hit in start.popular] == [1, 2]
