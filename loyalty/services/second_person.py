"""What costs much needs two people: whoever wrote it last does not decide alone that it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty.exceptions import SecondPersonError
from loyalty.models.adjustments import PointsPolicy

if TYPE_CHECKING:
    from loyalty.models.ledger import Programme
    from portal.accounts.models import User


def require_second_person(programme: Programme, *, most: int | None, drafted_by: str | None, by: User) -> None:
    """Raise `SecondPersonError` if somebody decides alone about what may cost more points than one person spends.

    `most` is None for what has no limit. Of what was written before its writer was noted nobody is asked.
    """
    policy = PointsPolicy.objects.filter(programme=programme).first() or PointsPolicy(programme=programme)
    limit = policy.budget_alone_up_to
    if limit is None or drafted_by != f"user:{by.pk}":
        return
    if most is None or most > limit:
        raise SecondPersonError
