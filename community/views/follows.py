"""“What I follow”: everything a person hears of, whatever its kind, and stopping one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from community import rules
from community.models import Area, Tag, Thread, ThreadState
from community.people import person_of
from community.views.acting import OFF
from community.views.common import for_members, person_in
from portal.accounts.models import User
from portal.catalog.models import Product
from portal.core.limits import too_many_requests
from portal.core.text import row_number
from portal.notifications import services
from portal.notifications.models import Follow
from portal.notifications.queries import is_following

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """What is followed, as it is today."""

    name: str
    url: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of what can be followed: its words, and how its names are read for one reader, in one query."""

    label: _StrPromise
    one: _StrPromise
    icon: str
    read: Callable[[User, Collection[int]], dict[int, Place]]


def _threads(reader: User, ids: Collection[int]) -> dict[int, Place]:
    visible = Thread.objects.visible_to(reader).filter(pk__in=ids, state=ThreadState.VISIBLE)
    return {each.pk: Place(each.title, each.get_absolute_url(), each.language) for each in visible}


def _areas(reader: User, ids: Collection[int]) -> dict[int, Place]:
    visible = Area.objects.visible_to(reader).filter(pk__in=ids)
    return {each.pk: Place(str(each.title), each.get_absolute_url()) for each in visible}


def _tags(_reader: User, ids: Collection[int]) -> dict[int, Place]:
    found = Tag.objects.filter(pk__in=ids)
    return {each.pk: Place(each.name, reverse("community:tag", args=[each.slug])) for each in found}


def _products(_reader: User, ids: Collection[int]) -> dict[int, Place]:
    found = Product.objects.filter(pk__in=ids)
    return {each.pk: Place(str(each), reverse("community:product", args=[each.code])) for each in found}


def _people(_reader: User, ids: Collection[int]) -> dict[int, Place]:
    people = {each.pk: person_of(each) for each in User.objects.filter(pk__in=ids, is_active=True)}
    return {pk: Place(person.name, person.url) for pk, person in people.items()}


#: Beginning of the target → the kind. The keys of the address are the last words of these.
_KINDS: Final[dict[str, Kind]] = {
    "community.thread": Kind(
        pgettext_lazy("followed", "Threads"), pgettext_lazy("followed", "Thread"), "messages-square", _threads
    ),
    "community.area": Kind(
        pgettext_lazy("followed", "Areas"), pgettext_lazy("followed", "Area"), "layout-grid", _areas
    ),
    "community.tag": Kind(pgettext_lazy("followed", "Tags"), pgettext_lazy("followed", "Tag"), "hash", _tags),
    "community.product": Kind(
        pgettext_lazy("followed", "Devices"), pgettext_lazy("followed", "Device"), "package", _products
    ),
    "person": Kind(pgettext_lazy("followed", "Members"), pgettext_lazy("followed", "Member"), "user-round", _people),
}
_BY_WORD: Final = {target.rpartition(".")[2]: target for target in _KINDS}


@never_cache
@for_members
@require_http_methods(["GET", "HEAD", "POST"])
def follows(request: HttpRequest) -> HttpResponse:
    """Show what the person follows, newest first (``?kind=``, ``?before=``); a POST stops it, or takes that back.

    Two queries, and one for each kind on the page.
    """
    if request.method == "POST":
        return _change(request)
    person = person_in(request)
    word = request.GET.get("kind", "")
    beginnings = [_BY_WORD[word]] if word in _BY_WORD else list(_KINDS)
    wanted = Q()
    for beginning in beginnings:
        wanted |= Q(target__startswith=f"{beginning}:")
    own = Follow.objects.heard().filter(wanted, person=person).order_by("-pk")
    before = row_number(request.GET.get("before"))
    if before is not None:
        own = own.filter(pk__lt=before)
    some = list(own[: _ROWS + 1])
    shown = some[:_ROWS]
    places = _places(person, [each.target for each in shown])
    context = {
        "rows": [(each, _KINDS[each.kind], places.get(each.target)) for each in shown],
        "before": shown[-1].pk if len(some) > _ROWS else None,
        "here": before or "",
        "kind": word if word in _BY_WORD else "",
        "kinds": [(each, _KINDS[target].label) for each, target in _BY_WORD.items()],
        "gone": _gone(person, request.GET.get("gone", "")),
    }
    return render(request, "community/follows.html", context)


def _places(reader: User, targets: Collection[str]) -> dict[str, Place]:
    """Return by target what the reader may see of it; the rest is left out."""
    ids: dict[str, set[int]] = {}
    for target in targets:
        kind, _colon, key = target.partition(":")
        if kind in _KINDS and (pk := row_number(key)) is not None:
            ids.setdefault(kind, set()).add(pk)
    return {
        f"{kind}:{pk}": place for kind, some in ids.items() for pk, place in _KINDS[kind].read(reader, some).items()
    }


def _gone(person: User, target: str) -> tuple[str, Place] | None:
    """Return what was just unfollowed, to be followed again; None if it was not, or may not be seen."""
    if not target:
        return None
    place = _places(person, [target]).get(target)
    return (target, place) if place is not None and not is_following(person.pk, target) else None


def _change(request: HttpRequest) -> HttpResponse:
    person = person_in(request)
    if wait_seconds := rules.seconds_to_wait(request, "act"):
        return too_many_requests(request, wait_seconds)
    target = request.POST.get("target", "")
    kind, _colon, key = target.partition(":")
    if kind not in _KINDS or row_number(key) is None or target != f"{kind}:{row_number(key)}":
        raise Http404
    query: dict[str, Any] = {name: request.POST[name] for name in ("kind", "before") if request.POST.get(name)}
    if request.POST.get("on") == OFF:
        services.unfollow(person_id=person.pk, target=target)
        query["gone"] = target
    else:
        if not rules.can_take_part(person):
            raise PermissionDenied
        if target not in _places(person, [target]) or target == f"person:{person.pk}":
            raise Http404
        services.follow(person_id=person.pk, target=target)
    return HttpResponseRedirect(reverse("community:follows") + (f"?{urlencode(query)}" if query else ""))
