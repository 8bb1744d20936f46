"""The home page in each language, and simple pages such as the accessibility statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.fields import RichTextField
from wagtail.models import Orderable, Page

from portal.core.pages import PortalPage

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class HomePage(PortalPage):
    """The home page, one per language; topics, most helpful articles and personal cards are fetched, not edited."""

    lead = models.CharField(_("line under the greeting"), max_length=250, blank=True)

    content_panels: ClassVar = [
        *Page.content_panels,
        FieldPanel("lead"),
        InlinePanel("popular_searches", label=_("Popular search"), heading=_("Popular searches"), max_num=3),
    ]
    parent_page_types: ClassVar[list[str]] = ["wagtailcore.Page"]
    template = "home/home_page.html"
    nav_section = "home"
    holds_answers = False

    if TYPE_CHECKING:
        popular_searches: Any  # modelcluster's manager, which accepts unsaved objects

    class Meta:
        verbose_name = _("home page")
        verbose_name_plural = _("home pages")

    @property
    def summary(self) -> str:
        return self.lead

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from portal.home.queries import home_data  # noqa: PLC0415 - queries read models, a page asks queries

        return {**super().get_context(request, *args, **kwargs), "data": home_data(self, request)}

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Also handle "I do not need these first steps", the only form that posts to this page."""
        from portal.home.queries import CHECKLIST_DISMISSED  # noqa: PLC0415 - as above

        if request.method == "POST" and request.user.is_authenticated and "dismiss" in request.POST:
            request.session[CHECKLIST_DISMISSED] = True
            return redirect(request.path)
        return super().serve(request, *args, **kwargs)


class PopularSearch(Orderable):
    """A search offered under the search box."""

    page = ParentalKey(HomePage, on_delete=models.CASCADE, related_name="popular_searches")
    query = models.CharField(_("search"), max_length=80)

    panels: ClassVar = [FieldPanel("query")]

    def __str__(self) -> str:
        return self.query


class InfoPage(PortalPage):
    """A simple text page: accessibility, privacy, about."""

    class Role(models.TextChoices):
        OTHER = "", _("Other")
        ACCESSIBILITY = "accessibility", _("Accessibility statement")
        PRIVACY = "privacy", _("Privacy notice")

    role = models.CharField(_("role"), max_length=20, blank=True, choices=Role, default=Role.OTHER)
    body = RichTextField(_("text"), features=["h2", "h3", "bold", "italic", "link", "ul", "ol"])

    content_panels: ClassVar = [*Page.content_panels, FieldPanel("role"), FieldPanel("body")]
    parent_page_types: ClassVar[list[str]] = ["home.HomePage"]
    subpage_types: ClassVar[list[str]] = []
    template = "home/info_page.html"
    holds_answers = False

    class Meta:
        verbose_name = _("information page")
        verbose_name_plural = _("information pages")
