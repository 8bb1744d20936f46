"""Queries about products and their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.catalog.models import Ownership
from portal.core.prepared import Prepared

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


def own_product_codes(user: AbstractBaseUser | AnonymousUser | None) -> tuple[str, ...]:
    """Return the codes of the products the user has added, in order; empty, without a query, for a visitor."""
    if user is None or not user.is_authenticated:
        return ()
    return tuple(code for (code,) in _own_codes.rows(user.pk))


_own_codes: Final = Prepared(
    lambda user: (
        Ownership.objects.filter(user_id=user).order_by("product__code").values_list("product__code").distinct()
    ),
    int,
)
