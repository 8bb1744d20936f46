"""Rights for troubleshooters. Editors make, publish and withdraw them; none is deleted that readers walked."""

from __future__ import annotations

from portal.core.roles import CONTENT_EDITORS, actions_on, give

give(CONTENT_EDITORS, *actions_on("troubleshooters.troubleshooter", "view", "add", "change", "publish"))
