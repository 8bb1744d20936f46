"""The file: JSON with all parts of a programme's configuration, without stock, codes, and anything about people.

Parts are objects by their codes. Rewards have no code and are named by their name, in the first language that has one. Of what is
versioned, the version in force is written, or the draft if nothing is.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.models import Badge, Campaign, EarningRule, Offer, Reward, RuleVersion, Tier, TierSet
from loyalty.models.earning import VersionState
from loyalty.services import badges, earning
from loyalty.services.earning.publishing import FIELDS as RULE_FIELDS
from loyalty.services.offers.publishing import FIELDS as OFFER_FIELDS
from loyalty.services.rewards.catalogue import CHANGEABLE
from loyalty.services.tiers.publishing import FIELDS as TIERSET_FIELDS
from portal.core.localized import LocalizedTextField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.functional import _StrPromise

    from loyalty.models import Programme

FORMAT: Final = "portal-points"
VERSION: Final = 1
MAX_BYTES: Final = 512 * 1024
_MOST_ROWS: Final = 500
_MOST_DEPTH: Final = 12
_MOST_TIERS: Final = 20
_MOST_TEXT: Final = 5000
_CODE: Final = re.compile(r"[-a-zA-Z0-9_]{1,40}\Z")
#: The one row of the part of tiers.
ALL_TIERS: Final = "tiers"


class DocumentError(Exception):
    """The file is not one of ours; the message says where, to whoever chose it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of things in the file."""

    name: str
    label: _StrPromise
    model: type[models.Model]
    fields: tuple[str, ...]
    #: Whether rows are named by a code, not by what people call them.
    has_codes: bool = True
    #: What is said once: of what is there already it is not compared.
    once: tuple[str, ...] = ()

    def field(self, name: str) -> models.Field[Any, Any]:
        """Return the field of the model."""
        found = self.model._meta.get_field(name)  # noqa: SLF001 - the documented interface
        assert isinstance(found, models.Field)  # noqa: S101 - for the type checker
        return found

    def label_of(self, name: str) -> str:
        """Return what a field is called."""
        if name == "name":
            return _("name")
        if name == "tiers":
            return _("Tiers")
        return str(self.field(name).verbose_name)


PARTS: Final = (
    Part("rules", gettext_lazy("Rules for points"), RuleVersion, ("name", *RULE_FIELDS), once=("name",)),
    Part("campaigns", gettext_lazy("Campaigns"), Campaign, earning.CAMPAIGN_FIELDS),
    Part("tiers", gettext_lazy("Tiers"), TierSet, (*TIERSET_FIELDS, "tiers")),
    Part("badges", gettext_lazy("Badges"), Badge, badges.BADGE_FIELDS),
    Part(
        "rewards",
        gettext_lazy("Rewards"),
        Reward,
        ("kind", *(name for name in CHANGEABLE if name not in {"picture", "stock", "is_published"})),
        has_codes=False,
    ),
    Part("offers", gettext_lazy("Offers"), Offer, OFFER_FIELDS),
)
TIER_FIELDS: Final = ("code", "name", "threshold", "benefits", "colour", "icon")
_TIER: Final = Part("tier", gettext_lazy("Tier"), Tier, TIER_FIELDS)


def key_of(reward: Reward) -> str:
    """Return how a reward is named in files."""
    names = [reward.name.get(code) for code, _label in settings.LANGUAGES]
    return next((name for name in names if name), "")


# Writing -------------------------------------------------------------------------------------------------------------


def document_of(programme: Programme) -> dict[str, Any]:
    """Return the configuration of a programme as JSON values. One query for each part, or two."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "programme": programme.code,
        **{name: dict(sorted(values_by_key(rows).items())) for name, rows in rows_of(programme).items()},
    }


def as_text(document: Mapping[str, Any]) -> str:
    """Return the file: the same configuration is the same text, so that files can be compared."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def values_by_key(rows: Mapping[str, Row]) -> dict[str, dict[str, Any]]:
    """Return what the file says of each row."""
    return {key: row.values for key, row in rows.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """What is there under a key: what the file says of it, and whether it can be changed."""

    values: dict[str, Any]
    #: What would be changed: None for what gets a new version.
    row: Any
    is_changeable: bool


def rows_of(programme: Programme, *, drafts_first: bool = False) -> dict[str, dict[str, Row]]:
    """Return all parts of what is there. With `drafts_first` drafts stand for what they will replace."""
    campaigns = Campaign.objects.filter(programme=programme).exclude(state=VersionState.RETIRED)
    known = Badge.objects.filter(programme=programme).exclude(state=VersionState.RETIRED)
    offers = Offer.objects.filter(programme=programme).select_related("reward")
    if not drafts_first:
        offers = offers.filter(state=Offer.State.DRAFT)
    else:  # codes stay in use for ever
        campaigns = Campaign.objects.filter(programme=programme)
        known = Badge.objects.filter(programme=programme)
    rewards = Reward.objects.filter(programme=programme).order_by("pk")
    return {
        "rules": _rules(programme, drafts_first=drafts_first),
        "campaigns": {one.code: Row(_values("campaigns", one), one, one.is_draft) for one in campaigns},
        "tiers": _tiers(programme, drafts_first=drafts_first),
        "badges": {one.code: Row(_values("badges", one), one, one.is_draft) for one in known},
        "rewards": _rewards(rewards),
        "offers": {one.code: Row(_values("offers", one), one, one.state == Offer.State.DRAFT) for one in offers},
    }


def _rewards(rewards: Iterable[Reward]) -> dict[str, Row]:
    """Return rewards by their names; of several with one name, the later ones have a number behind it."""
    found: dict[str, Row] = {}
    for one in rewards:
        name = key = key_of(one)
        number = 1
        while key in found:
            number += 1
            key = f"{name} ({number})"
        found[key] = Row(_values("rewards", one), one, not one.is_published)
    return found


def _rules(programme: Programme, *, drafts_first: bool) -> dict[str, Row]:
    order = _order(drafts_first=drafts_first)
    found: dict[str, Row] = {}
    for rule in EarningRule.objects.filter(programme=programme).prefetch_related("versions").order_by("code"):
        by_state = {one.state: one for one in reversed(rule.versions.all())}
        shown = next((by_state[state] for state in order if state in by_state), None)
        if shown is not None:
            values = {"name": _plain(rule.name), **_values("rules", shown, but="name")}
            found[rule.code] = Row(values, rule, is_changeable=True)
    return found


def _tiers(programme: Programme, *, drafts_first: bool) -> dict[str, Row]:
    sets = TierSet.objects.filter(tiers__source=programme).exclude(state=VersionState.RETIRED).select_related("tiers")
    by_state = {one.state: one for one in sets}
    shown = next((by_state[state] for state in _order(drafts_first=drafts_first) if state in by_state), None)
    if shown is None:
        return {}
    rows = [{name: _plain(getattr(tier, name)) for name in TIER_FIELDS} for tier in shown.rows.order_by("threshold")]
    values = {**{name: _plain(getattr(shown, name)) for name in TIERSET_FIELDS}, "tiers": rows}
    return {ALL_TIERS: Row(values, shown.tiers, is_changeable=True)}


def _order(*, drafts_first: bool) -> list[str]:
    states: list[str] = [VersionState.PUBLISHED, VersionState.DRAFT]
    return [*reversed(states), VersionState.RETIRED] if drafts_first else states


def _values(part: str, row: models.Model, *, but: str = "") -> dict[str, Any]:
    fields = next(one for one in PARTS if one.name == part).fields
    return {name: _plain(getattr(row, name)) for name in fields if name != but}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Reward):
        return key_of(value)
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


# Reading -------------------------------------------------------------------------------------------------------------


def read(text: str | bytes) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the parts of a file, with all values as `document_of` would write them. Raises `DocumentError`."""
    document = _parsed(text)
    if document.pop("format", None) != FORMAT or document.pop("version", None) != VERSION:
        raise DocumentError(_("This is no file with the configuration of a programme, or one of another version."))
    document.pop("programme", None)
    unknown = document.keys() - {part.name for part in PARTS}
    if unknown:
        raise DocumentError(_("“%(name)s” is not known.") % {"name": str(min(unknown))[:50]})
    return {part.name: _rows(part, document.get(part.name, {})) for part in PARTS}


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        words = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        if len(words.encode()) > MAX_BYTES:
            raise DocumentError(_("The file is too large."))
        found = json.loads(words, object_pairs_hook=_once, parse_float=str, parse_constant=str)
        # No database stores half characters, and PostgreSQL no NUL.
        if "\\u0000" in json.dumps(found, ensure_ascii=False).encode().decode():
            raise ValueError  # noqa: TRY301 - as if it were none
    except (UnicodeError, ValueError, RecursionError) as error:
        raise DocumentError(_("The file cannot be read: it is not JSON.")) from error
    if not isinstance(found, dict):
        raise DocumentError(_("The file cannot be read: it is not JSON."))
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DocumentError(_("A name is there twice."))
    return found


def _rows(part: Part, rows: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(rows, dict) or len(rows) > _MOST_ROWS:
        raise DocumentError(_("“%(name)s” is not as it should be.") % {"name": part.name})
    return {key: _row(part, key, values) for key, values in rows.items()}


def _row(part: Part, key: str, values: Any) -> dict[str, Any]:
    if (part.has_codes and not _CODE.match(key)) or not isinstance(values, dict) or len(key) > 300:
        raise _odd(part, key, "")
    unknown = values.keys() - set(part.fields)
    if unknown:
        raise _odd(part, key, min(unknown))
    return {name: _value(part, key, name, values[name]) for name in part.fields if name in values}


def _value(part: Part, key: str, name: str, value: Any) -> Any:
    if part.name == "tiers" and name == "tiers":
        return _tier_rows(part, key, value)
    if name == "reward":
        is_right, read_as = value is None or isinstance(value, str), value
    elif name == "name" or isinstance(part.field(name), LocalizedTextField):
        is_right, read_as = _is_text(value), value
    elif isinstance(part.field(name), models.JSONField):
        is_right, read_as = _is_tree(value, part.field(name)), value
    else:
        is_right, read_as = _simple(part.field(name), value)
    if not is_right:
        raise _odd(part, key, name)
    return _plain(read_as)


def _tier_rows(part: Part, key: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > _MOST_TIERS:
        raise _odd(part, key, "tiers")
    if not all(isinstance(row, dict) and row.keys() == set(TIER_FIELDS) for row in value):
        raise _odd(part, key, "tiers")
    return [{field: _value(_TIER, key, field, row[field]) for field in TIER_FIELDS} for row in value]


def _simple(field: models.Field[Any, Any], value: Any) -> tuple[bool, Any]:
    """Return whether a value is one of the field, and the value as the model has it."""
    if isinstance(value, dict | list) or isinstance(value, bool) != isinstance(field, models.BooleanField):
        return False, None
    if value is None and not field.null:
        return False, None
    try:
        typed = field.to_python(value)
        if isinstance(typed, dt.datetime) and typed.tzinfo is not None:
            typed = typed.astimezone(dt.UTC)
        if isinstance(typed, Decimal) and isinstance(field, models.DecimalField):
            typed = typed.quantize(Decimal(1).scaleb(-field.decimal_places))
    except (ValidationError, ValueError, TypeError, ArithmeticError):
        return False, None
    return not (isinstance(typed, dt.datetime) and typed.tzinfo is None), typed


def _is_tree(value: Any, field: models.Field[Any, Any]) -> bool:
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):  # codes, or days of the week
        return False
    kinds = (list, type(None)) if field.null else (type(field.get_default()),)  # codes, or none of them
    return isinstance(value, kinds) and _depth(value) <= _MOST_DEPTH


def _is_text(value: Any) -> bool:
    known = {code for code, _label in settings.LANGUAGES}
    return (
        isinstance(value, dict)
        and value.keys() <= known
        and all(isinstance(text, str) and len(text) <= _MOST_TEXT for text in value.values())
    )


def _depth(value: Any) -> int:
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(one) for one in inner), default=0)


def _odd(part: Part, key: str, name: str) -> DocumentError:
    where = " · ".join(one for one in (part.name, key[:50], str(name)[:50]) if one)
    return DocumentError(_("“%(name)s” is not as it should be.") % {"name": where})
