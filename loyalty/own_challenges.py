"""What pages show of challenges: those that can be taken on, how far a member is, what they completed, and weeks in a row."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from loyalty.buckets import today_of
from loyalty.models.challenges import ONCE, Challenge, ChallengeRecord
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Member, Wallet
from loyalty.services import badges, challenges, earning
from portal.core.honours import Honour

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty.models import Earning
    from loyalty.models.ledger import Programme
    from loyalty.services.badges import Awards
    from loyalty.services.challenges import Now, Streak
    from loyalty.services.earning import Worth

#: Lines of the history.
MOST_PAST: Final = 50
#: A row of weeks that is told.
_FEW_WEEKS: Final = 2
What = ChallengeRecord.What

_helping: Final[list[str]] = []


def count_help(triggers: Iterable[str]) -> None:
    """Have awards of these triggers count as help, for weeks in a row. Called when the apps are ready."""
    _helping.extend(trigger for trigger in triggers if trigger not in _helping)


@dataclass(frozen=True, slots=True)
class Running:
    """A challenge that can be taken on today."""

    challenge: Challenge
    time: Now
    count: int
    is_completed: bool
    #: What is counted, as the trigger calls it.
    counted: str
    #: What it gives by the rules of today; None if it gives no points.
    worth: Worth | None = None
    #: What it gave, once that is decided.
    given: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """That a challenge was completed, or that this was taken back."""

    challenge: Challenge
    #: A day of the month in which it was, or None.
    month: dt.date | None
    at: dt.datetime
    is_completed: bool
    #: What it gave, once that is decided.
    given: int | None = None


@dataclass(frozen=True, slots=True)
class OwnChallenges:
    """A member's challenges: running ones, nearest first, and past ones, newest first."""

    running: list[Running]
    past: list[Past] = field(default_factory=list)
    #: Weeks in a row, if there are a few.
    streak: Streak | None = None
    free_weeks: int = challenges.FREE_WEEKS

    def __bool__(self) -> bool:
        return bool(self.running or self.past or self.streak)


def challenges_of(wallet: Wallet | None, shown: Earning) -> OwnChallenges:
    """Return what a wallet has of challenges. A few queries, however many there are; writes nothing."""
    programme = shown.programme
    today, calendar = today_of(programme), programme.calendar
    known = list(Challenge.objects.filter(programme=programme).exclude(state=VersionState.DRAFT))
    ids = [wallet.pk] if wallet else []
    last = challenges.last_records(ids) if ids and known else {}
    awards = badges.standing_awards(programme, ids, {*(each.trigger for each in known), *_helping}) if ids else {}
    given = challenges.points_given(ids) if last else {}
    worth = _worth(programme, known, wallet)
    triggers = earning.all_triggers()
    running, past = [], []
    for challenge in known:
        challenge.programme = programme
        for place, row in last.items():
            _wallet, pk, period = place
            if pk == challenge.pk:
                month = None if period == ONCE else dt.date.fromisoformat(period)
                past.append(Past(challenge, month, row.created_at, row.what == What.COMPLETED, given.get(place)))
        time = challenges.time_at(challenge, today, in_calendar=calendar)
        if challenge.state != VersionState.PUBLISHED or time is None:
            continue
        period = challenges.period_of(challenge, today, in_calendar=calendar)
        here = (ids[0], challenge.pk, period) if ids else None
        own = last.get(here) if here else None
        is_completed = own is not None and own.what == What.COMPLETED
        if not is_completed and not challenge.is_for_all and not challenges.eligible(challenge, ids):
            continue
        trigger = triggers.get(challenge.trigger)
        running.append(
            Running(
                challenge,
                time,
                min(challenge.target, _count(awards, ids, challenge.trigger, time)),
                is_completed,
                str(trigger.label) if trigger else "",
                worth.get(challenge.pk),
                given.get(here) if here else None,
            )
        )
    running.sort(key=lambda each: (each.is_completed, -each.count / each.challenge.target, each.challenge.code))
    past.sort(key=lambda each: each.at, reverse=True)
    days = [day for (_wallet, trigger), own in awards.items() if trigger in _helping for day in own.days]
    streak = challenges.streak_of(days, today, in_calendar=calendar)
    return OwnChallenges(running, past[:MOST_PAST], streak if streak.weeks >= _FEW_WEEKS else None)


def _worth(programme: Programme, known: Iterable[Challenge], wallet: Wallet | None) -> dict[int, Worth]:
    """Return what challenges give by the rules of today, by their ids, where that is anything. At most three queries."""
    paying = [challenge for challenge in known if challenge.points and challenge.state == VersionState.PUBLISHED]
    events: list[dict[str, bool | int | str]] = [{"points": challenge.points} for challenge in paying]
    key = wallet.member_key if wallet else None
    found = earning.worth_now(programme, challenges.CHALLENGE, events, member_key=key) if paying else []
    return {challenge.pk: worth for challenge, worth in zip(paying, found, strict=True) if worth.points}


def _count(awards: dict[tuple[int, str], Awards], ids: list[int], trigger: str, time: Now) -> int:
    own = awards.get((ids[0], trigger)) if ids else None
    return sum(time.first_day <= day <= time.last_day for day in own.days) if own else 0


def public_challenges_of(person_id: int) -> list[Honour]:
    """Return what everybody may see of the challenges a person completed, in programmes that are open. One query."""
    rows = ChallengeRecord.objects.filter(
        wallet__member_key__in=Member.objects.filter(user=person_id).values("key"),
        challenge__is_badge=True,
        challenge__programme__earning__is_open=True,
    ).select_related("challenge")
    last = {(row.challenge_id, row.period): row for row in rows.order_by("number")}
    newest: dict[int, ChallengeRecord] = {}
    for row in sorted(last.values(), key=lambda row: row.created_at):
        if row.what == What.COMPLETED:
            newest[row.challenge_id] = row
    return [
        Honour(name=str(row.challenge), text=str(row.challenge.text), icon=row.challenge.icon, since=row.created_at)
        for row in newest.values()
    ]
