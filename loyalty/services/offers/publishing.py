"""Making offers: drafts, publishing, stopping. Who may is asked here, for every way that leads here.

A published offer is never changed, as what was measured of it would be about two offers: it is stopped, and another one made.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.exceptions import ChangedMeanwhileError, NotADraftError, NotPermittedError
from loyalty.models.ledger import Programme
from loyalty.models.offers import Offer, OfferPolicy
from loyalty.services.offers import audience
from loyalty.services.second_person import require_second_person, write

if TYPE_CHECKING:
    from portal.accounts.models import User

#: What a draft is made of.
FIELDS: Final = (
    *(
        "title",
        "text",
        "terms",
        "category",
        "goal",
        "value",
        "cost",
        "window_days",
        "reward",
        "path",
        "button",
        "placements",
    ),
    *("starts_at", "ends_at", "audience", "cap_day", "cap_week", "cap_total", "budget", "holdout_percent", "boost"),
    "position",
)


def may_see(user: User) -> bool:
    """Return whether the person has to do with offers."""
    return user.is_active and any(
        user.has_perm(f"loyalty.{right}") for right in ("view_offer", "change_offer", "publish_offer")
    )


def may_draft(user: User) -> bool:
    """Return whether the person may write offers that nobody sees yet."""
    return user.is_active and user.has_perm("loyalty.change_offer")


def may_publish(user: User) -> bool:
    """Return whether the person may show offers to members, and stop them."""
    return user.is_active and user.has_perm("loyalty.publish_offer")


@transaction.atomic
def save_offer(offer: Offer, *, by: User, **values: Any) -> Offer:
    """Create or change a draft.

    Raises `NotPermittedError`, `NotADraftError`, `InvalidConditionError`, and `ValidationError` for impossible values.
    """
    _require(may_draft(by))
    if offer.pk is not None:
        offer = Offer.objects.select_for_update(of=("self",)).select_related("programme").get(pk=offer.pk)
        if offer.state != Offer.State.DRAFT:
            raise NotADraftError
    write(offer, values, fields=FIELDS, by=by)
    check_offer(offer)
    offer.save()
    return offer


def check_offer(offer: Offer) -> None:
    """Raise `InvalidConditionError` or `ValidationError` unless members can be offered this."""
    audience.validate(offer.audience, offer.programme)
    if offer.reward is not None and offer.reward.programme_id != offer.programme_id:
        raise ValidationError({"reward": _("This reward belongs to another programme.")})
    offer.full_clean(exclude=["programme"])


@transaction.atomic
def publish_offer(offer: Offer, *, by: User, seen: str = "") -> Offer:
    """Show a draft to members from its first day on.

    `seen`: `mark_of` what the person looked at. Raises like `save_offer`, and `SecondPersonError`, `ChangedMeanwhileError`.
    """
    _require(may_publish(by))
    offer = Offer.objects.select_for_update(of=("self",)).select_related("programme").get(pk=offer.pk)
    if offer.state != Offer.State.DRAFT:
        raise NotADraftError
    if seen and seen != mark_of(offer):  # two people agree only on what both have read
        raise ChangedMeanwhileError
    check_offer(offer)
    now = timezone.now()
    if offer.ends_at <= now:
        raise ValidationError({"ends_at": _("This is over already.")})
    require_second_person(offer.programme, most=most_cost(offer), drafted_by=offer.drafted_by, by=by)
    offer.state, offer.published_at, offer.published_by = Offer.State.PUBLISHED, now, f"user:{by.pk}"
    offer.save(update_fields=["state", "published_at", "published_by"])
    return offer


def mark_of(offer: Offer) -> str:
    """Return what is another text after each change of the draft."""
    values = {name: getattr(offer, "reward_id" if name == "reward" else name) for name in FIELDS}
    return hashlib.blake2b(json.dumps(values, default=str, sort_keys=True).encode(), digest_size=8).hexdigest()


def most_cost(offer: Offer) -> int | None:
    """Return what an offer may cost at most, in points; None: there is no limit."""
    if not offer.cost:
        return 0
    return None if offer.budget is None else offer.budget * offer.cost


@transaction.atomic
def copy_offer(offer: Offer, *, by: User) -> Offer:
    """Make a draft like an offer, which begins now if that one has begun, and lasts as long. Raises like `save_offer`."""
    Programme.objects.select_for_update(no_key=True).get(pk=offer.programme_id)  # for the code
    used = set(Offer.objects.filter(programme=offer.programme_id).values_list("code", flat=True))
    plain = re.sub(r"-[0-9]{1,3}\Z", "", offer.code)[:35]
    code = next(one for number in count(2) if (one := f"{plain}-{number}") not in used)
    now = timezone.now().replace(second=0, microsecond=0)
    values = {name: getattr(offer, name) for name in FIELDS}
    if offer.starts_at <= now:
        values |= {"starts_at": now, "ends_at": now + (offer.ends_at - offer.starts_at)}
    return save_offer(Offer(programme=offer.programme, code=code), by=by, **values)


@transaction.atomic
def stop_offer(offer: Offer, *, by: User) -> bool:
    """Show an offer to nobody any more, at once; return whether it was published. What was accepted stays so."""
    _require(may_publish(by))
    offer = Offer.objects.select_for_update().get(pk=offer.pk)
    if offer.state != Offer.State.PUBLISHED:
        return False
    offer.state, offer.stopped_at = Offer.State.STOPPED, timezone.now()
    offer.save(update_fields=["state", "stopped_at"])
    return True


def at_the_same_time(offer: Offer) -> list[Offer]:
    """Return the drafts and published offers that share days and a place with this one. One query."""
    others = Offer.objects.filter(
        programme=offer.programme_id,
        state__in=[Offer.State.DRAFT, Offer.State.PUBLISHED],
        starts_at__lt=offer.ends_at,
        ends_at__gt=offer.starts_at,
    ).exclude(pk=offer.pk)
    return [one for one in others if set(one.placements) & set(offer.placements)]


def may_set_terms(user: User) -> bool:
    """Return whether the person may set what holds for all offers."""
    return user.is_active and user.has_perm("loyalty.change_offerpolicy")


def save_terms(policy: OfferPolicy, *, by: User) -> None:
    """Set what holds for all offers of a programme. Raises `NotPermittedError`, `ValidationError`."""
    _require(may_set_terms(by))
    policy.full_clean(exclude=["programme", "salt"], validate_unique=False)
    policy.save()


def _require(is_permitted: bool) -> None:
    if not is_permitted:
        raise NotPermittedError
