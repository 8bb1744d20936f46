"""Offers of the demo: general ones and personal ones, of which one is an experiment, and who wants to get them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from loyalty.models import Member, Offer, Programme, Reward
from loyalty.services import offers
from portal.accounts.models import User
from portal.catalog.models import Product
from portal.core.localized import LocalizedText
from portal.demo.rewards import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Who certainly has switched personal offers on; of the other members of the club all but each so many-th.
WILLING: Final = ("sara", "reza", "emma", "arya-installs")
_UNWILLING: Final = 7


@dataclass(frozen=True, slots=True)
class DemoOffer:
    """An offer in both languages: title, text, terms."""

    code: str
    category: str
    goal: str
    value: int
    fa: tuple[str, str, str]
    en: tuple[str, str, str]
    path: str = ""
    #: What the button says, in both languages; empty: what it says by itself.
    button: tuple[str, str] | None = None
    #: Price of the reward it leads to.
    reward: int | None = None
    audience: Mapping[str, Any] = field(default_factory=dict)
    holdout: int = 0
    days: int = 30


def _has(product: str) -> dict[str, Any]:
    return {"fact": "product", "op": "eq", "value": product}


OFFERS: Final = (
    DemoOffer(
        "first-question", "community", "accept", 40,
        ("از انجمن بپرسید", "پرسش‌هایتان بیشتر وقت‌ها همان روز پاسخ می‌گیرد؛ برای نخستین پاسخ پذیرفته‌شده‌تان هم امتیاز می‌گیرید.",
         "برای همهٔ اعضا\nامتیاز طبق قواعد باشگاه داده می‌شود"),
        ("Ask the community", "Most questions are answered the same day, and your first accepted answer earns points.",
         "For everybody\nPoints are given by the rules of the club"),
        path="/community/", button=("به انجمن بروید", "Go to the community"),
    ),
    DemoOffer(
        "oak", "rewards", "redeem", 60,
        ("یک بلوط برای زاگرس", "امتیازهایتان را به یک نهال بلوط تبدیل کنید؛ عکسش برایتان می‌آید.",
         "۳۰۰ امتیاز برای هر نهال\nکاشت در فصل بعدی"),
        ("An oak for the Zagros", "Turn your points into an oak seedling; we send you its picture.",
         "300 points a seedling\nPlanted next season"),
        reward=300,
    ),
    DemoOffer(
        "more-of-x2", "learning", "accept", 80,
        ("از مودم X2 بیشتر بگیرید", "شبکهٔ مهمان، زمان‌بندی و پوشش بهتر: راهنماهایی که برای مودم شما نوشته شده.",
         "برای دارندگان X2\nبدون هزینه"),
        ("Get more out of your X2", "A guest network, times and better coverage: guides written for your router.",
         "For owners of an X2\nFree of charge"),
        path="/help/", button=("راهنماها را بخوانید", "Read the guides"), audience=_has("x2"), days=45,
    ),
    DemoOffer(
        "data-weekend", "plans", "redeem", 150,
        ("۱۰ گیگابایت برای آخر هفته", "امتیازتان برای ۱۰ گیگابایت حجم اضافه بس است.",
         "۶۰۰ امتیاز\nیک ماه مهلت مصرف"),
        ("10 GB for the weekend", "You have enough points for 10 GB of extra data.", "600 points\nGood for a month"),
        reward=600, audience={"fact": "points", "op": "gte", "value": 600}, holdout=50, days=21,
    ),
    DemoOffer(
        "help-one", "community", "help", 120,
        ("این هفته به یک نفر کمک کنید", "پرسش‌های بی‌پاسخ را ببینید؛ شاید جواب یکی را می‌دانید.", "امتیاز طبق قواعد باشگاه"),
        ("Help one person this week", "Look at the questions without an answer; perhaps you know one.", "Points by the rules of the club"),
        path="/community/unanswered/", button=("پرسش‌های بی‌پاسخ را ببینید", "See the open questions"), audience={"or": [
            {"fact": "segment", "op": "eq", "value": "regular"}, {"fact": "account_days", "op": "gte", "value": 30},
        ]}, holdout=10,
    ),
)  # fmt: skip


def load_offers() -> int:
    """Publish the offers that are missing, and have some customers want them; return how many offers. Safe to repeat."""
    programme = Programme.objects.get(code=CODE)
    now = timezone.now()
    made = 0
    for one in OFFERS:
        if Offer.objects.filter(programme=programme, code=one.code).exists() or not _can_be(one):
            continue
        _publish(one, programme, now)
        made += 1
    members = User.objects.filter(pk__in=Member.objects.values("user"), is_staff=False).order_by("pk")
    for number, person in enumerate(members):
        if number % _UNWILLING == _UNWILLING - 1 and person.handle not in WILLING:
            continue
        offers.set_consent(
            user=person, programme=programme, purpose=offers.Purpose.PROFILING, is_given=True, source="demo"
        )
    offers.sort_members()
    return made


def _can_be(one: DemoOffer) -> bool:
    """A demo with fewer products has fewer offers."""
    wanted = one.audience.get("value") if one.audience.get("fact") == "product" else None
    return wanted is None or Product.objects.filter(code=wanted).exists()


def _publish(one: DemoOffer, programme: Programme, now: dt.datetime) -> None:
    reward = Reward.objects.filter(programme=programme, price=one.reward).first() if one.reward else None
    texts = {
        name: LocalizedText(fa=fa, en=en)
        for name, fa, en in zip(("title", "text", "terms"), one.fa, one.en, strict=True)
    }
    offer = Offer(
        programme=programme,
        code=one.code,
        category=one.category,
        goal=one.goal,
        value=one.value,
        path=one.path,
        button=LocalizedText(fa=one.button[0], en=one.button[1]) if one.button else None,
        reward=reward,
        audience=dict(one.audience),
        holdout_percent=one.holdout,
        placements=["list", "home", "points"],
        starts_at=now,
        ends_at=now + dt.timedelta(days=one.days),
        state=Offer.State.PUBLISHED,
        published_at=now,
        **texts,
    )
    offers.validate(offer.audience, programme)
    offer.full_clean()
    offer.save()
