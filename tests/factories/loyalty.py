"""Factories of programmes, wallets and rules. Points come from the services alone: nobody inserts them by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import factory
from django.utils import timezone

from loyalty.models import (
    Badge,
    Challenge,
    Earning,
    Member,
    Offer,
    Programme,
    Referral,
    Reward,
    RuleVersion,
    TierSet,
    Wallet,
)
from loyalty.models.rewards import RewardKind
from loyalty.services import badges, challenges, earning, referrals, tiers
from portal.core.localized import LocalizedText
from tests.factories.accounts import UserFactory


class ProgrammeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Programme

    code = factory.Sequence(lambda number: f"باشگاه-{number}")


class WalletFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Wallet

    programme = factory.SubFactory(ProgrammeFactory)
    member_key = factory.LazyFunction(uuid.uuid4)


class EarningFactory(factory.django.DjangoModelFactory):
    """A programme for which events are recorded."""

    class Meta:
        model = Earning

    programme = factory.SubFactory(ProgrammeFactory)
    name = factory.LazyFunction(lambda: LocalizedText(fa="باشگاه نورا", en="Noora Club"))
    is_open = True


class RewardFactory(factory.django.DjangoModelFactory):
    """Something that is done for members, for 100 points, shown to them."""

    class Meta:
        model = Reward

    programme = factory.SubFactory(ProgrammeFactory)
    kind = RewardKind.BENEFIT
    name = factory.LazyFunction(lambda: LocalizedText(fa="۲ گیگابایت اینترنت", en="2 GB of data"))
    price = 100
    is_published = True


class OfferFactory(factory.django.DjangoModelFactory):
    """A published offer to everybody, on every page, in no experiment, unless the values say otherwise."""

    class Meta:
        model = Offer

    programme = factory.SubFactory(ProgrammeFactory)
    code = factory.Sequence(lambda number: f"offer-{number}")
    title = factory.LazyFunction(lambda: LocalizedText(fa="یک گیگ هدیه", en="One GB for free"))
    text = factory.LazyFunction(lambda: LocalizedText(fa="برای آخر هفته", en="For the weekend"))
    category = "plans"
    goal = "accept"
    value = 100
    path = "/community/"
    placements = factory.LazyFunction(lambda: ["list", "home", "points"])
    starts_at = factory.LazyFunction(lambda: timezone.now() - dt.timedelta(days=1))
    ends_at = factory.LazyFunction(lambda: timezone.now() + dt.timedelta(days=10))
    state = "published"
    holdout_percent = 0


def rule_in_force(programme: Programme, code: str = "answer", **values: Any) -> RuleVersion:
    """Publish a rule: 100 points for an accepted answer, at once, unless the values say otherwise."""
    staff = UserFactory(superuser=True)
    name = LocalizedText(fa="پاسخ پذیرفته‌شده", en="Accepted answer")
    fixed = {"trigger": "community.solution", "points": 100, "pending_days": 0}
    draft = earning.create_rule(programme=programme, code=code, name=name, by=staff, **{**fixed, **values})
    return earning.publish(draft, by=UserFactory(superuser=True))


def tiers_in_force(programme: Programme, **values: Any) -> TierSet:
    """Publish tiers: silver from 100 points, gold from 300, diamond from 500, unless the values say otherwise."""
    staff = UserFactory(superuser=True)
    draft = tiers.set_up(programme=programme, by=staff)
    assert draft is not None
    rows = [
        {"code": tier.code, "name": tier.name, "threshold": threshold, "benefits": tier.benefits, "colour": tier.colour}
        for tier, threshold in zip(draft.rows.order_by("threshold"), (0, 100, 300, 500), strict=True)
    ]
    return tiers.publish(tiers.save_draft(tiers=draft.tiers, rows=rows, by=staff, **values), by=staff)


def badge_in_force(programme: Programme, code: str = "helper", **values: Any) -> Badge:
    """Publish a badge for two accepted answers, unless the values say otherwise."""
    staff = UserFactory(superuser=True)
    fixed = {
        "name": LocalizedText(fa="یار", en="Helper"),
        "text": LocalizedText(fa="یک پاسخ شما پذیرفته شد", en="An answer was accepted"),
        "trigger": "community.solution",
        "target": 2,
    }
    draft = badges.save_badge(Badge(programme=programme, code=code), by=staff, **{**fixed, **values})
    return badges.publish(draft, by=staff)


def challenge_in_force(programme: Programme, code: str = "three", **values: Any) -> Challenge:
    """Publish a challenge for two accepted answers in a month, every month, unless the values say otherwise."""
    staff = UserFactory(superuser=True)
    fixed = {
        "name": LocalizedText(fa="دو گره‌گشایی", en="Two solutions"),
        "text": LocalizedText(fa="دو پاسخ پذیرفته‌شده در یک ماه", en="Two accepted answers in a month"),
        "trigger": "community.solution",
        "target": 2,
    }
    draft = challenges.save_challenge(Challenge(programme=programme, code=code), by=staff, **{**fixed, **values})
    return challenges.publish(draft, by=UserFactory(superuser=True))


def points_for_challenges(programme: Programme, **values: Any) -> RuleVersion:
    """Publish the rule that gives the points of challenges, at once unless the values say otherwise."""
    fixed = {"trigger": challenges.CHALLENGE, "points": 1, "per_fact": "points", "per_units": 1}
    return rule_in_force(programme, "challenges", **{**fixed, **values})


def referral_in(programme: Programme, *, days_ago: int = 0, **values: Any) -> Referral:
    """Open a programme with points for both sides of a referral; return one of two new people."""
    rule_in_force(programme)
    for trigger in (referrals.ADVOCATE, referrals.FRIEND):
        rule_in_force(programme, trigger.partition(".")[2], trigger=trigger, **values)
    advocate, friend = (Member.objects.create(user=UserFactory()) for _side in range(2))
    joined = timezone.now() - dt.timedelta(days=days_ago)
    return Referral.objects.create(advocate=advocate, friend=friend, joined_at=joined)
