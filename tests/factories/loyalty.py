"""Factories of programmes, wallets and rules. Points come from the services alone: nobody inserts them by hand."""

from __future__ import annotations

import uuid
from typing import Any

import factory

from loyalty.models import Earning, Programme, RuleVersion, Wallet
from loyalty.services import earning
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


def rule_in_force(programme: Programme, code: str = "answer", **values: Any) -> RuleVersion:
    """Publish a rule: 100 points for an accepted answer, at once, unless the values say otherwise."""
    staff = UserFactory(superuser=True)
    name = LocalizedText(fa="پاسخ پذیرفته‌شده", en="Accepted answer")
    fixed = {"trigger": "community.solution", "points": 100, "pending_days": 0}
    draft = earning.create_rule(programme=programme, code=code, name=name, by=staff, **{**fixed, **values})
    return earning.publish(draft, by=staff)
