"""What members are told of their rewards. Codes are not among it: mails are kept for years, and read by others."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.models.ledger import Member
from loyalty.models.rewards import Redemption, RedemptionStep
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind
from portal.notifications.services import notify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class News(StrEnum):
    """What can be told; the values are stored."""

    ISSUED = "issued"
    SHIPPED = "shipped"
    PROVIDED = "provided"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


_TITLES: Final[Mapping[str, _StrPromise]] = {
    News.ISSUED: gettext_lazy("Your code is ready: %(reward)s"),
    News.SHIPPED: gettext_lazy("On its way to you: %(reward)s"),
    News.PROVIDED: gettext_lazy("Done for you: %(reward)s"),
    News.CANCELLED: gettext_lazy("Cancelled, and your points are back: %(reward)s"),
    News.REFUNDED: gettext_lazy("Points are back: %(reward)s"),
}


class RewardNews(NotificationKind):
    """Something happened to a reward that the member took."""

    name: ClassVar[str] = "loyalty.redemption"
    group: ClassVar[Group] = Group.REWARDS
    label: ClassVar[_StrPromise] = gettext_lazy("News of a reward")
    icon: ClassVar[str] = "gift"
    folds: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the redemptions by fact; one query."""
        numbers = {fact.id: int(fact.payload["redemption"]) for fact in facts}
        own = Redemption.objects.visible_to(person).select_related("reward").in_bulk(set(numbers.values()))
        return {pk: own[number] for pk, number in numbers.items() if number in own}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = _TITLES.get(facts[0].payload["news"], _TITLES[News.REFUNDED])
        reward = str(about.reward)
        return Notice(
            title=title % {"reward": isolate(reward)},
            text=_("You find it among your rewards, after signing in.")
            if facts[0].payload["news"] == News.ISSUED
            else "",
            url=reverse("loyalty:redemption", args=[about.uid]),
            mail_subject=reward,
        )


def tell(redemption: Redemption, *, news: News) -> None:
    """Tell the member, in the caller's transaction; nobody if they have left. Once for each step of a redemption."""
    person_id = Member.objects.filter(key=redemption.wallet.member_key).values_list("user_id", flat=True).first()
    if person_id is None:
        return
    step = RedemptionStep.objects.filter(redemption=redemption).count()
    notify(
        kind=RewardNews.name,
        key=f"loyalty.redemption:{redemption.pk}:{step}",
        subject=f"loyalty.redemption:{redemption.pk}",
        occurred_at=timezone.now(),
        recipients=[person_id],
        payload={"redemption": redemption.pk, "news": news.value},
    )
