"""People of the demo. They share one documented password; never use it for anything real."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from portal.accounts.models import AudienceMembership, User
from portal.catalog.models import Ownership, Product, ProductVersion
from portal.core.audience import PARTNER
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, Role, group_of, make_roles

PASSWORD: Final = "noora-demo"  # noqa: S105 - printed by load_demo, for trying the portal only


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A person who can sign in. `role` is their description in the list of sign-ins."""

    role: str
    email: str
    handle: str
    name: str
    language: str
    staff_roles: tuple[Role, ...] = ()
    audiences: tuple[str, ...] = ()
    #: Product code, version and serial number.
    owns: tuple[tuple[str, str, str], ...] = ()
    is_staff: bool = False
    is_superuser: bool = False
    #: Days since they joined; new customers are shown the first steps.
    days_here: int = 240


EDITOR_EMAIL: Final = "editor@noora.example"

PEOPLE: Final = (
    DemoPerson(
        "customer", "sara@noora.example", "sara", "سارا محمدی", "fa",
        owns=(("x2", "4.12.0", "NX2-88F4-0192"), ("fibre", "", "")), days_here=410,
    ),
    DemoPerson(
        "customer", "reza@noora.example", "reza", "رضا کاظمی", "fa",
        owns=(("x1", "2.8.1", "NX1-41C7-3360"), ("vdsl", "", "")), days_here=395,
    ),
    DemoPerson(
        "customer (English)", "emma@noora.example", "emma", "Emma Clarke", "en",
        owns=(("tv-box", "3.2.1", "NTV-07B2-5518"), ("sim", "", "")), days_here=3,
    ),
    DemoPerson(
        "partner", "installer@noora.example", "arya-installs", "آریا نصیری", "fa", audiences=(PARTNER,),
    ),
    DemoPerson(
        "editor", EDITOR_EMAIL, "leila-editor", "لیلا رستگار", "fa", staff_roles=(CONTENT_EDITORS,), is_staff=True,
        days_here=420,
    ),
    DemoPerson(
        "community manager", "community@noora.example", "omid-community", "امید فرهمند", "fa",
        staff_roles=(COMMUNITY_MANAGERS,), is_staff=True, days_here=420,
    ),
    DemoPerson(
        "administrator", "admin@noora.example", "admin", "مدیر سامانه", "fa", is_staff=True, is_superuser=True,
    ),
)  # fmt: skip


def load_people() -> User:
    """Create the people and what they own; return the editor, who owns the articles. Safe to repeat.

    The password of a person who exists already is not changed.
    """
    make_roles()
    password = make_password(PASSWORD)
    for person in PEOPLE:
        user, created = User.objects.get_or_create(
            email=person.email,
            defaults={
                "handle": person.handle,
                "name": person.name,
                "language": person.language,
                "password": password,
                "date_joined": timezone.now() - dt.timedelta(days=person.days_here),
                "is_staff": person.is_staff,
                "is_superuser": person.is_superuser,
            },
        )
        if not created:
            continue
        EmailAddress.objects.get_or_create(user=user, email=person.email, defaults={"primary": True, "verified": True})
        for key in person.audiences:
            AudienceMembership.objects.get_or_create(user=user, key=key)
        user.groups.add(*(group_of(role) for role in person.staff_roles))
        for code, version, serial_number in person.owns:
            product = Product.objects.get(code=code)
            Ownership.objects.get_or_create(
                user=user,
                product=product,
                serial_number=serial_number,
                defaults={"version": ProductVersion.objects.filter(product=product, number=version).first()},
            )
    return User.objects.get(email=EDITOR_EMAIL)
