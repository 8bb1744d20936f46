"""Template filters and tags for the account pages."""

from __future__ import annotations

from django import template

from portal.accounts.user_agents import describe_user_agent
from portal.core import mail_delivery, mail_files

register = template.Library()


@register.filter
def device(user_agent: str) -> str:
    """Describe browser and device in a few words; empty when unknown."""
    return describe_user_agent(user_agent)


@register.simple_tag
def mails_are_late() -> bool:
    """Return whether mails wait longer than they should; one query."""
    return mail_delivery.is_late()


@register.simple_tag
def mails_are_kept_here() -> bool:
    """Return whether mails reach nobody, since there is no mail server; no query."""
    return mail_files.folder() is not None
