"""What a person may be called and where a sign-in may lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from portal.core.brand import site_names

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Public names that would pass for the company or its staff.
RESERVED_HANDLES: Final = frozenset(
    {
        *("admin", "administrator", "help", "moderator", "official", "root", "staff", "support", "system", "team"),
        *("مدیر", "پشتیبان", "پشتیبانی", "کارشناس", "رسمی", "راهبر"),
    }
)
_SEPARATORS: Final = re.compile(r"[._-]+")


def validate_handle_is_free_to_take(value: str) -> None:
    """Refuse a name that would pass for the company or its staff, also as one of its parts: ``support.team``."""
    company = {part for name in site_names().values() for part in name.casefold().split()}
    parts = {part for part in _SEPARATORS.split(value.casefold()) if part}
    if parts & (RESERVED_HANDLES | company):
        raise ValidationError(_("This name is reserved. Please choose another one."), code="reserved")


def is_own_address(request: HttpRequest, url: str) -> bool:
    """Whether `url` leads to this very host, so that a redirect cannot be used to send people elsewhere."""
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
