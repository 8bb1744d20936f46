"""Template filters for the account pages."""

from __future__ import annotations

from django import template

from portal.accounts.user_agents import describe_user_agent

register = template.Library()


@register.filter
def device(user_agent: str) -> str:
    """Describe browser and device in a few words; empty when unknown."""
    return describe_user_agent(user_agent)
