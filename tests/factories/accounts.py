"""Factories of accounts. Default: a customer with a confirmed address and the password ``password``."""

from __future__ import annotations

from typing import Any

import factory
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group

from portal.accounts.models import AudienceMembership, User
from portal.core.roles import Role, group_of, make_roles

PASSWORD = "password"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """Traits: ``staff``, ``editor``, ``superuser``, ``partner``, ``second_factor``, ``unconfirmed``.

    ``segments=["fibre"]`` adds the audience key ``segment:fibre``; ``in_group="Moderators"`` adds a group;
    ``role=CONTENT_EDITORS`` makes the person staff with that role.
    """

    class Meta:
        model = User

    class Params:
        staff = factory.Trait(is_staff=True)
        editor = factory.Trait(is_staff=True, in_group="Editors")
        superuser = factory.Trait(is_staff=True, is_superuser=True)
        partner = factory.Trait(audiences=("partner",))
        second_factor = factory.Trait(totp=True)
        unconfirmed = factory.Trait(confirmed=False)

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    handle = factory.Sequence(lambda n: f"person{n}")
    name = "سارا محمدی"
    password = factory.django.Password(PASSWORD)
    # Stored in other tables.
    confirmed = True
    in_group = ""
    role: Role | None = None
    audiences: tuple[str, ...] = ()
    segments: tuple[str, ...] | list[str] = ()
    totp = False

    @classmethod
    def _build(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        own = {name: value for name, value in kwargs.items() if name not in _BESIDE}
        return super()._build(model_class, *args, **own)

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        beside = {name: kwargs.pop(name) for name in _BESIDE}
        if beside["role"]:
            kwargs["is_staff"] = True
        user = super()._create(model_class, *args, **kwargs)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=beside["confirmed"])
        if beside["in_group"]:
            user.groups.add(Group.objects.get(name=beside["in_group"]))
        if beside["role"]:
            make_roles()
            user.groups.add(group_of(beside["role"]))
        for key in (*beside["audiences"], *(f"segment:{name}" for name in beside["segments"])):
            AudienceMembership.objects.create(user=user, key=key)
        if beside["totp"]:
            TOTP.activate(user, TOTP_SECRET)
        return user


_BESIDE = ("confirmed", "in_group", "role", "audiences", "segments", "totp")


class AudienceMembershipFactory(factory.django.DjangoModelFactory[AudienceMembership]):
    class Meta:
        model = AudienceMembership

    user = factory.SubFactory(UserFactory)
    key = "partner"
