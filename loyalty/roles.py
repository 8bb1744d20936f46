"""Rights for points and offers. Editors publish offers; community managers thank advocates and look into misuse.

Nobody's role changes rules, tiers, campaigns, switches or rewards: administrators give these rights one by one. What a
manager asks for beyond the limit of the policy waits for one of them, and nobody decides about their own points.
"""

from __future__ import annotations

from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, actions_on, give

give(CONTENT_EDITORS, *actions_on("loyalty.offer", "view", "change", "publish"))
give(COMMUNITY_MANAGERS, *actions_on("loyalty.badge", "view", "change", "publish"))
give(COMMUNITY_MANAGERS, *actions_on("loyalty.challenge", "view", "change", "publish"))
give(COMMUNITY_MANAGERS, *actions_on("loyalty.member", "view"), *actions_on("loyalty.decision", "view"))
give(COMMUNITY_MANAGERS, *actions_on("loyalty.adjustment", "add"), "loyalty.freeze_wallet")
give(COMMUNITY_MANAGERS, *actions_on("loyalty.votingreview", "view", "decide"), "loyalty.decide_referral")
