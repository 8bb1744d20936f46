"""Rights for downloads. Editors publish; nobody's right deletes a release that readers fetched."""

from __future__ import annotations

from portal.core.roles import CONTENT_EDITORS, actions_on, give

give(CONTENT_EDITORS, *actions_on("downloads.download", "view", "add", "change", "publish"))
