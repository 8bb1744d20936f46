"""What staff see of a member besides the points: tier, badges, decisions with why, questions, rewards, what is reserved.

Each part is there for whoever may open its own screen. However much a member did, the number of queries is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loyalty import own_badges, own_tiers, queries
from loyalty.models import PaceReview, PointsClaim, Redemption
from loyalty.services import adjusting, earning, reviews, rewards, tiers
from loyalty.services.rewards import Right

if TYPE_CHECKING:
    from loyalty.models import Earning, Wallet
    from portal.accounts.models import User

#: Rows of each part, the newest ones.
_SHOWN: Final = 10


def overview_of(member: User, shown: Earning, wallet: Wallet | None, *, by: User) -> dict[str, Any]:
    """Return the parts that this colleague may see, by their names in the template."""
    parts: dict[str, Any] = {}
    may_see_decisions = by.has_perm("loyalty.view_decision")
    if may_see_decisions or tiers.may_grant(by):
        parts["tier_path"] = own_tiers.path_of(member, shown)
    badges = own_badges.badges_of(wallet, shown)
    parts["badges"] = badges.earned if badges else []
    if may_see_decisions:
        about = queries.decisions_about(member).filter(wallet__programme=shown.programme)
        decisions = list(about[:_SHOWN])
        names = earning.names_of_rules(decisions)
        parts["decisions"] = [(decision, earning.explain(decision, names)) for decision in decisions]
    if adjusting.may_ask(by):
        parts["claims"] = _claims(member, shown)
    if any(rewards.may(by, right) for right in (Right.SEE, Right.FULFIL, Right.REFUND)):
        found = Redemption.objects.visible_to(member).filter(wallet__programme=shown.programme)
        parts["redemptions"] = list(found.select_related("reward").order_by("-pk")[:_SHOWN])
    if wallet is not None:
        parts["shop_holds"] = queries.held_by_shops(wallet, limit=_SHOWN)
        if reviews.may_see(by):
            parts["pace_reviews"] = list(PaceReview.objects.filter(wallet=wallet)[:_SHOWN])
    return parts


def _claims(member: User, shown: Earning) -> list[tuple[PointsClaim, str]]:
    found = PointsClaim.objects.filter(member__user=member, programme=shown.programme)[:_SHOWN]
    triggers = earning.all_triggers()
    return [
        (claim, str(triggers[claim.trigger].label) if claim.trigger in triggers else claim.trigger) for claim in found
    ]
