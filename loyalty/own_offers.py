"""What pages show of offers: the offer, why somebody sees it, in words, and what is known of them for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext

from loyalty.models.offers import Activity, Segment
from loyalty.own_points import is_open, open_programme
from loyalty.services import offers
from loyalty.services.offers.audience import facts_in
from portal.core.formats import format_number
from portal.core.memo import Memo
from portal.core.text import isolate
from portal.insight.activity import is_visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from loyalty.models import Earning, Offer, Programme
    from loyalty.services.earning import FactInfo, Trigger
    from loyalty.services.offers import Chosen
    from portal.accounts.models import User

#: The most reasons that are given.
_REASONS: Final = 3
#: Somebody with an account for so many days is new.
_NEW_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class Card:
    """An offer as one person sees it."""

    offer: Offer
    is_personal: bool
    #: Why, as sentences; empty for what everybody sees.
    reasons: list[str]
    #: What was looked at to choose it: names of facts.
    data: list[str]


#: The programme whose offers are shown; kept until one is opened or closed.
_shown: Final[Memo[Earning | None]] = Memo(max_size=1, scopes=("site",))


def programme_with_offers() -> Programme | None:
    """Return the programme whose offers are shown; None if members see none. No query as a rule."""
    if not is_open():
        return None
    shown = _shown.get("", open_programme)
    return shown.programme if shown and offers.is_any_published(shown.programme) else None


def cards_for(request: HttpRequest, programme: Programme, slot: str) -> list[Card]:
    """Return what the sender of the request sees in a place; that they saw it is stored later, in a batch."""
    page = offers.decide(person=person_of(request), programme=programme, slot=slot)
    if page.looked is not None and is_visitor(request):
        offers.looks.record(page.looked)
    return as_cards(page.offers, programme)


def person_of(request: HttpRequest) -> User | None:
    """Return who sent the request, if they are signed in."""
    return request.user if request.user.is_authenticated else None


def as_cards(chosen: Iterable[Chosen], programme: Programme) -> list[Card]:
    """Say in words why each offer is shown. A few queries if one is personal, none otherwise."""
    found = list(chosen)
    known = offers.vocabulary(programme) if any(one.is_personal for one in found) else None
    return [_card(one, known) for one in found]


def _card(chosen: Chosen, known: Trigger | None) -> Card:
    if not chosen.is_personal or known is None:
        return Card(chosen.offer, is_personal=False, reasons=[], data=[])
    sentences = [sentence for reason in chosen.reasons if (sentence := in_words(reason, known))]
    asked = facts_in(chosen.offer.audience)
    data = [looked_at(fact) for fact in known.facts if fact.name in asked]
    return Card(chosen.offer, is_personal=True, reasons=list(dict.fromkeys(sentences))[:_REASONS], data=data)


def in_words(reason: Mapping[str, Any], known: Trigger) -> str:
    """Say a reason code as a sentence; empty for a fact that is no longer declared."""
    fact, value = known.fact(reason["fact"]), reason["value"]
    if fact is None:
        return ""
    name = isolate(str(dict(fact.choices).get(value, value)))
    say = _WORDS.get(fact.name)
    return say(value, name) if say else gettext("%(fact)s: %(value)s") % {"fact": fact.label, "value": name}


def _days(value: int, _name: str) -> str:
    if value <= _NEW_DAYS:
        return gettext("You are new here.")
    text = ngettext("You have had an account for %(count)s day.", "You have had an account for %(count)s days.", value)
    return text % {"count": format_number(value)}


def _points(value: int, _name: str) -> str:
    text = ngettext("You have %(count)s point to spend.", "You have %(count)s points to spend.", value)
    return text % {"count": format_number(value)}


def _redemptions(value: int, _name: str) -> str:
    return gettext("You have taken rewards before.") if value else gettext("You have not taken a reward yet.")


def _segment(value: str, _name: str) -> str:
    return {
        Segment.REGULAR: gettext("You often help others in the community."),
        Segment.OWN_THREAD: gettext("You ask in the community."),
        Segment.SILENT: gettext("You read along in the community."),
    }[Segment(value)]


def _activity(value: str, _name: str) -> str:
    return {
        Activity.CHAMPION: gettext("You are among our most active members."),
        Activity.LOYAL: gettext("You are here often."),
        Activity.NEW: gettext("You have joined us lately."),
        Activity.OCCASIONAL: gettext("You are here now and then."),
        Activity.AT_RISK: gettext("You have not been here for a while."),
        Activity.LOST: gettext("You have not been here for a while."),
    }[Activity(value)]


#: Fact → its sentence, from the value and its name.
_WORDS: Final[Mapping[str, Callable[[Any, str], str]]] = {
    "account_days": _days,
    "points": _points,
    "redemptions": _redemptions,
    "segment": _segment,
    "activity": _activity,
    "product": lambda _value, name: gettext("You have “%(name)s”.") % {"name": name},
    "tier": lambda _value, name: gettext("You have reached the level “%(name)s”.") % {"name": name},
    "language": lambda _value, name: gettext("You read in this language: %(name)s.") % {"name": name},
    "follows": lambda _value, name: gettext("You follow “%(name)s”.") % {"name": name},
}


#: Fact → what was looked at, as its owner reads it. Editors read the fact's own label.
_LOOKED_AT: Final[Mapping[str, _StrPromise]] = {
    "account_days": gettext_lazy("how long you have had an account"),
    "language": gettext_lazy("the language in which you read"),
    "product": gettext_lazy("the products you have"),
    "tier": gettext_lazy("the level you have reached"),
    "points": gettext_lazy("the points you can spend"),
    "redemptions": gettext_lazy("the rewards you have taken"),
    "segment": gettext_lazy("how you take part in the community"),
    "activity": gettext_lazy("when and how often you got points or took rewards"),
    "follows": gettext_lazy("the topics you follow"),
}


def looked_at(fact: FactInfo) -> str:
    """Name a fact to the person it is about."""
    return str(_LOOKED_AT.get(fact.name, fact.label))


def action_of(offer: Offer) -> str:
    """Say what happens when somebody wants the offer."""
    if offer.button:
        return str(offer.button)
    return gettext("See the reward") if offer.reward_id is not None else gettext("Go to the page")


def address_of(offer: Offer) -> str:
    """Return where an offer leads, in the reader's language."""
    if offer.reward_id is not None:
        return reverse("loyalty:reward", args=[offer.reward_id])
    return f"/{get_language()}{offer.path}"
