"""What staff offer: rewards with the history of their prices, and the terms of a programme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from loyalty.models.rewards import Reward, RewardPrice, RewardTerms
from loyalty.services.rewards.rights import Right, require

if TYPE_CHECKING:
    from loyalty.models.ledger import Programme
    from portal.accounts.models import User

#: What can be changed of a reward that exists. Its programme and kind stay what they are.
CHANGEABLE: Final = (
    *("name", "text", "instructions", "picture", "price", "available_from", "available_until", "is_published"),
    *("stock", "limit", "limit_period"),
)


@transaction.atomic
def create_reward(*, programme: Programme, kind: str, by: User, **values: Any) -> Reward:
    """Create a reward. Raises `RewardRightMissingError`, and `ValidationError` for impossible values."""
    actor = require(by, Right.OFFER)
    reward = Reward(programme=programme, kind=kind)
    _set(reward, values)
    reward.save()
    RewardPrice.objects.create(reward=reward, price=reward.price, actor=actor)
    return reward


@transaction.atomic
def change_reward(*, reward: Reward, by: User, **values: Any) -> Reward:
    """Change a reward, under its lock: what is being taken is counted. A new price is noted, and binds nobody before it.

    Raises like `create_reward`.
    """
    actor = require(by, Right.OFFER)
    locked = Reward.objects.select_for_update(no_key=True, of=("self",)).get(pk=reward.pk)
    before = locked.price
    _set(locked, values)
    locked.save(update_fields=list(values))
    if locked.price != before:
        RewardPrice.objects.create(reward=locked, price=locked.price, actor=actor)
    return locked


def _set(reward: Reward, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise TypeError(name)
        setattr(reward, name, value)
    reward.full_clean(validate_unique=False)


@transaction.atomic
def set_terms(*, programme: Programme, by: User, confirm_from: int | None, keep_address_days: int) -> RewardTerms:
    """Set what holds for all rewards of a programme. Raises `RewardRightMissingError`, `ValidationError`."""
    require(by, Right.TERMS)
    terms = RewardTerms.of(programme)
    terms.confirm_from, terms.keep_address_days = confirm_from, keep_address_days
    terms.full_clean()
    terms.save()
    return terms
