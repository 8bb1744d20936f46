"""Factories of programmes and wallets. Points come from the services alone: nobody inserts them by hand."""

from __future__ import annotations

import uuid

import factory

from loyalty.models import Programme, Wallet


class ProgrammeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Programme

    code = factory.Sequence(lambda number: f"باشگاه-{number}")


class WalletFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Wallet

    programme = factory.SubFactory(ProgrammeFactory)
    member_key = factory.LazyFunction(uuid.uuid4)
