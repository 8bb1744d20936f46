"""All models of the app. The modules of the ledger are imported by their own names, so that contracts see it."""

from loyalty.models.adjustments import Adjustment, PointsFile, PointsFileRow, PointsPolicy
from loyalty.models.badges import Badge, BadgeRecord
from loyalty.models.boards import BoardChoice, BoardRow
from loyalty.models.cards import MemberCard
from loyalty.models.challenges import Challenge, ChallengeRecord
from loyalty.models.checks import LedgerCheck, LedgerFinding
from loyalty.models.claims import PointsClaim
from loyalty.models.earning import Campaign, Decision, Earning, EarningRule, LoyaltyEvent, RuleCounter, RuleVersion
from loyalty.models.ledger import Account, Checkpoint, Journal, Member, Posting, Programme, SwitchRecord, Wallet
from loyalty.models.notices import ExpiryWarning
from loyalty.models.offers import (
    Activity,
    ActivityCell,
    MemberConsent,
    Offer,
    OfferAnswer,
    OfferAssignment,
    OfferDecision,
    OfferPolicy,
    OfferShown,
    Segment,
    SegmentMembership,
)
from loyalty.models.pace import MemberAddress, PaceBaseline, PaceEvent, PaceReview
from loyalty.models.referrals import Referral, ReferralCode, ReferredAddress
from loyalty.models.reviews import ReviewedMember, VotingReview
from loyalty.models.rewards import (
    Parcel,
    Redemption,
    RedemptionStep,
    Reward,
    RewardGoal,
    RewardPrice,
    RewardTerms,
    VoucherCode,
)
from loyalty.models.shop import ApiToken, ShopEvent, ShopOrder
from loyalty.models.tiers import Tier, TierMembership, TierProgramme, TierSet
from loyalty.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "Account",
    "Activity",
    "ActivityCell",
    "Adjustment",
    "ApiToken",
    "Badge",
    "BadgeRecord",
    "BoardChoice",
    "BoardRow",
    "Campaign",
    "Challenge",
    "ChallengeRecord",
    "Checkpoint",
    "Decision",
    "Earning",
    "EarningRule",
    "ExpiryWarning",
    "Journal",
    "LedgerCheck",
    "LedgerFinding",
    "LoyaltyEvent",
    "Member",
    "MemberAddress",
    "MemberCard",
    "MemberConsent",
    "Offer",
    "OfferAnswer",
    "OfferAssignment",
    "OfferDecision",
    "OfferPolicy",
    "OfferShown",
    "PaceBaseline",
    "PaceEvent",
    "PaceReview",
    "Parcel",
    "PointsClaim",
    "PointsFile",
    "PointsFileRow",
    "PointsPolicy",
    "Posting",
    "Programme",
    "Redemption",
    "RedemptionStep",
    "Referral",
    "ReferralCode",
    "ReferredAddress",
    "ReviewedMember",
    "Reward",
    "RewardGoal",
    "RewardPrice",
    "RewardTerms",
    "RuleCounter",
    "RuleVersion",
    "Segment",
    "SegmentMembership",
    "ShopEvent",
    "ShopOrder",
    "SwitchRecord",
    "Tier",
    "TierMembership",
    "TierProgramme",
    "TierSet",
    "VotingReview",
    "VoucherCode",
    "Wallet",
    "Webhook",
    "WebhookDelivery",
]
