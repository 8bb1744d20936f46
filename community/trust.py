"""The trust ladder: levels that follow from help given, by the thresholds of `community.models.Policy`.

    L0 new       L1 confirmed address and one visit, or owns a product
    L2 active    seen on some days, and some helpful acts
    L3 helper    of late: solutions for others, or many people helped; flags mostly right; no penalty
    L4 advocate  invited by a person

A helper whose figures fall below a share of the thresholds is told, and becomes an active member after some weeks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from community.events import MemberLevelAtRisk, MemberLevelChanged
from community.models import CommunityProfile, Level, Solution, Vote, policy
from community.models.member import SHOWN_LEVEL
from portal.accounts.models import person_scope
from portal.catalog.models import Ownership
from portal.core.events import emit
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from community.models import Policy

_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the level of a member follows from; shown to the member with the thresholds."""

    is_confirmed: bool
    is_customer: bool
    days_seen: int
    #: Accepted answers and helpful votes, ever.
    helpful_acts: int
    #: Within the days that count for a helper: answers of others' questions accepted, and different people helped.
    recent_solutions: int
    recent_people: int
    flags_agreed_percent: int
    has_recent_penalty: bool

    def helper_percent(self, rules: Policy) -> int:
        """Return how much of what a helper needs is there, in per cent; 0 with a penalty or wrong flags."""
        if self.has_recent_penalty or self.flags_agreed_percent < rules.helper_flags_agreed:
            return 0
        by_solutions = 100 * self.recent_solutions // max(rules.helper_solutions, 1)
        by_people = 100 * self.recent_people // max(rules.helper_people, 1)
        return max(by_solutions, by_people)


def figures_of(profile: CommunityProfile) -> Figures:
    """Return the figures of a member. Six queries at most; two for somebody who never helped."""
    rules = policy()
    now = timezone.now()
    since = now - dt.timedelta(days=rules.helper_days)
    acts = profile.solution_count + profile.helpful_count
    recent_solutions = recent_people = 0
    if acts:
        solved = Solution.objects.filter(
            helper=profile.user_id, is_for_another=True, revoked_at=None, accepted_at__gte=since
        )
        askers = list(solved.values_list(Coalesce("asked_in__author", "thread__author"), flat=True))
        voters = Vote.objects.filter(helper=profile.user_id, created_at__gte=since, user__isnull=False)
        recent_solutions = len(askers)
        recent_people = len({*askers, *voters.values_list("user", flat=True).distinct()} - {None})
    penalty = profile.penalised_at
    return Figures(
        is_confirmed=EmailAddress.objects.filter(user=profile.user_id, verified=True).exists(),
        is_customer=Ownership.objects.filter(user=profile.user_id).exists(),
        days_seen=profile.days_seen,
        helpful_acts=acts,
        recent_solutions=recent_solutions,
        recent_people=recent_people,
        flags_agreed_percent=100 * profile.flags_agreed // profile.flags_judged if profile.flags_judged else 100,
        has_recent_penalty=penalty is not None and penalty > now - dt.timedelta(days=rules.helper_penalty_days),
    )


def earned_level(figures: Figures, rules: Policy) -> Level:
    """Return the level that the figures alone give."""
    if not (figures.is_customer or (figures.is_confirmed and figures.days_seen >= 1)):
        return Level.NEW
    if figures.days_seen < rules.active_days or figures.helpful_acts < rules.active_acts:
        return Level.MEMBER
    return Level.HELPER if figures.helper_percent(rules) >= 100 else Level.ACTIVE


def update_level(profile: CommunityProfile) -> bool:
    """Bring the level of a locked profile up to date; returns whether it changed. Levels but the helper's are kept."""
    rules = policy()
    figures = figures_of(profile)
    before, level = Level(profile.level), earned_level(figures, rules)
    now = timezone.now()
    at_risk_since = None
    if profile.is_advocate:
        level = Level.ADVOCATE
    elif before == Level.HELPER and level < Level.HELPER and figures.helper_percent(rules) >= rules.helper_keep:
        level = Level.HELPER
    elif before == Level.HELPER and level < Level.HELPER and not figures.has_recent_penalty:
        at_risk_since = profile.level_at_risk_since or now
        is_over = now - at_risk_since >= dt.timedelta(days=rules.helper_notice_days)
        level = Level.ACTIVE if is_over else Level.HELPER
        at_risk_since = None if is_over else at_risk_since
    elif before < Level.ADVOCATE and level < before:
        level = Level.ACTIVE if before == Level.HELPER else before
    elif before == Level.ADVOCATE:
        level = max(level, Level.ACTIVE)
    if at_risk_since is not None and profile.level_at_risk_since is None:
        emit(MemberLevelAtRisk(user_id=profile.user_id, level=before, days_left=rules.helper_notice_days))
    profile.level_at_risk_since, profile.is_level_due = at_risk_since, False
    if level != before:
        profile.level, profile.level_since = level, now
        emit(MemberLevelChanged(user_id=profile.user_id, before=int(before), after=int(level)))
        if max(before, level) >= SHOWN_LEVEL:
            content_changed(person_scope(profile.user_id))
    profile.save(update_fields=["level", "level_since", "level_at_risk_since", "is_level_due"])
    return level != before


def update_due_levels() -> int:
    """Bring the levels up to date of all members for whom something happened; returns how many changed.

    Each in a transaction of its own, so that nobody waits. Run every minute.
    """
    due = CommunityProfile.objects.filter(is_level_due=True)
    return sum(map(_update, due.order_by("pk").values_list("pk", flat=True)[:_BATCH]))


def review_helpers() -> int:
    """Look at all helpers, whose figures fall with time alone; returns how many levels changed. Run every day."""
    helpers = CommunityProfile.objects.filter(level=Level.HELPER).order_by("pk").values_list("pk", flat=True)
    return sum(map(_update, list(helpers)))


def has_due_levels() -> bool:
    return CommunityProfile.objects.filter(is_level_due=True).exists()


def has_helpers() -> bool:
    return CommunityProfile.objects.filter(level=Level.HELPER).exists()


@transaction.atomic
def _update(user_id: int) -> bool:
    profile = CommunityProfile.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    return profile is not None and update_level(profile)


@transaction.atomic
def set_advocate(*, user_id: int, is_advocate: bool) -> None:
    """Invite a member to be an advocate, or take it back."""
    CommunityProfile.objects.bulk_create([CommunityProfile(user_id=user_id)], ignore_conflicts=True)
    profile = CommunityProfile.objects.select_for_update(no_key=True).get(pk=user_id)
    profile.is_advocate = is_advocate
    profile.save(update_fields=["is_advocate"])
    update_level(profile)
