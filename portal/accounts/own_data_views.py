"""“My data”: a copy of everything the portal stores about a person, and deleting the account."""

from __future__ import annotations

import io
import tempfile
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import own_data
from portal.accounts.confirming import identity_confirmed
from portal.core.formats import date_text
from portal.core.limits import limited, too_many_requests

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Copies that one person may have made in an hour: each reads everything.
_COPIES_IN_AN_HOUR: Final = 5
#: A larger copy is written to a file while it is made.
_IN_MEMORY_BYTES: Final = 1_000_000


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
