"""Which votes look agreed: pure functions of who voted for whom, and when.

The thresholds are cautious: a review is work for staff and a suspicion of members. They are told to nobody, since whoever
knows them stays just below. What makes votes suspicious is that they are for few people and come back, not that there are many.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

#: Votes in each direction, and the share of all votes of each of both.
_MUTUAL_VOTES: Final = 5
_MUTUAL_SHARE: Final = 0.3
#: Votes between two that connect them, sizes of groups, and the share of the group's votes that stays inside.
_RING_VOTES: Final = 3
_RING_SIZES: Final = range(3, 9)
_RING_SHARE: Final = 0.6
#: Votes of one for another, and within which time.
_BURST_VOTES: Final = 5
_BURST_TIME: Final = dt.timedelta(minutes=10)
#: Votes that one review names, the newest first.
_MOST_VOTES: Final = 500


class GivenVote(NamedTuple):
    """Somebody's vote for what another one wrote. `source` is the vote as events name it."""

    source: str
    giver: UUID
    receiver: UUID
    at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Votes that look agreed."""

    kind: str
    members: frozenset[UUID]
    #: By their time.
    votes: tuple[GivenVote, ...]
    #: Votes that each giver gave to anybody.
    given: Mapping[UUID, int]

    @property
    def fingerprint(self) -> str:
        """The same for the same members and kind."""
        return sha256(":".join([self.kind, *sorted(key.hex for key in self.members)]).encode()).hexdigest()

    @property
    def evidence(self) -> list[dict[str, str | int]]:
        """What staff are shown: an entry for each direction, the most votes first."""
        pairs = Counter((vote.giver, vote.receiver) for vote in self.votes)
        return [
            {"giver": str(giver), "receiver": str(receiver), "votes": votes, "of": self.given[giver]}
            for (giver, receiver), votes in sorted(pairs.items(), key=lambda pair: (-pair[1], str(pair[0])))
        ]


def find(votes: Iterable[GivenVote]) -> list[Found]:
    """Return the groups whose votes look agreed; nobody is in two of them for the same votes."""
    known = sorted((vote for vote in votes if vote.giver != vote.receiver), key=lambda vote: vote.at)
    pairs = Counter((vote.giver, vote.receiver) for vote in known)
    given = Counter(vote.giver for vote in known)
    rings = [Found(kind="ring", members=ring, votes=_inside(known, ring), given=given) for ring in _rings(pairs, given)]
    in_rings = {(one, other) for ring in rings for one in ring.members for other in ring.members}
    mutual = [
        Found(kind="mutual", members=frozenset(pair), votes=_inside(known, frozenset(pair)), given=given)
        for pair in _mutual(pairs, given)
        if pair not in in_rings
    ]
    agreed = in_rings | {pair for found in mutual for pair in (tuple(found.members), tuple(found.members)[::-1])}
    bursts = [
        Found(kind="burst", members=frozenset(pair), votes=tuple(burst), given=given)
        for pair, burst in _bursts(known)
        if pair not in agreed
    ]
    return [*rings, *mutual, *bursts]


def _inside(votes: Sequence[GivenVote], members: frozenset[UUID]) -> tuple[GivenVote, ...]:
    return tuple(vote for vote in votes if vote.giver in members and vote.receiver in members)[-_MOST_VOTES:]


def _mutual(pairs: Mapping[tuple[UUID, UUID], int], given: Mapping[UUID, int]) -> list[tuple[UUID, UUID]]:
    """Return those who vote for each other, each of them with a large share of all votes they give."""
    return [
        (one, other)
        for (one, other), there in pairs.items()
        if one < other
        and min(there, back := pairs.get((other, one), 0)) >= _MUTUAL_VOTES
        and there > _MUTUAL_SHARE * given[one]
        and back > _MUTUAL_SHARE * given[other]
    ]


def _rings(pairs: Mapping[tuple[UUID, UUID], int], given: Mapping[UUID, int]) -> list[frozenset[UUID]]:
    """Return small groups in which each is reached from each by votes, and most of whose votes stay inside."""
    leads_to: dict[UUID, set[UUID]] = defaultdict(set)
    comes_from: dict[UUID, set[UUID]] = defaultdict(set)
    for (giver, receiver), votes in pairs.items():
        if votes >= _RING_VOTES:
            leads_to[giver].add(receiver)
            comes_from[receiver].add(giver)
    found = []
    for ring in _connected(leads_to, comes_from):
        inside = sum(votes for (giver, receiver), votes in pairs.items() if giver in ring and receiver in ring)
        if len(ring) in _RING_SIZES and inside > _RING_SHARE * sum(given[member] for member in ring):
            found.append(ring)
    return found


def _connected(leads_to: Mapping[UUID, set[UUID]], comes_from: Mapping[UUID, set[UUID]]) -> list[frozenset[UUID]]:
    """Return the strongly connected components, by Kosaraju's algorithm without recursion."""
    order: list[UUID] = []
    seen: set[UUID] = set()
    for start in sorted(leads_to):
        path = [(start, iter(sorted(leads_to[start])))] if start not in seen else []
        seen.add(start)
        while path:
            node, rest = path[-1]
            after = next((other for other in rest if other not in seen), None)
            if after is None:
                order.append(node)
                path.pop()
            else:
                seen.add(after)
                path.append((after, iter(sorted(leads_to.get(after, ())))))
    components = []
    taken: set[UUID] = set()
    for root in reversed(order):
        if root in taken:
            continue
        component, waiting = set(), [root]
        while waiting:
            node = waiting.pop()
            if node not in taken:
                taken.add(node)
                component.add(node)
                waiting += comes_from.get(node, set()) - taken
        components.append(frozenset(component))
    return components


def _bursts(votes: Sequence[GivenVote]) -> list[tuple[tuple[UUID, UUID], list[GivenVote]]]:
    """Return the votes of one for another of which many came within minutes of each other."""
    of_pair: dict[tuple[UUID, UUID], list[GivenVote]] = defaultdict(list)
    for vote in votes:
        of_pair[vote.giver, vote.receiver].append(vote)
    found = []
    for pair, given in of_pair.items():
        quick: set[int] = set()
        for last in range(_BURST_VOTES - 1, len(given)):
            first = last - _BURST_VOTES + 1
            if given[last].at - given[first].at <= _BURST_TIME:
                quick |= set(range(first, last + 1))
        if quick:
            found.append((pair, [given[place] for place in sorted(quick)][-_MOST_VOTES:]))
    return found
