"""What people follow, what they were told, and how they want to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.notifications.registry import GROUPS, Group, Mail

if TYPE_CHECKING:
    from typing import Self

#: Longest key of a fact, and longest target.
KEY_LENGTH = 150
KIND_LENGTH = 60
TARGET_LENGTH = 80


class MailChoice(models.TextChoices):
    NOW = Mail.NOW.value, _("At once")
    DAILY = Mail.DAILY.value, _("Once a day")
    WEEKLY = Mail.WEEKLY.value, _("Once a week")
    OFF = Mail.OFF.value, pgettext_lazy("mail", "Never")


_GROUP_CHOICES = [(group.value, GROUPS[group].label) for group in Group]


class FollowQuerySet(models.QuerySet["Follow"]):
    def of(self, target: str) -> Self:
        """Return who follows, or has muted, a target."""
        return self.filter(target=target)

    def heard(self) -> Self:
        return self.filter(muted=False)


class Follow(models.Model):
    """A person follows something, or has muted it. What it is, only its feature knows."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows")
    #: Kind and key: ``community.thread:42``, ``person:9``.
    target = models.CharField(_("what is followed"), max_length=TARGET_LENGTH)
    #: Nobody hears of what happened earlier.
    since = models.DateTimeField(_("since"), default=timezone.now)
    muted = models.BooleanField(_("muted"), default=False)

    objects = FollowQuerySet.as_manager()

    class Meta:
        verbose_name = _("follower")
        verbose_name_plural = _("followers")
        constraints = [models.UniqueConstraint(fields=["person", "target"], name="follow_unique")]
        indexes = [models.Index(fields=["target", "id"], name="follow_target")]

    def __str__(self) -> str:
        return self.target

    @property
    def kind(self) -> str:
        return self.target.partition(":")[0]

    @property
    def key(self) -> str:
        return self.target.partition(":")[2]


class NotificationQuerySet(models.QuerySet["Notification"]):
    def on_web(self) -> Self:
        return self.filter(web=True)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def to_mail(self) -> Self:
        """Return those that wait for a mail; what was read meanwhile needs none."""
        return self.filter(mailed_at=None, mail_at__isnull=False, read_at=None)


class Notification(models.Model):
    """One fact of which one person is told. The words are made when it is read: see `portal.notifications.registry`."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    #: Identifies the fact, whatever the route on which the person hears of it: ``community.post:88``.
    key = models.CharField(_("key"), max_length=KEY_LENGTH)
    kind = models.CharField(_("kind"), max_length=KIND_LENGTH)
    group = models.CharField(_("group"), max_length=20, choices=_GROUP_CHOICES)
    rank = models.PositiveSmallIntegerField(_("rank"))
    subject = models.CharField(_("what it is about"), max_length=TARGET_LENGTH)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("who did it"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    payload = models.JSONField(_("payload"), default=dict)
    occurred_at = models.DateTimeField(_("time"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    #: Whether it is listed in the portal.
    web = models.BooleanField(_("in the portal"), default=True)
    mail = models.CharField(_("mail"), max_length=6, choices=MailChoice, default=MailChoice.OFF)
    #: When it is to be mailed at the earliest; None if it is not, or no longer.
    mail_at = models.DateTimeField(_("mail at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="notification_unique")]
        indexes = [
            models.Index(fields=["person", "-id"], condition=Q(web=True), name="notification_list"),
            models.Index(fields=["person", "-id"], condition=Q(web=True, read_at=None), name="notification_unread"),
            models.Index(fields=["person", "subject"], name="notification_subject"),
            models.Index(
                fields=["mail_at"], condition=Q(mailed_at=None, mail_at__isnull=False), name="notification_to_mail"
            ),
            models.Index(fields=["created_at"], name="notification_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}"


class NotificationSetting(models.Model):
    """What a person chose for one group; without a row the defaults of the group apply."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_settings")
    group = models.CharField(_("group"), max_length=20, choices=_GROUP_CHOICES)
    web = models.BooleanField(_("in the portal"), default=True)
    mail = models.CharField(_("mail"), max_length=6, choices=MailChoice)

    class Meta:
        verbose_name = _("notification setting")
        verbose_name_plural = _("notification settings")
        constraints = [models.UniqueConstraint(fields=["person", "group"], name="notification_setting_unique")]

    def __str__(self) -> str:
        return f"{self.group}: {self.mail}"
