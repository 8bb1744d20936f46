"""Suggestions of people while somebody types an @."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community import rules
from community.people import person_of
from community.queries import people_to_mention, thread_at
from community.views.common import for_members, person_in
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest


@never_cache
@for_members
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Return people whose handle begins with ``q``: those of the thread ``thread`` first, then staff, then others."""
    person = person_in(request)
    if not rules.can_write(person):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if rules.seconds_to_wait(request, "mention") is not None:
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS)
    number = row_number(request.GET.get("thread"))
    thread = thread_at(person, number) if number is not None else None
    found = people_to_mention(person, thread, request.GET.get("q", "").replace("\0", "")[:30])
    return render(request, "community/_people.html", {"people": [person_of(each) for each in found]})
