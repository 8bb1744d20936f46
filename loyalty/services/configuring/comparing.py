"""What a file would change, before anything is changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from loyalty.services.configuring.documents import PARTS, Part, Row, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty.models import Programme


class Action(StrEnum):
    """What becomes of a row of the file."""

    NEW = "new"
    #: A draft is changed, or made of what is in force.
    DRAFT = "draft"
    #: It differs, but members have what is there: it is never changed by a file.
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value, before and after, as people read it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs."""

    part: Part
    key: str
    action: Action
    values: Mapping[str, Any]
    fields: list[FieldChange]
    #: What is there.
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a file would change in a programme."""

    changes: list[Change] = field(default_factory=list)
    #: Changes if the file or anything it is compared with does.
    digest: str = ""

    @property
    def does_something(self) -> bool:
        """Whether anything would be changed."""
        return any(change.action is not Action.STAYS for change in self.changes)


def compare(parts: Mapping[str, Mapping[str, dict[str, Any]]], programme: Programme) -> Plan:
    """Return what a file would change. What the file says nothing of stays as it is."""
    there = rows_of(programme, drafts_first=True)
    changes = [
        change
        for part in PARTS
        for key, values in parts[part.name].items()
        if (change := _change(part, key, values, there[part.name].get(key))) is not None
    ]
    state = [[change.part.name, change.key, change.action, dict(change.values)] for change in changes]
    seen = [change.row.values if change.row else None for change in changes]
    text = json.dumps([programme.pk, state, seen], sort_keys=True)
    return Plan(changes, hashlib.sha256(text.encode()).hexdigest())


def _change(part: Part, key: str, values: dict[str, Any], row: Row | None) -> Change | None:
    before = row.values if row else {}
    different = [name for name in values if row is None or (before.get(name) != values[name] and name not in part.once)]
    if row is not None and not different:
        return None
    fields = [
        FieldChange(part.label_of(name), _words(before.get(name)) if row else "", _words(values[name]))
        for name in different
    ]
    action = Action.NEW if row is None else Action.DRAFT if row.is_changeable else Action.STAYS
    return Change(part, key, action, values, fields, row)


def _words(value: Any) -> str:
    if value is None or value in ("", {}, []):
        return "–"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
