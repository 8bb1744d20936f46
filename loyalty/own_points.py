"""What the page of a member's points shows, in words. Composed here of the ledger's books and the decisions."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from loyalty import queries
from loyalty.models import Decision, Earning, RuleVersion
from loyalty.models.adjustments import Reason
from loyalty.models.earning import VersionState
from loyalty.models.ledger import REVIEWED, Code, Journal, Kind, Member, Posting, Wallet
from loyalty.models.rewards import Reason as RewardReason
from loyalty.money import amount_in_words
from loyalty.services import adjusting, challenges, earning, rewards
from loyalty.services.earning import words
from portal.core.formats import format_number
from portal.core.memo import Memo
from portal.core.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.utils.functional import _StrPromise

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
    #: The day from which points that came as pending ones could be spent.
    due: dt.date | None = None

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


#: What a person can spend in the programme that is shown to members, by the last line of the statement: nearly every page asks it.
_spendable: Final[Prepared[tuple[int | None]]] = Prepared(
    lambda person: (
        Wallet.objects.filter(
            member_key__in=Member.objects.filter(user=person).values("key"), programme__earning__is_open=True
        )
        .exclude(status=Wallet.Status.CLOSED)
        .order_by("programme__earning__pk")
        .values_list(
            Subquery(Journal.objects.filter(wallet=OuterRef("pk")).order_by("-number").values("available")[:1])
        )[:1]
    ),
    int,
)


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


def header_pill(person: User) -> int | None:
    """Return the points that the person can spend, for the header; None without a wallet. One query while points are shown.

    What has expired counts until that is booked, which is within the hour.
    """
    found = _spendable.rows(person.pk) if is_open() else []
    return found[0][0] if found else None


def ways_to_earn(shown: Earning) -> list[dict[str, object]]:
    """Return what points are given for now, most points first. Two queries."""
    versions = (
        RuleVersion.objects.filter(rule__programme=shown.programme, state=VersionState.PUBLISHED)
        .select_related("rule")
        .order_by("-points", "rule__code")
    )
    currency = adjusting.policy_of(shown.programme).currency
    ways = []
    for version in versions.exclude(trigger=challenges.CHALLENGE):  # challenges say themselves what they give
        trigger = earning.all_triggers().get(version.trigger)
        ways.append(
            {
                "version": version,
                "name": str(version.rule),
                "label": trigger.label if trigger else "",
                "icon": trigger.icon if trigger else "star",
                "per": words.per_unit(version, currency),
            }
        )
    return ways


def in_words(wallet: Wallet, lines: Sequence[StatementLine]) -> list[Line]:
    """Say what each line is and why. At most six queries, however many lines."""
    told = _reasons(wallet, lines)
    due = _due_days(wallet, lines)
    taken = _rewards_of(wallet, lines)
    shown = []
    for line in lines:
        sentences = told.why.get(line.journal_id, [])
        what = told.names.get(line.reason) if line.code == Code.EARN else None
        if line.code == Code.REVERSE and line.reason in words.OF_EVENTS:
            sentences = [str(words.OF_EVENTS[line.reason])]
        if line.code in {Code.ADJUST, Code.EXTEND, Code.REINSTATE} and line.reason in Reason.values:
            sentences = [str(Reason(line.reason).label)]
        if line.code == Code.REFUND and line.reason in _OF_REFUNDS:
            sentences = [str(RewardReason(line.reason).label)]
        what = what or str(WHAT.get(line.code, line.code))
        if line.code == Code.ACTIVATE:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": format_number(line.amount)}
        if line.journal_id in told.added:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": _("added by a campaign")}
        elif line.journal_id in told.paid:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": told.paid[line.journal_id]}
        if line.journal_id in taken:
            what = pgettext("statement", "%(what)s: %(reward)s") % {"what": what, "reward": taken[line.journal_id]}
        shown.append(Line(line, what, sentences or [str(WHY[line.code])], due.get(line.journal_id)))
    return shown


def _rewards_of(wallet: Wallet, lines: Sequence[StatementLine]) -> dict[int, str]:
    """Return the names of the rewards that lines are about, by their journals. One query, if there may be any."""
    uids = {line.journal_id: match[1] for line in lines if (match := _OF_A_REDEMPTION.match(line.key))}
    names = rewards.names_of(wallet, set(uids.values())) if uids else {}
    return {journal: names[uid] for journal, uid in uids.items() if uid in names}


@dataclass(slots=True)
class _Told:
    """What decisions say about lines, by their journals."""

    #: Names of rules by their codes.
    names: dict[str, str] = field(default_factory=dict)
    why: dict[int, list[str]] = field(default_factory=dict)
    #: Journals with what a campaign added; they come last.
    added: set[int] = field(default_factory=set)
    #: What was paid, where it is about that.
    paid: dict[int, str] = field(default_factory=dict)


def _reasons(wallet: Wallet, lines: Sequence[StatementLine]) -> _Told:
    """Return what was decided about events that gave points. At most four queries."""
    sources = {line.source for line in lines if line.code == Code.EARN}
    given = Decision.objects.filter(wallet=wallet, event__source_id__in=sources).select_related("event", "wallet")
    decisions = list(given) if sources else []
    known = earning.names_of_rules(decisions)
    told = _Told({code: name for (programme, code), name in known.items() if programme == wallet.programme_id})
    money = {trigger.name: trigger.money for trigger in earning.all_triggers().values() if trigger.money}
    currency, rates = "", {}
    if any(decision.event.trigger in money for decision in decisions):
        currency = adjusting.policy_of(wallet.programme).currency
        rates = _rates(wallet, currency)
    for decision in decisions:
        amount = decision.event.facts.get(money.get(decision.event.trigger, ""))
        sentences = earning.explain(decision, known).rules
        for one, sentence in zip(decision.considered, sentences, strict=True):
            rate = rates.get((one["rule"], one["version"]))
            for journal in one["journals"]:
                told.why.setdefault(journal, [sentence, *([rate] if rate else [])])
                if isinstance(amount, int):
                    told.paid[journal] = amount_in_words(amount, currency)
            if one["bonus"]:
                told.added.update(one["journals"][-1:])
    return told


def _rates(wallet: Wallet, currency: str) -> dict[tuple[str, int], str]:
    """Return for how much of what rules gave their points: (rule, version) → words. One query."""
    versions = RuleVersion.objects.filter(rule__programme=wallet.programme).exclude(per_fact="").select_related("rule")
    return {(version.rule.code, version.number): words.per_unit(version, currency) for version in versions}


def _due_days(wallet: Wallet, lines: Sequence[StatementLine]) -> dict[int, dt.date]:
    """Return from when points that came as pending ones can be spent, by journal; one query if there are such lines."""
    coming = [line.journal_id for line in lines if line.code == Code.EARN and line.change.pending > 0]
    if not coming:
        return {}
    booked = Posting.objects.filter(journal__in=coming, credit__wallet=wallet, credit__kind=Kind.PENDING)
    return {
        journal: dt.date.fromisoformat(ref)
        for journal, ref in booked.values_list("journal", "credit__ref")
        if not ref.startswith(REVIEWED)
    }


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
