"""Factories of notifications. Default: an unread sign-in on a new device, which is to be mailed at once."""

from __future__ import annotations

import factory
from django.utils import timezone

from portal.notifications.models import Follow, Notification
from tests.factories.accounts import UserFactory


class FollowFactory(factory.django.DjangoModelFactory[Follow]):
    class Meta:
        model = Follow

    person = factory.SubFactory(UserFactory)
    target = factory.Sequence(lambda n: f"community.thread:{n}")


class NotificationFactory(factory.django.DjangoModelFactory[Notification]):
    class Meta:
        model = Notification

    person = factory.SubFactory(UserFactory)
    key = factory.Sequence(lambda n: f"accounts.new_device:{n}")
    kind = "accounts.new_device"
    group = "security"
    rank = 10
    subject = factory.Sequence(lambda n: f"accounts.sign_in:{n}")
    occurred_at = factory.LazyFunction(timezone.now)
    mail = "now"
    mail_at = factory.LazyFunction(timezone.now)
