"""Making tiers: drafts, a preview of who moves where, publishing; and giving a tier by hand. Who may is asked here."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.buckets import today_of
from loyalty.exceptions import GrantRefusedError, NotADraftError, NotPermittedError
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Programme, Wallet
from loyalty.models.tiers import Tier, TierMembership, TierProgramme, TierSet
from loyalty.services.ledger import statements
from loyalty.services.members import wallet_for
from loyalty.services.tiers.evaluating import (
    Judged,
    evidence_of,
    judge_many,
    ladder_of,
    portions,
    set_in_force,
    standings_of,
    tell,
    write,
)
from loyalty.services.tiers.judging import Earned, Ladder, Move, Reason, Standing
from loyalty.services.tiers.points import earned_by, periods_that_count
from portal.core.localized import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.accounts.models import User

#: The longest grant.
MOST_DAYS: Final = 731
#: Members named in a preview.
_SHOWN: Final = 20
#: Fields of a set that a draft changes.
FIELDS: Final = ("window", "grace_days", "downgrade")
#: Code, Persian and English name, points, colour, icon, and benefits.
TIERS: Final[tuple[tuple[str, str, str, int, str, str, str, str], ...]] = (
    ("bronze", "برنزی", "Bronze", 0, "bronze", "medal", "امتیاز برای هر کمک", "Points for every help"),
    (
        *("silver", "نقره‌ای", "Silver", 1_000, "silver", "medal"),
        "نشان نقره‌ای روی کارت عضویت",
        "The silver mark on the membership card",
    ),
    (
        *("gold", "طلایی", "Gold", 4_000, "gold", "crown"),
        "دعوت به آزمایش دستگاه‌های تازه",
        "Invitations to try new devices",
    ),
    (
        *("diamond", "الماسی", "Diamond", 10_000, "diamond", "gem"),
        "دعوت به آزمایش دستگاه‌های تازه\nگفت‌وگوی سالانه با گروه محصول",
        "Invitations to try new devices\nA yearly conversation with the product team",
    ),
)


def may_draft(user: User) -> bool:
    """Return whether the person may write tiers that nobody has yet, and see who would move."""
    return user.is_active and user.has_perm("loyalty.change_tierset")


def may_publish(user: User) -> bool:
    """Return whether the person may decide what tiers there are."""
    return user.is_active and user.has_perm("loyalty.publish_tierset")


def may_grant(user: User) -> bool:
    """Return whether the person may give tiers to others."""
    return user.is_active and user.has_perm("loyalty.grant_tier")


def _require(is_permitted: bool) -> None:
    if not is_permitted:
        raise NotPermittedError


@transaction.atomic
def set_up(*, programme: Programme, by: User) -> TierSet | None:
    """Give a programme status points and a draft of four tiers; None if it has tiers. Raises `NotPermittedError`."""
    _require(may_draft(by))
    if TierProgramme.objects.filter(source=programme).exists():
        return None
    status = Programme.objects.create(
        code=f"{programme.code[:33]}-status",
        calendar=programme.calendar,
        time_zone=programme.time_zone,
        expiry_months=0,
        is_spending_stopped=True,
    )
    tiers = TierProgramme.objects.create(source=programme, status=status)
    rows = [
        {
            "code": code,
            "name": LocalizedText(fa=persian, en=english),
            "threshold": threshold,
            "colour": colour,
            "icon": icon,
            "benefits": LocalizedText(fa=benefits_fa, en=benefits_en),
        }
        for code, persian, english, threshold, colour, icon, benefits_fa, benefits_en in TIERS
    ]
    return save_draft(tiers=tiers, rows=rows, by=by)


@transaction.atomic
def save_draft(*, tiers: TierProgramme, rows: Sequence[dict[str, Any]], by: User, **values: Any) -> TierSet:
    """Change the draft, or make one; its tiers become these. Raises `NotPermittedError`, `ValidationError`."""
    _require(may_draft(by))
    TierProgramme.objects.select_for_update(no_key=True).get(pk=tiers.pk)
    last = TierSet.objects.filter(tiers=tiers).order_by("-number").first()
    if last is not None and last.is_draft:
        draft = last
    else:
        draft = TierSet(tiers=tiers, number=last.number + 1 if last else 1)
        for name in FIELDS if last else ():
            setattr(draft, name, getattr(last, name))
    for name, value in values.items():
        if name not in FIELDS:
            raise TypeError(name)
        setattr(draft, name, value)
    draft.full_clean(exclude=["tiers", "state"], validate_constraints=False)
    draft.save()
    Tier.objects.filter(tier_set=draft).delete()
    new = [Tier(tier_set=draft, **row) for row in rows]
    _check(new)
    for tier in new:
        tier.full_clean(exclude=["tier_set"], validate_constraints=False)
        tier.save()
    return draft


def _check(tiers: Sequence[Tier]) -> None:
    """Raise `ValidationError` unless everybody has a tier, and one only."""
    thresholds = [tier.threshold for tier in tiers]
    if 0 not in thresholds:
        raise ValidationError(_("One tier begins at 0 points: everybody is in it first."))
    if len(set(thresholds)) < len(thresholds):
        raise ValidationError(_("Two tiers begin at the same number of points."))
    if len({tier.code for tier in tiers}) < len(tiers):
        raise ValidationError(_("Two tiers have the same code."))


@transaction.atomic
def publish(draft: TierSet, *, by: User) -> TierSet:
    """Have these tiers count from now on. Members move within the hour, down only after a notice.

    Raises `NotPermittedError`, `NotADraftError`, `ValidationError`.
    """
    _require(may_publish(by))
    TierProgramme.objects.select_for_update(no_key=True).get(pk=draft.tiers_id)
    draft = TierSet.objects.get(pk=draft.pk)
    if not draft.is_draft:
        raise NotADraftError
    _check(list(draft.rows.all()))
    now = timezone.now()
    sets = TierSet.objects.filter(tiers=draft.tiers_id)
    sets.filter(state=VersionState.PUBLISHED).update(state=VersionState.RETIRED, retired_at=now)
    sets.filter(pk=draft.pk).update(state=VersionState.PUBLISHED, published_at=now, published_by=f"user:{by.pk}")
    return TierSet.objects.get(pk=draft.pk)


# Preview -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Preview:
    """Who would move where if a draft were published now."""

    members: int = 0
    #: How many will be in each tier at once, by its position.
    in_tier: Counter[int] = field(default_factory=Counter)
    #: How many move, by what they are told and the tiers they leave and come to. Of a notice: where the points would lead.
    moves: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    #: Pseudonymous keys of some who would be told that they lose their tier.
    losing: list[str] = field(default_factory=list)


def preview(draft: TierSet) -> Preview:
    """Judge all members by a draft; writes nothing. Reads the members in portions."""
    ladder, found = ladder_of(draft), Preview()
    today = today_of(draft.tiers.status)
    for ids in portions(draft):
        losing = []
        for judged in judge_many(ids, draft, ladder, today):
            found.members += 1
            move = judged.move
            at = ladder.place_of(judged.standing.tier)
            found.in_tier[move.to if move else at] += 1
            if move is not None and move.reason != Reason.KEPT:
                told = move.reason == Reason.NOTICE
                found.moves[move.reason, at, ladder.for_points(judged.earned.points) if told else move.to] += 1
                if told or move.to < at:
                    losing.append(judged.wallet_id)
        room = _SHOWN - len(found.losing)
        keys = Wallet.objects.filter(pk__in=losing[:room]).order_by("pk").values_list("member_key", flat=True)
        found.losing += [str(key) for key in keys] if room > 0 else []
    return found


# By hand -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def grant(*, user: User, programme: Programme, tier: str, until: dt.date, reason: str, by: User) -> TierMembership:
    """Give a member a higher tier until the end of a day. Raises `NotPermittedError` and `GrantRefusedError`.

    Nobody gives one to themselves. Points that are enough for more still count.
    """
    _require(may_grant(by))
    if by.pk == user.pk:
        raise GrantRefusedError(_("Nobody gives a tier to themselves."))
    if reason not in TierMembership.GrantReason.values:
        raise GrantRefusedError(_("Say why."))
    link = TierProgramme.objects.filter(source=programme).select_related("status").first()
    wallet = wallet_for(user=user, programme=link.status) if link else None
    rules = set_in_force(wallet) if wallet else None
    if wallet is None or rules is None:
        raise GrantRefusedError(_("There are no tiers yet."))
    today = today_of(rules.tiers.status)
    if not today < until <= today + dt.timedelta(days=MOST_DAYS):
        raise GrantRefusedError(_("The last day is in the future, within two years."))
    judged, ladder = _locked(wallet, rules, today)
    wanted = next((place for place, known in enumerate(ladder.tiers) if known.code == tier), None)
    at = ladder.place_of(judged.standing.tier)
    if (
        wanted is None
        or wanted < at
        or (wanted == at and judged.standing.ends_on is None and not judged.standing.granted)
    ):
        raise GrantRefusedError(_("The member has this tier already, or a higher one."))
    move = Move(Reason.GRANTED, at, wanted, due_on=until)
    row = write(
        replace(judged, move=move),
        ladder,
        evidence=evidence_of(judged, rules, today),
        actor=f"user:{by.pk}",
        grant_reason=reason,
    )
    tell([row], rules)
    return row


@transaction.atomic
def end_grant(*, user: User, programme: Programme, by: User) -> TierMembership | None:
    """Take back what was given by hand: the member falls to what the points are enough for. None without a grant.

    Raises `NotPermittedError`.
    """
    _require(may_grant(by))
    link = TierProgramme.objects.filter(source=programme).select_related("status").first()
    wallet = wallet_for(user=user, programme=link.status) if link else None
    rules = set_in_force(wallet) if wallet else None
    if wallet is None or rules is None:
        return None
    today = today_of(rules.tiers.status)
    judged, ladder = _locked(wallet, rules, today)
    if judged.standing.granted is None:
        return None
    at = ladder.place_of(judged.standing.tier)
    move = Move(Reason.GRANT_ENDED, at, min(at, ladder.for_points(judged.earned.points)))
    evidence = evidence_of(judged, rules, today)
    row = write(replace(judged, move=move), ladder, evidence=evidence, actor=f"user:{by.pk}")
    tell([row], rules)
    return row


def _locked(wallet: Wallet, rules: TierSet, today: dt.date) -> tuple[Judged, Ladder]:
    statements.lock_wallets([wallet.pk])
    zone = ZoneInfo(rules.tiers.status.time_zone)
    periods = periods_that_count(rules.tiers.status, rules.window, today)
    earned = earned_by([wallet.pk], periods)
    standing = standings_of([wallet.pk], zone).get(wallet.pk, Standing())
    return Judged(wallet.pk, standing, earned.get(wallet.pk, Earned()), None), ladder_of(rules)
