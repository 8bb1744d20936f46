"""Rights of those who run the community."""

from __future__ import annotations

from portal.core.roles import COMMUNITY_MANAGERS, actions_on, give

give(COMMUNITY_MANAGERS, "wagtailadmin.access_admin")
give(COMMUNITY_MANAGERS, "community.moderate")
give(COMMUNITY_MANAGERS, *actions_on("community.area", "view", "add", "change"))
give(COMMUNITY_MANAGERS, *actions_on("community.tag", "view", "add", "change", "delete"))
give(COMMUNITY_MANAGERS, *actions_on("community.tagsynonym", "view", "add", "change", "delete"))
give(COMMUNITY_MANAGERS, *actions_on("community.watchedword", "view", "add", "change", "delete"))
give(COMMUNITY_MANAGERS, *actions_on("community.policy", "view", "change"))
