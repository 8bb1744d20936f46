"""Rights for the catalogue. No role may delete rows that articles and customers refer to."""

from __future__ import annotations

from portal.core.roles import CONTENT_EDITORS, actions_on, give

for model in ("product", "productversion", "topic"):
    give(CONTENT_EDITORS, *actions_on(f"catalog.{model}", "view", "add", "change"))
