"""The admin's screens of offers: drafts, an audience that is counted, publishing, stopping, and the report."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from loyalty.exceptions import NotADraftError, NotPermittedError
from loyalty.models import LoyaltyEvent, Member, MemberConsent, Offer, OfferAnswer, OfferAssignment, OfferPolicy
from loyalty.rule_forms import conditions_in_words
from loyalty.services.members import wallet_for
from loyalty.services.offers import audience, publishing, reach, reporting
from loyalty.services.offers.uplift import Verdict
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, OfferFactory
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.offers_admin",
        "loyalty.services.offers.publishing",
        "loyalty.services.offers.reach",
        "loyalty.services.offers.reporting",
    ),
]

ADD = "offers_admin:add"
FOR_PERSIAN_READERS = {"fact": "language", "op": "eq", "value": "fa"}


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    # Nobody is by chance among those who see no personal offers.
    OfferPolicy.objects.create(programme=programme, holdout_percent=0)
    return programme


def form(programme, **values):
    fixed = {
        "programme": programme.pk, "code": "spring", "title_fa": "بهار", "title_en": "Spring", "category": "plans", "goal": "help",
        "value": "100", "cost": "10", "window_days": "7", "path": "/community/", "placements": ["list"],
        "starts_at": "۱۴۰۵/۱۲/۲۰ ۰۸:۰۰", "ends_at": "1405/12/29 20:00", "holdout_percent": "10", "boost": "1.00", "position": "100",
        "budget": "50", "joined": "and", "fact_0": "language", "op_0": "eq", "value_0": "fa",
    }  # fmt: skip
    return {**fixed, **values}


def test_numbers_of_conditions_have_the_digits_of_the_reader(programme):
    tree = {"fact": "points", "op": "gte", "value": 1600}
    with translation.override("fa"):
        [line] = conditions_in_words(tree, audience.vocabulary(programme))
    assert line.endswith("۱٬۶۰۰")


def willing(programme, count, **values):
    """Members who want personal offers."""
    for person in [UserFactory(**values) for _number in range(count)]:
        key = wallet_for(user=person, programme=programme).member_key
        MemberConsent.objects.create(member_key=key, purpose="profiling", number=1, is_given=True, source="test")
    return person


def test_an_offer_is_drafted_looked_at_published_and_stopped(client, programme):
    signed_in(client, "change_offer", "publish_offer")
    names = client.get(reverse(ADD)).text
    assert 'name="title_fa"' in names
    made = client.post(reverse(ADD), form(programme, save="1"))
    offer = Offer.objects.get()
    page = reverse("offers_admin:edit", args=[offer.pk])
    assert made.headers["Location"] == page
    assert (offer.state, offer.audience, offer.placements) == ("draft", FOR_PERSIAN_READERS, ["list"])
    again = {name: value for name, value in form(programme).items() if name not in {"programme", "code"}}
    looked = client.post(page, {**again, "budget": "60", "publish": "1"})
    confirm = reverse("offers_admin:publish", args=[offer.pk])
    assert looked.headers["Location"] == confirm
    shown = client.get(confirm).text
    assert "زبان برابر است با فارسی" in shown
    assert "۶۰۰" in shown  # it costs at most: 60 of 10 points
    offer.refresh_from_db()
    assert offer.state == "draft"
    client.post(confirm)
    offer.refresh_from_db()
    assert (offer.state, offer.budget) == ("published", 60)
    assert client.post(page, {**again, "save": "1"}).status_code == 422
    assert client.get(page).status_code == client.get(reverse("offers_admin:index")).status_code == 200
    client.post(page, {"stop": "1"})
    offer.refresh_from_db()
    assert offer.state == "stopped"
    assert offer.stopped_at is not None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ends_at": "1405/12/01 10:00"}, "ends_at"),
        ({"fact_0": ""}, "holdout_percent"),
        ({"value_0": "xx"}, "value_0"),
        ({"path": "//elsewhere.example"}, "path"),
        ({"placements": []}, "placements"),
        ({"goal": "redeem"}, "reward"),
    ],
)
def test_what_leads_nowhere_is_refused_with_words(client, programme, values, message):
    signed_in(client, "change_offer")
    response = client.post(reverse(ADD), form(programme, save="1", **values))
    assert response.status_code == 422
    assert message in response.text
    assert not Offer.objects.exists()


def test_members_are_counted_and_small_groups_are_not_told(client, programme):
    willing(programme, 3, language="fa")
    last = willing(programme, 20, language="en")
    OfferFactory(
        programme=programme,
        audience=FOR_PERSIAN_READERS,
        state="draft",
        ends_at=timezone.now() + dt.timedelta(days=900),
    )
    signed_in(client, "change_offer")
    few = client.post(reverse(ADD), form(programme, count="1", code="", path=""))
    assert few.status_code == 200
    assert "کمتر از ۲۰" in few.text
    many = client.post(reverse(ADD), form(programme, count="1", value_0="en"), headers={"X-Requested-With": "fetch"})
    assert "<html" not in many.text
    assert "حدود ۲۰ عضو" in many.text
    assert "۲۳" not in many.text  # the three others could be worked out
    assert last.handle not in many.text
    both = client.post(reverse(ADD), form(programme, count="1", op_0="in", value_0="fa, en"))
    assert "کمتر از ۲۰" in both.text  # of the other offer
    assert client.post(reverse(ADD), form(programme, count="1", value_0="xx")).status_code == 422
    assert not Offer.objects.filter(code="spring").exists()


def test_people_are_named_only_to_those_who_may_look_at_members(client, programme):
    last = willing(programme, 20, language="en")
    offer = OfferFactory(programme=programme, audience={"fact": "language", "op": "eq", "value": "en"}, state="draft")
    page = reverse("offers_admin:edit", args=[offer.pk])
    counted = form(programme, count="1", value_0="en")
    signed_in(client, "change_offer")
    assert "@" not in client.post(reverse(ADD), counted, headers={"X-Requested-With": "fetch"}).text
    assert "زبان شما" not in client.get(page, {"member": last.handle}).text
    signed_in(client, "change_offer", "view_member")
    assert "@" in client.post(reverse(ADD), counted, headers={"X-Requested-With": "fetch"}).text
    OfferFactory(programme=programme, audience=offer.audience, title={"fa": "هدیهٔ بهاری"})
    shown = client.get(page, {"member": last.handle}).text
    assert "زبان شما" in shown  # the sentence that the member reads
    assert "هدیهٔ بهاری" in shown
    assert client.get(page, {"member": "nobody-here"}).status_code == 200

    # Whether somebody who did not agree fulfils conditions is told to nobody, whatever the conditions are.
    MemberConsent.objects.create(
        member_key=Member.objects.get(user=last).key, purpose="profiling", number=2, is_given=False, source="test"
    )
    other = OfferFactory(programme=programme, audience={"fact": "language", "op": "eq", "value": "fa"}, state="draft")
    pages = [client.get(reverse("offers_admin:edit", args=[one.pk]), {"member": last.handle}) for one in (offer, other)]
    assert all("نگاه نمی‌شود" in one.text for one in pages)


def test_counting_costs_the_same_with_more_offers_and_members(client, programme, django_assert_max_num_queries):
    willing(programme, 2, language="fa")
    signed_in(client, "change_offer")

    def count():
        with django_assert_max_num_queries(100) as found:
            client.post(reverse(ADD), form(programme, count="1", starts_at="1405/01/01 08:00"))
        return len(found)

    count()
    before = count()
    willing(programme, 5, language="fa")
    for _number in range(5):
        OfferFactory(programme=programme, audience=FOR_PERSIAN_READERS)
    assert count() == before


def test_every_act_needs_its_right(client, programme):
    offer = OfferFactory(programme=programme, state="draft", path="/community/")
    nobody, drafter, publisher = UserFactory(), signed_in(client, "change_offer"), signed_in(client, "publish_offer")
    for person in (nobody, publisher):
        with pytest.raises(NotPermittedError):
            publishing.save_offer(offer, by=person)
    for act in (publishing.publish_offer, publishing.stop_offer):
        with pytest.raises(NotPermittedError):
            act(offer, by=drafter)
    publishing.publish_offer(offer, by=publisher)
    with pytest.raises(NotADraftError):
        publishing.save_offer(offer, by=drafter, value=5)
    with pytest.raises(NotADraftError):
        publishing.publish_offer(offer, by=publisher)
    assert publishing.stop_offer(offer, by=publisher)
    assert not publishing.stop_offer(offer, by=publisher)

    draft = OfferFactory(programme=programme, state="draft")
    assert client.post(reverse(ADD), form(programme, save="1")).status_code in {302, 403}
    signed_in(client, "change_offer")
    running = OfferFactory(programme=programme)
    client.post(reverse("offers_admin:publish", args=[draft.pk]))
    client.post(reverse("offers_admin:edit", args=[running.pk]), {"stop": "1"})
    assert set(Offer.objects.filter(pk__in=[draft.pk, running.pk]).values_list("state", flat=True)) == {
        "draft",
        "published",
    }
    signed_in(client, "view_member")
    for name in ("index", "add"):
        assert client.get(reverse(f"offers_admin:{name}")).status_code in {302, 403}
    assert client.get(reverse("offers_admin:report", args=[running.pk])).status_code in {302, 403}
    assert Offer.objects.filter(code="spring").count() == 0


# The report ----------------------------------------------------------------------------------------------------------


def finished(programme, shown=60, kept=60, reached=(40, 5), **values):
    """An offer that is over, with groups of which so many reached its goal."""
    now = timezone.now()
    offer = OfferFactory(
        programme=programme, audience=FOR_PERSIAN_READERS, goal="help", holdout_percent=50, cost=10,
        starts_at=now - dt.timedelta(days=40), ends_at=now - dt.timedelta(days=20), **values,
    )  # fmt: skip
    first = now - dt.timedelta(days=30)
    for arm, members, times in (("treatment", shown, reached[0]), ("control", kept, reached[1])):
        for number in range(members):
            key = uuid.uuid4()
            OfferAssignment.objects.create(offer=offer, member_key=key, arm=arm, first_at=first)
            if number < times:
                help_by(key, first + dt.timedelta(days=6))
            if number >= times and number % 2:  # too late, too early, or something else
                help_by(key, first + dt.timedelta(days=8))
                help_by(key, first - dt.timedelta(days=1))
                help_by(key, first + dt.timedelta(days=1), trigger="faq.feedback")
            if arm == "treatment" and number < 7:
                OfferAnswer.objects.create(
                    offer=offer, member_key=key, kind="accepted", at=first + dt.timedelta(days=1)
                )
    return offer


def help_by(key, at, trigger="community.solution"):
    LoyaltyEvent.objects.create(
        trigger=trigger, source_id=str(uuid.uuid4()), subject="x", member_key=key, occurred_at=at
    )


def test_a_report_counts_groups_by_intention_and_within_the_window(programme):
    offer = finished(programme)
    now = timezone.now()
    for arm in ("treatment", "control"):  # their time is not over
        OfferAssignment.objects.create(
            offer=offer, member_key=uuid.uuid4(), arm=arm, first_at=now - dt.timedelta(days=6)
        )
    OfferAssignment.objects.create(
        offer=offer, member_key=uuid.uuid4(), arm="holdout", first_at=now - dt.timedelta(days=30)
    )
    report = reporting.reports_of([offer])[offer.pk]
    result = report.result
    assert (report.members, report.matured) == (122, 120)
    assert (result.offer[:2], result.control[:2]) == ((60, 40), (60, 5))
    assert result.offer.before.total == 10
    assert (result.attributed, result.points) == (7, 70)
    assert result.verdict is Verdict.BETTER


def test_the_report_page_says_what_is_known_and_hides_what_is_not(client, programme):
    better, hidden = finished(programme), finished(programme, kept=15, reached=(40, 5))
    small, same = finished(programme, 9, 9, (3, 3)), finished(programme, 40, 40, (5, 5))
    accept = finished(programme, 20, 20, (3, 3))
    Offer.objects.filter(pk=accept.pk).update(goal="accept")
    signed_in(client, "view_offer")
    pages = {
        offer: client.get(reverse("offers_admin:report", args=[offer.pk])).text
        for offer in (better, hidden, small, same, accept)
    }
    assert "۴۰" in pages[better]
    assert "<svg" in pages[better]
    assert "۶۶٫۷" in pages[better]
    assert "help-critical" not in pages[same]
    assert "قطعی" in pages[same]
    for offer in (hidden, small, accept):
        assert 'viewBox="0 0 600 90"' not in pages[offer]
    for offer in (hidden, small):
        file = client.get(reverse("offers_admin:report", args=[offer.pk]), {"export": "csv"})
        assert "60" not in file.getvalue().decode()
    rows = client.get(reverse("offers_admin:report", args=[better.pk]), {"export": "csv"}).getvalue().decode()
    assert "60,60" in rows
    assert client.get(reverse("offers_admin:index"), {"results": "1"}).status_code == 200


def test_of_a_small_control_group_nothing_is_told(client, programme):
    offer = finished(programme, 60, 6, (40, 1))
    Offer.objects.filter(pk=offer.pk).update(holdout_percent=10)
    signed_in(client, "view_offer")
    address = reverse("offers_admin:report", args=[offer.pk])
    page = client.get(address).text
    assert "یکی از دو گروه کمتر از ۲۰" in page
    assert "۱۶٫۷" not in page  # one of six
    assert "60,6" not in client.get(address, {"export": "csv"}).getvalue().decode()


def test_the_list_costs_the_same_with_more_offers(client, programme, django_assert_max_num_queries):
    signed_in(client, "view_offer")
    finished(programme, 3, 3, (1, 1))

    def cost():
        with django_assert_max_num_queries(60) as found:
            client.get(reverse("offers_admin:index"), {"results": "1"})
        return len(found)

    cost()
    before = cost()
    for _number in range(3):
        finished(programme, 3, 3, (1, 1))
    assert cost() == before


def test_offers_are_in_the_menu_of_those_who_may_see_them(client):
    signed_in(client, "change_offer")

    assert reverse("offers_admin:index") in client.get(reverse("wagtailadmin_home")).text


def test_values_are_chosen_from_lists_and_rows_grow(client, programme):
    signed_in(client, "change_offer")
    page = client.get(reverse(ADD)).context["form"]
    assert ("activity|loyal", "اعضای وفادار") in dict(page["choice_0"].field.choices)["چقدر فعال‌اند"]
    assert len(list(page.rows)) == 3
    assert len(page.explained) > 5

    many = form(programme, add_row="1", fact_2="segment", choice_2=["segment|silent"])
    grown = client.post(reverse(ADD), many)
    assert (grown.status_code, len(list(grown.context["form"].rows))) == (200, 4)
    assert not Offer.objects.exists()
    endless = client.post(reverse(ADD), {**many, "fact_99": "segment"})
    assert len(list(endless.context["form"].rows)) == 20
    assert not endless.context["form"].can_grow

    rows = {
        "fact_0": "activity", "value_0": "", "choice_0": ["activity|at-risk", "activity|lost", "segment|silent"],
        "fact_1": "segment", "op_1": "eq", "choice_1": ["segment|regular"],
        "fact_2": "points", "op_2": "gte", "value_2": "۵۰۰",
    }  # fmt: skip
    client.post(reverse(ADD), form(programme, save="1", **rows))
    offer = Offer.objects.get()
    assert offer.audience == {
        "and": [
            # What belongs to another fact is left out.
            {"fact": "activity", "op": "in", "value": ["at-risk", "lost"]},
            {"fact": "segment", "op": "eq", "value": "regular"},
            {"fact": "points", "op": "gte", "value": 500},
        ]
    }
    shown = client.get(reverse("offers_admin:edit", args=[offer.pk])).context["form"]
    assert shown.initial["choice_0"] == ["activity|at-risk", "activity|lost"]
    assert (shown.initial["value_2"], len(list(shown.rows))) == ("500", 4)


def test_of_many_members_some_are_looked_at_and_the_rest_is_estimated(programme, monkeypatch):
    willing(programme, 60, language="fa")
    monkeypatch.setattr(audience, "_PORTION", 20)
    monkeypatch.setattr(reach, "SECONDS", 0)

    found = reach.reach_of(FOR_PERSIAN_READERS, programme, sample=3)

    assert (found.looked_at, found.size.exactly, found.of.exactly) == (20, 60, 60)
    assert len(found.sample) == 3
    monkeypatch.setattr(reach, "SECONDS", 60)
    assert reach.reach_of(FOR_PERSIAN_READERS, programme).looked_at is None
