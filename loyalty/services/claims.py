"""Missing points: what was decided about a day, in words, and questions to staff where that is no answer.

Staff answer them with the rights of corrections: whoever answers may be who adds the points. Never about one's own.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.buckets import today_of
from loyalty.exceptions import ClaimRefusedError, DecidedError
from loyalty.models.claims import CLAIM_NOTE_LENGTH, PointsClaim
from loyalty.models.earning import Decision
from loyalty.models.ledger import Member
from loyalty.queries import wallets_of
from loyalty.services import earning
from loyalty.services.adjusting.rights import actor_of, may_ask, refuse_own, require
from loyalty.services.telling import tell_of_answer
from portal.core.privacy import redact_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty.models.ledger import Programme
    from loyalty.services.earning import Explanation
    from portal.accounts.models import User

#: So long ago it can have been.
OLDEST: Final = dt.timedelta(days=366)
#: Decisions that are shown about one day.
_MOST: Final = 20
#: Questions one member can have open.
_MOST_OPEN: Final = 5

State = PointsClaim.State


def found_on(person: User, programme: Programme, *, trigger: str, day: dt.date) -> list[tuple[Decision, Explanation]]:
    """Return what holds about everything of a kind that the person did on a day, latest first. Three queries."""
    begin = dt.datetime.combine(day, dt.time(), ZoneInfo(programme.time_zone))
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(programme.time_zone))
    rounds = Decision.objects.filter(
        wallet__in=wallets_of(person).filter(programme=programme).order_by(),
        event__trigger=trigger,
        event__occurred_at__gte=begin,
        event__occurred_at__lt=end,
    )
    last: dict[int, Decision] = {}
    for decision in rounds.select_related("event", "wallet").order_by("-pk")[: _MOST * 3]:
        last.setdefault(decision.event_id, decision)
    shown = list(last.values())[:_MOST]
    names = earning.names_of_rules(shown)
    return [(decision, earning.explain(decision, names)) for decision in shown]


def check_day(programme: Programme, day: dt.date) -> None:
    """Raise `ClaimRefusedError` for a day that is yet to come or over too long ago."""
    today = today_of(programme)
    if day > today:
        raise ClaimRefusedError(_("That day is yet to come."))
    if today - day > OLDEST:
        raise ClaimRefusedError(_("That is more than a year ago."))


@transaction.atomic
def send_claim(person: User, programme: Programme, *, trigger: str, day: dt.date, note: str = "") -> PointsClaim:
    """Ask staff about missing points; the same question again returns the one that is open.

    Raises `ClaimRefusedError` for an impossible day, and with too many open questions.
    """
    check_day(programme, day)
    Member.objects.get_or_create(user=person)
    member = Member.objects.select_for_update(of=("self",), no_key=True).get(user=person)
    opened = PointsClaim.objects.filter(member=member, state=State.OPEN)
    same = opened.filter(programme=programme, trigger=trigger, day=day).first()
    if same is not None:
        return same
    if opened.count() >= _MOST_OPEN:
        raise ClaimRefusedError(_("We are still looking into your other questions. Please wait for an answer."))
    return PointsClaim.objects.create(
        member=member, programme=programme, trigger=trigger, day=day, note=redact_to(note, CLAIM_NOTE_LENGTH)
    )


def claims_of(person: User, *, limit: int = 20) -> list[PointsClaim]:
    """Return the person's questions, newest first. One query."""
    return list(PointsClaim.objects.filter(member__user=person).order_by("-pk")[:limit])


def answer(claim: PointsClaim, *, state: str, by: User) -> PointsClaim:
    """Answer a question; the points themselves are added as a correction.

    Raises `NoRightError`, `OwnPointsError`, `DecidedError` if somebody answered otherwise, `ValueError`.
    """
    require(may_ask(by))
    if state not in State.values or state == State.OPEN:
        raise ValueError(state)
    with transaction.atomic():
        row = PointsClaim.objects.select_for_update(of=("self",)).select_related("member").get(pk=claim.pk)
        refuse_own(by, row.member.key)
        if row.state != State.OPEN:
            if row.state == state:
                return row
            raise DecidedError
        row.state, row.answered_at, row.answered_by = state, timezone.now(), actor_of(by)
        row.save(update_fields=["state", "answered_at", "answered_by"])
        tell_of_answer(row)
        return row


def export_claims(person: User) -> Iterator[dict[str, Any]]:
    """Yield the person's questions, as values for JSON, newest first. Not who answered."""
    for claim in PointsClaim.objects.filter(member__user=person).order_by("-pk").iterator(chunk_size=500):
        yield {
            "what": claim.trigger,
            "day": claim.day.isoformat(),
            "note": claim.note,
            "state": claim.state,
            "asked_at": claim.asked_at.isoformat(),
        }
