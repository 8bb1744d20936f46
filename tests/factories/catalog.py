"""Factories of the catalogue. Default: a current device."""

from __future__ import annotations

import factory

from portal.catalog.models import Ownership, Product, ProductVersion, Topic
from portal.core.localized import LocalizedText
from tests.factories.accounts import UserFactory


class ProductFactory(factory.django.DjangoModelFactory[Product]):
    """Traits: ``service``."""

    class Meta:
        model = Product

    class Params:
        service = factory.Trait(kind=Product.Kind.SERVICE)

    code = factory.Sequence(lambda n: f"product-{n}")
    name = factory.LazyAttribute(lambda o: LocalizedText(fa=f"مودم {o.code}", en=f"Router {o.code}"))


class ProductVersionFactory(factory.django.DjangoModelFactory[ProductVersion]):
    class Meta:
        model = ProductVersion

    product = factory.SubFactory(ProductFactory)
    number = factory.Sequence(lambda n: f"4.{n}.0")


class TopicFactory(factory.django.DjangoModelFactory[Topic]):
    class Meta:
        model = Topic

    code = factory.Sequence(lambda n: f"topic-{n}")
    name = factory.LazyAttribute(lambda o: LocalizedText(fa=f"موضوع {o.code}", en=f"Topic {o.code}"))
    icon = "wifi"


class OwnershipFactory(factory.django.DjangoModelFactory[Ownership]):
    class Meta:
        model = Ownership

    user = factory.SubFactory(UserFactory)
    product = factory.SubFactory(ProductFactory)
