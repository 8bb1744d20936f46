"""Synonyms: what editors may enter, and what questions find with them."""

from __future__ import annotations

import itertools

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from portal.core.memo import forget_all
from portal.core.scopes import stamp
from search import services
from search.asking.questions import ask
from search.asking.synonyms import MAX_ALTERNATIVES, NO_RULES, SYNONYM_WEIGHT, alternatives, rules_for, rules_of
from search.index.answering import get_backend
from search.index.plan import FULL_WEIGHT
from search.language.analysis import tokens
from search.language.phrases import read_phrase, read_phrases
from search.models import Synonym
from search.models.synonym import MAX_PHRASES
from search.queries import NoticeCode, search, suggest
from tests.factories.search import entry, synonym

pytestmark = pytest.mark.django_db
Z = "\u200c"
PUBLIC = ("public",)


@pytest.fixture
def topics(topic_document):
    """Return a function that indexes Persian topics with these names."""

    def make(*names: str, language: str = "fa", **fields) -> None:
        for name in names:
            Topic.objects.create(code=f"t{Topic.objects.count()}", name={language: name}, **fields)
        services.rebuild()

    return make


def titles(text: str, **options) -> set[str]:
    found = search(text=text, **{"user": None, "language": "fa", **options})
    return {str(hit.title) for hit in found.hits}


def notices(text: str, **options) -> list[tuple[str, str]]:
    result = search(text=text, **{"user": None, "language": "fa", **options})
    return [(notice.code, notice.used) for notice in result.notices]


# Phrases ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("گوشي", "گوشی"),
        (f"گوشی{Z}ها", "گوشی"),
        (f"وای{Z}فای", "وای فای"),
        (f"وای{Z}فای", "وایفای"),
        ("مُشترك", "مشترک"),
        ("بستهٔ ۵ گیگ", "بسته 5 گیگ"),
        ("SIM cards", "sim card"),
        ("Wi-Fi", "wifi"),
        (f"بی{Z}سیم", "بيسيم"),
        ("مودم ها", "مودم"),
    ],
)
def test_spellings_of_a_phrase_are_one_phrase(one, other):
    assert read_phrase(one, "fa").key == read_phrase(other, "fa").key != ""


def test_a_list_is_read_by_lines_and_commas_but_not_inside_numbers():
    phrases = read_phrases("نت، اینترنت\nدیتا, داده ؛ !!!\n\n1,000 تومان", "fa")

    assert [phrase.text for phrase in phrases] == ["نت", "اینترنت", "دیتا", "داده", "1,000 تومان"]


# What may be saved ----------------------------------------------------------------------------------------------------


def problems(**fields) -> dict[str, list[str]]:
    try:
        Synonym(**{"language": "fa", **fields}).full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


ONE_WAY = Synonym.Direction.ONE_WAY


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"words": "پسورد"}, "words", "دست‌کم ۲ واژهٔ گوناگون بنویسید."),
        ({"words": "!!!، …"}, "words", "دست‌کم ۲ واژهٔ گوناگون بنویسید."),
        ({"words": "پسورد\nپسورد"}, "words", "«پسورد» دو بار آمده است."),
        ({"words": "گوشي، گوشی‌ها"}, "words", "«گوشي» و «گوشی‌ها» برای جست‌وجو یک واژه‌اند."),
        ({"words": "رمز، چطور"}, "words", "«چطور» تقریباً در همهٔ متن‌ها هست؛ جست‌وجو دنبالش نمی‌گردد."),
        ({"words": "رمز، " + "الف" * 30}, "words", None),
        ({"words": "رمز، یک رمز خیلی طولانی برای ورود به حساب کاربری مودم"}, "words", None),
        ({"words": "\n".join(f"واژه{number}" for number in range(MAX_PHRASES + 1))}, "words", None),
        ({"words": "رمز، پسورد", "also_finds": "کلید"}, "also_finds", None),
        ({"words": "رمز", "direction": ONE_WAY}, "also_finds", "دست‌کم ۱ واژه بنویسید."),
        ({"words": "رمز", "also_finds": "رمزها", "direction": ONE_WAY}, "also_finds", None),
    ],
)
def test_what_cannot_work_is_refused_in_the_editors_language(fields, field, message):
    found = problems(**fields)

    assert set(found) == {field}
    assert message is None or found[field] == [message]


def test_what_can_work_is_accepted():
    assert problems(words="رمز، پسورد") == {}
    assert problems(words="رمز", also_finds="پسورد", direction=ONE_WAY) == {}
    assert problems(words="\n".join(f"واژه{number}" for number in range(MAX_PHRASES))) == {}


def test_what_another_synonym_says_already_is_refused():
    synonym("رمز", "پسورد", "گذرواژه")

    assert problems(words="پسوردها، رمز") == {"words": ["«رمز، پسورد، گذرواژه» همین را می‌گوید؛ آن را تغییر دهید."]}
    assert problems(words="رمز", also_finds="پسورد", direction=ONE_WAY).keys() == {"words"}
    assert problems(words="رمز، کلید") == {}
    assert problems(words="پسورد، رمز", language="en") == {}
    assert problems(words="پسورد، رمز", is_active=False) == {}


def test_a_synonym_is_not_a_repetition_of_itself():
    known = synonym("رمز", "پسورد")

    known.full_clean()


def test_a_synonym_is_named_as_a_list_in_its_own_language():
    assert str(synonym("رمز", "پسورد")) == "رمز، پسورد"
    assert str(synonym("دستگاه", also_finds="مودم")) == "دستگاه ← مودم"
    assert str(synonym("phone", "mobile", language="en")) == "phone, mobile"
    assert str(synonym("top up", also_finds="extra data", language="en")) == "top up → extra data"


def test_words_that_would_have_to_be_passed_on_are_named():
    synonym("پسورد", "گذرواژه")

    added = synonym("رمز", "پسورد")

    assert ("رمز", "پسورد", "گذرواژه") in added.chains()
    assert synonym("قبض", "صورتحساب").chains() == []


# What a question finds ------------------------------------------------------------------------------------------------


def test_a_word_finds_its_synonyms_and_says_so(topics):
    topics("تغییر رمز", "تغییر گذرواژه", "تغییر نشانی")
    synonym("رمز", "گذرواژه")

    assert titles("رمز") == {"تغییر <mark>رمز</mark>", "تغییر <mark>گذرواژه</mark>"}
    assert notices("رمز") == [(NoticeCode.SYNONYM, "گذرواژه")]


def test_a_word_nobody_wrote_is_answered_by_its_synonym(topics):
    topics("تغییر رمز", "تغییر نشانی")

    assert titles("پسورد") == set()
    synonym("رمز", "پسورد")

    assert titles("پسورد") == {"تغییر <mark>رمز</mark>"}
    assert notices("پسورد") == [(NoticeCode.SYNONYM, "رمز")]


def test_arabic_letters_half_spaces_and_endings_do_not_matter(topics):
    topics("خرید گوشی", "بستهٔ وای‌فای")
    synonym(f"موبايل{Z}ها", "گوشي")
    synonym("وای فای", "بی‌سیم")

    assert titles("موبایل") == {"خرید <mark>گوشی</mark>"}
    assert titles("بيسيم") == {"بستهٔ <mark>وای‌فای</mark>"}


def test_exactly_what_was_typed_uses_no_synonyms(topics):
    topics("تغییر رمز", "تغییر گذرواژه")
    synonym("رمز", "گذرواژه")

    assert titles("رمز", exact=True) == {"تغییر <mark>رمز</mark>"}
    assert notices("رمز", exact=True) == []


def test_one_way_is_one_way(topics):
    topics("مودم اکس ۲", "روتر خانه")
    synonym("دستگاه", also_finds="مودم، روتر")

    assert titles("دستگاه") == {"<mark>مودم</mark> اکس ۲", "<mark>روتر</mark> خانه"}
    assert titles("مودم") == {"<mark>مودم</mark> اکس ۲"}


def test_synonyms_are_not_passed_on(topics):
    topics("گوشی", "موبایل", "تلفن")
    synonym("گوشی", "موبایل")
    synonym("موبایل", "تلفن")

    assert titles("گوشی") == {"<mark>گوشی</mark>", "<mark>موبایل</mark>"}
    assert len(titles("موبایل")) == 3


def test_a_synonym_serves_the_readers_of_its_language_only(topics):
    topics("تغییر رمز")
    topics("Change the password", language="en")
    synonym("رمز", "passcode")
    synonym("password", "passcode", language="en")

    assert titles("passcode") == {"تغییر <mark>رمز</mark>"}
    assert titles("passcode", language="en") == {"Change the <mark>password</mark>"}


def test_a_phrase_is_answered_by_a_word(topics):
    topics("خرید دیتا", "همراه شما", "اینترنت خانه")
    synonym("اینترنت همراه", "دیتا")

    first, *_others = search(text="خرید اینترنت همراه", user=None, language="fa").hits
    assert str(first.title) == "<mark>خرید دیتا</mark>"
    assert titles("همراه اینترنت") == {"<mark>همراه</mark> شما", "<mark>اینترنت</mark> خانه"}


def test_an_entry_with_a_part_of_the_phrase_does_not_answer_the_word(topics):
    topics("بستهٔ اینترنت همراه", "اینترنت خانه", "اینترنت شرکت", "همراه شما", "خرید دیتا")
    synonym("اینترنت همراه", "دیتا")

    assert titles("دیتا") == {"خرید <mark>دیتا</mark>", "بستهٔ <mark>اینترنت همراه</mark>"}


def test_parts_of_a_phrase_find_nothing_even_where_no_entry_holds_it_whole(topics):
    topics("اینترنت خانه", "همراه شما")
    synonym("اینترنت همراه", "دیتا")

    assert titles("دیتا") == set()


def test_a_phrase_in_latin_letters_finds_a_persian_one_in_any_spelling(topics):
    topics(f"سیم{Z}کارت نو", "سیم کارت سوخته", "سیمکارت گم شده", "سیم برق", "کارت هدیه")
    synonym("sim card", f"سیم{Z}کارت")

    found = titles("Sim Cards")

    assert found == {
        f"<mark>سیم{Z}کارت</mark> نو",
        "<mark>سیم کارت</mark> سوخته",
        "<mark>سیمکارت</mark> گم شده",
    }
    assert titles("simcard") == found


def test_a_synonym_counts_less_than_the_word_even_when_it_is_rare(topics):
    topics("رمز وای‌فای یک", "رمز وای‌فای دو", "رمز وای‌فای سه", "پسورد وای‌فای")
    synonym("رمز", "پسورد")

    found = [str(hit.title) for hit in search(text="رمز وای‌فای", user=None, language="fa").hits]

    assert len(found) == 4
    assert "پسورد" in found[-1]
    assert SYNONYM_WEIGHT < FULL_WEIGHT


def test_a_synonym_that_was_typed_as_well_is_no_news(topics):
    topics("رمز یا پسورد")
    synonym("رمز", "پسورد")

    assert titles("رمز پسورد") == {"<mark>رمز</mark> یا <mark>پسورد</mark>"}
    assert notices("رمز پسورد") == []


def test_what_is_hidden_cannot_be_guessed_from_the_notice(topics):
    register_audience("staff")
    topics("تغییر رمز")
    topics("گذرواژهٔ پنهان", tone=Topic.Tone.POM)
    synonym("رمز", "گذرواژه")

    assert notices("رمز") == []
    assert titles("رمز") == {"تغییر <mark>رمز</mark>"}


def test_a_corrected_word_has_its_synonyms_too(topics):
    topics("تغییر گذرواژه", "قبض موبایل")
    synonym("موبایل", "گوشی")

    assert (NoticeCode.SYNONYM, "گوشی") not in notices("موبایب")
    topics("گوشی نو")

    assert notices("موبایب") == [(NoticeCode.REPAIRED, "موبایل"), (NoticeCode.SYNONYM, "گوشی")]


def test_suggestions_know_synonyms(topics):
    topics("تغییر رمز وای‌فای", "تغییر نشانی")
    synonym("رمز", "پسورد")

    found = suggest(text="پسورد", user=None, language="fa")

    assert [str(hit.title) for group in found.groups for hit in group.hits] == ["تغییر <mark>رمز</mark> وای‌فای"]


def test_suggestions_know_synonyms_before_an_unfinished_word(topics):
    topics("تغییر رمز وای‌فای", "تغییر نشانی")
    synonym("رمز", "پسورد")

    assert suggest(text="پسورد وا", user=None, language="fa").count == 1


# Costs ----------------------------------------------------------------------------------------------------------------


def test_synonyms_ask_the_index_nothing_more(topics, django_assert_num_queries):
    topics("تغییر رمز", "تغییر نشانی")
    backend = get_backend()
    rules_for("fa")
    with django_assert_num_queries(1):
        ask(backend, "رمز", "fa", PUBLIC)
    for number in range(5):
        synonym("رمز", f"پسورد{number} تازه", f"کلید{number}")
    rules_for("fa")

    with django_assert_num_queries(1):
        question = ask(backend, "رمز", "fa", PUBLIC)

    assert len(question.alternatives) == 10


def test_reading_the_synonyms_is_one_query_until_one_changes(topics, django_assert_num_queries):
    known = synonym("رمز", "پسورد")
    with django_assert_num_queries(1):
        assert rules_for("fa")
    with django_assert_num_queries(0):
        rules_for("fa")

    known.is_active = False
    known.save()

    with django_assert_num_queries(1):
        assert not rules_for("fa")


@pytest.mark.parametrize("change", ["save", "delete", "bulk delete", "create"])
def test_a_change_is_true_at_once_here_and_in_other_processes(topics, after_commit, change):
    topics("تغییر رمز")
    known = synonym("رمز", "پسورد")
    assert len(titles("پسورد")) == 1
    kept = stamp("search")

    with after_commit():
        if change == "save":
            known.words = "رمز\nکلید"
            known.save()
        elif change == "delete":
            known.delete()
        elif change == "bulk delete":
            Synonym.objects.filter(pk=known.pk).delete()
        else:
            synonym("رمز", "کلید")

    assert len(titles("پسورد")) == (1 if change == "create" else 0)
    assert len(titles("کلید")) == (1 if change in {"save", "create"} else 0)
    assert not kept.is_current_for_others()


# Invariants -----------------------------------------------------------------------------------------------------------

WORDS = ["گوشی", "موبایل", "قبض", "صورتحساب", "رمز", "پسورد", "همراه", "اینترنت"]
some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True).map(" ".join)
lists = st.lists(phrases, min_size=2, max_size=4, unique=True)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def small_index(only_topics):
    """An index with an entry for each word and each pair of words."""
    rows = [(word,) for word in WORDS] + list(itertools.combinations(WORDS, 2))
    get_backend().put([entry(object_id=number, title=" ".join(row)) for number, row in enumerate(rows)])
    forget_all()


def found_with(text: str, synonyms: list[Synonym]) -> dict[int, int]:
    """Entries and their scores from the index, without those that are added if few contain all words."""
    from search.index.plan import Plan

    question = ask(get_backend(), text, "fa", PUBLIC, rules_of(synonyms) if synonyms else NO_RULES)
    plan = Plan(terms=question.terms(), size=question.vocabulary.size, audiences=PUBLIC, limit=100)
    return {hit.object_id: hit.score for hit in get_backend().search(plan).hits if hit.matched >= plan.required}


def unsaved(words: list[str]) -> Synonym:
    return Synonym(language="fa", words="\n".join(words))


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(text=some_words.filter(lambda words: len(words) < 3).map(" ".join), words=lists)
def test_a_synonym_never_loses_or_lowers_what_held_the_words_themselves(small_index, text, words):
    before = found_with(text, [])

    after = found_with(text, [unsaved(words)])

    assert before.keys() <= after.keys()
    assert all(after[number] >= score for number, score in before.items())


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(words=lists, data=st.data())
def test_the_order_of_the_lines_and_of_the_synonyms_does_not_matter(small_index, words, data):
    text = data.draw(st.sampled_from(words))
    other = ["قبض", "صورتحساب"]

    one = found_with(text, [unsaved(words), unsaved(other)])

    assert found_with(text, [unsaved(other), unsaved(data.draw(st.permutations(words)))]) == one


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(words=lists)
def test_both_ways_means_both_ways(small_index, words):
    rules = rules_of([unsaved(words)])

    def finds(text: str) -> set[str]:
        return {found.phrase.key for found in alternatives(tokens(text, language="fa", query=True), rules)}

    for one, other in itertools.permutations(words, 2):
        first, second = read_phrase(one, "fa"), read_phrase(other, "fa")
        if not set(first.stems) & set(second.stems):
            assert second.key in finds(one)
            assert first.key in finds(other)


def test_a_question_that_is_a_list_of_everything_stays_a_small_one(topics):
    topics("واژه")
    for number in range(MAX_ALTERNATIVES):
        synonym(f"پرسش{number}", f"یکی{number}", f"دیگری{number}")
    text = " ".join(f"پرسش{number}" for number in range(MAX_ALTERNATIVES))

    found = alternatives(tokens(text, language="fa", query=True), rules_for("fa"))

    assert len(found) == MAX_ALTERNATIVES
