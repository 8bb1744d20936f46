"""Referrals: codes, who came by them, when that is worth points, and what staff decide about it.

A friend counts who stays: enough of what they did gave them points that stand, and their account is some days old. Points go
the way of all others: two triggers of earning, of which rules may reward one or both, with their limits, budgets and
waiting times. What the friend earned is taken back: so is what rested on it. The same person twice pays nobody.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import TYPE_CHECKING, Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from loyalty.exceptions import NotPermittedError, RuleError
from loyalty.models.earning import Decision, LoyaltyEvent, RuleVersion, VersionState
from loyalty.models.ledger import Member, Wallet
from loyalty.models.referrals import (
    ADDRESS_LENGTH,
    CODE_LENGTH,
    NETWORK_LENGTH,
    Referral,
    ReferralCode,
    ReferredAddress,
)
from loyalty.services import earning
from loyalty.services.earning import Happened, Trigger
from portal.accounts import devices
from portal.core.limits import client_address, network_of
from portal.core.text import normalise_address, normalise_input

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from loyalty.events import PointsDecided
    from portal.accounts.models import User

State, Reason = Referral.State, Referral.Reason

#: Triggers: for who invited, and for who came.
ADVOCATE: Final = "loyalty.referral"
FRIEND: Final = "loyalty.referred"
TRIGGERS: Final = (
    Trigger(name=ADVOCATE, label=_("Somebody you invited takes part"), icon="user-plus"),
    Trigger(name=FRIEND, label=_("You came by an invitation and take part"), icon="user-plus"),
)
#: What the friend has to have done, and for how many days to have been here.
AWARDS_NEEDED: Final = 2
DAYS_NEEDED: Final = 7
#: For so many days a code may be typed in after signing up.
CODE_DAYS: Final = 14
#: For so many days networks are kept.
NETWORK_DAYS: Final = 90
#: For so many days it is known for which addresses points were given.
ADDRESS_DAYS: Final = 731
COOKIE: Final = "invitation"
_COOKIE_SECONDS: Final = 60 * 60 * 24 * 30
_SALT: Final = "loyalty.referrals"
#: Mark of a request with which the invitation in this browser has served.
_USED_UP: Final = "loyalty.invitation_used_up"
#: Letters and digits that nobody takes for others.
_ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_TRIES: Final = 5


class ReferralRefusedError(RuleError):
    """A code cannot be used; the message says why."""


# Codes and invitations -----------------------------------------------------------------------------------------------


def is_open() -> bool:
    """Return whether points are given for referrals in a programme that members see. One query."""
    return RuleVersion.objects.filter(
        trigger__in=(ADVOCATE, FRIEND), state=VersionState.PUBLISHED, rule__programme__earning__is_open=True
    ).exists()


def code_of(user: User) -> ReferralCode | None:
    """Return the person's code; None if they have none yet."""
    return ReferralCode.objects.filter(member__user=user).first()


def make_code(user: User, *, address: str) -> ReferralCode:
    """Return the person's code; make it the first time. Also when it is asked for twice at the same moment."""
    member = Member.objects.get_or_create(user=user)[0]
    for _try in range(_TRIES):
        code = "".join(secrets.choice(_ALPHABET) for _place in range(CODE_LENGTH))
        try:
            with transaction.atomic():
                values = {"code": code, "network": _network(address)}
                return ReferralCode.objects.get_or_create(member=member, defaults=values)[0]
        except IntegrityError:  # somebody has this code
            continue
    raise RuntimeError("No free code was found.")


def find_code(typed: str) -> ReferralCode | None:
    """Return the code as it was typed, in any case and with spaces; None if there is none like it."""
    plain = "".join(normalise_input(typed, digits=True).split()).upper()
    if len(plain) != CODE_LENGTH or not plain.isascii():
        return None
    return ReferralCode.objects.filter(code=plain, member__user__is_active=True).select_related("member__user").first()


def accept_invitation(request: HttpRequest, response: HttpResponse, code: ReferralCode) -> None:
    """Remember in this browser who invited first, for 30 days."""
    if invited_by(request):
        return
    ReferralCode.objects.filter(pk=code.pk).update(accepted=F("accepted") + 1)
    response.set_cookie(
        COOKIE,
        signing.dumps(code.code, salt=_SALT),
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def invited_by(request: HttpRequest) -> str:
    """Return the code that this browser remembers; empty if there is none."""
    try:
        return str(signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_COOKIE_SECONDS))
    except signing.BadSignature:
        return ""


def claim_invitation(request: HttpRequest, user: User) -> None:
    """Have somebody who just signed up count for whoever invited them, if this browser remembers it.

    The invitation is used up once the address is confirmed (`use_up_invitation`): who mistyped it signs up again.
    """
    code = find_code(invited_by(request))
    if code is not None and is_open():
        _attach(request, user, code)
    if EmailAddress.objects.filter(user=user, verified=True).exists():
        _use_up(request)


def use_up_invitation(request: HttpRequest, user: User) -> None:
    """Have the browser forget the invitation by which somebody came who just confirmed the address."""
    if Referral.objects.filter(friend__user=user).exists():
        _use_up(request)


def may_enter_code(user: User) -> bool:
    """Return whether the person is new enough to say who invited them, and did not yet."""
    is_new = user.date_joined > timezone.now() - dt.timedelta(days=CODE_DAYS)
    return is_new and not user.is_staff and not Referral.objects.filter(friend__user=user).exists()


def enter_code(request: HttpRequest, user: User, typed: str) -> Referral:
    """Say who invited somebody who is new here. Raises `ReferralRefusedError`."""
    code = find_code(typed)
    if code is None:
        raise ReferralRefusedError(_("Nobody has this code."))
    if code.member.user_id == user.pk:
        raise ReferralRefusedError(_("This is your own code."))
    # Otherwise two who are new invite each other, and are paid twice.
    if code.member.user.date_joined > user.date_joined:
        raise ReferralRefusedError(_("Whoever has this code came here later than you."))
    if not may_enter_code(user):
        raise ReferralRefusedError(_("A code can be entered once, within 14 days after signing up."))
    _use_up(request)
    return _attach(request, user, code)


def _use_up(request: HttpRequest) -> None:
    request.META[_USED_UP] = True


def is_used_up(request: HttpRequest) -> bool:
    """Return whether the invitation that this browser remembers counted in this request, or was refused."""
    return _USED_UP in request.META and COOKIE in request.COOKIES


def _attach(request: HttpRequest, user: User, code: ReferralCode) -> Referral:
    """Note once for ever who invited a person. The same person twice is noted as such, and pays nobody."""
    advocate = code.member.user
    network = _network(client_address(request))
    reason = ""
    if advocate.is_staff or user.is_staff:
        reason = Reason.STAFF
    elif is_same_person(request, advocate, user):
        reason = Reason.SAME_PERSON
    elif ReferredAddress.objects.filter(digest__in=_digests(user)).exists():
        reason = Reason.AGAIN
    friend = Member.objects.get_or_create(user=user)[0]
    others = Referral.objects.filter(advocate=code.member, network=network).exclude(friend=friend)
    is_near = network == code.network or others.exists()
    values = {
        "advocate": code.member,
        "state": State.REJECTED if reason else State.SIGNED_UP,
        "reason": reason,
        "flags": ["network"] if is_near else [],
        "network": network,
    }
    return Referral.objects.get_or_create(friend=friend, defaults=values)[0]


def is_same_person(request: HttpRequest, advocate: User, friend: User) -> bool:
    """Return whether both accounts are of one person, by what does not happen by chance.

    An address that differs in a suffix only, of either account or of what is linked to it; or a browser in which the
    advocate was signed in.
    """
    return (
        advocate.pk == friend.pk
        or bool(_addresses(advocate) & _addresses(friend))
        or bool(devices.known_device(request, advocate.email))
    )


def _addresses(user: User) -> set[str]:
    known = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {folded(address) for address in [user.email, *known] if address}


def folded(address: str) -> str:
    """Return an address without what its owner can vary: case, ``+suffix``, and the dots that Gmail ignores."""
    name, _at, domain = (normalise_address(address) or address).lower().rpartition("@")
    name = name.partition("+")[0]
    if domain in {"gmail.com", "googlemail.com"}:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


def _digests(user: User) -> list[str]:
    """Return keyed hashes of the person's addresses."""
    return sorted(
        salted_hmac(f"{_SALT}.address", address, algorithm="sha256").hexdigest()[:ADDRESS_LENGTH]
        for address in _addresses(user)
    )


def _network(address: str) -> str:
    return salted_hmac(_SALT, network_of(address), algorithm="sha256").hexdigest()[:NETWORK_LENGTH]


# When it is worth something ------------------------------------------------------------------------------------------


def follow_decision(event: PointsDecided) -> None:
    """See whether somebody who was invited takes part now, or no longer: a handler."""
    of_referral = LoyaltyEvent.objects.filter(pk=event.event_id, trigger__in=(ADVOCATE, FRIEND))
    if of_referral.exists():
        return
    key = Wallet.objects.filter(pk=event.wallet_id).values_list("member_key", flat=True).first()
    referral = Referral.objects.filter(friend__key=key).first() if key is not None else None
    if referral is not None:
        judge(referral)


def takes_part(referral: Referral) -> bool:
    """Return whether the friend has done enough that stands. One query."""
    later = Decision.objects.filter(event=OuterRef("event"), wallet=OuterRef("wallet"), round__gt=OuterRef("round"))
    stands = Decision.objects.filter(
        event__member_key=referral.friend.key,
        outcome__in=(Decision.Outcome.EARNED, Decision.Outcome.CLIPPED),
        wallet__in=Wallet.objects.filter(member_key=referral.friend.key),
    ).exclude(Exists(later) | Q(event__trigger__in=(ADVOCATE, FRIEND)))
    return stands.order_by().values("event").distinct()[:AWARDS_NEEDED].count() >= AWARDS_NEEDED


@transaction.atomic
def judge(referral: Referral, *, now: dt.datetime | None = None) -> None:
    """Give what a referral is worth, or take it back. Any number of times, in any order and at the same moment."""
    referral = Referral.objects.select_for_update(of=("self",)).select_related("friend", "advocate").get(pk=referral.pk)
    moment = now or timezone.now()
    if referral.state == State.REJECTED and referral.reason != Reason.LIMIT:
        return
    stands = takes_part(referral)
    if referral.state == State.SIGNED_UP:
        if stands and referral.joined_at <= moment - dt.timedelta(days=DAYS_NEEDED):
            _reward(referral, moment)
        return
    _settle(referral, stands=stands, because="withdrawn")


def _source(referral: Referral) -> str:
    return f"loyalty.referral:{referral.pk}"


def _reward(referral: Referral, moment: dt.datetime) -> None:
    digests = _digests(referral.friend.user)
    if ReferredAddress.objects.filter(digest__in=digests).exists():  # the address was changed after signing up
        referral.state, referral.reason = State.REJECTED, Reason.AGAIN
        referral.save(update_fields=["state", "reason"])
        return
    given = 0
    for trigger, member in ((ADVOCATE, referral.advocate), (FRIEND, referral.friend)):
        decisions = earning.record(
            Happened(
                trigger=trigger,
                source_id=_source(referral),
                subject=_source(referral),
                user_id=member.user_id,
                occurred_at=moment,
                flags=tuple(referral.flags),
            )
        )
        given += sum(decision.points for decision in decisions)
    if given:
        ReferredAddress.objects.bulk_create(
            [ReferredAddress(digest=digest) for digest in digests], ignore_conflicts=True
        )
    referral.state = State.REWARDED if given else State.REJECTED
    referral.reason = "" if given else Reason.LIMIT
    referral.save(update_fields=["state", "reason"])


def _settle(referral: Referral, *, stands: bool, because: str) -> None:
    earning.settle(earning.events_of(_source(referral)), stands=lambda _event: stands, because=because)


# Staff ---------------------------------------------------------------------------------------------------------------


def may_decide(user: User) -> bool:
    """Return whether the person may look into referrals and decide about them."""
    return user.is_active and user.has_perm("loyalty.decide_referral")


@transaction.atomic
def confirm(referral: Referral, *, by: User) -> None:
    """Say that the signs mean nothing. Raises `NotPermittedError`."""
    referral = _locked(referral, by)
    referral.flags, referral.decided_by = [], f"user:{by.pk}"
    referral.save(update_fields=["flags", "decided_by"])


@transaction.atomic
def reject(referral: Referral, *, by: User) -> None:
    """Have it count for nobody; what was given for it is taken back. Raises `NotPermittedError`."""
    referral = _locked(referral, by)
    if referral.state == State.REJECTED:
        return
    referral.state, referral.reason, referral.decided_by = State.REJECTED, Reason.REVIEW, f"user:{by.pk}"
    referral.save(update_fields=["state", "reason", "decided_by"])
    _settle(referral, stands=False, because="withdrawn")


def _locked(referral: Referral, by: User) -> Referral:
    found = Referral.objects.select_for_update(of=("self",)).select_related("friend", "advocate").get(pk=referral.pk)
    # Nobody decides about their own.
    if not may_decide(by) or by.pk in {found.friend.user_id, found.advocate.user_id}:
        raise NotPermittedError
    return found


# Every night ---------------------------------------------------------------------------------------------------------


def _due(now: dt.datetime) -> Q:
    return Q(state=State.SIGNED_UP, joined_at__lte=now - dt.timedelta(days=DAYS_NEEDED))


def judge_all() -> None:
    """Judge those for whom only time was missing, and forget networks: a periodic job."""
    now = timezone.now()
    for referral in Referral.objects.filter(_due(now)).order_by("pk").iterator(chunk_size=200):
        judge(referral, now=now)
    old = now - dt.timedelta(days=NETWORK_DAYS)
    ReferredAddress.objects.filter(created_at__lt=now - dt.timedelta(days=ADDRESS_DAYS)).delete()
    Referral.objects.filter(joined_at__lt=old).exclude(network="").update(network="")
    ReferralCode.objects.filter(created_at__lt=old).exclude(network="").update(network="")


def is_judging_due(last_end: dt.datetime | None) -> bool:
    """Return whether time alone may have changed something since the last time. Up to four queries."""
    now = timezone.now()
    due = Referral.objects.filter(_due(now))
    if last_end is not None:
        due = due.exclude(_due(last_end))
    old = now - dt.timedelta(days=NETWORK_DAYS)
    return (
        due.exists()
        or ReferredAddress.objects.filter(created_at__lt=now - dt.timedelta(days=ADDRESS_DAYS)).exists()
        or Referral.objects.filter(joined_at__lt=old).exclude(network="").exists()
        or ReferralCode.objects.filter(created_at__lt=old).exclude(network="").exists()
    )
