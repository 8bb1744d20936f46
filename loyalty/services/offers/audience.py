"""Who an offer is for: facts about members, conditions on them, and how many fulfil these.

Conditions are trees as those of earning rules (`loyalty.services.earning.conditions`): data with a closed set of operators,
bounded in depth and size; nothing is executed. A fact may have several values, such as the products somebody has; a comparison
holds if it holds for one of them. What of a tree was fulfilled is returned as reason codes, from which “why do I see this?” is
answered.

Facts come from sources, each of which answers for many members with a constant number of queries. `portal.offer_facts` adds
those of the community.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty.buckets import today_of
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Account, Kind, Member, Programme, Wallet
from loyalty.models.offers import Activity, ActivityCell, Segment, SegmentMembership
from loyalty.models.rewards import BACK_STATES, Redemption, State
from loyalty.models.tiers import TierSet
from loyalty.services import tiers
from loyalty.services.earning import FactInfo, FactType, Trigger, conditions
from loyalty.services.offers.consents import Purpose, who_agrees
from portal.catalog.models import Ownership, Product

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    from loyalty.models.offers import Offer

#: Members that are looked at together.
_PORTION: Final = 1000
#: A group of fewer members is not shown to editors: they could recognise somebody.
SMALL: Final = 20

Value = bool | int | str
#: What is known of one member: a value for each fact, or several.
Facts = Mapping[str, Value | frozenset[str]]


class Who(NamedTuple):
    """A member: the key, and whose it is."""

    key: UUID
    user_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where facts come from. `facts` are declared with their choices of now; `load` answers for many members at once."""

    name: str
    facts: Callable[[Programme], Sequence[FactInfo]]
    load: Callable[[Programme, Sequence[Who]], Mapping[UUID, Facts]]


_sources: dict[str, Source] = {}


def register_source(source: Source) -> None:
    """Declare where facts come from, once when the apps are ready."""
    _sources[source.name] = source


def vocabulary(programme: Programme) -> Trigger:
    """Return all facts that conditions can ask for, in the shape that `earning.conditions` validates against."""
    facts = [fact for source in _sources.values() for fact in source.facts(programme)]
    return Trigger(name="member", label=_("A member"), icon="user", facts=tuple(facts))


def validate(tree: object, programme: Programme) -> None:
    """Raise `InvalidConditionError`, with a message for whoever wrote it, unless the tree is one about members."""
    conditions.validate(tree, vocabulary(programme))


# Judging one member --------------------------------------------------------------------------------------------------


def matched(tree: Mapping[str, Any], facts: Facts) -> list[dict[str, Any]] | None:
    """Return the comparisons that were fulfilled, as reason codes; None if the tree is not. An empty tree always is.

    Of alternatives only those that hold are reasons; what is not the case is none.
    """
    if not tree:
        return []
    if "and" in tree:
        found: list[dict[str, Any]] = []
        for part in tree["and"]:
            reasons = matched(part, facts)
            if reasons is None:
                return None
            found += reasons
        return found
    if "or" in tree:
        held = [reasons for part in tree["or"] if (reasons := matched(part, facts)) is not None]
        return [reason for reasons in held for reason in reasons] if held else None
    if "not" in tree:
        return [] if matched(tree["not"], facts) is None else None
    return _reasons_of(tree, facts)


def _reasons_of(leaf: Mapping[str, Any], facts: Facts) -> list[dict[str, Any]] | None:
    name = leaf["fact"]
    known = facts.get(name)
    if not isinstance(known, frozenset):
        return [{"fact": name, "value": known}] if conditions.compare(leaf, facts) else None  # type: ignore[arg-type]
    held = [value for value in sorted(known) if conditions.compare(leaf, {name: value})]
    return [{"fact": name, "value": value} for value in held] or None


# Many members --------------------------------------------------------------------------------------------------------


def facts_of(programme: Programme, members: Sequence[Who], *, only: Collection[str] | None = None) -> dict[UUID, Facts]:
    """Return what is known of members; with `only`, of these facts. A constant number of queries, however many members."""
    known: dict[UUID, dict[str, Value | frozenset[str]]] = {member.key: {} for member in members}
    for source in _sources.values():
        if only is not None and not _has_any(source, programme, only):
            continue
        for key, facts in source.load(programme, members).items():
            known[key].update(facts)
    return dict(known)


def _has_any(source: Source, programme: Programme, names: Collection[str]) -> bool:
    return any(fact.name in names for fact in source.facts(programme))


def facts_in(tree: Mapping[str, Any]) -> set[str]:
    """Return the names of the facts that a valid tree asks for."""
    if not tree:
        return set()
    if "fact" in tree:
        return {tree["fact"]}
    [inner] = tree.values()
    parts = inner if isinstance(inner, list) else [inner]
    return {name for part in parts for name in facts_in(part)}


def members_matching(tree: Mapping[str, Any], programme: Programme) -> Iterator[Who]:
    """Yield the members of a programme who fulfil the conditions and want personal offers, in portions of constant cost.

    Nobody else is judged, and nobody else would be shown the offer; staff are never among them.
    """
    names = facts_in(tree)
    for members in _portions(programme):
        known = facts_of(programme, members, only=names) if names else {}
        yield from (who for who in members if matched(tree, known.get(who.key, {})) is not None)


def _portions(programme: Programme) -> Iterator[list[Who]]:
    return (portion.willing for portion in portions(programme))


class Portion(NamedTuple):
    """Some members: how many, and those of them who want personal offers."""

    looked_at: int
    willing: list[Who]


def people_of(programme: Programme) -> QuerySet[Member]:
    """Return the members to whom something could be offered."""
    open_wallets = Wallet.objects.filter(programme=programme, status=Wallet.Status.OPEN).values("member_key")
    return Member.objects.filter(key__in=open_wallets, user__is_active=True, user__is_staff=False)


def portions(programme: Programme) -> Iterator[Portion]:
    """Yield the members in portions, by their keys: these are random numbers, so that the first ones are a sample of all."""
    found = people_of(programme).order_by("key")
    rows = list(found.values_list("key", "user_id")[:_PORTION])
    while rows:
        willing = who_agrees([key for key, _user in rows], Purpose.PROFILING)
        yield Portion(len(rows), [Who(key, user) for key, user in rows if key in willing])
        rows = list(found.filter(key__gt=rows[-1][0]).values_list("key", "user_id")[:_PORTION])


@dataclass(frozen=True, slots=True)
class Size:
    """How many members there are, as far as editors may know."""

    exactly: int

    @property
    def is_small(self) -> bool:
        """Whether it is not shown: there are fewer than `SMALL`, perhaps none, which would say something about each of them."""
        return self.exactly < SMALL

    @property
    def shown(self) -> int | None:
        """About how many, for editors; None if there are too few to be told.

        In steps of `SMALL`: the difference of two groups that are nearly the same would tell of those in one of them only.
        """
        return None if self.is_small else self.exactly // SMALL * SMALL


def audience_count(tree: Mapping[str, Any], programme: Programme) -> int:
    """Return how many members fulfil the conditions. Show it to editors as `Size` only."""
    return sum(1 for _who in members_matching(tree, programme))


def audience_sample(tree: Mapping[str, Any], n: int, programme: Programme) -> list[Facts]:
    """Return what is known of some of the members, without their keys; nothing if they are too few to be shown."""
    sample: list[Who] = []
    count = 0
    for who in members_matching(tree, programme):
        count += 1
        if len(sample) < n:
            sample.append(who)
    if count < SMALL:
        return []
    return list(facts_of(programme, sample).values())


def overlap(offer: Offer, other: Offer) -> int:
    """Return how many members both offers are for. Show it to editors as `Size` only."""
    if offer.programme_id != other.programme_id:
        return 0
    trees = [tree for tree in (offer.audience, other.audience) if tree]
    return audience_count({"and": trees} if trees else {}, offer.programme)


def breakdown(tree: Mapping[str, Any], fact: str, programme: Programme) -> dict[str, int]:
    """Return how many of the members have which value of a fact; values of fewer than `SMALL` are left out."""
    counted: Counter[str] = Counter()
    names = facts_in(tree) | {fact}
    for members in _portions(programme):
        known = facts_of(programme, members, only=names)
        for who in members:
            if matched(tree, known[who.key]) is None or fact not in known[who.key]:
                continue
            value = known[who.key][fact]
            counted.update(value if isinstance(value, frozenset) else [json.dumps(value).strip('"')])
    return {value: times for value, times in sorted(counted.items()) if times >= SMALL}


# Facts of this app and of the account --------------------------------------------------------------------------------


def _keys(members: Iterable[Who]) -> list[UUID]:
    return [member.key for member in members]


def _account_facts(_programme: Programme) -> Sequence[FactInfo]:
    return (
        FactInfo(
            name="account_days",
            label=_("days since they have an account"),
            type=FactType.NUMBER,
            help=_("Whole days since they signed up: “at most 30” are those of the last month."),
        ),
        FactInfo(
            name="language",
            label=_("language"),
            type=FactType.CHOICE,
            choices=tuple((code, str(name)) for code, name in settings.LANGUAGES),
            help=_("In which language they read the portal."),
        ),
    )


def _load_account(_programme: Programme, members: Sequence[Who]) -> dict[UUID, Facts]:
    now = timezone.now()
    rows = Member.objects.filter(key__in=_keys(members)).values_list("key", "user__date_joined", "user__language")
    default = settings.LANGUAGE_CODE
    return {
        key: {"account_days": max(0, (now - joined).days), "language": language or default}
        for key, joined, language in rows
    }


def _product_facts(_programme: Programme) -> Sequence[FactInfo]:
    choices = tuple((code, str(name)) for code, name in Product.objects.order_by("order").values_list("code", "name"))
    return (
        FactInfo(
            name="product",
            label=_("has the product"),
            type=FactType.CHOICE,
            choices=choices,
            help=_("Products that members have named as theirs; who has several fits each of them."),
        ),
    )


def _load_products(_programme: Programme, members: Sequence[Who]) -> dict[UUID, Facts]:
    keys = {member.user_id: member.key for member in members}
    found: dict[UUID, set[str]] = {}
    rows = Ownership.objects.filter(user__in=keys).values_list("user_id", "product__code")
    for user_id, code in rows:
        found.setdefault(keys[user_id], set()).add(code)
    return {key: {"product": frozenset(codes)} for key, codes in found.items()}


def _rules_of(programme: Programme) -> TierSet | None:
    published = TierSet.objects.filter(tiers__source=programme, state=VersionState.PUBLISHED)
    return published.select_related("tiers__status").first()


def _tier_facts(programme: Programme) -> Sequence[FactInfo]:
    rules = _rules_of(programme)
    if rules is None:
        return ()
    choices = tuple((tier.code, str(tier.name)) for tier in tiers.ladder_of(rules).tiers)
    return (
        FactInfo(
            name="tier",
            label=_("tier"),
            type=FactType.CHOICE,
            choices=choices,
            help=_("The level they are in now. Levels above it are chosen besides."),
        ),
    )


def _load_tiers(programme: Programme, members: Sequence[Who]) -> dict[UUID, Facts]:
    rules = _rules_of(programme)
    if rules is None:
        return {}
    ladder, status = tiers.ladder_of(rules), rules.tiers.status
    keys = dict(Wallet.objects.filter(programme=status, member_key__in=_keys(members)).values_list("pk", "member_key"))
    standings = tiers.standings_of(keys, ZoneInfo(status.time_zone))
    # Somebody without a move is in the lowest tier.
    found: dict[UUID, Facts] = {member.key: {"tier": ladder.tiers[0].code} for member in members}
    for wallet, standing in standings.items():
        found[keys[wallet]] = {"tier": ladder.tiers[ladder.place_of(standing.tier)].code}
    return found


def _points_facts(_programme: Programme) -> Sequence[FactInfo]:
    return (
        FactInfo(
            name="points",
            label=_("points that can be spent"),
            type=FactType.NUMBER,
            help=_("Without what is coming or reserved."),
        ),
        FactInfo(
            name="redemptions",
            label=_("rewards redeemed so far"),
            type=FactType.NUMBER,
            help=_("How many they took and kept: “is 0” are those who never took one."),
        ),
    )


def _load_points(programme: Programme, members: Sequence[Who]) -> dict[UUID, Facts]:
    wallets = Wallet.objects.filter(programme=programme, member_key__in=_keys(members))
    keys = dict(wallets.values_list("pk", "member_key"))
    lots = Account.objects.filter(wallet__in=keys, kind=Kind.AVAILABLE, bucket__gte=today_of(programme))
    left = dict(lots.values_list("wallet").annotate(left=Sum(F("credits") - F("debits"))))
    stands = ~Q(state__in=[*BACK_STATES, State.REFUNDED])
    taken = Redemption.objects.filter(stands, wallet__in=keys).order_by().values_list("wallet")
    redeemed = dict(taken.annotate(times=Count("pk")))
    found: dict[UUID, Facts] = {member.key: {"points": 0, "redemptions": 0} for member in members}
    for wallet, key in keys.items():
        found[key] = {"points": left.get(wallet, 0), "redemptions": redeemed.get(wallet, 0)}
    return found


def _segment_facts(_programme: Programme) -> Sequence[FactInfo]:
    choices = tuple((segment.value, segment.label) for segment in Segment)
    active = tuple((cell.value, cell.label) for cell in Activity)
    return (
        FactInfo(
            name="segment",
            label=_("how they take part"),
            type=FactType.CHOICE,
            choices=choices,
            help=_("What they did in the community in the last 90 days: helped others, asked, or read."),
        ),
        FactInfo(
            name="activity",
            label=_("how active they are"),
            type=FactType.CHOICE,
            choices=active,
            help=_("When they last got points or took a reward, how often within a year, and how much it was."),
        ),
    )


def _load_segments(_programme: Programme, members: Sequence[Who]) -> dict[UUID, Facts]:
    keys = _keys(members)
    taking_part = SegmentMembership.objects.filter(member_key__in=keys).values_list("member_key", "segment")
    active = ActivityCell.objects.filter(member_key__in=keys).values_list("member_key", "cell")
    found: dict[UUID, dict[str, Value | frozenset[str]]] = {}
    for key, segment in taking_part.union(active):
        found.setdefault(key, {})["segment" if segment in Segment.values else "activity"] = segment
    return dict(found)


for _source in (
    Source(name="account", facts=_account_facts, load=_load_account),
    Source(name="points", facts=_points_facts, load=_load_points),
    Source(name="tier", facts=_tier_facts, load=_load_tiers),
    Source(name="segment", facts=_segment_facts, load=_load_segments),
    Source(name="product", facts=_product_facts, load=_load_products),
):
    register_source(_source)
