"""The trust ladder as a member sees it: the next level, what it takes, and how much of that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from community.models import Level, policy
from community.trust import Figures, figures_of
from portal.core.formats import format_number

if TYPE_CHECKING:
    from community.models import CommunityProfile, Policy


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a level takes."""

    text: str
    have: int = 0
    need: int = 1

    @property
    def is_done(self) -> bool:
        return self.have >= self.need

    @property
    def shown(self) -> int:
        """What is there, at most what is needed: the value of a meter."""
        return min(self.have, self.need)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where a member stands. Without `following`, nothing more can be earned."""

    level: str
    following: str
    #: All of these are needed, or one of `choices` if there are any.
    steps: tuple[Step, ...]
    choices: tuple[Step, ...] = ()
    is_at_risk: bool = False


def ladder_of(profile: CommunityProfile) -> Ladder:
    """Return the ladder of a member with the thresholds in force. Six queries at most."""
    rules, level = policy(), Level(profile.level)
    figures = figures_of(profile)
    steps: tuple[Step, ...] = ()
    choices: tuple[Step, ...] = ()
    if level == Level.NEW:
        steps, choices = _to_member(figures)
    elif level == Level.MEMBER:
        steps = _to_active(figures, rules)
    elif level in {Level.ACTIVE, Level.HELPER}:
        steps, choices = _to_helper(figures, rules)
    following = Level(min(level + 1, Level.HELPER)) if level < Level.ADVOCATE else None
    return Ladder(
        level=str(level.label),
        following=str(following.label) if following is not None else "",
        steps=steps,
        choices=choices,
        is_at_risk=profile.level_at_risk_since is not None,
    )


def _to_member(figures: Figures) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    return (
        (
            Step(_("Your e-mail address is confirmed"), int(figures.is_confirmed)),
            Step(_("You were here on a day"), min(figures.days_seen, 1)),
        ),
        (Step(_("Or: one of our devices or services is yours"), int(figures.is_customer)),),
    )


def _to_active(figures: Figures, rules: Policy) -> tuple[Step, ...]:
    days = ngettext(
        "You were here on at least %(number)s day", "You were here on at least %(number)s days", rules.active_days
    )
    acts = ngettext(
        "At least %(number)s reply of yours helped", "At least %(number)s replies of yours helped", rules.active_acts
    )
    return (
        Step(days % {"number": format_number(rules.active_days)}, figures.days_seen, rules.active_days),
        Step(acts % {"number": format_number(rules.active_acts)}, figures.helpful_acts, rules.active_acts),
    )


def _to_helper(figures: Figures, rules: Policy) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    span = {"days": format_number(rules.helper_days)}
    solutions = ngettext(
        "At least %(number)s accepted answer in the last %(days)s days",
        "At least %(number)s accepted answers in the last %(days)s days",
        rules.helper_solutions,
    ) % {"number": format_number(rules.helper_solutions), **span}
    people = ngettext(
        "Or: at least %(number)s person helped in the last %(days)s days",
        "Or: at least %(number)s people helped in the last %(days)s days",
        rules.helper_people,
    ) % {"number": format_number(rules.helper_people), **span}
    agreed = _("At least %(percent)s%% of your reports were right") % {
        "percent": format_number(rules.helper_flags_agreed)
    }
    return (
        (
            Step(agreed, figures.flags_agreed_percent, rules.helper_flags_agreed),
            Step(_("Nothing of yours was taken away of late"), int(not figures.has_recent_penalty)),
        ),
        (
            Step(solutions, figures.recent_solutions, rules.helper_solutions),
            Step(people, figures.recent_people, rules.helper_people),
        ),
    )
