"""Queries about products and their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.catalog.models import Ownership

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


def own_product_codes(user: AbstractBaseUser | AnonymousUser | None) -> tuple[str, ...]:
    """Return the codes of the products the user has added, in order; empty, without a query, for a visitor."""
    if user is None or not user.is_authenticated:
        return ()
    return tuple(
        Ownership.objects.filter(user_id=user.pk)
        .order_by("product__code")
        .values_list("product__code", flat=True)
        .distinct()
    )
