"""What pages show of badges: those that somebody has, and how far the next ones are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef

from loyalty.buckets import today_of
from loyalty.models import Badge, BadgeRecord
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Member
from loyalty.services import badges
from portal.core.honours import Honour

if TYPE_CHECKING:
    import datetime as dt

    from loyalty.models import Earning, Wallet

#: Badges that one can work for, the nearest first.
_NEXT: Final = 3


@dataclass(frozen=True, slots=True)
class Ahead:
    """A badge that the member does not have yet."""

    badge: Badge
    count: int


@dataclass(frozen=True, slots=True)
class OwnBadges:
    """A member's badges, newest first, and those they can earn."""

    earned: list[tuple[Badge, dt.datetime]]
    ahead: list[Ahead]


def badges_of(wallet: Wallet | None, shown: Earning) -> OwnBadges | None:
    """Return the badges of a wallet; None if the programme has none. Up to three queries; writes nothing."""
    known = list(Badge.objects.filter(programme=shown.programme).exclude(state=VersionState.DRAFT))
    if not known:
        return None
    ids = [wallet.pk] if wallet else []
    last = {badge: row for (_wallet, badge), row in badges.last_records(ids).items()} if ids else {}
    awards = badges.standing_awards(shown.programme, ids, {badge.trigger for badge in known}) if ids else {}
    today = today_of(shown.programme)
    earned, ahead = [], []
    for badge in known:
        row = last.get(badge.pk)
        if row is not None and row.what == BadgeRecord.What.AWARDED:
            earned.append((badge, row.created_at))
        elif badge.state == VersionState.PUBLISHED and not badges.is_over(badge, today):
            own = awards.get((ids[0], badge.trigger)) if ids else None
            ahead.append(Ahead(badge, badges.count_so_far(badge, own.days if own else [], today)))
    earned.sort(key=lambda each: each[1], reverse=True)
    ahead.sort(key=lambda each: (-each.count / each.badge.target, each.badge.target, each.badge.code))
    return OwnBadges(earned, ahead[:_NEXT])


def public_badges_of(person_id: int) -> list[Honour]:
    """Return the badges that everybody may see of a person, in programmes that are open. One query."""
    later = BadgeRecord.objects.filter(
        badge=OuterRef("badge"), wallet=OuterRef("wallet"), number__gt=OuterRef("number")
    )
    rows = (
        BadgeRecord.objects.filter(
            wallet__member_key__in=Member.objects.filter(user=person_id).values("key"),
            what=BadgeRecord.What.AWARDED,
            badge__is_public=True,
            badge__programme__earning__is_open=True,
        )
        .exclude(Exists(later))
        .select_related("badge")
    )
    return [
        Honour(name=str(row.badge), text=str(row.badge.text), icon=row.badge.icon, since=row.created_at) for row in rows
    ]
