"""Campaigns as staff make them: drafts, and the budgets that pay for them. Publishing and ending is in `publishing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.exceptions import NotADraftError, NotPermittedError
from loyalty.models.earning import Campaign, VersionState
from loyalty.models.ledger import Account, Kind
from loyalty.services import ledger
from loyalty.services.earning.publishing import check_campaign, may_draft
from loyalty.services.second_person import require_second_person, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from loyalty.services.ledger import Posted
    from portal.accounts.models import User

#: What a draft is made of.
CAMPAIGN_FIELDS: Final = (
    *("name", "percent", "starts_at", "ends_at", "weekdays", "hour_from", "hour_to", "rules", "budget", "segments"),
)


def may_fund(user: User) -> bool:
    """Return whether the person may put points into budgets."""
    return user.is_active and user.has_perm("loyalty.fund_budget")


@transaction.atomic
def save_campaign(campaign: Campaign, *, by: User, **values: Any) -> Campaign:
    """Create or change a draft. Raises `NotPermittedError`, `NotADraftError`, `ValidationError`."""
    if not may_draft(by):
        raise NotPermittedError
    if campaign.pk is not None:
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if locked.state != VersionState.DRAFT:
            raise NotADraftError
        campaign = locked
    write(campaign, values, fields=CAMPAIGN_FIELDS, by=by)
    check_campaign(campaign)
    same = Campaign.objects.filter(programme=campaign.programme, code=campaign.code).exclude(pk=campaign.pk)
    if same.exists():
        raise ValidationError({"code": _("There is a campaign with this code already.")})
    campaign.save()
    return campaign


def fund_campaign(campaign: Campaign, *, points: int, by: User, token: UUID) -> Posted:
    """Put points into the budget of a campaign; the same token again puts them there once.

    Raises `NotPermittedError`, `SecondPersonError`, `ValueError` if it has no budget, `InvalidAmountError`, `KeyReusedError`.
    """
    if not may_fund(by):
        raise NotPermittedError
    if not campaign.budget:
        raise ValueError(campaign.code)
    there = budgets_of([campaign])[campaign.pk][0]
    sharing = Campaign.objects.filter(programme=campaign.programme, budget=campaign.budget).exclude(
        state=VersionState.RETIRED
    )
    for drafted_by in {campaign.drafted_by, *sharing.values_list("drafted_by", flat=True)}:
        require_second_person(campaign.programme, most=there + points, drafted_by=drafted_by, by=by)
    return ledger.fund(
        programme=campaign.programme, budget=campaign.budget, amount=points, key=f"fund:{token}", actor=f"user:{by.pk}"
    )


def budgets_of(campaigns: Iterable[Campaign]) -> dict[int, tuple[int, int]]:
    """Return what was put into the budgets of these campaigns and what is left: id → both. One query."""
    with_budget = [one for one in campaigns if one.budget]
    accounts = Account.objects.filter(kind=Kind.BUDGET, ref__in={one.budget for one in with_budget})
    rows = {(row.programme_id, row.ref): (row.credits, row.credits - row.debits) for row in accounts}
    return {one.pk: rows.get((one.programme_id, one.budget), (0, 0)) for one in with_budget}
