"""What an event of points was about, for staff: the post that was voted for, the order that was paid.

Events hold ids only. Whoever knows what they are registers how they are found (`portal.wiring`): many at once, and only what the
colleague may see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from loyalty.models.shop import ShopOrder
from portal.core.text import isolate, row_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty.models.earning import LoyaltyEvent
    from portal.accounts.models import User


class Place(NamedTuple):
    """What something was about, and where it is; without an address there is no page of it."""

    name: str
    address: str = ""


Finder = Callable[[Collection[int], "User"], Mapping[int, Place]]
_finders: dict[str, Finder] = {}


def register_places(kind: str, find: Finder) -> None:
    """Declare how the subjects of a kind are found, ``community.post``; once when the apps are ready."""
    _finders[kind] = find


def places_of(events: Iterable[LoyaltyEvent], *, by: User) -> dict[int, Place]:
    """Return what the events were about, by their ids, as far as the colleague may see it. One query for each kind, or two."""
    known = list(events)
    subjects = places_named({event.subject for event in known}, by=by)
    orders = ShopOrder.objects.filter(event__in=[event.pk for event in known]).values_list("event", "source", "number")
    found = {
        event: Place(_("Order %(number)s of %(shop)s") % {"number": isolate(number), "shop": isolate(source)})
        for event, source, number in orders
    }
    return found | {event.pk: subjects[event.subject] for event in known if event.subject in subjects}


def places_named(subjects: Iterable[str], *, by: User) -> dict[str, Place]:
    """Return what these subjects of events are."""
    numbers: dict[str, set[int]] = {}
    for subject in subjects:
        kind, _colon, number = subject.rpartition(":")
        if kind in _finders and (pk := row_number(number)) is not None:
            numbers.setdefault(kind, set()).add(pk)
    return {
        f"{kind}:{pk}": place for kind, wanted in numbers.items() for pk, place in _finders[kind](wanted, by).items()
    }
