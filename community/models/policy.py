"""Limits and thresholds that community managers change while the portal runs. One row."""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.core.memo import Memo
from portal.core.scopes import content_changed

_SCOPE: Final = "community:policy"


class Policy(models.Model):
    """How careful the community is, and what the levels of trust ask for."""

    # Newcomers
    holds_newcomers = models.BooleanField(
        _("hold everything that new members write"),
        default=False,
        help_text=_("For a wave of spam: nothing by new accounts is shown before a moderator has seen it."),
    )
    first_posts_held = models.PositiveSmallIntegerField(_("first posts held for review"), default=1)
    newcomer_links = models.PositiveSmallIntegerField(_("links in a post of a new member"), default=2)
    newcomer_posts_per_hour = models.PositiveSmallIntegerField(_("posts of a new member per hour"), default=6)
    posts_per_hour = models.PositiveSmallIntegerField(_("posts of a member per hour"), default=40)

    # Questions
    first_reply_hours = models.PositiveSmallIntegerField(
        _("hours until a question has a first reply"),
        default=24,
        db_default=24,
        help_text=_("Questions that wait longer are marked on the desk."),
    )
    asks_after_hours = models.PositiveSmallIntegerField(
        _("hours until a member who may know the answer is asked"),
        default=12,
        db_default=12,
        help_text=_("The portal asks one after the other, evenly. 0: only moderators ask."),
    )

    # Private messages
    conversations_per_day = models.PositiveSmallIntegerField(
        _("private conversations that a member begins per day"),
        default=10,
        db_default=10,
        help_text=_("0: only moderators begin conversations. New members never do."),
    )

    # Writing
    silent_edit_minutes = models.PositiveSmallIntegerField(_("minutes in which an edit leaves no trace"), default=30)
    idea_votes = models.PositiveSmallIntegerField(_("votes of a member for open ideas"), default=10)
    max_tags = models.PositiveSmallIntegerField(_("tags of a thread"), default=5)

    # Flags, in hundredths of weight
    hide_score = models.PositiveSmallIntegerField(_("weight of flags that hides a post, in hundredths"), default=830)
    silence_score = models.PositiveSmallIntegerField(
        _("weight of flags that silences a new member, in hundredths"), default=250
    )
    silence_people = models.PositiveSmallIntegerField(_("people whose flags silence a new member"), default=3)

    # Levels
    active_days = models.PositiveSmallIntegerField(_("days seen for an active member"), default=3)
    active_acts = models.PositiveSmallIntegerField(_("helpful acts for an active member"), default=2)
    helper_days = models.PositiveSmallIntegerField(_("days that count for a helper"), default=120)
    helper_solutions = models.PositiveSmallIntegerField(_("solutions for others for a helper"), default=5)
    helper_people = models.PositiveSmallIntegerField(_("people helped for a helper"), default=15)
    helper_flags_agreed = models.PositiveSmallIntegerField(_("percent of flags agreed with for a helper"), default=70)
    helper_penalty_days = models.PositiveSmallIntegerField(_("days without a penalty for a helper"), default=180)
    helper_keep = models.PositiveSmallIntegerField(_("percent of the figures that keep a helper"), default=60)
    helper_notice_days = models.PositiveSmallIntegerField(_("days of notice before a helper is none"), default=30)

    class Meta:
        verbose_name = _("policy of the community")
        verbose_name_plural = _("policies of the community")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="community_policy_single")]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)
        content_changed(_SCOPE)


_policy: Final[Memo[Policy]] = Memo(max_size=1, scopes=(_SCOPE,))


def policy() -> Policy:
    """Return the policy, or its defaults until somebody changes them; kept until then. Never change what is returned."""
    return _policy.get("", lambda: Policy.objects.filter(pk=1).first() or Policy())
