"""Leaderboards: only who wants it is shown, only help counts, places are dense, and a page costs the same for all."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from community.events import MemberRestricted
from community.models import CommunityProfile
from loyalty.models import BoardRow, Decision, Wallet
from loyalty.services import adjusting, boards, earning, ledger
from loyalty.services.boards import places
from loyalty.services.earning.periods import EVER
from loyalty.services.members import forget_member, wallet_for
from portal.accounts import own_data
from portal.points import follow_restriction
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory
from tests.factories.loyalty import EarningFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_ledger_concurrency import at_once
from tests.loyalty.test_tiers import earn, lose

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.models.boards", "loyalty.services.boards"),
]

PAGE = "/fa/loyalty/leaderboard/"


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


def helper(programme, *numbers, shown=True, days_ago=0):
    person = MemberFactory(language="fa")
    earn(person, *numbers, days_ago=days_ago)
    if shown:
        boards.set_shown(person, is_shown=True)
    return person


def board(period=EVER):
    rows = BoardRow.objects.filter(period=period).order_by("rank", "-is_shown", "member")
    return [(row.rank, row.points, row.is_shown) for row in rows]


# Places --------------------------------------------------------------------------------------------------------------


@given(points=st.dictionaries(st.integers(1, 30), st.integers(0, 8)), shown=st.sets(st.integers(1, 30)))
def test_ranks_are_dense_among_those_who_are_shown(points, shown):
    found = places(points, shown)
    visible = sorted({place.points for place in found.values() if place.is_shown}, reverse=True)

    assert set(found) == {member for member, own in points.items() if own > 0}
    assert {member for member, place in found.items() if place.is_shown} == shown & set(found)
    for place in found.values():
        # By hand: one more than there are shown numbers of points above it, so that no rank is left out.
        assert place.rank == 1 + sum(other > place.points for other in visible)
    assert {place.rank for place in found.values() if place.is_shown} == set(range(1, len(visible) + 1))


def test_only_what_others_certified_counts(programme):
    tiers_in_force(programme)
    person = helper(programme, 1, 2)
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=9000, key="1", source="shop.order:1")
    helper(programme, 3, 4, 5)
    lose(3)
    boards.compute_all()
    assert board() == [(1, 200, True), (1, 200, True)]


def test_the_month_begins_with_its_first_day(programme):
    helper(programme, 1, days_ago=40)
    helper(programme, 2)
    boards.compute_all()
    [month] = [period for period in boards.periods_now(programme) if period != EVER]
    assert len(board()) == 2
    assert len(board(month)) == 1
    boards.compute(programme)
    BoardRow.objects.filter(period=month).update(period="month:1999-01-01")
    assert boards.compute(programme) == 2  # one of a time that is over is removed, one is made
    assert BoardRow.objects.count() == 3


def suspend(person):
    until = timezone.now() + dt.timedelta(days=3)
    CommunityProfile.objects.update_or_create(user=person, defaults={"suspended_until": until})


def test_who_is_suspended_is_on_no_board_at_once(programme):
    person, other = helper(programme, 1), helper(programme, 2)
    boards.compute(programme)
    event = MemberRestricted(user_id=person.pk, action="suspended", moderator_id=None, audit_id=1)
    follow_restriction(event)
    shown = set(BoardRow.objects.filter(is_shown=True).values_list("member__user", flat=True))
    assert shown == {other.pk}


def freeze(person):
    adjusting.set_frozen(
        Wallet.objects.get(), is_frozen=True, reason="misuse-suspected", by=UserFactory(superuser=True)
    )


def become_staff(person):
    person.is_staff = True
    person.save()


def review(person):
    events = earning.events_of("community.post:1")
    earning.settle(events, stands=lambda _event: False, because=earning.VOTING_REVIEW)
    assert Decision.objects.filter(reason=earning.VOTING_REVIEW).exists()
    earn(person, 2)


def leave(person):
    forget_member(person)


@pytest.mark.parametrize("happens", [suspend, freeze, become_staff, review, leave])
def test_who_does_not_belong_there_is_not_on_it(programme, happens):
    person = helper(programme, 1)
    boards.compute_all()
    assert board() == [(1, 100, True)]
    happens(person)
    boards.compute_all()
    assert board() == []


def test_the_job_writes_nothing_that_is_there_and_knows_when_to_run(programme):
    helper(programme, 1)
    assert boards.is_computing_due(timezone.now() - dt.timedelta(seconds=60))
    assert boards.compute(programme) == 2
    assert boards.compute(programme) == 0
    assert not boards.is_computing_due(timezone.now())


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_computed_by_many_at_once_everybody_has_one_place(programme):
    helper(programme, 1)
    results = at_once(6, lambda _number: boards.compute(programme))
    assert sum(results) == 2  # a place on each board, whoever wrote it
    assert board() == [(1, 100, True)]


# The page ------------------------------------------------------------------------------------------------------------


def test_nobody_sees_who_did_not_ask_to_be_shown(client, programme):
    hidden = helper(programme, 1, 2, shown=False)
    shown = helper(programme, 3)
    boards.compute_all()
    client.force_login(shown)
    page = client.get(PAGE, {"period": EVER}).text
    assert shown.handle in page
    assert hidden.handle not in page

    client.force_login(hidden)
    own = client.get(PAGE, {"period": EVER}).text
    assert "شما در جایگاه ۱ بودید" in own
    assert "فقط شما این را می‌بینید" in own


def test_a_member_is_shown_and_hidden_at_once(client, programme):
    person, other = helper(programme, 1, shown=False), MemberFactory(language="fa")
    boards.compute_all()
    client.force_login(person)
    assert client.post(PAGE, {"shown": "yes", "period": EVER}).url.endswith("?period=ever")
    copy = io.StringIO()
    own_data.write_copy(person, copy)
    assert "shown_since" in copy.getvalue()
    client.force_login(other)
    assert person.handle in client.get(PAGE, {"period": EVER}).text
    client.force_login(person)
    client.post(PAGE, {"shown": "no"})
    client.force_login(other)
    assert person.handle not in client.get(PAGE, {"period": EVER}).text


def test_the_page_is_empty_at_first_and_takes_no_strange_period(client, programme):
    client.force_login(MemberFactory(language="fa"))
    page = client.get(PAGE, {"period": "month:x"}).text
    assert "هنوز کسی اینجا دیده نمی‌شود" in page


def test_who_is_far_from_the_top_sees_who_is_near_and_the_page_costs_the_same(client, programme):
    for start, many in ((1, 4), (10, 3), (20, 2)):
        helper(programme, *range(start, start + many))
    last = helper(programme, 90)
    boards.compute_all()
    client.force_login(last)
    client.get(PAGE, {"period": EVER})
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE, {"period": EVER})
    for start in range(100, 160, 5):
        helper(programme, *range(start, start + 5))
    boards.compute_all()
    with CaptureQueriesContext(connection) as many_rows:
        page = client.get(PAGE, {"period": EVER})
    assert len(many_rows) <= len(few) + 2  # who is above and below
    assert "پیرامون شما" in page.text
    assert [row.points for row in page.context["board"].near] == [300, 200, 100]
