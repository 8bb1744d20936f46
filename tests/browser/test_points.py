"""Points in Chromium: earned by an answer, coming and then there, spent, given back; what is not paid for; and offers."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from persiantools.jdatetime import JalaliDate
from playwright.sync_api import expect

from tests.browser.axe import sideways, violations
from tests.browser.people import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

PASSWORD = "a-quiet-river-42"
#: Two members who have been here for a while, and how what they did is waited for.
_PEOPLE = f"""
import datetime as dt, json, time
from django.utils import timezone
from allauth.account.models import EmailAddress
from community import services
from community.models import Area, CommunityProfile, Level
from loyalty.models import Decision, Earning
from loyalty.queries import summary, wallets_of
from portal.accounts.models import User
from portal.core.outbox import drain

def person(name):
    joined = timezone.now() - dt.timedelta(days=90)
    made = User.objects.create_user(
        email=f"{{name}}@example.com", password="{PASSWORD}", handle=name, language="fa", date_joined=joined
    )
    EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
    CommunityProfile.objects.update_or_create(user=made, defaults={{"level": Level.MEMBER, "days_seen": 1}})
    return made

def until(is_true):
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        drain()

programme = Earning.objects.get(is_open=True).programme

def wallet_of(handle):  # not the one with the points that lead to tiers
    return wallets_of(User.objects.get(handle=handle)).get(programme=programme)

def lots(handle):
    points = summary(wallet_of(handle))
    return json.dumps([[[one.day.isoformat(), one.points] for one in points.arriving],
                       [[one.last_day.isoformat(), one.points] for one in points.expiring]])

area = Area.objects.visible_to(None).filter(kind="questions").first()
"""
_ASKED = """
asker, helper = person("mina-asks"), person("omid-helps")
thread = services.start_thread(author=asker, area=area, title="مودم پس از باران کند شد", body="از دیروز.", token="points-1")
post = services.post_reply(author=helper, thread=thread, body="کابل بیرون را خشک کنید.", token="points-2")
print(thread.pk)
"""
_AWARDED = """
given = Decision.objects.filter(event__trigger="community.solution")
until(lambda: given.filter(wallet__in=wallets_of(User.objects.get(handle="omid-helps"))).exists())
print(lots("omid-helps"))
"""
#: Three days later, for this member alone; and something for which a code is given.
_THREE_DAYS_LATER = """
from loyalty.buckets import today_of
from loyalty.services import ledger, rewards
from portal.core.localized import LocalizedText
ledger.activate(wallet=wallet_of("omid-helps"), today=today_of(programme) + dt.timedelta(days=3))
admin = User.objects.get(handle="admin")
for kind, price, fa, en in (("voucher", 150, "بن آزمون", "Test voucher"), ("benefit", 50, "کار آزمون", "Test benefit")):
    reward = rewards.create_reward(
        programme=programme, kind=kind, by=admin, name=LocalizedText(fa=fa, en=en), price=price, is_published=True
    )
    if kind == "voucher":
        rewards.import_codes(reward=reward, lines=["NOOR-TEST-1406"], by=admin)
print(lots("omid-helps"))
"""
_REFUNDED = """
from loyalty.models import Redemption
from loyalty.services import ledger, rewards
[code] = Redemption.objects.visible_to(User.objects.get(handle="omid-helps")).filter(reward__kind="voucher")
rewards.refund(redemption=code, by=User.objects.get(handle="admin"), reason="damaged", key="points")
assert list(ledger.check()) == []
print(lots("omid-helps"))
"""
_FARMED = """
one, other = person("farmer-one"), person("farmer-two")
thread = services.start_thread(author=person("farm-owner"), area=area, title="رأی بده رأی بگیر", body="آزمون.", token="farm")
for number in range(4):
    for author, voter in ((one, other), (other, one)):
        post = services.post_reply(author=author, thread=thread, body=f"پاسخ {number} از {author}", token=f"farm-{number}-{author.pk}")
        services.vote_helpful(post=post, user=voter)
        drain()
votes = Decision.objects.filter(event__trigger="community.vote", wallet=wallet_of("farmer-one"))
until(lambda: votes.filter(reason="voting-review").values("event").distinct().count() == 4)
print(lots("farmer-one"))
"""
#: A member with an X2, who is not kept from offers for comparison; until when the demo's offer to such people runs.
_OFFERED = """
from loyalty.models import Offer, OfferPolicy
from loyalty.services import offers
from portal.catalog.models import Product
from portal.catalog.services import add_ownership
member = person("laleh-looks")
add_ownership(user=member, product=Product.objects.get(code="x2"))
offers.set_consent(user=member, programme=programme, purpose=offers.Purpose.PROFILING, is_given=True, source="test")
OfferPolicy.objects.update_or_create(programme=programme, defaults={"holdout_percent": 0})
print(json.dumps(timezone.localdate(Offer.objects.get(programme=programme, code="more-of-x2").ends_at).isoformat()))
"""


def told(portal: Portal, code: str) -> Any:
    """Run code that knows the people; return what is in the last line it prints."""
    return json.loads(portal.shell(_PEOPLE + code).splitlines()[-1])


def entered(visit: Callable[..., Page], handle: str) -> Page:
    """A Persian phone on which a member has signed in."""
    page = visit("/fa/", width=390)
    sign_in(page, f"{handle}@example.com", "fa", PASSWORD)
    return page


def look_at(page: Page, path: str = "") -> None:
    """Go there, if a path is given; it must fit a phone and a desk, and be usable by everybody."""
    if path:
        page.goto(path)
    assert violations(page) == []
    phone = page.viewport_size
    for width in (1280, phone["width"]):
        page.set_viewport_size({**phone, "width": width})
        assert sideways(page) == 0


def test_an_answer_is_paid_for_after_some_days_spent_and_given_back_to_the_same_day(portal, visit):
    thread = told(portal, _ASKED)
    asker, helper = entered(visit, "mina-asks"), entered(visit, "omid-helps")
    asker.goto(f"/fa/community/t/{thread}/")
    asker.get_by_role("button", name="همین حلش کرد").first.click()
    expect(asker).to_have_url(re.compile("/pay-forward/"))
    [[[due, coming]], there] = told(portal, _AWARDED)
    assert there == []

    look_at(helper, "/fa/loyalty/")
    expect(helper.locator(".bigpts")).to_contain_text("۰")
    expect(helper.locator("main")).to_contain_text(f"در راه: {in_persian(coming)}")
    expect(helper.locator("main .card", has_text="در راه").locator("li").first).to_contain_text(in_persian(coming))
    expect(helper.locator("main .card", has_text="در راه").locator("li").first).to_contain_text(in_jalali(due))
    expect(helper.locator("#statement")).to_contain_text("پاسخ پذیرفته‌شده")

    before = told(portal, _THREE_DAYS_LATER)
    assert [points for _day, points in before[1]] == [coming]
    look_at(helper, "/fa/loyalty/")
    expect(helper.locator(".bigpts")).to_contain_text(in_persian(coming))

    look_at(helper, "/fa/loyalty/rewards/")
    helper.get_by_role("link", name="بن آزمون").click()
    look_at(helper)
    helper.get_by_role("button", name="خرج").click()
    expect(helper.locator("h1")).to_have_text("بن آزمون")
    expect(helper.locator("main")).not_to_contain_text("NOOR-TEST-1406")
    helper.get_by_role("button", name="نمایش کد").click()
    expect(helper.locator(".reward__code")).to_have_text("NOOR-TEST-1406")
    look_at(helper)

    helper.goto("/fa/loyalty/rewards/")
    helper.get_by_role("link", name="کار آزمون").click()
    helper.get_by_role("button", name="خرج").click()
    helper.locator("form[action$='/cancel/'] button").click()
    expect(helper.locator(".badge").first).to_have_text("لغو شد")
    assert told(portal, _REFUNDED) == before
    look_at(helper, "/fa/loyalty/redemptions/")
    helper.goto("/fa/loyalty/")
    expect(helper.locator(".bigpts")).to_contain_text(in_persian(coming))


def test_two_who_like_each_other_all_the_time_earn_nothing_and_are_told_politely(portal, visit):
    assert told(portal, _FARMED)[1] == []  # nothing can be spent

    page = entered(visit, "farmer-one")
    look_at(page, "/fa/loyalty/")

    expect(page.locator("main")).to_contain_text("رأی‌هایی که دو عضو پیاپی به یکدیگر می‌دهند")
    expect(page.locator("main")).to_contain_text("اگر اشتباهی رخ داده")


def test_an_offer_says_why_it_is_shown_and_can_be_hidden_or_switched_off_and_on_again(portal, visit):
    until = told(portal, _OFFERED)
    page = entered(visit, "laleh-looks")
    offer = page.locator(".offer", has_text="از مودم X2 بیشتر بگیرید")

    page.goto("/fa/loyalty/offers/")
    expect(offer).to_contain_text(in_jalali(until))
    offer.locator("summary").click()
    expect(offer.locator("li")).to_contain_text("دارید")
    look_at(page)
    offer.get_by_role("button", name="پنهان شود").click()
    expect(page.locator("main .note--ok")).to_contain_text("دیگر آن را نشان نمی‌دهیم")
    expect(offer).to_have_count(0)
    page.get_by_role("button", name="برگرداندن").click()
    expect(offer).to_be_visible()

    offer.locator("summary").click()
    offer.get_by_role("button", name="خاموش کردن پیشنهادهای شخصی").click()
    expect(page.locator("main")).to_contain_text("خاموش")
    look_at(page, "/fa/loyalty/offers/")
    expect(page.locator("main")).to_contain_text("پیشنهادهایی را می‌بینید که همه می‌بینند")
    expect(offer).to_have_count(0)
    page.get_by_role("link", name="تغییر").click()
    page.locator("section", has=page.locator("#switch-profiling")).get_by_role("button", name="روشن").click()
    page.goto("/fa/loyalty/offers/")
    expect(offer).to_be_visible()


@pytest.mark.parametrize("look", [("fa", True, 390), ("en", False, 1280)], ids=str)
def test_pages_of_points_are_accessible(portal, visit, look):
    language, dark, width = look
    found = portal.shell(
        "from loyalty.models import Redemption, Reward; from portal.accounts.models import User; "
        "print(Reward.objects.filter(kind='physical').first().pk, "
        "*Redemption.objects.visible_to(User.objects.get(handle='sara')).values_list('uid', flat=True))"
    )
    reward, *taken = found.splitlines()[-1].split()
    page = visit(f"/{language}/", width=width, dark=dark)
    sign_in(page, "sara@noora.example", language)

    for path in ("", "card/", "rewards/", f"rewards/{reward}/", *(f"redemptions/{uid}/" for uid in taken)):
        look_at(page, f"/{language}/loyalty/{path}")


def in_persian(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


def in_jalali(day: str) -> str:
    """Day and month, as people write them."""
    jalali = JalaliDate(dt.date.fromisoformat(day))
    return f"{in_persian(jalali.day)} {jalali.strftime('%B', locale='fa')}"


def test_an_editor_chooses_whom_an_offer_is_for_from_lists(portal: Portal, visit: Callable[..., Page]) -> None:
    page = visit("/fa/", watch=False)  # the admin is not ours
    sign_in(page, "admin@noora.example", "fa", "noora-demo")
    page.goto("/admin/points/segments/")
    page.locator("tr", has_text="اعضای وفادار").get_by_role("link").click()

    chosen, second = page.locator("[name=choice_0]"), page.locator("[name=choice_1]")
    expect(chosen).to_have_values(["activity|loyal"])
    expect(second).to_be_hidden()
    page.locator("[name=fact_1]").select_option(label="این محصول را دارد")
    expect(second).to_be_visible()
    assert all(
        value.startswith("product|")
        for value in second.locator("option").evaluate_all("all => all.map(one => one.value)")
    )
    page.locator("[name=fact_1]").select_option(label="امتیازهای قابل خرج")
    expect(second).to_be_hidden()
    expect(page.locator("[name=value_1]")).to_be_visible()
    page.locator("[name=value_1]").fill("۱۰")
    expect(page.locator("[data-reach]")).to_contain_text("کمتر از ۲۰")
    page.get_by_role("button", name="یک سطر دیگر").click()
    expect(page.locator("[data-condition]")).to_have_count(4)
    expect(page.locator("[name=choice_0]")).to_have_values(["activity|loyal"])
