"""Troubleshooters, their published versions, where readers came, and whether it helped them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Product, Topic, validate_icon
from portal.core.audience import CHOICES, MAX_LENGTH, PUBLIC, audiences_for
from portal.core.localized import LocalizedTextField
from portal.core.visitors import VISITOR_LENGTH
from portal.troubleshooters.graph import Graph

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    AnyUser = AbstractBaseUser | AnonymousUser | None


class TroubleshooterQuerySet(models.QuerySet["Troubleshooter"]):
    def visible_to(self, user: AnyUser) -> Self:
        """Return the published troubleshooters of this person's audiences."""
        return self.filter(live__isnull=False, audience__in=audiences_for(user))

    def in_order(self) -> Self:
        return self.order_by("order", "slug")


class Troubleshooter(models.Model):
    """Questions that lead to a solution. Editors change `draft`; readers walk `live`, a version that never changes."""

    slug = models.SlugField(
        _("address"), max_length=60, unique=True, help_text=_("Latin letters, such as no-internet.")
    )
    title = LocalizedTextField(
        _("title"), help_text=_("As a customer would say it. A language without it is left out.")
    )
    intro = LocalizedTextField(_("one line about it"), blank=True)
    keywords = LocalizedTextField(
        _("other words for it"), blank=True, help_text=_("Found by search and never shown; separated by commas.")
    )
    icon = models.CharField(_("icon"), max_length=40, default="route", validators=[validate_icon])
    audience = models.CharField(_("who sees it"), max_length=MAX_LENGTH, choices=CHOICES, default=PUBLIC, db_index=True)
    topic = models.ForeignKey(
        Topic, models.SET_NULL, null=True, blank=True, verbose_name=_("topic"), related_name="troubleshooters"
    )
    products = models.ManyToManyField(Product, verbose_name=_("products"), related_name="troubleshooters", blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("owner"),
        related_name="+",
        limit_choices_to={"is_staff": True},
        help_text=_("Who answers for what it says."),
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    draft = models.JSONField(default=dict, editable=False)
    #: The number of the next step: numbers stand in addresses and are never given twice.
    next_number = models.PositiveIntegerField(default=1, editable=False)
    live = models.ForeignKey("Version", models.SET_NULL, null=True, editable=False, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    objects = TroubleshooterQuerySet.as_manager()

    class Meta:
        verbose_name = _("troubleshooter")
        verbose_name_plural = _("troubleshooters")
        ordering = ["order", "slug"]
        permissions = [("publish_troubleshooter", "Can publish troubleshooters")]

    def __str__(self) -> str:
        return str(self.title) or self.slug

    def get_absolute_url(self) -> str:
        return reverse("troubleshooters:start", args=[self.slug])

    @property
    def mark(self) -> str:
        """Return what is another text after each change; empty for one that is not stored yet."""
        return self.changed_at.isoformat() if self.pk else ""

    @property
    def graph(self) -> Graph:
        """Return the draft."""
        return Graph.from_json(self.draft)

    @property
    def languages(self) -> list[str]:
        """Return the languages it claims to be in: those of its title."""
        return [code for code, _name in settings.LANGUAGES if self.title.get(code, "").strip()]

    @property
    def shown_languages(self) -> list[str]:
        """Return the languages in which readers find it; `live` should have been fetched."""
        return [code for code in self.languages if self.live is not None and code in self.live.languages]


class Version(models.Model):
    """What was published once: the graph as it was then. Never changed, so that nobody is thrown out of a path."""

    troubleshooter = models.ForeignKey(Troubleshooter, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    graph = models.JSONField()
    #: The languages in which it was complete.
    languages = models.JSONField()
    published_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    #: Since when another version is walked; who began this one may end it (`queries.GRACE`).
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["troubleshooter", "number"], name="troubleshooters_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.troubleshooter_id} ({self.number})"

    @property
    def steps(self) -> Graph:
        """Return the graph."""
        return Graph.from_json(self.graph)


class Arrival(models.Model):
    """That a visitor came to a step on a day, and whether they went on. Nothing says who it was.

    `step` is 0 for the page where people take over.
    """

    troubleshooter = models.ForeignKey(Troubleshooter, models.CASCADE, related_name="arrivals")
    step = models.PositiveIntegerField()
    day = models.DateField(db_index=True)
    visitor = models.CharField(max_length=VISITOR_LENGTH)
    went_on = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["troubleshooter", "step", "day", "visitor"], name="troubleshooters_arrival_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.troubleshooter_id}/{self.step} {self.day}"


class Outcome(models.Model):
    """One reader's answer to “Did this solve it?”, at the end of a path in one version."""

    version = models.ForeignKey(Version, models.CASCADE, related_name="outcomes")
    step = models.PositiveIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    visitor = models.CharField(max_length=64, blank=True)
    is_solved = models.BooleanField()
    given_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "user"], condition=Q(user__isnull=False), name="troubleshooters_outcome_per_user"
            ),
            models.UniqueConstraint(
                fields=["version", "visitor"], condition=~Q(visitor=""), name="troubleshooters_outcome_per_visitor"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, visitor="") | (Q(user__isnull=True) & ~Q(visitor="")),
                name="troubleshooters_outcome_has_one_author",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}/{self.step}: {self.is_solved}"
