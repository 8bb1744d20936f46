"""What staff did about somebody's points reaches them, once, in their language: corrections, answers, reviews."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import translation

from loyalty.buckets import today_of
from loyalty.models import VotingReview
from loyalty.services import adjusting, claims, ledger, reviews
from loyalty.services.members import wallet_for
from portal.core import outbox
from portal.notifications import queries
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_adjusting import asker, decider
from tests.loyalty.test_reviews import decider as judge
from tests.loyalty.test_reviews import pair

__all__ = ["pair"]  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def person():
    return UserFactory(language="fa")


def told(person, language="fa"):
    """Title, text and address of all that the person was told, newest first."""
    outbox.drain()
    with translation.override(language):
        rows = list(Notification.objects.filter(person=person).order_by("-pk"))
        return [(each.notice.title, each.notice.text, each.notice.url) for each in queries.fold(person, rows)]


def test_a_correction_is_told_when_it_is_booked_and_not_when_it_is_asked_for(programme, person):
    token = uuid.uuid4()
    how = {"member": person, "programme": programme, "points": 900, "reason": "goodwill", "token": token}
    asked = adjusting.ask(by=asker(), **how)
    assert told(person) == []

    by = decider()
    for _again in range(2):
        adjusting.approve(asked, by=by)

    assert told(person) == [("۹۰۰ امتیاز افزودیم", "حسن نیت", "/fa/loyalty/#statement")]
    assert told(person, "en")[0][:2] == ("We added 900 points", "Goodwill")
    adjusting.ask(by=asker(), **{**how, "points": -20, "token": uuid.uuid4(), "reason": "mistake"})
    assert told(person)[0][0] == "۲۰ امتیاز کم کردیم"


def test_more_time_is_told_as_that(programme, person):
    wallet = wallet_for(user=person, programme=programme)
    ledger.earn(wallet=wallet, amount=70, key="start")
    [lot] = ledger.statements.lots(wallet.pk)

    adjusting.ask_to_extend(
        wallet=wallet, bucket=lot.place.bucket, to=lot.place.bucket + dt.timedelta(days=31), reason="goodwill",
        by=asker(), token=uuid.uuid4(),
    )  # fmt: skip

    assert [title for title, _text, _url in told(person)] == ["۷۰ امتیاز مهلت بیشتری گرفت"]


def test_an_answer_is_told_once_and_not_again_as_a_correction(programme, person):
    claim = claims.send_claim(person, programme, trigger="community.solution", day=today_of(programme))
    staff = asker()
    adjusting.ask(member=person, programme=programme, points=40, reason="missing-points", by=staff, token=uuid.uuid4())

    for _again in range(2):
        claims.answer(claim, state="given", by=staff)

    [(title, text, url)] = told(person)
    assert (title, url) == ("به پرسشتان دربارهٔ امتیاز جاافتاده پاسخ دادیم", "/fa/loyalty/claim/")
    assert "امتیاز اضافه شد" in text
    assert told(UserFactory()) == []


def test_whose_points_a_review_takes_back_is_told_how_many_and_why(pair):
    one, other = pair
    reviews.open_reviews()

    reviews.confirm(VotingReview.objects.get(), by=judge())

    for person in (one, other):
        [(title, text, _url)] = told(person)
        assert title == "۵۰۰ امتیاز پس گرفته شد"
        assert "رأی‌هایی که دو عضو پیاپی" in text


def test_of_a_programme_that_members_do_not_see_they_are_told_nothing(programme, person):
    programme.earning.is_open = False
    programme.earning.save()
    adjusting.ask(member=person, programme=programme, points=40, reason="goodwill", by=asker(), token=uuid.uuid4())

    assert told(person) == []
