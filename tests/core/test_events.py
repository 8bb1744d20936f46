from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import outbox
from portal.core.events import DomainEvent, emit, handler_name, subscribe, subscribed

pytestmark = pytest.mark.both_databases("portal.core.outbox")


@dataclass(frozen=True, kw_only=True)
class LampLit(DomainEvent):
    name: ClassVar[str] = "tests.lamp_lit"
    lamp_id: int
    colour: str = "سبز"
    at: dt.datetime | None = None
    day: dt.date | None = None
    rooms: list[object] | None = None
    is_bright: bool = False


values = st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.datetimes()


@given(
    st.builds(
        LampLit,
        lamp_id=st.integers(),
        colour=st.text(),
        at=st.none() | st.datetimes(timezones=st.just(dt.UTC)),
        day=st.none() | st.dates(),
        rooms=st.none() | st.lists(values | st.lists(values)),
        is_bright=st.booleans(),
    )
)
def test_an_event_comes_back_from_its_payload_as_it_was(event):
    import json

    again = LampLit.from_payload(json.loads(json.dumps(event.to_payload())))

    assert again == event


@pytest.mark.parametrize("value", [{"a": 1}, object(), 1.5, b"x", {1}, (1, 2)])
def test_only_ids_and_plain_values_travel(value):
    with pytest.raises(TypeError):
        LampLit(lamp_id=1, rooms=[value]).to_payload()


def test_fields_that_came_or_went_since_the_event_was_stored_do_no_harm():
    assert LampLit.from_payload({"lamp_id": 3, "watt": 60}) == LampLit(lamp_id=3)


def test_an_event_stored_without_a_needed_field_says_which():
    with pytest.raises(ValueError, match="lamp_id"):
        LampLit.from_payload({})


@pytest.mark.django_db(transaction=True)
def test_emitting_outside_a_transaction_is_refused():
    with subscribed(LampLit, print), pytest.raises(outbox.OutsideTransactionError):
        emit(LampLit(lamp_id=1))


@pytest.mark.django_db(transaction=True)
def test_emitting_outside_a_transaction_is_refused_even_if_nobody_listens():
    with pytest.raises(outbox.OutsideTransactionError):
        emit(LampLit(lamp_id=1))


def test_subscribing_the_same_handler_twice_counts_once():
    def handler(event: LampLit) -> None: ...

    with outbox.temporary_subscriptions():
        before = len(outbox.subscriptions())
        subscribe(LampLit, handler)
        subscribe(LampLit, handler)

        assert len(outbox.subscriptions()) == before + 1
        assert outbox.subscriptions()[-1].handler == handler_name(handler)


def test_a_moved_handler_may_keep_its_old_name():
    with subscribed(LampLit, print, name="old.place.print"):
        assert outbox.subscriptions()[-1].handler == "old.place.print"

    assert all(subscription.function is not print for subscription in outbox.subscriptions())
