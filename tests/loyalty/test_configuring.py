"""The configuration of a programme as a file: the same again elsewhere, shown before it is taken over, and only ever drafts."""

from __future__ import annotations

import datetime as dt
import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from loyalty.exceptions import NotPermittedError
from loyalty.models import Badge, Campaign, EarningRule, Offer, Reward, RuleVersion, TierSet
from loyalty.models.earning import VersionState
from loyalty.services import configuring, earning
from loyalty.services.configuring import Action
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import (
    EarningFactory,
    OfferFactory,
    RewardFactory,
    badge_in_force,
    rule_in_force,
    tiers_in_force,
)
from tests.loyalty.books import everything
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.configuring.documents",
        "loyalty.services.configuring.taking_over",
        "loyalty.management.commands.points_config",
    ),
]


@pytest.fixture
def staff():
    return UserFactory(superuser=True)


@pytest.fixture
def programme(staff):
    """A programme with one of everything."""
    programme = EarningFactory().programme
    conditions = {"and": [{"fact": "votes", "op": "gte", "value": 2}]}
    rule_in_force(programme, conditions=conditions, cap_day=300, stack_group="help")
    now = timezone.now().replace(microsecond=0)
    campaign = Campaign(programme=programme, code="autumn")
    earning.save_campaign(
        campaign, by=staff, name={"fa": "پاییز"}, percent=150, starts_at=now, ends_at=now + dt.timedelta(days=3),
        weekdays=[4], hour_from=8, hour_to=20, rules=["answer"], budget="autumn",
    )  # fmt: skip
    tiers_in_force(programme)
    badge_in_force(programme)
    reward = RewardFactory(programme=programme, stock=7, limit=1, available_until=dt.date(2027, 3, 20))
    OfferFactory(
        programme=programme, code="gift", state=Offer.State.DRAFT, reward=reward, path="", budget=50,
        audience={"fact": "points", "op": "gte", "value": 100},
    )  # fmt: skip
    return programme


def text_of(programme):
    return configuring.as_text(configuring.document_of(programme))


def take_over(text, programme, by):
    parts = configuring.read(text)
    return configuring.take_over(parts, programme, seen=configuring.compare(parts, programme).digest, by=by)


def changed(text, change):
    document = json.loads(text)
    change(document)
    return json.dumps(document)


def test_a_round_trip_makes_the_same_programme_of_drafts(programme, staff):
    text = text_of(programme)
    other = EarningFactory().programme
    done = take_over(text, other, staff)
    assert {change.part.name for change in done} == {"rules", "campaigns", "tiers", "badges", "rewards", "offers"}
    assert {change.action for change in done} == {Action.NEW}

    def parts(of):
        return configuring.document_of(of) | {"programme": ""}

    assert parts(other) == parts(programme)
    assert configuring.compare(configuring.read(text), other).changes == []
    drafts = [
        *RuleVersion.objects.filter(rule__programme=other), *Campaign.objects.filter(programme=other),
        *TierSet.objects.filter(tiers__source=other), *Badge.objects.filter(programme=other),
    ]  # fmt: skip
    assert {row.state for row in drafts} == {VersionState.DRAFT}
    reward = Reward.objects.get(programme=other)
    assert (reward.is_published, reward.stock, reward.limit) == (False, None, 1)
    assert Offer.objects.get(programme=other).reward == reward
    assert not re.search("stock|sold|picture|salt|published", text)
    assert take_over(text, other, staff) == []


def test_what_members_have_is_never_changed_by_a_file(programme, staff):
    def change(document):
        document["rules"]["answer"] |= {"points": 5, "name": {"fa": "دیگر"}}
        document["tiers"]["tiers"]["grace_days"] = 3
        document["badges"]["helper"]["target"] = 9
        document["rewards"]["۲ گیگابایت اینترنت"]["price"] = 1
        document["offers"]["gift"]["budget"] = 60

    text = changed(text_of(programme), change)
    plan = configuring.compare(configuring.read(text), programme)
    assert {change.part.name: change.action for change in plan.changes} == {
        "rules": Action.DRAFT, "tiers": Action.DRAFT, "badges": Action.STAYS, "rewards": Action.STAYS,
        "offers": Action.DRAFT,
    }  # fmt: skip
    assert [(field.before, field.after) for field in plan.changes[0].fields] == [("100", "5")]
    take_over(text, programme, staff)
    in_force = RuleVersion.objects.get(rule__programme=programme, state=VersionState.PUBLISHED)
    draft = RuleVersion.objects.get(rule__programme=programme, state=VersionState.DRAFT)
    assert (in_force.points, draft.points) == (100, 5)
    assert str(EarningRule.objects.get().name) == "پاسخ پذیرفته‌شده"
    assert TierSet.objects.get(state=VersionState.PUBLISHED).grace_days == 30
    assert (Badge.objects.get().target, Reward.objects.get().price, Offer.objects.get().budget) == (2, 100, 60)


def test_all_or_nothing_and_only_what_was_seen(programme, staff):
    text = changed(text_of(programme), lambda one: one["rules"]["answer"].update(points=7))
    parts = configuring.read(text)
    seen = configuring.compare(parts, programme).digest
    earning.save_draft(rule=EarningRule.objects.get(), by=staff, points=8)
    with pytest.raises(configuring.ConflictError):
        configuring.take_over(parts, programme, seen=seen, by=staff)

    def wrong(document):
        document["rules"]["answer"]["points"] = 9
        document["offers"]["gift"]["reward"] = "آنچه نیست"

    before = everything()
    with pytest.raises(configuring.ImpossibleError, match="آنچه نیست"):
        take_over(changed(text, wrong), programme, staff)
    for by in (UserFactory(), UserFactory(editor=True)):
        with pytest.raises(NotPermittedError):
            take_over(text, programme, by)
    assert everything() == before


@pytest.mark.parametrize(
    ("part", "key", "values"),
    [
        ("campaigns", "autumn", {"starts_at": 0}),
        ("campaigns", "autumn", {"ends_at": "9999-12-31T23:59:59-14:00"}),
        ("campaigns", "autumn", {"budget": None}),
        ("campaigns", "autumn", {"weekdays": [{"a": {"b": []}}]}),
        ("rules", "answer", {"per_fact": None}),
        ("offers", "gift", {"path": None}),
        ("badges", "helper", {"starts_on": 10**18}),
    ],
)
def test_values_no_column_has_are_refused_when_the_file_is_read(programme, part, key, values):
    def change(document):
        row = document[part].get(key) or next(iter(document[part].values()))
        row.update(values)

    with pytest.raises(configuring.DocumentError):
        configuring.read(changed(text_of(programme), change))


def test_rewards_of_one_name_are_all_in_the_file_and_not_confused(programme, staff):
    first = Reward.objects.get(programme=programme)
    RewardFactory(programme=programme, name=first.name)

    names = list(configuring.document_of(programme)["rewards"])
    assert len(names) == 2
    assert names[1] == f"{names[0]} (2)"
    with pytest.raises(configuring.ImpossibleError, match="«"):
        take_over(
            changed(text_of(programme), lambda document: document["offers"]["gift"].update(cap_day=1)), programme, staff
        )


def test_the_file_shows_no_part_to_whoever_may_not_open_it(client, programme):
    signed_in(client, "change_earningrule", "publish_earningrule")

    answer = client.get(reverse("points_configuration:index"), {"export": programme.pk})

    assert answer.status_code in {302, 403}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"format": "portal-points", "version": 2}', "\x00", '{"format": "portal-points", "version": 1, "x": {}}',
        *(
            '{"format": "portal-points", "version": 1, ' + part + "}"
            for part in (
                '"rules": []', '"rules": {"a b": {}}', '"rules": {"a": []}', '"rules": {"a": {"state": "published"}}',
                '"rules": {"a": {"points": true}}', '"rules": {"a": {"points": "x"}}', '"rules": {"a": {"points": 1e999}}',
                '"rules": {"a": {"name": {"xx": "b"}}}', '"rules": {"a": {"name": {"fa": 1}}}', '"rules": {"a": {"conditions": []}}',
                '"rules": {"a": {"name": {"fa": "\\u0000"}}}', '"rules": {"a": {"name": {"fa": "\\ud800"}}}',
                '"rules": {"a": {}, "a": {}}', '"tiers": {"tiers": {"tiers": [{"code": "a"}]}}', '"rewards": {"a": {"sold": 1}}',
                '"campaigns": {"a": {"starts_at": "2026-11-29T10:00:00"}}', '"offers": {"a": {"reward": 5}}',
                '"offers": {"a": {"boost": "NaN"}}', '"offers": {"a": {"audience": ' + '{"not": ' * 40 + "{}" + "}" * 40 + "}}",
            )
        ),
    ],
)  # fmt: skip
def test_files_that_are_not_ours_are_refused(text):
    with pytest.raises(configuring.DocumentError):
        configuring.read(text)


@pytest.mark.parametrize(
    "part",
    [
        {"rules": {"new": {}}}, {"rules": {"new": {"trigger": "nothing.like-this", "points": 1, "name": {"fa": "x"}}}},
        {"tiers": {"tiers": {}}}, {"tiers": {"other": {"tiers": []}}}, {"badges": {"new": {}}}, {"rewards": {"new": {}}},
        {"offers": {"new": {}}}, {"campaigns": {"new": {}}},
        {"rules": {"new": {"trigger": "community.solution", "points": 99999999999, "name": {"fa": "x"}}}},
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_named_and_nothing_is_kept(part, staff):
    programme = EarningFactory().programme
    before = everything()
    with pytest.raises(configuring.ImpossibleError, match=r"new|tiers|other"):
        take_over(json.dumps({"format": "portal-points", "version": 1, **part}), programme, staff)
    assert everything() == before


def test_staff_see_what_a_file_changes_before_it_does(client, programme, settings):
    settings.STAFF_SECOND_FACTOR = False
    rights = ("earningrule", "tierset", "badge", "offer", "reward")
    signed_in(client, "publish_earningrule", *(f"change_{name}" for name in rights))
    page = reverse("points_configuration:index")
    text = client.get(page, {"export": programme.pk}).text
    assert text == text_of(programme)
    other = EarningFactory().programme

    upload = SimpleUploadedFile("points.json", text.encode())
    shown = client.post(page, {"programme": other.pk, "file": upload}).text
    assert "پیش‌نویس تازه" in shown
    assert not EarningRule.objects.filter(programme=other).exists()
    seen = re.search(r'name="seen" value="([^"]+)"', shown)[1]
    client.post(page, {"programme": other.pk, "seen": seen, "text": text})
    assert EarningRule.objects.filter(programme=other).exists()

    refused = client.post(page, {"programme": other.pk, "file": SimpleUploadedFile("x.json", b"[]")})
    assert refused.status_code == 422
    again = client.post(page, {"programme": other.pk, "seen": seen, "text": text})
    assert "تفاوتی نیست" in again.text


def test_the_command_writes_compares_and_takes_over(programme, staff, tmp_path):
    out = io.StringIO()
    call_command("points_config", "export", code=programme.code, stdout=out)
    assert out.getvalue() == text_of(programme)
    other = EarningFactory().programme
    file = tmp_path / "points.json"
    file.write_text(out.getvalue(), encoding="utf-8")
    call_command("points_config", "compare", str(file), code=other.code, stdout=out)
    assert "new: rules answer" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("points_config", "take-over", str(file), code=other.code, stdout=out)
    call_command("points_config", "take-over", str(file), code=other.code, by=staff.email, stdout=out)
    assert EarningRule.objects.filter(programme=other).exists()
