"""Views of the account pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.usersessions.adapter import get_adapter as get_sessions_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import translate_url
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.accounts import invitations
from portal.accounts.first_administrator import LinkIsOverError, is_open, make_administrator
from portal.accounts.forms import DetailsForm, FirstAdministratorForm, InvitedForm, PreferencesForm
from portal.accounts.models import Theme, User
from portal.accounts.queries import security_state
from portal.accounts.rules import is_own_address
from portal.core.http import form_status, same_origin_post
from portal.core.limits import too_many_requests as answer_too_many_requests

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_YEAR_SECONDS = 60 * 60 * 24 * 365
#: allauth does not tell when a limit ends; those that visitors meet reset within a minute or ask them to wait.
_WAIT_SECONDS = 60


@login_required
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/overview.html")


@login_required
@never_cache
def details(request: HttpRequest) -> HttpResponse:
    form = DetailsForm(request.POST or None, instance=_fresh(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your details are saved."))
        return redirect("accounts:details")
    return _render_form(request, "accounts/details.html", form)


@login_required
@never_cache
def preferences(request: HttpRequest) -> HttpResponse:
    form = PreferencesForm(request.POST or None, instance=_fresh(request))
    if request.method == "POST" and form.is_valid():
        user = form.save()
        with override(user.language):
            messages.success(request, _("Your preferences are saved."))
        response = HttpResponseRedirect(translate_url(request.path, user.language))
        _remember_on_device(response, user)
        return response
    return _render_form(request, "accounts/preferences.html", form)


@login_required
@never_cache
def security(request: HttpRequest) -> HttpResponse:
    context = {
        "state": security_state(request.user),  # type: ignore[arg-type]  # signed in
        "has_providers": bool(get_social_adapter().list_providers(request)),
    }
    return render(request, "accounts/security.html", context)


@login_required
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """Explain why the staff pages did not open, and show the two ways to set up a second factor."""
    return render(request, "accounts/second_factor.html")


@login_required
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out one other device. The current device is signed out by the ordinary sign-out."""
    session = get_object_or_404(UserSession, pk=pk, user=request.user)
    if not session.is_current():
        get_sessions_adapter().end_sessions([session])
        messages.success(request, _("That device is signed out."))
    return redirect("usersessions_list")


@require_POST
@same_origin_post
def theme(request: HttpRequest) -> HttpResponse:
    """Set the theme, light, dark or as the device, on this device and in the account if there is one."""
    chosen = request.POST.get("theme", "")
    if chosen not in Theme.values:
        chosen = Theme.AUTO
    target = request.POST.get("next", "")
    response = HttpResponseRedirect(target if is_own_address(request, target) else "/")
    _set_cookie(response, "theme", chosen)
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
        user = _fresh(request)
        user.theme = chosen
        user.save(update_fields=["theme"])
    return response


def too_many_requests(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page that allauth shows when one of its limits is reached."""
    return answer_too_many_requests(request, _WAIT_SECONDS)


def _fresh(request: HttpRequest) -> User:
    """Return a fresh copy of the signed-in person: an invalid form must not change the name in the page header."""
    return User.objects.get(pk=request.user.pk or 0)


@never_cache
@sensitive_post_parameters("password1")
def first_administrator(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator of an empty portal, and sign them in. See `portal.accounts.first_administrator`."""
    template = "accounts/first_administrator.html"
    if not is_open(token):
        return render(request, template, {"is_over": True}, status=410)
    form = FirstAdministratorForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _render_form(request, template, form)
    given = form.cleaned_data
    try:
        user = make_administrator(
            token=token,
            email=given["email"],
            password=given["password1"],
            name=given["name"],
            portal_name=given["portal_name"],
            language=given["language"],
        )
    except LinkIsOverError:
        return render(request, template, {"is_over": True}, status=410)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("wagtailadmin_home")


@never_cache
@sensitive_post_parameters("password1")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation, by POST. See `portal.accounts.invitations`."""
    template = "accounts/invitation.html"
    found = invitations.opened_by(token)
    if found is None:
        return render(request, template, {"is_over": True}, status=410)
    account = invitations.account_of(found)
    context = {"invitation": found, "role": invitations.role_names().get(found.role, ""), "account": account}
    if account is not None and account != request.user:
        return render(request, template, context)
    with_passkey = "passkey" in request.POST
    data = request.POST if request.method == "POST" else None
    form: Any = Form(data) if account else InvitedForm(data, address=found.email, with_passkey=with_passkey)
    if not form.is_valid():
        return render(request, template, {**context, "form": form}, status=form_status(form))
    given = {} if account else {"name": form.cleaned_data["name"], "password": form.cleaned_data["password1"] or None}
    try:
        user = invitations.accept(token=token, account=account, **given)
    except invitations.InvitationIsOverError:
        return render(request, template, {"is_over": True}, status=410)
    except invitations.HasAccountError:
        return redirect(request.path)
    if account is None:
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("mfa_add_webauthn" if account is None and with_passkey else "wagtailadmin_home")


def _render_form(request: HttpRequest, template: str, form: Any) -> HttpResponse:
    return render(request, template, {"form": form}, status=form_status(form))


def _set_cookie(response: HttpResponse, name: str, value: str) -> None:
    if value:
        response.set_cookie(name, value, max_age=_YEAR_SECONDS, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    else:
        response.delete_cookie(name, samesite="Lax")


def _remember_on_device(response: HttpResponse, user: User) -> None:
    """Store the preferences on this device, so that they remain after signing out."""
    _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, user.language)
    for name in ("calendar", "digits", "theme"):
        _set_cookie(response, name, getattr(user, name))
