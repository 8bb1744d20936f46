"""Wagtail hooks that register the views of `community.admin`."""

from __future__ import annotations

from wagtail.snippets.models import register_snippet

from community.admin import CommunityGroup

register_snippet(CommunityGroup)
