"""Rules for public names and for redirects after sign-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from portal.core.brand import site_names

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Public names that could be mistaken for the company or its staff.
RESERVED_HANDLES: Final = frozenset(
    {
        *("admin", "administrator", "help", "moderator", "official", "root", "staff", "support", "system", "team"),
        *("مدیر", "پشتیبان", "پشتیبانی", "کارشناس", "رسمی", "راهبر"),
    }
)
_SEPARATORS: Final = re.compile(r"[._-]+")


def validate_handle_is_free_to_take(value: str) -> None:
    """Refuse names that could be mistaken for the company or its staff, also as a part: ``support.team``."""
    company = {part for name in site_names().values() for part in name.casefold().split()}
    parts = {part for part in _SEPARATORS.split(value.casefold()) if part}
    if parts & (RESERVED_HANDLES | company):
        raise ValidationError(_("This name is reserved. Please choose another one."), code="reserved")


def is_own_address(request: HttpRequest, url: str) -> bool:
    """Return whether `url` leads to this host, so that a redirect cannot be used to send people elsewhere."""
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
