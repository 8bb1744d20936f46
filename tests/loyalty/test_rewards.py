"""Taking rewards: what is promised is done once, in full, or not at all."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from loyalty.exceptions import (
    AddressNeededError,
    ConfirmationNeededError,
    KeyReusedError,
    NotAvailableError,
    NotReversibleError,
    PriceChangedError,
    RewardRightMissingError,
    SeenTooLongAgoError,
    StepRefusedError,
    WalletFrozenError,
)
from loyalty.models import (
    Account,
    ActivityCell,
    Journal,
    Parcel,
    Redemption,
    RedemptionStep,
    RewardTerms,
    SegmentMembership,
    VoucherCode,
)
from loyalty.queries import summary, wallets_of
from loyalty.services import ledger, rewards, tiers
from loyalty.services.members import wallet_for
from loyalty.services.rewards import Address, Why, change_reward
from portal.core.localized import LocalizedText
from portal.demo.clock import standing_at
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, ProgrammeFactory, RewardFactory, tiers_in_force

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.rewards.redeeming",
        "loyalty.services.rewards.fulfilling",
        "loyalty.services.rewards.availability",
        "loyalty.services.rewards.codes",
        "loyalty.models.rewards",
        "loyalty.shop",
    ),
]

HOME = Address(
    name="سارا محمدی", phone="+989121110099", text="تهران، خیابان انقلاب، کوچهٔ لاله، پلاک ۴", postal_code="1417614411"
)
SOON, LATER = dt.date(2100, 3, 20), dt.date(2100, 4, 20)


@pytest.fixture
def programme():
    return ProgrammeFactory()


@pytest.fixture
def person(programme):
    """A member with 150 points, of which 60 expire first."""
    person = UserFactory(language="fa")
    wallet = wallet_for(user=person, programme=programme)
    ledger.earn(wallet=wallet, amount=60, key="1", expires_on=SOON)
    ledger.earn(wallet=wallet, amount=90, key="2", expires_on=LATER)
    return person


@pytest.fixture
def staff():
    return UserFactory(superuser=True)


def at_hour(programme, hour, minute=0):
    """A clock that stands at this time of the programme's day."""
    today = timezone.now().astimezone(ZoneInfo(programme.time_zone))
    return standing_at(today.replace(hour=hour, minute=minute))


def wallet_of(person):
    return wallets_of(person).get()


def take(person, reward, key="k1", **how):
    fixed = {"price": reward.price, "seen": rewards.last_of(wallet_for(user=person, programme=reward.programme))}
    return rewards.redeem(user=person, reward=reward, key=key, **{**fixed, "is_confirmed": True, **how})


def voucher(programme, *codes, by, **values):
    reward = RewardFactory(
        programme=programme, kind="voucher", name=LocalizedText(fa="بن کتاب", en="Book voucher"), **values
    )
    rewards.import_codes(reward=reward, lines=codes, by=by)
    return reward


def lots(person):
    return {(lot.last_day, lot.points) for lot in summary(wallet_of(person)).expiring}


def whole_ledger():
    return (Journal.objects.count(), list(Account.objects.order_by("pk").values_list("credits", "debits")))


# A code --------------------------------------------------------------------------------------------------------------


def test_a_code_is_handed_out_at_once_and_the_points_are_spent(programme, person, staff):
    reward = voucher(programme, "NOROOZ-1406-AAAA", by=staff)

    redemption = take(person, reward)

    assert redemption.state == "issued"
    assert rewards.shown_code(redemption) == "NOROOZ-1406-AAAA"
    assert lots(person) == {(LATER, 50)}  # what expires first went first
    assert list(Journal.objects.order_by("pk").values_list("code", flat=True)) == ["earn", "earn", "hold", "capture"]
    assert list(ledger.check()) == []


def test_the_same_form_twice_is_one_redemption_whatever_has_changed_since(programme, person, staff):
    reward = RewardFactory(programme=programme)
    first = take(person, reward)
    reward.price, reward.is_published = 5, False
    reward.save()

    again = rewards.redeem(user=person, reward=reward, key="k1", price=5, seen=0)

    assert again == first
    assert again.price == 100  # what was redeemed keeps its price
    assert Journal.objects.filter(code="hold").count() == 1
    with pytest.raises(KeyReusedError):
        rewards.redeem(user=person, reward=RewardFactory(programme=programme), key="k1", price=100, seen=0)


def test_two_windows_do_not_spend_twice(programme, person):
    reward = RewardFactory(programme=programme, price=40)
    take(person, reward, "one", seen=0)
    before = whole_ledger()

    with pytest.raises(SeenTooLongAgoError):
        take(person, reward, "two", seen=0)

    assert whole_ledger() == before
    assert Redemption.objects.count() == 1


@pytest.mark.parametrize("seen", [99, 101, None, 1])
def test_another_price_than_the_one_shown_is_refused(programme, person, seen):
    reward = RewardFactory(programme=programme)
    before = whole_ledger()

    with pytest.raises(PriceChangedError):
        take(person, reward, price=seen)

    assert whole_ledger() == before


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_a_key_that_cannot_be_stored_is_refused(programme, person, key):
    with pytest.raises(KeyReusedError):
        take(person, RewardFactory(programme=programme), key)


# Why not -------------------------------------------------------------------------------------------------------------


def today():
    return timezone.localdate()


def refused(person, reward):
    before = whole_ledger()
    with pytest.raises(NotAvailableError) as refusal:
        take(person, reward)
    assert whole_ledger() == before
    assert not Redemption.objects.filter(key="k1").exists()
    with translation.override("fa"):
        return [(obstacle.why, str(obstacle)) for obstacle in refusal.value.obstacles]


def test_too_few_points_says_how_many_are_missing(programme, person):
    assert refused(person, RewardFactory(programme=programme, price=1350)) == [
        (Why.INSUFFICIENT_BALANCE, "۱٬۲۰۰ امتیاز کم است.")
    ]


def test_what_is_sold_out_or_without_a_code_is_out_of_stock(programme, person, staff):
    reason = [(Why.OUT_OF_STOCK, "اکنون چیزی از آن نمانده است.")]
    assert refused(person, RewardFactory(programme=programme, stock=1, sold=1)) == reason
    assert refused(person, RewardFactory(programme=programme, kind="voucher")) == reason
    over = RewardFactory(programme=programme, kind="voucher")
    rewards.import_codes(reward=over, lines=["OVER-1"], by=staff, expires_on=today() - dt.timedelta(days=2))
    assert refused(person, over) == reason


def test_what_is_not_yet_or_no_more_to_be_had_says_so(programme, person):
    tomorrow = today() + dt.timedelta(days=2)
    [(why, words)] = refused(person, RewardFactory(programme=programme, available_from=tomorrow))
    assert why == Why.WINDOW
    assert "از" in words
    over = RewardFactory(programme=programme, available_until=today() - dt.timedelta(days=2))
    assert [why for why, _words in refused(person, over)] == [Why.WINDOW]
    hidden = RewardFactory(programme=programme, is_published=False)
    assert [why for why, _words in refused(person, hidden)] == [Why.GONE]


def test_a_limit_counts_in_its_period_and_not_what_was_cancelled(programme, person):
    reward = RewardFactory(programme=programme, price=10, limit=2, limit_period="month")
    first = take(person, reward, "a")
    second = take(person, reward, "b")

    assert refused(person, reward) == [(Why.LIMIT_REACHED, "آن را به اندازه‌ای که در یک ماه ممکن است گرفته‌اید: ۲ بار.")]

    rewards.cancel(redemption=first, user=person)
    take(person, reward, "c")
    Redemption.objects.filter(pk=second.pk).update(created_at=timezone.now() - dt.timedelta(days=40))
    take(person, reward, "d")


def test_nothing_is_spent_while_frozen_or_stopped(programme, person):
    reward = RewardFactory(programme=programme)
    ledger.freeze(wallet=wallet_of(person), reason="x", actor="y")
    assert [why for why, _words in refused(person, reward)] == [Why.FROZEN]
    ledger.unfreeze(wallet=wallet_of(person), reason="x", actor="y")
    ledger.set_switches(programme=programme, reason="x", actor="y", stop_spending=True)
    assert [why for why, _words in refused(person, reward)] == [Why.STOPPED]


def test_what_is_for_a_tier_is_refused_below_it_and_to_everybody_once_the_tier_is_gone(programme, person):
    EarningFactory(programme=programme)
    tiers_in_force(programme)
    reward = RewardFactory(programme=programme, price=10, from_tier="gold")
    staff, today_there = UserFactory(superuser=True), timezone.localdate()
    assert refused(person, reward) == [(Why.TIER, "از سطح «طلایی» به بالا می‌توان آن را گرفت.")]

    given = {"programme": programme, "reason": "trial", "by": staff, "until": today_there + dt.timedelta(days=9)}
    tiers.grant(user=person, tier="silver", **given)
    assert [why for why, _words in refused(person, reward)] == [Why.TIER]
    tiers.grant(user=person, tier="diamond", **given)
    take(person, reward, "above")
    reward.from_tier = "platinum"
    reward.save()

    assert refused(person, reward) == [(Why.TIER, "برای اعضای سطحی است که اکنون وجود ندارد.")]


def test_what_is_for_segments_is_for_members_of_one_of_them_and_says_whom_without_its_name(programme, person):
    reward = RewardFactory(programme=programme, price=10, segments=["loyal", "regular"])
    words = "برای اعضایی است که در انجمن زیاد به دیگران کمک می‌کنند یا که زیاد به ما سر می‌زنند، از میان آنان که پیشنهاد شخصی خواسته‌اند."
    assert refused(person, reward) == [(Why.SEGMENT, words)]
    key = wallet_for(user=person, programme=programme).member_key
    ActivityCell.objects.create(member_key=key, cell="new", recency=5, frequency=1, value=1)
    assert [why for why, _words in refused(person, reward)] == [Why.SEGMENT]
    ActivityCell.objects.update(cell="loyal")
    take(person, reward, "loyal")
    ActivityCell.objects.all().delete()
    SegmentMembership.objects.create(member_key=key, segment="regular")
    take(person, reward, "regular")


def test_segments_of_a_reward_are_ones_that_there_are(programme):
    staff = UserFactory(superuser=True)
    reward = RewardFactory(programme=programme)
    with pytest.raises(ValidationError):
        change_reward(reward=reward, by=staff, segments=["regular", "rich"])
    assert change_reward(reward=reward, by=staff, segments=[]).segments is None
    assert change_reward(reward=reward, by=staff, segments=["new"]).segments == ["new"]


# Showing who one is --------------------------------------------------------------------------------------------------


def test_many_points_and_addresses_need_a_confirmation(programme, person):
    RewardTerms.objects.create(programme=programme, confirm_from=100)
    before = whole_ledger()
    for reward in (
        RewardFactory(programme=programme, price=100),
        RewardFactory(programme=programme, price=1, kind="physical"),
    ):
        with pytest.raises(ConfirmationNeededError):
            take(person, reward, is_confirmed=False, address=HOME)
    assert whole_ledger() == before

    take(person, RewardFactory(programme=programme, price=99), is_confirmed=False)


def test_nothing_is_sent_without_an_address(programme, person):
    with pytest.raises(AddressNeededError):
        take(person, RewardFactory(programme=programme, kind="physical"))
    assert not Redemption.objects.exists()


# Afterwards ----------------------------------------------------------------------------------------------------------


def test_what_is_cancelled_leaves_no_trace_in_the_lots(programme, person):
    before = lots(person)
    reward = RewardFactory(programme=programme, stock=1)
    redemption = take(person, reward)
    reward.refresh_from_db()
    assert reward.sold == 1

    rewards.cancel(redemption=redemption, user=person)
    rewards.cancel(redemption=redemption, user=person)

    reward.refresh_from_db()
    assert lots(person) == before
    assert reward.sold == 0
    assert [step.state for step in RedemptionStep.objects.all()] == ["ordered", "cancelled"]
    assert list(ledger.check()) == []


def test_nobody_cancels_what_belongs_to_another(programme, person):
    redemption = take(person, RewardFactory(programme=programme))

    with pytest.raises(Redemption.DoesNotExist):
        rewards.cancel(redemption=redemption, user=UserFactory())

    assert summary(wallet_of(person)).held == 100


def test_a_parcel_is_packed_sent_and_delivered_and_paid_for_when_it_is_sent(programme, person, staff):
    redemption = take(person, RewardFactory(programme=programme, kind="physical"), address=HOME)
    parcel = Parcel.objects.get()
    assert "انقلاب" not in parcel.address
    assert rewards.address_of(parcel) == HOME

    redemption = rewards.advance(redemption=redemption, by=staff, to="packed")
    assert summary(wallet_of(person)).held == 100
    with pytest.raises(StepRefusedError):
        rewards.cancel(redemption=redemption, user=person)
    redemption = rewards.advance(redemption=redemption, by=staff, to="shipped", carrier="پست", tracking="۱۲۳")
    again = rewards.advance(redemption=redemption, by=staff, to="shipped")
    assert (summary(wallet_of(person)).held, Journal.objects.filter(code="capture").count()) == (0, 1)
    with pytest.raises(StepRefusedError):
        rewards.cancel_for_member(redemption=again, by=staff, reason="lost")
    with pytest.raises(StepRefusedError):
        rewards.advance(redemption=again, by=staff, to="packed")
    rewards.advance(redemption=redemption, by=staff, to="delivered")

    assert [step.state for step in RedemptionStep.objects.all()] == ["ordered", "packed", "shipped", "delivered"]
    assert rewards.erase_due_addresses() == 0
    Parcel.objects.update(erase_at=timezone.now() - dt.timedelta(days=1))
    assert rewards.is_any_address_due()
    assert rewards.erase_due_addresses() == 1
    assert Parcel.objects.get().address == ""


def test_the_address_stays_as_many_days_as_the_terms_say(programme, person, staff):
    RewardTerms.objects.create(programme=programme, keep_address_days=7)
    redemption = take(person, RewardFactory(programme=programme, kind="physical"), address=HOME)
    assert Parcel.objects.get().erase_at is None

    rewards.cancel(redemption=redemption, user=person)

    assert round((Parcel.objects.get().erase_at - timezone.now()) / dt.timedelta(days=1)) == 7


def test_points_of_somebody_frozen_are_not_spent_so_nothing_is_sent(programme, person, staff):
    redemption = take(person, RewardFactory(programme=programme, kind="physical"), address=HOME)
    rewards.advance(redemption=redemption, by=staff, to="packed")
    ledger.freeze(wallet=wallet_of(person), reason="x", actor="y")

    with pytest.raises(WalletFrozenError):
        rewards.advance(redemption=redemption, by=staff, to="shipped")

    assert Redemption.objects.get().state == "packed"


def test_a_refund_gives_the_very_lots_back_also_in_parts_and_makes_the_code_void(programme, person, staff):
    before = lots(person)
    redemption = take(person, voucher(programme, "A-1234", by=staff))

    redemption = rewards.refund(redemption=redemption, by=staff, reason="goodwill", key="r1", amount=30)
    assert (redemption.state, redemption.refunded) == ("issued", 30)
    assert lots(person) == {(LATER, 80)}  # those that expire last come back first
    again = rewards.refund(redemption=redemption, by=staff, reason="goodwill", key="r1", amount=30)
    assert again.refunded == 30
    assert rewards.shown_code(redemption) == "A-1234"

    redemption = rewards.refund(redemption=redemption, by=staff, reason="damaged", key="r2")

    assert (redemption.state, redemption.refunded) == ("refunded", 100)
    assert lots(person) == before
    assert (VoucherCode.objects.get().status, rewards.shown_code(redemption)) == ("void", "")
    with pytest.raises(NotReversibleError):
        rewards.refund(redemption=redemption, by=staff, reason="damaged", key="r3")
    assert list(ledger.check()) == []


def test_what_is_not_spent_yet_is_cancelled_not_refunded(programme, person, staff):
    redemption = take(person, RewardFactory(programme=programme))

    with pytest.raises(StepRefusedError):
        rewards.refund(redemption=redemption, by=staff, reason="lost", key="r")


def test_a_parcel_that_comes_back_is_on_the_shelf_again(programme, person, staff):
    before = lots(person)
    reward = RewardFactory(programme=programme, kind="physical", stock=3)
    redemption = take(person, reward, address=HOME)
    with pytest.raises(StepRefusedError):
        rewards.take_back(redemption=redemption, by=staff, reason="address")
    for state in ("packed", "shipped"):
        rewards.advance(redemption=redemption, by=staff, to=state)
    rewards.refund(redemption=redemption, by=staff, reason="damaged", key="r", amount=10)

    rewards.take_back(redemption=redemption, by=staff, reason="address")
    rewards.take_back(redemption=redemption, by=staff, reason="address")

    reward.refresh_from_db()
    assert (lots(person), reward.sold) == (before, 0)
    assert Redemption.objects.get().state == "returned"
    assert list(ledger.check()) == []


@pytest.mark.parametrize("right", ["fulfil", "refund"])
def test_staff_without_the_right_do_nothing(programme, person, staff, right):
    redemption = take(person, RewardFactory(programme=programme, kind="physical"), address=HOME)
    clerk = UserFactory(staff=True)
    before = whole_ledger()
    acts = {
        "fulfil": [
            lambda: rewards.advance(redemption=redemption, by=clerk, to="packed"),
            lambda: rewards.cancel_for_member(redemption=redemption, by=clerk, reason="lost"),
        ],
        "refund": [
            lambda: rewards.refund(redemption=redemption, by=clerk, reason="lost", key="r"),
            lambda: rewards.take_back(redemption=redemption, by=clerk, reason="lost"),
        ],
    }
    for act in acts[right]:
        with pytest.raises(RewardRightMissingError):
            act()
    assert whole_ledger() == before


# Leaving -------------------------------------------------------------------------------------------------------------


def test_who_leaves_takes_addresses_along_and_holds_nothing(programme, person, staff):
    redemption = take(person, RewardFactory(programme=programme, kind="physical"), address=HOME)

    person.delete()

    redemption.refresh_from_db()
    assert redemption.state == "cancelled"
    assert Parcel.objects.get().address == ""
    assert list(ledger.check()) == []


# Hours ---------------------------------------------------------------------------------------------------------------


def test_a_reward_costs_less_in_its_hours_of_the_programmes_day_and_nobody_pays_another_price(programme, person):
    reward = RewardFactory(programme=programme, price=100, happy_price=40, happy_from=10, happy_to=12)
    for hour, minute, wrong in ((9, 59, 40), (10, 0, 100), (11, 59, 100), (12, 0, 40)):
        with at_hour(programme, hour, minute), pytest.raises(PriceChangedError):
            take(person, reward, price=wrong)

    with at_hour(programme, 11, 30):
        taken = take(person, reward, key="cheap", price=40)
    with at_hour(programme, 13):
        assert take(person, reward, key="cheap", price=40) == taken
        dear = take(person, reward, key="dear", price=100)

    assert (taken.price, dear.price, summary(wallet_of(person)).spendable) == (40, 100, 10)
    reward.refresh_from_db()
    assert reward.price == 100
    assert list(ledger.check()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"happy_price": 40},
        {"happy_price": 40, "happy_from": 10},
        {"happy_from": 10, "happy_to": 12},
        {"happy_price": 100, "happy_from": 10, "happy_to": 12},
        {"happy_price": 0, "happy_from": 10, "happy_to": 12},
        {"happy_price": 40, "happy_from": 12, "happy_to": 12},
        {"happy_price": 40, "happy_from": 22, "happy_to": 25},
    ],
    ids=str,
)
def test_hours_without_a_price_and_prices_that_are_not_lower_are_refused(programme, staff, wrong):
    reward = RewardFactory(programme=programme, price=100)
    with pytest.raises(ValidationError):
        rewards.change_reward(reward=reward, by=staff, **wrong)
