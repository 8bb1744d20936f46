"""The ledger against a simple model, in any order of commands, repetitions and failures (Hypothesis).

The model knows lots and debts of two wallets, as plain numbers, and shares no code with the ledger. After every step the
lots, the balances and the totals must be those of the model. LEDGER_EXAMPLES=200 looks longer, and for the shortest failure.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from loyalty import exceptions
from loyalty.models import Account, Journal, Posting
from loyalty.models.ledger import Kind
from loyalty.queries import liability, whole_statement
from loyalty.services import ledger
from loyalty.services.ledger import statements
from tests.factories.loyalty import ProgrammeFactory, WalletFactory
from tests.loyalty.machines import CommandMachine, run_machine

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.both_databases("loyalty.services.ledger.statements"),
]

START = dt.date(2026, 11, 1)
AMOUNTS = st.integers(1, 40)
WHO = st.integers(0, 1)


class Member:
    """What a wallet should contain."""

    def __init__(self):
        self.available = Counter()  # last day → points
        self.pending = Counter()  # (day it becomes available, last day) → points
        self.held = {}  # hold → {last day: points}
        self.debt = 0
        self.awards = {}  # journal → [points not taken back, last day, day it becomes available or None]
        self.lapsed = {}  # journal → points that expired and were not given again
        self.spent = {}  # hold → [(last day, points)], what is not refunded, as it was spent
        self.earned = self.redeemed = self.expired = 0

    def arrive(self, lots):
        for day, points in lots:
            self.available[day] += points
            paid = min(self.debt, points)
            self.debt -= paid
            self.available[day] -= paid

    def take(self, points, days):
        taken = Counter()
        for day in days:
            part = min(points - taken.total(), self.available[day])
            taken[day] += part
            self.available[day] -= part
        return +taken

    def lots(self):
        held = {(Kind.HELD, hold, day): points for hold, lots in self.held.items() for day, points in lots.items()}
        available = {(Kind.AVAILABLE, "", day): points for day, points in self.available.items()}
        pending = {(Kind.PENDING, due.isoformat(), day): points for (due, day), points in self.pending.items()}
        return +Counter({**held, **available, **pending, (Kind.DEBT, "", dt.date.max): self.debt})


class LedgerMachine(CommandMachine):
    def __init__(self):
        super().__init__()
        self.programme = ProgrammeFactory()
        self.wallets = WalletFactory.create_batch(2, programme=self.programme)
        self.members = [Member(), Member()]
        self.today = START

    def stored(self):
        return [
            Journal.objects.count(),
            Posting.objects.count(),
            sorted(Account.objects.values_list("credits", "debits")),
        ]

    # Commands -----------------------------------------------------------------------------------------------------------

    @rule(who=WHO, points=AMOUNTS, months=st.integers(0, 3), wait=st.none() | st.integers(0, 20), many=st.booleans())
    def earn(self, who, points, months, wait, many):
        member = self.members[who]
        last_day = self.today + dt.timedelta(days=30 * months + 25)
        due = None if wait is None else self.today + dt.timedelta(days=wait)
        award = {
            "wallet": self.wallets[who], "amount": points, "key": self.new_id(), "expires_on": last_day,
            "pending_until": due,
        }  # fmt: skip
        if many:
            [posted] = ledger.earn_many(programme=self.programme, awards=[ledger.Award(**award)])
            self.done.append((ledger.earn, award, posted))
        else:
            posted = self.give(ledger.earn, **award)
        member.awards[posted.journal_id] = [points, last_day, due]
        member.earned += points
        if due is None:
            member.arrive([(last_day, points)])
        else:
            member.pending[due, last_day] += points

    @rule(who=WHO)
    def activate(self, who):
        member = self.members[who]
        due = sorted(
            (lot for lot in member.pending if lot[0] <= self.today and member.pending[lot]), key=lambda lot: lot[1]
        )
        posted = self.give(ledger.activate, wallet=self.wallets[who], today=self.today)
        member.arrive([(day, member.pending.pop((ready, day))) for ready, day in due])
        assert (posted is None) == (not due)

    @rule(who=WHO, points=AMOUNTS)
    def hold(self, who, points):
        member, hold = self.members[who], self.new_id()
        days = sorted(day for day in member.available if day >= self.today)
        result = self.give(ledger.hold, wallet=self.wallets[who], hold=hold, amount=points, today=self.today)
        missing = points - sum(member.available[day] for day in days)
        if missing > 0:
            assert result.missing == missing
        else:
            assert result.amount == points
            member.held[hold] = member.take(points, days)

    @precondition(lambda self: self.holds())
    @rule(data=st.data(), part=st.floats(0, 1))
    def capture(self, data, part):
        who, hold = data.draw(st.sampled_from(self.holds()))
        member = self.members[who]
        held = member.held.pop(hold)
        points = max(1, round(held.total() * part))
        whole = part > 0.7
        self.give(ledger.capture, wallet=self.wallets[who], hold=hold, amount=None if whole else points)
        points = held.total() if whole else points
        member.redeemed += points
        spent = []
        for day in sorted(held):
            used = min(points, held[day])
            points -= used
            spent.append((day, used))
            member.arrive([(day, held[day] - used)])
        member.spent[hold] = [lot for lot in spent if lot[1]]

    @precondition(lambda self: self.holds())
    @rule(data=st.data())
    def release(self, data):
        who, hold = data.draw(st.sampled_from(self.holds()))
        self.give(ledger.release, wallet=self.wallets[who], hold=hold)
        self.members[who].arrive(sorted(self.members[who].held.pop(hold).items()))

    def holds(self):
        return [(who, hold) for who, member in enumerate(self.members) for hold in member.held]

    @precondition(lambda self: any(member.spent for member in self.members))
    @rule(data=st.data(), points=st.none() | AMOUNTS)
    def refund(self, data, points):
        who, hold = data.draw(
            st.sampled_from([(who, hold) for who, member in enumerate(self.members) for hold in member.spent])
        )
        member = self.members[who]
        left = sum(part for _day, part in member.spent[hold])
        result = self.give(ledger.refund, wallet=self.wallets[who], hold=hold, refund=self.new_id(), amount=points)
        points = left if points is None else points
        if not 0 < points <= left:
            assert result.left == left
            return
        member.redeemed -= points
        back = []
        while points:
            day, part = member.spent[hold].pop()
            used = min(part, points)
            points -= used
            back.append((day, used))
            if used < part:
                member.spent[hold].append((day, part - used))
        member.arrive(back)

    @precondition(lambda self: any(member.awards for member in self.members))
    @rule(data=st.data(), points=st.none() | AMOUNTS)
    def take_back(self, data, points):
        who, journal = data.draw(
            st.sampled_from([(who, journal) for who, member in enumerate(self.members) for journal in member.awards])
        )
        member = self.members[who]
        left, last_day, due = member.awards[journal]
        result = self.give(
            ledger.reverse, wallet=self.wallets[who], journal_id=journal, reversal=self.new_id(), amount=points
        )
        points = left if points is None else points
        if not 0 < points <= left:
            assert result.left == left
            return
        member.awards[journal][0] -= points
        member.earned -= points
        own = min(points, member.pending[due, last_day]) if due else 0
        if own:
            member.pending[due, last_day] -= own
        rest = points - own
        rest -= member.take(rest, [last_day]).total()
        rest -= member.take(rest, sorted(member.available)).total()
        member.debt += rest

    @rule(who=WHO)
    def expire(self, who):
        member = self.members[who]
        over = Counter({day: points for day, points in member.available.items() if day < self.today})
        posted = self.give(ledger.expire, wallet=self.wallets[who], today=self.today)
        assert (posted.amount if posted else 0) == over.total()
        member.expired += over.total()
        member.available -= over
        if posted:
            member.lapsed[posted.journal_id] = over.total()

    @precondition(lambda self: any(member.lapsed for member in self.members))
    @rule(data=st.data(), points=st.none() | AMOUNTS, days=st.integers(-1, 60))
    def reinstate(self, data, points, days):
        who, journal = data.draw(
            st.sampled_from([(who, journal) for who, member in enumerate(self.members) for journal in member.lapsed])
        )
        member, left, to = self.members[who], self.members[who].lapsed[journal], self.today + dt.timedelta(days=days)
        result = self.give(
            ledger.reinstate, wallet=self.wallets[who], journal_id=journal, to=to, key=self.new_id(), amount=points,
            reason="x", actor="y", today=self.today,
        )  # fmt: skip
        points = left if points is None else points
        if days < 0 or not 0 < points <= left:
            assert isinstance(result, exceptions.InvalidDateError if days < 0 else exceptions.NotReversibleError)
            return
        member.lapsed[journal] -= points
        member.expired -= points
        member.arrive([(to, points)])

    @rule(days=st.integers(1, 40))
    def days_pass(self, days):
        self.today += dt.timedelta(days=days)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data):
        command, arguments, posted = data.draw(st.sampled_from(self.done))
        if command in {ledger.activate, ledger.expire}:
            return
        before = self.stored()
        assert command(**arguments) == posted._replace(is_new=False)
        other = next((wallet for wallet in self.wallets if wallet != arguments["wallet"]), None)
        try:
            command(**{**arguments, "wallet": other})
            raise AssertionError("Another wallet got something for a key that was used.")
        except (exceptions.KeyReusedError, exceptions.NotReversibleError):
            pass
        assert self.stored() == before

    # What must hold -----------------------------------------------------------------------------------------------------

    @invariant()
    def every_lot_is_that_of_the_model(self):
        for wallet, member in zip(self.wallets, self.members, strict=True):
            stored = Counter()
            for account in Account.objects.filter(wallet=wallet):
                stored[account.kind, account.ref, account.bucket] = account.credits - account.debits
            assert +stored == member.lots()

    @invariant()
    def what_is_asked_at_once_is_what_is_asked_one_by_one(self):
        last = Journal.objects.filter(programme=self.programme).order_by("pk").last()
        for wallet in self.wallets:
            for key in ("", last.key if last else "none"):
                opened = statements.open_book(wallet.pk, self.programme.pk, key)
                assert opened.owner == statements.lock_wallets([wallet.pk])[wallet.pk]
                assert opened.balances == statements.last_balances(wallet.pk)
                assert opened.known == statements.find_keys(self.programme.pk, [key]).get(key)

    @invariant()
    def no_point_is_lost_or_invented(self):
        for wallet, member in zip(self.wallets, self.members, strict=True):
            last = Journal.objects.filter(wallet=wallet).order_by("number").last()
            have = last.available + last.pending + last.held - last.debt if last else 0
            assert have == member.earned - member.redeemed - member.expired
            assert not (member.debt and any(points for day, points in member.available.items()))

    def teardown(self):
        assert list(ledger.check()) == []
        for wallet in self.wallets:
            lines = list(whole_statement(wallet))
            assert [line.number for line in lines] == list(range(len(lines), 0, -1))
            if lines:
                assert lines[0].balance == tuple(map(sum, zip(*(line.change for line in lines), strict=True)))
        owed = [sum(points) for points in zip(*(row.points for row in liability(self.programme)), strict=True)]
        assert sum(owed[:3]) == sum(member.lots().total() - member.debt for member in self.members)


def test_no_sequence_of_commands_loses_or_invents_a_point():
    run_machine(LedgerMachine, few=12 if connection.vendor == "sqlite" else 6, steps=30)
