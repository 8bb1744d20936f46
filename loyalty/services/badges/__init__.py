"""Badges: what they are for, who has earned one, and whose are taken back. See loyalty/README.md."""

from loyalty.services.badges.following import (
    BADGE,
    follow_decision,
    holders,
    is_judging_due,
    judge,
    judge_everybody,
    last_records,
    standing_awards,
)
from loyalty.services.badges.judging import best_count, count_so_far, is_earned, is_over
from loyalty.services.badges.publishing import (
    BADGE_FIELDS,
    Preview,
    may_draft,
    may_publish,
    preview,
    publish,
    retire,
    save_badge,
    set_up,
)

__all__ = [
    "BADGE",
    "BADGE_FIELDS",
    "Preview",
    "best_count",
    "count_so_far",
    "follow_decision",
    "holders",
    "is_earned",
    "is_judging_due",
    "is_over",
    "judge",
    "judge_everybody",
    "last_records",
    "may_draft",
    "may_publish",
    "preview",
    "publish",
    "retire",
    "save_badge",
    "set_up",
    "standing_awards",
]
