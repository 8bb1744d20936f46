"""Earning: what points are given for, what was decided about each event, and why. See loyalty/README.md.

It knows pseudonymous keys; `portal.points` says whose event it is.
"""

from loyalty.services.earning.campaigning import (
    CAMPAIGN_FIELDS,
    budgets_of,
    fund_campaign,
    may_fund,
    save_campaign,
)
from loyalty.services.earning.deciding import (
    PACE_REVIEW,
    VOTING_REVIEW,
    Happened,
    Worth,
    events_from,
    events_of,
    is_anything_recorded,
    most_for_facts,
    recent_events,
    record,
    settle,
    worth_now,
)
from loyalty.services.earning.defaults import set_up
from loyalty.services.earning.publishing import (
    create_rule,
    end_campaign,
    may_draft,
    may_publish,
    most_points,
    publish,
    publish_campaign,
    retire,
    save_draft,
)
from loyalty.services.earning.simulation import Simulation, simulate
from loyalty.services.earning.triggers import FactInfo, FactType, Trigger, all_triggers, register
from loyalty.services.earning.words import Explanation, explain, names_of_rules

__all__ = [
    "CAMPAIGN_FIELDS",
    "PACE_REVIEW",
    "VOTING_REVIEW",
    "Explanation",
    "FactInfo",
    "FactType",
    "Happened",
    "Simulation",
    "Trigger",
    "Worth",
    "all_triggers",
    "budgets_of",
    "create_rule",
    "end_campaign",
    "events_from",
    "events_of",
    "explain",
    "fund_campaign",
    "is_anything_recorded",
    "may_draft",
    "may_fund",
    "may_publish",
    "most_for_facts",
    "most_points",
    "names_of_rules",
    "publish",
    "publish_campaign",
    "recent_events",
    "record",
    "register",
    "retire",
    "save_campaign",
    "save_draft",
    "set_up",
    "settle",
    "simulate",
    "worth_now",
]
