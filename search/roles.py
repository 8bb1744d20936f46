"""Permissions of content editors for search."""

from __future__ import annotations

from portal.core.roles import CONTENT_EDITORS, actions_on, give

give(CONTENT_EDITORS, "search.view_report")
give(CONTENT_EDITORS, *actions_on("search.synonym", "view", "add", "change", "delete"))
give(CONTENT_EDITORS, *actions_on("wagtailsearchpromotions.searchpromotion", "add", "change", "delete"))
