"""Decisions in words: why points were given, or not, in the reader's language. Both members and staff read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.models.earning import Decision, EarningRule
from loyalty.money import amount_in_words
from loyalty.services.earning.triggers import all_triggers
from portal.core.formats import format_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.functional import _StrPromise

    from loyalty.models.earning import RuleVersion

#: Why an event earned nothing whatever the rules say, or why points were taken back.
OF_EVENTS: Final[Mapping[str, _StrPromise]] = {
    "staff": gettext_lazy("Staff do not earn points."),
    "own-thread": gettext_lazy("What somebody writes in a thread of their own earns no points."),
    "own-answer": gettext_lazy("Nobody earns points by accepting an answer of their own."),
    "own-vote": gettext_lazy("Nobody earns points for a vote of their own."),
    "voting-review": gettext_lazy(
        "Votes that two members give each other again and again do not count. If this is a mistake, please write to us."
    ),
    "pace-review": gettext_lazy(
        "These points came unusually fast, and we looked into it. If this is a mistake, please write to us."
    ),
    "pair-limit": gettext_lazy("Votes of the same person count only a few times a week."),
    "withdrawn": gettext_lazy("What the points are for was taken back, or cannot be seen at the moment."),
    "removed": gettext_lazy("What the points were for was removed, or cannot be seen at the moment."),
    "revoked": gettext_lazy("The answer is no longer accepted."),
    "refunded": gettext_lazy("The purchase was refunded."),
    "challenge-undone": gettext_lazy("What the challenge rested on was taken back."),
    "dropped": gettext_lazy("The idea is no longer planned."),
    "no-rule": gettext_lazy("No points were given for this at that time."),
    "closed": gettext_lazy("The membership had ended."),
}
#: Why a rule gave nothing, or less.
OF_RULES: Final[Mapping[str, _StrPromise]] = {
    "condition": gettext_lazy("a condition was not met: %(about)s"),
    "zero": gettext_lazy("there was nothing to count: %(about)s"),
    "stopped": gettext_lazy("another rule came first: %(about)s"),
    "exclusive": gettext_lazy("another rule came first: %(about)s"),
    "not-best": gettext_lazy("another rule gave more: %(about)s"),
    "rule-day": gettext_lazy("the limit of this rule for one day was reached"),
    "rule-week": gettext_lazy("the limit of this rule for one week was reached"),
    "rule-month": gettext_lazy("the limit of this rule for one month was reached"),
    "times-day": gettext_lazy("this rule counts only so many times a day"),
    "times-ever": gettext_lazy("this rule counts only so many times"),
    "member-day": gettext_lazy("the limit of all points of one day was reached"),
    "member-week": gettext_lazy("the limit of all points of one week was reached"),
    "member-month": gettext_lazy("the limit of all points of one month was reached"),
    "taken-back": gettext_lazy("points had been taken back before"),
    "budget": gettext_lazy("the budget of the campaign was used up"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in words."""

    #: What happened, as the trigger calls it.
    what: str
    #: What came of it.
    result: str
    #: Why, if that is not the rules' doing.
    reason: str
    #: A sentence for each rule that was considered.
    rules: list[str]

    @property
    def first_rule(self) -> str:
        """The sentence about the rule that came first."""
        return self.rules[0] if self.rules else ""


def names_of_rules(decisions: Iterable[Decision]) -> dict[tuple[int, str], str]:
    """Return the names of all rules that these decisions mention: (programme, code) → name. One query."""
    codes = {one["rule"] for decision in decisions for one in decision.considered}
    rules = EarningRule.objects.filter(code__in=codes) if codes else ()
    return {(rule.programme_id, rule.code): str(rule) for rule in rules}


def explain(decision: Decision, names: Mapping[tuple[int, str], str] | None = None) -> Explanation:
    """Say in words what was decided and why. `names` come from `names_of_rules`, if there are many decisions."""
    known = names_of_rules([decision]) if names is None else names
    trigger = all_triggers().get(decision.event.trigger)
    programme = decision.wallet.programme_id

    def name_of(code: str) -> str:
        return known.get((programme, code), code)

    def about(code: str) -> str:
        fact = trigger.fact(code) if trigger else None
        return fact.name_for_members if fact else name_of(code)

    return Explanation(
        what=str(trigger.label) if trigger else decision.event.trigger,
        result=_result(decision),
        reason=str(OF_EVENTS.get(decision.reason, "")),
        rules=[_with_notes(one, name_of(one["rule"]), about(one["about"])) for one in decision.considered],
    )


def per_unit(version: RuleVersion, currency: str) -> str:
    """Say for how much of what a rule gives its points: “1 point for each 100,000 tomans.” Empty if it always gives the same."""
    trigger = all_triggers().get(version.trigger)
    fact = trigger.fact(version.per_fact) if trigger else None
    if fact is None:
        return ""
    if fact.is_money:
        told = {"points": _points(version.points), "amount": amount_in_words(version.per_units, currency)}
        return _("%(points)s for each %(amount)s.") % told
    told = {"points": _points(version.points), "units": format_number(version.per_units), "fact": fact.name_for_members}
    return _("%(points)s for each %(units)s (%(fact)s).") % told


def _points(count: int) -> str:
    return ngettext("%(count)s point", "%(count)s points", count) % {"count": format_number(count)}


def _result(decision: Decision) -> str:
    points = _points(decision.points)
    if decision.outcome == Decision.Outcome.REVERSED:
        return _("%(points)s taken back") % {"points": points}
    return points if decision.points else _("No points")


def _with_notes(one: Mapping[str, Any], name: str, about: str) -> str:
    sentences = [_sentence(one, name, about)]
    if one.get("passed"):  # neither its name, which may say whom it is for, nor the segment
        sentences.append(_("A campaign of that time was for some members only."))
    if one["points"] and one.get("review"):
        sentences.append(_("They were set aside for us to look at first; nothing is lost by that."))
    return " ".join(sentences)


def _sentence(one: Mapping[str, Any], name: str, about: str) -> str:
    text = OF_RULES.get(one["reason"])
    because = str(text) % {"about": about} if text else ""
    if not one["points"]:
        return _("%(rule)s: no points, because %(because)s.") % {"rule": name, "because": because}
    points = _points(one["points"])
    if because:
        return _("%(rule)s: %(points)s instead of %(wanted)s, because %(because)s.") % {
            "rule": name, "points": points, "wanted": format_number(one["wanted"]), "because": because,
        }  # fmt: skip
    if one["bonus"]:
        return _("%(rule)s: %(points)s, of which %(bonus)s are from a campaign.") % {
            "rule": name, "points": points, "bonus": format_number(one["bonus"]),
        }  # fmt: skip
    return _("%(rule)s: %(points)s.") % {"rule": name, "points": points}
