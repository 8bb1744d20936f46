"""Admin screen of the mails that became files, for a demo or a portal that has no mail server yet.

Mails hold codes that sign somebody in. So only administrators read them, who may do everything anyway, and there is no
such screen where mails are sent. The HTML of a mail is shown in a frame that runs nothing and loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.http import Http404, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from portal.core import mail_files
from portal.core.admin_menu import menu_item_for
from portal.core.screens import Screen

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.accounts.models import User

INDEX: Final = "filed_mails:index"
SHOWN: Final = 100
#: Styles of the mail itself; no scripts, no forms, nothing from anywhere else.
_NOTHING: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
_TITLE = _("Mails kept as files")


def may_read(user: Any) -> bool:
    """Return whether somebody may read everybody's mails."""
    return bool(user.is_active and user.is_superuser)


class _MailScreen(Screen):
    header_icon = "mail"

    def is_allowed(self, user: User) -> bool:
        return may_read(user)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show it where mails become files."""
        if mail_files.folder() is None:
            raise Http404
        return super().get(request, *args, **kwargs)


class MailsScreen(_MailScreen):
    """The newest mails."""

    page_title = _TITLE
    template_name = "core/admin/filed_mails.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "mails": mail_files.newest(SHOWN), "shown": SHOWN}


class MailScreen(_MailScreen):
    """One mail: its text, and its HTML in a frame."""

    page_title = _("Mail")
    parents = ((INDEX, _TITLE),)
    template_name = "core/admin/filed_mail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mail = mail_files.find(self.kwargs["name"], self.kwargs["number"])
        if mail is None:
            raise Http404
        return {**super().get_context_data(**kwargs), "mail": mail}


class MailFrame(MailScreen):
    """The HTML of a mail alone, as a document that can do nothing."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return it."""
        page = super().get(request, *args, **kwargs)
        response = HttpResponse(page.context_data["mail"].html)  # type: ignore[attr-defined]  # of a template
        response.headers["Content-Security-Policy"] = _NOTHING
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response


class FiledMailViewSet(ViewSet):
    """The menu item, where mails become files, and its addresses."""

    name = "filed_mails"
    url_prefix = "reports/mails"
    icon = "mail"
    menu_label = _TITLE
    menu_item_class = menu_item_for(lambda user: may_read(user) and mail_files.folder() is not None)
    menu_hook = "register_reports_menu_item"

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", MailsScreen.as_view(), name="index"),
            path("<str:name>/<int:number>/", MailScreen.as_view(), name="mail"),
            path("<str:name>/<int:number>/html/", MailFrame.as_view(), name="html"),
        ]
