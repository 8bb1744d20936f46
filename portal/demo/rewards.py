"""Points of the demo: an open programme, what helpers earned in the community, tiers, rewards and what was taken."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Max
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.events import ChallengeMoved, PointsDecided, SomethingMoved
from loyalty.models import Challenge, Earning, EarningRule, Member, Programme, Redemption, Referral, Reward
from loyalty.models.rewards import RewardKind
from loyalty.services import badges, boards, challenges, earning, referrals, rewards, shop, tiers
from portal.accounts.models import User
from portal.core.localized import LocalizedText
from portal.core.models import OutboxMessage
from portal.demo.clock import standing_at
from portal.demo.year import DAYS, RIALS, TOMANS_PER_POINT, Year
from portal.notifications.events import NotificationWanted

CODE: Final = "club"
#: Codes that are there to be handed out.
_CODES: Final = 30


@dataclass(frozen=True, slots=True)
class DemoReward:
    """A reward in both languages: name, what one gets, how it is used."""

    code: str
    kind: RewardKind
    price: int
    fa: tuple[str, str, str]
    en: tuple[str, str, str]
    stock: int | None = None
    limit: int | None = None


REWARDS: Final = (
    DemoReward(
        "tree", RewardKind.BENEFIT, 300,
        ("یک نهال بلوط در زاگرس", "به نام شما یک نهال بلوط کاشته می‌شود و عکسش برایتان می‌آید.", ""),
        ("An oak seedling in the Zagros", "We plant an oak in your name and send you its picture.", ""),
    ),
    DemoReward(
        "coffee", RewardKind.VOUCHER, 450,
        ("قهوه برای دو نفر", "دو فنجان قهوه در کافه‌ای نزدیک شما.", "کد را پیش از سفارش به صندوق‌دار نشان دهید."),
        ("Coffee for two", "Two cups of coffee in a café near you.", "Show the code at the till before you order."),
        limit=2,
    ),
    DemoReward(
        "data", RewardKind.BENEFIT, 600,
        ("۱۰ گیگابایت حجم اضافه", "تا پایان روز بعد به خط شما افزوده می‌شود و یک ماه مهلت دارد.", ""),
        ("10 GB of extra data", "Added to your line by the end of the next day, good for a month.", ""),
    ),
    DemoReward(
        "book", RewardKind.VOUCHER, 900,
        ("بن کتاب ۲۰۰ هزار تومانی", "برای خرید از کتاب‌فروشی‌های همکار.", "کد را هنگام پرداخت در کادر «کد تخفیف» وارد کنید."),
        ("Book voucher, 200,000 tomans", "For bookshops that work with us.", "Enter the code as a discount code when you pay."),
        limit=1,
    ),
    DemoReward(
        "mug", RewardKind.PHYSICAL, 1000,
        ("ماگ نورا", "ماگ سرامیکی با نقش گره‌چینی، ساخت لالجین.", ""),
        ("Noora mug", "A stoneware mug with a girih pattern, made in Lalejin.", ""),
        stock=40,
    ),
    DemoReward(
        "mesh", RewardKind.PHYSICAL, 4500,
        ("مش ۶ نورا", "یک دستگاه مش ۶ برای اتاقی که وای‌فای به آن نمی‌رسد.", "کنار مودم روشنش کنید و دکمهٔ جفت‌سازی هر دو را بزنید."),
        ("Noora Mesh 6", "One Mesh 6 for the room that Wi-Fi does not reach.", "Switch it on beside the router and press “pair” on both."),
        stock=5, limit=1,
    ),
)  # fmt: skip

#: From how many points of a year the tiers begin: bronze, silver, gold, diamond.
TIERS_FROM: Final = (0, 500, 2500, 5600)
#: Points are good for so many months after the one in which they were earned.
EXPIRY_MONTHS: Final = 9
#: Who wants to be on leaderboards.
SHOWN: Final = ("lucia", "old_copper", "farhad_fiber", "priya.r", "niloofar", "amir_tv", "annek", "arya-installs")
#: Who came by the link of a customer.
_INVITED: Final = ("emma", "reza")
_HOME: Final = rewards.Address(
    name="سارا محمدی", phone="+989121234567", text="تهران، خیابان کارگر شمالی، کوچهٔ نسترن، پلاک ۱۲، واحد ۳",
    postal_code="1439814471",
)  # fmt: skip


def load_rewards() -> int:
    """Open the club, have its first year happen, and offer what is missing; return how many took rewards. Safe to repeat."""
    admin = User.objects.get(handle="admin")
    before = OutboxMessage.objects.aggregate(last=Max("pk"))["last"] or 0
    is_new = not Programme.objects.filter(code=CODE).exists()
    with standing_at(timezone.now() - dt.timedelta(days=DAYS)):
        programme = _open_programme(admin)
        _open_tiers(programme, admin)
        _open_badges(programme, admin)
        _open_challenges(programme, admin)
        offered = {each.code: _offer(each, programme, admin) for each in REWARDS}
    _open_referrals(programme, admin)
    if is_new:
        Year(programme, offered, _HOME).tell()
        rewards.save_for(user=User.objects.get(handle="sara"), reward=offered["mesh"])
        rewards.change_reward(reward=offered["coffee"], by=admin, happy_price=350, happy_from=15, happy_to=18)
    _open_boards(programme)
    # It is said to have happened a while ago: nobody is told, and what follows from it was done.
    done = (NotificationWanted.name, PointsDecided.name, SomethingMoved.name, ChallengeMoved.name)
    OutboxMessage.objects.filter(pk__gt=before, event__in=done).delete()
    return Redemption.objects.filter(wallet__programme=programme).count() if is_new else 0


#: Points of purchases in a month: without a limit a rule for amounts is published by a second person.
_MOST_OF_PURCHASES: Final = 10_000


def _open_programme(admin: User) -> Programme:
    name = LocalizedText(fa="باشگاه نورا", en="Noora Club")
    for draft in earning.set_up(code=CODE, name=name, by=admin):
        earning.publish(draft, by=admin)
    programme = Programme.objects.get(code=CODE)
    if not EarningRule.objects.filter(programme=programme, code="purchase").exists():
        draft = earning.create_rule(
            programme=programme, code="purchase", name=LocalizedText(fa="خرید و پرداخت قبض", en="Purchases and bills"), by=admin,
            trigger=shop.ORDER, points=1, per_fact="amount", per_units=TOMANS_PER_POINT * RIALS, pending_days=2,
            cap_month=_MOST_OF_PURCHASES,
        )  # fmt: skip
        earning.publish(draft, by=admin)
    Earning.objects.filter(programme=programme).update(is_open=True)
    Programme.objects.filter(pk=programme.pk).update(expiry_months=EXPIRY_MONTHS)
    return Programme.objects.get(pk=programme.pk)


def _open_tiers(programme: Programme, admin: User) -> None:
    """Tiers within reach of a year of answers: some have the highest one, and nobody's points are made up for it."""
    draft = tiers.set_up(programme=programme, by=admin)
    if draft is not None:
        rows = [
            {
                "code": tier.code,
                "name": tier.name,
                "threshold": points,
                "benefits": tier.benefits,
                "colour": tier.colour,
                "icon": tier.icon,
            }
            for tier, points in zip(draft.rows.order_by("threshold"), TIERS_FROM, strict=True)
        ]
        tiers.publish(tiers.save_draft(tiers=draft.tiers, rows=rows, by=admin), by=admin)


def _open_badges(programme: Programme, admin: User) -> None:
    for draft in badges.set_up(programme=programme, by=admin):
        badges.publish(draft, by=admin)


def _open_challenges(programme: Programme, admin: User) -> None:
    """One that runs every month, and one that is over."""
    if Challenge.objects.filter(programme=programme).exists():
        return
    today = today_of(programme)
    for code, icon, trigger, target, points, days, fa, en in (
        (
            *("helpful-month", "thumbs-up", "community.vote", 3, 40, (100, None)),
            ("سه کمک در یک ماه", "سه بار در این ماه کسی نوشتهٔ شما را مفید بداند."),
            ("Three times helpful", "Somebody finds what you wrote helpful, three times this month."),
        ),
        (
            *("six-weeks", "circle-check", "community.solution", 2, 100, (88, 46)),
            ("شش هفتهٔ پاسخ", "دو پاسخ پذیرفته‌شده در شش هفته."),
            ("Six weeks of answers", "Two accepted answers within six weeks."),
        ),
    ):
        begin, end = (today + dt.timedelta(days=DAYS - back) if back is not None else None for back in days)
        fresh = Challenge(programme=programme, code=code)
        draft = challenges.save_challenge(
            fresh, by=admin, name=LocalizedText(fa=fa[0], en=en[0]), text=LocalizedText(fa=fa[1], en=en[1]), icon=icon,
            trigger=trigger, target=target, points=points, starts_on=begin, ends_on=end,
            period=Challenge.Period.FIXED if end else Challenge.Period.MONTH,
        )  # fmt: skip
        challenges.publish(draft, by=admin)


def _open_boards(programme: Programme) -> None:
    for handle in SHOWN:
        boards.set_shown(User.objects.get(handle=handle), is_shown=True)
    boards.compute(programme)


def _open_referrals(programme: Programme, admin: User) -> None:
    """Give points to both sides, and have two come by a link who did not take part yet."""
    if EarningRule.objects.filter(programme=programme, code="referral").exists():
        return
    for code, trigger, points_each, fa, en, times in (
        ("referral", referrals.ADVOCATE, 150, "دعوت از یک عضو تازه", "Inviting somebody new", 10),
        ("referred", referrals.FRIEND, 50, "آمدن با دعوت", "Coming by an invitation", 1),
    ):
        with standing_at(timezone.now() - dt.timedelta(days=DAYS)):
            draft = earning.create_rule(
                programme=programme, code=code, name=LocalizedText(fa=fa, en=en), by=admin, trigger=trigger,
                points=points_each, pending_days=14, times_ever=times,
            )  # fmt: skip
            earning.publish(draft, by=admin)
    own = referrals.make_code(User.objects.get(handle="sara"), address="192.0.2.1")
    type(own).objects.filter(pk=own.pk).update(accepted=len(_INVITED))
    for handle in _INVITED:
        person = User.objects.get(handle=handle)
        friend = Member.objects.get_or_create(user=person)[0]
        Referral.objects.get_or_create(
            friend=friend, defaults={"advocate": own.member, "joined_at": person.date_joined}
        )


def _offer(each: DemoReward, programme: Programme, admin: User) -> Reward:
    known = Reward.objects.filter(programme=programme, name__en=each.en[0]).first()
    if known is not None:
        return known
    name, text, instructions = (LocalizedText(fa=fa, en=en) for fa, en in zip(each.fa, each.en, strict=True))
    reward = rewards.create_reward(
        programme=programme, kind=each.kind, by=admin, name=name, text=text, instructions=_or_none(instructions),
        price=each.price, stock=each.stock, limit=each.limit, limit_period="month", is_published=True,
    )  # fmt: skip
    if each.kind == RewardKind.VOUCHER:
        rewards.make_codes(reward=reward, count=_CODES, by=admin)
    return reward


def _or_none(text: LocalizedText) -> LocalizedText:
    return LocalizedText({language: words for language, words in text.items() if words})
