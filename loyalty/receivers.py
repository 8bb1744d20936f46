"""What the ledger does when people leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.signals import email_confirmed, user_signed_up
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save

from loyalty.events import SomethingMoved
from loyalty.models import Member, RedemptionStep
from loyalty.services.members import close_wallets
from loyalty.services.offers import forget_offers
from loyalty.services.pace import forget_pace, note_address
from loyalty.services.referrals import claim_invitation, use_up_invitation
from loyalty.services.reviews import forget_reviews
from loyalty.services.rewards import forget_redemptions
from portal.core.events import emit

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress
    from django.http import HttpRequest

    from portal.accounts.models import User


def note_who_invited(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Have somebody who just signed up count for whoever invited them."""
    claim_invitation(request, user)


def note_who_confirmed(*, request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:
    """Have an invitation count once: the next account of this browser came by itself."""
    use_up_invitation(request, email_address.user)


def note_where_from(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Remember from where a member signs in."""
    note_address(request, user)


def close_wallets_of_removed_member(*, instance: Member, **_kwargs: Any) -> None:
    """Close the wallets, in the transaction that deletes the member, alone or together with the user.

    What the member has not received of rewards is cancelled first, so that its points are not held for nobody.
    """
    forget_redemptions(member_key=instance.key)
    forget_offers(member_key=instance.key)
    forget_reviews(member_key=instance.key)
    forget_pace(member_key=instance.key, user_id=instance.user_id)
    close_wallets(member_key=instance.key)


def announce_step(*, instance: RedemptionStep, created: bool, **_kwargs: Any) -> None:
    """Announce what happened to something that was redeemed, whatever it was."""
    if created:
        emit(SomethingMoved(kind="reward.changed", row=instance.pk))


def connect() -> None:
    """Connect the receivers, once."""
    user_signed_up.connect(note_who_invited, dispatch_uid="loyalty.note_who_invited")
    email_confirmed.connect(note_who_confirmed, dispatch_uid="loyalty.note_who_confirmed")
    user_logged_in.connect(note_where_from, dispatch_uid="loyalty.note_where_from")
    post_delete.connect(close_wallets_of_removed_member, sender=Member, dispatch_uid="loyalty.close_wallets")
    post_save.connect(announce_step, sender=RedemptionStep, dispatch_uid="loyalty.announce_step")
