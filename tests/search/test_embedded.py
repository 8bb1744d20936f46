"""Specific to the embedded index: exact counts and scores, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import example, given
from hypothesis import strategies as st

from search.documents import SearchEntry
from search.index.embedded import EmbeddedBackend
from search.index.embedded.blocks import POSTING_SIZE, postings_of, unpack
from search.index.embedded.writing import EVERYTHING
from search.index.entry_terms import analyse, pieces_of
from search.language import analysis
from search.models import IndexedEntry, PostingBlock, Term, Word
from tests.factories.search import entry
from tests.search.asking import ids, plan_for

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "search.index.embedded.backend",
        "search.index.embedded.blocks",
        "search.index.embedded.sql",
        "search.models.index",
    ),
]
Z = "\u200c"

TEXTS = [
    "چراغ قرمز مودم",
    "مودم نورا چراغ سبز دارد و چراغ قرمز ندارد",
    "قرمز شدن چراغ اینترنت روی مودم نورا",
    "مودم خاموش",
    "چراغ",
    f"چراغ{Z}های مودم",
    "red light on the router",
    "قرمز قرمز قرمز",
]


@pytest.fixture
def backend():
    return EmbeddedBackend()


def counts_are_exact() -> bool:
    """Whether document frequencies, postings and the entries' lists of terms are consistent."""
    counted: dict[str, int] = {}
    posted: set[tuple[int, int]] = set()
    for term, text, data in PostingBlock.objects.values_list("term", "term__text", "data"):
        postings = postings_of(data)
        assert len(data) == POSTING_SIZE * len(postings)  # each entry once
        counted[text] = counted.get(text, 0) + len(postings)
        posted |= {(entry, term) for entry in postings}
    listed = {(pk, term) for pk, terms in IndexedEntry.objects.values_list("pk", "terms") for term in unpack(terms)}
    stored = dict(Term.objects.exclude(text=EVERYTHING).filter(entry_count__gt=0).values_list("text", "entry_count"))
    size = Term.objects.filter(text=EVERYTHING).values_list("entry_count", flat=True).first() or 0
    return counted == stored and posted == listed and size == IndexedEntry.objects.count()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "چراغ قرمز مودم",
            [
                (0, 7225384),
                (2, 7126394),
                (1, 7124458),
                (3, 5417814),
                (7, 4518036),
                (5, 2982798),
                (4, 2516332),
                (6, 2096640),
            ],
        ),
        ("چراغ سبز نورا", [(1, 18470840), (2, 16733534), (3, 6492516)]),
        ("red router", [(6, 20170626), (7, 14772492)]),
    ],
)
def test_scores_are_the_same_on_every_database(backend, text, expected):
    backend.put(
        [
            entry(object_id=n, title=text, body=f"{text} {TEXTS[n - 1]}", popularity=n % 2)
            for n, text in enumerate(TEXTS)
        ]
    )

    hits = backend.search(plan_for(backend, text)).hits

    assert [(hit.object_id, hit.score) for hit in hits] == expected


def test_counts_stay_exact_through_every_change(backend):
    backend.put([entry(object_id=1, title="مودم قرمز"), entry(object_id=2, title="مودم سبز")])
    assert counts_are_exact()

    backend.put([entry(object_id=1, title="مودم آبی", body="آبی آبی"), entry(object_id=3, title="قرمز")])
    assert counts_are_exact()

    backend.remove(kind="test.note", object_ids=[2])
    assert counts_are_exact()
    assert dict(Term.objects.filter(text__in=["مودم", "سبز"]).values_list("text", "entry_count")) == {
        "مودم": 1,
        "سبز": 0,
    }


ANY_TEXT = st.text(alphabet=st.sampled_from(f"می نخواهکتبرد{Z}\u064eيكﷲ۷,.-'’aBwifiß\t\n«» \u200f_"), max_size=40)


@pytest.mark.parametrize("language", ["fa", "en"])
@given(text=ANY_TEXT)
@example(text="می خواهم و می\u200f خواهم")
@example(text="«می» نمی خواهم")
@example(text="چرا که نه")
@example(text="the کتاب‌ها don't wi-fi")
def test_pieces_of_a_text_hold_what_the_whole_text_holds(text, language):
    whole = analysis.tokens(text, language=language)

    pieces = [
        (stem, offset + start, offset + end, word, is_single)
        for offset, found in pieces_of(text, language)
        for stem, start, end, word, is_single, _spelling in found
    ]

    assert pieces == [(t.text, t.start, t.end, t.word, t.width == 1) for t in whole]


def test_nothing_is_left_of_what_was_removed(backend):
    backend.put([entry(object_id=1, title="مودم", topics=["a"], products=["b"])])

    backend.remove(kind="test.note", object_ids=[1])

    assert not IndexedEntry.objects.exists()
    assert not PostingBlock.objects.exists()
    assert counts_are_exact()


def test_what_the_index_knew_comes_back_when_the_transaction_does_not_commit(backend):
    backend.put([entry(object_id=1, title="مودم قرمز")])

    with transaction.atomic():
        backend.put([entry(object_id=1, title="گوشی"), entry(object_id=2, title="مودم")])
        backend.remove(kind="test.note", object_ids=[1])
        transaction.set_rollback(True)

    assert ids(backend, "مودم") == [1]
    assert ids(backend, "گوشی") == []
    assert counts_are_exact()


def test_an_unchanged_entry_is_not_written_again(backend, django_assert_num_queries):
    same = entry(object_id=1, title="مودم")
    backend.put([same])
    IndexedEntry.objects.update(title="changed behind its back")

    backend.put([same])

    assert IndexedEntry.objects.get().title == "changed behind its back"

    backend.put([same], force=True)

    assert IndexedEntry.objects.get().title == "مودم"
    assert counts_are_exact()


@pytest.mark.parametrize("hit_count", [1, 3])
def test_a_search_costs_three_queries_whatever_it_finds(backend, django_assert_num_queries, hit_count):
    backend.put([entry(title="مودم", topics=["a", "b"], products=["c"]) for _ in range(hit_count)])
    plan = plan_for(backend, "مودم")

    with django_assert_num_queries(3):  # postings, entries, the primary keys of the highlighted terms
        found = backend.search(plan)
    with django_assert_num_queries(2):
        backend.search(plan, with_places=False)
    with django_assert_num_queries(2):
        backend.facets(plan)

    assert len(found.hits) == hit_count


def test_a_rebuild_corrects_counts_and_forgets_words_nobody_uses(backend):
    backend.put([entry(object_id=1, title="مودم قدیمی")])
    backend.put([entry(object_id=1, title="مودم")])
    Term.objects.filter(text="مودم").update(entry_count=17)
    Term.objects.filter(text=EVERYTHING).update(entry_count=99)
    Term.objects.create(text="هیچ", entry_count=3)

    with backend.rebuild():
        pass

    assert counts_are_exact()
    assert set(Word.objects.values_list("text", flat=True)) == {"مودم"}
    assert set(Term.objects.values_list("text", flat=True)) == {"مودم", EVERYTHING}


def stored(entries: list[SearchEntry]) -> list[tuple[dict[str, int], set[tuple[str, int, int, int]]]]:
    """The impacts of each entry's terms, and their places: term, field, start, end."""
    analysed = analyse(entries)
    found = []
    for number in range(len(entries)):
        held = [(analysed.terms[term], impact) for entry, term, impact in analysed.postings.tolist() if entry == number]
        places = {
            (held[term][0], start % 4, start // 4, end)
            for entry, term, start, end in analysed.places.tolist()
            if entry == number
        }
        found.append((dict(held), places))
    return found


@given(texts=st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.sampled_from(["fa", "en"])), min_size=1, max_size=4))
@example(texts=[("مودم", "", "مودم مودم و روتر", "fa"), ("می خواهم", "the", "", "en"), ("مودم", "مودم", "", "fa")])
def test_an_entry_is_stored_alike_alone_and_among_others(texts):
    entries = [
        entry(object_id=number, title=title, short_answer=short_answer, body=body, language=language)
        for number, (title, short_answer, body, language) in enumerate(texts, 1)
    ]

    assert stored(entries) == [stored([each])[0] for each in entries]


def test_impacts_are_those_of_the_formula():
    ((impacts, places),) = stored([entry(object_id=1, title="مودم", body="مودم " * 12 + "روتر " * 138)])

    title, body = 3.0 / (1 - 0.4 + 0.4 / 6), 12 / (1 - 0.6 + 0.6 * 1)  # one word of the six that are usual
    assert impacts["مودم"] == round(10_000 * (title + body) / (title + body + 1.6))
    assert impacts["روتر"] == round(10_000 * 138 / (138 + 1.6))
    assert len({place for place in places if place[0] == "مودم"}) == 1 + 10  # only the first ones are stored
