"""What costs much needs two people: whoever wrote it last does not decide alone that it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty.exceptions import SecondPersonError
from loyalty.models.adjustments import PointsPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loyalty.models.challenges import Challenge
    from loyalty.models.earning import Campaign, RuleVersion
    from loyalty.models.ledger import Programme
    from loyalty.models.offers import Offer
    from portal.accounts.models import User


def write(
    draft: Campaign | Challenge | Offer | RuleVersion, values: Mapping[str, Any], *, fields: Collection[str], by: User
) -> None:
    """Set values of a draft, and who wrote it, without saving it. Raises `TypeError` for a value that is none of `fields`.

    Whoever saves unchanged what another person wrote did not write it: else a second person could never publish what their
    screen saves first, and could free the first one for publishing alone.
    """
    if unknown := values.keys() - set(fields):
        raise TypeError(min(unknown))
    if draft.pk is None or any(getattr(draft, name) != value for name, value in values.items()):
        draft.drafted_by = f"user:{by.pk}"
    for name, value in values.items():
        setattr(draft, name, value)


def require_second_person(programme: Programme, *, most: int | None, drafted_by: str | None, by: User) -> None:
    """Raise `SecondPersonError` if somebody decides alone about what may cost more points than one person spends.

    `most` is None for what has no limit. Of what was written before its writer was noted nobody is asked.
    """
    limit = alone_up_to(programme, drafted_by=drafted_by, by=by)
    if limit is not None and (most is None or most > limit):
        raise SecondPersonError


def alone_up_to(programme: Programme, *, drafted_by: str | None, by: User) -> int | None:
    """Return how much somebody may decide alone about a draft; None for any amount, as for what another person wrote."""
    if drafted_by != f"user:{by.pk}":
        return None
    policy = PointsPolicy.objects.filter(programme=programme).first() or PointsPolicy(programme=programme)
    return policy.budget_alone_up_to
