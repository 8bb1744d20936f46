"""The endpoint for beacons that report which result or suggestion a reader chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django import forms
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.core.http import is_same_origin
from portal.core.limits import limited
from portal.core.preferences import current_language
from portal.insight.activity import is_visitor
from search import registry
from search.activity.recording import note_click
from search.index.plan import MAX_PAGES, PAGE_SIZE
from search.models import SearchClick

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest

_CLICKS_PER_MINUTE: Final = 60
#: Number of pinned answers that may be shown above the results of the first page.
_ABOVE: Final = 10
_MAX_TEXT: Final = 1000
_MAX_OBJECT_ID: Final = 2**63 - 1


class ClickForm(forms.Form):
    """``q``, the page and the place on it, the source, and ``hit``: the kind and the number of the object."""

    q = forms.CharField(max_length=_MAX_TEXT)
    page = forms.IntegerField(min_value=1, max_value=MAX_PAGES, required=False)
    place = forms.IntegerField(min_value=1, max_value=PAGE_SIZE + _ABOVE)
    source = forms.ChoiceField(choices=SearchClick.Source.choices)
    hit = forms.RegexField(r"\A[\w.-]{1,50}:\d{1,19}\Z")

    def clean_hit(self) -> tuple[str, int]:
        kind, _colon, number = self.cleaned_data["hit"].rpartition(":")
        if registry.get_document(kind) is None or int(number) > _MAX_OBJECT_ID:
            raise forms.ValidationError("unknown")
        return kind, int(number)

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        kind, object_id = data["hit"]
        return {
            "text": data["q"],
            "kind": kind,
            "object_id": object_id,
            "position": ((data["page"] or 1) - 1) * PAGE_SIZE + data["place"],
            "source": SearchClick.Source(data["source"]),
        }


# No CSRF token: cached pages contain none, and a beacon cannot wait for one. The request changes no user's data,
# requests from other sites are refused, and repeated clicks are counted once.
@csrf_exempt
@require_POST
def click(request: HttpRequest) -> HttpResponse:
    """Record a chosen result. The response is empty whether the click counts or not.

    Whether the object exists is checked later, when the click is stored.
    """
    if not is_same_origin(request):
        return HttpResponse(status=403)
    wait_seconds = limited(request, "search_click", _CLICKS_PER_MINUTE, 60)
    if wait_seconds is not None:
        return HttpResponse(status=429, headers={"Retry-After": str(wait_seconds)})
    form = ClickForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    if is_visitor(request):
        note_click(request, language=current_language(), **form.values())
    return HttpResponse(status=204)
