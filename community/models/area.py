"""Areas of the community, in a tree of at most two levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Topic, validate_icon
from portal.core.audience import PUBLIC, Audience, audiences_for, register_audience
from portal.core.localized import LocalizedTextField
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from community.models.access import AnyUser


class AreaQuerySet(models.QuerySet["Area"]):
    def visible_to(self, user: AnyUser) -> Self:
        """The areas whose audience, and that of the area above, admits `user`."""
        return self.filter(effective_audience__in=audiences_for(user))

    def in_order(self) -> Self:
        """Areas as they are listed: each one followed by those below it, if sorted by `Area.parent` in Python."""
        return self.order_by("position", "pk")


class Area(models.Model):
    """A part of the community with its own audience. Its kind decides what its threads can do."""

    class Kind(models.TextChoices):
        QUESTIONS = "questions", _("Questions")
        IDEAS = "ideas", _("Ideas")
        DISCUSSIONS = "discussions", _("Discussions")
        ANNOUNCEMENTS = "announcements", _("Announcements")

    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        limit_choices_to={"parent": None},
        verbose_name=_("inside the area"),
    )
    slug = models.SlugField(_("name in addresses"), max_length=40, unique=True)
    title = LocalizedTextField(_("title"))
    description = LocalizedTextField(_("one line"), blank=True)
    kind = models.CharField(_("kind"), max_length=15, choices=Kind, default=Kind.QUESTIONS)
    audience = models.CharField(_("audience"), max_length=255, default=PUBLIC)
    #: The audience together with that of the area above: the one that is checked.
    effective_audience = models.CharField(max_length=255, default=PUBLIC, editable=False)
    icon = models.CharField(_("icon"), max_length=40, default="messages-square", validators=[validate_icon])
    tone = models.CharField(_("colour"), max_length=10, choices=Topic.Tone, blank=True, default="")
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    is_locked = models.BooleanField(_("no new threads"), default=False)
    #: Threads that readers find here.
    thread_count = models.IntegerField(default=0, editable=False)

    objects = AreaQuerySet.as_manager()

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(parent=None) | ~models.Q(parent=models.F("pk")), name="area_not_in_itself"
            ),
        ]

    def __str__(self) -> str:
        return str(self.title) or self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and hand the audience down to the areas and threads below, in one transaction.

        Raises `InvalidAudienceError`, and `ValidationError` for a third level.
        """
        with transaction.atomic():
            self.clean()
            self.audience = register_audience(self.audience)
            above = Area.objects.get(pk=self.parent_id) if self.parent_id else None
            self.effective_audience = _narrowed(self.audience, above)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "audience", "effective_audience"}
            before = Area.objects.filter(pk=self.pk).values_list("effective_audience").first()
            if before is None or before == (self.effective_audience,):
                super().save(*args, **kwargs)
            else:
                self._hand_down(lambda: super(Area, self).save(*args, **kwargs))
            content_changed("community")

    def get_absolute_url(self) -> str:
        return reverse("community:area", args=[self.slug])

    def clean(self) -> None:
        """Refuse a third level."""
        super().clean()
        if self.parent_id is None:
            return
        if self.parent_id == self.pk or (self.parent and self.parent.parent_id is not None):
            raise ValidationError(
                {"parent": _("An area can be inside an area, but not inside one that is inside another.")}
            )
        if self.pk and Area.objects.filter(parent=self.pk).exists():
            raise ValidationError({"parent": _("This area has areas inside; it cannot be inside another one itself.")})

    def _hand_down(self, save: Callable[[], None]) -> None:
        """Save with another audience, which everything below gets, too.

        Threads are locked before areas, as everywhere; those started meanwhile follow once the areas are locked.
        """
        below = list(Area.objects.filter(parent=self.pk).order_by("pk"))
        for area in below:
            area.effective_audience = _narrowed(area.audience, self)
        for area in [self, *below]:
            _show_threads_to(area)
        save()
        for area in below:
            Area.objects.filter(pk=area.pk).update(effective_audience=area.effective_audience)
        for area in [self, *below]:
            _show_threads_to(area)


def _narrowed(audience: str, above: Area | None) -> str:
    if above is None:
        return audience
    return register_audience(str(Audience.parse(audience) & Audience.parse(above.effective_audience)))


def _show_threads_to(area: Area) -> None:
    """Give the threads of an area its audience: lists and search then show them to nobody else."""
    from community.models.thread import Thread  # noqa: PLC0415 - it refers to areas
    from search.services import reindex  # noqa: PLC0415 - search is loaded after this app

    threads = Thread.objects.filter(area=area).exclude(audience=area.effective_audience)
    ids = list(threads.order_by("pk").values_list("pk", flat=True))
    threads.update(audience=area.effective_audience)
    for start in range(0, len(ids), 1000):
        some = ids[start : start + 1000]
        reindex(Thread.objects.filter(pk__in=some))
    content_changed()
