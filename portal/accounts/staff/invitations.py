"""Admin screen of the invitations to colleagues: those that are open, and a form for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from portal.accounts import invitations
from portal.accounts.models import Invitation
from portal.core.admin_menu import menu_item_for
from portal.core.forms import MailAddressField
from portal.core.limits import limited, too_many_requests
from portal.core.screens import Screen
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

#: Mails by one person in an hour: somebody else's session must not become a way to write to the world.
_PER_HOUR: Final = 20
_HOUR_SECONDS: Final = 3600


class InvitationForm(forms.Form):
    """Whom to invite, and for what; only roles that the inviter may give."""

    email = MailAddressField(label=_("E-mail address"))
    role = forms.ChoiceField(label=_("role"))
    language = forms.ChoiceField(
        label=_("language"), choices=settings.LANGUAGES, help_text=_("Of the mail, and of the admin for this person.")
    )

    def __init__(self, *args: Any, by: User, roles: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(code, name) for code, name in roles.items() if invitations.may_invite(by, code)]
        self.fields["role"] = forms.ChoiceField(label=_("role"), choices=choices)
        self.fields["language"].initial = by.language or settings.LANGUAGE_CODE


class InvitationsView(Screen):
    """All invitations that nobody accepted yet: sends, sends again, and withdraws."""

    page_title = _("Invitations")
    header_icon = "mail"
    template_name = "accounts/admin/invitations.html"

    def is_allowed(self, user: User) -> bool:
        return invitations.may_invite(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if "withdraw" in request.POST:
            if invitations.withdraw(pk=row_number(request.POST["withdraw"]) or 0, by=self.user):
                messages.success(request, gettext("The invitation is withdrawn. Its link does not work any more."))
            return redirect("invitations:index")
        form = InvitationForm(request.POST, by=self.user, roles=invitations.role_names())
        is_again = "resend" in request.POST
        if not is_again and not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        wait_seconds = limited(request, "invitations", _PER_HOUR, _HOUR_SECONDS)
        if wait_seconds is not None:
            return too_many_requests(request, wait_seconds)
        if is_again:
            if invitations.resend(pk=row_number(request.POST["resend"]) or 0, by=self.user):
                messages.success(request, gettext("The invitation is on its way again, with a new link."))
            return redirect("invitations:index")
        given = form.cleaned_data
        if not invitations.may_invite(self.user, given["role"]):
            raise PermissionDenied
        try:
            invitations.invite(by=self.user, **given)
        except invitations.InvitationError as error:
            form.add_error("email", str(error))
            return self.render_to_response(self.get_context_data(form=form), status=422)
        messages.success(request, gettext("The invitation is on its way to %(address)s.") % {"address": given["email"]})
        return redirect("invitations:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        roles = invitations.role_names()
        languages = dict(settings.LANGUAGES)
        rows = [
            {
                "invitation": invitation,
                "role": roles.get(invitation.role, invitation.role),
                "language": languages.get(invitation.language, ""),
                "is_mine": invitations.may_invite(self.user, invitation.role),
            }
            for invitation in Invitation.objects.select_related("invited_by").order_by("-sent_at")
        ]
        return super().get_context_data(
            **{"form": InvitationForm(by=self.user, roles=roles), **kwargs},
            rows=rows,
            days=invitations.VALID_FOR.days,
        )


class InvitationsViewSet(ViewSet):
    """The screen and its entry in the settings."""

    name = "invitations"
    url_prefix = "invitations"
    icon = "mail"
    menu_label = InvitationsView.page_title
    menu_order = 605  # after the people
    add_to_settings_menu = True
    menu_item_class = menu_item_for(invitations.may_invite)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", InvitationsView.as_view(), name="index")]
