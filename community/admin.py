"""Admin lists of areas, tags and watched words; the desk has the review queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import BooleanColumn, Column
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from community.models import Area, Tag, TagSynonym, WatchedWord
from portal.core.audience import CHOICES
from portal.core.formats import format_number

if TYPE_CHECKING:
    from django.http import HttpRequest


class AudienceColumn(Column):
    """Says who may read, in the words of the form."""

    def get_value(self, instance: Area) -> str:
        """Return the label of the audience, or the expression itself if the form has none for it."""
        audience = instance.audience
        return next((str(label) for key, label in CHOICES if key == audience), audience)


class NumberColumn(Column):
    """A number in the reader's digits."""

    def get_value(self, instance: Tag) -> str:
        """Return the number of threads."""
        return format_number(instance.thread_count)


class AreaViewSet(SnippetViewSet):
    model = Area
    icon = "comment"
    menu_label = _("Areas")
    list_display: ClassVar[list[Any]] = [
        "__str__",
        "kind",
        AudienceColumn("audience", label=_("Audience")),
        BooleanColumn("is_locked", label=_("Closed")),
    ]
    ordering: ClassVar[list[str]] = ["position", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Area]:
        """Return the areas that the person may see on the portal as well."""
        return Area.objects.visible_to(request.user)


class TagViewSet(SnippetViewSet):
    model = Tag
    icon = "tag"
    menu_label = _("Tags")
    list_display: ClassVar[list[Any]] = ["__str__", "slug", NumberColumn("thread_count", label=_("Threads"))]
    search_fields: ClassVar[list[str]] = ["name"]


class TagSynonymViewSet(SnippetViewSet):
    model = TagSynonym
    icon = "tag"
    menu_label = _("Synonyms of tags")
    list_display: ClassVar[list[Any]] = ["__str__", "tag"]


class WatchedWordViewSet(SnippetViewSet):
    model = WatchedWord
    icon = "warning"
    menu_label = _("Watched words")
    list_display: ClassVar[list[Any]] = ["__str__", "action", "note"]
    list_filter: ClassVar[list[str]] = ["action"]


class CommunityGroup(SnippetViewSetGroup):
    menu_label = _("Community")
    menu_name = "community"
    menu_icon = "comment"
    menu_order = 114
    items = (AreaViewSet, TagViewSet, TagSynonymViewSet, WatchedWordViewSet)
