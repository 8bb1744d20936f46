"""Making rules: drafts, publishing, ending. Who may is asked here, for every way that leads here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.exceptions import InvalidConditionError, NotADraftError, NotPermittedError, SecondPersonError
from loyalty.models.earning import Campaign, EarningRule, RuleVersion, VersionState
from loyalty.models.ledger import Account, Kind
from loyalty.models.offers import checked_segments
from loyalty.services.earning import conditions
from loyalty.services.earning.bounds import most_base, most_for_one_event
from loyalty.services.earning.deciding import campaigns_after, member_caps, rule_of
from loyalty.services.earning.simulation import simulate
from loyalty.services.earning.triggers import FactType, all_triggers
from loyalty.services.second_person import alone_up_to, require_second_person, write

if TYPE_CHECKING:
    from loyalty.models.ledger import Programme
    from portal.accounts.models import User
    from portal.core.localized import LocalizedText

#: What a version is made of, and what its successor begins with.
FIELDS: Final = (
    *("trigger", "conditions", "points", "per_fact", "per_units", "rounding", "priority", "stack_group", "stacking"),
    *("stop", "cap_mode", "cap_day", "cap_week", "cap_month", "times_day", "times_ever", "pending_days"),
)

#: For so many days it is worked out what a rule costs.
_MONTH: Final = 30
#: Fields that are empty, or at least 1.
_LIMITS: Final = ("cap_day", "cap_week", "cap_month", "times_day", "times_ever")


def may_draft(user: User) -> bool:
    """Return whether the person may write rules and campaigns that nobody earns with yet."""
    return user.is_active and user.has_perm("loyalty.change_earningrule")


def may_publish(user: User) -> bool:
    """Return whether the person may decide what points are given for."""
    return user.is_active and user.has_perm("loyalty.publish_earningrule")


@transaction.atomic
def create_rule(
    *, programme: Programme, code: str, name: LocalizedText | dict[str, str], by: User, **values: Any
) -> RuleVersion:
    """Create a rule with the draft of its first version. Raises like `save_draft`."""
    _require(may_draft(by))
    rule = EarningRule.objects.create(programme=programme, code=code, name=name)
    return save_draft(rule=rule, by=by, **values)


@transaction.atomic
def save_draft(
    *, rule: EarningRule, by: User, name: LocalizedText | dict[str, str] | None = None, **values: Any
) -> RuleVersion:
    """Change the draft of the rule; make one from its last version if there is none. A name is changed at once.

    Raises `NotPermittedError`, `InvalidConditionError`, and `ValidationError` for impossible values.
    """
    _require(may_draft(by))
    rule = EarningRule.objects.select_for_update().get(pk=rule.pk)
    if name is not None and name != rule.name:
        rule.name = name
        rule.save(update_fields=["name"])
    last = RuleVersion.objects.filter(rule=rule).order_by("-number").first()
    draft = last if last is not None and last.state == VersionState.DRAFT else _successor(rule, last)
    write(draft, values, fields=FIELDS, by=by)
    check_version(draft)
    draft.save()
    return draft


def _successor(rule: EarningRule, last: RuleVersion | None) -> RuleVersion:
    if last is None:
        return RuleVersion(rule=rule, number=1)
    return RuleVersion(rule=rule, number=last.number + 1, **{name: getattr(last, name) for name in FIELDS})


def check_version(version: RuleVersion) -> None:
    """Raise `InvalidConditionError` or `ValidationError` unless events can be judged by this version."""
    trigger = all_triggers().get(version.trigger)
    if trigger is None:
        raise InvalidConditionError(version.trigger)
    conditions.validate(version.conditions, trigger)
    if version.per_fact:
        fact = trigger.fact(version.per_fact)
        if fact is None or fact.type is not FactType.NUMBER:
            raise InvalidConditionError(version.per_fact)
    nothing = [name for name in _LIMITS if getattr(version, name) == 0]
    if nothing:
        raise ValidationError(
            {name: _("With 0 nobody would earn anything. Leave it empty if there is no limit.") for name in nothing}
        )
    version.full_clean(exclude=["rule", "state"], validate_constraints=False)


@transaction.atomic
def publish(version: RuleVersion, *, by: User) -> RuleVersion:
    """Have events judged by this draft from now on, instead of by the version before.

    Raises `NotPermittedError`, `NotADraftError`, `InvalidConditionError`, `SecondPersonError`.
    """
    _require(may_publish(by))
    EarningRule.objects.select_for_update().get(pk=version.rule_id)
    version = RuleVersion.objects.select_related("rule__programme__earning").get(pk=version.pk)
    check_version(version)
    now = timezone.now()
    versions = RuleVersion.objects.filter(rule=version.rule_id)
    if version.state != VersionState.DRAFT:
        raise NotADraftError
    limit = alone_up_to(version.rule.programme, drafted_by=version.drafted_by, by=by)
    if limit is not None:
        most = most_points(version)
        if most is None or max(most, _month_of(version)) > limit:
            raise SecondPersonError
    versions.filter(state=VersionState.PUBLISHED).update(state=VersionState.RETIRED, retired_at=now)
    versions.filter(pk=version.pk).update(state=VersionState.PUBLISHED, published_at=now, published_by=f"user:{by.pk}")
    return RuleVersion.objects.get(pk=version.pk)


def _month_of(version: RuleVersion) -> int:
    """Return what a rule would have given within a month of real events, which may be none."""
    return simulate(version, days=_MONTH).then.by_rule[version.rule.code]


def most_points(version: RuleVersion) -> int | None:
    """Return the most that one event may be worth by a version, also while a campaign runs that is published; None without limit."""
    programme = version.rule.programme
    fact = all_triggers()[version.trigger].fact(version.per_fact)
    rule, campaigns = rule_of(version), campaigns_after(programme, timezone.now())
    base = most_base(rule, fact.most if fact else None)
    return most_for_one_event(rule, campaigns, member_caps(programme.earning), base=base)


@transaction.atomic
def retire(rule: EarningRule, *, by: User) -> bool:
    """Have nobody earn with this rule any more; returns whether somebody could. Raises `NotPermittedError`."""
    _require(may_publish(by))
    in_force = RuleVersion.objects.filter(rule=rule, state=VersionState.PUBLISHED)
    return bool(in_force.update(state=VersionState.RETIRED, retired_at=timezone.now()))


@transaction.atomic
def publish_campaign(campaign: Campaign, *, by: User) -> None:
    """Have a campaign take place. Raises `NotPermittedError`, `NotADraftError`, `SecondPersonError`, `ValidationError`."""
    _require(may_publish(by))
    if Campaign.objects.select_for_update().filter(pk=campaign.pk).first() is not None:
        campaign.refresh_from_db()
    check_campaign(campaign)  # what is published, not what the caller read
    # A budget is limited where it is filled, which may have happened for another campaign.
    most = _left_in_budget(campaign) if campaign.budget else None
    require_second_person(campaign.programme, most=most, drafted_by=campaign.drafted_by, by=by)
    drafts = Campaign.objects.filter(pk=campaign.pk, state=VersionState.DRAFT)
    if not drafts.update(state=VersionState.PUBLISHED, published_at=timezone.now(), published_by=f"user:{by.pk}"):
        raise NotADraftError
    campaign.refresh_from_db()


def _left_in_budget(campaign: Campaign) -> int:
    account = Account.objects.filter(programme=campaign.programme, kind=Kind.BUDGET, ref=campaign.budget).first()
    return account.credits - account.debits if account is not None else 0


def check_campaign(campaign: Campaign) -> None:
    """Raise `ValidationError` for a campaign that could not take place."""
    campaign.full_clean(exclude=["programme", "state"], validate_constraints=False)
    if not isinstance(campaign.weekdays, list) or not all(day in range(7) for day in campaign.weekdays):
        raise ValidationError({"weekdays": str(campaign.weekdays)[:100]})
    if not isinstance(campaign.rules, list) or not all(isinstance(code, str) for code in campaign.rules):
        raise ValidationError({"rules": str(campaign.rules)[:100]})
    campaign.segments = checked_segments(campaign.segments)


@transaction.atomic
def end_campaign(campaign: Campaign, *, by: User) -> bool:
    """End a campaign before its time; returns whether it was published. Raises `NotPermittedError`."""
    _require(may_publish(by))
    published = Campaign.objects.filter(pk=campaign.pk, state=VersionState.PUBLISHED)
    return bool(published.update(state=VersionState.RETIRED, retired_at=timezone.now()))


def _require(is_permitted: bool) -> None:
    if not is_permitted:
        raise NotPermittedError
