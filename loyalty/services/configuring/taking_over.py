"""Taking a file over: all of it or nothing, as drafts. Who may make which draft is asked where it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.utils.translation import gettext as _

from loyalty.exceptions import NotPermittedError, RewardRightMissingError, RuleError
from loyalty.models import Badge, Campaign, EarningRule, Offer, Programme, Reward, RuleVersion, TierProgramme
from loyalty.services import badges, earning, rewards, tiers
from loyalty.services.configuring.comparing import Action, Change, compare
from loyalty.services.configuring.documents import PARTS, key_of
from loyalty.services.offers import publishing as offers
from portal.core.localized import LocalizedText, LocalizedTextField

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portal.accounts.models import User


class ConflictError(Exception):
    """Something was changed since the comparison was shown."""


class ImpossibleError(Exception):
    """A row cannot be taken over; nothing was. The message says which one and why."""


def may_configure(user: User) -> bool:
    """Return whether the person may write files and take them over: who may see and make drafts of every part."""
    models_with_rights = [part.model for part in PARTS if part.model not in {RuleVersion, Campaign}]
    rights = [f"loyalty.change_{model._meta.model_name}" for model in models_with_rights]  # noqa: SLF001 - documented
    return earning.may_draft(user) and earning.may_publish(user) and user.has_perms(rights)


@transaction.atomic
def take_over(
    parts: Mapping[str, Mapping[str, dict[str, Any]]], programme: Programme, *, seen: str, by: User
) -> list[Change]:
    """Make drafts of what differs; return what was done. Nothing that members have is changed.

    Raises `ConflictError` if the comparison is not the one that was `seen`, `ImpossibleError`, and `NotPermittedError`.
    """
    if not may_configure(by):
        raise NotPermittedError
    # Whoever takes another file over at this moment waits, and then finds that something changed.
    Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    plan = compare(parts, programme)
    if plan.digest != seen:
        raise ConflictError
    done = [change for change in plan.changes if change.action is not Action.STAYS]
    for change in done:
        try:
            with transaction.atomic():
                _TAKERS[change.part.name](change, programme, by)
        except ValidationError as error:
            raise ImpossibleError(_where(change, " ".join(error.messages))) from error
        except (NotPermittedError, RewardRightMissingError) as error:
            raise NotPermittedError from error
        except (RuleError, TypeError, ValueError, KeyError, DatabaseError) as error:
            raise ImpossibleError(_where(change, str(error) if isinstance(error, RuleError) else "")) from error
    return done


def _where(change: Change, why: str) -> str:
    return f"{change.part.label} · {change.key}: {why or _('The values do not fit together.')}"


def _values(change: Change, *names: str) -> dict[str, Any]:
    """Return the values as the models have them, but for the named ones."""
    found = {}
    for name, value in change.values.items():
        if name in names:
            continue
        field = None if name == "name" else change.part.field(name)
        is_text = field is None or isinstance(field, LocalizedTextField)
        found[name] = LocalizedText(value) if is_text else _typed(field, value)
    return found


def _typed(field: Any, value: Any) -> Any:
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _take_rule(change: Change, programme: Programme, by: User) -> None:
    values = _values(change)
    if change.row is None:
        earning.create_rule(programme=programme, code=change.key, by=by, **values)
    else:
        rule = EarningRule.objects.get(programme=programme, code=change.key)
        values.pop("name", None)  # members read it: it is changed by hand
        earning.save_draft(rule=rule, by=by, **values)


def _take_campaign(change: Change, programme: Programme, by: User) -> None:
    campaign = change.row.row if change.row else Campaign(programme=programme, code=change.key)
    earning.save_campaign(campaign, by=by, **_values(change))


def _take_tiers(change: Change, programme: Programme, by: User) -> None:
    if not TierProgramme.objects.filter(source=programme).exists():
        tiers.set_up(programme=programme, by=by)
    texts = ("name", "benefits")
    rows = [
        {name: LocalizedText(value) if name in texts else value for name, value in row.items()}
        for row in change.values["tiers"]
    ]
    tiers.save_draft(tiers=TierProgramme.objects.get(source=programme), rows=rows, by=by, **_values(change, "tiers"))


def _take_badge(change: Change, programme: Programme, by: User) -> None:
    badge = change.row.row if change.row else Badge(programme=programme, code=change.key)
    badges.save_badge(badge, by=by, **_values(change))


def _take_reward(change: Change, programme: Programme, by: User) -> None:
    values = _values(change)
    kind = values.pop("kind")
    if change.row is None:
        rewards.create_reward(programme=programme, kind=kind, by=by, **values)
    elif change.row.row.kind != kind:
        raise ValidationError(_("A reward of this name is there, of another kind."))
    else:
        rewards.change_reward(reward=change.row.row, by=by, **values)


def _take_offer(change: Change, programme: Programme, by: User) -> None:
    offer = change.row.row if change.row else Offer(programme=programme, code=change.key)
    values = _values(change, "reward")
    name = change.values.get("reward")
    if name is not None:
        found = [one for one in Reward.objects.filter(programme=programme) if key_of(one) == name]
        if not found:
            raise ValidationError(_("There is no reward “%(name)s”.") % {"name": name[:100]})
        if len(found) > 1:
            raise ValidationError(_("There are several rewards “%(name)s”.") % {"name": name[:100]})
        values["reward"] = found[0]
    elif "reward" in change.values:
        values["reward"] = None
    offers.save_offer(offer, by=by, **values)


_TAKERS: Final[Mapping[str, Callable[[Change, Programme, User], None]]] = {
    "rules": _take_rule,
    "campaigns": _take_campaign,
    "tiers": _take_tiers,
    "badges": _take_badge,
    "rewards": _take_reward,
    "offers": _take_offer,
}
