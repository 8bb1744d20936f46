"""Rules for redirects after sign-in; those for public names are in `portal.accounts.handles`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from django.http import HttpRequest


def is_own_address(request: HttpRequest, url: str) -> bool:
    """Return whether `url` leads to this host, so that a redirect cannot be used to send people elsewhere."""
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
