"""Offers: who gets which, why, and what they answer. See loyalty/README.md and docs/decisions/0036-offers.md."""

from loyalty.services.offers.audience import (
    SMALL,
    Size,
    Source,
    Who,
    audience_count,
    audience_sample,
    breakdown,
    facts_of,
    matched,
    members_matching,
    overlap,
    register_source,
    validate,
    vocabulary,
)
from loyalty.services.offers.consents import SWITCHES, Purpose, agrees, consents_of, set_consent, who_agrees
from loyalty.services.offers.own import export_offers, forget_offers

__all__ = [
    "SMALL",
    "SWITCHES",
    "Purpose",
    "Size",
    "Source",
    "Who",
    "agrees",
    "audience_count",
    "audience_sample",
    "breakdown",
    "consents_of",
    "export_offers",
    "facts_of",
    "forget_offers",
    "matched",
    "members_matching",
    "overlap",
    "register_source",
    "set_consent",
    "validate",
    "vocabulary",
    "who_agrees",
]
