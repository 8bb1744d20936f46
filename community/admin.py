"""Admin lists of areas, tags and watched words; the desk has the review queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from community.models import Area, Tag, TagSynonym, WatchedWord

if TYPE_CHECKING:
    from django.http import HttpRequest


class AreaViewSet(SnippetViewSet):
    model = Area
    icon = "comment"
    menu_label = _("Areas")
    list_display: ClassVar[list[Any]] = ["__str__", "kind", "audience", BooleanColumn("is_locked", label=_("Closed"))]
    ordering: ClassVar[list[str]] = ["position", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Area]:
        """Return the areas that the person may see on the portal as well."""
        return Area.objects.visible_to(request.user)


class TagViewSet(SnippetViewSet):
    model = Tag
    icon = "tag"
    menu_label = _("Tags")
    list_display: ClassVar[list[Any]] = ["__str__", "slug", "thread_count"]
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
