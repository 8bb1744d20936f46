"""The rules a programme begins with: drafts, which give nothing until somebody publishes them.

They pay for what others say helped them, and for what makes help easier to find; never for volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from loyalty.models.earning import Earning, EarningRule
from loyalty.models.ledger import Programme
from loyalty.services.earning.publishing import create_rule
from loyalty.services.earning.triggers import all_triggers
from portal.core.localized import LocalizedText

if TYPE_CHECKING:
    from loyalty.models.earning import RuleVersion
    from portal.accounts.models import User

#: Code, Persian and English name, and what the version says.
RULES: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    (
        "accepted-answer",
        "پاسخ پذیرفته‌شده",
        "An accepted answer",
        {"trigger": "community.solution", "points": 200, "cap_day": 1000},
    ),
    (
        "helpful-vote",
        "رأی «مفید بود» به پاسخ شما",
        "A helpful vote for your reply",
        {
            "trigger": "community.vote",
            "points": 10,
            "cap_day": 100,
            "conditions": {
                "and": [
                    {"fact": "is_reply", "op": "eq", "value": True},
                    {"fact": "voter_days", "op": "gte", "value": 3},
                ]
            },
        },
    ),
    (
        "solved-it-too",
        "پاسخ شما به عضو دیگری هم کمک کرد",
        "Your answer helped another member, too",
        {
            "trigger": "community.solved_it",
            "points": 20,
            "cap_day": 100,
            "conditions": {"fact": "is_member", "op": "eq", "value": True},
        },
    ),
    (
        "first-help",
        "نخستین کمک به دیگری",
        "Your first help for somebody else",
        {"trigger": "community.first_help", "points": 100, "times_ever": 1},
    ),
    (
        "welcome-reply",
        "نخستین پاسخ به تازه‌وارد",
        "The first reply to somebody new",
        {"trigger": "community.welcome", "points": 30, "times_day": 3},
    ),
    (
        "accepted-idea",
        "ایدهٔ پذیرفته‌شده",
        "An accepted idea",
        {"trigger": "community.idea", "points": 300, "pending_days": 7},
    ),
    (
        "useful-report",
        "گزارش درست",
        "A report that a moderator agrees with",
        {"trigger": "community.flag", "points": 15, "times_day": 3},
    ),
    (
        "help-page-feedback",
        "نظر دربارهٔ صفحهٔ راهنما",
        "Feedback about a help page",
        {"trigger": "faq.feedback", "points": 5, "times_day": 2, "pending_days": 0},
    ),
    # What a challenge is worth is said by the challenge.
    (
        "completed-challenge",
        "چالش کامل‌شده",
        "A completed challenge",
        {"trigger": "loyalty.challenge", "points": 1, "per_fact": "points", "per_units": 1, "cap_month": 1000},
    ),
)


@transaction.atomic
def set_up(*, code: str, name: LocalizedText, by: User) -> list[RuleVersion]:
    """Make a programme that records events, and drafts of all default rules it has not; return the new drafts."""
    programme = Programme.objects.get_or_create(code=code)[0]
    Earning.objects.get_or_create(programme=programme, defaults={"name": name})
    known = set(EarningRule.objects.filter(programme=programme).values_list("code", flat=True))
    return [
        create_rule(programme=programme, code=code, name=LocalizedText(fa=persian, en=english), by=by, **values)
        for code, persian, english, values in RULES
        if code not in known and values["trigger"] in all_triggers()
    ]
