"""Downloads, their releases and files, and who accepted which licence."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.forms.models import model_to_dict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.catalog.models import Product, Topic, validate_icon
from portal.core.audience import CHOICES, MAX_LENGTH, PUBLIC, audiences_for
from portal.core.localized import LocalizedTextField
from portal.core.visitors import VISITOR_LENGTH
from portal.downloads import versions

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    AnyUser = AbstractBaseUser | AnonymousUser | None


class Platform(models.TextChoices):
    """What a file is for. Values are those of addresses: ``/d/bahar-app/latest?platform=windows``."""

    ANY = "any", pgettext_lazy("platform", "Any")
    DEVICE = "device", pgettext_lazy("platform", "Device firmware")
    WINDOWS = "windows", "Windows"
    MACOS = "macos", "macOS"
    LINUX = "linux", "Linux"
    ANDROID = "android", "Android"
    IOS = "ios", "iOS"


class Architecture(models.TextChoices):
    ANY = "", pgettext_lazy("architecture", "Any")
    X86_64 = "x86_64", "x86-64"
    ARM64 = "arm64", "ARM64"
    X86 = "x86", "x86"
    ARM = "arm", "ARM"
    MIPS = "mips", "MIPS"


def _mark_of(instance: models.Model) -> str:
    """Return what is another text after each change of what editors write; empty for what is not stored yet."""
    if instance.pk is None:
        return ""
    fields = model_to_dict(instance)
    plain = {
        name: sorted(one.pk for one in value) if isinstance(value, list) else value for name, value in fields.items()
    }
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class DownloadQuerySet(models.QuerySet["Download"]):
    def visible_to(self, user: AnyUser) -> Self:
        """Downloads whose page this person may open: of their audience, with something published."""
        return self.filter(is_shown=True, audience__in=audiences_for(user))

    def in_order(self) -> Self:
        return self.order_by("order", "slug")


class Download(models.Model):
    """Something to fetch: a firmware, an app, a document. What can be fetched of it are the files of its releases."""

    slug = models.SlugField(_("address"), max_length=60, unique=True, help_text=_("In /d/…/latest; Latin letters."))
    name = LocalizedTextField(_("name"))
    summary = LocalizedTextField(_("what it is"), blank=True)
    icon = models.CharField(_("icon"), max_length=40, default="download", validators=[validate_icon])
    products = models.ManyToManyField(Product, verbose_name=_("products"), related_name="downloads", blank=True)
    topic = models.ForeignKey(Topic, models.SET_NULL, null=True, blank=True, verbose_name=_("topic"))
    audience = models.CharField(_("who sees it"), max_length=MAX_LENGTH, choices=CHOICES, default=PUBLIC, db_index=True)
    files_for = models.CharField(
        _("who may download"),
        max_length=MAX_LENGTH,
        choices=CHOICES,
        default=PUBLIC,
        help_text=_("Others who see it are shown a lock, and why."),
    )
    is_for_owners = models.BooleanField(_("only for owners of its products"), default=False)
    licence = LocalizedTextField(_("licence"), blank=True)
    must_accept = models.BooleanField(_("the licence must be accepted"), default=False)
    #: Grows with each change of the licence: who accepted another text is asked again.
    licence_version = models.PositiveIntegerField(default=1, editable=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    #: Whether it has a published release; kept by the services.
    is_shown = models.BooleanField(default=False, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    objects = DownloadQuerySet.as_manager()

    class Meta:
        verbose_name = _("download")
        verbose_name_plural = _("downloads")
        ordering = ["order", "slug"]
        permissions = [("publish_download", "Can publish releases")]

    def __str__(self) -> str:
        return str(self.name) or self.slug

    def get_absolute_url(self) -> str:
        return reverse("downloads:download", args=[self.slug])

    @property
    def mark(self) -> str:
        """Return what is another text after each change by an editor."""
        return _mark_of(self)

    @property
    def is_free(self) -> bool:
        """Whether everybody may fetch its files, without being asked anything."""
        return self.audience == self.files_for == PUBLIC and not (self.is_for_owners or self.must_accept)


class Channel(models.TextChoices):
    STABLE = "stable", pgettext_lazy("channel", "Stable")
    BETA = "beta", pgettext_lazy("channel", "Beta")


class Release(models.Model):
    """One version of a download."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("release", "Draft")
        PUBLISHED = "published", pgettext_lazy("release", "Published")

    download = models.ForeignKey(Download, models.CASCADE, related_name="releases")
    version = models.CharField(_("version"), max_length=versions.MAX_LENGTH, help_text=_("Such as 4.12.1 or 5.0-rc1."))
    #: The place of the version among others (`versions.sort_key`).
    sort_key = models.CharField(max_length=versions.MAX_KEY_LENGTH, editable=False)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.STABLE)
    released_on = models.DateField(_("released on"))
    ends_on = models.DateField(_("supported until"), null=True, blank=True)
    known_issue = LocalizedTextField(
        _("known issue"), blank=True, help_text=_("A few words, shown beside the version.")
    )
    changelog = LocalizedTextField(_("what changed"), blank=True, help_text=_("Markdown: lists, links, bold, code."))
    requirements = LocalizedTextField(_("what it needs"), blank=True)
    is_security = models.BooleanField(
        _("security release"), default=False, help_text=_("Marked, and mailed to all owners of the products.")
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        ordering = ["-sort_key", "-pk"]
        constraints = [models.UniqueConstraint(fields=["download", "version"], name="downloads_version_once")]
        indexes = [models.Index(fields=["download", "state", "-sort_key"], name="downloads_newest")]

    def __str__(self) -> str:
        return f"{self.download} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.version = versions.normalise_version(self.version)
        self.sort_key = versions.sort_key(self.version)
        super().save(*args, **kwargs)

    @property
    def mark(self) -> str:
        """Return what is another text after each change by an editor."""
        return _mark_of(self)


class File(models.Model):
    """A file of a release. Nobody fetches it but through its own address (`portal.downloads.views.file`)."""

    class Scan(models.TextChoices):
        NOT_NEEDED = "", pgettext_lazy("scan", "Not looked at")
        WAITING = "waiting", pgettext_lazy("scan", "Being looked at")
        CLEAN = "clean", pgettext_lazy("scan", "Nothing found")
        INFECTED = "infected", pgettext_lazy("scan", "Infected")

    release = models.ForeignKey(Release, models.CASCADE, related_name="files")
    platform = models.CharField(_("for"), max_length=10, choices=Platform, default=Platform.ANY)
    architecture = models.CharField(
        _("architecture"), max_length=10, choices=Architecture, default=Architecture.ANY, blank=True
    )
    #: Without a telling ending: the storage changes pictures, and browsers display what they know.
    file = models.FileField(_("file"), upload_to="downloads", max_length=255)
    name = models.CharField(_("name"), max_length=150)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    signature = models.FileField(
        _("signature"),
        upload_to="downloads",
        max_length=255,
        blank=True,
        help_text=_("Detached, such as .asc or .sig."),
    )
    signature_name = models.CharField(max_length=160, blank=True)
    scan = models.CharField(max_length=10, choices=Scan, default=Scan.NOT_NEEDED, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    #: Downloads of former days; those of the last ones are rows of `Transfer`.
    started = models.PositiveBigIntegerField(default=0)
    completed = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        ordering = ["platform", "architecture", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("downloads_root:file", args=[self.pk, self.name])


class Transfer(models.Model):
    """That a visitor began to download a file on a day, and whether they were sent its end. Nothing says who it was."""

    file = models.ForeignKey(File, models.CASCADE, related_name="transfers")
    day = models.DateField(db_index=True)
    visitor = models.CharField(max_length=VISITOR_LENGTH)
    is_complete = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "day", "visitor"], name="downloads_transfer_once")]

    def __str__(self) -> str:
        return f"{self.file_id} {self.day}"


class LicenceAcceptance(models.Model):
    """A person accepted the licence of a download, in one version of its text."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    download = models.ForeignKey(Download, models.CASCADE, related_name="acceptances")
    licence_version = models.PositiveIntegerField()
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "download", "licence_version"], name="downloads_accepted_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.download_id} ({self.licence_version})"
