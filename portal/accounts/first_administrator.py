"""The first administrator of an empty portal, made in the browser by whoever has a link that the server printed.

The link works once, for a day, and only while there is no administrator; making another one ends it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from wagtail.models import Site

from portal.accounts.models import FirstAdministratorLink, User
from portal.accounts.one_time_links import digest_of, new_token, works
from portal.core.localized import LocalizedText
from portal.core.models import SiteBrand

VALID_FOR: Final = timedelta(days=1)


class LinkIsOverError(Exception):
    """Raised when a link was used, is too old, or came when there was an administrator already."""


def make_link() -> str:
    """Return the token of a new link, which replaces every earlier one; empty if there is an administrator."""
    with transaction.atomic():
        FirstAdministratorLink.objects.all().delete()
        if _has_administrator():
            return ""
        token = new_token()
        FirstAdministratorLink.objects.create(digest=digest_of(token), expires_at=timezone.now() + VALID_FOR)
    return token


def is_open(token: str) -> bool:
    """Return whether a link still works; two queries."""
    return FirstAdministratorLink.objects.filter(works(token)).exists() and not _has_administrator()


@transaction.atomic
def make_administrator(*, token: str, email: str, password: str, name: str, portal_name: str, language: str) -> User:
    """Use the link: make the administrator, and give the portal its name in the administrator's language.

    Raises `LinkIsOverError`. Of two people with the same link only one deletes it, and only that one goes on.
    """
    used, _rows = FirstAdministratorLink.objects.filter(works(token)).delete()
    if not used or _has_administrator():
        raise LinkIsOverError
    user: User = User.objects.create_superuser(email, password, name=name, language=language)
    site = Site.objects.filter(is_default_site=True).first()
    if site is not None and portal_name:
        brand = SiteBrand.for_site(site)
        brand.name = LocalizedText({**brand.name, language: portal_name})
        brand.save()
    return user


def _has_administrator() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()
