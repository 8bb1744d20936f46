"""Referrals: the code of a member, and who came by it. Networks are stored as keyed hashes, for 90 days."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import Member

#: Characters of a keyed hash of a network.
NETWORK_LENGTH: Final = 16
CODE_LENGTH: Final = 8
#: Characters of a keyed hash of an address.
ADDRESS_LENGTH: Final = 32


class ReferralCode(models.Model):
    """The code by which a member invites others. Random; goes with the member."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="referral_code")
    code = models.CharField(max_length=CODE_LENGTH)
    #: How often somebody accepted the invitation on its page, without anything about whom.
    accepted = models.PositiveIntegerField(default=0)
    #: From where the code was made; empty after 90 days.
    network = models.CharField(max_length=NETWORK_LENGTH, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["code"], name="loyalty_referralcode_unique")]

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """That somebody came by a code. One for each friend, for ever; goes with either of both."""

    class State(models.TextChoices):
        SIGNED_UP = "signed-up", pgettext_lazy("referral", "Signed up")
        REWARDED = "rewarded", pgettext_lazy("referral", "Took part: points were given")
        REJECTED = "rejected", pgettext_lazy("referral", "Not counted")

    class Reason(models.TextChoices):
        """Why it does not count."""

        SAME_PERSON = "same-person", pgettext_lazy("referral", "Both accounts seem to be of the same person.")
        AGAIN = "again", pgettext_lazy("referral", "This person came by an invitation before.")
        STAFF = "staff", pgettext_lazy("referral", "Staff are not counted.")
        REVIEW = "review", pgettext_lazy("referral", "It was looked into and not accepted.")
        LIMIT = "limit", pgettext_lazy("referral", "There was nothing to be given for it: a limit was reached.")

    advocate = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="referrals")
    friend = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="referred_by")
    state = models.CharField(max_length=9, choices=State, default=State.SIGNED_UP)
    reason = models.CharField(max_length=11, choices=Reason, default="")
    #: Signs to look at, which change nothing: ``network``.
    flags = models.JSONField(default=list)
    #: From where the friend came; empty after 90 days.
    network = models.CharField(max_length=NETWORK_LENGTH, default="")
    joined_at = models.DateTimeField(default=timezone.now)
    #: ``user:7``: who looked into it; empty if nobody did.
    decided_by = models.CharField(max_length=64, default="")

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        default_permissions = ("view",)
        permissions = [("decide_referral", "Can decide about referrals")]
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}: {self.state}"


class ReferredAddress(models.Model):
    """That points were given for somebody with this address: a keyed hash, which stays when the account is deleted.

    Otherwise the same person could come again and again. Deleted after two years; of whom it is nobody can tell without
    the key and the address.
    """

    digest = models.CharField(max_length=ADDRESS_LENGTH)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["digest"], name="loyalty_referredaddress_once")]

    def __str__(self) -> str:
        return self.digest
