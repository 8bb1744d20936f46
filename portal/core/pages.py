"""Abstract base class of all portal pages.

Pages extend it instead of replacing Wagtail's page model: swapping is possible for new projects only, and
wagtail-localize does not work with a swapped model (docs/decisions/0002-pages.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal, receiver
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.models import Page, PageManager, PageViewRestriction, Site
from wagtail.query import PageQuerySet
from wagtail_localize.fields import SynchronizedField

from portal.core import previewing
from portal.core.audience import (
    CHOICES,
    MAX_LENGTH,
    PUBLIC,
    SIGNED_IN,
    STAFF,
    Audience,
    AudienceInUse,
    InvalidAudienceError,
    audience_keys,
    audiences_for,
    register_audience,
)
from portal.core.memo import Memo
from portal.core.scopes import content_changed, depends_on
from portal.core.text import slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest, HttpResponse

    AnyUser = AbstractBaseUser | AnonymousUser | None


#: Scope of all editors' pages: articles, topics, the home page, simple pages (`portal.core.scopes`).
ARTICLES: Final = "articles"
#: Scope of content that only shows where pages are and that they exist: not touched when a page is edited in place.
PLACES: Final = f"{ARTICLES}:places"

#: Sent after inherited fields below a page were recomputed. `page_ids`: the changed pages; inside the transaction.
inherited_changed = Signal()
#: Sent around the storing of a page (not of a draft), inside the transaction: what it shows is about to change, has changed.
page_changes = Signal()
page_has_changed = Signal()


class PortalPageQuerySet(PageQuerySet):
    def visible_to(self, user: AnyUser) -> Self:
        """Return the live pages this person may see: the only access path for lists, search, feeds and exports."""
        return self.live().filter(effective_audience__in=audiences_for(user))

    def for_serving(self) -> Self:
        """Add what is needed to serve the page; `portal.core.routing` fetches one row with it."""
        return self.select_related("locale")


def audience_choices() -> list[tuple[str, str]]:
    """Return the editor's choices: the four usual ones, the segments people are in, and combinations already used."""
    known = {str(key): str(label) for key, label in CHOICES}
    memberships = getattr(get_user_model(), "audience_memberships", None)
    if memberships is not None:
        for key in memberships.rel.related_model.objects.order_by("key").values_list("key", flat=True).distinct():
            known.setdefault(key, _("Segment: %(name)s") % {"name": key.partition(":")[2]} if ":" in key else key)
    for expression in AudienceInUse.objects.order_by("expression").values_list("expression", flat=True):
        if "&" not in expression:  # conjunctions result from inheritance, nobody chooses them
            known.setdefault(expression, expression)
    return list(known.items())


def clean_slug(typed: object, stored: str) -> str:
    """Return what an editor typed as a slug; a stored one stays as it is, since addresses depend on it."""
    text = str(typed or "")
    return text if text == stored else slugify_unicode(text)


class PortalPageForm(WagtailAdminPageForm):
    """Page form that offers the available audiences, and makes slugs of what is typed by our rule."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            stored = self.instance.slug or ""
            self.fields["slug"].to_python = lambda typed: clean_slug(typed, stored)
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
    """A page with an audience. Wagtail's own view restrictions are off, so that access is checked in one way only."""

    audience = models.CharField(
        _("audience"),
        max_length=MAX_LENGTH,
        default=PUBLIC,
        help_text=_("Who may see this page and everything below it."),
    )
    effective_audience = models.CharField(max_length=MAX_LENGTH, default=PUBLIC, editable=False)

    objects = PageManager.from_queryset(PortalPageQuerySet)()

    #: Fields that lists and other pages may filter by: when one of them changes, so may all of these.
    placing_fields: ClassVar[tuple[str, ...]] = ("live", "slug", "url_path", "effective_audience", "locale_id")

    #: What Wagtail's view restrictions of this very page leave (`restrictions_of`); read before `inherit_from`.
    _restricted_to: str = PUBLIC

    base_form_class = PortalPageForm
    private_page_options: ClassVar[list[str]] = []
    #: Fields computed from the parent page; updated in all descendants when a page changes or moves.
    inherited_fields: ClassVar[tuple[str, ...]] = ("effective_audience",)
    #: Fields from which child pages compute theirs.
    handed_down_fields: ClassVar[tuple[str, ...]] = ("effective_audience",)
    # A translation has the same audience as its source.
    override_translatable_fields: ClassVar[list[Any]] = [SynchronizedField("audience", overridable=False)]
    settings_panels: ClassVar[list[Any]] = [
        MultiFieldPanel([FieldPanel("audience")], heading=_("Audience")),
        *Page.settings_panels,
    ]

    if TYPE_CHECKING:
        path: str
        depth: int
        numchild: int

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
        """Save, and update `inherited_fields` here and on every page below.

        Saving only some fields (`update_fields`, which is how Wagtail stores drafts) leaves them unchanged.
        """
        if kwargs.get("update_fields") is not None:
            super().save(*args, **kwargs)
            return
        parent = self._lock_place()
        self._restricted_to = restrictions_of([self.pk]).get(self.pk, PUBLIC) if self.pk else PUBLIC
        self.inherit_from(parent.specific if parent is not None else None)
        before = self._handed_down() if self.pk and self.clean_subpage_models() else None
        place = self._stored(self.placing_fields)
        page_changes.send(sender=type(self), page=self)
        super().save(*args, **kwargs)
        page_has_changed.send(sender=type(self), page=self)
        is_in_place = place == tuple(getattr(self, name) for name in self.placing_fields)
        content_changed(*(self.changed_scopes if is_in_place else (ARTICLES,)))
        if before is not None and before != self._handed_down():
            refresh_inherited(self)

    def _lock_place(self) -> Page | None:
        """Lock the parent, then this page, and return the parent as stored now, not as the caller fetched it.

        Always in this order, from the top down: another transaction may be restricting the parent, or adding a child. A
        save writes every column, so the position in the tree is re-read, too: changes by others must not be undone.
        """
        while True:
            if self.pk:
                now = Page.objects.filter(pk=self.pk).values(*_PLACE).first()
                for name, value in (now or {}).items():
                    setattr(self, name, value)
            above = self.path[: -Page.steplen] if self.path else ""
            parent = _locked().filter(path=above).first() if above else None
            if not self.pk:
                return parent
            now = _locked().filter(pk=self.pk).values(*_PLACE).first()
            if now is None or now["path"] == self.path:
                self.numchild = now["numchild"] if now else self.numchild
                return parent

    def inherit_from(self, parent: Page | None) -> None:
        """Set `inherited_fields` from the parent (its specific object). A page narrows what its parent allows."""
        above = getattr(parent, "effective_audience", PUBLIC)
        if parent is not None and not isinstance(parent, PortalPage):
            above = restrictions_of([parent.pk]).get(parent.pk, PUBLIC)
        allowed = Audience.parse(self.audience) & Audience.parse(above) & Audience.parse(self._restricted_to)
        self.effective_audience = register_audience(str(allowed))

    def _handed_down(self) -> tuple[Any, ...] | None:
        """Return the stored values of `handed_down_fields`."""
        return self._stored(self.handed_down_fields)

    def _stored(self, names: tuple[str, ...]) -> tuple[Any, ...] | None:
        return type(self).objects.filter(pk=self.pk).values_list(*names).first() if self.pk else None

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of what the page shows (`portal.core.scopes`)."""
        return (ARTICLES, "catalogue", "site")

    @property
    def changed_scopes(self) -> tuple[str, ...]:
        """Return what changes when a page is edited but keeps its place and visibility; otherwise all of `ARTICLES`."""
        return (ARTICLES,)

    #: Whether people search for such pages. False for pages that only lead to others, or are always linked.
    holds_answers: ClassVar[bool] = True
    #: The entry of the main navigation that is marked on this page.
    nav_section: ClassVar[str] = ""

    @cached_property
    def _family(self) -> list[Page]:
        """Return the ancestors of this page, itself, and the translations of all of them; one query."""
        paths = [self.path[:length] for length in range(2 * Page.steplen, len(self.path) + 1, Page.steplen)]
        own = Page.objects.filter(path__in=paths).values("translation_key")
        family = with_audience(Page.objects.filter(translation_key__in=own).select_related("locale"))
        return list(family.order_by("depth", "path"))

    @cached_property
    def trail(self) -> list[Page]:
        """Return the ancestors of this page, from the home page down; one query, shared with `urls_by_language`."""
        return [page for page in self._family if self.path.startswith(page.path) and page.depth < self.depth]

    def urls_by_language(self, request: HttpRequest | None = None) -> dict[str, tuple[str, bool]]:
        """Return for each language a URL and whether it is that of this page; if not, of its nearest translated parent.

        Names only pages that the reader may see. One query, shared with `trail`.
        """
        rank = {page.translation_key: page.depth for page in (*self.trail, self)}
        admitting = audiences_for(getattr(request, "user", None))
        found: dict[str, tuple[int, str]] = {}
        for page in self._family:
            place = rank.get(page.translation_key, 0)
            is_visible = page.live and page.shown_to in admitting  # annotated by `with_audience`
            if is_visible and place >= found.get(page.locale.language_code, (0, ""))[0]:
                found[page.locale.language_code] = (place, page_url(page, request))
        return {code: (url, place == self.depth) for code, (place, url) in found.items() if url}

    def get_view_restrictions(self) -> Any:
        """Return no restrictions, without a query: no form creates any. One that exists nevertheless is enforced."""
        if not _restricted.get("any", PageViewRestriction.objects.exists):
            return PageViewRestriction.objects.none()
        return super().get_view_restrictions()

    def is_visible_to(self, user: AnyUser) -> bool:
        return self.live and Audience.parse(self.effective_audience).admits(audience_keys(user))

    @property
    def summary(self) -> str:
        """Return one line about the page for search engines and previews; empty when it has none."""
        return ""

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add `place` (`portal.core.places`) for ``content_page.html``."""
        from portal.core.places import place_of  # noqa: PLC0415 - places are about pages, a page asks where it stands

        return {**super().get_context(request, *args, **kwargs), "place": place_of(self, request)}

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        """Return as whom editors may look at a page that is not published yet."""
        return list(previewing.MODES)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> Any:
        serve = super().serve_preview
        return previewing.serve_as(self, request, mode_name, lambda: serve(request, mode_name))

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.is_visible_to(getattr(request, "user", None)):
            raise Http404  # as if there were none: the 404 page offers everybody to sign in
        depends_on(request, *self.scopes)
        request.portal_page = self  # type: ignore[attr-defined]  # read by portal.core.navigation
        return super().serve(request, *args, **kwargs)


def page_kinds(base: type[PortalPage] = PortalPage) -> Iterator[type[PortalPage]]:
    """Yield every concrete kind of page of this portal."""
    for kind in base.__subclasses__():
        if not kind._meta.abstract:  # noqa: SLF001 - Django's documented model API
            yield kind
        yield from page_kinds(kind)


def with_audience(pages: PageQuerySet) -> PageQuerySet:
    """Annotate plain pages with `shown_to`, their effective audience, whatever their kinds; staff for foreign kinds."""
    own = (kind for kind in page_kinds() if kind._meta.get_field("effective_audience").model is kind)  # noqa: SLF001
    columns = [f"{kind._meta.get_ancestor_link(Page).related_query_name()}__effective_audience" for kind in own]  # noqa: SLF001
    return pages.annotate(shown_to=Coalesce(*columns, models.Value(STAFF)))


def families_visible_to(user: AnyUser, keys: Collection[UUID]) -> list[Page]:
    """Return the live pages of these translation keys, of whatever kind, that `user` may see; one query."""
    live = with_audience(Page.objects.live().filter(translation_key__in=keys).select_related("locale"))
    return list(live.filter(shown_to__in=audiences_for(user)).order_by("path"))


def audiences_of_families(keys: Collection[UUID]) -> list[tuple[UUID, str, str]]:
    """Return the translation key, language and effective audience of each live page of these families; one query."""
    live = with_audience(Page.objects.live().filter(translation_key__in=keys))
    return list(live.values_list("translation_key", "locale__language_code", "shown_to"))


def restrictions_of(page_ids: Collection[int]) -> dict[int, str]:
    """Return for pages with view restrictions of Wagtail what these leave of their audience; one query.

    No form of ours makes any. One for signed-in people is an audience of ours; those with a password or for groups mean
    staff in lists, in search and for files, and Wagtail asks at the page itself for the password or the group.
    """
    found: dict[int, str] = {}
    rows = PageViewRestriction.objects.filter(page_id__in=page_ids).values_list("page_id", "restriction_type")
    for page_id, kind in rows:
        left = SIGNED_IN if kind == PageViewRestriction.LOGIN else STAFF
        found[page_id] = str(Audience.parse(found.get(page_id, PUBLIC)) & Audience.parse(left))
    return found


def page_url(page: Page, request: HttpRequest | None = None) -> str:
    """Return a page's address within its site; empty when it has none. No query once the site's roots are cached."""
    parts = page.get_url_parts(request if request is not None else _RootsHolder())
    return (parts and parts[2]) or ""


class _RootsHolder:
    """Object on which Wagtail stores the root paths of the sites while it computes one address."""

    def __init__(self) -> None:
        self._wagtail_cached_site_root_paths = site_roots()


def site_roots() -> list[Any]:
    """Return Wagtail's site root paths, cached in this process: otherwise every page asks the shared cache."""
    return _roots.get("roots", Site.get_site_root_paths)


_roots: Memo[list[Any]] = Memo(max_size=1, scopes=(PLACES, "site"))
_restricted: Memo[bool] = Memo(max_size=1, scopes=("site",))


_PLACE: Final = ("path", "depth", "numchild", "url_path")


def _locked() -> Any:
    return Page.objects.select_for_update(no_key=True).order_by("path")


@transaction.atomic
def refresh_inherited(top: Page, *, including_top: bool = False) -> list[int]:
    """Recompute what the pages below `top` inherit; return the ids of those that changed.

    Goes down level by level and locks each level before reading the next: no page can be added below a locked one.
    """
    changed: list[int] = []
    if including_top:
        above = _locked().filter(path=top.path[: -Page.steplen]).first()
        parents = {above.path: above.specific} if above is not None else {}
        depth = top.depth
    else:
        parents, depth = {top.path: top}, top.depth + 1
        list(_locked().filter(pk=top.pk).values_list("pk"))
    below = _locked().descendant_of(top, inclusive=True)
    while ids := list(below.filter(depth=depth).values_list("pk", flat=True)):
        level = Page.objects.filter(pk__in=ids).order_by("path").defer_streamfields().specific()
        restricted = restrictions_of(ids)
        parents = {
            page.path: _inherit(
                page, parents.get(page.path[: -Page.steplen]), changed, restricted_to=restricted.get(page.pk, PUBLIC)
            )
            for page in level
        }
        depth += 1
    if changed:
        content_changed(ARTICLES)
        inherited_changed.send(sender=type(top), page_ids=changed)
    return changed


def _inherit(page: Page, parent: Page | None, changed: list[int], *, restricted_to: str) -> Page:
    """Recompute the inherited fields of one page and store them if they changed."""
    if isinstance(page, PortalPage):
        page._restricted_to = restricted_to  # noqa: SLF001 - read by the next call
        before = [getattr(page, name) for name in page.inherited_fields]
        page.inherit_from(parent)
        after = [getattr(page, name) for name in page.inherited_fields]
        if before != after:
            type(page).objects.filter(pk=page.pk).update(**dict(zip(page.inherited_fields, after, strict=True)))
            changed.append(page.pk)
    return page


@receiver(post_save, sender=Page, dispatch_uid="portal.core.pages.moved")
def _after_move(instance: Page, created: bool, raw: bool, **_kwargs: Any) -> None:
    """Recompute after a move: Wagtail saves a plain `Page` in its transaction, and sends its signal only afterwards."""
    if not created and not raw:
        refresh_inherited(Page.objects.get(pk=instance.pk), including_top=True)
        content_changed()


@receiver(post_delete, sender=Page, dispatch_uid="portal.core.pages.deleted")
def _after_delete(**_kwargs: Any) -> None:
    content_changed()


@receiver((post_save, post_delete), sender=PageViewRestriction, dispatch_uid="portal.core.pages.restricted")
def _after_restriction(instance: PageViewRestriction, raw: bool = False, **_kwargs: Any) -> None:
    """Recompute audiences when code or Wagtail restricts a page: lists, search and files follow."""
    page = None if raw else Page.objects.filter(pk=instance.page_id).first()
    if page is not None:
        refresh_inherited(page, including_top=True)
