"""What other pages show of this app; composed in `portal.home`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty import own_offers
from loyalty.models.offers import Placement

if TYPE_CHECKING:
    from django.http import HttpRequest

    from loyalty.own_offers import Card


def offers_on_home(request: HttpRequest) -> list[Card]:
    """Return the offers that the home page shows to a person who is signed in. No query while there are no offers.

    Visitors get none there: their page is kept for all of them, and would show an offer that is over.
    """
    if not request.user.is_authenticated:
        return []
    programme = own_offers.programme_with_offers()
    return own_offers.cards_for(request, programme, Placement.HOME) if programme else []
