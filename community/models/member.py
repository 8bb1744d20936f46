"""What the community knows about a member besides the account: trust, counters, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.core.memo import LONG_SECONDS, Memo
from portal.core.prepared import Prepared

if TYPE_CHECKING:
    import datetime as dt

    from community.models.access import AnyUser


#: What is touched when somebody hides their page, or shows it again.
PRIVATE_SCOPE: Final = "community:private"


class Level(models.IntegerChoices):
    """The trust ladder; see `community.trust`."""

    NEW = 0, pgettext_lazy("level", "New here")
    MEMBER = 1, pgettext_lazy("level", "Member")
    ACTIVE = 2, pgettext_lazy("level", "Active member")
    HELPER = 3, pgettext_lazy("level", "Helper")
    ADVOCATE = 4, pgettext_lazy("level", "Advocate")


#: The least level that is shown with a name.
SHOWN_LEVEL: Final = Level.HELPER


class MessagesFrom(models.TextChoices):
    """From whom a member accepts private messages."""

    MEMBERS = "members", _("Members who are not new here")
    MODERATORS = "moderators", _("Nobody but moderators")


class CommunityProfile(models.Model):
    """One row for each person who ever took part; it goes with the account."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="community_profile"
    )
    level = models.PositiveSmallIntegerField(choices=Level, default=Level.NEW)
    level_since = models.DateTimeField(default=timezone.now)
    #: Invited by a person to be an advocate; stays until it is taken back.
    is_advocate = models.BooleanField(default=False)
    #: A helper's figures are below what keeps the level since then; None while they suffice.
    level_at_risk_since = models.DateTimeField(null=True)
    #: Something happened that may change the level.
    is_level_due = models.BooleanField(default=True)

    # Counters of what others can see; `community_reconcile` proves them.
    thread_count = models.IntegerField(default=0)
    reply_count = models.IntegerField(default=0)
    #: Accepted answers to questions of others.
    solution_count = models.IntegerField(default=0)
    #: Helpful votes for one's visible posts.
    helpful_count = models.IntegerField(default=0)
    #: Flags of this person that a moderator judged, and those agreed with.
    flags_judged = models.IntegerField(default=0)
    flags_agreed = models.IntegerField(default=0)

    days_seen = models.PositiveIntegerField(default=0)
    last_seen_on = models.DateField(null=True)
    #: First time somebody else found this person's post helpful or accepted it.
    first_help_at = models.DateTimeField(null=True)
    #: What was written before is not unread.
    read_floor = models.DateTimeField(default=timezone.now)

    messages_from = models.CharField(
        _("who may write to me"),
        max_length=10,
        choices=MessagesFrom,
        default=MessagesFrom.MEMBERS,
        db_default=MessagesFrom.MEMBERS.value,
    )

    #: Only they and moderators see their page; their name stays at what they write.
    is_private = models.BooleanField(_("hide my page from others"), default=False, db_default=False)
    #: Codes of the languages whose threads they are shown in lists and told of, with commas; empty for all.
    languages = models.CharField(max_length=40, blank=True, default="", db_default="")

    #: Until then the person can read, but not write.
    silenced_until = models.DateTimeField(null=True)
    silenced_reason = models.TextField(blank=True, default="")
    #: Until then the person cannot take part in any way.
    suspended_until = models.DateTimeField(null=True)
    suspended_reason = models.TextField(blank=True, default="")
    #: The last time a post was hidden by a moderator, or the person was warned, silenced or suspended.
    penalised_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("community profile")
        verbose_name_plural = _("community profiles")
        indexes = [
            models.Index(fields=["user"], name="community_profile_due", condition=Q(is_level_due=True)),
            models.Index(fields=["level", "user"], name="community_profile_level", condition=Q(level__gte=2)),
            models.Index(fields=["user"], name="community_profile_private", condition=Q(is_private=True)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.level}"

    def is_silenced(self, now: dt.datetime | None = None) -> bool:
        """Return whether the person must not write now; a suspended person must not, either."""
        now = now or timezone.now()
        return self.is_suspended(now) or (self.silenced_until is not None and self.silenced_until > now)

    def is_suspended(self, now: dt.datetime | None = None) -> bool:
        return self.suspended_until is not None and self.suspended_until > (now or timezone.now())


#: Asked for on every page of the community for somebody signed in.
_own: Final = Prepared(lambda user: CommunityProfile.objects.filter(pk=user), int)


#: Who hides their page: few, asked for wherever a name is shown.
_private: Final[Memo[frozenset[int]]] = Memo(max_size=1, scopes=(PRIVATE_SCOPE,), seconds=LONG_SECONDS)


def is_private(user_id: int) -> bool:
    """Return whether a member hides their page. No query as long as nobody changes that."""
    rows = CommunityProfile.objects.filter(is_private=True)
    return user_id in _private.get("", lambda: frozenset(rows.values_list("pk", flat=True)))


def languages_of(user: AnyUser) -> tuple[str, ...]:
    """Return the languages whose threads somebody wants to see in lists; empty for all of them."""
    profile = profile_of(user)
    return tuple(profile.languages.split(",")) if profile is not None and profile.languages else ()


def profile_of(user: AnyUser) -> CommunityProfile | None:
    """Return the profile of a signed-in person, kept on the user object, or a new, unsaved one; None for visitors."""
    if user is None or not user.is_authenticated:
        return None
    known: CommunityProfile | None = getattr(user, "_community_profile", None)
    if known is None:
        known = next(iter(_own.rows(user.pk)), None) or CommunityProfile(user_id=user.pk)
        user._community_profile = known  # type: ignore[attr-defined]  # noqa: SLF001 - a per-request memo on the user
    return known


def forget_profile_of(user: AnyUser) -> None:
    """Have `profile_of` read again: the profile was changed."""
    if user is not None:
        user.__dict__.pop("_community_profile", None)
