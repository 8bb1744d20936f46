"""Making challenges: drafts, who would have completed one, publishing and ending. Who may is asked here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.buckets import month_begin, month_end, today_of
from loyalty.exceptions import NotADraftError, NotPermittedError, RuleError
from loyalty.models.challenges import Challenge, ChallengeRecord
from loyalty.models.earning import RuleVersion, VersionState
from loyalty.models.ledger import Wallet
from loyalty.services import earning, second_person
from loyalty.services.badges import portions, standing_awards
from loyalty.services.challenges.following import CHALLENGE, eligible
from loyalty.services.earning.triggers import all_triggers

if TYPE_CHECKING:
    from portal.accounts.models import User

#: What a draft is made of.
CHALLENGE_FIELDS: Final = (
    *("name", "text", "icon", "trigger", "target", "period", "starts_on", "ends_on", "repeats"),
    *("points", "is_badge", "segment", "from_tier"),
)
#: Months that a preview looks at, and for which a challenge without an end is reckoned.
_MONTHS_TRIED: Final = 3
_MONTHS_AHEAD: Final = 12


class NoRuleError(RuleError):
    """Nothing gives points for challenges."""

    def __init__(self) -> None:
        super().__init__(
            gettext_lazy(
                "No rule gives points for completed challenges yet. Publish one for “You complete a challenge” first, with 1 point for"
                " each of the points of the challenge; its limits and waiting days hold for all challenges."
            )
        )


class Tried(NamedTuple):
    """Who would have completed a challenge in a time that is over."""

    first_day: dt.date
    last_day: dt.date
    completed: int
    #: With at least half of what it takes, but not all.
    near: int
    points: int


class Preview(NamedTuple):
    """What a challenge would have come to, oldest time first."""

    members: int
    times: list[Tried]


def may_draft(user: User) -> bool:
    """Return whether the person may write challenges that nobody sees yet."""
    return user.is_active and user.has_perm("loyalty.change_challenge")


def may_publish(user: User) -> bool:
    """Return whether the person may decide what challenges there are."""
    return user.is_active and user.has_perm("loyalty.publish_challenge")


def _require(is_permitted: bool) -> None:
    if not is_permitted:
        raise NotPermittedError


@transaction.atomic
def save_challenge(challenge: Challenge, *, by: User, **values: Any) -> Challenge:
    """Create or change a draft. Raises `NotPermittedError`, `NotADraftError`, `ValidationError`.

    With None as `is_badge` what a segment completes stays with the member: a badge that others see tells them the segment.
    """
    _require(may_draft(by))
    if challenge.pk is not None:
        challenge = _locked(challenge)
    if values.get("is_badge", challenge.is_badge if challenge.pk else None) is None:
        values["is_badge"] = not values.get("segment", challenge.segment)
    second_person.write(challenge, values, fields=CHALLENGE_FIELDS, by=by)
    _check(challenge)
    same = Challenge.objects.filter(programme=challenge.programme, code=challenge.code)
    if same.exclude(pk=challenge.pk).exists():
        raise ValidationError({"code": _("There is a challenge with this code already.")})
    challenge.save()
    return challenge


def _locked(challenge: Challenge) -> Challenge:
    """Return the draft as it is now, for nobody else to change meanwhile. Raises `NotADraftError`."""
    found = Challenge.objects.select_for_update(of=("self",)).select_related("programme").get(pk=challenge.pk)
    if not found.is_draft:
        raise NotADraftError
    return found


def _check(challenge: Challenge) -> None:
    """Raise `ValidationError` for a challenge that nobody could complete, or read in one of the languages at all."""
    if challenge.trigger not in all_triggers() or challenge.trigger == CHALLENGE:
        raise ValidationError({"trigger": _("Nothing like this happens.")})
    challenge.full_clean(exclude=["programme", "state"], validate_constraints=False)


@transaction.atomic
def publish(challenge: Challenge, *, by: User) -> Challenge:
    """Have members take it on; those who have done enough in its time already complete it within the hour.

    Raises `NotPermittedError`, `NotADraftError`, `SecondPersonError`, `NoRuleError`, `ValidationError`.
    """
    _require(may_publish(by))
    challenge = _locked(challenge)
    _check(challenge)
    programme, today = challenge.programme, today_of(challenge.programme)
    if challenge.ends_on is not None and challenge.ends_on < today:
        raise ValidationError({"ends_on": _("This day is over.")})
    second_person.require_second_person(programme, most=most_points(challenge), drafted_by=challenge.drafted_by, by=by)
    rules = RuleVersion.objects.filter(rule__programme=programme, trigger=CHALLENGE, state=VersionState.PUBLISHED)
    if challenge.points and not rules.exists():
        raise NoRuleError
    Challenge.objects.filter(pk=challenge.pk).update(
        state=VersionState.PUBLISHED,
        published_at=timezone.now(),
        published_by=f"user:{by.pk}",
        starts_on=challenge.starts_on or month_begin(today, in_calendar=programme.calendar),
    )
    return Challenge.objects.get(pk=challenge.pk)


def most_points(challenge: Challenge) -> int:
    """Return what it costs if everybody who is a member now completes it each time: of the next twelve months without an end.

    Each time it costs what the rules in force give for it at most, also while a campaign runs that is published.
    """
    if not challenge.points:
        return 0
    each = earning.most_for_facts(challenge.programme, CHALLENGE, {"points": challenge.points})
    members = Wallet.objects.filter(programme=challenge.programme).exclude(status=Wallet.Status.CLOSED).count()
    times = 1
    if challenge.repeats:
        today = today_of(challenge.programme)
        end = challenge.ends_on or today + dt.timedelta(days=366)
        times = min(_MONTHS_AHEAD, max(1, (end - max(today, challenge.starts_on or today)).days // 29 + 1))
    return each * members * times


@transaction.atomic
def retire(challenge: Challenge, *, by: User) -> bool:
    """Have nobody else complete it; whoever did keeps it. Return whether it could be completed. Raises `NotPermittedError`."""
    _require(may_publish(by))
    in_force = Challenge.objects.filter(pk=challenge.pk, state=VersionState.PUBLISHED)
    return bool(in_force.update(state=VersionState.RETIRED, retired_at=timezone.now()))


def preview(challenge: Challenge) -> Preview:
    """Judge all members who could take it on, as they are now, by times that are over; writes nothing.

    These are the last three months, or as many days up to yesterday. Reads the members in portions.
    """
    times = _times_before(challenge, today_of(challenge.programme))
    completed, near, members = [0] * len(times), [0] * len(times), 0
    for ids in portions(challenge.programme):
        may = eligible(challenge, ids)
        members += len(may)
        awards = standing_awards(challenge.programme, may, {challenge.trigger})
        for own in awards.values():
            for place, (first, last) in enumerate(times):
                count = sum(first <= day <= last for day in own.days)
                completed[place] += count >= challenge.target
                near[place] += challenge.target > count >= challenge.target / 2
    return Preview(
        members,
        [
            Tried(first, last, done, almost, done * challenge.points)
            for (first, last), done, almost in zip(times, completed, near, strict=True)
        ],
    )


def _times_before(challenge: Challenge, today: dt.date) -> list[tuple[dt.date, dt.date]]:
    """Return the times that a preview looks at, oldest first."""
    calendar, yesterday = challenge.programme.calendar, today - dt.timedelta(days=1)
    if challenge.period == Challenge.Period.FIXED and challenge.starts_on and challenge.ends_on:
        return [(yesterday - (challenge.ends_on - challenge.starts_on), yesterday)]
    times, day = [], month_begin(today, in_calendar=calendar) - dt.timedelta(days=1)
    for _month in range(_MONTHS_TRIED):
        begin = month_begin(day, in_calendar=calendar)
        times.append((begin, month_end(day, months=0, in_calendar=calendar)))
        day = begin - dt.timedelta(days=1)
    return times[::-1]


def completions() -> dict[int, int]:
    """Return how often each challenge is completed, by its id. One query for the last rows."""
    last = {
        (wallet, challenge, period): what
        for wallet, challenge, period, what in ChallengeRecord.objects.order_by("number").values_list(
            "wallet", "challenge", "period", "what"
        )
    }
    found: dict[int, int] = {}
    for (_wallet, challenge, _period), what in last.items():
        found[challenge] = found.get(challenge, 0) + (what == ChallengeRecord.What.COMPLETED)
    return found
