"""The admin's screens of points, the trial of a draft, decisions in words, and the rules a programme begins with."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone, translation

from loyalty.models import (
    Earning,
    EarningRule,
    Member,
    RuleVersion,
)
from loyalty.services import earning
from loyalty.services.earning import words
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.books import everything
from tests.loyalty.test_earning import happened

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.earning.simulation",
        "loyalty.services.earning.defaults",
        "loyalty.management.commands.set_up_points",
    ),
]

LIST, ADD, EDIT = "points_rules:index", "points_rules:add", "points_rules:edit"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def staff(client):
    person = UserFactory(superuser=True, language="fa")
    client.force_login(person)
    return person


def record(person, number, **how):
    return earning.record(happened(person, number, **{"occurred_at": timezone.now(), **how}))[0]


def form(programme, **values):
    fixed = {
        "programme": programme.pk, "code": "helpful", "name_fa": "رأی مفید", "name_en": "Helpful vote",
        "trigger": "community.vote", "joined": "and", "points": 10, "per_units": 1, "rounding": "floor", "priority": 0,
        "stacking": "sum", "cap_mode": "clip", "pending_days": 3,
        "fact_0": "community.vote|votes", "op_0": "gte", "value_0": "۳",
        "fact_1": "community.vote|is_reply", "op_1": "eq", "value_1": "بله",
        "fact_2": "community.vote|kind", "op_2": "in", "value_2": "questions، ideas", "save": "1",
    }  # fmt: skip
    return {**fixed, **values}


# Rules ---------------------------------------------------------------------------------------------------------------


def test_a_rule_is_written_in_a_form_and_published(client, staff, programme):
    response = client.post(reverse(ADD), form(programme))

    draft = RuleVersion.objects.get()
    assert response.headers["Location"] == reverse(EDIT, args=[draft.rule_id])
    assert draft.conditions == {
        "and": [
            {"fact": "votes", "op": "gte", "value": 3},
            {"fact": "is_reply", "op": "eq", "value": True},
            {"fact": "kind", "op": "in", "value": ["questions", "ideas"]},
        ]
    }
    assert "رأی مفید" in client.get(reverse(LIST)).text
    page = client.get(reverse(EDIT, args=[draft.rule_id])).text
    assert 'value="3"' in page
    for value in ("kind|questions", "kind|ideas", "is_reply|yes"):
        assert f'<option value="community.vote|{value}" selected>' in page

    again = {name: value for name, value in form(programme).items() if name not in {"programme", "code", "save"}}
    client.post(reverse(EDIT, args=[draft.rule_id]), {**again, "points": "12", "publish": "1"})
    assert RuleVersion.objects.get().state == "published"
    client.post(reverse(EDIT, args=[draft.rule_id]), {**again, "points": "15", "joined": "or", "save": "1"})
    assert list(RuleVersion.objects.values_list("number", "state", "points")) == [
        (2, "draft", 15),
        (1, "published", 12),
    ]
    client.post(reverse(EDIT, args=[draft.rule_id]), {"end": "1"})
    assert not RuleVersion.objects.filter(state="published").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"value_0": "سه"}, "عددی درست"),
        ({"value_1": "شاید"}, "«بله» یا «خیر»"),
        ({"value_2": "میز"}, "می‌توان نوشت"),
        ({"fact_0": "community.solution|votes"}, "رویداد دیگری"),
        ({"per_fact": "community.solution|votes"}, "رویداد دیگری"),
        ({"op_1": "gte"}, "این‌گونه سنجید"),
        ({"points": "0"}, "points"),
        ({"points": "99999999999"}, "points"),
        ({"code": "نامه"}, "code"),
        ({"name_fa": "", "name_en": ""}, "name"),
        ({"name_fa": "ا" * 101}, "name"),
        ({"op_0": "between", "value_0": "5,1"}, "عدد کوچک‌تر"),
        ({"cap_day": "0"}, "با ۰ هیچ‌کس"),
        ({"times_ever": "0"}, "با ۰ هیچ‌کس"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_words_and_nothing_is_saved(client, staff, programme, values, message):
    response = client.post(reverse(ADD), form(programme, **values))

    assert response.status_code == 422
    assert "چیزی ذخیره نشد" in response.text
    assert message in response.text
    assert not EarningRule.objects.exists()


def test_nothing_is_saved_without_saying_so(client, staff, programme):
    tried = client.post(reverse(ADD), form(programme, **{"try": "1", "days": "7"}))
    assert "پیش‌نویس ذخیره شد" in tried.text

    drafter = UserFactory(is_staff=True)
    for right in ("access_admin", "change_earningrule"):
        drafter.user_permissions.add(Permission.objects.get(codename=right))
    client.force_login(drafter)
    refused = client.post(reverse(ADD), form(programme, code="another", publish="1"))
    assert refused.status_code in {302, 403}
    assert not EarningRule.objects.filter(code="another").exists()


def test_conditions_that_do_not_fit_into_the_rows_stay(client, staff, programme):
    tree = {"not": {"fact": "votes", "op": "gte", "value": 9}}
    version = rule_in_force(programme, conditions=tree)
    page = reverse(EDIT, args=[version.rule_id])
    assert "جا نمی‌شوند" in client.get(page).text

    client.post(
        page,
        form(
            programme,
            trigger="community.solution",
            **{f"{part}_{row}": "" for part in ("fact", "value") for row in range(3)},
        ),
    )

    assert RuleVersion.objects.get(state="draft").conditions == tree


def test_only_those_who_may_open_the_screens(client, programme):
    version = rule_in_force(programme)
    decision = record(UserFactory(), 1)
    client.force_login(UserFactory(editor=True))
    for page in (
        reverse(LIST), reverse(ADD), reverse(EDIT, args=[version.rule_id]), reverse("points_decisions:index"),
        reverse("points_decisions:inspect", args=[decision.pk]),
    ):  # fmt: skip
        assert client.get(page).status_code in {302, 403}
        assert client.post(page, form(programme)).status_code in {302, 403, 405}
    assert RuleVersion.objects.count() == 1


# The trial -----------------------------------------------------------------------------------------------------------


def test_a_trial_says_what_a_draft_would_have_given_and_changes_nothing(programme):
    version = rule_in_force(programme, cap_day=150)
    one, other = UserFactory(), UserFactory()
    for number in range(4):
        record(one if number < 3 else other, number, facts={"by_consensus": False, "votes": number})
    record(one, 8, refused="own-thread")
    record(UserFactory(), 9)
    earning.settle(earning.events_of("community.post:9"), stands=lambda _event: False, because="removed")
    record(one, 10, occurred_at=timezone.now() - dt.timedelta(days=40))
    by = UserFactory(superuser=True)
    draft = earning.save_draft(
        rule=version.rule, by=by, points=200, cap_day=None, conditions={"fact": "votes", "op": "gte", "value": 2}
    )
    before = everything()

    trial = earning.simulate(draft, days=30)

    assert everything() == before
    assert (trial.events, trial.is_complete) == (4, True)
    assert (trial.now.points, trial.now.awards, trial.now.limited) == (250, 3, 2)
    assert (trial.then.points, trial.then.awards, trial.then.limited) == (400, 2, 0)
    assert (trial.cost, trial.winners, trial.losers) == (150, 2, 0)
    assert {points for _key, _now, points in trial.top} == {200}


def test_a_trial_costs_the_same_number_of_queries_however_many_events(programme, django_assert_num_queries):
    draft = rule_in_force(programme)
    for count in (1, 3):
        record(UserFactory(), count)
        with django_assert_num_queries(4):
            earning.simulate(draft, days=30)


def test_the_trial_is_shown_before_publishing(client, staff, programme):
    rule_in_force(programme)
    record(UserFactory(), 1)
    version = RuleVersion.objects.get()
    empty = {f"{part}_{row}": "" for part in ("fact", "value") for row in range(3)}

    response = client.post(
        reverse(EDIT, args=[version.rule_id]),
        form(programme, trigger="community.solution", points=70, days="30", **{"try": "1"}, **empty),
    )

    assert response.status_code == 200
    assert "این پیش‌نویس چه می‌داد" in response.text
    assert str(Member.objects.get().key) in response.text
    assert RuleVersion.objects.filter(state="published").get().points == 100


def test_a_trial_names_members_only_to_those_who_may_see_decisions(client, programme):
    """Whoever writes rules learns how much the first ones would earn, not who they are."""
    rule_in_force(programme)
    record(UserFactory(), 1)
    version = RuleVersion.objects.get()
    empty = {f"{part}_{row}": "" for part in ("fact", "value") for row in range(3)}
    writer = UserFactory(staff=True, language="fa")
    writer.user_permissions.set(Permission.objects.filter(codename__in=["access_admin", "change_earningrule"]))
    client.force_login(writer)

    response = client.post(
        reverse(EDIT, args=[version.rule_id]),
        form(programme, trigger="community.solution", points=70, days="30", **{"try": "1"}, **empty),
    )

    assert "این پیش‌نویس چه می‌داد" in response.text
    assert response.context["trial"].top
    assert str(Member.objects.get().key) not in response.text


# Decisions in words --------------------------------------------------------------------------------------------------


def test_every_reason_has_words_in_both_languages(programme):
    for texts in (words.OF_EVENTS, words.OF_RULES):
        for text in texts.values():
            with translation.override("fa"):
                persian = str(text)
            with translation.override("en"):
                assert str(text) != persian


def test_a_decision_is_explained_in_both_languages(programme):
    rule_in_force(programme, cap_day=120)
    rule_in_force(programme, "popular", conditions={"fact": "votes", "op": "gte", "value": 5})
    person = UserFactory()
    record(person, 1)
    decision = record(person, 2)

    with translation.override("en"):
        english = earning.explain(decision)
    with translation.override("fa"):
        persian = earning.explain(decision)

    assert (english.what, english.result, english.reason) == ("Your answer is accepted", "20 points", "")
    assert english.rules == [
        "Accepted answer: 20 points instead of 100, because the limit of this rule for one day was reached.",
        "Accepted answer: no points, because a condition was not met: helpful votes of the post.",
    ]
    assert persian.result == "۲۰ امتیاز"
    assert "سقف روزانه" in persian.rules[0]


def test_the_list_is_filtered_and_goes_on(client, staff, programme, django_assert_max_num_queries):
    rule_in_force(programme)
    person, other = UserFactory(), UserFactory()
    decision = record(person, 1)
    record(other, 2, refused="own-thread")
    key, other_key = decision.event.member_key, Member.objects.get(user=other).key
    page = reverse("points_decisions:index")

    with django_assert_max_num_queries(40):
        both = client.get(page).text
    assert str(key) in both
    assert str(other_key) in both
    for query in (f"?key={key}", "?outcome=earned", "?trigger=community.solution&outcome=earned"):
        text = client.get(page + query).text
        assert str(key) in text
        assert str(other_key) not in text
    assert client.get(page + "?key=nonsense&before=٩").status_code == 200
    one = client.get(reverse("points_decisions:inspect", args=[decision.pk])).text
    assert "۱۰۰ امتیاز" in one
    assert str(key) in one
    assert client.post(page).status_code == 405


# The beginning -------------------------------------------------------------------------------------------------------


def test_a_programme_begins_with_drafts_that_give_nothing_until_they_are_published():
    by = UserFactory(superuser=True)
    call_command("set_up_points", by=by.email, verbosity=0)

    assert set(RuleVersion.objects.values_list("state", flat=True)) == {"draft"}
    assert not Earning.objects.get().is_open
    assert record(UserFactory(), 1).reason == "no-rule"

    call_command("set_up_points", by=by.email, open=True, verbosity=0)
    assert set(RuleVersion.objects.values_list("state", flat=True)) == {"draft"}  # known ones are not touched
    for draft in RuleVersion.objects.all():
        earning.publish(draft, by=by)
    assert record(UserFactory(), 2).points == 200


def test_only_who_may_publish_sets_up_a_programme_in_force():
    nobody = UserFactory(staff=True)
    for address in (nobody.email, "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("set_up_points", by=address, open=True, verbosity=0)
    assert not RuleVersion.objects.exists()
