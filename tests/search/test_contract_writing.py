"""Putting and removing entries, in every index."""

from __future__ import annotations

import datetime as dt

import pytest

from search.index.plan import Filters
from tests.factories.search import entry
from tests.search.asking import PUBLIC, ids, plan_for

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.index.embedded.writing")]


def test_an_entry_is_found_as_it_was_put(backend):
    updated = dt.datetime(2026, 11, 20, 8, 30, tzinfo=dt.UTC)
    put = entry(
        object_id=7,
        title="چراغ قرمز",
        short_answer="مودم را خاموش کنید",
        body="سی ثانیه صبر کنید.",
        url="/fa/a/7/",
        products=["x2", "x1"],
        topics=["internet"],
        tags=["قطعی"],
        facets={"state": ["official"]},
        popularity=5,
        family="f1",
        updated=updated,
    )

    backend.put([put])

    (hit,) = backend.search(plan_for(backend, "چراغ")).hits
    assert (hit.kind, hit.object_id, hit.family, hit.language) == ("test.note", 7, "f1", "fa")
    assert (hit.title, hit.short_answer, hit.body) == (put.title, put.short_answer, put.body)
    assert (hit.url, hit.popularity, hit.updated) == ("/fa/a/7/", 5, updated)
    assert hit.facets == {
        "product": ("x1", "x2"),
        "topic": ("internet",),
        "tag": ("قطعی",),
        "state": ("official",),
    }


def test_putting_again_replaces(backend):
    backend.put([entry(object_id=1, title="مودم قدیمی", topics=["old"])])

    backend.put([entry(object_id=1, title="مودم جدید", topics=["new"])])

    assert ids(backend, "قدیمی") == []
    assert ids(backend, "جدید") == [1]
    assert ids(backend, "مودم", filters=Filters(topic=("old",))) == []
    assert backend.count() == 1


def test_putting_twice_changes_nothing(backend):
    for _ in range(2):
        backend.put([entry(object_id=1, title="مودم")])

    assert backend.count() == 1
    assert backend.vocabulary(["مودم"], audiences=PUBLIC).frequencies == {"مودم": 1}


def test_an_object_keeps_only_the_languages_it_was_put_in(backend):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=1, language="en", title="Router")])

    backend.put([entry(object_id=1, title="مودم")])

    assert [language for _id, language, _digest in backend.digests("test.note")] == ["fa"]
    assert ids(backend, "router") == []


def test_what_is_removed_is_gone_in_every_language(backend):
    backend.put([entry(object_id=1, title="مودم"), entry(object_id=1, language="en", title="Router")])
    backend.put([entry(object_id=2, title="مودم دیگر")])

    backend.remove(kind="test.note", object_ids=[1, 99])

    assert ids(backend, "مودم") == [2]
    assert ids(backend, "router") == []
    assert backend.vocabulary(["router"], audiences=PUBLIC).frequencies == {}
    assert backend.count() == 1


def test_kinds_do_not_disturb_each_other(backend):
    backend.put(
        [entry(kind="test.note", object_id=1, title="مودم"), entry(kind="test.file", object_id=1, title="مودم")]
    )

    backend.remove(kind="test.note", object_ids=[1])

    assert [hit.kind for hit in backend.search(plan_for(backend, "مودم")).hits] == ["test.file"]
    assert backend.kinds() == {"test.file"}


def test_digests_tell_changed_entries_apart(backend):
    one = entry(object_id=1, title="مودم")
    backend.put([one])

    assert list(backend.digests("test.note")) == [(1, "fa", one.digest)]
    assert entry(object_id=1, title="مودم", url=one.url).digest == one.digest
    assert entry(object_id=1, title="مودم.", url=one.url).digest != one.digest


def test_strange_text_is_stored(backend):
    backend.put([entry(object_id=1, title="مو\x00دم \ud800 🙂", body="\x01" * 10 + "x" * 300_000, tags=["a\nb", " "])])

    (hit,) = backend.search(plan_for(backend, "مودم")).hits
    assert hit.title == "مودم  🙂"
    assert hit.facets["tag"] == ("a b",)
