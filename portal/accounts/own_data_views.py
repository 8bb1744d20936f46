"""“My data”: a copy of everything the portal stores about a person, and deleting the account."""

from __future__ import annotations

import io
import tempfile
import time
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from allauth.account import app_settings
from allauth.account.internal.flows import reauthentication
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import own_data
from portal.core.formats import date_text
from portal.core.limits import limited, too_many_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]

#: Copies that one person may have made in an hour: each reads everything.
_COPIES_IN_AN_HOUR: Final = 5
#: A larger copy is written to a file while it is made.
_IN_MEMORY_BYTES: Final = 1_000_000


def identity_confirmed(back_to: str) -> Callable[[View], View]:
    """Have a view ask who it is, unless the person said so a moment ago; they come back to the page `back_to`.

    People with a password or a second factor give it again. Those who sign in by mail or with another company sign in
    once more, since a session alone proves nothing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            after = urlencode({"next": reverse(back_to)})
            if not reauthentication.get_reauthentication_flows(request.user):
                if _signed_in_recently(request):
                    return view(request, *args, **kwargs)
                logout(request)
                messages.info(request, _("Please sign in once more, so that we know it is you."))
                return HttpResponseRedirect(f"{resolve_url('account_login')}?{after}")
            if reauthentication.did_recently_reauthenticate(request):
                return view(request, *args, **kwargs)
            return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{after}")

        return guarded

    return decorate


def _signed_in_recently(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


@login_required
@never_cache
def data(request: HttpRequest) -> HttpResponseBase:
    """Show what can be done with one's data."""
    return render(request, "accounts/data.html")


@login_required
@never_cache
@require_POST
@identity_confirmed("accounts:data")
def data_download(request: HttpRequest) -> HttpResponseBase:
    """Return everything the portal stores about the person, as a JSON file."""
    wait = limited(request, "accounts.data_download", _COPIES_IN_AN_HOUR, 3600)
    if wait is not None:
        return too_many_requests(request, wait)
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
    own_data.write_copy(request.user, text)  # type: ignore[arg-type]  # signed in
    text.detach()
    file.seek(0)
    name = f"my-data-{timezone.localdate():%Y-%m-%d}.json"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/json; charset=utf-8")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@identity_confirmed("accounts:data_delete")
def data_delete(request: HttpRequest) -> HttpResponseBase:
    """Explain what goes and what stays; on POST note the wish and sign the person out everywhere."""
    person = request.user
    if person.is_staff:
        return render(request, "accounts/data_delete_staff.html", status=HTTPStatus.FORBIDDEN)
    if request.method == "POST":
        wish = own_data.ask_to_erase(person)  # type: ignore[arg-type]  # signed in
        logout(request)
        day = {"day": date_text(timezone.localdate(wish.due_at))}
        messages.success(request, _("Your account will be deleted on %(day)s. If you sign in before, it stays.") % day)
        return redirect(f"/{get_language()}/")
    remains = [part.remains for part in own_data.parts() if part.remains]
    return render(request, "accounts/data_delete.html", {"remains": remains, "days": own_data.DAYS_TO_RETURN})
