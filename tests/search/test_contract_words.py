"""The vocabulary of every index: completions, typing errors, words that sound alike, inflected forms."""

from __future__ import annotations

import pytest

from portal.catalog.models import Topic
from portal.core.text import fold
from search.asking.notices import NoticeCode
from search.language.finglish import skeleton
from search.queries import search
from tests.factories.search import entry
from tests.search.asking import PUBLIC, corrected, ids
from tests.search.cluster import answers_from, wait_until_mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.backend")]
Z = "\u200c"


def test_the_vocabulary_counts_entries_not_occurrences(backend):
    backend.put([entry(object_id=1, title="مودم مودم", body="مودم"), entry(object_id=2, title=f"مودم{Z}ها")])

    known = backend.vocabulary(["مودم", "فیبر"], audiences=PUBLIC)

    assert known.size == 2
    assert known.frequencies == {"مودم": 2}


def test_completions_are_the_most_frequent_words_that_begin_so(backend):
    backend.put([entry(object_id=n, title="مودم") for n in (1, 2, 3)])
    backend.put(
        [entry(object_id=4, title="موبایل"), entry(object_id=5, title="موشک"), entry(object_id=6, title="مو_%")]
    )

    known = backend.vocabulary([], audiences=PUBLIC, beginnings=["مو", "موب", "مو%"], completions=2)

    assert next(iter(known.completions["مو"].items())) == ("مودم", 3)
    assert len(known.completions["مو"]) == 2
    assert known.completions["موب"] == {"موبایل": 1}
    assert known.completions["مو%"] == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("مودن", "مودم"),
        ("مدوم", "مودم"),
        ("مود", "مودم"),
        ("مووودم", None),
        ("آنتنن", "آنتن"),
        ("routter", "router"),
        ("rotuer", "router"),
        ("configuraton", "configuration"),
        ("مودمآنتن", "مودم آنتن"),
        ("configuartoin", "configuration"),
        ("cofniguratoin", "configuration"),
        ("consigurration", "configuration"),
        ("xq", None),
    ],
)
def test_a_slip_is_corrected_to_a_word_as_it_was_written(backend, typed, meant):
    backend.put([entry(title="مودم آنتن"), entry(title="router configuration", language="en")])

    assert corrected(backend, fold(typed)) == ({fold(typed): meant} if meant else {})


def test_words_are_known_as_they_were_written_and_by_their_sound(backend):
    backend.put([entry(object_id=1, title="مُودِم وصل نمی‌چرخد"), entry(object_id=2, title="مودم")])

    known = backend.spellings(["مودم", "وصل", "فیبر"], audiences=PUBLIC)
    sounds = backend.sounding_like([skeleton("modem"), skeleton("vasl"), skeleton("fibr")], audiences=PUBLIC)

    assert {word: (found.word, found.frequency) for word, found in known.items()} == {
        "مودم": ("مودم", 2),
        "وصل": ("وصل", 1),
    }
    assert fold(known["مودم"].written) == "مودم"
    assert {sound: [found.word for found in some] for sound, some in sounds.items()} == {
        skeleton("modem"): ["مودم"],
        skeleton("vasl"): ["وصل"],
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [("en", "configuartoin", "configuration"), ("fa", "پیرکبنندی", "پیکربندی"), ("fa", "پیکربنید", "پیکربندی")],
)
def test_two_slips_in_a_long_word_still_lead_to_what_was_meant(answering, topic_document, language, typed, meant):
    topic = Topic.objects.create(code="t1", name={"en": "Router configuration", "fa": "پیکربندی مودم"})
    wait_until_mirrored()

    result = search(text=typed, user=None, language=language)

    assert [hit.object_id for hit in result.hits] == [topic.pk]
    assert [(notice.code, notice.used) for notice in result.notices] == [(NoticeCode.REPAIRED, meant)]
    assert answers_from() == answering


# Forms --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "كتاب",
        "کِتاب",
        f"کتاب{Z}ها",
        "کتابها",
        "کتاب ها",
        f"کتاب{Z}های",
        f"کتاب{Z}هایی",
        "کتـاب",
        "کتاب\u200f",
        "«کتاب»",
    ],
)
def test_a_word_is_found_in_whatever_form_and_with_whatever_letters_it_is_typed(backend, typed):
    backend.put([entry(object_id=1, title="کتاب راهنما"), entry(object_id=2, title=f"كتاب{Z}هاي مشتري")])

    assert sorted(ids(backend, typed)) == [1, 2]


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        (f"وصل نمی{Z}چرخد", "نمیچرخد"),
        (f"وصل نمی{Z}چرخد", "نمی چرخد"),
        ("وصل نمیچرخد", f"نمی{Z}چرخد"),
        ("مدل ۱۴۰۲", "1402"),
        ("مدل 1402", "۱۴۰۲"),
        ("مدل ١٤٠٢", "۱۴۰۲"),
        ("مسئلهٔ قطعی", "مسئله"),
        ("مسأله", "مساله"),
    ],
)
def test_half_spaces_digits_and_hamzas_make_no_difference(backend, written, typed):
    backend.put([entry(object_id=1, title=written), entry(object_id=2, title="چیز دیگر")])

    assert ids(backend, typed) == [1]
