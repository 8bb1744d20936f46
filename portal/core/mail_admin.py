"""Admin report of the mails that could not be sent, with an action to send them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from wagtail.admin.auth import permission_required
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.reports import ReportView
from wagtail.admin.viewsets.base import ViewSet
from wagtail.permission_policies import ModelPermissionPolicy

from portal.core import vault
from portal.core.admin_menu import menu_item_for
from portal.core.mail import message_of
from portal.core.mail_delivery import send_again
from portal.core.mail_words import kind_in_words, reason_in_words
from portal.core.models import OutgoingMail
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest

_PERMISSION = "core.change_outgoingmail"
_TITLE = _("Unsent mails")


class MailReportView(ReportView):
    """Unsent mails, newest first. Recipients are shown as long as the mail itself is kept."""

    model = OutgoingMail
    page_title = _TITLE
    header_icon = "mail"
    template_name = "core/admin/mails.html"
    results_template_name = "core/admin/mails_results.html"
    index_url_name = "unsent_mails:index"
    index_results_url_name = "unsent_mails:results"
    permission_policy = ModelPermissionPolicy(OutgoingMail)
    any_permission_required: ClassVar[list[str]] = ["change"]
    list_export: ClassVar[list[str]] = []
    columns: ClassVar[list[Column]] = [Column("ended_at", label=_("Given up"))]

    def get_queryset(self) -> Any:
        self.queryset = OutgoingMail.objects.could_not_be_sent().order_by("-ended_at", "-pk")
        return super().get_queryset()

    def decorate_paginated_queryset(self, object_list: Any) -> Any:
        for mail in object_list:
            mail.recipients = _recipients(mail)
            mail.kind_in_words = kind_in_words(mail.kind)
            mail.reason_in_words = reason_in_words(mail.note)
        return object_list

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(*args, **kwargs)
        return {
            **context,
            "send_url": reverse("unsent_mails:send"),
            "can_choose": any(mail.content for mail in context["object_list"]),
        }

    def get_page_subtitle(self) -> str:
        return ""


def _recipients(mail: OutgoingMail) -> str:
    if not mail.content:
        return ""
    try:
        return ", ".join(message_of(mail).recipients())
    except vault.UnreadableError:
        return ""


@permission_required(_PERMISSION)
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Queue the selected mails for another attempt."""
    chosen = [pk for value in request.POST.getlist("mail") if (pk := row_number(value)) is not None]
    count = send_again(chosen)
    if count:
        text = ngettext("%(count)d mail is on its way again.", "%(count)d mails are on their way again.", count)
        messages.success(request, text % {"count": count})
    elif chosen:
        messages.warning(request, _("The chosen mails are no longer in this list."))
    else:
        messages.warning(request, _("Choose mails in the list first."))
    return HttpResponseRedirect(reverse("unsent_mails:index"))


class MailViewSet(ViewSet):
    name = "unsent_mails"
    url_prefix = "reports/unsent-mails"
    icon = "mail"
    menu_label = _TITLE
    menu_item_class = menu_item_for(lambda user: user.has_perm(_PERMISSION))
    menu_hook = "register_reports_menu_item"

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", MailReportView.as_view(), name="index"),
            path("results/", MailReportView.as_view(results_only=True), name="results"),
            path("send/", send, name="send"),
        ]
