"""What the page of a member's points shows, in words. Composed here of the ledger's books and the decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from loyalty import queries
from loyalty.models import Decision, Earning, RuleVersion
from loyalty.models.adjustments import Reason
from loyalty.models.earning import VersionState
from loyalty.models.ledger import Code
from loyalty.models.rewards import Reason as RewardReason
from loyalty.services import earning, rewards
from loyalty.services.earning import words
from portal.core.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.utils.functional import _StrPromise

    from loyalty.models import Wallet
    from loyalty.queries import StatementLine
    from loyalty.services.earning import Explanation
    from portal.accounts.models import User

#: Keys of journals by which a redemption's points are held, spent or given back (`Redemption.hold`).
_OF_A_REDEMPTION: Final = re.compile(r"(?:hold|capture|release|refund):redemption:([0-9a-f-]{36})(?::|\Z)")
#: Reasons of a refund that members are told: not what the portal calls misuse, nor what they said themselves.
_OF_REFUNDS: Final = frozenset(
    {RewardReason.OUT_OF_STOCK, RewardReason.ADDRESS, RewardReason.DAMAGED, RewardReason.LOST, RewardReason.GOODWILL}
)
#: Decisions without points that are shown.
_NOT_COUNTED: Final = 5
#: What a journal did, where no rule says it better.
WHAT: Final[Mapping[str, _StrPromise]] = {
    Code.EARN: pgettext_lazy("statement", "Points"),
    Code.ACTIVATE: gettext_lazy("Coming points can be spent now"),
    Code.HOLD: gettext_lazy("Reserved"),
    Code.CAPTURE: gettext_lazy("Spent"),
    Code.RELEASE: gettext_lazy("Reservation ended"),
    Code.REFUND: gettext_lazy("Given back"),
    Code.REVERSE: gettext_lazy("Taken back"),
    Code.EXPIRE: gettext_lazy("Expired"),
    Code.EXTEND: gettext_lazy("Expiry postponed"),
    Code.REINSTATE: gettext_lazy("Expired points given again"),
    Code.ADJUST: gettext_lazy("Correction"),
    Code.CLOSE: gettext_lazy("Membership ended"),
}
#: Why, where neither a rule nor staff say it.
WHY: Final[Mapping[str, _StrPromise]] = {
    Code.EARN: gettext_lazy("Given by the club, not by one of its rules."),
    Code.ACTIVATE: gettext_lazy("The days are over in which they could have been taken back."),
    Code.HOLD: gettext_lazy("They are kept for what you ordered until it is on its way to you."),
    Code.CAPTURE: gettext_lazy("You took something for them."),
    Code.RELEASE: gettext_lazy("What they were kept for was cancelled. They last as long as before."),
    Code.REFUND: gettext_lazy("What you had for them was given back. They last as long as before."),
    Code.REVERSE: gettext_lazy("What they had been given for does not hold any more."),
    Code.EXPIRE: gettext_lazy("The last day on which they could be spent was over."),
    Code.EXTEND: gettext_lazy("We gave you more time to spend them."),
    Code.REINSTATE: gettext_lazy("We gave you expired points again."),
    Code.ADJUST: gettext_lazy("We corrected your points."),
    Code.CLOSE: gettext_lazy("The membership had ended."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the statement in words."""

    booked: StatementLine
    what: str
    #: Why: a sentence for each rule, or the reason of a correction.
    why: list[str]

    @property
    def change(self) -> int:
        """By how much all points changed, spendable, coming and reserved, less debts."""
        change = self.booked.change
        return change.available + change.pending + change.held - change.debt

    @property
    def balance(self) -> int:
        """All points after it."""
        balance = self.booked.balance
        return balance.available + balance.pending + balance.held - balance.debt

    @property
    def is_coming(self) -> bool:
        """Whether its points came as pending ones."""
        return self.booked.code == Code.EARN and self.booked.change.pending > 0


#: Whether members see points; kept until a programme is opened or closed.
_is_open: Final[Memo[bool]] = Memo(max_size=1, scopes=("site",))


def is_open(_person: User | None = None) -> bool:
    """Return whether there is a programme that is shown to members."""
    return _is_open.get("", lambda: Earning.objects.filter(is_open=True).exists())


def open_programme() -> Earning | None:
    """Return the programme that is shown to members: the first one."""
    return Earning.objects.filter(is_open=True).select_related("programme").order_by("pk").first()


def wallet_of(person: User, shown: Earning) -> Wallet | None:
    """Return the person's wallet in it; None if they have earned nothing yet. Reading opens none."""
    return queries.wallets_of(person).filter(programme=shown.programme).first()


def spendable(wallet: Wallet | None) -> int:
    """Return the points that can be spent; 0 without a wallet."""
    return queries.summary(wallet).spendable if wallet else 0


def ways_to_earn(shown: Earning) -> list[dict[str, object]]:
    """Return what points are given for now, most points first. One query."""
    versions = (
        RuleVersion.objects.filter(rule__programme=shown.programme, state=VersionState.PUBLISHED)
        .select_related("rule")
        .order_by("-points", "rule__code")
    )
    ways = []
    for version in versions:
        trigger = earning.all_triggers().get(version.trigger)
        fact = trigger.fact(version.per_fact) if trigger and version.per_fact else None
        ways.append(
            {
                "version": version,
                "name": str(version.rule),
                "label": trigger.label if trigger else "",
                "icon": trigger.icon if trigger else "star",
                "per": fact.label if fact else "",
            }
        )
    return ways


def in_words(wallet: Wallet, lines: Sequence[StatementLine]) -> list[Line]:
    """Say what each line is and why. At most three queries, however many lines."""
    names, why, added = _reasons(wallet, lines)
    taken = _rewards_of(wallet, lines)
    shown = []
    for line in lines:
        sentences = why.get(line.journal_id, [])
        what = names.get(line.reason) if line.code == Code.EARN else None
        if line.code == Code.REVERSE and line.reason in words.OF_EVENTS:
            sentences = [str(words.OF_EVENTS[line.reason])]
        if line.code in {Code.ADJUST, Code.EXTEND, Code.REINSTATE} and line.reason in Reason.values:
            sentences = [str(Reason(line.reason).label)]
        if line.code == Code.REFUND and line.reason in _OF_REFUNDS:
            sentences = [str(RewardReason(line.reason).label)]
        what = what or str(WHAT.get(line.code, line.code))
        if line.journal_id in added:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": _("added by a campaign")}
        if line.journal_id in taken:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": taken[line.journal_id]}
        shown.append(Line(line, what, sentences or [str(WHY[line.code])]))
    return shown


def _rewards_of(wallet: Wallet, lines: Sequence[StatementLine]) -> dict[int, str]:
    """Return the names of the rewards that lines are about, by their journals. One query, if there may be any."""
    uids = {line.journal_id: match[1] for line in lines if (match := _OF_A_REDEMPTION.match(line.key))}
    names = rewards.names_of(wallet, set(uids.values())) if uids else {}
    return {journal: names[uid] for journal, uid in uids.items() if uid in names}


def _reasons(wallet: Wallet, lines: Sequence[StatementLine]) -> tuple[dict[str, str], dict[int, list[str]], set[int]]:
    """Return the names of rules, why each journal was booked, and the journals with what a campaign added, which come last."""
    sources = {line.source for line in lines if line.code == Code.EARN}
    given = Decision.objects.filter(wallet=wallet, event__source_id__in=sources).select_related("event", "wallet")
    decisions = list(given) if sources else []
    known = earning.names_of_rules(decisions)
    names = {code: name for (programme, code), name in known.items() if programme == wallet.programme_id}
    why: dict[int, list[str]] = {}
    added: set[int] = set()
    for decision in decisions:
        sentences = earning.explain(decision, known).rules
        for one, sentence in zip(decision.considered, sentences, strict=True):
            for journal in one["journals"]:
                why.setdefault(journal, [sentence])
            if one["bonus"]:
                added.update(one["journals"][-1:])
    return names, why, added


def not_counted(wallet: Wallet) -> list[tuple[Decision, Explanation]]:
    """Return the last events that gave no points, with the reasons. Two queries."""
    none = Decision.objects.filter(wallet=wallet, outcome=Decision.Outcome.NONE).exclude(reason="no-rule")
    decisions = list(none.select_related("event", "wallet").order_by("-pk")[:_NOT_COUNTED])
    known = earning.names_of_rules(decisions)
    return [(decision, earning.explain(decision, known)) for decision in decisions]


def all_lines(wallet: Wallet, which: queries.Which | None = None) -> Iterator[Line]:
    """Yield the whole statement in words, or some lines of it, newest first, page by page."""
    for lines in queries.statement_pages(wallet, which=which):
        yield from in_words(wallet, lines)


def rows_of(lines: Iterable[Line]) -> Iterator[list[object]]:
    """Yield the cells of the exported statement."""
    for line in lines:
        balance = line.booked.balance
        yield [
            line.booked.occurred_at.isoformat(), line.what, line.change, line.balance,
            balance.available, balance.pending, " ".join(line.why),
        ]  # fmt: skip
