"""The reward a member saves for: one of them at a time, their own choice, which reserves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty.models.ledger import Member
from loyalty.models.rewards import RewardGoal

if TYPE_CHECKING:
    from loyalty.models.rewards import Reward
    from portal.accounts.models import User


def save_for(user: User, reward: Reward) -> RewardGoal:
    """Have the person save for this reward instead of any other; harmless when repeated."""
    member = Member.objects.get_or_create(user=user)[0]
    return RewardGoal.objects.update_or_create(member=member, defaults={"reward": reward})[0]


def forget_goal(user: User, reward: Reward) -> None:
    """Have the person no longer save for this reward."""
    RewardGoal.objects.filter(member__user=user, reward=reward).delete()


def goal_of(user: User) -> RewardGoal | None:
    """Return what the person saves for; None if they chose nothing. One query."""
    return RewardGoal.objects.filter(member__user=user).select_related("reward").first()
