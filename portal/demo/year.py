"""A year of points: what members did in the community, what they bought and took, and what staff did about it.

Nothing is made up for the ledger. The services book it day by day, with a clock that stands at the day in question: events
of the community and of a shop by the rules, points that become available and expire in the night between, tiers and badges
as soon as they are reached.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db.models import Max
from django.utils import timezone

from community import services, telling
from community.events import FirstHelpGiven, HelpfulVoteGiven, IdeaAccepted, SolutionAccepted
from community.models import ACCEPTED_IDEAS, IdeaStatusChange, Post, Solution, State, ThreadState, Vote
from faq.events import FeedbackGiven
from faq.models import Feedback
from loyalty.events import ChallengeMoved
from loyalty.exceptions import NotAvailableError
from loyalty.models import Adjustment, Badge, Campaign, Challenge, Decision, Member, PointsClaim, Redemption, Reward
from loyalty.models.adjustments import Reason
from loyalty.models.adjustments import State as Asked
from loyalty.models.earning import VersionState
from loyalty.models.rewards import RewardKind
from loyalty.models.rewards import State as Taken
from loyalty.services import (
    adjusting,
    badges,
    challenges,
    claims,
    earning,
    ledger,
    referrals,
    reviews,
    rewards,
    shop,
    tiers,
)
from loyalty.services.members import wallet_for
from portal import points
from portal.accounts.models import User
from portal.core.localized import LocalizedText
from portal.demo.clock import standing_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loyalty.models import Programme

#: How long ago the club was opened.
DAYS: Final = 400
#: Votes count since the rule for them was introduced.
VOTES_DAYS: Final = 14
SHOP: Final = "noora-shop"
_CURRENCY: Final = "IRR"
#: What one point is given for.
TOMANS_PER_POINT: Final = 10_000
#: Tomans are ten rials, and shops report rials.
RIALS: Final = 10
#: When the night's work is done, and orders are paid.
_NIGHT: Final = dt.timedelta(hours=3, minutes=30)
_EVENING: Final = dt.timedelta(hours=18, minutes=20)
#: Who pays a bill each month: tomans, and how many days ago the last one was.
BILLS: Final[Mapping[str, tuple[int, int]]] = {
    "sara": (1_290_000, 5), "reza": (590_000, 9), "arya-installs": (1_450_000, 12), "kaveh_net": (990_000, 3),
    "old_copper": (990_000, 17),
}  # fmt: skip
#: How often a bill comes, and the one of Sara's that the shop forgot to report: so many months ago.
_BILL_DAYS: Final = 30
#: Tiers, badges and referrals follow once in so many days.
_FOLLOWED_DAYS: Final = 7
_FORGOTTEN: Final = ("sara", 1)


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """Something bought: by whom, how many days ago, and the price of each line in tomans."""

    by: str
    days: int
    number: str
    lines: Mapping[str, int]
    #: Days ago → line of which all was given back.
    refunds: Mapping[int, str] = field(default_factory=dict)


ORDERS: Final = (
    DemoOrder("sara", 396, "1001", {"x2": 7_900_000}),
    DemoOrder("reza", 310, "1022", {"tv-box": 3_900_000}),
    DemoOrder("arya-installs", 230, "1060", {"mesh-6": 9_800_000, "cable": 700_000}),
    DemoOrder("sara", 200, "1080", {"phone": 19_900_000, "case": 900_000}, {194: "case"}),
    DemoOrder("old_copper", 190, "1084", {"phone": 39_900_000}),
    DemoOrder("sara", 150, "1103", {"headphones": 4_600_000}, {143: "headphones"}),
    DemoOrder("kaveh_net", 131, "1117", {"router": 9_900_000, "cable": 700_000}),
    DemoOrder("reza", 95, "1140", {"repeater": 2_400_000, "cable": 300_000}, {88: "cable"}),
    DemoOrder("priya.r", 60, "1166", {"tv-box": 3_900_000}),
    DemoOrder("arya-installs", 40, "1181", {"mesh-6": 9_800_000}),
    DemoOrder("emma", 2, "1210", {"tv-box": 3_900_000, "sim": 100_000}),
)


#: Who topped up a SIM card so often yesterday that points wait until staff have looked: how often, and for how many tomans.
_TOPPED_UP: Final = ("amir_tv", 30, 50_000)


@dataclass(frozen=True, slots=True)
class DemoRedemption:
    """A reward taken: by whom, days ago, which one, and how many days later what became of it."""

    by: str
    days: int
    reward: str
    then: Mapping[int, str] = field(default_factory=dict)


#: Cancelled by the member, and given back by staff; all others are states.
_CANCELLED: Final = "cancelled"
_GIVEN_BACK: Final = "given back"
_SENT: Final = {1: Taken.PACKED, 2: Taken.SHIPPED}

REDEMPTIONS: Final = (
    DemoRedemption("sara", 250, "coffee"),
    DemoRedemption("kaveh_net", 210, "coffee"),
    DemoRedemption("sara", 120, "mug", {**_SENT, 6: Taken.DELIVERED}),
    DemoRedemption("old_copper", 115, "mug", {**_SENT, 5: Taken.DELIVERED}),
    DemoRedemption("kaveh_net", 90, "tree", {2: Taken.DELIVERED}),
    DemoRedemption("sara", 64, "tree", {1: _CANCELLED}),
    DemoRedemption("reza", 52, "data", {1: Taken.DELIVERED}),
    DemoRedemption("priya.r", 41, "book"),
    DemoRedemption("sara", 40, "book", {6: _GIVEN_BACK}),
    DemoRedemption("arya-installs", 33, "book"),
    DemoRedemption("lucia", 20, "data", {1: Taken.DELIVERED}),
    DemoRedemption("sara", 15, "coffee"),
    DemoRedemption("farhad_fiber", 7, "coffee"),
    DemoRedemption("sara", 6, "mug", _SENT),
    DemoRedemption("niloofar", 3, "tree"),
    DemoRedemption("emma", 0, "tree"),
)

_THANKS: Final = "برای راهنمایی که دربارهٔ تجربه‌اش نوشت و در خبرنامه آمد."

#: Two who vote for each other whatever they write.
_FRIENDS: Final = ("hamed-gamer", "آرش")
_FRIENDLY_VOTES: Final = 6


@dataclass(frozen=True, slots=True)
class DemoCampaign:
    """A time in which more is given, paid out of a budget: from and until so many days ago; negative days are to come."""

    code: str
    fa: str
    en: str
    percent: int
    days: tuple[int, int]
    rules: tuple[str, ...]
    budget: int


CAMPAIGNS: Final = (
    DemoCampaign(
        "helping-summer", "تابستان یاری: پاسخ‌های پذیرفته یک‌ونیم برابر", "A summer of helping: half as much again for accepted answers",
        150, (130, 100), ("accepted-answer",), 2000,
    ),
    DemoCampaign(
        "bills-in-time", "قبض این ماه: دو برابر", "This month's bill: twice the points", 200, (11, -19), ("purchase",), 5000,
    ),
)  # fmt: skip


class Year:
    """The year, day by day."""

    def __init__(self, programme: Programme, offered: Mapping[str, Reward], home: rewards.Address) -> None:
        self.programme, self.offered, self.home = programme, offered, home
        self.now = timezone.now()
        self.today = timezone.localtime(self.now).replace(hour=0, minute=0, second=0, microsecond=0)
        self.people = {user.handle: user for user in User.objects.all()}
        self.admin, self.manager = self.people["admin"], self.people["omid-community"]
        self.badges = list(Badge.objects.filter(programme=programme, state=VersionState.PUBLISHED))
        self.challenges = list(Challenge.objects.filter(programme=programme, state=VersionState.PUBLISHED))
        self.taken: dict[str, Redemption] = {}
        self._followed = 0

    def tell(self) -> None:
        """Have all of it happen."""
        plan = sorted(self._plan(), key=lambda one: one[0])
        self._followed = Decision.objects.aggregate(last=Max("pk"))["last"] or 0
        place = 0
        for days in range(DAYS, -1, -1):
            begin = self.today - dt.timedelta(days=days)
            if begin + _NIGHT < self.now:
                with standing_at(begin + _NIGHT):
                    ledger.activate_due(programme=self.programme)
                    ledger.expire_due(programme=self.programme)
                    if days % _FOLLOWED_DAYS == 0:
                        self._follow()
            while place < len(plan) and plan[place][0] < begin + dt.timedelta(days=1):
                moment, act = plan[place]
                with standing_at(moment):
                    act()
                place += 1
        self._follow()

    def _follow(self) -> None:
        """Have tiers, badges and referrals follow what was decided lately, all at once: it is a year."""
        rows = list(
            Decision.objects.filter(pk__gt=self._followed, points__gt=0)
            .order_by("pk")
            .values_list("pk", "event_id", "wallet_id")
        )
        for event_id, wallet_id in dict.fromkeys((event, wallet) for _pk, event, wallet in rows):
            tiers.mirror(event_id=event_id, wallet_id=wallet_id)
        if rows:
            self._followed = rows[-1][0]
            tiers.evaluate_everybody()
            wallets = sorted({wallet for _pk, _event, wallet in rows})
            badges.judge(self.programme, wallets, self.badges)
            for done in challenges.judge(self.programme, wallets, self.challenges):
                challenges.follow_completion(
                    ChallengeMoved(challenge=done.challenge_id, wallet=done.wallet_id, period=done.period)
                )
            referrals.judge_all()

    def _at(self, days: int, *, hours: int = 0) -> dt.datetime:
        """In the evening so many days ago, or an hour ago if that is yet to come."""
        moment = self.today - dt.timedelta(days=days) + _EVENING + dt.timedelta(hours=hours)
        return min(moment, self.now - dt.timedelta(hours=1) + dt.timedelta(minutes=hours))

    def _plan(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        yield from self._community()
        yield from self._votes()
        yield from self._orders()
        yield from self._redemptions()
        yield from self._staff()

    # The community ---------------------------------------------------------------------------------------------------

    def _community(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        begin = self.today - dt.timedelta(days=DAYS - 1)
        solutions = Solution.objects.filter(revoked_at=None, accepted_at__gte=begin).select_related("thread")
        helped: dict[int, tuple[dt.datetime, FirstHelpGiven]] = {}
        for row in solutions.order_by("accepted_at", "pk"):
            event = SolutionAccepted(
                solution_id=row.pk, thread_id=row.thread_id, post_id=row.post_id, author_id=row.helper_id,
                asker_id=row.thread.author_id, accepted_by_id=row.accepted_by_id,
            )  # fmt: skip
            yield row.accepted_at, partial(points.award_solution, event)
            if row.helper_id and row.thread.author_id and row.helper_id != row.thread.author_id:
                first = FirstHelpGiven(post_id=row.post_id, helper_id=row.helper_id, helped_id=row.thread.author_id)
                helped.setdefault(row.helper_id, (row.accepted_at, first))
        for moment, first in helped.values():
            yield moment, partial(points.award_first_help, first)
        accepted = IdeaStatusChange.objects.filter(status__in=ACCEPTED_IDEAS).select_related("thread")
        for step in accepted.order_by("changed_at", "pk"):
            idea = IdeaAccepted(
                thread_id=step.thread_id, author_id=step.thread.author_id, changed_by_id=step.changed_by_id or 0
            )
            yield step.changed_at, partial(points.award_idea, idea)
        for feedback in Feedback.objects.filter(user__isnull=False).order_by("pk"):
            given = FeedbackGiven(
                feedback_id=feedback.pk, article_id=feedback.article_id, user_id=feedback.user_id, solved=feedback.solved,
                reason=feedback.reason,
            )  # fmt: skip
            yield feedback.created_at, partial(points.award_feedback, given)

    def _votes(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        """What readers found helpful since that counts, and two who find everything helpful that the other one writes."""
        begin = self.now - dt.timedelta(days=VOTES_DAYS)
        for vote in Vote.objects.filter(created_at__gte=begin).select_related("post").order_by("created_at", "pk"):
            event = _vote_event(vote)
            yield vote.created_at, partial(points.award_vote, event)
        one, other = (self.people[handle] for handle in _FRIENDS)
        for giver, receiver, hours in ((one, other, 0), (other, one, 1)):
            written = Post.objects.filter(author=receiver, state=State.VISIBLE, thread__state=ThreadState.VISIBLE)
            liked = written.exclude(votes__user=giver).order_by("-pk")[:_FRIENDLY_VOTES]
            for number, post in enumerate(liked):
                moment = self._at(9 - number, hours=hours)
                yield moment, partial(self._vote, post, giver)

    def _vote(self, post: Post, giver: User) -> None:
        with telling.quietly():
            services.vote_helpful(post=post, user=giver)
        points.award_vote(_vote_event(Vote.objects.select_related("post").get(post=post, user=giver)))

    # The shop --------------------------------------------------------------------------------------------------------

    def _orders(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        for handle, (tomans, days) in BILLS.items():
            joined = (self.now - self.people[handle].date_joined).days
            for month in range(min(DAYS, joined) // _BILL_DAYS):
                ago = days + month * _BILL_DAYS
                if (handle, month) != _FORGOTTEN and ago < joined:
                    bill = DemoOrder(handle, ago, f"bill-{handle}-{month}", {"bill": tomans})
                    yield self._at(ago), partial(self._pay, bill)
        for order in ORDERS:
            yield self._at(order.days, hours=1), partial(self._pay, order)
            for days, line in order.refunds.items():
                yield self._at(days), partial(self._send_back, order, line)

        handle, times, tomans = _TOPPED_UP
        for number in range(times):
            order = DemoOrder(handle, 1, f"topup-{number + 1}", {"sim": tomans})
            yield self._at(1, hours=-6) + dt.timedelta(minutes=7 * number), partial(self._pay, order)

    def _pay(self, order: DemoOrder) -> None:
        lines = {line: tomans * RIALS for line, tomans in order.lines.items()}
        shop.report(
            shop.Order(
                id=f"order:{order.number}", member=self._key(order.by), number=order.number, amount=sum(lines.values()),
                currency=_CURRENCY, lines=lines, occurred_at=timezone.now(),
            ),
            programme=self.programme, source=SHOP,
        )  # fmt: skip

    def _send_back(self, order: DemoOrder, line: str) -> None:
        shop.report(
            shop.Refund(
                id=f"refund:{order.number}:{line}", member=self._key(order.by), number=order.number,
                amount=order.lines[line] * RIALS, currency=_CURRENCY, line=line, occurred_at=timezone.now(),
            ),
            programme=self.programme, source=SHOP,
        )  # fmt: skip

    def _key(self, handle: str) -> uuid.UUID:
        return Member.objects.get_or_create(user=self.people[handle])[0].key

    # Rewards ---------------------------------------------------------------------------------------------------------

    def _redemptions(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        for number, one in enumerate(REDEMPTIONS):
            key = f"demo-{number}"
            yield self._at(one.days, hours=2), partial(self._take, one, key)
            for later, what in one.then.items():
                yield self._at(one.days - later, hours=2), partial(self._go_on, key, what)

    def _take(self, one: DemoRedemption, key: str) -> None:
        """Take a reward, if there are enough points: how many have expired depends on the day of loading."""
        person, reward = self.people[one.by], self.offered[one.reward]
        with suppress(NotAvailableError):
            self.taken[key] = rewards.redeem(
                user=person, reward=reward, key=key, price=Reward.objects.get(pk=reward.pk).price,
                seen=rewards.last_of(wallet_for(user=person, programme=self.programme)), is_confirmed=True,
                address=self.home if reward.kind == RewardKind.PHYSICAL else None,
            )  # fmt: skip

    def _go_on(self, key: str, what: str) -> None:
        redemption = self.taken.get(key)
        if redemption is None:
            return
        if what == _CANCELLED:
            member = Member.objects.get(key=redemption.wallet.member_key)
            rewards.cancel(redemption=redemption, user=member.user)
        elif what == _GIVEN_BACK:
            rewards.refund(redemption=redemption, by=self.admin, reason="damaged", key="demo")
        else:
            is_sent = what == Taken.SHIPPED
            rewards.advance(
                redemption=redemption, by=self.admin, to=Taken(what),
                **({"carrier": "پست پیشتاز", "tracking": "210450189200456"} if is_sent else {}),
            )  # fmt: skip

    # Staff -----------------------------------------------------------------------------------------------------------

    def _staff(self) -> Iterator[tuple[dt.datetime, Callable[[], object]]]:
        for campaign in CAMPAIGNS:
            yield self._at(campaign.days[0] + 2), partial(self._run, campaign)
        yield self._at(180), self._raise_price
        # More than one person corrects alone: a second one decides, and about the last one nobody did yet.
        yield self._at(75), partial(self._correct, "old_copper", 600, Reason.GOODWILL, _THANKS)
        yield self._at(74), self._approve
        yield self._at(1), partial(self._correct, "lucia", 700, Reason.GOODWILL, _THANKS)
        tomans, days = BILLS[_FORGOTTEN[0]]
        day = days + _BILL_DAYS * _FORGOTTEN[1]
        yield (
            self._at(day - 4),
            partial(self._claim, _FORGOTTEN[0], shop.ORDER, day, "قبض را همان روز در برنامه پرداختم."),
        )
        yield self._at(day - 6), partial(self._answer, tomans)
        yield self._at(1), partial(self._claim, "reza", points.SOLUTION, 3, "پاسخم پذیرفته شد، ولی امتیازی ندیدم.")
        yield self._at(0), reviews.open_reviews

    def _run(self, one: DemoCampaign) -> None:
        campaign = earning.save_campaign(
            Campaign(programme=self.programme, code=one.code), by=self.admin, name=LocalizedText(fa=one.fa, en=one.en),
            percent=one.percent, starts_at=self.today - dt.timedelta(days=one.days[0]),
            ends_at=self.today - dt.timedelta(days=one.days[1]), rules=list(one.rules), budget=one.code,
        )  # fmt: skip
        earning.fund_campaign(campaign, points=one.budget, by=self.admin, token=_token(f"fund:{one.code}"))
        earning.publish_campaign(campaign, by=self.admin)

    def _raise_price(self) -> None:
        rewards.change_reward(reward=self.offered["mug"], by=self.admin, price=1200)

    def _correct(self, handle: str, amount: int, reason: str, note: str) -> None:
        adjusting.ask(
            member=self.people[handle], programme=self.programme, points=amount, reason=reason, by=self.manager,
            token=_token(f"correct:{handle}"), note=note,
        )  # fmt: skip

    def _approve(self) -> None:
        for asked in Adjustment.objects.filter(wallet__programme=self.programme, state=Asked.WAITING):
            adjusting.approve(asked, by=self.admin)

    def _claim(self, handle: str, trigger: str, days: int, note: str) -> None:
        day = (self.today - dt.timedelta(days=days)).date()
        claims.send_claim(self.people[handle], self.programme, trigger=trigger, day=day, note=note)

    def _answer(self, tomans: int) -> None:
        """The shop had forgotten a bill: what the rule gives for it is added, and the question answered."""
        self._correct(
            _FORGOTTEN[0], tomans // TOMANS_PER_POINT, Reason.MISSING, "فروشگاه گزارش این قبض را نفرستاده بود."
        )
        for claim in PointsClaim.objects.filter(programme=self.programme, state=PointsClaim.State.OPEN):
            claims.answer(claim, state=PointsClaim.State.GIVEN, by=self.manager)


def _vote_event(vote: Vote) -> HelpfulVoteGiven:
    return HelpfulVoteGiven(
        vote_id=vote.pk, thread_id=vote.post.thread_id, post_id=vote.post_id, author_id=vote.helper_id,
        voter_id=vote.user_id or 0,
    )  # fmt: skip


def _token(name: str) -> uuid.UUID:
    """The same for the same name: what was asked for before is not asked for again."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"demo:{name}")
