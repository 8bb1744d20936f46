"""What only the embedded index promises: exact numbers, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import Count

from search.backends.embedded import EVERYTHING, EmbeddedBackend
from search.models import EntryFacet, IndexedEntry, Posting, Term, Word
from tests.factories.search import entry
from tests.search.asking import ids, plan_for

pytestmark = pytest.mark.django_db
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
    counted = dict(Posting.objects.values_list("term__text").annotate(Count("pk")).order_by())
    stored = dict(Term.objects.exclude(text=EVERYTHING).filter(entry_count__gt=0).values_list("text", "entry_count"))
    size = Term.objects.filter(text=EVERYTHING).values_list("entry_count", flat=True).first() or 0
    return counted == stored and size == IndexedEntry.objects.count()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("چراغ قرمز مودم", [(0, 7321816), (2, 7196922), (1, 7193147), (3, 5208659)]),
        ("چراغ سبز نورا", [(1, 18986282), (2, 16413657)]),
        ("red router", [(6, 20800878), (7, 13938394)]),
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


def test_nothing_is_left_of_what_was_removed(backend):
    backend.put([entry(object_id=1, title="مودم", topics=["a"], products=["b"])])

    backend.remove(kind="test.note", object_ids=[1])

    assert not IndexedEntry.objects.exists()
    assert not Posting.objects.exists()
    assert not EntryFacet.objects.exists()
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
    key = Posting.objects.get().pk

    backend.put([same])

    assert Posting.objects.get().pk == key

    backend.put([same], force=True)

    assert Posting.objects.get().pk != key


@pytest.mark.parametrize("hit_count", [1, 3])
def test_a_search_costs_two_queries_whatever_it_finds(backend, django_assert_num_queries, hit_count):
    backend.put([entry(title="مودم", topics=["a", "b"], products=["c"]) for _ in range(hit_count)])
    plan = plan_for(backend, "مودم")

    with django_assert_num_queries(2):
        found = backend.search(plan)
    with django_assert_num_queries(1):
        backend.facets(plan)

    assert len(found.hits) == hit_count


def test_a_rebuild_corrects_counts_and_forgets_words_nobody_uses(backend):
    backend.put([entry(object_id=1, title="مودم قدیمی")])
    backend.put([entry(object_id=1, title="مودم")])
    Term.objects.filter(text="مودم").update(entry_count=17)
    Term.objects.filter(text=EVERYTHING).update(entry_count=99)

    with backend.rebuild():
        pass

    assert counts_are_exact()
    assert set(Word.objects.values_list("text", flat=True)) == {"مودم"}
    assert set(Term.objects.values_list("text", flat=True)) == {"مودم", EVERYTHING}


def test_a_rebuild_gives_older_words_their_sound(backend):
    backend.put([entry(object_id=1, title="مودم router")])
    Word.objects.update(skeleton="")

    with backend.rebuild():
        pass

    assert dict(Word.objects.values_list("text", "skeleton")) == {"مودم": "mdm", "router": ""}
