"""Who sees more than others: asked by the querysets of this package, and by `community.rules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    AnyUser: TypeAlias = AbstractBaseUser | AnonymousUser | None

MODERATE: Final = "community.moderate"


def is_moderator(user: AnyUser) -> bool:
    """Return whether `user` moderates the community. No query for people who are not staff."""
    if user is None or not user.is_active or not getattr(user, "is_staff", False):
        return False
    has_perm = getattr(user, "has_perm", None)
    return bool(has_perm and has_perm(MODERATE))


def id_of(user: AnyUser) -> int | None:
    """Return the id of a signed-in person, or None."""
    return user.pk if user is not None and user.is_authenticated else None
