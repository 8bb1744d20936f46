"""The screen of the admin where an export is asked for and fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from wagtail.admin.auth import permission_required
from wagtail.admin.viewsets.base import ViewSet
from wagtail.log_actions import log

from faq.exporting import asked
from faq.models import Export
from portal.core import files
from portal.core.admin_menu import menu_item_for
from portal.core.screens import Screen

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from wagtail.log_actions import LogActionRegistry

    from portal.accounts.models import User

_MAY_EXPORT = "faq.add_export"
_FETCHED = "faq.export_fetched"


def may_export(user: User) -> bool:
    """Return whether the person may take everything out of the portal."""
    return user.has_perm(_MAY_EXPORT)


def register_fetched_action(actions: LogActionRegistry) -> None:
    """Register the line of the log about a fetched export; for Wagtail's hook ``register_log_actions``."""
    actions.register_action(_FETCHED, _("Fetch an export"), _("Export fetched"))


class ExportsView(Screen):
    """The exports of the last days, and a button for another one."""

    page_title = _("Exports")
    header_icon = "download"
    template_name = "faq/admin/exports.html"

    def is_allowed(self, user: User) -> bool:
        return may_export(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, exports=Export.objects.all()[:50], days=asked.DAYS)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Have an export made."""
        asked.ask(by=self.user, with_drafts=request.POST.get("drafts") == "on")
        messages.success(request, gettext("The export is being made; it is on this page as soon as it is ready."))
        return HttpResponseRedirect(reverse("exports_admin:index"))


@permission_required(_MAY_EXPORT)
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send an export that is ready, and note in the log who fetched it."""
    export = get_object_or_404(Export, pk=pk, state=Export.State.READY)
    response = files.send(request, str(export.file.name), is_public=False)
    if request.method == "GET":
        log(instance=export, action=_FETCHED, user=request.user)
    return response


class ExportViewSet(ViewSet):
    name = "exports_admin"
    url_prefix = "help/exports"
    icon = "download"
    menu_label = _("Exports")
    menu_item_class = menu_item_for(may_export)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", ExportsView.as_view(), name="index"), path("<int:pk>/", download, name="download")]
