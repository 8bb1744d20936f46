"""Admin screen of a programme's configuration: written to a file, compared with one, and taken over as drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.exceptions import NotPermittedError
from loyalty.models import Programme
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.services import configuring
from loyalty.services.configuring import Action
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.accounts.models import User

_ACTIONS = {
    Action.NEW: pgettext_lazy("configuration", "New draft"),
    Action.DRAFT: pgettext_lazy("configuration", "Draft is changed"),
    Action.STAYS: pgettext_lazy("configuration", "Stays: it is published"),
}


class FileForm(forms.Form):
    """A file for a programme."""

    programme = ProgrammeField()
    file = forms.FileField(label=_("file"), help_text=_("As it was written here, or on another portal."))

    def clean_file(self) -> dict[str, Any]:
        """Return the parts of the file."""
        upload = self.cleaned_data["file"]
        if upload.size > configuring.MAX_BYTES:
            raise forms.ValidationError(_("The file is too large."))
        content = upload.read()
        try:
            parts = configuring.read(content)
        except configuring.DocumentError as error:
            raise forms.ValidationError(str(error)) from error
        self.text = content.decode("utf-8-sig")
        return dict(parts)


class ConfigurationView(Screen):
    """Writes a file, shows what one would change, and takes it over."""

    page_title = _("Configuration as a file")
    template_name = "loyalty/admin/configuration.html"

    def is_allowed(self, user: User) -> bool:
        return configuring.may_configure(user)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if (number := row_number(request.GET.get("export", ""))) is not None:
            programme = Programme.objects.filter(pk=number, earning__isnull=False).first()
            if programme is not None:
                return self._file_of(programme)
        return super().get(request, *args, **kwargs)

    def _file_of(self, programme: Programme) -> HttpResponse:
        text = configuring.as_text(configuring.document_of(programme))
        answer = HttpResponse(text, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="points-{programme.pk}.json"'
        return answer

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "text" in request.POST:
            return self._take_over(request.POST)
        form = FileForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        return self._show(form.cleaned_data["file"], form.cleaned_data["programme"], form.text)

    def _show(self, parts: Any, programme: Programme, text: str) -> HttpResponse:
        plan = configuring.compare(parts, programme)
        rows = [(change, _ACTIONS[change.action]) for change in plan.changes]
        return self.render_to_response(self.get_context_data(plan=plan, rows=rows, chosen=programme, text=text))

    def _take_over(self, asked: Any) -> HttpResponse:
        number = row_number(asked.get("programme", ""))
        known = Programme.objects.filter(earning__isnull=False).select_related("earning")
        programme = get_object_or_404(known, pk=number)
        try:
            parts = configuring.read(asked["text"])
            done = configuring.take_over(parts, programme, seen=asked.get("seen", ""), by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        except configuring.ConflictError:
            messages.warning(self.request, gettext("Something was changed meanwhile. Please look at it again."))
            return self._show(parts, programme, asked["text"])
        except (configuring.DocumentError, configuring.ImpossibleError) as error:
            messages.error(self.request, str(error))
        else:
            text = ngettext(
                "%(count)s draft is made or changed. It counts when it is published.",
                "%(count)s drafts are made or changed. They count when they are published.",
                len(done),
            )
            messages.success(self.request, text % {"count": format_number(len(done))})
        return HttpResponseRedirect(reverse("points_configuration:index"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        programmes = Programme.objects.filter(earning__isnull=False).select_related("earning").order_by("pk")
        return super().get_context_data(**{"form": FileForm(), **kwargs}, programmes=programmes)


class ConfigurationViewSet(ViewSet):
    name = "points_configuration"
    url_prefix = "points/configuration"
    icon = "download"
    menu_label = ConfigurationView.page_title
    menu_item_class = menu_item_for(configuring.may_configure)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", ConfigurationView.as_view(), name="index")]
