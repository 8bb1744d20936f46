"""Making badges: drafts, who would have one, publishing and ending. Who may is asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.exceptions import NotADraftError, NotPermittedError
from loyalty.models.badges import Badge
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Programme
from loyalty.services.badges.following import judge_many, portions
from loyalty.services.earning.triggers import all_triggers
from portal.core.localized import LocalizedText

if TYPE_CHECKING:
    from portal.accounts.models import User

#: What a draft is made of.
BADGE_FIELDS: Final = (
    *("name", "text", "icon", "trigger", "target", "period", "days", "starts_on", "ends_on", "is_public"),
)


class Preview(NamedTuple):
    """Who would have a badge if it were published now."""

    members: int
    earning: int
    #: With at least half of what it takes, but not all.
    near: int


def may_draft(user: User) -> bool:
    """Return whether the person may write badges that nobody has yet."""
    return user.is_active and user.has_perm("loyalty.change_badge")


def may_publish(user: User) -> bool:
    """Return whether the person may decide what badges there are."""
    return user.is_active and user.has_perm("loyalty.publish_badge")


def _require(is_permitted: bool) -> None:
    if not is_permitted:
        raise NotPermittedError


@transaction.atomic
def save_badge(badge: Badge, *, by: User, **values: Any) -> Badge:
    """Create or change a draft. Raises `NotPermittedError`, `NotADraftError`, `ValidationError`."""
    _require(may_draft(by))
    if badge.pk is not None:
        badge = _locked(badge)
    for name, value in values.items():
        if name not in BADGE_FIELDS:
            raise TypeError(name)
        setattr(badge, name, value)
    _check(badge)
    if Badge.objects.filter(programme=badge.programme, code=badge.code).exclude(pk=badge.pk).exists():
        raise ValidationError({"code": _("There is a badge with this code already.")})
    badge.save()
    return badge


def _locked(badge: Badge) -> Badge:
    """Return the draft as it is now, for nobody else to change meanwhile. Raises `NotADraftError`."""
    found = Badge.objects.select_for_update(of=("self",)).select_related("programme").get(pk=badge.pk)
    if not found.is_draft:
        raise NotADraftError
    return found


def _check(badge: Badge) -> None:
    """Raise `ValidationError` for a badge that nobody could earn, or read in one of the languages at all."""
    if badge.trigger not in all_triggers():
        raise ValidationError({"trigger": _("Nothing like this happens.")})
    badge.full_clean(exclude=["programme", "state"], validate_constraints=False)


@transaction.atomic
def publish(badge: Badge, *, by: User) -> Badge:
    """Have members earn this badge; those who did already get it within the hour.

    Raises `NotPermittedError`, `NotADraftError`, `ValidationError`.
    """
    _require(may_publish(by))
    badge = _locked(badge)
    _check(badge)
    Badge.objects.filter(pk=badge.pk).update(
        state=VersionState.PUBLISHED, published_at=timezone.now(), published_by=f"user:{by.pk}"
    )
    return Badge.objects.get(pk=badge.pk)


@transaction.atomic
def retire(badge: Badge, *, by: User) -> bool:
    """Have nobody else earn it; whoever has it keeps it. Return whether it could be earned. Raises `NotPermittedError`."""
    _require(may_publish(by))
    in_force = Badge.objects.filter(pk=badge.pk, state=VersionState.PUBLISHED)
    return bool(in_force.update(state=VersionState.RETIRED, retired_at=timezone.now()))


def preview(badge: Badge) -> Preview:
    """Judge all members by a badge; writes nothing. Reads the members in portions."""
    members = earned = near = 0
    for ids in portions(badge.programme):
        for judged in judge_many(badge.programme, ids, [badge]):
            members += 1
            earned += judged.is_earned
            near += not judged.is_earned and judged.times * 2 >= badge.target
    return Preview(members, earned, near)


#: Code, icon, trigger, times, days; name and text in Persian and English.
_DEFAULTS: Final[tuple[tuple[str, str, str, int, int | None, str, str, str, str], ...]] = (
    (
        *("first-answer", "sparkles", "community.solution", 1, None, "نخستین گره‌گشایی", "First solution"),
        *("برای نخستین پاسخ پذیرفته‌شده.", "For a first accepted answer."),
    ),
    (
        *("ten-answers", "medal", "community.solution", 10, None, "گره‌گشا", "Problem solver"),
        *("برای ده پاسخ پذیرفته‌شده.", "For ten accepted answers."),
    ),
    (
        *("busy-month", "trophy", "community.solution", 5, 30, "ماه پربار", "Busy month"),
        *("برای پنج پاسخ پذیرفته‌شده در سی روز.", "For five accepted answers within thirty days."),
    ),
    (
        *("welcome", "user-plus", "community.welcome", 5, None, "میزبان", "Host"),
        *("برای نخستین پاسخ به پنج تازه‌وارد.", "For the first reply to five people who were new."),
    ),
)


def set_up(*, programme: Programme, by: User) -> list[Badge]:
    """Create the drafts of a few badges in a programme that has none. Raises `NotPermittedError`."""
    _require(may_draft(by))
    if Badge.objects.filter(programme=programme).exists():
        return []
    return [
        save_badge(
            Badge(programme=programme, code=code),
            by=by,
            icon=icon,
            trigger=trigger,
            target=target,
            period=Badge.Period.ROLLING if days else Badge.Period.EVER,
            days=days,
            name=LocalizedText(fa=name_fa, en=name_en),
            text=LocalizedText(fa=text_fa, en=text_en),
        )
        for code, icon, trigger, target, days, name_fa, name_en, text_fa, text_en in _DEFAULTS
    ]
