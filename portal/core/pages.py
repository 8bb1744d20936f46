"""The abstract page every portal page extends.

We extend instead of swapping Wagtail's page model: swapping is for new projects only, and wagtail-localize cannot work
with a swapped model (docs/decisions/0002-pages.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal, receiver
from django.http import Http404
from django.shortcuts import resolve_url
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.models import Page, PageManager, PageViewRestriction, Site
from wagtail.query import PageQuerySet
from wagtail_localize.fields import SynchronizedField

from portal.core.audience import (
    CHOICES,
    MAX_LENGTH,
    PUBLIC,
    Audience,
    AudienceInUse,
    InvalidAudienceError,
    audience_keys,
    audiences_for,
    register_audience,
)
from portal.core.memo import Memo, content_changed

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest, HttpResponse

    AnyUser = AbstractBaseUser | AnonymousUser | None


#: What the pages below a page inherit was worked out again. `page_ids`: of the pages that changed; inside the transaction.
inherited_changed = Signal()


class PortalPageQuerySet(PageQuerySet):
    def visible_to(self, user: AnyUser) -> Self:
        """Live pages this person may see: the one door for lists, search, feeds and exports."""
        return self.live().filter(effective_audience__in=audiences_for(user))

    def for_serving(self) -> Self:
        """With what the page itself needs to be shown; `portal.core.routing` fetches one row with it."""
        return self.select_related("locale")


def audience_choices() -> list[tuple[str, str]]:
    """What an editor chooses from: the four usual ones, the segments people are in, and combinations already used."""
    known = {str(key): str(label) for key, label in CHOICES}
    memberships = getattr(get_user_model(), "audience_memberships", None)
    if memberships is not None:
        for key in memberships.rel.related_model.objects.order_by("key").values_list("key", flat=True).distinct():
            known.setdefault(key, _("Segment: %(name)s") % {"name": key.partition(":")[2]} if ":" in key else key)
    for expression in AudienceInUse.objects.order_by("expression").values_list("expression", flat=True):
        if "&" not in expression:  # conjunctions come from inheriting, nobody chooses them
            known.setdefault(expression, expression)
    return list(known.items())


class PortalPageForm(WagtailAdminPageForm):
    """The page form with the audiences there are to choose from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "audience" in self.fields:
            choices = audience_choices()
            current = self.initial.get("audience") or self.instance.audience
            if current and current not in dict(choices):
                choices.append((current, current))
            field = self.fields["audience"]
            self.fields["audience"] = forms.ChoiceField(
                choices=choices, label=field.label, help_text=field.help_text, initial=PUBLIC
            )


class PortalPage(Page):
    """A page with an audience. Wagtail's own view restrictions are off: there is one door, not two."""

    audience = models.CharField(
        _("audience"),
        max_length=MAX_LENGTH,
        default=PUBLIC,
        help_text=_("Who may see this page and everything below it."),
    )
    effective_audience = models.CharField(max_length=MAX_LENGTH, default=PUBLIC, editable=False)

    objects = PageManager.from_queryset(PortalPageQuerySet)()

    base_form_class = PortalPageForm
    private_page_options: ClassVar[list[str]] = []
    #: Fields worked out from the parent page; kept true below a page that changes or moves.
    inherited_fields: ClassVar[tuple[str, ...]] = ("effective_audience",)
    #: Fields the pages below work theirs out from.
    handed_down_fields: ClassVar[tuple[str, ...]] = ("effective_audience",)
    # A translation is for the same people as its source.
    override_translatable_fields: ClassVar[list[Any]] = [SynchronizedField("audience", overridable=False)]
    settings_panels: ClassVar[list[Any]] = [
        MultiFieldPanel([FieldPanel("audience")], heading=_("Audience")),
        *Page.settings_panels,
    ]

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        try:
            Audience.parse(self.audience)
        except InvalidAudienceError as error:
            raise ValidationError({"audience": _("Choose who may see this page.")}) from error

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Also keeps `inherited_fields` true, here and on every page below.

        Saving part of a page (`update_fields`, which is how Wagtail stores drafts) leaves them as they are.
        """
        if kwargs.get("update_fields") is not None:
            super().save(*args, **kwargs)
            return
        _lock_tree()
        parent = self.get_parent() if self.depth and self.depth > 1 else None
        self.inherit_from(parent.specific if parent is not None else None)
        before = self._handed_down() if self.pk and self.numchild else None
        super().save(*args, **kwargs)
        content_changed()
        if before is not None and before != self._handed_down():
            refresh_inherited(self)

    def inherit_from(self, parent: Page | None) -> None:
        """Set `inherited_fields` from the page above (its specific object). A page narrows what its parent allows."""
        above = getattr(parent, "effective_audience", PUBLIC)
        self.effective_audience = register_audience(str(Audience.parse(self.audience) & Audience.parse(above)))

    def _handed_down(self) -> tuple[Any, ...] | None:
        """As stored."""
        return type(self).objects.filter(pk=self.pk).values_list(*self.handed_down_fields).first()

    #: Which entry of the main navigation is marked on this page.
    nav_section: ClassVar[str] = ""

    @cached_property
    def _family(self) -> list[Page]:
        """The pages above this one and the live translations of all of them; one query."""
        paths = [self.path[:length] for length in range(2 * Page.steplen, len(self.path) + 1, Page.steplen)]
        own = Page.objects.filter(path__in=paths).values("translation_key")
        return list(Page.objects.filter(translation_key__in=own).select_related("locale").order_by("depth", "path"))

    @cached_property
    def trail(self) -> list[Page]:
        """The pages above this one, from the home page down; one query with `urls_by_language`."""
        return [page for page in self._family if self.path.startswith(page.path) and page.depth < self.depth]

    def urls_by_language(self, request: HttpRequest | None = None) -> dict[str, tuple[str, bool]]:
        """Address per language and whether it is this very page; else the nearest parent's. One query with `trail`."""
        rank = {page.translation_key: page.depth for page in (*self.trail, self)}
        found: dict[str, tuple[int, str]] = {}
        for page in self._family:
            place = rank.get(page.translation_key, 0)
            if page.live and place >= found.get(page.locale.language_code, (0, ""))[0]:
                found[page.locale.language_code] = (place, page_url(page, request))
        return {code: (url, place == self.depth) for code, (place, url) in found.items() if url}

    def get_view_restrictions(self) -> Any:
        """None, without asking: no form makes any. If somebody made one all the same, it holds."""
        if not _restricted.get("any", PageViewRestriction.objects.exists):
            return PageViewRestriction.objects.none()
        return super().get_view_restrictions()

    def is_visible_to(self, user: AnyUser) -> bool:
        return self.live and Audience.parse(self.effective_audience).admits(audience_keys(user))

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = getattr(request, "user", None)
        if not self.is_visible_to(user):
            if user is not None and not user.is_authenticated:
                return redirect_to_login(request.get_full_path(), resolve_url("account_login"))
            raise Http404
        request.portal_page = self  # type: ignore[attr-defined]  # read by portal.core.shell
        return super().serve(request, *args, **kwargs)


def page_url(page: Page, request: HttpRequest | None = None) -> str:
    """The address of a page within its site; empty when it has none. No query once the site's roots are known."""
    parts = page.get_url_parts(request if request is not None else _RootsHolder())
    return (parts and parts[2]) or ""


class _RootsHolder:
    """Where Wagtail keeps the roots of the sites while it works out one address."""

    def __init__(self) -> None:
        self._wagtail_cached_site_root_paths = site_roots()


def site_roots() -> list[Any]:
    """Wagtail's site root paths, remembered in this process: it asks the shared cache on every page otherwise."""
    return _roots.get("roots", Site.get_site_root_paths)


_roots: Memo[list[Any]] = Memo(max_size=1)
_restricted: Memo[bool] = Memo(max_size=1)


def _lock_tree() -> None:
    """One at a time: what a page inherits must not be read while somebody changes it above."""
    list(Page.objects.select_for_update().filter(depth=1).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def refresh_inherited(top: Page, *, including_top: bool = False) -> list[int]:
    """Work out again what the pages below `top` inherit; returns the ids of those that changed."""
    _lock_tree()
    parents: dict[str, Page] = {} if including_top else {top.path: top}
    changed = []
    pages = top.get_descendants(inclusive=including_top).order_by("path").defer_streamfields().specific()
    for page in pages:
        parent = parents.get(page.path[: -Page.steplen]) or (page.get_parent().specific if page.depth > 1 else None)
        parents[page.path] = page
        if not isinstance(page, PortalPage):
            continue
        before = [getattr(page, name) for name in page.inherited_fields]
        page.inherit_from(parent)
        after = [getattr(page, name) for name in page.inherited_fields]
        if before != after:
            values = dict(zip(page.inherited_fields, after, strict=True))
            type(page).objects.filter(pk=page.pk).update(**values)
            changed.append(page.pk)
    if changed:
        content_changed()
        inherited_changed.send(sender=type(top), page_ids=changed)
    return changed


@receiver(post_save, sender=Page, dispatch_uid="portal.core.pages.moved")
def _after_move(instance: Page, created: bool, raw: bool, **_kwargs: Any) -> None:
    """Wagtail moves a page by saving it as a plain `Page` inside its transaction, and announces it only afterwards."""
    if not created and not raw:
        refresh_inherited(Page.objects.get(pk=instance.pk), including_top=True)
        content_changed()


@receiver(post_delete, sender=Page, dispatch_uid="portal.core.pages.deleted")
def _after_delete(**_kwargs: Any) -> None:
    content_changed()
