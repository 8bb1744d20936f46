"""Compares redemptions with what the ledger holds, spent and gave back, with codes, stock and steps. Repairs nothing.

Part of `manage.py ledger_check`: see `loyalty.services.ledger.check_also`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Count, F, Q, Sum

from loyalty.models.ledger import Account, Code, Journal, Kind, Wallet
from loyalty.models.rewards import (
    BACK_STATES,
    HELD_STATES,
    Redemption,
    RedemptionStep,
    Reward,
    RewardKind,
    State,
    VoucherCode,
)
from loyalty.services.ledger import Problem, missing_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Rows compared at a time.
PORTION: Final = 500
_PREFIX: Final = "redemption:"
_LIVE: Final = frozenset({VoucherCode.Status.ISSUED, VoucherCode.Status.USED})


@dataclass(frozen=True, slots=True)
class _Facts:
    """What other tables say about some redemptions."""

    held: Mapping[str, int]
    journals: Mapping[tuple[str, str], tuple[int, int]]
    returned: Mapping[int, int]
    codes: Mapping[int, tuple[str, int]]
    steps: Mapping[int, list[RedemptionStep]]


#: Triggers without which what happened to a redemption, and what a reward cost, could be written anew.
_TRIGGERS: Final = tuple(
    f"loyalty_{table}_{event}" for table in ("redemptionstep", "rewardprice") for event in ("update", "delete")
)


def check_rewards() -> Iterator[Problem]:
    """Yield all that is wrong with redemptions, holds, codes and stocks."""
    yield from missing_triggers(_TRIGGERS)
    for portion in _portions():
        facts = _facts_of(portion)
        for redemption in portion:
            yield from (Problem(what, redemption.pk, redemption.wallet_id) for what in _wrong_with(redemption, facts))
    yield from _holds_of_nothing()
    yield from _wrong_stocks()
    yield from _wrong_codes()


def _portions() -> Iterator[list[Redemption]]:
    after = 0
    rows = Redemption.objects.select_related("reward", "wallet").order_by("pk")
    while portion := list(rows.filter(pk__gt=after)[:PORTION]):
        yield portion
        after = portion[-1].pk


def _facts_of(portion: Sequence[Redemption]) -> _Facts:
    holds = {redemption.hold for redemption in portion}
    ids = [redemption.pk for redemption in portion]
    lots = (
        Account.objects.filter(kind=Kind.HELD, ref__in=holds)
        .values("ref")
        .annotate(held=Sum(F("credits") - F("debits")))
    )
    codes = (Code.HOLD, Code.CAPTURE, Code.RELEASE)
    keys = {f"{code}:{hold}": (hold, code.value) for hold in holds for code in codes}
    found: dict[tuple[str, str], tuple[int, int]] = {}
    names = sorted(keys)
    for start in range(0, len(names), PORTION):
        some = Journal.objects.filter(
            key__in=names[start : start + PORTION], wallet__in={one.wallet_id for one in portion}
        )
        found.update({keys[key]: (pk, amount) for key, pk, amount in some.values_list("key", "pk", "amount")})
    captured = [pk for (_hold, code), (pk, _amount) in found.items() if code == Code.CAPTURE]
    back = Journal.objects.filter(reverses__in=captured).values("reverses").annotate(points=Sum("amount"))
    steps: dict[int, list[RedemptionStep]] = {}
    for step in RedemptionStep.objects.filter(redemption__in=ids).order_by("redemption_id", "number"):
        steps.setdefault(step.redemption_id, []).append(step)
    return _Facts(
        held={row["ref"]: row["held"] for row in lots},
        journals=found,
        returned={row["reverses"] or 0: row["points"] for row in back},
        codes={
            code.redemption_id or 0: (code.status, code.reward_id)
            for code in VoucherCode.objects.filter(redemption__in=ids)
        },
        steps=steps,
    )


def _wrong_with(redemption: Redemption, facts: _Facts) -> Iterator[str]:
    price, hold = redemption.price, redemption.hold
    is_closed = redemption.wallet.status == Wallet.Status.CLOSED
    held = facts.held.get(hold, 0)
    if held != (price if redemption.state in HELD_STATES else 0) and not is_closed:
        yield "redemption whose held points are not its price"
    amounts = {code: facts.journals.get((hold, code), (0, 0)) for code in (Code.HOLD, Code.CAPTURE, Code.RELEASE)}
    is_spent = redemption.state not in {*HELD_STATES, State.CANCELLED}
    if amounts[Code.HOLD][1] != price or amounts[Code.CAPTURE][1] != (price if is_spent else 0):
        yield "redemption that was not held or spent as its state says"
    if amounts[Code.RELEASE][1] and redemption.state != State.CANCELLED:
        yield "redemption whose points were given back although it was not cancelled"
    if facts.returned.get(amounts[Code.CAPTURE][0], 0) != redemption.refunded:
        yield "redemption of which the ledger gave back other points"
    steps = facts.steps.get(redemption.pk, [])
    if (
        [step.number for step in steps] != list(range(1, len(steps) + 1))
        or not steps
        or steps[-1].state != redemption.state
        or sum(step.points for step in steps) != redemption.refunded
    ):
        yield "redemption whose steps do not lead to its state"
    status, reward = facts.codes.get(redemption.pk, ("", redemption.reward_id))
    has_code = redemption.reward.kind == RewardKind.VOUCHER and redemption.left > 0
    if (status in _LIVE) != has_code or reward != redemption.reward_id or status == VoucherCode.Status.RESERVED:
        yield "redemption without its code, or with one that is not its own"


def _holds_of_nothing() -> Iterator[Problem]:
    after = 0
    lots = Account.objects.filter(kind=Kind.HELD, ref__startswith=_PREFIX).order_by("pk")
    while portion := list(lots.filter(pk__gt=after)[:PORTION]):
        known = set(Redemption.objects.filter(uid__in=filter(None, map(_uid, portion))).values_list("uid", flat=True))
        for lot in portion:
            if _uid(lot) not in known:
                yield Problem("points held for a redemption that is not there", lot.pk, lot.wallet_id)
        after = portion[-1].pk


def _uid(lot: Account) -> UUID | None:
    try:
        return UUID(lot.ref.removeprefix(_PREFIX))
    except ValueError:
        return None


def _wrong_stocks() -> Iterator[Problem]:
    rows = Redemption.objects.exclude(state__in=BACK_STATES).order_by().values("reward").annotate(times=Count("pk"))
    taken = {row["reward"]: row["times"] for row in rows}
    for pk, sold in Reward.objects.order_by("pk").values_list("pk", "sold"):
        if sold != taken.get(pk, 0):
            yield Problem("reward that counts other redemptions than there are", pk)


def _wrong_codes() -> Iterator[Problem]:
    lost = VoucherCode.objects.filter(Q(status__in=_LIVE, sealed="") | Q(status=VoucherCode.Status.RESERVED))
    for pk in lost.order_by("pk").values_list("pk", flat=True)[:PORTION]:
        yield Problem("code that cannot be shown, or is reserved for nobody", pk)
