"""Services for customers' own products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from portal.catalog.models import Ownership

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.catalog.models import Product, ProductVersion


@transaction.atomic
def add_ownership(
    *, user: User, product: Product, version: ProductVersion | None = None, serial_number: str = ""
) -> Ownership:
    """Record that `user` owns `product`.

    The same product with the same serial number is the same thing: adding it again only updates its version.
    """
    ownership, created = Ownership.objects.select_for_update().get_or_create(
        user=user, product=product, serial_number=serial_number, defaults={"version": version}
    )
    if not created and version is not None and ownership.version != version:
        ownership.version = version
        ownership.save(update_fields=["version"])
    return ownership
