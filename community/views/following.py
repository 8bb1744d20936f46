"""Following places and people: whoever does hears of every new thread there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from community import rules
from community.models import Area, Tag
from community.notifications.common import area_target, person_target, product_target, tag_target
from community.services.texts import people_named
from community.views.acting import OFF
from community.views.common import for_members, person_in
from portal.catalog.models import Product
from portal.core.limits import too_many_requests
from portal.notifications import services

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def _area(request: HttpRequest, key: str) -> tuple[str, str]:
    area = Area.objects.visible_to(request.user).filter(slug=key).first()
    if area is None:
        raise Http404
    return area_target(area.pk), area.get_absolute_url()


def _tag(_request: HttpRequest, key: str) -> tuple[str, str]:
    tag = Tag.objects.filter(slug=key).first()
    if tag is None:
        raise Http404
    return tag_target(tag.pk), reverse("community:tag", args=[tag.slug])


def _product(_request: HttpRequest, key: str) -> tuple[str, str]:
    product = Product.objects.filter(code=key).first()
    if product is None:
        raise Http404
    return product_target(product.pk), reverse("community:product", args=[product.code])


def _person(request: HttpRequest, key: str) -> tuple[str, str]:
    person = next(iter(people_named([key]).values()), None)
    if person is None or person.pk == person_in(request).pk or not rules.can_see_person(request.user, person):
        raise Http404
    return person_target(person.pk), reverse("community:person", args=[person.handle])


#: What can be followed → how its target and its page are found.
_KINDS: Final[dict[str, Callable[[HttpRequest, str], tuple[str, str]]]] = {
    "area": _area,
    "tag": _tag,
    "product": _product,
    "person": _person,
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def follow_place(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Follow an area, a tag, a product or a member, or stop (``on=0``), and lead back to its page."""
    person = person_in(request)
    if kind not in _KINDS:
        raise Http404
    target, address = _KINDS[kind](request, key)
    if request.method != "POST":  # somebody had to sign in first
        return HttpResponseRedirect(address)
    if not rules.can_take_part(person):
        raise PermissionDenied
    if wait_seconds := rules.seconds_to_wait(request, "act"):
        return too_many_requests(request, wait_seconds)
    if request.POST.get("on") == OFF:
        services.unfollow(person_id=person.pk, target=target)
        messages.success(request, _("You no longer hear of new threads here."))
    else:
        services.follow(person_id=person.pk, target=target)
        messages.success(request, _("You will hear of new threads here."))
    return HttpResponseRedirect(address)
