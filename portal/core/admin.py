"""Additions to Django's admin that close a permission gap of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from taggit.admin import TagAdmin
from taggit.models import Tag

from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_CHOSEN = "selected_tag_ids"

admin.site.unregister(Tag)


@admin.register(Tag)
class GuardedTagAdmin(TagAdmin):
    """taggit's admin, whose merge page checks no permission and accepts any selection."""

    def merge_tags_view(self, request: HttpRequest) -> HttpResponseBase:
        if not (self.has_change_permission(request) and self.has_delete_permission(request)):
            raise PermissionDenied
        chosen = [pk for text in request.session.get(_CHOSEN, "").split(",") if (pk := row_number(text)) is not None]
        there = Tag.objects.filter(pk__in=chosen).values_list("pk", flat=True)
        request.session[_CHOSEN] = ",".join(map(str, there))
        if not request.session[_CHOSEN]:
            messages.warning(request, _("Choose the tags in the list first."))
            return redirect("admin:taggit_tag_changelist")
        return super().merge_tags_view(request)
