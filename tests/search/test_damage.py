"""A damaged index: questions are answered from what is whole, and it heals."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.catalog.models import Topic
from portal.core import outbox
from portal.core.memo import forget_all
from portal.core.models import OutboxMessage
from search import mirror, services
from search.events import IndexDamaged
from search.index import damage
from search.index.answering import get_backend
from search.index.embedded import repair, seals, sql
from search.index.embedded.blocks import unpack
from search.index.plan import Filters
from search.models import IndexedEntry, PostingBlock, Scope, Term, Word
from search.queries import search, suggest
from tests.search.asking import plan_for

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "search.index.damage",
        "search.index.embedded.backend",
        "search.index.embedded.blocks",
        "search.index.embedded.repair",
        "search.index.embedded.sql",
    ),
]
TITLES = ["چراغ قرمز مودم", "مودم نورا", "تنظیم مودم نورا", "محرمانه", "چراغ سبز", "سیم‌کارت"]
TABLES = (IndexedEntry, Term, Word, Scope, PostingBlock)
COLUMNS = [(model, field.column) for model in TABLES for field in model._meta.concrete_fields]


@pytest.fixture(autouse=True)
def topics(topic_document):
    damage.forget()
    topics = Topic.objects.bulk_create(
        Topic(
            code=f"t{number}",
            name={"fa": title, "en": f"Router {number}"},
            tone=Topic.Tone.POM if title == "محرمانه" else Topic.Tone.LAPIS,
        )
        for number, title in enumerate(TITLES)
    )
    services.rebuild()
    yield topics
    damage.forget()


def content() -> tuple:
    """Everything that is stored, without what depends on the order in which entries were written."""
    texts = dict(Term.objects.values_list("pk", "text"))
    keys, entries = {}, {}
    for pk, *key, title, url, audience, digest, terms, places in IndexedEntry.objects.values_list(
        "pk", "kind", "object_id", "language", "title", "url", "audience", "digest", "terms", "places"
    ):
        held = [texts[term] for term in unpack(terms)]
        numbers = unpack(places)
        at = {(held[term], *place) for term, *place in zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True)}
        keys[pk] = tuple(key)
        entries[tuple(key)] = (title, url, audience, digest, frozenset(held), frozenset(at))
    postings = set()
    for term, *scope, data in PostingBlock.objects.values_list(
        "term", "scope__kind", "scope__language", "scope__audience", "data"
    ):
        numbers = unpack(data)
        postings |= {
            (texts[term], *scope, keys[pk], impact & int(seals.IMPACT_MASK))
            for pk, impact in zip(numbers[0::2], numbers[1::2], strict=True)
        }
    words = set(Word.objects.values_list("text", "skeleton", "term__text"))
    counts = dict(Term.objects.exclude(entry_count=0).values_list("text", "entry_count"))
    return entries, postings, words, counts


def ask_everything() -> None:
    """Ask in every way; nothing may fail, and nothing secret may be found."""
    forget_all()
    nobody = AnonymousUser()
    for text in ("چراغ قرمز مودم", "مودم", "مدم", "modem", "router 1", "محرمانه"):
        found = search(text=text, user=nobody, language="fa")
        assert all("محرمانه" not in hit.title for hit in found.hits)
        suggest(text=text, user=nobody, language="fa")
    search(text="", user=nobody, language="fa", filters=Filters(topic=("t1", "t2")))
    search(text="مودم", user=nobody, language="fa", filters=Filters(topic=("t1",)))
    backend = get_backend()
    plan = plan_for(backend, "مودم")
    backend.facets(plan)
    backend.fetch([("test.topic", pk, "fa") for pk in Topic.objects.values_list("pk", flat=True)], plan)


def broken(value: object, chance: random.Random) -> object:
    """The value with flipped bits, cut off, or replaced."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(31))
    if isinstance(value, bytes | memoryview):
        data = bytearray(bytes(value))
        if data and chance.random() < 0.7:
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)
        return bytes(data[: chance.randrange(len(data))]) if data else b"\xff"
    text = str(value)
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice("xی\u200c9=") + text[place + 1 :]


def hurt(model, column: str, seed: int) -> None:
    """Damage some rows in this column, or delete a row; SQLite also gets texts that are not UTF-8."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    keys = [field.column for field in model._meta.pk_fields]
    with sql.tolerant():
        rows = list(model._base_manager.order_by(*keys).values_list(*keys, column))
    where = " AND ".join(f"{key} = %s" for key in keys)
    for row in chance.sample(rows, min(len(rows), chance.randint(1, 3))):
        statement, value = f"UPDATE {model._meta.db_table} SET {column} = %s WHERE {where}", row[-1]  # noqa: S608 - our names
        if chance.random() < 0.15:
            statement, values = f"DELETE FROM {model._meta.db_table} WHERE {where}", []  # noqa: S608 - our names
        elif isinstance(value, str) and connection.vendor == "sqlite" and chance.random() < 0.5:
            statement = statement.replace("= %s WHERE", "= CAST(%s AS TEXT) WHERE")
            values = [value.encode()[:-1] + b"\xff\x81"]
        else:
            values = [broken(value, chance)]
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, [*values, *row[:-1]])
        except (IntegrityError, DataError):
            continue  # the database itself refuses it


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(COLUMNS), st.integers(0, 9999)), min_size=1, max_size=3))
def test_whatever_is_damaged_is_never_an_error_and_heals(wounds):
    repair.empty()
    services.rebuild()
    whole = content()
    for (model, column), seed in wounds:
        hurt(model, column, seed)

    ask_everything()
    services.check()

    assert content() == whole
    assert services.check().is_clean


def waiting_repairs() -> int:
    return OutboxMessage.objects.pending().filter(handler=services.MEND).count()


def found(text: str = "مودم") -> int:
    forget_all()
    return len(search(text=text, user=AnonymousUser(), language="fa").hits)


def blocks_of(text: str):
    return PostingBlock.objects.filter(term__text=text)


@pytest.mark.parametrize(
    ("wound", "left"),
    [
        (lambda data: data[:-3], 2),  # cut off in the middle of a posting
        (lambda data: data[:-8], 2),  # cut off between two postings
        (lambda data: bytes([data[0] ^ 4, *data[1:]]), 2),
        (lambda data: b"".join(data[n : n + 6] + b"\0\0" for n in range(0, len(data), 8)), 0),  # an earlier format
        (lambda data: None, 0),
    ],
    ids=["torn", "shorter", "flipped", "earlier", "missing"],
)
def test_a_question_is_answered_from_what_is_whole_and_the_index_is_repaired_once(wound, left):
    assert found() == 3
    data = wound(bytes(blocks_of("مودم").get().data))
    if data is None:
        blocks_of("مودم").delete()
    else:
        blocks_of("مودم").update(data=data)

    assert found() == left
    damage.forget()  # as another process would
    assert found() == left
    assert waiting_repairs() == 1
    assert mirror.health() == "database, damaged and being repaired"

    outbox.drain(handlers=[services.MEND])

    assert found() == 3
    assert mirror.health() == "database"
    assert not get_backend().mend()


def test_a_whole_index_asks_for_no_repair():
    ask_everything()

    assert waiting_repairs() == 0
    assert get_backend().mend() == 0


def test_a_damaged_title_is_not_shown_and_a_damaged_list_of_places_costs_the_marks_alone():
    red = IndexedEntry.objects.filter(title="چراغ قرمز مودم")
    red.update(places=b"\x01\x02\x03")

    assert "<mark>" not in next(hit.title for hit in search(text="قرمز", user=AnonymousUser(), language="fa").hits)

    red.update(title="چراغ قرمز گوشی")

    assert found("قرمز") == 0
    assert waiting_repairs() == 1


def test_a_posting_moved_to_an_audience_that_may_not_see_it_is_not_counted():
    staff = Scope.objects.get(audience="staff", language="fa")
    public = Scope.objects.get(audience="public", language="fa")
    PostingBlock.objects.filter(scope=staff, term__text="محرمانه").update(scope=public)

    assert get_backend().facets(plan_for(get_backend(), "محرمانه"))["language"] == {}
    assert waiting_repairs() == 1


def test_changes_reach_a_damaged_index(topics):
    blocks_of("مودم").update(data=b"\xff" * 21)
    IndexedEntry.objects.filter(title="مودم نورا").update(terms=b"\x07")

    topics[1].name = {"fa": "مودم تازه", "en": "New"}
    topics[1].save()
    services.index_objects(kind="test.topic", object_ids=[topics[1].pk])

    assert found("تازه") == 1
    assert found() == 0  # appended behind the rubbish, where no posting begins

    outbox.drain(handlers=[services.MEND])

    assert found("تازه") == 1
    assert found() == 3


def test_a_rebuild_needs_nothing_of_the_old_index():
    whole = content()
    IndexedEntry.objects.update(terms=b"\xde\xad\xbe\xef\x01", places=b"\xff", seal=b"")
    PostingBlock.objects.update(data=b"\x00garbage")
    Term.objects.filter(text="مودم").update(text="گربه")
    Word.objects.update(skeleton="x", spelling="x")
    Scope.objects.filter(audience="public", language="fa").update(language="xx")

    services.rebuild()

    assert content() == whole
    assert services.check().is_clean


def test_a_rebuild_empties_an_index_that_cannot_even_be_looked_at(monkeypatch):
    whole = content()
    monkeypatch.setattr(repair, "look", lambda: 1 / 0)

    services.rebuild()

    monkeypatch.undo()
    assert content() == whole


def test_a_check_reports_what_it_removed(capsys):
    blocks_of("مودم").update(data=b"")

    report = services.check()

    assert report.mended
    assert not report.is_clean
    assert found() == 3


def test_the_event_is_the_same_for_everybody():
    with transaction.atomic():
        damage.emit(IndexDamaged())
        damage.emit(IndexDamaged())

    assert waiting_repairs() == 1


def test_a_busy_database_keeps_no_question_from_its_answer(monkeypatch):
    blocks_of("مودم").update(data=b"\x01")
    monkeypatch.setattr(damage, "emit", mock.Mock(side_effect=OperationalError("database is locked")))

    assert found() == 0
    assert waiting_repairs() == 0
