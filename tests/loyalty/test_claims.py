"""Missing points: what was decided about a day, questions to staff, and their answers."""

from __future__ import annotations

import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.exceptions import ClaimRefusedError, DecidedError, NoRightError, OwnPointsError
from loyalty.models import Member, PointsClaim
from loyalty.services import claims, earning
from loyalty.services.members import forget_member
from portal.accounts import own_data
from portal.core.scopes import content_changed
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_adjusting import with_rights
from tests.loyalty.test_earning import happened

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.services.claims", "loyalty.models.claims")]

PAGE, TRIGGER = "/fa/loyalty/claim/", "community.solution"


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme, times_day=1)
    content_changed("site")
    return programme


@pytest.fixture
def person(client):
    person = UserFactory(language="fa")
    client.force_login(person)
    return person


def at_noon(programme, days_ago):
    day = today_of(programme) - dt.timedelta(days=days_ago)
    return dt.datetime.combine(day, dt.time(12), ZoneInfo(programme.time_zone))


def look(client, programme, days_ago=3, **more):
    day = today_of(programme) - dt.timedelta(days=days_ago)
    return client.get(PAGE, {"trigger": TRIGGER, "day": day.isoformat(), **more})


def ask(person, programme, days_ago=3, **more):
    day = today_of(programme) - dt.timedelta(days=days_ago)
    return claims.send_claim(person, programme, trigger=TRIGGER, day=day, **more)


def test_the_page_finds_what_was_decided_that_day_and_says_why(client, programme, person):
    for number in (1, 2):
        earning.record(happened(person, number, occurred_at=at_noon(programme, 3)))
    earning.record(happened(UserFactory(), 3, occurred_at=at_noon(programme, 3)))

    page = look(client, programme)

    assert sorted(decision.points for decision, _words in page.context["found"]) == [0, 100]
    assert all(words.rules and words.rules[0] in page.text for _decision, words in page.context["found"])
    assert "بی‌امتیاز، چون" in page.text
    assert look(client, programme, 4).context["found"] == []
    assert not PointsClaim.objects.exists()


def test_what_was_taken_back_is_shown_as_it_is_now(client, programme, person):
    earning.record(happened(person, 1, occurred_at=at_noon(programme, 3)))
    earning.settle(earning.events_of("community.post:1"), stands=lambda _event: False, because="removed")

    [(decision, _words)] = look(client, programme).context["found"]

    assert decision.outcome == "reversed"


@pytest.mark.parametrize(
    "wrong",
    [{"day": "x"}, {"day": "2100-01-01"}, {"day": "2001-01-01"}, {"day": ""}, {"trigger": "x"}, {"trigger": "\x00"}],
)
def test_what_cannot_be_looked_up_is_said_and_nothing_is_sent(client, programme, person, wrong):
    assert "found" not in look(client, programme, **wrong).context
    sent = {"trigger": TRIGGER, "day": today_of(programme).isoformat(), **wrong}
    assert client.post(PAGE, sent).status_code == 422
    assert not PointsClaim.objects.exists()


def test_a_question_is_sent_once_and_its_answer_is_read(client, programme, person):
    day = today_of(programme) - dt.timedelta(days=3)
    sent = {"trigger": TRIGGER, "day": day.isoformat(), "note": "سفارش ۱۲۳ تلفن 09121110099"}
    for _time in range(2):
        assert client.post(PAGE, sent).headers["Location"] == PAGE
    claim = PointsClaim.objects.get()
    assert "09121110099" not in claim.note
    assert "در دست بررسی" in client.get(PAGE).text
    copy = io.StringIO()
    own_data.write_copy(person, copy)
    assert "question about missing points" in copy.getvalue()

    claims.answer(claim, state="given", by=with_rights("add_adjustment"))

    assert "امتیاز اضافه شد" in client.get(PAGE).text
    assert ask(person, programme).pk != claim.pk  # it can be asked again
    forget_member(person)
    assert not PointsClaim.objects.exists()


def test_few_questions_are_open_at_once_and_none_about_another_time(programme, person):
    for days_ago in range(5):
        ask(person, programme, days_ago)
    for days_ago in (5, -1, 400):
        with pytest.raises(ClaimRefusedError):
            ask(person, programme, days_ago)
    assert PointsClaim.objects.count() == 5


def test_who_may_not_correct_points_answers_nothing_and_nobody_their_own(programme):
    clerk = with_rights("add_adjustment")
    mine, other = ask(clerk, programme), ask(UserFactory(), programme)
    with pytest.raises(OwnPointsError):
        claims.answer(mine, state="given", by=clerk)
    with pytest.raises(NoRightError):
        claims.answer(other, state="given", by=with_rights("view_member"))
    with pytest.raises(ValueError, match="open"):
        claims.answer(other, state="open", by=clerk)
    for _time in range(2):
        claims.answer(other, state="right", by=clerk)
    with pytest.raises(DecidedError):
        claims.answer(other, state="given", by=clerk)


def test_staff_see_what_was_decided_and_answer(client, settings, programme):
    settings.STAFF_SECOND_FACTOR = False
    member = UserFactory(handle="niloofar")
    earning.record(happened(member, 1, occurred_at=at_noon(programme, 3)))
    claim = ask(member, programme, note="کمکم کنید")
    clerk = with_rights("add_adjustment", "view_member", language="fa")
    clerk.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(clerk)
    index, page = reverse("points_claims:index"), reverse("points_claims:inspect", args=[claim.pk])

    assert "niloofar" in client.get(index).text
    shown = client.get(page).text
    assert "کمکم کنید" in shown
    assert "۱۰۰ امتیاز" in shown
    client.post(page, {"answer": "x"})
    assert PointsClaim.objects.get().state == "open"
    client.post(page, {"answer": "right"})

    assert PointsClaim.objects.get().answered_by == f"user:{clerk.pk}"
    assert "niloofar" not in client.get(index).text
    assert "niloofar" in client.get(f"{index}?answered=1").text
    client.force_login(UserFactory(staff=True))
    assert client.get(page).status_code in {302, 403}
    assert Member.objects.filter(user=member).exists()
    assert PointsClaim.objects.get().answered_at <= timezone.now()
