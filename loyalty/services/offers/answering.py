"""What members say about offers: yes, not this one, less of this kind, nothing personal any more. Each can be said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from loyalty.exceptions import OfferGoneError
from loyalty.models.ledger import Member
from loyalty.models.offers import Offer, OfferAnswer
from loyalty.services.offers.deciding import offer_for, segment_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from loyalty.models.ledger import Programme
    from portal.accounts.models import User

Kind = OfferAnswer.Kind


def accept(*, user: User, programme: Programme, number: int) -> Offer:
    """Note that a member accepts an offer; once, however often it is said.

    Raises `OfferGoneError` if it is not for them, over, or used up: never more accept it than its budget says.
    """
    key = Member.objects.get_or_create(user=user)[0].key
    said = OfferAnswer.objects.filter(member_key=key, offer__in=_offer(programme, number), kind=Kind.ACCEPTED)
    if (before := said.select_related("offer__reward").first()) is not None:
        return before.offer
    found = offer_for(user, programme, number)
    if found is None:
        raise OfferGoneError
    try:
        with transaction.atomic():
            OfferAnswer.objects.create(member_key=key, offer=found.offer, kind=Kind.ACCEPTED, segment=segment_of(key))
            _count(found.offer)
    except IntegrityError:  # the same was said at the same moment
        if not said.exists():
            raise
    return found.offer


def _count(offer: Offer) -> None:
    """Take one of the budget, in one statement, as long as the offer runs and there is any."""
    now = timezone.now()
    still = Offer.objects.filter(pk=offer.pk, state=Offer.State.PUBLISHED, starts_at__lte=now, ends_at__gt=now)
    if not still.filter(Q(budget=None) | Q(accepted__lt=F("budget"))).update(accepted=F("accepted") + 1):
        raise OfferGoneError


def hide(*, user: User, programme: Programme, number: int, kind: Kind) -> Offer:
    """Note that a member does not want to see an offer, or less of its kind. Raises `OfferGoneError` if it is not for them."""
    found = offer_for(user, programme, number)
    if found is None or kind not in {Kind.DISMISSED, Kind.LESS}:
        raise OfferGoneError
    key = Member.objects.get_or_create(user=user)[0].key
    OfferAnswer.objects.bulk_create(
        [OfferAnswer(member_key=key, offer=found.offer, kind=kind, segment=segment_of(key))], ignore_conflicts=True
    )
    return found.offer


def undo(*, user: User, programme: Programme, number: int) -> bool:
    """Take back that an offer was hidden; return whether it was. What was accepted stays so."""
    said = OfferAnswer.objects.filter(offer__in=_offer(programme, number), member_key__in=_key_of(user))
    return bool(said.exclude(kind=Kind.ACCEPTED).delete()[0])


def _offer(programme: Programme, number: int) -> QuerySet[Offer]:
    # Of a number that no column can hold there is none; compared with a foreign key it is an error of the database.
    return Offer.objects.filter(pk=number, programme=programme)


def _key_of(user: User) -> list[UUID]:
    return list(Member.objects.filter(user=user).values_list("key", flat=True))
