"""Who may do what with the points of members, and what never: their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty.exceptions import NoRightError, OwnPointsError
from loyalty.models import Member

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User


def may_look(user: User) -> bool:
    """Return whether the person may find members and read their statements."""
    return user.is_active and user.has_perm("loyalty.view_member")


def may_ask(user: User) -> bool:
    """Return whether the person may correct points, or ask for it."""
    return user.is_active and user.has_perm("loyalty.add_adjustment")


def may_ask_by_file(user: User) -> bool:
    """Return whether the person may correct the points of many by a file."""
    return user.is_active and user.has_perm("loyalty.add_pointsfile")


def may_decide(user: User) -> bool:
    """Return whether the person may decide about what others ask for."""
    return user.is_active and user.has_perm("loyalty.approve_adjustment")


def may_freeze(user: User) -> bool:
    """Return whether the person may freeze the points of a member."""
    return user.is_active and user.has_perm("loyalty.freeze_wallet")


def may_switch(user: User) -> bool:
    """Return whether the person may stop earning or spending in a programme."""
    return user.is_active and user.has_perm("loyalty.switch_programme")


def may_set_policy(user: User) -> bool:
    """Return whether the person may say how much one person corrects alone."""
    return user.is_active and user.has_perm("loyalty.change_pointspolicy")


def require(is_permitted: bool) -> None:
    """Raise `NoRightError` unless it is."""
    if not is_permitted:
        raise NoRightError


def refuse_own(user: User, member_key: UUID) -> None:
    """Raise `OwnPointsError` if the points are the person's own."""
    if Member.objects.filter(key=member_key, user_id=user.pk).exists():
        raise OwnPointsError


def actor_of(user: User) -> str:
    """Return how journals name the person."""
    return f"user:{user.pk}"
