"""What members are told about their points. The words are made when they are read."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import queries
from loyalty.buckets import today_of
from loyalty.models.adjustments import Reason
from loyalty.models.badges import BadgeRecord
from loyalty.models.challenges import ChallengeRecord
from loyalty.models.claims import PointsClaim
from loyalty.models.ledger import Account, Code, Journal, Kind, Wallet
from loyalty.models.tiers import TierMembership
from loyalty.services import badges, challenges, earning, telling, tiers
from loyalty.services.earning import words
from loyalty.services.expiry import EXPIRING
from portal.core.formats import date_text, format_number
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.core.text import isolate
from portal.notifications.registry import Fact


class PointsExpiring(NotificationKind):
    """Points expire soon. No news any more once they are spent, cannot be spent, or are gone."""

    name: ClassVar[str] = EXPIRING
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Points that expire soon")
    icon: ClassVar[str] = "clock"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the lots that are still there by fact, as they are now; two queries."""
        open_wallets = queries.wallets_of(person).filter(status=Wallet.Status.OPEN)
        wallets = {wallet.pk: wallet for wallet in open_wallets}
        days = {day for fact in facts for day in fact.payload["days"]}
        lots = Account.objects.filter(
            wallet__in=wallets, kind=Kind.AVAILABLE, bucket__in=days, credits__gt=F("debits")
        ).order_by("bucket")
        left: dict[tuple[int, str], tuple[dt.date, int]] = {}
        for lot in lots:
            if lot.wallet_id is not None and lot.bucket >= today_of(wallets[lot.wallet_id].programme):
                left[lot.wallet_id, lot.bucket.isoformat()] = (lot.bucket, lot.credits - lot.debits)
        found = {}
        for fact in facts:
            places = [(fact.payload["wallet"], day) for day in fact.payload["days"]]
            found[fact.id] = [left[place] for place in places if place in left]
        return {pk: told for pk, told in found.items() if told}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        total = sum(points for _day, points in about)
        title = ngettext("%(count)s point expires soon", "%(count)s points expire soon", total)
        if len(about) == 1:
            text = _("Use them by %(day)s.") % {"day": date_text(about[0][0])}
        else:
            line = _("%(count)s by %(day)s")
            lines = [line % {"count": format_number(points), "day": date_text(day)} for day, points in about]
            text = _("Use them in time: %(list)s.") % {"list": " · ".join(lines)}
        return Notice(
            title=title % {"count": format_number(total)},
            text=text,
            url=reverse("loyalty:rewards"),
            mail_subject=_("Points that expire soon"),
        )


class TierNews(NotificationKind):
    """The member is in another tier, or will be. A notice is no news any more when something came after it."""

    name: ClassVar[str] = tiers.TIER
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Your tier")
    icon: ClassVar[str] = "medal"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the moves by fact; one query."""
        numbers = {fact.id: fact.payload["move"] for fact in facts}
        later = TierMembership.objects.filter(wallet=OuterRef("wallet"), number__gt=OuterRef("number"))
        own = TierMembership.objects.filter(wallet__in=queries.wallets_of(person), pk__in=numbers.values())
        is_over = Q(reason=TierMembership.Reason.NOTICE) & Q(Exists(later))
        rows = own.exclude(is_over).select_related("to_tier").in_bulk()
        return {pk: rows[number] for pk, number in numbers.items() if number in rows}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        words = {"tier": isolate(str(about.to_tier)), "day": date_text(about.due_on) if about.due_on else ""}
        title, text = _OF_MOVES[about.reason]
        return Notice(
            title=str(title) % words,
            text=str(text) % words,
            url=reverse("loyalty:index"),
            mail_subject=_("Your tier"),
        )


class BadgeNews(NotificationKind):
    """The member earned a badge. No news any more once what it rested on is gone."""

    name: ClassVar[str] = badges.BADGE
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Badges you earn")
    icon: ClassVar[str] = "award"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the records by fact; one query."""
        numbers = {fact.id: fact.payload["record"] for fact in facts}
        later = BadgeRecord.objects.filter(
            badge=OuterRef("badge"), wallet=OuterRef("wallet"), number__gt=OuterRef("number")
        )
        own = BadgeRecord.objects.filter(wallet__in=queries.wallets_of(person), pk__in=numbers.values())
        rows = own.exclude(Exists(later)).select_related("badge").in_bulk()
        return {pk: rows[number].badge for pk, number in numbers.items() if number in rows}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        return Notice(
            title=_("You have earned the badge “%(badge)s”") % {"badge": isolate(str(about))},
            text=str(about.text),
            url=f"{reverse('loyalty:index')}#badges",
            mail_subject=_("A badge for you"),
        )


class ChallengeNews(NotificationKind):
    """The member completed a challenge. No news any more once what it rested on is gone."""

    name: ClassVar[str] = challenges.CHALLENGE
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Challenges you complete")
    icon: ClassVar[str] = "flag"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return by fact the challenges and what they gave, None before that is decided; two queries."""
        numbers = {fact.id: fact.payload["record"] for fact in facts}
        same = {name: OuterRef(name) for name in ("challenge", "wallet", "period")}
        later = ChallengeRecord.objects.filter(**same, number__gt=OuterRef("number"))
        own = ChallengeRecord.objects.filter(wallet__in=queries.wallets_of(person), pk__in=numbers.values())
        rows = own.exclude(Exists(later)).select_related("challenge").in_bulk()
        given = challenges.points_given({row.wallet_id for row in rows.values()})
        told = {
            pk: (row.challenge, given.get((row.wallet_id, row.challenge_id, row.period))) for pk, row in rows.items()
        }
        return {pk: told[number] for pk, number in numbers.items() if number in rows}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        challenge, given = about
        points = ngettext("%(count)s point for it.", "%(count)s points for it.", given or 0)
        return Notice(
            title=_("You have completed the challenge “%(challenge)s”") % {"challenge": isolate(str(challenge))},
            text=points % {"count": format_number(given)} if given else str(challenge.text),
            url=reverse("loyalty:challenges"),
            mail_subject=_("A challenge you completed"),
        )


class ClaimAnswered(NotificationKind):
    """A question about missing points is answered."""

    name: ClassVar[str] = telling.CLAIM
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Answers about missing points")
    icon: ClassVar[str] = "message-circle"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the answered questions by fact; one query."""
        numbers = {fact.id: fact.payload["claim"] for fact in facts}
        own = PointsClaim.objects.filter(member__user=person, pk__in=numbers.values())
        rows = own.exclude(state=PointsClaim.State.OPEN).in_bulk()
        return {pk: rows[number] for pk, number in numbers.items() if number in rows}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        trigger = earning.all_triggers().get(about.trigger)
        return Notice(
            title=_("We have answered your question about missing points"),
            text=_("“%(what)s”, %(day)s: %(answer)s.")
            % {
                "what": trigger.label if trigger else about.trigger,
                "day": date_text(about.day),
                "answer": about.get_state_display(),
            },
            url=reverse("loyalty:claim"),
            mail_subject=_("Your question about missing points"),
        )


class PointsCorrected(NotificationKind):
    """Staff corrected the member's points."""

    name: ClassVar[str] = telling.CORRECTION
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Corrections of your points")
    icon: ClassVar[str] = "pencil"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the journals by fact; one query."""
        numbers = {fact.id: fact.payload["journal"] for fact in facts}
        own = Journal.objects.filter(wallet__in=queries.wallets_of(person).order_by(), pk__in=numbers.values())
        rows = own.prefetch_related("postings__credit").in_bulk()
        return {pk: rows[number] for pk, number in numbers.items() if number in rows}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        points = {"count": format_number(about.amount)}
        is_more = any(posting.credit.wallet_id is not None for posting in about.postings.all())
        if about.code == Code.EXTEND:
            title = ngettext("%(count)s point lasts longer", "%(count)s points last longer", about.amount)
        elif is_more:
            title = ngettext("We added %(count)s point", "We added %(count)s points", about.amount)
        else:
            title = ngettext("We took %(count)s point away", "We took %(count)s points away", about.amount)
        labels = dict(Reason.choices)
        return Notice(
            title=title % points,
            text=str(labels.get(about.reason, "")),
            url=f"{reverse('loyalty:index')}#statement",
            mail_subject=_("A correction of your points"),
        )


class VotesReviewed(NotificationKind):
    """Points for votes were taken back after staff had looked into them."""

    name: ClassVar[str] = telling.REVIEW
    group: ClassVar[Group] = Group.POINTS
    label: ClassVar[_StrPromise] = gettext_lazy("Reviews of votes for your posts")
    icon: ClassVar[str] = "thumbs-up"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the points by fact, as long as the wallet is the person's; one query."""
        own = set(queries.wallets_of(person).values_list("pk", flat=True))
        return {fact.id: fact.payload["points"] for fact in facts if fact.payload["wallet"] in own}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        title = ngettext("%(count)s point was taken back", "%(count)s points were taken back", about)
        return Notice(
            title=title % {"count": format_number(about)},
            text=str(words.OF_EVENTS[earning.VOTING_REVIEW]),
            url=f"{reverse('loyalty:index')}#statement",
            mail_subject=_("Points were taken back"),
        )


_OF_MOVES: Final = {
    TierMembership.Reason.UPGRADE: (
        gettext_lazy("You have reached the tier “%(tier)s”"),
        gettext_lazy("Thank you for helping others. What it brings is on the page of your points."),
    ),
    TierMembership.Reason.NOTICE: (
        gettext_lazy("Your tier “%(tier)s” lasts until %(day)s"),
        gettext_lazy(
            "The points of the time that counts are not enough any more. With enough points until then you keep it."
        ),
    ),
    TierMembership.Reason.DOWNGRADE: (
        gettext_lazy("Your tier is “%(tier)s” now"),
        gettext_lazy(
            "The points of the time that counts were not enough for the tier before. What you can spend is not touched."
        ),
    ),
    TierMembership.Reason.TAKEN_BACK: (
        gettext_lazy("Your tier is “%(tier)s” now"),
        gettext_lazy("Points by which you had reached the tier before were taken back. The statement says why."),
    ),
    TierMembership.Reason.GRANTED: (
        gettext_lazy("You have been given the tier “%(tier)s”"),
        gettext_lazy("It lasts until %(day)s."),
    ),
    TierMembership.Reason.GRANT_ENDED: (
        gettext_lazy("Your tier is “%(tier)s” now"),
        gettext_lazy("The time is over for which you had been given a tier."),
    ),
}
