"""Noting who completed a challenge and who lost what it rested on, and giving what it is worth.

What is noted follows from the awards that stand, under the lock of the wallet. Points for it are an award of their own, of
the trigger `CHALLENGE`, by the rules of earning, and follow the last record: given once for each period, taken back with what
the challenge rested on. Locks: the wallet, and apart from that those of `earning`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.events import ChallengeMoved
from loyalty.models.challenges import MAX_POINTS, Challenge, ChallengeRecord
from loyalty.models.earning import Decision, LoyaltyEvent, VersionState
from loyalty.models.ledger import Member, Wallet
from loyalty.models.offers import SegmentMembership
from loyalty.services import badges, earning
from loyalty.services.badges import Awards, is_judging_due_for, portions, standing_awards
from loyalty.services.challenges.judging import counts
from loyalty.services.earning import FactInfo, FactType, Happened, Trigger
from loyalty.services.ledger import statements
from loyalty.services.offers import Purpose, who_agrees
from loyalty.services.tiers import position_of
from portal.core.events import emit
from portal.core.honours import scope_of
from portal.core.scopes import content_changed
from portal.notifications.services import notify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet

    from loyalty.events import PointsDecided
    from loyalty.models.ledger import Programme

#: Name of the trigger, and of the kind of notification.
CHALLENGE: Final = "loyalty.challenge"
TRIGGER: Final = Trigger(
    name=CHALLENGE,
    label=_("You complete a challenge"),
    icon="flag",
    facts=(FactInfo(name="points", label=_("points of the challenge"), type=FactType.NUMBER, most=MAX_POINTS),),
)
#: Why points for a challenge are taken back.
UNDONE: Final = "challenge-undone"
What = ChallengeRecord.What
#: Wallet, challenge, period.
Place = tuple[int, int, str]


def follow_decision(event: PointsDecided) -> None:
    """Note who completed a challenge by what was decided about, or no longer has: a handler.

    Any number of times, in any order and at the same moment: it reads how things are under the lock of the wallet.
    """
    trigger = LoyaltyEvent.objects.filter(pk=event.event_id).values_list("trigger", flat=True).first()
    wallet = Wallet.objects.select_related("programme__earning").get(pk=event.wallet_id)
    known = Challenge.objects.filter(programme=wallet.programme, trigger=trigger or "")
    challenges = list(known.exclude(state=VersionState.DRAFT))
    if challenges:
        judge(wallet.programme, [wallet.pk], challenges)


def last_records(wallet_ids: Collection[int]) -> dict[Place, ChallengeRecord]:
    """Return the last row by wallet, challenge and period. One query."""
    rows = ChallengeRecord.objects.filter(wallet__in=wallet_ids).order_by("number")
    return {(row.wallet_id, row.challenge_id, row.period): row for row in rows}


@transaction.atomic
def judge(programme: Programme, wallet_ids: Sequence[int], challenges: Sequence[Challenge]) -> list[ChallengeRecord]:
    """Write down who completed a challenge, and who lost what it rested on; return the new rows."""
    # Whoever else judges one of them waits here, and then sees what was written.
    statements.lock_wallets(wallet_ids)
    # Whoever left takes their challenges with them: nothing is added to what nobody can read.
    open_ids = list(
        Wallet.objects.filter(pk__in=wallet_ids).exclude(status=Wallet.Status.CLOSED).values_list("pk", flat=True)
    )
    last = last_records(open_ids)
    awards = standing_awards(programme, open_ids, {challenge.trigger for challenge in challenges})
    written: list[ChallengeRecord] = []
    for challenge in challenges:
        found = {
            (wallet, challenge.pk, period): (times, awards[wallet, challenge.trigger].last_decision)
            for wallet in open_ids
            for period, times in counts(
                challenge, awards.get((wallet, challenge.trigger), Awards()).days, in_calendar=programme.calendar
            ).items()
        }
        noted = {place for place in last if place[1] == challenge.pk}
        fresh = {place[0] for place, (times, _pk) in found.items() if times >= challenge.target and place not in noted}
        may = eligible(challenge, fresh) if challenge.state == VersionState.PUBLISHED else set()
        for place in sorted(found.keys() | noted):
            times, decision = found.get(place, (0, 0))
            before = last.get(place)
            is_completed = times >= challenge.target
            has_it = before is not None and before.what == What.COMPLETED
            if is_completed == has_it or (before is None and place[0] not in may):
                continue
            written.append(
                ChallengeRecord.objects.create(
                    challenge=challenge,
                    wallet_id=place[0],
                    period=place[2],
                    number=before.number + 1 if before else 1,
                    what=What.COMPLETED if is_completed else What.REVOKED,
                    evidence={"count": times, "target": challenge.target, "decision": decision},
                )
            )
    for row in written:
        emit(ChallengeMoved(challenge=row.challenge_id, wallet=row.wallet_id, period=row.period))
    _tell(programme, written)
    return written


def eligible(challenge: Challenge, wallet_ids: Collection[int]) -> set[int]:
    """Return those of the wallets whose owners can take the challenge on.

    Segments are told of members who want personal offers only. It is asked when a challenge is completed for the first time:
    whoever completed it keeps it, wherever they are later.
    """
    if challenge.is_for_all or not wallet_ids:
        return set(wallet_ids)
    keys = dict(Wallet.objects.filter(pk__in=wallet_ids).values_list("pk", "member_key"))
    found = set(keys.values())
    if challenge.segment:
        members = SegmentMembership.objects.filter(segment=challenge.segment, member_key__in=found)
        found = who_agrees(list(members.values_list("member_key", flat=True)), Purpose.PROFILING)
    if challenge.from_tier:
        found = {key for key in found if _has_reached(challenge, Wallet.objects.filter(member_key=key))}
    return {wallet for wallet, key in keys.items() if key in found}


def _has_reached(challenge: Challenge, own: QuerySet[Wallet]) -> bool:
    position = position_of(challenge.programme, own)
    return position is not None and challenge.from_tier in {
        tier.code for tier in position.ladder.tiers[: position.at + 1]
    }


def _tell(programme: Programme, written: Sequence[ChallengeRecord]) -> None:
    """Have public pages show it, and tell members what they completed, if their programme is shown to them."""
    people = badges.people_of([row.wallet_id for row in written])
    for row in written:
        person = people.get(row.wallet_id)
        if person is None:
            continue
        if row.challenge.is_badge:
            content_changed(scope_of(person))
        if badges.is_shown(programme) and row.what == What.COMPLETED:
            notify(
                kind=CHALLENGE,
                key=f"{CHALLENGE}:{row.pk}",
                subject=f"{CHALLENGE}:{row.wallet_id}-{row.challenge_id}-{row.period}",
                occurred_at=row.created_at,
                recipients=[person],
                payload={"record": row.pk},
            )


# Points --------------------------------------------------------------------------------------------------------------


def _source_of(place: Place) -> str:
    wallet, challenge, period = place
    return f"challenge:{challenge}:{wallet}:{period}"


def points_given(wallet_ids: Collection[int]) -> dict[Place, int]:
    """Return what completions gave, where that is decided: 0 if limits left nothing, or if it was taken back. One query."""
    decided = Decision.objects.filter(wallet__in=wallet_ids, event__trigger=CHALLENGE).order_by("round")
    found: dict[Place, int] = {}
    for source, wallet, outcome, points in decided.values_list("event__source_id", "wallet", "outcome", "points"):
        _kind, challenge, owner, period = source.split(":")
        if int(owner) == wallet:
            found[wallet, int(challenge), period] = 0 if outcome == Decision.Outcome.REVERSED else points
    return found


def follow_completion(event: ChallengeMoved) -> None:
    """Give the points of a challenge that is completed, or take them back with what it rested on: a handler."""
    challenge = Challenge.objects.select_related("programme").get(pk=event.challenge)
    if not challenge.points:
        return
    source = _source_of((event.wallet, event.challenge, event.period))
    key = Wallet.objects.filter(pk=event.wallet).values_list("member_key", flat=True).get()
    person = Member.objects.filter(key=key).values_list("user", flat=True).first()
    rows = ChallengeRecord.objects.filter(challenge=challenge, wallet=event.wallet, period=event.period).order_by(
        "-number"
    )

    def stands() -> bool:
        return rows.values_list("what", flat=True).first() == What.COMPLETED

    if person is not None and stands():
        earning.record(
            Happened(
                trigger=CHALLENGE,
                source_id=source,
                subject=source,
                user_id=person,
                occurred_at=rows.values_list("created_at", flat=True).get(number=1),
                facts={"points": challenge.points},
            ),
            only_in=challenge.programme,
        )
    earning.settle(earning.events_of(source), stands=lambda _event: stands(), because=UNDONE)


# Every night ---------------------------------------------------------------------------------------------------------


def judge_everybody() -> int:
    """Judge all members by all challenges; return how many rows were written: a periodic job.

    Commits in portions, and may be killed at any moment: called again, it finds what is left.
    """
    written = 0
    of_programme: dict[Programme, list[Challenge]] = {}
    for challenge in Challenge.objects.exclude(state=VersionState.DRAFT).select_related("programme__earning"):
        of_programme.setdefault(challenge.programme, []).append(challenge)
    for programme, challenges in of_programme.items():
        for ids in portions(programme):
            written += len(judge(programme, ids, challenges))
    return written


def is_judging_due(last_end: dt.datetime | None) -> bool:
    """Return whether a day has begun, or a challenge was published, since the last time. One query."""
    return is_judging_due_for(Challenge.objects.exclude(state=VersionState.DRAFT), last_end)
