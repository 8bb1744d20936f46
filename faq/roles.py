"""Rights for articles and for readers' feedback."""

from __future__ import annotations

from portal.core.roles import CONTENT_EDITORS, actions_on, give

give(CONTENT_EDITORS, *actions_on("faq.reusablecontent", "view", "add", "change", "delete"))
give(CONTENT_EDITORS, *actions_on("faq.feedback", "view", "change"))
give(CONTENT_EDITORS, *actions_on("faq.export", "view", "add"))
