"""The form in which a rule is written: conditions are rows of a table, not code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from loyalty.exceptions import InvalidConditionError
from loyalty.models import EarningRule, RuleVersion
from loyalty.programme_field import ProgrammeField
from loyalty.services import earning
from loyalty.services.earning import FactType, conditions
from loyalty.services.earning.publishing import FIELDS
from portal.core.formats import format_number
from portal.core.localized import LocalizedTextFormField
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.utils.functional import _StrPromise

    from loyalty.services.earning import FactInfo, Trigger

#: Rows of conditions: of a new form, and the most there are.
_ROWS: Final = 3
_MOST_ROWS: Final = 20
_ROW: Final = re.compile(r"fact_(\d{1,2})")
_OPERATORS: Final[tuple[tuple[str, _StrPromise], ...]] = (
    ("eq", pgettext_lazy("condition", "is")),
    ("in", pgettext_lazy("condition", "is one of")),
    ("gte", pgettext_lazy("condition", "is at least")),
    ("lte", pgettext_lazy("condition", "is at most")),
    ("between", pgettext_lazy("condition", "is between")),
)
_JOINED: Final[tuple[tuple[str, _StrPromise], ...]] = (
    ("and", gettext_lazy("All of these are met")),
    ("or", gettext_lazy("One of these is met")),
)
_YES: Final = frozenset({"yes", "true", "1", "بله", "آری", "هست"})
_NO: Final = frozenset({"no", "false", "0", "خیر", "نه", "نیست"})


def _all_facts() -> dict[str, FactInfo]:
    """All facts of all triggers, under the values by which they are chosen."""
    return {
        f"{trigger.name}|{fact.name}": fact for trigger in earning.all_triggers().values() for fact in trigger.facts
    }


def _facts() -> list[Any]:
    """All facts, by trigger: the value names both."""
    groups = [
        (trigger.label, [(f"{trigger.name}|{fact.name}", fact.label) for fact in trigger.facts])
        for trigger in earning.all_triggers().values()
        if trigger.facts
    ]
    return [("", "—"), *groups]


class ConditionRow(NamedTuple):
    """The fields of one condition: a fact, how it is compared, the values of a choice, and a number."""

    fact: Any
    op: Any
    choice: Any
    value: Any


def values_to_choose(facts: Mapping[str, FactInfo]) -> list[Any]:
    """Return the values of all facts that have a choice of them, as groups. Each names its fact, so that none is mistaken."""
    return [
        (fact.label, [(f"{key}|{value}", label) for value, label in _options(fact)])
        for key, fact in facts.items()
        if _options(fact)
    ]


def _options(fact: FactInfo) -> list[tuple[str, Any]]:
    if fact.type is FactType.YES_NO:
        return [("yes", _("yes")), ("no", _("no"))]
    return list(fact.choices)


class ConditionRows(forms.BaseForm):
    """Conditions as rows of a form: a fact, a comparison, values; all of them or one of them.

    Values are chosen from a list that has those of all facts, in groups; a script shows the group of the chosen fact. Where a
    fact has no choice of values, a number is written. `fact_named` says which fact the value of a choice means.
    """

    #: Whether the tree that was there does not fit into the rows.
    is_deep = False
    _count = _ROWS
    #: What can be chosen, under the values of `fact_…`.
    known: Mapping[str, FactInfo]

    def add_rows(self, facts: list[Any], known: Mapping[str, FactInfo], tree: Mapping[str, Any]) -> None:
        """Add the fields, with the facts that can be chosen: as many rows as were sent, or as the tree needs and one more."""
        self.known = known
        self._count = self._rows_needed(tree)
        self.fields["joined"] = forms.ChoiceField(
            label=gettext_lazy("conditions"),
            choices=_JOINED,
        )
        choices = values_to_choose(known)
        for number in range(self._count):
            self.fields[f"fact_{number}"] = forms.ChoiceField(choices=facts, required=False, label=gettext_lazy("fact"))
            self.fields[f"op_{number}"] = forms.ChoiceField(
                choices=_OPERATORS, required=False, label=gettext_lazy("comparison")
            )
            self.fields[f"choice_{number}"] = forms.MultipleChoiceField(
                choices=choices, required=False, label=gettext_lazy("values"), widget=forms.SelectMultiple({"size": 5})
            )
            self.fields[f"value_{number}"] = forms.CharField(
                max_length=200, required=False, label=gettext_lazy("a number")
            )

    def _rows_needed(self, tree: Mapping[str, Any]) -> int:
        if not self.is_bound:
            return min(_MOST_ROWS, max(_ROWS, len(_leaves_of(tree)) + 1))
        sent = [int(found[1]) + 1 for name in self.data if (found := _ROW.fullmatch(name))]
        return min(_MOST_ROWS, max([_ROWS, *sent]) + ("add_row" in self.data))

    @property
    def rows(self) -> Iterator[ConditionRow]:
        """The rows of conditions."""
        for number in range(self._count):
            yield ConditionRow(*(self[f"{part}_{number}"] for part in ConditionRow._fields))

    @property
    def can_grow(self) -> bool:
        """Whether there can be another row."""
        return self._count < _MOST_ROWS

    @property
    def explained(self) -> list[tuple[Any, Any]]:
        """Facts with what they mean."""
        return [(fact.label, fact.help) for fact in self.known.values() if fact.help]

    @property
    def plain(self) -> list[Any]:
        """All other fields, in order."""
        apart = {"joined", *(f"{part}_{number}" for part in ConditionRow._fields for number in range(self._count))}
        first = [name for name in ("programme", "code", "name") if name in self.fields]
        return [self[name] for name in [*first, *(name for name in self.fields if name not in {*first, *apart})]]

    def show_tree(self, tree: dict[str, Any], prefix: str = "") -> None:
        """Fill the rows with a tree; one that they cannot hold stays as it is."""
        leaves = _leaves_of(tree)
        self.is_deep = len(leaves) > _MOST_ROWS or any("fact" not in leaf for leaf in leaves) or "not" in tree
        if self.is_deep:
            return
        self.initial["joined"] = "or" if "or" in tree else "and"
        for number, leaf in enumerate(leaves):
            self._show_leaf(number, leaf, f"{prefix}{leaf['fact']}")

    def _show_leaf(self, number: int, leaf: Mapping[str, Any], key: str) -> None:
        self.initial[f"fact_{number}"] = key
        self.initial[f"op_{number}"] = leaf["op"]
        fact = self.known.get(key)
        there = {value for value, _label in _options(fact)} if fact is not None else set()
        values = leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]
        words = [_word_for(value) for value in values]
        if there.issuperset(words):
            self.initial[f"choice_{number}"] = [f"{key}|{word}" for word in words]
        else:  # a number, or something that cannot be chosen any more
            self.initial[f"value_{number}"] = _written(leaf["value"])

    def fact_named(self, chosen: str, trigger: Trigger) -> FactInfo | None:
        """Return the fact that was chosen, if it belongs to what is asked about."""
        return trigger.fact(chosen)

    def read_tree(self, data: dict[str, Any], trigger: Trigger, before: dict[str, Any]) -> dict[str, Any]:
        """Return the tree that the rows are; the one that was there, if it did not fit and nothing was filled in."""
        leaves = []
        for number in range(self._count):
            key = data.get(f"fact_{number}") or ""
            if not key:
                continue
            fact = self.fact_named(key, trigger)
            if fact is None:
                self.add_error(f"fact_{number}", _("This belongs to another event."))
                continue
            try:
                leaf = self._leaf(data, number, key, fact)
                conditions.validate(leaf, trigger)
            except (ValueError, InvalidConditionError) as error:
                message = str(error) if isinstance(error, InvalidConditionError) else _why(fact)
                self.add_error(f"value_{number}", message)
            else:
                leaves.append(leaf)
        if leaves or not self.is_deep:
            return leaves[0] if len(leaves) == 1 else ({data["joined"]: leaves} if leaves else {})
        return before

    @staticmethod
    def _leaf(data: Mapping[str, Any], number: int, key: str, fact: FactInfo) -> dict[str, Any]:
        """Return the comparison that a row is; of several values that were chosen one is enough. Raises `ValueError`."""
        operator, written = data.get(f"op_{number}") or "eq", (data.get(f"value_{number}") or "").strip()
        own = f"{key}|"
        chosen = [value.removeprefix(own) for value in data.get(f"choice_{number}") or () if value.startswith(own)]
        if chosen and fact.type is not FactType.NUMBER:
            operator, written = ("in" if len(chosen) > 1 else "eq"), ",".join(chosen)
        return {"fact": fact.name, "op": operator, "value": _read(fact, operator, written)}

    def forget_other_errors(self) -> None:
        """Check the form, and keep what is wrong with the conditions only: the rest is not filled in yet."""
        self.full_clean()
        parts = ("fact_", "op_", "choice_", "value_", "joined")
        for name in [name for name in self.errors if not name.startswith(parts)]:
            del self.errors[name]


def _leaves_of(tree: Mapping[str, Any]) -> list[Any]:
    """Return what the rows would hold of a tree."""
    if "fact" in tree:
        return [tree]
    return next((list(tree[name]) for name in ("and", "or") if name in tree), [])


def _word_for(value: Any) -> str:
    """Return a value as it stands among those that can be chosen."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class RuleForm(ConditionRows, forms.ModelForm[RuleVersion]):
    """A draft of a rule. With `rule`, of one that exists."""

    programme = ProgrammeField()
    code = forms.SlugField(
        label=gettext_lazy("code"), max_length=40, help_text=gettext_lazy("Latin letters; never changes.")
    )
    name = LocalizedTextFormField(label=gettext_lazy("name"), max_length=100)

    class Meta:
        model = RuleVersion
        fields = tuple(name for name in FIELDS if name != "conditions")

    def __init__(self, *args: Any, rule: EarningRule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule
        triggers = [(trigger.name, trigger.label) for trigger in earning.all_triggers().values()]
        self.fields["trigger"] = forms.ChoiceField(label=gettext_lazy("what happens"), choices=triggers)
        self.fields["per_fact"] = forms.ChoiceField(
            label=gettext_lazy("for each"), required=False, choices=_facts(),
            help_text=gettext_lazy("Empty: the points are a fixed number."),
        )  # fmt: skip
        self.add_rows(_facts(), _all_facts(), self.instance.conditions)
        if rule is not None:
            del self.fields["programme"], self.fields["code"]
            self.fields["name"].initial = rule.name
        self.show_tree(self.instance.conditions, f"{self.instance.trigger}|")
        if self.instance.per_fact:
            self.initial["per_fact"] = f"{self.instance.trigger}|{self.instance.per_fact}"

    def fact_named(self, chosen: str, trigger: Trigger) -> FactInfo | None:
        of_trigger, _bar, name = chosen.partition("|")
        return trigger.fact(name) if of_trigger == trigger.name else None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        trigger = earning.all_triggers().get(data.get("trigger", ""))
        if trigger is None:
            return data
        per_trigger, _bar, per_fact = (data.get("per_fact") or "").partition("|")
        if per_fact and per_trigger != trigger.name:
            self.add_error("per_fact", _("This belongs to another event."))
        data["per_fact"] = per_fact
        data["conditions"] = self.read_tree(data, trigger, self.instance.conditions)
        return data

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        programme = self.cleaned_data.get("programme")
        if programme and EarningRule.objects.filter(programme=programme, code=code).exists():
            raise forms.ValidationError(_("There is a rule with this code already."))
        return code

    def version_values(self) -> dict[str, Any]:
        """What the draft is made of."""
        return {name: self.cleaned_data[name] for name in FIELDS}

    def _post_clean(self) -> None:
        """The service checks the version: the instance stays as it is."""


def conditions_in_words(tree: dict[str, Any], trigger: Trigger) -> list[str]:
    """Return a tree as lines; what belongs together is indented by its group."""
    if "fact" in tree:
        fact = trigger.fact(tree["fact"])
        labels = dict(fact.choices) if fact else {}
        values = tree["value"] if isinstance(tree["value"], list) else [tree["value"]]
        written = pgettext("between names", ", ").join(str(labels.get(value, _shown(value))) for value in values)
        return [f"{fact.label if fact else tree['fact']} {dict(_OPERATORS).get(tree['op'], tree['op'])} {written}"]
    if "not" in tree:
        return [_("Not:"), *(f"– {line}" for line in conditions_in_words(tree["not"], trigger))]
    for name, label in _JOINED:
        if name in tree:
            return [str(label), *(f"– {line}" for part in tree[name] for line in conditions_in_words(part, trigger))]
    return []


def _shown(value: object) -> str:
    """Return a value as it is read; `_written` is what stands in a form."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return format_number(value) if is_number else _written(value)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def _read(fact: FactInfo, operator: str, written: str) -> Any:
    """Return the value as its fact has it. Raises `ValueError`."""
    if operator in {"in", "between"}:
        parts = [part.strip() for part in written.replace("،", ",").split(",")]
        return [_read_one(fact, part) for part in parts if part]
    return _read_one(fact, written)


def _read_one(fact: FactInfo, written: str) -> Any:
    if fact.type is FactType.NUMBER:
        return int(to_latin_digits(written))
    lower = written.lower()
    if fact.type is FactType.YES_NO:
        if lower in _YES | _NO:
            return lower in _YES
        raise ValueError(written)
    for value, label in fact.choices:
        if lower in {value.lower(), str(label).lower()}:
            return value
    raise ValueError(written)


def _why(fact: FactInfo) -> str:
    if fact.type is FactType.NUMBER:
        return _("Write a whole number here; several of them with commas between.")
    if fact.type is FactType.YES_NO:
        return _("Choose “yes” or “no” here.")
    return _("Possible here: %(values)s") % {"values": ", ".join(str(label) for _value, label in fact.choices)}
