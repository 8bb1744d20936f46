"""Models of the foundation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar, Final, Self

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.admin.panels import FieldPanel, HelpPanel, InlinePanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseSiteSetting, register_setting
from wagtail.models import Orderable

from portal.core.audience import AudienceInUse
from portal.core.brand_form import SiteBrandForm
from portal.core.localized import LocalizedTextField
from portal.core.text import to_latin_digits

#: Three digits or more, as people write a telephone number to be called.
_TELEPHONE: Final = re.compile(r"\+?[(]?[0-9](?:[ \-()/.]*[0-9]){2,}")

__all__ = [
    "AudienceInUse",
    "BrandLink",
    "BrandPicture",
    "FileAudience",
    "MachineReading",
    "OutboxMessage",
    "OutgoingMail",
    "PeriodicJob",
    "RoleGroup",
    "SiteBrand",
    "StoredFile",
    "SupportSettings",
    "VisitSalt",
]


#: No message waits longer for its next attempt (`portal.core.outbox.LONGEST_PAUSE` is an hour).
FURTHEST_PAUSE: Final = timedelta(hours=2)


class OutboxMessageQuerySet(models.QuerySet["OutboxMessage"]):
    def pending(self) -> Self:
        return self.filter(delivered_at=None, failed_at=None)

    def due(self) -> Self:
        """Those to deliver now; also what became available too far ahead, which a clock wrote that was corrected since."""
        now = timezone.now()
        too_far = models.Q(available_at__gt=now + FURTHEST_PAUSE)
        return self.pending().filter(models.Q(available_at__lte=now) | too_far)


class OutboxMessage(models.Model):
    """One event to be delivered to one subscriber. See `portal.core.outbox`."""

    event = models.CharField(_("event"), max_length=100)
    handler = models.CharField(_("handler"), max_length=200)
    payload = models.JSONField(_("payload"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    available_at = models.DateTimeField(_("available at"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    #: Equal for equal events whose class merges them; empty where every event counts.
    merge_key = models.CharField(_("merge key"), max_length=64, blank=True, default="", db_default="")

    objects = OutboxMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes = [
            models.Index(
                fields=["available_at"],
                condition=models.Q(delivered_at=None, failed_at=None),
                name="outbox_due",
            ),
            models.Index(
                fields=["merge_key"],
                condition=models.Q(delivered_at=None, failed_at=None),
                name="outbox_merge_key",
            ),
            models.Index(
                fields=["delivered_at"],
                condition=models.Q(delivered_at__isnull=False),
                name="outbox_delivered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.handler}"


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def waiting(self) -> Self:
        return self.filter(state=OutgoingMail.State.WAITING)

    def could_not_be_sent(self) -> Self:
        return self.filter(state__in=OutgoingMail.State.shown())


class OutgoingMail(models.Model):
    """One outgoing mail; after sending, the record that it was sent. See `portal.core.mail`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        #: Made obsolete by a newer mail.
        REPLACED = "replaced", _("replaced by a newer one")
        EXPIRED = "expired", _("waited too long")
        REFUSED = "refused", _("refused")
        #: The server was given the mail and did not answer.
        UNCERTAIN = "uncertain", _("may have arrived")

        @classmethod
        def shown(cls) -> tuple[OutgoingMail.State, ...]:
            """Return the states that staff see, since somebody may be waiting for the mail in vain."""
            return (cls.EXPIRED, cls.REFUSED, cls.UNCERTAIN)

    #: Identifies the fact the mail reports; otherwise random.
    key = models.CharField(_("key"), max_length=200, unique=True)
    #: Name of the template.
    kind = models.CharField(_("kind"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    #: The complete mail, encrypted; empty when it is no longer needed.
    content = models.TextField(_("content"), blank=True)
    #: Whether the mail contains a code and is useless once that has expired.
    is_perishable = models.BooleanField(_("perishable"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    #: Time from which the server may have the mail.
    handed_over_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    #: Why the mail was not sent; never the server's own text, which may contain an address.
    note = models.TextField(_("note"), blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(state="waiting"), name="mail_waiting"),
            models.Index(fields=["ended_at"], name="mail_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"


class VisitSalt(models.Model):
    """Salt that makes one day's visitor keys irreversible; kept for that day only. See `portal.core.visitors`."""

    day = models.DateField(_("day"), unique=True)
    salt = models.CharField(_("salt"), max_length=64)

    class Meta:
        verbose_name = _("salt of a day")
        verbose_name_plural = _("salts of days")

    def __str__(self) -> str:
        return f"{self.day}"


class PeriodicJob(models.Model):
    """Next run of a job, shared by all processes. See `portal.core.jobs`."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    #: Increases with every claim: a process that finds another number here has lost the job to another one.
    claims = models.PositiveBigIntegerField(_("times started"), default=0)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("periodic job")
        verbose_name_plural = _("periodic jobs")

    def __str__(self) -> str:
        return self.name


class RoleGroup(models.Model):
    """The group of a role, and every right this code ever gave it. See `portal.core.roles`."""

    role = models.CharField(_("role"), max_length=40, unique=True)
    group = models.OneToOneField(Group, verbose_name=_("group"), on_delete=models.CASCADE, related_name="+")
    #: Each right is given once: one that is listed here but missing in the group was removed by an administrator.
    given = models.JSONField(_("rights given"), default=list)

    class Meta:
        verbose_name = _("group of a role")
        verbose_name_plural = _("groups of roles")

    def __str__(self) -> str:
        return self.role


class FileAudience(models.Model):
    """Who may fetch the files of one object. See `portal.core.file_audiences`."""

    #: Label of the object's model, in lower case.
    kind = models.CharField(_("kind"), max_length=100)
    object_id = models.CharField(_("object"), max_length=64)
    #: Expressions (`portal.core.audience`), one a line; each is enough, and none means staff.
    audiences = models.TextField(_("audiences"), blank=True, default="")

    class Meta:
        verbose_name = _("audience of files")
        verbose_name_plural = _("audiences of files")
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="file_audience_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class StoredFile(models.Model):
    """The path of a stored file, below MEDIA_ROOT, and the object it belongs to."""

    path = models.CharField(_("path"), max_length=255, unique=True)
    owner = models.ForeignKey(FileAudience, on_delete=models.CASCADE, related_name="files")

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")

    def __str__(self) -> str:
        return self.path


def _no_texts() -> Any:
    """Return an empty `LocalizedText` as the database writes it."""
    return models.Value({}, models.JSONField())


@register_setting(icon="site", order=10)
class SiteBrand(BaseSiteSetting, ClusterableModel):
    """What makes the portal a company's own: names, colours, pictures, links. Read it with `portal.core.brand`."""

    name = LocalizedTextField(
        _("name of the portal"),
        blank=True,
        help_text=_("One per language. Where there is none, the name of the site is used (Settings, Sites)."),
    )
    tagline = LocalizedTextField(
        _("what the portal is"),
        blank=True,
        db_default=_no_texts(),
        help_text=_("A few words beside the name. For example: Customer hub."),
    )
    search_placeholder = LocalizedTextField(
        _("example in the search box"),
        blank=True,
        db_default=_no_texts(),
        help_text=_("What your customers often ask, in their own words. Shown in the search box of the home page."),
    )
    footer_text = LocalizedTextField(
        _("text in the footer"),
        blank=True,
        db_default=_no_texts(),
        help_text=_("For example the full name of the company and its address."),
    )
    sender_name = LocalizedTextField(
        _("sender’s name of mails"),
        blank=True,
        db_default=_no_texts(),
        help_text=_("Where there is none, mails come from the name of the portal."),
    )
    main_colour = models.CharField(_("main colour"), max_length=7, blank=True, default="", db_default="")
    dark_colour = models.CharField(_("dark colour"), max_length=7, blank=True, default="", db_default="")
    accent_colour = models.CharField(_("accent colour"), max_length=7, blank=True, default="", db_default="")
    #: Parts of the home page that are not shown; see `portal.core.brand.HOME_BLOCKS`.
    hidden_blocks = models.JSONField(
        _("hidden parts of the home page"),
        blank=True,
        default=list,
        db_default=models.Value([], models.JSONField()),
    )
    #: Digest, width and height of each `BrandPicture` in use, by its kind.
    pictures = models.JSONField(
        _("pictures"), blank=True, default=dict, db_default=models.Value({}, models.JSONField()), editable=False
    )

    panels: ClassVar[list[Any]] = [
        MultiFieldPanel(
            [
                FieldPanel("name"),
                FieldPanel("tagline"),
                FieldPanel("search_placeholder"),
                FieldPanel("footer_text"),
                FieldPanel("sender_name"),
            ],
            heading=_("Names and texts"),
        ),
        MultiFieldPanel(
            [
                FieldPanel("main_colour"),
                FieldPanel("dark_colour"),
                FieldPanel("accent_colour"),
                HelpPanel(template="core/admin/brand_preview.html"),
            ],
            heading=_("Colours"),
            help_text=_(
                "Leave empty what the portal’s own colours should be. All other shades, for light and dark, follow from these."
            ),
        ),
        MultiFieldPanel(
            [
                FieldPanel("logo_file"),
                FieldPanel("dark_logo_file"),
                FieldPanel("icon_file"),
                HelpPanel(template="core/admin/brand_pictures.html"),
                FieldPanel("remove_pictures"),
            ],
            heading=_("Logo and icon"),
        ),
        MultiFieldPanel([FieldPanel("shown_blocks")], heading=_("Home page")),
        InlinePanel("links", heading=_("Links in the footer"), label=_("Link")),
    ]
    base_form_class = SiteBrandForm

    class Meta:
        verbose_name = _("brand")

    def __str__(self) -> str:
        return str(self.name)


class BrandLink(Orderable):
    """A link in the footer to another address of the company."""

    class Kind(models.TextChoices):
        SOCIAL = "social", _("Social network")
        LEGAL = "legal", _("Legal notice")

    brand = ParentalKey(SiteBrand, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.SOCIAL)
    label = LocalizedTextField(_("text"))
    url = models.URLField(_("address"), max_length=300, validators=[URLValidator(schemes=["https", "http"])])

    panels: ClassVar[list[Any]] = [FieldPanel("kind"), FieldPanel("label"), FieldPanel("url")]

    class Meta(Orderable.Meta):
        verbose_name = _("link in the footer")
        verbose_name_plural = _("links in the footer")

    def __str__(self) -> str:
        return str(self.label)


class BrandPicture(models.Model):
    """A logo or an icon as it is served, at an address that contains its digest. See `portal.core.brand_pictures`.

    It is in the database because it is small, public, and changes together with the settings that name it.
    """

    digest = models.CharField(_("digest"), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=20)
    content = models.BinaryField(_("content"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("picture of the brand")
        verbose_name_plural = _("pictures of the brand")

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}"


@register_setting(icon="mail", order=100)
class SupportSettings(BaseSiteSetting):
    """Contact details of the support, shown where the portal cannot help. Read them with `portal.core.support`."""

    support_phone = models.CharField(_("telephone of the support"), max_length=30, blank=True)
    support_hours = LocalizedTextField(
        _("opening hours"), blank=True, help_text=_("For example: every day from 8 to 20. One text per language.")
    )

    panels: ClassVar[list[Any]] = [
        FieldPanel("support_phone", widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr"})),
        FieldPanel("support_hours"),
    ]

    class Meta:
        verbose_name = _("support contact")

    def __str__(self) -> str:
        return self.support_phone

    def clean(self) -> None:
        super().clean()
        if self.support_phone and not _TELEPHONE.fullmatch(to_latin_digits(self.support_phone)):
            message = _("Enter a telephone number: digits, with spaces, hyphens or brackets between them if you like.")
            raise ValidationError({"support_phone": message})


@register_setting(icon="code", order=110)
class MachineReading(BaseSiteSetting):
    """Whether public articles are given to programs as Markdown (`faq.machine`)."""

    is_open = models.BooleanField(
        _("Articles as text for programs"),
        default=True,
        help_text=_(
            "Assistants and search programs read public articles at /llms.txt, /llms-full.txt and at the address of each "
            "article with .md behind it. What is not public is never there."
        ),
    )

    panels: ClassVar[list[Any]] = [FieldPanel("is_open")]

    class Meta:
        verbose_name = _("articles for programs")

    def __str__(self) -> str:
        return str(self.is_open)
