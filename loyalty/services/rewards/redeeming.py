"""Taking a reward: once per form, in one transaction, with everything that was promised or nothing at all.

Locks are taken in this order: the wallet, the reward, a code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty import reward_news
from loyalty.buckets import today_of
from loyalty.exceptions import (
    AddressNeededError,
    ConfirmationNeededError,
    KeyReusedError,
    NotAvailableError,
    PriceChangedError,
    SeenTooLongAgoError,
)
from loyalty.models.ledger import Wallet
from loyalty.models.rewards import (
    KEY_LENGTH,
    Parcel,
    Redemption,
    RedemptionStep,
    Reward,
    RewardKind,
    RewardTerms,
    State,
    VoucherCode,
)
from loyalty.queries import summary
from loyalty.services import ledger
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import durable
from loyalty.services.members import wallet_for
from loyalty.services.rewards.availability import (
    Obstacle,
    Standing,
    Why,
    free_codes,
    is_guarded,
    obstacles,
    set_prices,
    standing_of_account,
    standing_of_member,
    taken_by,
)
from portal.core import vault

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from portal.accounts.models import User

#: Purposes of `portal.core.vault`; part of what is stored.
CODES: Final = "loyalty.codes"
ADDRESSES: Final = "loyalty.addresses"
MEMBER: Final = "member"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where something is sent."""

    name: str
    phone: str
    text: str
    postal_code: str

    def sealed(self) -> str:
        """Return it encrypted, as it is stored."""
        return vault.encrypt(json.dumps(asdict(self)), purpose=ADDRESSES)


def address_of(parcel: Parcel) -> Address | None:
    """Return the address of a parcel, or words that say that it cannot be read any more; None once it is deleted."""
    if not parcel.address:
        return None
    try:
        return Address(**json.loads(vault.decrypt(parcel.address, purpose=ADDRESSES)))
    except vault.UnreadableError:
        return Address(name="", phone="", text=_("It cannot be read any more: its key is lost."), postal_code="")


def needs_confirmation(reward: Reward, terms: RewardTerms) -> bool:
    """Return whether the member has to show who they are: for many points, and for what is sent to an address."""
    return is_guarded(reward, terms.confirm_from)


def last_of(wallet: Wallet | None) -> int:
    """Return the number of the member's last redemption, or 0: what `redeem` compares with what the page showed."""
    if wallet is None:
        return 0
    last = Redemption.objects.filter(wallet=wallet).order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def names_of(wallet: Wallet, uids: Collection[str]) -> dict[str, str]:
    """Return the names of the rewards taken in these redemptions of the wallet, in the active language."""
    taken = Redemption.objects.filter(wallet=wallet, uid__in=uids).select_related("reward")
    return {str(redemption.uid): str(redemption.reward) for redemption in taken}


def redeem(
    *,
    user: User,
    reward: Reward,
    key: str,
    price: int | None,
    seen: int | None,
    address: Address | None = None,
    is_confirmed: bool = False,
) -> Redemption:
    """Spend points on a reward. The same key again returns the same redemption, whatever has changed since.

    `price` and `seen` (`last_of`) are what the member saw. Raises `NotAvailableError`, `PriceChangedError`,
    `SeenTooLongAgoError`, `ConfirmationNeededError`, `AddressNeededError`, `KeyReusedError`, and the ledger's errors;
    nothing is written then.
    """
    if not 0 < len(key) <= KEY_LENGTH:
        raise KeyReusedError
    with durable():
        wallet = wallet_for(user=user, programme=reward.programme)
        owner = statements.lock_wallets([wallet.pk])[wallet.pk]
        known = Redemption.objects.visible_to(user).filter(wallet=wallet, key=key).first()
        if known is not None:
            if known.reward_id != reward.pk:
                raise KeyReusedError
            return known
        reward = (
            Reward.objects.select_for_update(no_key=True, of=("self",)).select_related("programme").get(pk=reward.pk)
        )
        now, today = timezone.now(), today_of(reward.programme)
        set_prices([reward], reward.programme, at=now)
        terms = RewardTerms.of(reward.programme)
        standing = Standing(
            today=today,
            status=owner.status,
            is_stopped=owner.is_spending_stopped,
            spendable=summary(wallet, today=today).spendable,
            **standing_of_member([reward], reward.programme, Wallet.objects.filter(member_key=wallet.member_key)),
            **standing_of_account(user, wallet, terms, at=now),
        )
        found = obstacles(
            reward,
            standing,
            taken=taken_by(wallet, [reward], at=now).get(reward.pk, 0),
            has_code=free_codes(today).filter(reward=reward).exists(),
        )
        if found:
            raise _not_available(found)
        if price != reward.price:
            raise PriceChangedError
        if seen != last_of(wallet):
            raise SeenTooLongAgoError
        if needs_confirmation(reward, terms) and not is_confirmed:
            raise ConfirmationNeededError
        if reward.kind == RewardKind.PHYSICAL and address is None:
            raise AddressNeededError
        redemption = _take(wallet, reward, key, today, address)
        if redemption.state == State.ISSUED:
            reward_news.tell(redemption, news=reward_news.News.ISSUED)
        return redemption


def _not_available(found: list[Obstacle]) -> NotAvailableError:
    return NotAvailableError(found, str(found[0]))


def _take(wallet: Wallet, reward: Reward, key: str, today: dt.date, address: Address | None) -> Redemption:
    is_voucher = reward.kind == RewardKind.VOUCHER
    redemption = Redemption.objects.create(
        wallet=wallet,
        reward=reward,
        key=key,
        price=reward.price,
        state=State.ISSUED if is_voucher else State.ORDERED,
    )
    source = f"loyalty.redemption:{redemption.pk}"
    ledger.hold(wallet=wallet, hold=redemption.hold, amount=reward.price, today=today, source=source, actor=MEMBER)
    Reward.objects.filter(pk=reward.pk).update(sold=F("sold") + 1)
    if is_voucher:
        code = _reserve_code(reward, redemption, today)
        ledger.capture(wallet=wallet, hold=redemption.hold, actor=MEMBER)
        _set_status(code, VoucherCode.Status.ISSUED)
    elif address is not None and reward.kind == RewardKind.PHYSICAL:
        Parcel.objects.create(redemption=redemption, address=address.sealed())
    add_step(redemption, redemption.state, actor=MEMBER)
    return redemption


def _reserve_code(reward: Reward, redemption: Redemption, today: dt.date) -> VoucherCode:
    """Take the first free code that nobody else is taking. On SQLite there is one writer, and nothing to skip."""
    free = free_codes(today).filter(reward=reward).order_by("pk")
    code = free.select_for_update(skip_locked=True).first()
    if code is None:
        raise _not_available([Obstacle(Why.OUT_OF_STOCK)])
    code.redemption = redemption
    _set_status(code, VoucherCode.Status.RESERVED)
    return code


def _set_status(code: VoucherCode, status: VoucherCode.Status) -> None:
    code.status, code.changed_at = status, timezone.now()
    code.save(update_fields=["status", "redemption", "changed_at"])


def add_step(redemption: Redemption, state: str, *, actor: str, reason: str = "", points: int = 0) -> None:
    """Note what happened, under the lock of the wallet."""
    number = RedemptionStep.objects.filter(redemption=redemption).count() + 1
    RedemptionStep.objects.create(
        redemption=redemption, number=number, state=state, reason=reason, points=points, actor=actor
    )
