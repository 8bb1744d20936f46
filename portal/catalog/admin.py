"""Admin lists of products, their versions, and topics."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from portal.catalog.models import Product, ProductVersion, Topic


class TopicViewSet(SnippetViewSet):
    model = Topic
    icon = "tag"
    menu_label = _("Topics")
    list_display: ClassVar[list[Any]] = ["__str__", "code", "order"]
    ordering: ClassVar[list[str]] = ["order", "code"]


class ProductViewSet(SnippetViewSet):
    model = Product
    icon = "mobile-alt"
    menu_label = _("Products")
    list_display: ClassVar[list[Any]] = ["__str__", "code", "kind", BooleanColumn("is_active", label=_("In use"))]
    list_filter: ClassVar[list[str]] = ["kind", "is_active"]
    ordering: ClassVar[list[str]] = ["order", "code"]


class ProductVersionViewSet(SnippetViewSet):
    model = ProductVersion
    icon = "history"
    menu_label = _("Product versions")
    list_display: ClassVar[list[Any]] = ["__str__", "released_on"]
    list_filter: ClassVar[list[str]] = ["product"]


class CatalogGroup(SnippetViewSetGroup):
    menu_label = _("Catalogue")
    menu_name = "catalog"
    menu_icon = "tag"
    menu_order = 112
    items = (TopicViewSet, ProductViewSet, ProductVersionViewSet)
