"""The shared vocabulary: products, their versions, topics, and what a customer owns."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from portal.core.localized import LocalizedTextField


def validate_icon(name: str) -> None:
    """Check that the icon exists, since an unknown name raises an error on every page that shows it."""
    try:
        lucide(name)
    except IconDoesNotExist as error:
        raise ValidationError(_("There is no icon of this name. Look for one on lucide.dev/icons.")) from error


class Platform(models.TextChoices):
    ANDROID = "android", _("Android")
    IOS = "ios", _("iPhone and iPad")
    WINDOWS = "windows", _("Windows")
    MACOS = "macos", _("Mac")
    WEB = "web", _("Web browser")


class Product(models.Model):
    """Something a customer can have: a device, a service or an app."""

    class Kind(models.TextChoices):
        DEVICE = "device", _("Device")
        SERVICE = "service", _("Service")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = LocalizedTextField(_("name"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.DEVICE)
    icon = models.CharField(_("icon"), max_length=40, default="package", validators=[validate_icon])
    description = LocalizedTextField(_("one line"), blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["order", "code"]

    def __str__(self) -> str:
        return str(self.name) or self.code


class ProductVersion(models.Model):
    """A version of a product that customers can distinguish (firmware, model year)."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="versions")
    number = models.CharField(_("version"), max_length=40)
    released_on = models.DateField(_("released on"), null=True, blank=True)

    class Meta:
        verbose_name = _("product version")
        verbose_name_plural = _("product versions")
        ordering = ["product", "-released_on", "-number"]
        constraints = [models.UniqueConstraint(fields=["product", "number"], name="product_version_unique")]

    def __str__(self) -> str:
        return f"{self.product} {self.number}"


class Topic(models.Model):
    """A subject of articles (later also of threads and downloads). In each language a page presents it."""

    class Tone(models.TextChoices):
        BRAND = "", _("Turquoise")
        LAPIS = "lapis", _("Blue")
        SAFFRON = "saffron", _("Saffron")
        POM = "pom", _("Red")
        PIST = "pist", _("Green")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = LocalizedTextField(_("name"))
    icon = models.CharField(_("icon"), max_length=40, default="life-buoy", validators=[validate_icon])
    tone = models.CharField(_("colour"), max_length=10, choices=Tone, blank=True, default=Tone.BRAND)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["order", "code"]

    def __str__(self) -> str:
        return str(self.name) or self.code


class OwnershipQuerySet(models.QuerySet["Ownership"]):
    def for_user(self, user: object) -> Self:
        return self.filter(user=user).select_related("product", "version").order_by("product__order", "pk")


class Ownership(models.Model):
    """A product that a customer has added to their account."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ownerships")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="ownerships")
    version = models.ForeignKey(ProductVersion, on_delete=models.SET_NULL, null=True, blank=True)
    serial_number = models.CharField(_("serial number"), max_length=40, blank=True)
    added_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = OwnershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("owned product")
        verbose_name_plural = _("owned products")
        constraints = [
            models.UniqueConstraint(fields=["user", "product", "serial_number"], name="ownership_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.product}"
