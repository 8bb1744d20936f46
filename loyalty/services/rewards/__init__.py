"""Rewards: what points are spent on. See loyalty/README.md and docs/decisions/0032-rewards.md."""

from loyalty.services.rewards.availability import (
    Obstacle,
    Standing,
    Why,
    free_codes,
    had_since,
    obstacles,
    on_show,
    set_prices,
    standing_of_account,
    standing_of_member,
    taken_by,
)
from loyalty.services.rewards.catalogue import CHANGEABLE, change_reward, create_reward, set_terms, tier_choices
from loyalty.services.rewards.checking import check_rewards
from loyalty.services.rewards.codes import code_shown, import_codes, make_codes, shown_code, use_code
from loyalty.services.rewards.exporting import export_redemptions
from loyalty.services.rewards.fulfilling import (
    advance,
    cancel,
    cancel_for_member,
    erase_due_addresses,
    forget_redemptions,
    is_any_address_due,
    may_cancel,
    next_state,
    refund,
    take_back,
)
from loyalty.services.rewards.goals import forget_goal, goal_of, save_for
from loyalty.services.rewards.redeeming import Address, address_of, last_of, names_of, needs_confirmation, redeem
from loyalty.services.rewards.rights import Right, may, require

__all__ = [
    "CHANGEABLE",
    "Address",
    "Obstacle",
    "Right",
    "Standing",
    "Why",
    "address_of",
    "advance",
    "cancel",
    "cancel_for_member",
    "change_reward",
    "check_rewards",
    "code_shown",
    "create_reward",
    "erase_due_addresses",
    "export_redemptions",
    "forget_goal",
    "forget_redemptions",
    "free_codes",
    "goal_of",
    "had_since",
    "import_codes",
    "is_any_address_due",
    "last_of",
    "make_codes",
    "may",
    "may_cancel",
    "names_of",
    "needs_confirmation",
    "next_state",
    "obstacles",
    "on_show",
    "redeem",
    "refund",
    "require",
    "save_for",
    "set_prices",
    "set_terms",
    "shown_code",
    "standing_of_account",
    "standing_of_member",
    "take_back",
    "taken_by",
    "tier_choices",
    "use_code",
]
