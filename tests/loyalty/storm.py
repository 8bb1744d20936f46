"""Workers that spend, report and give back points, and are killed while they do: nothing acknowledged may be lost.

`storm` forks workers and sends SIGKILL to one after another. Each does numbered things, one after the other, and says
which are done: ``12 done``, or ``12 refused``. One that was killed begins again with the first it did not acknowledge.
`verify` then proves the books, and does everything again: nothing may change.

`bench/points_storm.py` does it a hundred times and more, on databases of its own; `test_storm` a few times.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import select
import signal
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connection, connections
from django.db.models import Max

from loyalty.exceptions import LedgerError, StepRefusedError
from loyalty.models import Journal, Programme, Redemption, Reward
from loyalty.services import ledger, rewards, shop
from loyalty.services.members import wallet_for
from loyalty.services.shop import RowRefusedError
from portal.accounts.models import User
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, rule_in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loyalty.models import Wallet

NOON = dt.datetime(2026, 11, 29, 9, tzinfo=dt.UTC)


def prepare(*, codes: int = 500) -> None:
    """Make a programme with members who have points, and rewards for all of them."""
    programme = EarningFactory(programme__code="storm").programme
    rule_in_force(programme, "purchase", trigger="shop.order", points=1, per_fact="amount", per_units=1000)
    staff = UserFactory(handle="storm-staff", superuser=True)
    for number in range(6):
        user = UserFactory(handle=f"storm-member-{number}")
        ledger.earn(wallet=wallet_for(user=user, programme=programme), amount=100_000, key=f"start:{number}")
    RewardFactory(programme=programme, price=20)
    RewardFactory(programme=programme, price=30, stock=codes)
    rewards.make_codes(reward=RewardFactory(programme=programme, price=10, kind="voucher"), count=codes, by=staff)


class Worker:
    """Does numbered things. What a number means depends on the name and the number alone, so that it can be done again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.programme = Programme.objects.get(code="storm")
        self.staff = User.objects.get(handle="storm-staff")
        people = User.objects.filter(handle__startswith="storm-member").order_by("pk")
        self.people = [(user, wallet_for(user=user, programme=self.programme)) for user in people]
        self.rewards = list(Reward.objects.filter(programme=self.programme).order_by("pk"))

    def do(self, number: int) -> str:
        """Do a thing; return ``done`` or ``refused``. Doing it again does nothing more."""
        chance = random.Random(f"{self.name}:{number}")  # noqa: S311 - the same thing every time
        user, wallet = chance.choice(self.people)
        act = chance.choice([self.order, self.give_back, self.till, self.till, self.take, self.take, self.take])
        try:
            act(number, chance, user, wallet)
        except (LedgerError, RowRefusedError):
            return "refused"
        return "done"

    def order(self, number: int, chance: random.Random, _user: User, wallet: Wallet) -> None:
        """An order, and the refund of a part of it."""
        name, amount = f"{self.name}-{number}", chance.randint(1_000, 90_000)
        about = {"member": wallet.member_key, "number": name, "currency": "IRR", "occurred_at": NOON}
        rows = [
            shop.Order(id=f"{name}-paid", amount=amount, **about),
            shop.Refund(id=f"{name}-back", amount=amount // 3, **about),
        ]
        for row in rows if chance.random() < 0.7 else reversed(rows):
            shop.report(row, programme=self.programme, source=self.name)

    def till(self, number: int, chance: random.Random, _user: User, wallet: Wallet) -> None:
        """Points are reserved at a till, and spent, in part, or released."""
        hold, points = f"shop:{self.name}:{number}", chance.randint(1, 20)
        ledger.hold(wallet=wallet, hold=hold, amount=points)
        if chance.random() < 0.7:
            ledger.capture(wallet=wallet, hold=hold, amount=chance.randint(1, points))
        else:
            ledger.release(wallet=wallet, hold=hold)

    def take(self, number: int, chance: random.Random, user: User, wallet: Wallet) -> None:
        """A reward is taken; some are cancelled or done at once."""
        reward, fate, key = chance.choice(self.rewards), chance.random(), f"{self.name}-{number}"
        taken = Redemption.objects.filter(wallet=wallet, key=key).first() or rewards.redeem(
            user=user, reward=reward, key=key, price=reward.price, seen=rewards.last_of(wallet)
        )
        if reward.kind == "benefit" and fate < 0.3:
            rewards.cancel(redemption=taken, user=user)
        elif reward.kind == "benefit" and fate < 0.6:
            rewards.advance(redemption=taken, by=self.staff, to="delivered")

    def give_back(self, number: int, chance: random.Random, _user: User, wallet: Wallet) -> None:
        """Some points of something that was taken are given back: each time of the same, the first of the member."""
        taken = Redemption.objects.filter(wallet=wallet).order_by("pk").first()
        if taken is None:
            raise StepRefusedError
        rewards.refund(
            redemption=taken, by=self.staff, reason="goodwill", key=f"{self.name}-{number}", amount=chance.randint(1, 3)
        )


def work(name: str, first: int, out: int) -> None:
    """Do one thing after the other until somebody ends this. A database that went away is waited for."""
    worker = None
    while True:
        try:
            worker = worker or Worker(name)
            result = worker.do(first)
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.02)
            continue
        os.write(out, f"{first} {result}\n".encode())
        first += 1


@dataclass
class Told:
    """A worker, and what it acknowledged."""

    name: str
    pid: int = 0
    pipe: int = 0
    results: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Fork a worker that begins with what was not acknowledged."""
        connections.close_all()
        self.pipe, out = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                work(self.name, len(self.results), out)
            except BaseException:  # noqa: BLE001 - a forked process must not go on with the caller's work
                traceback.print_exc()
                os._exit(1)
        os.close(out)

    def kill(self, chance: random.Random) -> None:
        """End it in the middle of whatever it does, once it has done something, and read what it had said."""
        select.select([self.pipe], [], [], 30)
        time.sleep(chance.random() / 10)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        with os.fdopen(self.pipe, encoding="ascii") as out:
            lines = out.readlines()
        self.results += [line.split()[1] for line in lines]  # lines are shorter than what a pipe takes at once


def storm(
    *, kills: int, workers: int = 2, stop_server: Callable[[], None] | None = None, stops: int = 0
) -> dict[str, list[str]]:
    """Kill so many workers, and in between stop the server so many times; return what each worker acknowledged."""
    chance = random.Random(7)  # noqa: S311 - the same storm every time
    told = [Told(f"w{number}") for number in range(workers)]
    for one in told:
        one.start()
    for number in range(kills - workers):
        if stop_server is not None and stops and (number + 1) % (kills // (stops + 1)) == 0:
            stop_server()
        one = chance.choice(told)
        one.kill(chance)
        one.start()
    for one in told:
        one.kill(chance)
    return {one.name: one.results for one in told}


def verify(told: Mapping[str, list[str]]) -> int:
    """Raise `AssertionError` if the books are wrong or something acknowledged is lost; return how many things were done.

    What was refused is not tried again: it may be possible now.
    """
    problems = [str(problem) for problem in ledger.check()]
    assert problems == []
    before = _state()
    for name, results in told.items():
        worker = Worker(name)
        for number, result in enumerate(results):
            if result == "done":
                worker.do(number)
    assert _state() == before, "what was acknowledged had been lost"
    assert [str(problem) for problem in ledger.check()] == []
    return sum(results.count("done") for results in told.values())


def _state() -> tuple[int, int | None, int, int]:
    return (
        Journal.objects.count(), Journal.objects.aggregate(last=Max("pk"))["last"], Redemption.objects.count(),
        sum(Reward.objects.values_list("sold", flat=True)),
    )  # fmt: skip
